"""What is due to be read at a moment, and over which minutes.

CloudWatch bills per metric asked, not per point: so windows are wide, and calls few.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.bundle import Area, Key, Owner
from collector.catalog import HEALTHY_HOSTS, MESH_ALIVE
from collector.idle import Idle
from collector.layout import Asked
from collector.metric import Metric, Tier
from collector.source import POINTS_PER_CALL_MAX, QUERIES_PER_CALL_MAX, RETENTION_MINUTES, Batch
from collector.watermarks import Mark
from slo.cells import minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from collector.bundle import Bundle, Front, Track
    from collector.layout import Layout

HOUR, DAY = 60, 24 * 60

#: What one call of 500 series holds.
NARROW_MINUTES = POINTS_PER_CALL_MAX // QUERIES_PER_CALL_MAX
#: Wider windows are cut into days, of as many series as one call then holds.
WIDE_MINUTES = DAY
WIDE_QUERIES_MAX = POINTS_PER_CALL_MAX // WIDE_MINUTES
#: Minutes that lag by more than the overlap start at these: bundles that lag alike are asked together.
LATE_STEP = 15

#: Bought only of bundles that were silent lately: they tell quiet minutes from unknown ones.
WITNESSES: frozenset[Metric] = frozenset({HEALTHY_HOSTS, MESH_ALIVE})
#: How long after a silent minute they are still asked.
SILENT_FOR = HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often, how far back and how patiently is read; all in minutes.

    `sli_every` and `slow_every` hold where all is quiet, `hot_every` of a service that something speaks of.
    `overlap` is re-read each time, since minutes are revised; once an hour `hourly` minutes are, and once a
    day `daily`: a day, and as much more as a revision may be late.  `first_look` is read of a bundle that was
    never read.  Minutes that did not arrive are asked for again for `late_max`.  After an outage
    `catch_up_max` further windows go out beside the newest one.
    """

    sli_every: int = 5
    slow_every: int = 15
    hot_every: int = 1
    overlap: int = 5
    hourly: int = 180
    daily: int = 30 * HOUR
    first_look: int = HOUR
    late_max: int = 180
    catch_up_max: int = 8

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")

    def every(self, tier: Tier, *, hot: bool) -> int | None:
        """Return how many minutes lie between two readings; None for what is not read at all."""
        if hot:
            return self.hot_every
        return {Tier.SLI: self.sli_every, Tier.SLOW: self.slow_every, Tier.HOT: None}[tier]

    def back(self, bundle: Bundle, before: int, end: int) -> int:
        """Return how many minutes back a reading looks at least: far, once an hour and once a day."""
        if _passed(bundle.slot, DAY, before, end):
            return self.daily
        return self.hourly if _passed(bundle.slot, HOUR, before, end) else self.overlap


def _passed(slot: int, period: int, before: int, end: int) -> bool:
    """Whether a bundle's own minute of the period lies in `[before, end)`."""
    return (before - slot) // period != (end - slot) // period


@dataclass(frozen=True, slots=True)
class Poll:
    """One GetMetricData call to be made: a batch of a question over the minutes `[start, end)`."""

    asked: Asked
    batch: Batch
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A bundle was last asked for until `at`, and so many `times` in a row it was not answered."""

    at: int
    times: int = 1

    def again(self, at: int) -> Refused:
        """Return it after one more refusal."""
        return Refused(at, self.times + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen so far: how far each bundle was read, what fell silent, what is hot and where it is felt.

    `hole` names the oldest minute that is still unknown of what has any; `refused` is what was not answered
    when it was last asked; `appeared` since when an owner may have been there that the last look lacked.
    """

    marks: Mapping[Key, Mark]
    refused: Mapping[Key, Refused] = field(default_factory=dict)
    appeared: Mapping[Owner, int] = field(default_factory=dict)
    idle: Idle
    hot: Collection[str] = frozenset()
    alarmed: Collection[Area] = frozenset()
    hole: Callable[[Key], int | None] = lambda _: None


@dataclass(slots=True)
class _Group:
    """Bundles of one front and region that are read from the same minute on, and what each leaves out."""

    start: int
    places: list[int] = field(default_factory=list)
    left_out: list[frozenset[Metric]] = field(default_factory=list)


def due(layout: Layout, seen: Seen, now: datetime, cadence: Cadence) -> tuple[Poll, ...]:
    """Return the calls that are due, the newest minutes of each bundle first."""
    end = minute_of(now)
    groups: dict[tuple[Track, Front, int], _Group] = {}
    for place, bundle in enumerate(layout.bundles):
        if _due(bundle, seen, end, cadence):
            start = _start(bundle, seen, end, cadence)
            group = groups.setdefault((bundle.track, bundle.front, start), _Group(start))
            group.places.append(place)
            group.left_out.append(_left_out(bundle, seen, end))
    return tuple(poll for group in groups.values() for poll in _polls(layout, group, end, cadence))


def _due(bundle: Bundle, seen: Seen, end: int, cadence: Cadence) -> bool:
    tier = bundle.front.tier
    felt = tier is Tier.SLI and bundle.area in seen.alarmed
    every = cadence.every(tier, hot=felt or not bundle.services.isdisjoint(seen.hot))
    if every is None:
        return False
    refused = _refused(bundle, seen)
    # What was read or refused in the future was so by a clock that has been set back since.
    if refused is not None and 0 <= end - refused.at < min(refused.times, every):
        return False
    marks = (seen.marks.get(key) for key in bundle.keys)
    # Turns follow the clock: what was read more often for a while is then read with all others again.
    return any(mark is None or mark.asked > end or mark.asked // every != end // every for mark in marks)


def _refused(bundle: Bundle, seen: Seen) -> Refused | None:
    """Return the last refusal of a bundle that was not answered since: it is asked ever more rarely."""
    found = (seen.refused.get(key) for key in bundle.keys)
    return max((one for one in found if one is not None), key=lambda one: one.times, default=None)


def _start(bundle: Bundle, seen: Seen, end: int, cadence: Cadence) -> int:
    """Return the first minute to be read of a bundle."""
    marks = [seen.marks.get(key) for key in bundle.keys]
    known = [mark for mark in marks if mark is not None]
    if bundle.front.tier is not Tier.SLI:
        return end - cadence.first_look
    starts: list[int] = []
    if len(known) < len(marks):
        appeared = (seen.appeared[key.owner] for key in bundle.keys if key.owner in seen.appeared)
        starts += [end - cadence.first_look, *appeared]
    if known:
        before = min(end, *(mark.asked for mark in known))
        back = cadence.back(bundle, before, end)
        # Counted from the last answer: what was revised during an outage had no other look back.
        starts += [min(mark.arrived for mark in known) - cadence.overlap, before - back]
        if back >= cadence.daily:
            starts += [hole for key in bundle.keys if (hole := seen.hole(key)) is not None]
    start = min(starts)
    late = end - start > cadence.overlap + max(LATE_STEP, cadence.sli_every)
    # What was missed is read once there are answers again.
    oldest = end - (NARROW_MINUTES if _refused(bundle, seen) else RETENTION_MINUTES)
    return max(start // LATE_STEP * LATE_STEP if late and known else start, oldest)


def _left_out(bundle: Bundle, seen: Seen, end: int) -> frozenset[Metric]:
    """Return the metrics that need not be bought of a bundle this time."""
    if bundle.front.tier is not Tier.SLI:
        hot = not bundle.services.isdisjoint(seen.hot)
        return frozenset() if hot else seen.idle.metrics(bundle, end)
    marks = [seen.marks.get(key) for key in bundle.keys]
    talkative = all(mark is not None and mark.silent < mark.asked - SILENT_FOR for mark in marks)
    return WITNESSES if talkative else frozenset()


def _polls(layout: Layout, group: _Group, end: int, cadence: Cadence) -> Iterator[Poll]:
    """Yield a group's calls: what happens now is never kept waiting by what is made up for.

    The last day is revised even while holes far behind it are filled.
    """
    newest = max(group.start, end - NARROW_MINUTES)
    asked = layout.asked(group.places, group.left_out)
    yield from (Poll(asked, batch, newest, end) for batch in asked.batches)
    if group.start == newest:
        return
    wide = layout.asked(group.places, group.left_out, WIDE_QUERIES_MAX)
    begins = range(group.start, newest, WIDE_MINUTES)
    last_day, before = begins[-2:], begins[:-2]
    for begin in [*last_day, *before][: cadence.catch_up_max]:
        yield from (Poll(wide, batch, begin, min(begin + WIDE_MINUTES, newest)) for batch in wide.batches)
