"""The commands that answer: are these documents sound, what is left, what happened and why."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fournines.views.budget import BudgetRow
    from fournines.views.spent import SpentView
    from remediation.events.event import Event

#: Before anything that was ever kept.
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


@click.command(epilog="Example: fournines validate fournines.yaml policies.yaml runbooks/*.md")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--lenient", is_flag=True, help="Forgive OpenSLO where its specification contradicts itself.")
@opened.json_option
def validate(files: tuple[Path, ...], *, lenient: bool, as_json: bool) -> None:
    """Check configuration, OpenSLO, contracts, policies, exclusions, scenarios, runbooks; say what they mean.

    Each is known by its content.  Every error comes with file, line and path, and exit status 1.
    """
    from fournines.cli.validation import check  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.views import promise  # noqa: PLC0415

    found = check(files, lenient=lenient)
    sentences = [
        *map(promise.objective, dict.fromkeys(found.objectives)),
        *map(promise.composite, dict.fromkeys(found.composites)),
        *promise.conditions(found.objectives),
        *map(promise.contract, dict.fromkeys(found.contracts)),
        *map(promise.policy, dict.fromkeys(found.policies)),
        *map(promise.budget_policy, dict.fromkeys(found.budget_policies)),
        *map(promise.exclusion, dict.fromkeys(found.exclusions)),
    ]
    if as_json:
        shown.document(
            {"ok": not found.faults, "faults": found.faults, "promises": sentences, "notes": found.notes}
        )
    else:
        for fault in found.faults:
            click.echo(str(fault), err=True)
        faulty = {fault.file for fault in found.faults}
        for file, kinds in found.kinds.items():
            if file not in faulty:
                click.echo(f"{file}: {', '.join(sorted(kinds))}, sound")
        for line in (*sentences, *dict.fromkeys(f"note: {note}" for note in found.notes)):
            click.echo(line)
    sys.exit(1 if found.faults else 0)


@click.command(epilog="Example: fournines budget --spent --at 2026-11-23T12:00Z")
@click.option("--at", type=opened.Moment(), help="As it was then, ISO 8601; without a zone, UTC.")
@click.option("--spent", "who", is_flag=True, help="Who spent it: incidents, deployments, and regions.")
@opened.config_option
@opened.json_option
def budget(at: datetime | None, file: Path, *, who: bool, as_json: bool) -> None:
    """Print every budget, worst first: SLI, what is left, burn, coverage, forecast; or who spent it.

    Those of contracts come first, then services over all of their regions, then each placement.
    """
    from fournines.views.overview import Overview  # noqa: PLC0415 - what is heavy waits until it is needed
    from slo.cells import minute_of, moment_of  # noqa: PLC0415

    with opened.visit(file) as found:
        now = found.clock.now()
        if at is not None and at > now:
            raise Trouble(f"--at {at:%Y-%m-%dT%H:%MZ} lies in the future: it is {now:%Y-%m-%dT%H:%MZ}")
        moment = at or now
        ledger = found.books.ledger_as_of(minute_of(moment))
        board = found.board()
        promises = board.promises(moment)
        seen = Overview() if who else board.overview_of(ledger, moment, promises)
        views = board.spent_of(ledger, moment, promises) if who else ()
    if as_json:
        shown.document(seen.as_json() + [view.as_json() for view in views])
        return
    if not (seen.rows or views) or ledger.newest is None:
        raise Trouble(
            "no minute is known: run `fournines serve`, or bring history in with `fournines import`"
        )
    if who:
        _spent(views)
    else:
        _budgets(seen.rows)
    for composite in seen.composites:
        click.echo(composite.sentence)
    newest = moment_of(ledger.newest + 1)
    click.echo(
        f"\nThe newest known minute ended {newest:%Y-%m-%d %H:%M} UTC, "
        f"{max(0, int((moment - newest).total_seconds())) // 60} min before. "
        "Unknown minutes are neither good nor bad."
    )


BUDGET = (
    "Objective", "Service", "Region", "State", "SLI", "Left", "Left in requests", "Left as time",
    "By minutes", "Bad minutes", "5m", "1h", "6h", "1d", "3d", "Spent in", "Known",
)  # fmt: skip
BUDGET_NUMBERS = frozenset(BUDGET[4:])
#: What is said above each group of budgets.
GROUPS = {
    "contract": "Contracts, this month",
    "service": "Services, all of their regions together",
    "placement": "Each region by itself",
}


def _budgets(rows: Sequence[BudgetRow]) -> None:
    """Print each group of budgets under its title, where there are several."""
    from fournines.views.budget import ASSUMED  # noqa: PLC0415 - what is heavy waits until it is needed

    for scope, title in GROUPS.items():
        lines = [_budget(row) for row in rows if row.scope == scope]
        if lines:
            click.echo(f"{title}\n" if scope == "contract" or len(rows) == len(lines) else f"\n{title}\n")
            shown.table(BUDGET, lines, right=BUDGET_NUMBERS)
    click.echo(f"\n`Spent in` says when a budget will be gone {ASSUMED}.")
    for row in rows:
        if row.excluded:
            click.echo(f"{row.objective} of {row.service}, {row.where}: {row.excluded}.")
        if row.scope == "placement" and row.doubted:
            click.echo(
                f"The numbers of {row.service} in {row.where} do not add up: see `fournines incidents`."
            )


def _budget(row: BudgetRow) -> tuple[str, ...]:
    return (
        row.objective,
        row.service,
        row.where,
        row.state,
        row.sli,
        row.left,
        row.left_count,
        row.left_minutes,
        row.good_minutes,
        row.bad_minutes,
        *row.burn.values(),
        row.exhausted_in,
        row.coverage,
    )


SPENT = ("Objective", "Service", "Spent by", "Bad", "Of the budget", "Minutes")


def _spent(views: Sequence[SpentView]) -> None:
    """Print who spent each budget and where, as far as anything of it was spent."""
    lines = [
        (view.budget.objective, view.who, row.sentence, row.bad, row.of_budget, f"{row.part.minutes:,}")
        for view in views
        for row in (*view.spenders, *view.regions)
    ]
    if lines:
        shown.table(SPENT, lines, right=frozenset(SPENT[3:]))
        click.echo("\nSpenders add up to the whole, and so do regions.")
    else:
        click.echo("Nothing was spent of any budget.")


@click.command(epilog="Example: fournines incidents --all --json")
@click.option("--all", "everything", is_flag=True, help="All that were ever kept, not only the last 30 days.")
@opened.config_option
@opened.json_option
def incidents(file: Path, *, everything: bool, as_json: bool) -> None:
    """List the incidents of the last 30 days, newest first."""
    with opened.visit(file) as found:
        views = found.board().incidents(since=_ALWAYS if everything else None)
        switches = found.books.switches()
    if as_json:
        shown.document([view.as_json() for view in views])
        return
    if switches.paused:
        click.echo("Automation is paused by the kill switch, until `fournines resume`.\n")
    elif switches.observe_only:
        click.echo("Automation only observes, until `fournines resume`.\n")
    if not views:
        click.echo("No incident." if everything else "No incident in the last 30 days.")
        return
    shown.table(
        ("Incident", "State", "Severity", "Where", "Opened", "Over", "Cause", "What fournines does about it"),
        [
            (
                view.incident.id,
                str(view.incident.phase),
                str(view.incident.severity),
                view.regions,
                _time(view.incident.opened_at),
                _time(view.incident.resolved_at),
                str(view.incident.cause or "-"),
                view.automation,
            )
            for view in views
        ],
    )


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


@click.command(epilog="Example: fournines explain course-catalog-20261123-1216")
@click.argument("incident")
@opened.config_option
@opened.json_option
def explain(incident: str, file: Path, *, as_json: bool) -> None:
    """Say why something was done or not: the evidence, each guard with its numbers, and all that happened."""
    with opened.visit(file) as found:
        board = found.board()
        view = board.incident(incident)
        if view is None:
            known = ", ".join(one.incident.id for one in board.incidents()[:5])
            newest = f"the newest are {known}" if known else "there is none at all"
            raise Trouble(f"there is no incident {incident!r}: {newest}")
    if as_json:
        shown.document(view.as_json())
    else:
        click.echo("\n".join(view.explain()))


@click.group()
def events() -> None:
    """Read raw AWS events."""


@events.command("parse", epilog="Example: fournines events parse event.json - < queue.jsonl")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")
@opened.json_option
def parse_events(files: tuple[str, ...], *, as_json: bool) -> None:
    """Say in a sentence what fournines understands of each event; what it does not know says why.

    A file holds one event, a JSON list of them, one in each line, or what `aws sqs receive-message` printed;
    `-` is the standard input.
    """
    from remediation.events.describe import describe  # noqa: PLC0415 - what is heavy waits until it is needed
    from remediation.events.parse import parse  # noqa: PLC0415

    read = [(file, parse(body)) for file in files for body in _bodies(file)]
    if as_json:
        shown.document([_event(file, event, describe(event)) for file, event in read])
        return
    for file, event in read:
        click.echo(f"{file}: {describe(event)}" if len(files) > 1 else describe(event))


def _bodies(file: str) -> Iterator[str]:
    """Yield the events of a file as raw bodies, as a queue would deliver them."""
    try:
        with click.open_file(file, encoding="utf-8") as lines:
            text = lines.read()
    except OSError as problem:
        raise Trouble(f"{file} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise Trouble(f"{file} cannot be read: not UTF-8 text, {problem.reason}") from None
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        rows = [line for line in text.splitlines() if line.strip()]
        one_a_line = len(rows) > 1 and all(line.lstrip().startswith("{") for line in rows)
        yield from rows if one_a_line else [text]
        return
    messages = whole.get("Messages") if isinstance(whole, dict) else None
    if isinstance(messages, list):
        yield from (str(one.get("Body", "")) for one in messages if isinstance(one, dict))
    else:
        yield from (json.dumps(item) for item in whole) if isinstance(whole, list) else [text]


def _event(file: str, event: Event, sentence: str) -> dict[str, object]:
    return {"file": file, "kind": event.kind, "sentence": sentence, "event": event}
