"""May this be deployed now: for pipelines, and for people who must deploy all the same."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - click gives it
from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from datetime import timedelta

    from fournines.cli.opened import Opened
    from fournines.views.gate import GateView

#: Neither yes nor no: also where there is no such service, or nothing can be asked.
UNKNOWN = 2


class Span(click.ParamType["timedelta"]):
    """A duration such as 30m or 2h."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a duration that an override may last, or say what was expected."""
        from slo import durations  # noqa: PLC0415 - what is heavy waits until it is needed
        from slo.gate import OVERRIDE_MAX  # noqa: PLC0415

        found = durations.parse(value)
        if not found or found > OVERRIDE_MAX:
            self.fail(f"expected a duration such as 30m or 2h, 24h at most, got {value!r}", param, ctx)
        return found


@click.command(epilog="Example: fournines gate --service payment --region eu-west-1")
@click.option("--service", required=True, help="What is to be deployed.")
@click.option("--region", help="Where; without it in all regions of the service, and the worst counts.")
@click.option("--task-definition", help="What is to be deployed: an ARN, or FAMILY:REVISION.")
@click.option("--digest", "digests", multiple=True, help="And the digest of its image; may be repeated.")
@click.option("--override", is_flag=True, help="Let it pass all the same, for a while.")
@click.option("--revoke", is_flag=True, help="Take an override back.")
@click.option("--release", is_flag=True, help="Release what is named from quarantine.")
@click.option("--for", "lasts", type=Span(), help="How long an override holds, at most 24h.")
@click.option("--who", help="Who overrides, takes back or releases; without it, who is logged in.")
@click.option("--why", help="Why; kept in the journal and told with every answer.")
@opened.config_option
@opened.json_option
def gate(  # noqa: PLR0913 - all that may be said to a gate
    *,
    service: str,
    region: str | None,
    task_definition: str | None,
    digests: tuple[str, ...],
    override: bool,
    revoke: bool,
    release: bool,
    lasts: timedelta | None,
    who: str | None,
    why: str | None,
    file: Path,
    as_json: bool,
) -> None:
    """Say whether a service may be deployed now, and why: exit status 0 yes, 1 no, 2 nobody knows.

    An override turns a no into a yes until it ends, and is journaled; exit status 0 when it is kept.
    What is in quarantine no override lets pass: a person releases it.
    """
    if override + revoke + release > 1:
        raise click.UsageError("an override is given or taken back, or a quarantine ended: one at once")
    if override and not (lasts and why and why.strip()):
        raise click.UsageError("an override says --for how long and --why")
    if who is not None and not who.strip():
        raise click.UsageError("--who is a name")
    names = _names(task_definition, digests)
    if release and not (names and why and why.strip()):
        raise click.UsageError("a release says what (--task-definition or --digest) and --why")
    if (lasts and not override) or (why and not (override or release)):
        raise click.UsageError("--for and --why belong to --override, --why to --release")
    try:
        with opened.visit(file) as found:
            view = found.board().gate(service, region or None, names)
            told = None
            if override and lasts and why:
                told = _override(found, view, lasts, who or _login(), why)
            elif revoke:
                told = _revoke(found, view, who or _login())
            elif release and why:
                told = _release(found, view, names, who or _login(), why)
            view = found.board().gate(service, region or None, names) if told else view
    except Trouble as trouble:
        click.echo(str(trouble), err=True)
        sys.exit(UNKNOWN)
    _show(view, told, as_json=as_json)
    sys.exit(0 if told else view.exit_status)


def _login() -> str:
    return opened.login("--who")


def _override(found: Opened, view: GateView, lasts: timedelta, who: str, why: str) -> str:
    from fournines.overriding import give  # noqa: PLC0415 - what is heavy waits until it is needed
    from slo.gate import Override  # noqa: PLC0415

    now = found.clock.now()
    verdict = view.verdict
    return give(
        found.books,
        Override(
            service=verdict.service, region=verdict.region, who=who, why=why, since=now, until=now + lasts
        ),
    )


def _revoke(found: Opened, view: GateView, who: str) -> str:
    from fournines.overriding import revoke  # noqa: PLC0415 - what is heavy waits until it is needed

    return revoke(found.books, view.verdict.service, view.verdict.region, who, found.clock.now())


def _names(task_definition: str | None, digests: tuple[str, ...]) -> frozenset[str]:
    from remediation.quarantine import named  # noqa: PLC0415 - what is heavy waits until it is needed

    try:
        return named(task_definition, digests)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None


def _release(found: Opened, view: GateView, names: frozenset[str], who: str, why: str) -> str:
    from fournines.quarantining import release  # noqa: PLC0415 - what is heavy waits until it is needed

    placements = frozenset(place for row in view.rows for place in row.finding.placements)
    held = [one for one in found.books.revisions.quarantined() if one.held]
    meant = [one for one in held if one.named_by(names, placements)]
    return release(found.books, meant, who, why, found.clock.now())


def _show(view: GateView, told: str | None, *, as_json: bool) -> None:
    if as_json:
        shown.document(view.as_json())
        return
    if told:
        click.echo(told)
    click.echo(f"{view.answer}: {view.sentence}\n")
    shown.table(
        ("Answer", "Where", "Reason", "What was found"),
        [(row.answer, row.where, row.reason, row.finding.sentence) for row in view.rows],
    )
