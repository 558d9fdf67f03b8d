"""Reads the past anew where somebody asked for it: a day of a region at a time, beside what happens now."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collector.backfill import Grain, Step, next_step, polls, spread
from collector.bundle import Area
from collector.collect import gather
from collector.indicators import ALWAYS, cells
from collector.source import RETENTION_MINUTES, GapReason, Readings, Source
from collector.watermarks import windows
from fournines.known import Known
from fournines.store.books import Books
from slo.cells import Indicator, minute_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from collector.plan import Poll
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
        open_requests = (one for one in self.books.backfills() if not one.done)
        if (asked := next(open_requests, None)) is not None:
            self.step(asked, now)

    def step(self, asked: Asked, now: datetime) -> None:
        """Read a day of a region, and note that; what was refused is asked for again at the next turn."""
        step = next_step(asked.position, asked.end, now)
        if step is None:
            self.books.backfilled(asked.number, asked.end)
            return
        whole, hindered = True, False
        for gathered in gather(polls(self.known.layout, asked.area, step), self.source, workers=1):
            self.known.answered(gathered, now)
            self.books.spend(f"{now:%Y-%m}", sum(cost.metrics for cost in gathered.spent.values()))
            gaps = [gap.reason for _, readings in gathered.answers for gap in readings.gaps.values()]
            whole &= not gaps
            hindered |= not PASSING.isdisjoint(gaps)
            for window in _windows(gathered.answers, step):
                self._keep(window, step, now)
        self._tries[asked.number, step.start] += not hindered
        if whole or self._tries[asked.number, step.start] >= TRIES_MAX:
            self.books.backfilled(asked.number, step.end)
        if not whole:
            _log.warning("from %s, %s could not be read whole", moment_of(step.start), asked.area)

    def _after_outage(self, now: datetime) -> None:
        """Ask for what was missed too long ago to be read by the minute: once, when the service begins."""
        fine = minute_of(now) - RETENTION_MINUTES
        while self.left_at:
            area, until = self.left_at.popitem()
            if until < fine:
                self.books.ask_backfill([area], until, fine, now)

    def _keep(self, window: Window, step: Step, now: datetime) -> None:
        block, _ = cells(window, now, self.known.scheme.settle_s, self.wanted)
        if step.grain is Grain.MINUTES:
            self.known.corrected(self.books.record(block.told(), now))
        else:
            self.books.fill(block)


def _windows(answers: tuple[tuple[Poll, Readings], ...], step: Step) -> Iterator[Window]:
    """Yield the answers front by front, as minutes."""
    questions: dict[int, tuple[Poll, list[Readings]]] = {}
    for poll, readings in answers:
        fine = readings if step.grain is Grain.MINUTES else spread(readings)
        questions.setdefault(id(poll.asked), (poll, []))[1].append(fine)
    for poll, of in questions.values():
        yield from windows(poll.asked, of)
