"""Reads the past anew where somebody asked for it: a day of a region at a time, beside what happens now."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from collector.backfill import Grain, Step, next_step, polls, spread
from collector.bundle import Area
from collector.collect import gather
from collector.indicators import ALWAYS, cells
from collector.source import RETENTION_MINUTES, GapReason, Source
from fournines.known import Known
from fournines.store.books import Books
from slo.cells import Indicator, minute_of, moment_of

if TYPE_CHECKING:
    from datetime import datetime

    from collector.collect import Gathered
    from collector.watermarks import Window
    from fournines.store.backfills import Backfill as Asked

_log = logging.getLogger(__name__)


#: A day that cannot be read whole is asked for again so often, then what came of it has to do.
TRIES_MAX = 5
#: These pass: a day that met them is asked for until they have.
PASSING = frozenset({GapReason.UNREACHABLE, GapReason.THROTTLED})


@dataclass(frozen=True, slots=True)
class Backfill:
    """Takes one step of the oldest request; what was kept is noted, so that a restart goes on there.

    One call goes out after the other: what is collected now has other threads, and comes first.  `left_at` is
    until when each region had been read when the service began: what CloudWatch no longer keeps by the minute
    is asked for by itself.
    """

    source: Source
    known: Known
    books: Books
    wanted: Collection[Indicator] = ALWAYS
    left_at: dict[Area, int] = field(default_factory=dict)
    _tries: Counter[tuple[int, int]] = field(default_factory=Counter, init=False)

    def run(self, now: datetime) -> None:
        """Take a step, if anything is asked for."""
        self._after_outage(now)
        self.advance([one for one in self.books.backfills() if not one.done], now)

    def advance(self, requests: Sequence[Asked], now: datetime) -> bool:
        """Take a step of the first request that nothing hinders; return whether there was one.

        A region that does not answer holds up only what is asked of itself.
        """
        hindered: set[Area] = set()
        for asked in requests:
            if asked.area not in hindered:
                if self._step(asked, now):
                    return True
                hindered.add(asked.area)
        return False

    def _step(self, asked: Asked, now: datetime) -> bool:
        """Read a day of a region, and note that; return False if what hinders it will pass."""
        step = next_step(asked.position, asked.end, now)
        if step is None:
            self.books.backfilled(asked.number, asked.end)
            return True
        calls = tuple(polls(self.known.layout, asked.area, step))
        if not calls:
            _log.warning("of %s nothing is discovered yet: it cannot be read anew", asked.area)
            return False
        gaps: set[GapReason] = set()
        for gathered in gather(calls, self.source, workers=1):
            self.known.answered(gathered, now)
            self.books.spend(now, gathered.metrics)
            gaps |= {gap.reason for _, readings in gathered.answers for gap in readings.gaps.values()}
            fine = gathered if step.grain is Grain.MINUTES else _by_minute(gathered)
            for answers in fine.windows():
                for window in answers:
                    self._keep(window, step, now)
        if gaps:
            _log.warning("from %s, %s could not be read whole", moment_of(step.start), asked.area)
        if not PASSING.isdisjoint(gaps):
            return False
        self._tries[asked.number, step.start] += 1
        if not gaps or self._tries[asked.number, step.start] >= TRIES_MAX:
            self.books.backfilled(asked.number, step.end)
        return True

    def assume(self, left_at: Mapping[Area, int]) -> None:
        """Take the work over from another replica, which had read until then."""
        self.left_at.clear()
        self.left_at.update(left_at)

    def _after_outage(self, now: datetime) -> None:
        """Ask for what was missed too long ago to be read by the minute: once, when the service begins."""
        fine = minute_of(now) - RETENTION_MINUTES
        for area, until in tuple(self.left_at.items()):
            if until < fine:
                self.books.ask_backfill([area], until, fine, now)
            del self.left_at[area]

    def _keep(self, window: Window, step: Step, now: datetime) -> None:
        block, _ = cells(window, now, self.known.scheme.settle_s, self.wanted)
        if step.grain is Grain.MINUTES:
            self.known.corrected(self.books.record(block.told(), now))
        else:
            self.books.fill(block)


def _by_minute(gathered: Gathered) -> Gathered:
    return replace(gathered, answers=tuple((poll, spread(told)) for poll, told in gathered.answers))
