"""What stands on a statement, in order, as text.  HTML and PDF only lay it out, so their numbers agree."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from slo.contracts import EVERY, Measure, Scope
from slo.figures import NOTHING
from slo.statement import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from slo.figures import Figure
    from slo.operations import OperationsLine
    from slo.statement import Both, Day, ExclusionLine, IncidentLine, LatencyLine, Line, Statement


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
    heat: str
    strips: str
    period: tuple[Fact, ...]
    whose: str
    regions: Table
    lines: Table
    unseen: tuple[Fact, ...]
    both: Table
    exclusions: Table
    credit: Table
    claim: str
    incidents: Table
    latency: tuple[Fact, ...]
    operations: Table
    operations_method: tuple[str, ...]
    trend: Table
    changes: Table
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

HEAT = (
    "One row a day, one column an hour of the contract's zone. A number is how many minutes were down; "
    "hatched is what could not be seen, a dashed frame what was excluded."
)
STRIPS = "The same by region and day: down where any of its services was."

GLOSSARY = (
    Fact("good of all", "Requests that were neither failed nor too slow, of all requests."),
    Fact("down", "Minutes in which more requests were bad than the contract tolerates in a minute."),
    Fact("unknown", "Minutes of which nothing could be learnt. They count neither as good nor as bad."),
    Fact("excluded", "Minutes that an exclusion of the contract covers. They count on neither side."),
    Fact("raw", "As it was, as if there were no exclusions."),
    Fact("imported", "Minutes that were measured elsewhere and read from a file."),
    Fact(
        "coverage",
        "Known minutes of all minutes so far. Below 100 % nobody can say that the promise was met.",
    ),
    Fact("not proven", "What is known keeps the promise, but not all is known."),
    Fact("budget", "The bad requests that the target allows; above 100 % spent, the promise is broken."),
    Fact("detected, acted", "When an incident was opened, and when the first action was carried out."),
    Fact("recovered, resolved", "When an action was seen to have helped, and when nothing rang any more."),
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
        heat=HEAT,
        strips=STRIPS,
        period=_period(statement),
        whose=statement.whose,
        regions=_regions(statement),
        lines=_lines(statement),
        unseen=_unseen(statement),
        both=_both(statement),
        exclusions=_exclusions(statement.exclusions),
        credit=_credit(statement),
        claim=statement.claim,
        incidents=_incidents(statement.incidents),
        latency=_latency(statement.latency),
        operations=_operations(statement),
        operations_method=statement.operations.method if statement.operations and _watched(statement) else (),
        trend=_trend(statement),
        changes=_changes(statement),
        days=_days(statement.days),
        method=statement.method,
        glossary=GLOSSARY,
        provenance=(
            Fact("issued at", moment(statement.issued_at)),
            Fact("revision", "not issued" if statement.revision is None else str(statement.revision)),
            Fact("statement version", str(statement.version)),
            Fact("SHA-256 of the contract and every cell", statement.input_hash),
        ),
    )


def moment(at: datetime | None) -> str:
    """Say a moment to the minute, in UTC."""
    return "not yet" if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def _headline(statement: Statement) -> tuple[Fact, ...]:
    worst, (which, compared) = statement.worst, _compared(statement)
    return (
        Fact(f"attained{which}", statement.attained.text),
        Fact("promised", statement.target.text),
        Fact(f"budget spent{which}", compared.budget_spent.text),
        Fact("down, anywhere", statement.totals.downtime.text),
        Fact("allowed, as total failure", statement.allowed.text),
        Fact("coverage", statement.totals.coverage.text),
        Fact("credit", _due(statement)),
        Fact(f"worst, {worst.service} {worst.region}", _measured(statement, worst).text),
    )


def _compared(statement: Statement) -> tuple[str, Line]:
    """Return the line whose figure is compared with the promise, and its name where it is not the whole."""
    match Scope(statement.scope):
        case Scope.WORST:
            return ", worst", statement.worst
        case Scope.PER_REGION if statement.regions:
            least = max(statement.regions, key=lambda line: line.budget_spent.exact or 0)
            return f", {least.region}", least
        case _:
            return "", statement.totals


def _measured(statement: Statement, line: Line | Both) -> Figure:
    """Return a line's figure by which the contract measures."""
    return line.uptime if statement.measure == Measure.MINUTES else line.attained


def _period(statement: Statement) -> tuple[Fact, ...]:
    local = (
        Fact(f"from ({statement.zone})", statement.start_local),
        Fact(f"to ({statement.zone})", statement.end_local),
    )
    return (
        Fact("contract", statement.contract),
        Fact("tenant", statement.tenant),
        Fact("indicator", statement.indicator),
        Fact("measured in, compared", f"{statement.measure}, {statement.scope.replace('_', ' ')}"),
        Fact("unknown minutes count", statement.unknown_counts),
        Fact("from (UTC)", moment(statement.start)),
        Fact("to, not included (UTC)", moment(statement.end)),
        *(() if statement.zone == "UTC" else local),
        Fact("minutes of the month", statement.minutes.text),
    )


def _course(statement: Statement) -> str:
    """Say what the curve means: a budget of requests grows with them, one of minutes is the month's."""
    whole = "" if statement.scope == Scope.POOLED else " It is that of all placements together."
    if statement.measure == Measure.MINUTES:
        means = "What was left of the month's budget at the end of each day, beside an even pace (dashed)."
    else:
        means = (
            "What was left of the error budget at the end of each day, beside an even pace (dashed). It is "
            "a share of the requests so far, so good ones win some of it back. Below zero the promise is "
            "broken."
        )
    return means + whole


LINE_COLUMNS = (
    "service", "region", "verdict", "coverage", "good of all", "requests", "bad", "budget spent", "down",
    "minutes up", "no traffic", "unknown", "excluded", "imported", "note",
)  # fmt: skip


def _due(statement: Statement) -> str:
    """Say a credit as an amount where charges are known, and as a share."""
    if statement.credit_amount.exact is None:
        return statement.credit.text
    return f"{statement.credit_amount} ({statement.credit})"


def _met(statement: Statement) -> str:
    return "met so far" if statement.verdict is Verdict.NOT_FINAL else "met"


def _regions(statement: Statement) -> Table:
    rows = [_line(line, "all", line.region, _met(statement)) for line in statement.regions]
    return Table(LINE_COLUMNS, 3, tuple(rows), "No region was found.")


def _lines(statement: Statement) -> Table:
    met = _met(statement)
    rows = [_line(line, line.service, line.region, met) for line in statement.lines]
    total = _line(statement.totals, "all", "all", met)
    return Table(LINE_COLUMNS, 3, (*rows, total), "The contract names no service that was found.")


def _line(line: Line, service: str, region: str, met: str) -> Row:
    figures = (
        line.coverage, line.attained, line.total, line.bad, line.budget_spent, line.downtime, line.uptime,
        line.no_traffic, line.unknown, line.excluded, line.imported,
    )  # fmt: skip
    judged = met if line.met else "not met" if (line.budget_spent.exact or 0) > 1 else "not proven"
    notes = ("shared" if line.shared else "", line.note)
    note = "; ".join(filter(None, notes))
    return Row((service, region, judged, *(figure.text for figure in figures), note), marked=not line.met)


def _both(statement: Statement) -> Table:
    columns = (
        "service", "region", "met", "met, raw", "excluded", "good of all", "good, raw", "down", "down, raw",
        "minutes up", "up, raw",
    )  # fmt: skip
    minutes = statement.measure == Measure.MINUTES
    rows = tuple(
        Row(
            (
                _all(one.service), _all(one.region),
                _judged(_measured(statement, one), statement.target, met=one.met),
                _judged(one.uptime_raw if minutes else one.attained_raw, statement.target, met=one.met_raw),
                one.excluded.text, one.attained.text, one.attained_raw.text, one.downtime.text,
                one.downtime_raw.text, one.uptime.text, one.uptime_raw.text,
            ),
            marked=one.met is not one.met_raw,
        )
        for one in statement.both
    )  # fmt: skip
    return Table(columns, 4, rows, "Nothing was counted.")


def _all(name: str) -> str:
    return "all" if name == EVERY else name


def _judged(figure: Figure, target: Figure, *, met: bool) -> str:
    """Say whether a promise was kept; what is known may keep it, and not all be known."""
    if met:
        return "yes"
    short = figure.exact is not None and target.exact is not None and figure.exact < target.exact
    return "no" if short else "not proven"


def _exclusions(exclusions: Iterable[ExclusionLine]) -> Table:
    columns = (
        "exclusion", "reason", "approver", "clause", "entered", "first", "last", "windows", "minutes",
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                one.id, one.reason, one.approver, one.clause, _entered(one), moment(one.first),
                moment(one.last), one.windows.text, one.minutes.text,
            ),
            marked=one.afterwards,
        )
        for one in exclusions
    )  # fmt: skip
    return Table(columns, 7, rows, "Nothing was excluded.")


def _entered(one: ExclusionLine) -> str:
    return f"{moment(one.created_at)}, {'afterwards' if one.afterwards else 'before'}"


def _credit(statement: Statement) -> Table:
    rows = tuple(Row((one.label, one.formula, one.value.text)) for one in statement.credit_lines)
    return Table(("step", "formula", "result"), 2, rows, "Nothing was promised.")


def _latency(latency: LatencyLine | None) -> tuple[Fact, ...]:
    if latency is None:
        return (Fact("latency objective", "The contract has none."),)
    return (
        Fact(f"answered within {latency.threshold_s} s", latency.attained.text),
        Fact("aimed for", latency.target.text),
        Fact("met", _judged(latency.attained, latency.target, met=latency.met)),
        Fact("requests", latency.total.text),
        Fact("slower", latency.slow.text),
        Fact("unknown minutes", latency.unknown.text),
        Fact("coverage", latency.coverage.text),
    )


OPERATION_FIGURES = (
    "due", "recorded", "task_hours", "spot_share", "untold", "savings", "fewest", "most", "bound_minimum",
    "bound_maximum", "deployments", "succeeded", "failed", "rolled_back", "rolled_back_by_us",
)  # fmt: skip


def _operations(statement: Statement) -> Table:
    columns = (
        "service", "region", "hours due", "recorded", "task-hours", "on Spot", "not told", "saved", "fewest",
        "most", "minimum", "maximum", "deployments", "succeeded", "failed", "rolled back", "by us", "actions",
    )  # fmt: skip
    told = statement.operations if _watched(statement) else None
    lines = () if told is None else (*told.services, *told.lines, told.totals)
    return Table(columns, 2, tuple(map(_operated, lines)), "Nothing is recorded: nobody watched it run.")


def _watched(statement: Statement) -> bool:
    """Whether anything is known of how services ran; a month that was only imported has no zeroes of it."""
    told = statement.operations
    if told is None:
        return False
    line = told.totals
    return bool(line.due.exact or line.deployments.exact or line.actions)


def _operated(line: OperationsLine) -> Row:
    figures = (getattr(line, name).text for name in OPERATION_FIGURES)
    actions = ", ".join(f"{one.count} {one.name}" for one in line.actions)
    return Row((_all(line.service), _all(line.region), *figures, actions))


def _trend(statement: Statement) -> Table:
    rows = tuple(
        Row(
            (
                one.month,
                WORDS[Verdict(one.verdict)] if one.verdict else "not issued",
                one.attained.text,
                one.downtime.text,
                one.credit.text,
                "" if one.revision is None else str(one.revision),
            ),
            marked=one.verdict == Verdict.BREACHED,
        )
        for one in statement.trend
    )
    return Table(("month", "verdict", "attained", "down", "credit", "revision"), 2, rows, "No months.")


def _changes(statement: Statement) -> Table:
    rows = tuple(Row((one.what, one.before, one.after)) for one in statement.changes)
    empty = "This is the first revision." if statement.revision else "Not issued yet."
    return Table(("what changed", "before", "now"), 3, rows, empty)


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
                one.id, one.service, ", ".join(one.regions), moment(one.opened_at),
                moment(one.acted_at) if one.acted_at else NOTHING,
                moment(one.recovered_at) if one.recovered_at else NOTHING, moment(one.resolved_at),
                one.cause, one.action or "none",
            )
        )
        for one in incidents
    )  # fmt: skip
    columns = (
        "incident", "service", "regions", "detected", "acted", "recovered", "resolved", "cause", "action",
    )  # fmt: skip
    return Table(columns, len(columns), rows, "No incident is recorded of this month.")


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
