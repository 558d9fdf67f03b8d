"""Closing a month: from the cells of a contract's placements to its statement.  Every number is made here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from slo import figures, wording
from slo.allowed import Allowed, allowed
from slo.cells import Indicator, Placement, Sli, minute_of
from slo.contracts import EVERY, Contract, Measure
from slo.crediting import credit
from slo.exclusions import Exclusions
from slo.judging import Judging, Row, columns_of, promised_rows
from slo.months import Month, Stretch, days_of
from slo.operations import Operations
from slo.slots import by_day, by_hour
from slo.statement import (
    VERSION,
    Both,
    Day,
    IncidentLine,
    LatencyLine,
    Line,
    MonthLine,
    Statement,
    plain,
)
from slo.tally import Pages, Tallied, Tally, tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from slo.crediting import Credit

#: A trend tells of a year.
TREND_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What belongs to a month's statement beside its cells.

    `trend` are the months before, oldest first; `shared` the services that other tenants use as well.
    """

    exclusions: Exclusions = field(default_factory=Exclusions)
    incidents: tuple[IncidentLine, ...] = ()
    operations: Operations | None = None
    trend: tuple[MonthLine, ...] = ()
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Month:
    """Everything the statement is computed from."""

    judging: Judging
    month: Month
    period: Stretch
    beside: Beside
    allowed: Allowed
    quickness: Tallied | None

    @property
    def contract(self) -> Contract:
        return self.judging.contract

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.contract.zone)

    @property
    def elapsed(self) -> int:
        """How many minutes of the month have passed."""
        return len(self.judging.side.pool.bad)


def statement(  # noqa: PLR0913 - a statement is made of all of these
    contract: Contract,
    month: Month,
    kept: Pages,
    placements: Iterable[Placement],
    *,
    now: datetime,
    beside: Beside | None = None,
) -> Statement:
    """Return a month's statement from the cells of a contract's placements; `placements` are all known."""
    beside = beside or Beside()
    period = month.stretch(ZoneInfo(contract.zone))
    so_far = period.until(minute_of(now))
    rows = tuple(promised_rows(contract, placements))
    leave_out = allowed(contract, beside.exclusions, _slis(rows, contract.indicator), so_far)
    tallied = tally(contract, columns_of(rows, contract.indicator), kept, period, leave_out.masks, now)
    data = _Month(
        Judging(contract, rows, tallied),
        month,
        period,
        beside,
        leave_out,
        _quickness(contract, rows, kept, period, beside, now),
    )
    return _statement(data, now)


def _quickness(  # noqa: PLR0913, PLR0917 - it is counted beside the promise, from the same
    contract: Contract, rows: tuple[Row, ...], kept: Pages, period: Stretch, beside: Beside, now: datetime
) -> Tallied | None:
    """Count the latency objective beside the promise, where there is one."""
    if contract.latency is None:
        return None
    slow = replace(contract, indicator=Indicator.LATENCY, latency=None)
    slis, so_far = _slis(rows, Indicator.LATENCY), period.until(minute_of(now))
    leave_out = allowed(contract, beside.exclusions, slis, so_far)
    return tally(slow, columns_of(rows, Indicator.LATENCY), kept, period, leave_out.masks, now)


def _slis(rows: Iterable[Row], indicator: Indicator) -> list[Sli]:
    return [Sli(where, indicator) for _, _, where in rows if where is not None]


def _statement(data: _Month, now: datetime) -> Statement:
    contract, period, judging = data.contract, data.period, data.judging
    verdict = judging.verdict(period, now)
    lines, totals = tuple(_lines(data)), _totals(data)
    due, (_, lowest) = credit(judging, verdict), judging.lowest
    made = Statement(
        version=VERSION,
        revision=None,
        changes=(),
        verdict=verdict,
        sentence=wording.sentence(judging, verdict, totals.coverage),
        whose=wording.whose(contract, _services(data), data.beside.shared),
        contract=contract.id,
        tenant=contract.tenant,
        display_name=contract.display_name,
        indicator=contract.indicator.value,
        measure=contract.measure.value,
        scope=contract.scope.value,
        unknown_counts=contract.unknown.value,
        month=str(data.month),
        zone=contract.zone,
        start=period.starts_at,
        end=period.ends_at,
        start_local=period.starts_at.astimezone(data.zone).isoformat(),
        end_local=period.ends_at.astimezone(data.zone).isoformat(),
        minutes=figures.count(len(period)),
        issued_at=now,
        target=figures.target(judging.target),
        attained=figures.attained(judging.value(lowest)),
        allowed=figures.allowance((1 - judging.target) * len(period)),
        totals=totals,
        worst=totals if judging.worst is None else lines[judging.worst],
        regions=tuple(_regions(data)),
        lines=lines,
        both=tuple(_both(data)),
        exclusions=data.allowed.lines,
        days=tuple(_days(data)),
        hours=by_hour(judging.side.pool, period, data.zone, contract.indicator.scale),
        strips=tuple(
            by_day(name, minutes, period, data.zone, contract.indicator.scale)
            for name, minutes in judging.side.regions.items()
        ),
        best_case=figures.attained(lowest.uptime_if_unknown(down=False)),
        worst_case=figures.attained(lowest.uptime_if_unknown(down=True)),
        credit=due.share,
        credit_amount=due.amount,
        credit_lines=due.lines,
        claim=_claim(data, due),
        incidents=data.beside.incidents,
        latency=_latency(data),
        trend=(),
        operations=data.beside.operations,
        method=tuple(wording.method(contract, judging.tallied.coarse, judging.pool.late)),
        input_hash=_input_hash(data),
    )
    return replace(made, trend=(*data.beside.trend, month_line(made)))


def month_line(made: Statement) -> MonthLine:
    """Return a statement as a month of the trend."""
    return MonthLine(
        month=made.month,
        verdict=made.verdict.value,
        attained=made.attained,
        downtime=made.totals.downtime,
        credit=made.credit,
        revision=made.revision,
    )


def _services(data: _Month) -> list[str]:
    return list(dict.fromkeys(service for service, _, _ in data.judging.rows))


def _claim(data: _Month, due: Credit) -> str:
    terms = data.contract.credit.claim
    last = "" if terms is None else terms.last_day(data.month).isoformat()
    return wording.claim(data.contract, last, due=bool(due.share.exact))


def _lines(data: _Month) -> Iterator[Line]:
    for column, (service, region, placement) in enumerate(data.judging.rows):
        part = data.judging.side.parts[column]
        where = (service, region, "" if placement is None else str(placement))
        note = _note(data, part, missing=placement is None)
        yield _said(data, part, where, data.judging.tallied.imported[column], note)


def _regions(data: _Month) -> Iterator[Line]:
    """Yield a line for each region, pooled over the services."""
    for region, part in data.judging.regions.items():
        columns = [n for n, row in enumerate(data.judging.rows) if row[1] == region]
        yield _pooled(data, part, columns, region)


def _totals(data: _Month) -> Line:
    return _pooled(data, data.judging.pool, range(len(data.judging.rows)), EVERY)


def _pooled(data: _Month, pool: Tally, columns: Iterable[int], region: str) -> Line:
    """Return the line of a pool; minutes that are no downtime are summed over its placements."""
    columns = list(columns)
    parts, imported = data.judging.side.parts, data.judging.tallied.imported
    line = _said(
        data,
        pool,
        (EVERY, region, ""),
        sum(imported[column] for column in columns),
        _note(data, pool, missing=False),
    )
    cells = summed([parts[column] for column in columns])
    return replace(
        line,
        coverage=figures.attained(cells.coverage),
        no_traffic=figures.count(cells.no_traffic),
        unknown=figures.count(cells.unknown),
        excluded=figures.count(cells.excluded),
    )


def summed(parts: Iterable[Tally]) -> Tally:
    """Return the sum of columns, in which a minute counts once for each placement."""
    parts = list(parts)
    return Tally(
        bad=sum((part.bad for part in parts), Fraction(0)),
        total=sum((part.total for part in parts), Fraction(0)),
        elapsed=sum(part.elapsed for part in parts),
        down=sum(part.down for part in parts),
        unknown=sum(part.unknown for part in parts),
        excluded=sum(part.excluded for part in parts),
        no_traffic=sum(part.no_traffic for part in parts),
        late=sum(part.late for part in parts),
    )


def _said(data: _Month, part: Tally, where: tuple[str, str, str], imported: int, note: str) -> Line:
    judging, value = data.judging, data.judging.value(part)
    service, region, placement = where
    return Line(
        service=service,
        region=region,
        placement=placement,
        target=figures.target(judging.target),
        attained=figures.attained(part.attained),
        total=figures.count(part.total),
        bad=figures.count(part.bad, worse_when_more=True),
        budget_spent=figures.spent(None if value is None else (1 - value) / (1 - judging.target)),
        downtime=figures.lost(part.down),
        uptime=figures.attained(judging.uptime(part)),
        no_traffic=figures.count(part.no_traffic),
        unknown=figures.count(part.unknown),
        excluded=figures.count(part.excluded),
        imported=figures.count(imported),
        coverage=figures.attained(part.coverage),
        met=judging.meets(part),
        shared=service in data.beside.shared or (service == EVERY and bool(data.beside.shared)),
        note=note,
    )


def _note(data: _Month, part: Tally, *, missing: bool) -> str:
    if missing:
        return "promised, and no such service was found"
    if part.total * (1 - data.judging.target) < 1:
        return "insufficient volume: a single failed request breaks the promise"
    return ""


def _both(data: _Month) -> Iterator[Both]:
    """Yield what exclusions change: in all, and wherever they leave anything out."""
    judging, raw = data.judging, data.judging.tallied.raw
    scale = data.contract.indicator.scale
    yield _compared(data, (EVERY, EVERY), judging.pool, raw.pool.tally(scale))
    for (service, region, _), part, before in zip(judging.rows, judging.side.parts, raw.parts, strict=True):
        if part.excluded != before.excluded:
            yield _compared(data, (service, region), part, before)


def _compared(data: _Month, where: tuple[str, str], part: Tally, raw: Tally) -> Both:
    service, region = where
    excluded = [one.excluded for one in data.judging.side.parts] if service == EVERY else [part.excluded]
    return Both(
        service=service,
        region=region,
        excluded=figures.count(sum(excluded)),
        attained=figures.attained(part.attained),
        attained_raw=figures.attained(raw.attained),
        downtime=figures.lost(part.down),
        downtime_raw=figures.lost(raw.down),
        uptime=figures.attained(data.judging.uptime(part)),
        uptime_raw=figures.attained(data.judging.uptime(raw)),
        met=data.judging.meets(part),
        met_raw=data.judging.meets(raw),
    )


def _days(data: _Month) -> Iterator[Day]:
    """Yield each calendar day of the month; one that has not begun counts nothing."""
    side, scale = data.judging.side, data.contract.indicator.scale
    for day, stretch in days_of(data.period, data.zone):
        rows = slice(
            *(min(minute - data.period.start, data.elapsed) for minute in (stretch.start, stretch.end))
        )
        part, to_date = side.pool.tally(scale, rows), side.pool.tally(scale, slice(rows.stop))
        unknown, due = int(side.unknown_cells[rows].sum()), int(side.due_cells[rows].sum())
        yield Day(
            date=day.isoformat(),
            total=figures.count(part.total),
            bad=figures.count(part.bad, worse_when_more=True),
            downtime=figures.lost(part.down),
            unknown=figures.count(unknown),
            coverage=figures.attained(1 - Fraction(unknown, due) if due else None),
            budget_left=figures.attained(1 - _spent(data, to_date) if part.elapsed else None, 1),
        )


def _spent(data: _Month, to_date: Tally) -> Fraction:
    """Return the share of the budget that is spent; of minutes, those ahead count as minutes to be known."""
    bad, total = to_date.bad, to_date.total
    if data.contract.measure is Measure.MINUTES:
        down, due = data.judging.minutes(to_date)
        bad, total = Fraction(down), Fraction(due + to_date.late + len(data.period) - to_date.elapsed)
    return bad / (total * (1 - data.judging.target)) if total else Fraction(0)


def _latency(data: _Month) -> LatencyLine | None:
    """Return what came of the latency objective, in requests over all placements."""
    terms, tallied = data.contract.latency, data.quickness
    if terms is None or tallied is None:
        return None
    pool, cells = tallied.adjusted.pool.tally(Indicator.LATENCY.scale), summed(tallied.adjusted.parts)
    target, value = Fraction(terms.target), pool.attained
    return LatencyLine(
        threshold_s=f"{terms.threshold_s.normalize():f}",
        target=figures.target(target),
        attained=figures.attained(value),
        total=figures.count(pool.total),
        slow=figures.count(pool.bad, worse_when_more=True),
        unknown=figures.count(cells.unknown),
        coverage=figures.attained(cells.coverage),
        met=value is not None and value >= target and not cells.unknown,
    )


def _input_hash(data: _Month) -> str:
    """Return one digest of all that numbers and verdict rest on; what else the month brought moves none."""
    tallied, masks = data.judging.tallied, data.allowed.masks
    terms = json.dumps(
        {
            "version": VERSION,
            "contract": plain(data.contract),
            "month": str(data.month),
            "minutes": [data.period.start, data.period.start + data.elapsed],
            "placements": plain(data.judging.rows),
            "imported": tallied.imported,
            "coarse": tallied.coarse,
            "cells": tallied.digest,
            "latency": "" if data.quickness is None else data.quickness.digest,
            "excluded": {str(sli): hashlib.sha256(mask.tobytes()).hexdigest() for sli, mask in masks.items()},
            "exclusions": plain(data.allowed.lines),
            "incidents": plain(data.beside.incidents),
            "shared": sorted(data.beside.shared),
        },
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(terms.encode()).hexdigest()
