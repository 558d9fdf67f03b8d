"""The month as one value that holds every number of the SLA statement, exact and as it is printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from slo.figures import Figure

#: Of the shape and arithmetic below; a change that moves a number moves this.
VERSION = 1


class Verdict(StrEnum):
    """What the month comes to."""

    MET = "met"
    BREACHED = "breached"
    NOT_FINAL = "not_final"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A service in a region over the period, or several pooled; requests and minutes count the same cells.

    `attained` is good requests of all, `uptime` the known minutes that were not down.  `downtime`, `unknown`,
    `excluded`, `no_traffic` and `imported` are minutes; of a pool each sums over its lines, but `downtime`
    counts the minutes in which any of them was down.  `note` is empty or says why the numbers prove little.
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
    note: str


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
    """An incident as the customer reads it."""

    id: str
    service: str
    regions: tuple[str, ...]
    opened_at: datetime
    resolved_at: datetime | None
    cause: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLine:
    """One step of the credit's arithmetic, in words."""

    label: str
    value: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A month's SLA result for a tenant, with the numbers that prove it.

    `start` and `end` are UTC moments, half open; `start_local`, `end_local` say them in the contract's zone.
    `input_hash` is SHA-256 over the contract and every cell that was read: equal hashes mean equal input.
    """

    version: int
    verdict: Verdict
    sentence: str
    contract: str
    tenant: str
    display_name: str
    indicator: str
    measure: str
    scope: str
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
    lines: tuple[Line, ...]
    days: tuple[Day, ...]
    best_case: Figure
    worst_case: Figure
    credit: Figure
    credit_lines: tuple[CreditLine, ...]
    incidents: tuple[IncidentLine, ...]
    method: tuple[str, ...]
    input_hash: str


def to_json(value: Statement) -> str:
    """Return the statement as canonical JSON: sorted keys, no spaces, exact numbers as integers or `n/d`."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever a statement holds
    """Return a value as what JSON knows."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return value.isoformat() if isinstance(value, datetime) else value
