"""When a check is due, what the checks of a minute count, and from when failures are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from collector.probes import TARGETS_MAX, Reason
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from collector.probes import Result, Target

#: One lost packet is no news; the next check is seconds away.
TOLD_AFTER = 2
#: A check that has not ended for so long no longer keeps its minute waiting; what comes of it is not counted.
HELD_MINUTES_MAX = 10

_MS = timedelta(milliseconds=1)
MINUTE = timedelta(minutes=1)
#: Within what a check is interesting to be answered.
ANSWERED_WITHIN_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def turn(target: Target, moment: datetime) -> int:
    """Return the number of the target's turn that holds the moment; targets are spread over the period."""
    every, phase = _rhythm(target)
    return (int(moment.timestamp() * 1000) - phase) // every


@lru_cache(maxsize=TARGETS_MAX)
def _rhythm(target: Target) -> tuple[int, int]:
    every = target.check.every // _MS
    return every, crc32(f"{target.placement} {target.name}".encode()) % every


def due(
    targets: Iterable[Target], begun: Mapping[Target, datetime], busy: Collection[Target], now: datetime
) -> list[Target]:
    """Return the targets whose turn has come, those that have waited longest first.

    A target whose check still runs is left alone, and a turn that was missed is not made up for.
    """
    ready = [
        target
        for target in targets
        if target not in busy and (target not in begun or _again(target, begun[target], now))
    ]
    return sorted(ready, key=lambda target: begun[target].timestamp() if target in begun else 0.0)


def _again(target: Target, begun: datetime, now: datetime) -> bool:
    """Whether the next turn has come; two checks, such as the first at start, lie half a period apart."""
    return turn(target, now) > turn(target, begun) and now - begun >= target.check.every / 2


def settled(running: Iterable[datetime], now: datetime) -> int:
    """Return the minute before which nothing is to come, of checks that began at `running` and go on."""
    minute = minute_of(now)
    return max(min([minute, *map(minute_of, running)]), minute - HELD_MINUTES_MAX)


def count(results: Iterable[Result], minute: int) -> Block:
    """Return what the checks that began in the minute count, by placement; who is not in it is unknown."""
    told = [result for result in results if result.counts and minute_of(result.at) == minute]
    total = Counter(result.target.placement for result in told)
    bad = Counter(result.target.placement for result in told if result.failed)
    placements = sorted(total)
    return Block(
        slis=tuple(Sli(placement, Indicator.PROBE) for placement in placements),
        start=minute,
        bad=np.array([[bad[placement] for placement in placements]], np.int64),
        total=np.array([[total[placement] for placement in placements]], np.int64),
        state=np.full((1, len(placements)), State.OBSERVED, np.uint8),
    )


def answered(targets: Iterable[Target], start: int, end: int) -> Block:
    """Return what the minutes `[start, end)` count in which every check of these is answered."""
    total = Counter[Placement]()
    for target in targets:
        total[target.placement] += MINUTE // target.check.every
    placements, shape = sorted(total), (end - start, len(total))
    return Block(
        slis=tuple(Sli(placement, Indicator.PROBE) for placement in placements),
        start=start,
        bad=np.zeros(shape, np.int64),
        total=np.broadcast_to(np.array([total[placement] for placement in placements], np.int64), shape),
        state=np.full(shape, State.OBSERVED, np.uint8),
    )


def in_a_row(before: int, result: Result) -> int:
    """Return how many checks have failed in a row; one that says nothing changes nothing."""
    if not result.counts:
        return before
    return before + 1 if result.failed else 0


@dataclass(frozen=True, slots=True)
class Seen:
    """All checks of a target since this process began; `within[i]` took up to `ANSWERED_WITHIN_S[i]`."""

    checks: int = 0
    failures: Mapping[Reason, int] = field(default_factory=dict)
    within: tuple[int, ...] = (0,) * (len(ANSWERED_WITHIN_S) + 1)
    seconds: float = 0.0

    def plus(self, result: Result) -> Seen:
        """Return it with one more."""
        reason, seconds = result.answer.reason, result.answer.seconds
        place = next(
            (n for n, bound in enumerate(ANSWERED_WITHIN_S) if seconds <= bound), len(ANSWERED_WITHIN_S)
        )
        within = (*self.within[:place], self.within[place] + 1, *self.within[place + 1 :])
        failures = {**self.failures, reason: self.failures.get(reason, 0) + 1} if reason else self.failures
        return Seen(self.checks + 1, failures, within, self.seconds + seconds)
