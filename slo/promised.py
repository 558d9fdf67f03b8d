"""What is left of a contract's month so far, counted and judged as its statement will be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from slo.allowed import allowed
from slo.budget import Budget, Sides
from slo.cells import Sli, minute_of
from slo.contracts import Contract, Measure, Scope, Unknown
from slo.failures import Failures, gathered, joined
from slo.judging import Judging, columns_of, promised_rows
from slo.months import Month, Stretch, zone_named
from slo.tally import Column, Side, Tally, tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from slo.exclusions import Exclusions
    from slo.tally import Page, Pages


@dataclass(frozen=True, slots=True, eq=False)
class Promised:
    """A contract's month so far, without what its clauses leave out and, `raw`, with it.

    It is that of the pool, or of the region or placement that attained least, as the contract compares.
    `failures` are the cells with anything bad that it is made of, of the same moment as all of it, and
    `unseen` by region the minutes that the contract counts as down because nothing is known of them.
    """

    contract: Contract
    sides: Sides
    raw: Sides
    failures: Failures
    unseen: Mapping[str, int]

    @property
    def budget(self) -> Budget:
        """What the contract is measured by."""
        return self._measured(self.sides)

    @property
    def bare(self) -> Budget:
        """The same with nothing left out."""
        return self._measured(self.raw)

    def _measured(self, sides: Sides) -> Budget:
        return sides.requests if self.contract.measure is Measure.REQUESTS else sides.minutes


def promised(
    contract: Contract, exclusions: Exclusions, known: Sequence[Sli], kept: Pages, now: datetime
) -> Promised | None:
    """Return the budgets of a contract's month; None while nothing that it covers is measured.

    What it names and nobody measures is unknown.
    """
    zone = zone_named(contract.zone)
    period = Month.of(now, zone).stretch(zone)
    so_far = period.until(minute_of(now))
    slis = [sli for sli in known if sli.indicator is contract.indicator and contract.covers(sli.placement)]
    if not slis:
        return None
    rows = tuple(promised_rows(contract, (sli.placement for sli in slis)))
    columns = columns_of(rows, contract.indicator)
    masks = allowed(contract, exclusions, slis, so_far).masks
    seen = _Seen(kept)
    judging = Judging(contract, rows, tally(contract, columns, seen, period, masks, now))
    chosen = _chosen(judging, columns)
    adjusted, raw = (
        _sides(judging, columns, side, chosen, period) for side in (judging.side, judging.tallied.raw)
    )
    own = [sli for n in chosen if (sli := columns[n].sli) is not None]
    failures = seen.failures.of(own).without(masks, so_far.start)
    return Promised(contract, adjusted, raw, failures, _unseen(judging, columns, chosen))


class _Seen:
    """Pages on their way to be counted, of which what was bad is remembered."""

    def __init__(self, kept: Pages) -> None:
        self._kept, self._slis, self._found = kept, tuple[Sli, ...](), list[Failures]()

    def pages(self, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
        """Yield each hour."""
        self._slis = tuple(slis)
        for page in self._kept.pages(slis, stretch):
            self._found += gathered(self._slis, page.start, [(page.bad.T, page.total.T, page.state.T)])
            yield page

    @property
    def failures(self) -> Failures:
        """Every cell in which anything was bad."""
        return joined(self._slis, self._found)


def _unseen(judging: Judging, columns: Sequence[Column], chosen: Sequence[int]) -> Mapping[str, int]:
    """Return which unknown minutes count as down, each in the first region in which it is unknown."""
    side, scope = judging.side, judging.contract.scope
    if judging.contract.unknown is not Unknown.BAD:
        return {}
    region = columns[chosen[0]].region
    if scope is Scope.WORST:
        part = side.parts[chosen[0]]
        return {region: part.unknown - part.late}
    if scope is Scope.PER_REGION:
        return {region: int(side.regions[region].unseen.sum())}
    found, left = dict[str, int](), side.pool.unseen
    for name, minutes in side.regions.items():
        found[name] = int((left & minutes.unseen).sum())
        left = left & ~minutes.unseen
    return found


def _chosen(judging: Judging, columns: Sequence[Column]) -> list[int]:
    """Return the columns whose figure is compared: all, those of the lowest region, or the worst one."""
    scope = judging.contract.scope
    if scope is Scope.POOLED:
        return list(range(len(columns)))
    if scope is Scope.PER_REGION:
        region, _ = judging.lowest
        return [n for n, column in enumerate(columns) if column.region == region]
    return [judging.worst or 0]


def _sides(
    judging: Judging, columns: Sequence[Column], side: Side, chosen: Sequence[int], period: Stretch
) -> Sides:
    """Return both budgets of the columns; of minutes the elapsed ones are those of the clock."""
    contract = judging.contract
    parts, scale = [side.parts[n] for n in chosen], contract.indicator.scale
    whole = {
        Scope.POOLED: lambda: side.pool.tally(scale),
        Scope.PER_REGION: lambda: side.regions[columns[chosen[0]].region].tally(scale),
        Scope.WORST: lambda: parts[0],
    }[contract.scope]()
    places = tuple(sli.placement for n in chosen if (sli := columns[n].sli) is not None)

    def budget(counted: Tally, **changes: object) -> Budget:
        fields = {
            "objective": contract.id,
            "indicator": contract.indicator,
            "placements": places,
            "target": Fraction(contract.target),
            "period": len(period),
            "rest": len(period) - counted.elapsed,
            "elapsed": counted.elapsed,
            "unknown": counted.unknown,
            "excluded": counted.excluded,
        }
        return Budget(**(fields | changes))  # type: ignore[arg-type]

    cells = {name: sum(getattr(part, name) for part in parts) for name in ("elapsed", "unknown", "excluded")}
    down, due = judging.minutes(whole)
    return Sides(
        requests=budget(whole, unit=contract.indicator.counted, bad=whole.bad, total=whole.total, **cells),
        minutes=budget(whole, unit="minutes", bad=Fraction(down), total=Fraction(due)),
    )
