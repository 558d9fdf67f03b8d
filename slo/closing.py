"""Closing a month: from the cells of a contract's placements to its statement.  Every number is made here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from slo import figures
from slo.cells import Indicator, Placement, Sli, minute_of
from slo.contracts import EVERY, Contract, Measure, Scope
from slo.figures import Figure
from slo.months import Month, Stretch
from slo.statement import VERSION, CreditLine, Day, IncidentLine, Line, Statement, Verdict, plain
from slo.tally import History, Tallied, Tally, tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class _Month:
    """Everything the statement is computed from."""

    contract: Contract
    month: Month
    period: Stretch
    so_far: Stretch
    placements: tuple[tuple[str, str, Placement | None], ...]
    tallied: Tallied
    imported: Mapping[Sli, int]
    coarse: int

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.contract.zone)

    @property
    def pool(self) -> Tally:
        return self.tallied.pool.tally(self.contract.indicator.scale)

    def value(self, part: Tally) -> Fraction | None:
        """Return the figure that the contract measures by."""
        return part.attained if self.contract.measure is Measure.REQUESTS else part.uptime

    @property
    def worst(self) -> int | None:
        """The column that attained least; of equals the one with more bad requests."""
        parts = self.tallied.parts
        return min(
            range(len(parts)),
            key=lambda column: (_or_perfect(self.value(parts[column])), -parts[column].bad),
            default=None,
        )

    @property
    def judged(self) -> Tally:
        """The tally that the contract compares with its target."""
        if self.contract.scope is Scope.POOLED or self.worst is None:
            return self.pool
        return self.tallied.parts[self.worst]


def statement(  # noqa: PLR0913 - a statement is made of all of these
    contract: Contract,
    month: Month,
    history: History,
    placements: Iterable[Placement],
    *,
    now: datetime,
    incidents: Sequence[IncidentLine] = (),
    imported: Mapping[Sli, int] | None = None,
    coarse: int = 0,
) -> Statement:
    """Return a month's statement from the cells of the contract's placements.

    `placements` are all that are known; `imported` says how many minutes of an SLI somebody else measured,
    `coarse` how many minutes of all are shares of sums over five.
    """
    zone = ZoneInfo(contract.zone)
    period = month.stretch(zone)
    so_far = period.until(minute_of(now))
    promised = tuple(_promised(contract, placements))
    slis = [None if where is None else Sli(where, contract.indicator) for _, _, where in promised]
    tallied = tally(contract, slis, history, so_far)
    data = _Month(contract, month, period, so_far, promised, tallied, imported or {}, coarse)
    return _statement(data, now, tuple(incidents))


def _promised(
    contract: Contract, placements: Iterable[Placement]
) -> Iterator[tuple[str, str, Placement | None]]:
    """Yield what the promise includes, sorted; what it names and nobody found has no placement."""
    found = sorted(
        {one for one in placements if contract.covers(one)}, key=lambda p: (p.service, p.region, p)
    )
    there = {(one.service, one.region) for one in found}
    missing = [
        (service, region, None) for service, region in contract.named if (service, region) not in there
    ]
    rows = [*((one.service, one.region, one) for one in found), *missing]
    yield from sorted(rows, key=lambda row: (row[0], row[1]))


def _statement(data: _Month, now: datetime, incidents: tuple[IncidentLine, ...]) -> Statement:
    contract, period, judged = data.contract, data.period, data.judged
    verdict, target = _verdict(data, now), Fraction(data.contract.target)
    lines = tuple(_line(data, column) for column in range(len(data.placements)))
    totals = _totals(data)
    credit, credit_lines = _credit(data, verdict)
    return Statement(
        version=VERSION,
        verdict=verdict,
        sentence=_sentence(data, verdict),
        contract=contract.id,
        tenant=contract.tenant,
        display_name=contract.display_name,
        indicator=contract.indicator.value,
        measure=contract.measure.value,
        scope=contract.scope.value,
        month=str(data.month),
        zone=contract.zone,
        start=period.starts_at,
        end=period.ends_at,
        start_local=period.starts_at.astimezone(data.zone).isoformat(),
        end_local=period.ends_at.astimezone(data.zone).isoformat(),
        minutes=figures.count(len(period)),
        issued_at=now,
        target=figures.target(target),
        attained=figures.attained(data.value(judged)),
        allowed=figures.allowance((1 - target) * len(period)),
        totals=totals,
        worst=totals if data.worst is None else lines[data.worst],
        lines=lines,
        days=tuple(_days(data)),
        best_case=figures.attained(judged.uptime_if_unknown(down=False)),
        worst_case=figures.attained(judged.uptime_if_unknown(down=True)),
        credit=credit,
        credit_lines=credit_lines,
        incidents=incidents,
        method=_method(contract, data.coarse),
        input_hash=_input_hash(data),
    )


def _verdict(data: _Month, now: datetime) -> Verdict:
    """Compare exactly, before anything is rounded; equality is met, and what was not seen is never met."""
    if now < data.period.ends_at:
        return Verdict.NOT_FINAL
    value = data.value(data.judged)
    if value is not None and value < Fraction(data.contract.target):
        return Verdict.BREACHED
    if not data.placements or any(part.unknown for part in data.tallied.parts):
        return Verdict.INCOMPLETE
    return Verdict.MET


def _sentence(data: _Month, verdict: Verdict) -> str:
    """Say the verdict with its figures."""
    value, target = data.value(data.judged), Fraction(data.contract.target)
    attained, promised = figures.attained(value), figures.target(target)
    whose = "all placements pooled" if data.contract.scope is Scope.POOLED else "the worst placement"
    coverage = figures.attained(_cells(data).coverage)
    said = f"{attained} of {data.contract.measure} were good over {whose}; {promised} is promised"
    match verdict:
        case Verdict.MET:
            return f"Met: {said}."
        case Verdict.BREACHED:
            return f"Breached: {said}.  Coverage is {coverage}."
        case Verdict.NOT_FINAL:
            return f"Not final, the month has not ended: so far {said}.  Coverage is {coverage}."
        case Verdict.INCOMPLETE:
            return f"Incomplete: {coverage} of the minutes are known, too few to say met; of them, {said}."


def _line(data: _Month, column: int) -> Line:
    service, region, placement = data.placements[column]
    sli = data.tallied.slis[column]
    part = data.tallied.parts[column]
    imported = 0 if sli is None else data.imported.get(sli, 0)
    where = (service, region, "" if placement is None else str(placement))
    return _said(data, part, where, imported, _note(data, part, missing=placement is None))


def _totals(data: _Month) -> Line:
    """Return the pool's line; minutes that are no downtime are summed over the placements."""
    cells, pool = _cells(data), data.pool
    imported = sum(data.imported.get(sli, 0) for sli in data.tallied.slis if sli is not None)
    return replace(
        _said(data, pool, (EVERY, EVERY, ""), imported, _note(data, pool, missing=False)),
        coverage=figures.attained(cells.coverage),
        no_traffic=figures.count(cells.no_traffic),
        unknown=figures.count(cells.unknown),
        excluded=figures.count(cells.excluded),
    )


def _said(data: _Month, part: Tally, where: tuple[str, str, str], imported: int, note: str) -> Line:
    target, value = Fraction(data.contract.target), data.value(part)
    service, region, placement = where
    return Line(
        service=service,
        region=region,
        placement=placement,
        target=figures.target(target),
        attained=figures.attained(part.attained),
        total=figures.count(part.total),
        bad=figures.count(part.bad, worse_when_more=True),
        budget_spent=figures.spent(None if value is None else (1 - value) / (1 - target)),
        downtime=figures.lost(part.down),
        uptime=figures.attained(part.uptime),
        no_traffic=figures.count(part.no_traffic),
        unknown=figures.count(part.unknown),
        excluded=figures.count(part.excluded),
        imported=figures.count(imported),
        coverage=figures.attained(part.coverage),
        met=value is not None and value >= target and not part.unknown,
        note=note,
    )


def _note(data: _Month, part: Tally, *, missing: bool) -> str:
    if missing:
        return "promised, and no such service was found"
    if part.total * (1 - Fraction(data.contract.target)) < 1:
        return "insufficient volume: a single failed request breaks the promise"
    return ""


def _cells(data: _Month) -> Tally:
    """Return the sum over all columns, in which a minute counts once per placement."""
    parts = data.tallied.parts
    return replace(
        data.pool,
        elapsed=sum(part.elapsed for part in parts),
        down=sum(part.down for part in parts),
        unknown=sum(part.unknown for part in parts),
        excluded=sum(part.excluded for part in parts),
        no_traffic=sum(part.no_traffic for part in parts),
    )


def _days(data: _Month) -> Iterator[Day]:
    """Yield each calendar day of the month; one that has not begun counts nothing."""
    tallied, scale = data.tallied, data.contract.indicator.scale
    allowed = 1 - Fraction(data.contract.target)
    for day, stretch in data.month.days(data.zone):
        rows = slice(
            *(data.so_far.until(minute).end - data.period.start for minute in (stretch.start, stretch.end))
        )
        part, to_date = tallied.pool.tally(scale, rows), tallied.pool.tally(scale, slice(rows.stop))
        unknown, due = int(tallied.unknown_cells[rows].sum()), int(tallied.due_cells[rows].sum())
        spent = to_date.bad / (to_date.total * allowed) if to_date.total else Fraction(0)
        if data.contract.measure is Measure.MINUTES:
            spent = to_date.down / (allowed * len(data.period))
        yield Day(
            date=day.isoformat(),
            total=figures.count(part.total),
            bad=figures.count(part.bad, worse_when_more=True),
            downtime=figures.lost(part.down),
            unknown=figures.count(unknown),
            coverage=figures.attained(1 - Fraction(unknown, due) if due else None),
            budget_left=figures.attained(1 - spent if part.elapsed else None, 1),
        )


def _credit(data: _Month, verdict: Verdict) -> tuple[Figure, tuple[CreditLine, ...]]:
    """Return the part of the fee that is due, and how it follows; undecided until the month is final."""
    value, target = data.value(data.judged), Fraction(data.contract.target)
    lines = [
        CreditLine(label=f"attained, in {data.contract.measure}", value=figures.attained(value)),
        CreditLine(label="promised", value=figures.target(target)),
    ]
    if verdict in (Verdict.NOT_FINAL, Verdict.INCOMPLETE) or value is None:
        return Figure(None, figures.NOTHING), tuple(lines)
    tier = data.contract.tier(value) if verdict is Verdict.BREACHED else None
    if tier is not None:
        below = figures.target(Fraction(tier.below))
        lines.append(CreditLine(label="lowest tier that it falls below", value=below))
    due = figures.target(Fraction(tier.credit) if tier is not None else Fraction(0))
    return due, (*lines, CreditLine(label="credit, as part of the month's fee", value=due))


#: What is said of an indicator whose counts are no plain requests.
_COUNTED: Mapping[Indicator, tuple[str, ...]] = {
    Indicator.LATENCY: ("Latency counts are estimates of CloudWatch up to the first byte of the answer.",),
    Indicator.TARGET_AVAILABILITY: (
        "What the load balancer failed without a target is not counted: it is told by availability.",
    ),
    Indicator.FRESHNESS: (
        "What is counted as requests are minutes: bad where a message of the queue waited too long.",
    ),
    Indicator.SCHEDULE: ("What is counted as requests are the runs of scheduled tasks.",),
    Indicator.PROBE: (
        "What is counted as requests are our own checks from outside, a sample of each minute.",
    ),
}


def _method(contract: Contract, coarse: int) -> tuple[str, ...]:
    """Say how it was counted, so that anybody can count again."""
    ratio = figures.target(Fraction(contract.bad_minute_ratio))
    events = f"at least {contract.bad_minute_events:,} requests"
    return (
        f"The month is that of {contract.zone}; minutes are counted in UTC from its first to its last.",
        "Requests are added up over all placements; ratios are made of sums, never averaged.",
        f"A minute is down where more than {ratio} of {events} were bad.",
        "The pool is down in a minute in which any placement was.",
        "Unknown minutes are neither good nor bad; while there are any, the verdict is never met.",
        "Excluded minutes count on neither side.",
        "Comparisons are exact; what is attained is cut off, what is lost is rounded up.",
        *_COUNTED.get(contract.indicator, ()),
        *([f"{coarse:,} minutes are shares of CloudWatch's sums over five minutes."] if coarse else ()),
    )


def _input_hash(data: _Month) -> str:
    terms = json.dumps(
        {
            "version": VERSION,
            "contract": plain(data.contract),
            "month": str(data.month),
            "minutes": [data.so_far.start, data.so_far.end],
            "imported": {str(sli): minutes for sli, minutes in data.imported.items()},
            "cells": data.tallied.digest,
        },
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(terms.encode()).hexdigest()


def _or_perfect(value: Fraction | None) -> Fraction:
    """Rank what has no figure last among the worst."""
    return Fraction(2) if value is None else value
