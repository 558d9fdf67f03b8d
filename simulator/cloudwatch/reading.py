"""From series to numbers: a plan remembers where series lead, a reader looks there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.cloudwatch import zones
from simulator.cloudwatch.catalogue import (
    ALB,
    BY_NAME,
    ECS,
    Dimensions,
    Metric,
    Scope,
    dimensions,
    scopes,
    whole,
)
from simulator.cloudwatch.custom import FUTURE_MAX_S, CustomParts
from simulator.cloudwatch.statistics import Stat, compute, parse
from simulator.cloudwatch.store import MINUTE_S
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulator.cloudwatch.custom import Custom
    from simulator.cloudwatch.measures import Array, Measure
    from simulator.cloudwatch.store import Store
    from simulator.estate import Place


#: account, region, scope, dimensions
Subject: TypeAlias = tuple[str, str, Scope, Dimensions]
#: A metric, the columns of the placements that it is about, and the zone if it is about one.
Lead: TypeAlias = tuple[Metric, list[int], int | None]


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


#: The metric whose single samples are kept, as far as their distribution goes, and who tells it.
SAMPLED_METRIC, SAMPLERS = "TargetResponseTime", (ALB, ECS)


def statistic(series: Series) -> Stat:
    """Return the statistic that a series is read as.  Raises Refusal if its metric cannot be read so."""
    stat = parse(series.stat)
    if stat.sampled and (series.metric != SAMPLED_METRIC or series.namespace not in SAMPLERS):
        message = f"{series.stat} is not simulated yet for {series.metric}: only for {SAMPLED_METRIC}."
        raise Refusal("ValidationError", message)
    return stat


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Rows of an answer that come of the same metric, statistic and zone, and the columns that each reads.

    `columns` is [rows, sharers]: more than one where placements share a load balancer.
    """

    metric: Metric
    stat: Stat
    zone: int | None
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    @property
    def sharers(self) -> int:
        """How many placements each of the rows is about."""
        return int(self.columns.shape[1])

    @property
    def pooled(self) -> int:
        """How many samples of a minute are told together."""
        return 1 if self.metric.summed else self.sharers


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
        self.subjects: dict[Subject, list[int]] = defaultdict(list)
        for column, place in enumerate(places):
            for scope in scopes(place):
                self.subjects[*place.site, scope, dimensions(place, scope)].append(column)

    def plan(self, series: Sequence[Series]) -> Plan:
        """Find out where series lead.  Raises Refusal for a statistic that is not simulated."""
        members: dict[tuple[Metric, Stat, int | None, int], list[tuple[int, list[int]]]] = defaultdict(list)
        others = []
        for row, one in enumerate(series):
            stat, found = statistic(one), self._find(one)
            if found is None:
                others.append((row, one))
                continue
            metric, columns, zone = found
            members[metric, stat, zone, len(columns)].append((row, columns))
        groups = []
        for (metric, stat, zone, _), pairs in members.items():
            rows, of_rows = zip(*pairs, strict=True)
            groups.append(Group(metric, stat, zone, np.array(rows), np.array(of_rows)))
        return Plan(tuple(series), tuple(groups), tuple(others))

    def read(self, plan: Plan, minutes: range, size: int, now: float) -> Array:
        """Return float64 [series, buckets of `size` minutes] of what can be read at `now`."""
        answer = np.full((len(plan.series), len(minutes) // size), np.nan)
        for group in plan.groups:
            parts = group.metric.samples(partial(self._look, group, minutes=minutes, size=size, now=now))
            answer[group.rows] = compute(group.stat, parts, size * group.pooled)
        for row, series in plan.others:
            sets = self.custom.series.get(series.identity)
            if sets:
                answer[row] = compute(parse(series.stat), CustomParts(sets, minutes, now), size)[0]
        return answer

    def _look(self, group: Group, measure: Measure, *, minutes: range, size: int, now: float) -> Array:
        """Return [rows, minutes]; what sharers say of the minutes of a bucket follows one after the other.

        A load balancer tells one minute of all who share it: none before it could tell of each.
        """
        namespace, columns, sharers = group.metric.namespace, group.columns.ravel(), group.sharers
        values = self._window(group.zone)(namespace, measure, columns, minutes, now)
        if sharers == 1:
            return values
        told = self.store.told(namespace, columns, minutes, now).reshape(len(group.rows), sharers, -1)
        shared = np.where(told.all(axis=1, keepdims=True), values.reshape(told.shape), np.nan)
        if group.metric.summed:
            silent = np.isnan(shared).all(axis=1)
            whole: Array = np.where(silent, np.nan, np.nansum(shared, axis=1))
            return whole
        buckets = shared.reshape(len(group.rows), sharers, -1, size).swapaxes(1, 2)
        return buckets.reshape(len(group.rows), -1)

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

    def _find(self, series: Series) -> Lead | None:
        """Return where a series of the estate leads."""
        dims, zone = whole(series.dimensions)
        for scope in Scope:
            metric = BY_NAME.get((series.namespace, series.metric, scope))
            columns = self.subjects.get((series.account, series.region, scope, dims))
            if metric and columns:
                return self._lead(metric, columns, zone)
        return None

    def _lead(self, metric: Metric, columns: list[int], zone: str | None) -> Lead | None:
        if zone is None:
            return metric, columns, None
        known = self.places[columns[0]].zones
        return (metric, columns, known.index(zone)) if zone in known and metric.namespace == ALB else None
