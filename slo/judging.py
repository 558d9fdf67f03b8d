"""Whether a month kept its promise: whose figure is compared, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from slo.cells import Indicator, Placement, Sli
from slo.contracts import EVERY, Contract, Measure, Scope, Unknown
from slo.statement import Verdict
from slo.tally import Column, Tallied

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from slo.months import Stretch
    from slo.tally import Side, Tally

#: Where a service is that is promised everywhere and was found in no region, and what a region holds in which
#: nothing was found.
NOWHERE, NO_SERVICE = "nowhere", "nothing"

#: A row of the promise: the service, the region, and the placement if there is one.
Row = tuple[str, str, "Placement | None"]


@dataclass(frozen=True, slots=True)
class Judging:
    """A contract and what was counted for it, adjusted; `rows` are the columns of the tally."""

    contract: Contract
    rows: tuple[Row, ...]
    tallied: Tallied

    @property
    def side(self) -> Side:
        """What counts: without what exclusions leave out."""
        return self.tallied.adjusted

    @property
    def target(self) -> Fraction:
        """What is promised."""
        return Fraction(self.contract.target)

    @property
    def pool(self) -> Tally:
        """All placements together."""
        return self.side.pool.tally(self.contract.indicator.scale)

    @property
    def regions(self) -> Mapping[str, Tally]:
        """The placements of each region together."""
        scale = self.contract.indicator.scale
        return {name: minutes.tally(scale) for name, minutes in self.side.regions.items()}

    @property
    def worst(self) -> int | None:
        """The column that attained least; of equals the one with more bad requests."""
        parts = self.side.parts
        return min(
            range(len(parts)),
            key=lambda column: (or_perfect(self.value(parts[column])), -parts[column].bad),
            default=None,
        )

    @property
    def compared(self) -> Mapping[str, Tally]:
        """What is compared with the target, by its name in a sentence."""
        if self.contract.scope is Scope.PER_REGION:
            return self.regions
        if self.contract.scope is Scope.POOLED or self.worst is None:
            return {"all placements pooled": self.pool}
        return {"the worst placement": self.side.parts[self.worst]}

    @property
    def lowest(self) -> tuple[str, Tally]:
        """Which of what is compared attained least."""
        compared = self.compared or {"all placements pooled": self.pool}
        name = min(compared, key=lambda one: or_perfect(self.value(compared[one])))
        return name, compared[name]

    @property
    def short(self) -> Mapping[str, Tally]:
        """What of it falls short of the target, compared exactly; equality is met."""
        return {name: part for name, part in self.compared.items() if self.falls_short(part)}

    @property
    def seen(self) -> bool:
        """Whether all is known that the contract does not count in some way nevertheless."""
        if self.contract.unknown is not Unknown.NEITHER:
            return bool(self.rows)
        return bool(self.rows) and not any(part.unknown for part in self.side.parts)

    def value(self, part: Tally) -> Fraction | None:
        """Return the figure that the contract measures by."""
        if self.contract.measure is Measure.REQUESTS:
            return part.attained
        return self.uptime(part)

    def uptime(self, part: Tally) -> Fraction | None:
        """Return the minutes up, with unknown ones as the contract counts them."""
        down, due = self.minutes(part)
        return 1 - Fraction(down, due) if due else None

    def minutes(self, part: Tally) -> tuple[int, int]:
        """Return the minutes down and of how many, with unknown ones as the contract counts them.

        Those that may still become known count as nothing yet.
        """
        unknown = part.unknown - part.late
        due = part.elapsed - part.excluded - part.late
        match self.contract.unknown:
            case Unknown.NEITHER:
                return part.down, due - unknown
            case Unknown.BAD:
                return part.down + unknown, due
            case Unknown.GOOD:
                return part.down, due

    def falls_short(self, part: Tally) -> bool:
        """Whether it is known to have attained less than was promised."""
        value = self.value(part)
        return value is not None and value < self.target

    def meets(self, part: Tally) -> bool:
        """Whether it is known to have kept the promise."""
        known = self.contract.unknown is not Unknown.NEITHER or not part.unknown
        return known and self.value(part) is not None and not self.falls_short(part)

    def verdict(self, period: Stretch, now: datetime) -> Verdict:
        """Compare before anything is rounded; what was not seen is never met."""
        if now < period.ends_at:
            return Verdict.NOT_FINAL
        if self.short:
            return Verdict.BREACHED
        return Verdict.MET if self.seen else Verdict.INCOMPLETE


def promised_rows(contract: Contract, placements: Iterable[Placement]) -> Iterator[Row]:
    """Yield what the promise includes, sorted; what it names and nobody found has no placement."""
    found = sorted(
        {one for one in placements if contract.covers(one)}, key=lambda p: (p.service, p.region, p)
    )
    there = {pair for one in found for pair in product((one.service, EVERY), (one.region, EVERY))}
    missing = [
        (NO_SERVICE if service == EVERY else service, NOWHERE if region == EVERY else region, None)
        for service, region in contract.named
        if (service, region) not in there and (service, region) != (EVERY, EVERY)
    ]
    rows = [*((one.service, one.region, one) for one in found), *missing]
    yield from sorted(rows, key=lambda row: (row[0], row[1]))


def columns_of(rows: Iterable[Row], indicator: Indicator) -> list[Column]:
    """Return what is counted for each row."""
    return [Column(region, None if where is None else Sli(where, indicator)) for _, region, where in rows]


def or_perfect(value: Fraction | None) -> Fraction:
    """Rank what has no figure last among the worst."""
    return Fraction(2) if value is None else value
