"""The month as one value that holds every number of the SLA statement, exact and as it is printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from slo.figures import Figure
from slo.operations import Operations
from slo.slots import Slots

#: Of the shape and arithmetic below; a change that moves a number moves this.
VERSION = 2


class Verdict(StrEnum):
    """What the month comes to."""

    MET = "met"
    BREACHED = "breached"
    NOT_FINAL = "not_final"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A service in a region over the period, or several pooled; requests and minutes count the same cells.

    `attained` is good requests of all, `uptime` the minutes that were not down.  `downtime`, `unknown`,
    `excluded`, `no_traffic` and `imported` are minutes; of a pool each sums over its lines, but `downtime`
    counts the minutes in which any of them was down.  `shared` says that other tenants use it too.  `note` is
    empty or says why the numbers prove little.
    """

    service: str
    region: str
    placement: str
    target: Figure
    attained: Figure
    total: Figure
    bad: Figure
    budget_spent: Figure
    downtime: Figure
    uptime: Figure
    no_traffic: Figure
    unknown: Figure
    excluded: Figure
    imported: Figure
    coverage: Figure
    met: bool
    shared: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """A line with what exclusions leave out, and without: `raw` is as it was."""

    service: str
    region: str
    excluded: Figure
    attained: Figure
    attained_raw: Figure
    downtime: Figure
    downtime_raw: Figure
    uptime: Figure
    uptime_raw: Figure
    met: bool
    met_raw: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionLine:
    """An exclusion that touched the month: `windows` times, `minutes` summed over the placements it covers.

    `afterwards` says that it was entered when these windows had begun.
    """

    id: str
    reason: str
    approver: str
    clause: str
    created_at: datetime
    afterwards: bool
    first: datetime
    last: datetime
    windows: Figure
    minutes: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One calendar day of the contract's zone, pooled over the lines: what a chart draws."""

    date: str
    total: Figure
    bad: Figure
    downtime: Figure
    unknown: Figure
    coverage: Figure
    budget_left: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentLine:
    """An incident as the customer reads it, with the moments at which it took its turns."""

    id: str
    service: str
    regions: tuple[str, ...]
    opened_at: datetime
    acted_at: datetime | None = None
    recovered_at: datetime | None = None
    resolved_at: datetime | None
    cause: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLine:
    """One step of the credit's arithmetic: what it is, the formula with its numbers, and what comes out."""

    label: str
    formula: str
    value: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyLine:
    """The latency objective beside the promise: which part of the requests was quick enough."""

    threshold_s: str
    target: Figure
    attained: Figure
    total: Figure
    slow: Figure
    unknown: Figure
    coverage: Figure
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthLine:
    """A month of the trend as it was issued; `verdict` is empty where no statement was."""

    month: str
    verdict: str
    attained: Figure
    downtime: Figure
    credit: Figure
    revision: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs from the revision before."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A month's SLA result for a tenant, with the numbers that prove it.

    `start` and `end` are UTC moments, half open; `start_local`, `end_local` say them in the contract's zone.
    `revision` is None until it is issued, and `changes` say what is new since the one before.  `input_hash`
    is SHA-256 over the contract and all that its numbers rest on: equal hashes mean equal input.
    """

    version: int
    revision: int | None
    changes: tuple[Change, ...]
    verdict: Verdict
    sentence: str
    whose: str
    contract: str
    tenant: str
    display_name: str
    indicator: str
    measure: str
    scope: str
    unknown_counts: str
    month: str
    zone: str
    start: datetime
    end: datetime
    start_local: str
    end_local: str
    minutes: Figure
    issued_at: datetime
    target: Figure
    attained: Figure
    allowed: Figure
    totals: Line
    worst: Line
    regions: tuple[Line, ...]
    lines: tuple[Line, ...]
    both: tuple[Both, ...]
    exclusions: tuple[ExclusionLine, ...]
    days: tuple[Day, ...]
    hours: tuple[Slots, ...]
    strips: tuple[Slots, ...]
    best_case: Figure
    worst_case: Figure
    credit: Figure
    credit_amount: Figure
    credit_lines: tuple[CreditLine, ...]
    claim: str
    incidents: tuple[IncidentLine, ...]
    latency: LatencyLine | None
    trend: tuple[MonthLine, ...]
    operations: Operations | None
    method: tuple[str, ...]
    input_hash: str


def to_json(value: Statement) -> str:
    """Return the statement as canonical JSON: sorted keys, no spaces, exact numbers as integers or `n/d`."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Statement:
    """Return the statement that the text was made of."""
    made = restored(Statement, json.loads(text))
    assert isinstance(made, Statement)
    return made


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a statement holds
    """Return a value as what JSON knows."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return value.isoformat() if isinstance(value, datetime) else value


def restored(kind: Any, value: Any) -> Any:  # noqa: ANN401 - whatever a statement holds
    """Return a value of the kind that a field is declared as."""
    if value is None or kind in (str, int, bool):
        return value
    if kind is Figure:
        exact = value["exact"]
        return Figure(Fraction(exact) if isinstance(exact, str) else exact, value["text"])
    if get_origin(kind) is UnionType:
        (kind,) = (one for one in get_args(kind) if one is not type(None))
        return restored(kind, value)
    if get_origin(kind) is tuple:
        return tuple(restored(get_args(kind)[0], item) for item in value)
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**{name: restored(one, value[name]) for name, one in _hints(kind).items()})
    return datetime.fromisoformat(value) if kind is datetime else kind(value)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
