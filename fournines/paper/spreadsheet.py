"""A statement as one CSV table [RFC 4180]: every line, day, incident and step of the credit is a record."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from fournines.paper.sheet import OPERATION_FIGURES
from slo.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from slo.operations import Operations
    from slo.statement import Both, ExclusionLine, IncidentLine, LatencyLine, Line, MonthLine, Statement

Cell = str | Figure

COLUMNS = (
    "record", "statement", "tenant", "verdict", "service", "region", "date", "target", "attained", "total",
    "bad", "budget_spent", "downtime", "uptime", "no_traffic", "unknown", "excluded", "imported", "coverage",
    "budget_left", "met", "incident", "opened_at", "acted_at", "recovered_at", "resolved_at", "cause",
    "action", "label", "formula", "value", "note", "attained_raw", "downtime_raw", "uptime_raw", "met_raw",
    "exclusion", "approver", "clause", "created_at", "windows", "minutes", "before", "after", "revision",
    *OPERATION_FIGURES,
)  # fmt: skip

LINE_FIGURES = (
    "target", "attained", "total", "bad", "budget_spent", "downtime", "uptime", "no_traffic", "unknown",
    "excluded", "imported", "coverage",
)  # fmt: skip
DAY_FIGURES = ("total", "bad", "downtime", "unknown", "coverage", "budget_left")
SINGLE_FIGURES = (
    "attained", "target", "allowed", "minutes", "best_case", "worst_case", "credit", "credit_amount",
)  # fmt: skip
BOTH_FIGURES = (
    "excluded", "attained", "attained_raw", "downtime", "downtime_raw", "uptime", "uptime_raw",
)  # fmt: skip

#: A spreadsheet takes text that begins like this for a formula [OWASP, CSV injection].
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def text(statement: Statement) -> str:
    """Return the records under one heading; whole numbers without separators, the rest as printed."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    common: dict[str, Cell] = {
        "statement": f"{statement.contract}-{statement.month}",
        "tenant": statement.tenant,
        "verdict": statement.verdict.value,
    }
    for record in _records(statement):
        writer.writerow({key: _safe(cell) for key, cell in (common | record).items()})
    return out.getvalue()


def _safe(cell: Cell) -> str:
    """Write a figure as it is; put an apostrophe before foreign text that a spreadsheet would compute."""
    if isinstance(cell, Figure):
        digits = cell.text.replace(",", "")
        return digits if digits.isdigit() else cell.text
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _records(statement: Statement) -> Iterator[dict[str, Cell]]:
    yield from (_line("line", line) for line in statement.lines)
    yield from (_line("region", line) for line in statement.regions)
    yield _line("total", statement.totals)
    yield from map(_both, statement.both)
    yield from map(_exclusion, statement.exclusions)
    for day in statement.days:
        yield {"record": "day", "date": day.date, **_figures(day, DAY_FIGURES)}
    yield from map(_incident, statement.incidents)
    for step in statement.credit_lines:
        yield {"record": "credit", "label": step.label, "formula": step.formula, "value": step.value}
    yield from _latency(statement.latency)
    yield from _operations(statement.operations)
    yield from map(_month, statement.trend)
    for change in statement.changes:
        yield {"record": "change", "label": change.what, "before": change.before, "after": change.after}
    for label, figure in _figures(statement, SINGLE_FIGURES).items():
        yield {"record": "figure", "label": label, "value": figure}
    for label, word in _words(statement):
        yield {"record": "word", "label": label, "note": word}


def _words(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield what is said in sentences, and what proves the rest."""
    yield "sentence", statement.sentence
    yield "whose", statement.whose
    yield "claim", statement.claim
    yield "issued_at", statement.issued_at.isoformat()
    yield "revision", "" if statement.revision is None else str(statement.revision)
    yield "input_hash", statement.input_hash
    yield from (("method", line) for line in statement.method)


def _incident(one: IncidentLine) -> dict[str, Cell]:
    return {
        "record": "incident",
        "incident": one.id,
        "service": one.service,
        "region": " ".join(one.regions),
        "opened_at": one.opened_at.isoformat(),
        "acted_at": _iso(one.acted_at),
        "recovered_at": _iso(one.recovered_at),
        "resolved_at": _iso(one.resolved_at),
        "cause": one.cause,
        "action": one.action,
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _both(one: Both) -> dict[str, Cell]:
    where = {"record": "both", "service": one.service, "region": one.region}
    return {**where, **_figures(one, BOTH_FIGURES), "met": _yes(one.met), "met_raw": _yes(one.met_raw)}


def _exclusion(one: ExclusionLine) -> dict[str, Cell]:
    return {
        "record": "exclusion",
        "exclusion": one.id,
        "approver": one.approver,
        "clause": one.clause,
        "created_at": one.created_at.isoformat(),
        "opened_at": one.first.isoformat(),
        "resolved_at": one.last.isoformat(),
        "windows": one.windows,
        "minutes": one.minutes,
        "label": "entered afterwards" if one.afterwards else "entered before",
        "note": one.reason,
    }


def _latency(one: LatencyLine | None) -> Iterator[dict[str, Cell]]:
    if one is not None:
        yield {
            "record": "latency",
            "label": f"{one.threshold_s} s",
            **_figures(one, ("target", "attained", "total", "unknown", "coverage")),
            "bad": one.slow,
            "met": _yes(one.met),
        }


def _operations(told: Operations | None) -> Iterator[dict[str, Cell]]:
    """Yield what else the month brought, and each kind of action by itself."""
    if told is None:
        return
    for line in (*told.services, *told.lines, told.totals):
        where: dict[str, Cell] = {"service": line.service, "region": line.region}
        yield {"record": "operations", **where, **_figures(line, OPERATION_FIGURES)}
        for one in line.actions:
            yield {"record": "action", **where, "action": one.name, "value": one.count}


def _month(one: MonthLine) -> dict[str, Cell]:
    return {
        "record": "month",
        "date": one.month,
        "label": one.verdict or "not_issued",
        **_figures(one, ("attained", "downtime")),
        "value": one.credit,
        "revision": "" if one.revision is None else str(one.revision),
    }


def _line(record: str, line: Line) -> dict[str, Cell]:
    words = {"record": record, "service": line.service, "region": line.region, "note": line.note}
    return {**words, **_figures(line, LINE_FIGURES), "met": _yes(line.met)}


def _yes(met: bool) -> str:  # noqa: FBT001 - it is what is said
    return "yes" if met else "no"


def _figures(value: object, names: tuple[str, ...]) -> dict[str, Cell]:
    return {name: getattr(value, name) for name in names}
