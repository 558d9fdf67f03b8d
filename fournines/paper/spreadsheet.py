"""A statement as one CSV table [RFC 4180]: every line, day, incident and step of the credit is a record."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from slo.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slo.statement import Line, Statement

Cell = str | Figure

COLUMNS = (
    "record", "statement", "tenant", "verdict", "service", "region", "date", "target", "attained", "total",
    "bad", "budget_spent", "downtime", "uptime", "no_traffic", "unknown", "excluded", "imported", "coverage",
    "budget_left", "met", "incident", "opened_at", "resolved_at", "cause", "action", "label", "value", "note",
)  # fmt: skip

LINE_FIGURES = (
    "target", "attained", "total", "bad", "budget_spent", "downtime", "uptime", "no_traffic", "unknown",
    "excluded", "imported", "coverage",
)  # fmt: skip
DAY_FIGURES = ("total", "bad", "downtime", "unknown", "coverage", "budget_left")
SINGLE_FIGURES = ("attained", "target", "allowed", "minutes", "best_case", "worst_case", "credit")

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
    yield _line("total", statement.totals)
    for day in statement.days:
        yield {"record": "day", "date": day.date, **_figures(day, DAY_FIGURES)}
    for one in statement.incidents:
        yield {
            "record": "incident",
            "incident": one.id,
            "service": one.service,
            "region": " ".join(one.regions),
            "opened_at": one.opened_at.isoformat(),
            "resolved_at": one.resolved_at.isoformat() if one.resolved_at else "",
            "cause": one.cause,
            "action": one.action,
        }
    for step in statement.credit_lines:
        yield {"record": "credit", "label": step.label, "value": step.value}
    for label, figure in _figures(statement, SINGLE_FIGURES).items():
        yield {"record": "figure", "label": label, "value": figure}


def _line(record: str, line: Line) -> dict[str, Cell]:
    words = {"record": record, "service": line.service, "region": line.region, "note": line.note}
    return {**words, **_figures(line, LINE_FIGURES), "met": "yes" if line.met else "no"}


def _figures(value: object, names: tuple[str, ...]) -> dict[str, Cell]:
    return {name: getattr(value, name) for name in names}
