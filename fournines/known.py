"""What the service knows of the estate right now: shared by its jobs, rebuilt from the books at start."""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.bundle import Area
from collector.doubts import weighed
from collector.gaps import Gaps
from collector.heat import Heat
from collector.idle import IDLE_EVERY, Idle
from collector.indicators import COUNTERS
from collector.layout import Layout, lay_out
from collector.load import loads
from collector.metric import Tier
from collector.plan import Refused
from collector.presence import Sighting, after, first_looks
from collector.price import Thrift, saving
from collector.probing import Seen
from collector.scheme import Scheme
from slo.cells import Placement, minute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from collector.bundle import Key, Line, Owner, Track
    from collector.checkup import QueueLook
    from collector.collect import Gathered, Spent
    from collector.doubts import Doubted
    from collector.estate import RegionEstate, ServiceView
    from collector.indicators import Doubt
    from collector.load import Load
    from collector.plan import Cadence
    from collector.presence import Standing
    from collector.probes import Result
    from collector.schedules import News, Outcome
    from collector.watermarks import Mark, Window
    from fournines.store.books import Books
    from slo.cells import Sli
    from slo.sums import Put


#: Owners that were asked one turn apart differ by a turn and so much; what lags by more is behind.
BEHIND_MINUTES = 10


class Known:
    """The estate as last discovered, what has vanished of it, how far it was read, and how busy it is."""

    def __init__(
        self,
        books: Books,
        threshold_s: Callable[[str], float],
        scheme: Scheme | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._books, self._threshold_s = books, threshold_s
        self.scheme = scheme or Scheme()
        self._services: dict[Placement, ServiceView] = {}
        self._first_looks: dict[tuple[str, str], datetime] = {}
        self._behind: dict[tuple[str, str], Placement] = {}
        self.layout = Layout()
        self.refused: dict[Key, Refused] = {}
        self.appeared: dict[Owner, int] = {}
        self._counting: dict[Area, tuple[Key, ...]] = {}
        self.idle = Idle()
        self.loads: dict[Owner, Load] = {}
        self.heat = Heat()
        self.unreadable: dict[tuple[str, str], str] = {}
        self.answers = 0
        self.spent: dict[Track, Spent] = {}
        self.thrift = Thrift.NONE
        self.gaps = Gaps()
        self.restated: Counter[Sli] = Counter()
        self.mismatches: Counter[str] = Counter(window=0, day=0)
        self.doubts: Counter[tuple[Placement, str]] = Counter()
        self.doubted: Mapping[Placement, Doubted] = {}
        self.checks: dict[tuple[Placement, str], Seen] = {}
        self.runs: Counter[tuple[Placement, Outcome]] = Counter()
        self.last_success: dict[Placement, datetime] = {}
        self.unwatched: dict[Placement, str] = {}
        self.queues: Mapping[Area, QueueLook] = {}
        self.remember()

    def remember(self) -> None:
        """Take in what the books know: at the start, and where another replica has worked since."""
        estates = {(e.account, e.region): e for e in self._books.estates()}
        sightings, marks = self._books.sightings(), self._books.marks()
        with self._lock:
            self._estates: dict[tuple[str, str], RegionEstate] = estates
            self._sightings = _sighted(estates.values(), sightings)
            self.marks: dict[Key, Mark] = marks
            self._arrange()

    def saw(self, told: RegionEstate) -> Standing:
        """Take a region as it was just discovered; return how it stands, to be kept."""
        scope = (told.account, told.region)
        with self._lock:
            before = self._estates.get(scope)
            standing = after(told, before, self._sightings)
            if before is not None:
                new = {view.placement for view in told.services} - self._sightings.keys()
                self.appeared.update(dict.fromkeys(new, minute_of(before.seen_at)))
            self._estates[scope] = standing.estate
            self._sightings = self._sightings | {s.placement: s for s in standing.sightings}
            self.unreadable.pop(scope, None)
            self._arrange()
        return standing

    def could_not_read(self, account: str, region: str, why: str) -> None:
        """Note that a region could not be discovered: what was known of it stays."""
        self.unreadable[account, region] = why

    def answered(self, gathered: Gathered, now: datetime) -> None:
        """Count what reading a region cost, and remember what it said last instead of an answer."""
        with self._lock:
            for track, cost in gathered.spent.items():
                before = self.spent.get(track)
                self.spent[track] = before + cost if before else cost
            area = Area(gathered.account, gathered.region)
            for _, readings in gathered.answers:
                self.gaps.heard(area, readings, now)

    def refuse(self, asked: Collection[Key], failed: Collection[Key], at: int) -> None:
        """Note what was not answered whole or could not be kept: it is asked for ever more rarely."""
        for key in asked:
            if key in failed:
                before = self.refused.get(key)
                self.refused[key] = before.again(at) if before else Refused(at)
            else:
                self.refused.pop(key, None)

    def read(self, marks: Mapping[Key, Mark]) -> None:
        """Take in how far was read: what was new there is so no more."""
        self.marks.update(marks)
        for key in marks:
            self.appeared.pop(key.owner, None)

    @property
    def cadence(self) -> Cadence:
        """How often is read now: as configured, or less often where the month's budget comes near."""
        return saving(self.scheme.cadence, self.thrift)

    @property
    def turn(self) -> timedelta:
        """After what time something is read at the latest, where all is quiet.

        Where nothing is counted, only what explains is; and once an hour where that fell silent.
        """
        tiers = {bundle.front.tier for bundle in self.layout.bundles}
        explains = Tier.SLOW in tiers and Tier.SLI not in tiers
        every = max(self.cadence.slow_every, IDLE_EVERY) if explains else self.cadence.sli_every
        return timedelta(minutes=every)

    @property
    def counted(self) -> frozenset[Area]:
        """The regions in which anything is counted that has not vanished."""
        return frozenset(area for area in self._counting if not self.deserted(area.account, area.region))

    def arrived(self, area: Area) -> int | None:
        """Return the first minute that has not arrived from a region, of its furthest bundle."""
        return max((mark.arrived for mark in self._marks(area)), default=None)

    def asked(self) -> dict[Area, int]:
        """Return until when each region was asked for what counts, at its furthest."""
        until = {area: max((m.asked for m in self._marks(area)), default=0) for area in self._counting}
        return {area: asked for area, asked in until.items() if asked}

    def behind(self, area: Area) -> int:
        """Return how many owners of a region lag far behind the furthest: late, refused or silent."""
        furthest, lag_max = self.arrived(area) or 0, self.cadence.sli_every + BEHIND_MINUTES
        return sum(furthest - mark.arrived > lag_max for mark in self._marks(area))

    def _marks(self, area: Area) -> Iterator[Mark]:
        """Yield how far what counts in a region was read, of what is still there."""
        found = (self.marks.get(key) for key in self._counting.get(area, ()))
        return (mark for mark in found if mark is not None)

    def weigh(self, window: Window, doubts: Sequence[Doubt], now: datetime) -> None:
        """Count readings that contradict one another, and note for how long they have."""
        self.doubts.update((doubt.placement, str(doubt.name)) for doubt in doubts)
        self.doubted = weighed(self.doubted, window, doubts, now)

    def doubtful(self, now: datetime, told: Collection[Placement] = ()) -> tuple[Doubted, ...]:
        """Return whose numbers have not added up for so long that people should know, or were `told`.

        Who is gone, or has nothing before it any more that counts its requests, is read no more.
        """
        keys = (key for keys in self._counting.values() for key in keys)
        counted = {key.owner for key in keys if key.front in COUNTERS}
        standing = ((place, one) for place, one in self.doubted.items() if place in counted)
        return tuple(one for place, one in standing if one.lasting(now) or place in told)

    def heard(self, window: Window, now: datetime) -> None:
        """Take in what a window tells besides cells: how busy owners are, and which metrics fell silent."""
        self.idle.heard(window)
        for load in loads(window, now, self.scheme.settle_s):
            before = self.loads.get(load.owner)
            self.loads[load.owner] = before.updated(load) if before else load

    def probed(self, result: Result) -> None:
        """Count a check from outside."""
        key = (result.target.placement, result.target.name)
        self.checks[key] = self.checks.get(key, Seen()).plus(result)

    def ran(self, told: News) -> None:
        """Count the runs of a schedule as they were first decided."""
        where = told.schedule.placement
        for run in told.decided:
            if run.outcome is not None:
                self.runs[where, run.outcome] += 1
            if not run.bad:
                self.succeeded(where, run.due)

    def succeeded(self, placement: Placement, due: datetime) -> None:
        """Note a run of a schedule that succeeded."""
        self.last_success[placement] = max(due, self.last_success.get(placement, due))

    def corrected(self, put: Put) -> None:
        """Count minutes that had been counted and were corrected."""
        self.restated.update(restatement.sli for restatement in put.restated)

    @property
    def services(self) -> Mapping[Placement, ServiceView]:
        """Every service as last discovered, without those that have vanished."""
        return self._services

    @property
    def sightings(self) -> Mapping[Placement, Sighting]:
        """When each placement that ever was there was seen."""
        return self._sightings

    def vanished(self, placement: Placement) -> bool:
        """Whether the placement was there and is gone: no outage, and nothing to alert about."""
        sighting = self._sightings.get(placement)
        return sighting is not None and sighting.vanished_since is not None

    def _gone(self, owner: Owner) -> bool:
        return isinstance(owner, Placement) and self.vanished(owner)

    def deserted(self, account: str, region: str) -> bool:
        """Whether all that ever was in a region has vanished: its silence is then no darkness."""
        here = [place for place in self._sightings if (place.account, place.region) == (account, region)]
        return bool(here) and all(self.vanished(place) for place in here)

    def siblings(self, service: str) -> tuple[Placement, ...]:
        """Return every placement of a service."""
        return tuple(sorted(p for p in self._services if p.service == service))

    def of_region(self, account: str, region: str) -> tuple[Placement, ...]:
        """Return every placement of an account and region."""
        return tuple(sorted(p for p in self._services if (p.account, p.region) == (account, region)))

    def sharing(self, placement: Placement) -> tuple[Placement, ...]:
        """Return who else stands behind a load balancer of the placement."""
        view = self._services.get(placement)
        mine = frozenset(view.load_balancers if view else ())
        beside = self.of_region(placement.account, placement.region) if mine else ()
        return tuple(p for p in beside if p != placement and mine & set(self._services[p].load_balancers))

    def placement_behind(self, dimensions: Iterable[tuple[str, str]]) -> Placement | None:
        """Return the one placement that CloudWatch dimensions speak of, or None for none or several."""
        found = {self._behind[pair] for pair in dimensions if pair in self._behind}
        return found.pop() if len(found) == 1 else None

    def placement_named(self, service_arn: str) -> Placement | None:
        """Return the one placement that an ARN without a cluster may mean, or None for none or several."""
        short = ((place.arn.replace(f"/{place.cluster}/", "/", 1), place) for place in self._services)
        found = [place for arn, place in short if arn == service_arn]
        return found[0] if len(found) == 1 else None

    def _arrange(self) -> None:
        estates = self._estates.values()
        views = [view for estate in estates for view in estate.services]
        self._first_looks = first_looks(self._sightings.values())
        self._services = {view.placement: view for view in views if not self.vanished(view.placement)}
        self._behind = _behind(self._services.values())
        self.layout = lay_out(estates, self._line, self.scheme.metrics, self.layout)
        self._counting = self._count()

    def _line(self, view: ServiceView) -> Line:
        place = view.placement
        line = self.scheme.line(view, self._threshold_s(place.service))
        return replace(line, since=self._since(place), until=self._until(place))

    def _until(self, placement: Placement) -> float:
        """Return from which minute on a placement that has vanished may have been gone."""
        gone = self.vanished(placement)
        return minute_of(self._sightings[placement].last_seen) if gone else math.inf

    def _since(self, placement: Placement) -> int:
        """Return from which minute on a placement was there; 0 where it was when we first looked."""
        scope = (placement.account, placement.region)
        sighting, first_look = self._sightings.get(placement), self._first_looks.get(scope)
        if sighting is None or first_look is None or sighting.first_seen <= first_look:
            return 0
        return minute_of(sighting.first_seen)

    def _count(self) -> dict[Area, tuple[Key, ...]]:
        """Return whose minutes count in each region, of what is still there."""
        found: dict[Area, list[Key]] = {}
        for bundle in self.layout.bundles:
            if bundle.front.tier is Tier.SLI:
                here = found.setdefault(bundle.area, [])
                here += [key for key in bundle.keys if not self._gone(key.owner)]
        return {area: tuple(keys) for area, keys in found.items()}


def _sighted(estates: Iterable[RegionEstate], kept: Iterable[Sighting]) -> dict[Placement, Sighting]:
    """Return when placements were seen; of those that nobody noted we know the last time."""
    views = [view for estate in estates for view in estate.services]
    last = {view.placement: Sighting(view.placement, view.seen_at, view.seen_at) for view in views}
    return last | {sighting.placement: sighting for sighting in kept}


def _behind(views: Iterable[ServiceView]) -> dict[tuple[str, str], Placement]:
    """Map dimension values to placements; a load balancer that several share names none of them."""
    owners: dict[tuple[str, str], set[Placement]] = {}
    for view in views:
        names = [("TargetGroup", group) for group in view.target_groups]
        names += [("LoadBalancer", balancer) for balancer in view.load_balancers]
        for name in names:
            owners.setdefault(name, set()).add(view.placement)
    return {name: next(iter(who)) for name, who in owners.items() if len(who) == 1}
