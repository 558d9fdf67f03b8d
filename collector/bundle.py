"""What is judged together is read together: the series of a placement, or of all behind a load balancer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from zlib import crc32

from collector.estate import Abandoned
from collector.metric import Needs, Tier
from collector.source import Query
from slo.cells import Placement, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from collector.metric import Metric


@dataclass(frozen=True, slots=True, order=True)
class Area:
    """One region of one account: what quotas belong to."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


Owner: TypeAlias = Placement | Area


class Front(StrEnum):
    """What is read of an owner: what stands before it and counts, or what explains it."""

    LOAD_BALANCER = "load_balancer"
    SERVICE_CONNECT = "service_connect"
    QUEUE = "queue"
    LOAD = "load"
    ZONES = "zones"

    @property
    def tier(self) -> Tier:
        """How often it is read."""
        return {Front.LOAD: Tier.SLOW, Front.ZONES: Tier.HOT}.get(self, Tier.SLI)


@dataclass(frozen=True, slots=True, order=True)
class Track:
    """One tier of one account and region: what reading is counted by."""

    account: str
    region: str
    tier: Tier

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.tier}"


class Key(NamedTuple):
    """What has a watermark: what is read of one owner."""

    owner: Owner
    front: Front


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What of an owner decides which metrics exist and how they are asked for: equal lines ask the same.

    `routes` are pairs of target group and load balancer, `abandoned` those that it lately had.  It was not
    there before minute `since`, nor, once it has vanished, from minute `until` on.  `zones` are those of its
    load balancers, `discoveries` the names under which Service Connect knows it.  A response is slow from
    `threshold_s`, a queue stale when its oldest message has waited for longer than `fresh_s`.
    """

    owner: Owner
    routes: tuple[tuple[str, str], ...] = ()
    abandoned: tuple[Abandoned, ...] = ()
    zones: tuple[str, ...] = ()
    discoveries: tuple[str, ...] = ()
    queue: str = ""
    insights: frozenset[Needs] = frozenset()
    threshold_s: float = 1.0
    fresh_s: float = 300.0
    since: int = 0
    until: float = math.inf

    @property
    def service(self) -> str:
        """The service's name; empty for an area."""
        return self.owner.service if isinstance(self.owner, Placement) else ""

    def has(self, need: Needs) -> bool:
        """Whether the owner has what a metric needs."""
        if isinstance(self.owner, Area):
            return need is Needs.REGION
        match need:
            case Needs.LOAD_BALANCER:
                return bool(self.routes)
            case Needs.SERVICE_CONNECT:
                return bool(self.discoveries)
            case Needs.QUEUE:
                return bool(self.queue)
            case Needs.INSIGHTS | Needs.ENHANCED_INSIGHTS:
                return need in self.insights
            case _:
                return need is Needs.TASKS

    @property
    def every_route(self) -> tuple[tuple[str, str], ...]:
        """The routes that it has or lately had."""
        return (*self.routes, *(one.route for one in self.abandoned))

    def stands_until(self, balancer: str) -> float:
        """Return the first minute in which it was seen not to stand behind a load balancer any more."""
        if any(name == balancer for _, name in self.routes):
            return math.inf
        return max(minute_of(o.left_at) for o in self.abandoned if o.route.load_balancer == balancer)

    def facts(self) -> Iterator[Mapping[str, str]]:
        """Yield what dimensions may be made of, once for each target group, zone and discovery name."""
        known = {"account": self.owner.account, "region": self.owner.region}
        if isinstance(self.owner, Placement):
            known |= {"cluster": self.owner.cluster, "service": self.owner.service}
        known["queue"] = self.queue
        several = product(self.every_route or (("", ""),), self.zones or ("",), self.discoveries or ("",))
        for (group, balancer), zone, discovery in several:
            yield known | {
                "target_group": group,
                "load_balancer": balancer,
                "zone": zone,
                "discovery": discovery,
            }

    def queries(self, metric: Metric) -> tuple[Query, ...]:
        """Return the queries of a metric about this owner; none where a dimension would be empty."""
        if not self.has(metric.needs) or (metric.services and self.service not in metric.services):
            return ()
        stat = metric.stat_for(self.threshold_s)
        sets = (
            tuple((name, value.format_map(fact)) for name, value in metric.dimensions)
            for fact in self.facts()
        )
        return tuple(
            Query(metric.namespace, metric.name, dimensions, stat)
            for dimensions in dict.fromkeys(sets)
            if all(value for _, value in dimensions)
        )


@dataclass(frozen=True, eq=False)
class Bundle:
    """Lines that are asked for in one call, since none can be judged without the others.

    What follows from them is reckoned once: every bundle is looked at every time that anything may be due.
    """

    front: Front
    lines: tuple[Line, ...]

    @cached_property
    def area(self) -> Area:
        """Where it is."""
        owner = self.lines[0].owner
        return Area(owner.account, owner.region)

    @cached_property
    def track(self) -> Track:
        """What its reading is counted by."""
        return Track(self.area.account, self.area.region, self.front.tier)

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """What has a watermark."""
        return tuple(Key(line.owner, self.front) for line in self.lines)

    @cached_property
    def services(self) -> frozenset[str]:
        """The services that it speaks of."""
        return frozenset(line.service for line in self.lines)

    @cached_property
    def slot(self) -> int:
        """A number that spreads what is done rarely evenly over bundles."""
        return crc32(str(self.keys[0]).encode())


def bundles(lines: Iterable[Line]) -> Iterator[Bundle]:
    """Bundle the lines of one region: load balancers join those behind them, nothing else joins anybody.

    What a service has abandoned may still tell its last requests, but explains nothing any more.
    """
    lines = tuple(lines)
    routed = [line for line in lines if line.routes]
    yield from (Bundle(Front.LOAD_BALANCER, joined) for joined in _joined(routed))
    for line in (replace(line, abandoned=()) for line in lines):
        if line.has(Needs.SERVICE_CONNECT) and not line.routes:
            yield Bundle(Front.SERVICE_CONNECT, (line,))
        if line.has(Needs.QUEUE):
            yield Bundle(Front.QUEUE, (line,))
        if line.zones and line.routes:
            yield Bundle(Front.ZONES, (line,))
        yield Bundle(Front.LOAD, (line,))


def _joined(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """Part the lines into groups that share no load balancer with one another; order stays."""
    groups: list[tuple[set[str], set[int]]] = []
    for place, line in enumerate(lines):
        balancers, members = {balancer for _, balancer in line.every_route}, {place}
        for touching in [group for group in groups if group[0] & balancers]:
            groups.remove(touching)
            balancers |= touching[0]
            members |= touching[1]
        groups.append((balancers, members))
    for _, members in sorted(groups, key=lambda group: min(group[1])):
        yield tuple(lines[place] for place in sorted(members))
