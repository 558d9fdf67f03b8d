"""Which bundles are read of the estate, and what is asked for them in which batches.

Laid out once per estate and kept: the same batches go out again and again, so that whoever answers may
remember them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collector.bundle import Area, Bundle, Front, Line, Owner, Track, bundles
from collector.estate import Insights
from collector.metric import Metric, Needs
from collector.source import QUERIES_PER_CALL_MAX, Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from collector.estate import RegionEstate, ServiceView


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Where one metric is found: row `rows[i]` of the stacked batches belongs to owner `owners[i]`.

    A service with two target groups has two rows; a shared load balancer's row has several owners.
    `one_each` says that there is neither: the usual case, where rows are in the order of owners.
    """

    rows: NDArray[np.intp]
    owners: NDArray[np.intp]
    one_each: bool


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Bundles of one front that are asked for together: `batches` stacked, and each metric's rows in there.

    `owners` are those of the bundles' lines, in order; `bundle_of` says which bundle each stacked row is for.
    """

    track: Track
    front: Front
    bundles: tuple[Bundle, ...]
    batches: tuple[Batch, ...]
    rows: Mapping[Metric, Rows]
    bundle_of: NDArray[np.intp]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, bundle after bundle."""
        return tuple(line for bundle in self.bundles for line in bundle.lines)

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Whom the answers are about."""
        return tuple(line.owner for line in self.lines)

    @property
    def queries(self) -> tuple[Query, ...]:
        """The queries of the stacked batches."""
        return tuple(query for batch in self.batches for query in batch.queries)

    @property
    def height(self) -> int:
        """How many rows the stacked batches have."""
        return len(self.bundle_of)


#: Bundles by their place in the layout, what is left out of each, and how many queries a batch may hold.
_Choice = tuple[tuple[int, ...], tuple[frozenset[Metric], ...], int]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Every bundle that is read, in order of account and region; a question asked once is kept.

    `found` are those that could be read, if any metric asked for them.
    """

    bundles: tuple[Bundle, ...] = ()
    metrics: tuple[Metric, ...] = ()
    found: tuple[Bundle, ...] = ()
    _asked: dict[_Choice, Asked] = field(default_factory=dict)

    def asked(
        self,
        chosen: Sequence[int],
        left_out: Sequence[frozenset[Metric]],
        queries_max: int = QUERIES_PER_CALL_MAX,
    ) -> Asked:
        """Return what is asked for some bundles of one front and region, named by their places."""
        choice = (tuple(chosen), tuple(left_out), queries_max)
        found = self._asked.get(choice)
        if found is None:
            if len(self._asked) >= KEPT_MAX:
                self._asked.clear()
            found = self._asked[choice] = self._ask(*choice)
        return found

    def _ask(
        self, chosen: tuple[int, ...], left_out: tuple[frozenset[Metric], ...], queries_max: int
    ) -> Asked:
        picked = tuple(self.bundles[place] for place in chosen)
        sheet = _Sheet(picked[0].track, queries_max)
        metrics = [metric for metric in self.metrics if metric.tier is picked[0].front.tier]
        for bundle, absent in zip(picked, left_out, strict=True):
            sheet.add(bundle, [metric for metric in metrics if metric not in absent])
        return sheet.asked(picked)


#: How many choices of bundles are remembered: quiet, hot and late ones of every region, and then some.
KEPT_MAX = 512


class _Sheet:
    """Batches in the making: a bundle's queries stay together, and each is asked once."""

    def __init__(self, track: Track, queries_max: int) -> None:
        self._track, self._queries_max = track, queries_max
        self._parts: list[list[Query]] = [[]]
        self._places: dict[Metric, list[tuple[int, int]]] = {}
        self._bundle_of: list[int] = []
        self._owners = self._bundles = 0

    def add(self, bundle: Bundle, metrics: Sequence[Metric]) -> None:
        """Add a bundle's queries; one that fits in no batch gets one of its own, or several."""
        wanted = [
            (metric, owner, query)
            for owner, line in enumerate(bundle.lines, self._owners)
            for metric in metrics
            if fits(metric, bundle.front)
            for query in line.queries(metric)
        ]
        fresh = dict.fromkeys(query for _, _, query in wanted)
        if self._parts[-1] and len(self._parts[-1]) + len(fresh) > self._queries_max:
            self._parts.append([])
        found = {query: len(self._bundle_of) + i for i, query in enumerate(fresh)}
        for query in fresh:
            if len(self._parts[-1]) == QUERIES_PER_CALL_MAX:
                self._parts.append([])
            self._parts[-1].append(query)
        self._bundle_of += [self._bundles] * len(fresh)
        for metric, owner, query in wanted:
            self._places.setdefault(metric, []).append((found[query], owner))
        self._owners += len(bundle.lines)
        self._bundles += 1

    def asked(self, picked: tuple[Bundle, ...]) -> Asked:
        """Return what has been put together."""
        track = self._track
        return Asked(
            track=track,
            front=picked[0].front,
            bundles=picked,
            batches=tuple(Batch(track.account, track.region, tuple(part)) for part in self._parts if part),
            rows={metric: _rows(pairs, self._owners) for metric, pairs in self._places.items()},
            bundle_of=np.array(self._bundle_of, dtype=np.intp),
        )


def _rows(pairs: list[tuple[int, int]], owners: int) -> Rows:
    rows, owned = np.array(pairs, dtype=np.intp).reshape(-1, 2).T.copy()
    one_each = len(set(rows.tolist())) == owners and np.array_equal(owned, np.arange(owners))
    return Rows(rows, owned, one_each)


#: What each front asks of the metrics of its tier.
_FRONTS: Mapping[Front, frozenset[Needs]] = {
    Front.LOAD_BALANCER: frozenset({Needs.LOAD_BALANCER}),
    Front.SERVICE_CONNECT: frozenset({Needs.SERVICE_CONNECT}),
    Front.QUEUE: frozenset({Needs.QUEUE}),
    Front.LOAD: frozenset(Needs),
    Front.ZONES: frozenset({Needs.LOAD_BALANCER}),
}


def fits(metric: Metric, front: Front) -> bool:
    """Whether a front asks for a metric."""
    return metric.tier is front.tier and metric.needs in _FRONTS[front]


def lay_out(
    estates: Iterable[RegionEstate],
    line_of: Callable[[ServiceView], Line],
    metrics: Sequence[Metric],
    previous: Layout | None = None,
) -> Layout:
    """Lay out the bundles of an estate.  An unchanged estate keeps its layout, and so its batches."""
    found: list[Bundle] = []
    for estate in sorted(estates, key=lambda e: (e.account, e.region)):
        views = sorted(estate.services, key=lambda view: view.placement)
        found += bundles(map(line_of, views))
        if views:
            found += bundles([Line(owner=Area(estate.account, estate.region))])
    if previous and previous.metrics == tuple(metrics) and _same(previous.found, found):
        return previous
    asking = tuple(bundle for bundle in found if any(_asks(bundle, metrics)))
    return Layout(asking, tuple(metrics), tuple(found))


def _asks(bundle: Bundle, metrics: Iterable[Metric]) -> Iterable[bool]:
    return (
        bool(line.queries(metric))
        for metric in metrics
        if fits(metric, bundle.front)
        for line in bundle.lines
    )


def _same(before: Sequence[Bundle], after: Sequence[Bundle]) -> bool:
    return [(b.front, b.lines) for b in before] == [(b.front, b.lines) for b in after]


#: Which metrics of a cluster exist; what nobody has read yet is not bought.
_TOLD: Mapping[Insights | None, frozenset[Needs]] = {
    Insights.ENABLED: frozenset({Needs.INSIGHTS}),
    Insights.ENHANCED: frozenset({Needs.INSIGHTS, Needs.ENHANCED_INSIGHTS}),
}


def line(view: ServiceView, threshold_s: float, queue: str = "", fresh_s: float = 300.0) -> Line:
    """Return what of a service decides what is asked for it."""
    return Line(
        owner=view.placement,
        routes=view.routes,
        abandoned=view.abandoned,
        zones=view.zones,
        discoveries=view.discovery_names,
        insights=_TOLD.get(view.insights, frozenset()),
        threshold_s=threshold_s,
        queue=queue,
        fresh_s=fresh_s,
    )
