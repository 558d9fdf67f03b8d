"""From series to numbers: a plan remembers where series lead, a reader looks there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.cloudwatch import zones
from simulator.cloudwatch.catalogue import ALB, BY_NAME, Dimensions, Metric, Scope, dimensions, whole
from simulator.cloudwatch.custom import FUTURE_MAX_S, CustomParts
from simulator.cloudwatch.statistics import Stat, compute, parse
from simulator.cloudwatch.store import MINUTE_S
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulator.cloudwatch.custom import Custom
    from simulator.cloudwatch.measures import Array
    from simulator.cloudwatch.store import Store
    from simulator.estate import Place


@dataclass(frozen=True, slots=True)
class Series:
    """One statistic of one metric; dimensions are sorted by name."""

    account: str
    region: str
    namespace: str
    metric: str
    dimensions: Dimensions
    stat: str

    @property
    def identity(self) -> tuple[str, str, str, str, Dimensions]:
        """What names the metric, whatever the statistic."""
        return (self.account, self.region, self.namespace, self.metric, self.dimensions)


#: The metric whose single samples are kept, as far as their distribution goes.
SAMPLED_METRIC = (ALB, "TargetResponseTime")


def statistic(series: Series) -> Stat:
    """Return the statistic that a series is read as.  Raises Refusal if its metric cannot be read so."""
    stat = parse(series.stat)
    if stat.sampled and (series.namespace, series.metric) != SAMPLED_METRIC:
        message = f"{series.stat} is not simulated yet for {series.metric}: only for {SAMPLED_METRIC[1]}."
        raise Refusal("ValidationError", message)
    return stat


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows of an answer that come of the same metric, statistic and zone, and the columns that they read."""

    metric: Metric
    stat: Stat
    zone: int | None
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where series lead: made once, read often.  `others` are not the estate's own, perhaps custom ones."""

    series: tuple[Series, ...]
    groups: tuple[Group, ...]
    others: tuple[tuple[int, Series], ...]


class Reader:
    """Reads any series of the estate and the custom ones."""

    def __init__(self, places: Sequence[Place], store: Store, custom: Custom) -> None:
        self.places = places
        self.store = store
        self.custom = custom
        self._where = {
            (place.account, place.region, dimensions(place, scope)): (scope, column)
            for column, place in enumerate(places)
            for scope in Scope
        }

    def plan(self, series: Sequence[Series]) -> Plan:
        """Find out where series lead.  Raises Refusal for a statistic that is not simulated."""
        members: dict[tuple[str, str, Stat, int | None], list[tuple[int, int]]] = defaultdict(list)
        metrics: dict[tuple[str, str], Metric] = {}
        others = []
        for row, one in enumerate(series):
            stat, found = statistic(one), self._find(one)
            if found is None:
                others.append((row, one))
                continue
            metric, column, zone = found
            members[one.namespace, one.metric, stat, zone].append((row, column))
            metrics[one.namespace, one.metric] = metric
        groups = []
        for (namespace, name, stat, zone), pairs in members.items():
            rows, columns = np.array(pairs, dtype=np.int64).T
            groups.append(Group(metrics[namespace, name], stat, zone, rows, columns))
        return Plan(tuple(series), tuple(groups), tuple(others))

    def read(self, plan: Plan, minutes: range, size: int, now: float) -> Array:
        """Return float64 [series, buckets of `size` minutes] of what can be read at `now`."""
        answer = np.full((len(plan.series), len(minutes) // size), np.nan)
        for group in plan.groups:
            namespace = group.metric.namespace
            look = partial(
                self._window(group.zone), namespace, columns=group.columns, minutes=minutes, now=now
            )
            answer[group.rows] = compute(group.stat, group.metric.samples(look), size)
        for row, series in plan.others:
            sets = self.custom.series.get(series.identity)
            if sets:
                answer[row] = compute(parse(series.stat), CustomParts(sets, minutes, now), size)[0]
        return answer

    def kept(self, now: float) -> range:
        """Return the minutes that may hold data, custom ones of the next two hours too."""
        minute = int(now // MINUTE_S)
        newest = max(self.store.newest, minute + FUTURE_MAX_S // MINUTE_S)
        return range(min(self.store.newest, minute) - self.store.retention + 1, newest + 1)

    def unit(self, series: Series) -> str | None:
        """Return the unit that a series is told in."""
        found = self._find(series)
        return found[0].unit if found else self.custom.units.get(series.identity)

    def _window(self, zone: int | None) -> Callable[..., Array]:
        return self.store.window if zone is None else partial(zones.window, self.store, zone)

    def _find(self, series: Series) -> tuple[Metric, int, int | None] | None:
        """Return metric, column and zone of a series of the estate."""
        dims, zone = whole(series.dimensions)
        scope, column = self._where.get((series.account, series.region, dims), (None, 0))
        metric = BY_NAME.get((series.namespace, series.metric, scope)) if scope else None
        if metric is None or zone is None:
            return (metric, column, None) if metric else None
        known = self.places[column].zones
        return (metric, column, known.index(zone)) if zone in known and metric.namespace == ALB else None
