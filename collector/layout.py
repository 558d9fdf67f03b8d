"""Which queries are asked of a region, in which batches, and whose answers they are.

Laid out once per estate and kept: the same batches go out every minute, so whoever answers may remember them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collector.catalog import METRICS, Metric, Scope, Tier
from collector.source import QUERIES_PER_CALL_MAX, Batch, Query
from slo.cells import Indicator, Placement, Sli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from collector.estate import RegionEstate, ServiceView


#: What is counted of each placement, in the order of the columns.
INDICATORS = (Indicator.AVAILABILITY, Indicator.LATENCY)


@dataclass(frozen=True, slots=True, order=True)
class Track:
    """What is read together and has one watermark: one tier of one account and region."""

    account: str
    region: str
    tier: Tier

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.tier}"

    @classmethod
    def parse(cls, text: str) -> Track:
        """Read `account/region/tier`."""
        account, region, tier = text.split("/")
        return cls(account, region, Tier(tier))


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Where one metric is found: row `rows[i]` of the stacked batches belongs to placement `owners[i]`.

    A service with two target groups has two rows; a shared load balancer's row has several owners.
    `one_each` says that there is neither: the usual case, where rows are in the order of placements.
    """

    rows: NDArray[np.intp]
    owners: NDArray[np.intp]
    one_each: bool


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One track's queries: `batches` stacked on one another, and the rows of each metric in that stack.

    `slis` are the columns that its answers make: each indicator of each placement, in this order.
    """

    track: Track
    placements: tuple[Placement, ...]
    batches: tuple[Batch, ...]
    rows: Mapping[Metric, Rows]
    slis: tuple[Sli, ...]

    @property
    def height(self) -> int:
        """How many rows the stacked batches have."""
        return sum(len(batch.queries) for batch in self.batches)


#: What a track's queries follow from: equal shapes ask the same.
Shape = tuple[tuple["Placement", tuple[tuple[str, str], ...], float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Every track that is read, in order of account, region and tier."""

    tracks: tuple[Asked, ...] = ()
    shapes: tuple[tuple[Track, Shape], ...] = ()

    def __iter__(self) -> Iterator[Asked]:
        return iter(self.tracks)


def lay_out(
    estates: Iterable[RegionEstate],
    threshold_s: Callable[[str], float],
    previous: Layout | None = None,
) -> Layout:
    """Lay out the queries of an estate.  Unchanged regions keep their batches from `previous`.

    `threshold_s` tells the latency threshold of a service by its name.
    """
    kept = dict(zip(previous.shapes, previous.tracks, strict=True)) if previous else {}
    tracks: dict[tuple[Track, Shape], Asked] = {}
    for estate in sorted(estates, key=lambda e: (e.account, e.region)):
        shape = _shape(estate, threshold_s)
        for tier in Tier:
            key = (Track(estate.account, estate.region, tier), shape)
            asked = kept.get(key) or _ask(*key)
            if asked.batches:
                tracks[key] = asked
    return Layout(tuple(tracks.values()), tuple(tracks))


def _shape(estate: RegionEstate, threshold_s: Callable[[str], float]) -> Shape:
    views = sorted(estate.services, key=lambda view: view.placement)
    return tuple((view.placement, _routes(view), threshold_s(view.placement.service)) for view in views)


def _routes(view: ServiceView) -> tuple[tuple[str, str], ...]:
    """Pair target groups with their load balancers: one for all, or one each in the same order."""
    groups, balancers = view.target_groups, view.load_balancers
    if len(balancers) == 1:
        balancers *= len(groups)
    return tuple(zip(groups, balancers, strict=True))


def _ask(track: Track, shape: Shape) -> Asked:
    """Make the batches of a track: a service's queries stay together, a load balancer is asked once."""
    metrics = [metric for metric in METRICS if metric.tier is track.tier]
    if track.tier is Tier.SLI:
        shape = tuple(line for line in shape if line[1])  # without a load balancer nothing is counted
    parts: list[list[Query]] = [[]]
    found: dict[Query, int] = {}
    places: dict[Metric, list[tuple[int, int]]] = {metric: [] for metric in metrics}
    for owner, (placement, routes, threshold_s) in enumerate(shape):
        wanted = list(_queries(metrics, placement, routes, threshold_s))
        fresh = [query for query in dict.fromkeys(query for _, query in wanted) if query not in found]
        if len(parts[-1]) + len(fresh) > QUERIES_PER_CALL_MAX:
            parts.append([])
        found |= {query: len(found) + i for i, query in enumerate(fresh)}
        parts[-1] += fresh
        for metric, query in wanted:
            places[metric].append((found[query], owner))
    batches = tuple(Batch(track.account, track.region, tuple(part)) for part in parts if part)
    placements = tuple(line[0] for line in shape)
    rows = {metric: _rows(places[metric], len(placements)) for metric in metrics}
    counted = INDICATORS if track.tier is Tier.SLI else ()
    return Asked(track, placements, batches, rows, tuple(Sli(p, i) for i in counted for p in placements))


def _rows(pairs: list[tuple[int, int]], placements: int) -> Rows:
    rows, owners = np.array(pairs, dtype=np.intp).reshape(-1, 2).T.copy()
    one_each = len(set(rows)) == placements and np.array_equal(owners, np.arange(placements))
    return Rows(rows, owners, one_each)


def _queries(
    metrics: Iterable[Metric], placement: Placement, routes: tuple[tuple[str, str], ...], threshold_s: float
) -> Iterator[tuple[Metric, Query]]:
    """Yield what is asked about one placement, each query once."""
    for metric in metrics:
        for dimensions in _dimensions(metric.scope, placement, routes):
            yield metric, Query(metric.namespace, metric.name, dimensions, metric.stat_for(threshold_s))


def _dimensions(
    scope: Scope, placement: Placement, routes: tuple[tuple[str, str], ...]
) -> Iterable[tuple[tuple[str, str], ...]]:
    """Return the dimension sets of a metric: they must be exactly those that AWS publishes it with."""
    match scope:
        case Scope.TARGET_GROUP:
            return [(("TargetGroup", group), ("LoadBalancer", balancer)) for group, balancer in routes]
        case Scope.LOAD_BALANCER:
            return [(("LoadBalancer", balancer),) for balancer in dict.fromkeys(b for _, b in routes)]
        case Scope.SERVICE:
            return [(("ClusterName", placement.cluster), ("ServiceName", placement.service))]
