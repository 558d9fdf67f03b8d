"""Collecting alone, on a stepped clock: discovery and reading, and what the world says of the cells."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from fournines.clock import Job, Record, Stepped, Steps
from fournines.jobs.measure import Collect, Discover
from fournines.known import Known
from fournines.rehearsal.direct import WorldMetrics, WorldSessions
from fournines.service import Pace
from fournines.wire import InProcess
from simulator.world import World
from slo.cells import Indicator, Placement, Sli, State, minute_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.scheme import Scheme
    from collector.source import Source
    from fournines.store.books import Books
    from simulator.estate import Place
    from simulator.scenario import Scenario
    from simulator.truth import Truth

STEP = timedelta(seconds=15)


class Collecting:
    """A world, and a collector that reads it; `began` again it goes on from the books, as after a crash."""

    def __init__(
        self,
        scenario: Scenario,
        books: Books,
        scheme: Scheme | None = None,
        around: Callable[[Source], Source] = lambda source: source,
    ) -> None:
        self.world, self.clock, self.books = World(scenario), Stepped(scenario.start), books
        self._scheme, self._around = scheme, around
        self.begin(books)

    def begin(self, books: Books) -> None:
        """Begin anew with what the books remember."""
        world, pace = self.world, Pace()
        self.books, self.known = books, Known(books, self._slow_s, self._scheme)
        wired = InProcess(WorldSessions(world), WorldMetrics(world).read, self.clock.now)
        self.source = self._around(wired.source())
        scopes = sorted({(place.account, place.region) for place in world.estate.places})
        self.record = Record()
        jobs = (
            Job("discover", pace.discover, Discover(self.source, scopes, self.known, books, 1).run),
            Job("collect", pace.collect, Collect(self.source, self.known, books, 1).run),
        )
        self._steps = Steps(jobs, self.clock, self.record)

    def until(self, end: datetime) -> None:
        """Live until a moment."""
        while self.world.now < end:
            moment = min(self.world.now + STEP, end)
            self.world.step(moment)
            self._steps.until(moment)

    def _slow_s(self, _: str) -> float:
        return self.world.scenario.estate.slow_ms / 1000


def wrong_cells(world: World, books: Books, start: datetime, end: datetime) -> list[str]:
    """Return every cell of the minutes that is not what the world served, in words."""
    found = []
    span = range(max(minute_of(start), world.truth.start), min(minute_of(end), world.truth.end))
    rows = slice(span.start - world.truth.start, span.stop - world.truth.start)
    for place in world.estate.places:
        placement = Placement(place.account, place.region, place.cluster, place.service)
        for indicator, (bad, total) in _expected(world.truth, rows, place).items():
            with books.ledger() as ledger:
                had_bad, had_total, state = ledger.minutes(Sli(placement, indicator), span.start, span.stop)
            told = np.where(total > 0, State.OBSERVED, State.NO_TRAFFIC)
            wrong = (had_bad != bad) | (had_total != total) | (state != told)
            found += [
                f"{placement}/{indicator} minute {span.start + row}: {State(state[row]).name} "
                f"{had_bad[row]}/{had_total[row]}, the world served {bad[row]}/{total[row]}"
                for row in np.flatnonzero(wrong).tolist()
            ]
    return found


def _expected(truth: Truth, rows: slice, place: Place) -> dict[Indicator, tuple[np.ndarray, np.ndarray]]:
    """Return bad and total of both indicators, or neither where nobody sends requests.

    What no target answered was not fast.
    """
    if not (place.balanced or place.meshed):
        return {}
    scale, index = Indicator.LATENCY.scale, place.index
    total, answered = truth.total[rows, index], truth.answered[rows, index]
    slow = truth.slow[rows, index] + total - answered
    return {
        Indicator.AVAILABILITY: (truth.bad[rows, index], total),
        Indicator.LATENCY: (slow * scale, total * scale),
    }
