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
    """Answer no to all that is proposed or about to be done for an incident, or to one of it; anybody may."""
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
        switches = found.books.switches()
        if choice == "approve" and (switches.paused or switches.observe_only):
            state = "is paused" if switches.paused else "only observes"
            click.echo(f"Automation {state}: nothing is done until `fournines resume`.")


@click.command(epilog="Example: fournines pause --actor alice")
@click.option("--observe-only", is_flag=True, help="Let decisions go on, and only record what they would do.")
@_actor_option
@opened.config_option
def pause(actor: str | None, file: Path, *, observe_only: bool) -> None:
    """Pull the kill switch: from the next look on nothing is changed, until `resume`; watching goes on."""
    if not observe_only:
        _switch(file, actor, on=True)
        return
    with opened.visit(file) as found:
        who = actor or opened.login()
        changed = found.books.observe_only(on=True, actor=who, at=found.clock.now())
    click.echo(f"Automation only observes, by {who}." if changed else "Automation only observes already.")


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
        now = found.clock.now()
        changed = found.books.pause(on=on, actor=who, at=now)
        if not on:
            changed |= found.books.observe_only(on=False, actor=who, at=now)
    click.echo(f"Automation is {word}, by {who}." if changed else f"Automation is {word} already.")
