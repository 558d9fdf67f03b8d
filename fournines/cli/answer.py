"""The commands that answer and switch: what the Slack buttons do, from a shell."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - click gives it
from typing import TYPE_CHECKING

import click

from fournines.cli import opened

if TYPE_CHECKING:
    from fournines.answers import Choice

_actor_option = click.option(
    "--actor", help="Who says so, as the policy's approvers are named; without it, who is logged in."
)
_placement_option = click.option(
    "--placement", help="Which question, where several wait: account/region/cluster/service, or the region."
)


@click.command(epilog="Example: fournines approve course-catalog-20261123-1216 --actor alice")
@click.argument("incident")
@_placement_option
@_actor_option
@opened.config_option
def approve(incident: str, placement: str | None, actor: str | None, file: Path) -> None:
    """Answer yes to the action that is proposed for an incident; the running service carries it out."""
    _give(file, incident, "approve", actor, placement=placement)


@click.command(epilog='Example: fournines hold course-catalog-20261123-1216 --reason "the vendor is on it"')
@click.argument("incident")
@click.option("--reason", default="", help="Why; kept in the journal.")
@_placement_option
@_actor_option
@opened.config_option
def hold(incident: str, reason: str, placement: str | None, actor: str | None, file: Path) -> None:
    """Answer no to all that is proposed for an incident, or to one of it; anybody may."""
    _give(file, incident, "hold", actor, placement=placement, reason=reason)


def _give(  # noqa: PLR0913 - all that may be said with an answer
    file: Path,
    incident: str,
    choice: Choice,
    actor: str | None,
    *,
    placement: str | None,
    reason: str = "",
) -> None:
    from fournines.answers import Word, give  # noqa: PLC0415 - what is heavy waits until it is needed

    with opened.visit(file) as found:
        word = Word(choice, actor or opened.login(), found.clock.now(), reason, placement)
        for sentence in give(found.books, incident, word):
            click.echo(sentence)
        if choice == "approve" and found.books.runs.paused():
            click.echo("Automation is paused: nothing is done until `fournines resume`.")


@click.command(epilog="Example: fournines pause --actor alice")
@_actor_option
@opened.config_option
def pause(actor: str | None, file: Path) -> None:
    """Pull the kill switch: from the next look on nothing is changed, until `resume`; watching goes on."""
    _switch(file, actor, on=True)


@click.command(epilog="Example: fournines resume")
@_actor_option
@opened.config_option
def resume(actor: str | None, file: Path) -> None:
    """Release the kill switch: automation may act again, as its policies say."""
    _switch(file, actor, on=False)


def _switch(file: Path, actor: str | None, *, on: bool) -> None:
    word = "paused" if on else "running"
    with opened.visit(file) as found:
        who = actor or opened.login()
        changed = found.books.pause(on=on, actor=who, at=found.clock.now())
    click.echo(f"Automation is {word}, by {who}." if changed else f"Automation is {word} already.")
