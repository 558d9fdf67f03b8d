"""What stands on a statement, in order, as text.  HTML and PDF only lay it out, so their numbers agree."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from slo.contracts import Measure
from slo.statement import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from slo.statement import Day, IncidentLine, Line, Statement


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what there is to say."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; `marked` asks for attention."""

    cells: tuple[str, ...]
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; `words` of its columns are text, the others are numbers and stand at the right."""

    columns: tuple[str, ...]
    words: int
    rows: tuple[Row, ...]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A statement as it is read from top to bottom."""

    title: str
    tenant: str
    verdict: Verdict
    word: str
    sentence: str
    headline: tuple[Fact, ...]
    course: str
    strip: str
    period: tuple[Fact, ...]
    lines: Table
    unseen: tuple[Fact, ...]
    credit: tuple[Fact, ...]
    incidents: Table
    days: Table
    method: tuple[str, ...]
    glossary: tuple[Fact, ...]
    provenance: tuple[Fact, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as what templates read."""
        return asdict(self)


WORDS = {
    Verdict.MET: "Met",
    Verdict.BREACHED: "Breached",
    Verdict.NOT_FINAL: "Not final",
    Verdict.INCOMPLETE: "Incomplete",
}

STRIP = (
    "A full upper column is as much downtime as the whole month allows; "
    "a hatched column is what could not be seen of the day."
)

GLOSSARY = (
    Fact("good of all", "Requests that were neither failed nor too slow, of all requests."),
    Fact("down", "Minutes in which more requests were bad than the contract tolerates in a minute."),
    Fact("unknown", "Minutes of which nothing could be learnt. They count neither as good nor as bad."),
    Fact("excluded", "Minutes of announced maintenance. They count on neither side."),
    Fact("imported", "Minutes that were measured elsewhere and read from a file."),
    Fact(
        "coverage",
        "Known minutes of all minutes so far. Below 100 % nobody can say that the promise was met.",
    ),
    Fact("not proven", "What is known keeps the promise, but not all is known."),
    Fact("budget", "The bad requests that the target allows; above 100 % spent, the promise is broken."),
)


def lay(statement: Statement) -> Sheet:
    """Return the statement as a sheet."""
    return Sheet(
        title=f"Service level statement {statement.month}",
        tenant=statement.display_name,
        verdict=statement.verdict,
        word=WORDS[statement.verdict],
        sentence=statement.sentence,
        headline=_headline(statement),
        course=_course(statement),
        strip=STRIP,
        period=_period(statement),
        lines=_lines(statement),
        unseen=_unseen(statement),
        credit=tuple(Fact(line.label, line.value.text) for line in statement.credit_lines),
        incidents=_incidents(statement.incidents),
        days=_days(statement.days),
        method=statement.method,
        glossary=GLOSSARY,
        provenance=(
            Fact("issued at", moment(statement.issued_at)),
            Fact("statement version", str(statement.version)),
            Fact("SHA-256 of the contract and every cell", statement.input_hash),
        ),
    )


def moment(at: datetime | None) -> str:
    """Say a moment to the minute, in UTC."""
    return "not yet" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def _headline(statement: Statement) -> tuple[Fact, ...]:
    worst = statement.worst
    return (
        Fact("attained", statement.attained.text),
        Fact("promised", statement.target.text),
        Fact("budget spent", statement.totals.budget_spent.text),
        Fact("down, anywhere", statement.totals.downtime.text),
        Fact("allowed, as total failure", statement.allowed.text),
        Fact("coverage", statement.totals.coverage.text),
        Fact("credit", statement.credit.text),
        Fact(f"worst, {worst.service} {worst.region}", worst.attained.text),
    )


def _period(statement: Statement) -> tuple[Fact, ...]:
    local = (
        Fact(f"from ({statement.zone})", statement.start_local),
        Fact(f"to ({statement.zone})", statement.end_local),
    )
    return (
        Fact("contract", statement.contract),
        Fact("tenant", statement.tenant),
        Fact("indicator", statement.indicator),
        Fact("measured in, compared", f"{statement.measure}, {statement.scope}"),
        Fact("from (UTC)", moment(statement.start)),
        Fact("to, not included (UTC)", moment(statement.end)),
        *(() if statement.zone == "UTC" else local),
        Fact("minutes of the month", statement.minutes.text),
    )


def _course(statement: Statement) -> str:
    """Say what the curve means: a budget of requests grows with them, one of minutes is the month's."""
    if even_pace(statement):
        return "What was left of the month's budget at the end of each day, beside an even pace (dashed)."
    return (
        "What was left of the error budget at the end of each day. It is a share of the requests so far, so "
        "good requests win some of it back. Below zero the promise is broken."
    )


def even_pace(statement: Statement) -> bool:
    """Whether the budget is a fixed amount, of which an even pace can be drawn."""
    return statement.measure == Measure.MINUTES


LINE_COLUMNS = (
    "service", "region", "verdict", "coverage", "good of all", "requests", "bad", "budget spent", "down",
    "minutes up", "no traffic", "unknown", "excluded", "imported", "note",
)  # fmt: skip


def _lines(statement: Statement) -> Table:
    met = "met so far" if statement.verdict is Verdict.NOT_FINAL else "met"
    rows = [_line(line, line.service, line.region, met) for line in statement.lines]
    total = _line(statement.totals, "all", "all", met)
    return Table(LINE_COLUMNS, 3, (*rows, total), "The contract names no service that was found.")


def _line(line: Line, service: str, region: str, met: str) -> Row:
    figures = (
        line.coverage, line.attained, line.total, line.bad, line.budget_spent, line.downtime, line.uptime,
        line.no_traffic, line.unknown, line.excluded, line.imported,
    )  # fmt: skip
    judged = met if line.met else "not met" if (line.budget_spent.exact or 0) > 1 else "not proven"
    return Row(
        (service, region, judged, *(figure.text for figure in figures), line.note), marked=not line.met
    )


def _unseen(statement: Statement) -> tuple[Fact, ...]:
    totals = statement.totals
    return (
        Fact("unknown minutes, summed over the lines", totals.unknown.text),
        Fact("excluded minutes, summed over the lines", totals.excluded.text),
        Fact("imported minutes, summed over the lines", totals.imported.text),
        Fact("minutes up if every unknown minute was good", statement.best_case.text),
        Fact("minutes up if every unknown minute was down", statement.worst_case.text),
    )


def _incidents(incidents: Iterable[IncidentLine]) -> Table:
    rows = tuple(
        Row(
            (
                one.id, one.service, ", ".join(one.regions), moment(one.opened_at), moment(one.resolved_at),
                one.cause, one.action or "none",
            )
        )
        for one in incidents
    )  # fmt: skip
    columns = ("incident", "service", "regions", "opened", "resolved", "cause", "action")
    return Table(columns, len(columns), rows, "No incident in this month.")


def _days(days: Iterable[Day]) -> Table:
    columns = ("day", "requests", "bad", "down", "unknown", "coverage", "budget left")
    rows = tuple(
        Row(
            (
                day.date,
                day.total.text,
                day.bad.text,
                day.downtime.text,
                day.unknown.text,
                day.coverage.text,
                day.budget_left.text,
            ),
            marked=bool(day.unknown.exact) or (day.budget_left.exact or 0) < 0,
        )
        for day in days
    )
    return Table(columns, 1, rows, "The month has no days.")
