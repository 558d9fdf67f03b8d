"""How reading each region goes: how far it is, what it cost, and what was not answered, since the start."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from collector.collect import Spent
from collector.price import METRIC_USD
from collector.source import GapReason
from slo.cells import moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.bundle import Area, Track
    from collector.gaps import Gaps
    from slo.cells import Sli


class Read(Protocol):
    """What is known of reading, region by region."""

    spent: dict[Track, Spent]
    gaps: Gaps

    @property
    def counted(self) -> frozenset[Area]:
        """The regions in which anything is counted."""
        ...

    @property
    def restated(self) -> Mapping[Sli, int]:
        """How many minutes of each SLI were corrected."""
        ...

    def arrived(self, area: Area) -> int | None:
        """Return the first minute that has not arrived."""
        ...

    def behind(self, area: Area) -> int:
        """Return how many owners lag far behind."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """One region as it is read; counts are of this process."""

    account: str
    region: str
    known_until: datetime | None
    behind: int
    calls: int
    metrics: int
    usd: float
    throttled: int
    gaps: int
    restated: int
    missing: str
    missing_since: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def regions(known: Read) -> tuple[RegionRow, ...]:
    """Return every region in which anything is counted."""
    return tuple(_row(known, area) for area in sorted(known.counted))


def _row(known: Read, area: Area) -> RegionRow:
    here = (area.account, area.region)
    spent = sum((cost for t, cost in dict(known.spent).items() if (t.account, t.region) == here), Spent())
    arrived, lasting = known.arrived(area), known.gaps.oldest(area)
    restated = (
        n for s, n in dict(known.restated).items() if (s.placement.account, s.placement.region) == here
    )
    return RegionRow(
        account=area.account,
        region=area.region,
        known_until=None if arrived is None else moment_of(arrived),
        behind=known.behind(area),
        calls=spent.calls,
        metrics=spent.metrics,
        usd=float(spent.metrics * METRIC_USD),
        throttled=spent.gaps.get(GapReason.THROTTLED, 0),
        gaps=sum(spent.gaps.values()),
        restated=sum(restated),
        missing="" if lasting is None else f"{lasting.gap.reason}: {lasting.gap.detail}",
        missing_since=None if lasting is None else lasting.since,
    )
