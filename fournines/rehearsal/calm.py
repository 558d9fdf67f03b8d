"""When nothing would happen for a while, so that the minutes may be lived through at once.

The world tells what would be, and the burn tiers' own limits how long nobody would notice anything.  This
sets the pace of a rehearsal and nothing else: the service is told what it always is, by the same jobs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from fournines.rehearsal.direct import WorldMailbox
from fournines.service import Service
from fournines.store.books import Books
from simulator.world import World
from slo.burn import DEAD_FAILURES_MIN, FAILURES_MIN, RULES, Severity
from slo.cells import Indicator, minute_of
from slo.evidence import failures_needed
from slo.ledger import WINDOWS
from slo.objectives import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.lived import Lived
    from simulator.serving import Outcome
    from simulator.truth import Counts, Truth
    from slo.burn import Rule

#: A rehearsal goes in steps of so much where it does not rest.
STEP, MINUTE = timedelta(seconds=5), timedelta(minutes=1)
IDLE = frozenset({"probe"})
#: As far as is rested at a time: what counts is then read in one look, while CloudWatch keeps it for 3 hours.
REST = timedelta(minutes=150)
#: A rest ends where everything is read: then it is known what would be known by then without it.
GRAIN_MINUTES = 15
#: These minutes are known before a rest, but for the newest, which may still be late.
KNOWN_MINUTES, LATE_MINUTES = 60, 8
#: A tier is near where it burns by this share of its limit: of the newest minute not all is counted at first.
MARGIN = 0.8
#: A ticket is for what is still being spent, over so many minutes [fournines.jobs.measure.Evaluate].
SPENT_OVER = 30
#: The quickest look at what fails, and how many budgets at least it has to burn.
QUICKEST, QUICKEST_BURN = 5, 6.0
COUNTED = frozenset({Indicator.AVAILABILITY, Indicator.LATENCY})
LONGEST = max(WINDOWS[rule.long] for rule in RULES)
#: Tasks that are busier than this may answer nobody who knocks.
BUSY_CPU = 90.0


@dataclass(slots=True)
class Calm:
    """Rests where neither the world nor the service has anything to do."""

    world: World
    service: Service
    books: Books
    mailbox: WorldMailbox
    objectives: Sequence[Objective]
    rested: timedelta = field(default=timedelta(), init=False)
    _again: datetime | None = field(default=None, init=False)
    _checked: datetime | None = field(default=None, init=False)

    def rest(self) -> bool:
        """Rest if nothing is to be done now; return whether any time passed."""
        world, now = self.world, self.world.now
        if now.second or (self._again is not None and now < self._again) or not self._quiet(now):
            return False
        world.rest(min(now + REST, world.scenario.end), self._heed, GRAIN_MINUTES)
        if world.now == now:
            self._again = now + timedelta(minutes=GRAIN_MINUTES - minute_of(now) % GRAIN_MINUTES)
            return False
        self._answered(world.now)
        self.rested += world.now - now
        return True

    def idle(self) -> Collection[str]:
        """Return the jobs that need not run now: checks from outside, while all answers are known.

        The first minute is checked, and so is the last moment.
        """
        world, probe = self.world, self.service.probe
        if probe is None:
            return ()
        begun = world.now - world.scenario.start > MINUTE
        if begun and world.now < world.scenario.end and world.well and not probe.troubled:
            return IDLE
        self._answered(world.now - STEP)
        self._checked = world.now
        return ()

    def _answered(self, until: datetime) -> None:
        """Count the checks that were not made as answered."""
        if self.service.probe is not None and self._checked is not None and until > self._checked:
            self.service.probe.rested(self._checked, until, STEP)
            self._checked = until

    def _quiet(self, now: datetime) -> bool:
        """Whether nothing is under way, expected or in doubt."""
        known, world = self.service.known, self.world
        return not (
            world.hindered
            or (self.service.probe is not None and (self.service.probe.troubled or not world.well))
            or any(one.in_slices or one.conditions or one.indicator not in COUNTED for one in self.objectives)
            or known.heat.hot(now)
            or known.heat.alarmed(now)
            or known.refused
            or known.doubted
            or known.unreadable
            or self.service.board.failing()
            or self.mailbox.receive()
            or self.books.open_incidents()
            or self.books.runs.lately(now, "")
            or self.books.outbox.waiting_since() is not None
            or self.books.unfolded_events()
            or self._in_the_dark(minute_of(now))
        )

    def _in_the_dark(self, end: int) -> bool:
        """Whether minutes of late are unknown that something waits for."""
        with self.books.ledger() as ledger:
            told = ledger.over(end - KNOWN_MINUTES, end - LATE_MINUTES)
            counted = np.concatenate([ledger.columns(one.indicator) for one in self.objectives])
            return not len(counted) or bool(told.unknown[counted].any())

    def _heed(self, lived: Lived) -> int:
        """Return how many of the minutes pass before any tier could fire, or a check from outside fail."""
        busy = (lived.cpu >= BUSY_CPU).any(axis=1)
        ends = [int(busy.argmax()) if busy.any() else len(lived)]
        for objective in self.objectives:
            allowed = float(objective.budget) * MARGIN
            bad, total = self._counts(objective.indicator, lived, SPENT_OVER, slice(None))
            near = _over(bad, total, SPENT_OVER, allowed) | _over(
                bad, total, QUICKEST, allowed * QUICKEST_BURN
            )
            columns = np.flatnonzero(near[-len(lived) :].any(axis=0))
            if len(columns):
                bad, total = self._counts(objective.indicator, lived, LONGEST, columns)
                period = len(objective.window.stretch(self.world.now))
                tiers = [(rule, float(rule.factor(period) or math.inf) * allowed) for rule in RULES]
                fires = np.any([_fires(rule, bad, total, limit, allowed) for rule, limit in tiers], axis=0)
                ends += np.flatnonzero(fires[-len(lived) :].any(axis=1))[:1].tolist()
        return min(ends)

    def _counts(
        self, indicator: Indicator, lived: Lived, before: int, columns: slice | NDArray[np.intp]
    ) -> tuple[Counts, Counts]:
        """Return bad and total of the minutes that would be, and of so many before them."""
        truth = self.world.truth
        past = truth.rows(lived.start - before, lived.start)
        bad, total = (
            np.concatenate([told(truth, past, columns), told(lived.outcome, slice(None), columns)])
            for told in ((_bad if indicator is Indicator.AVAILABILITY else _slow), _total)
        )
        return bad, total


def _bad(source: Truth | Outcome, rows: slice, columns: slice | NDArray[np.intp]) -> Counts:
    return source.bad[rows][:, columns]


def _slow(source: Truth | Outcome, rows: slice, columns: slice | NDArray[np.intp]) -> Counts:
    """Return what was not fast: what no target answered was not either."""
    slow, total, answered = (
        table[rows][:, columns] for table in (source.slow, source.total, source.answered)
    )
    return slow + total - answered


def _total(source: Truth | Outcome, rows: slice, columns: slice | NDArray[np.intp]) -> Counts:
    return source.total[rows][:, columns]


def _fires(rule: Rule, bad: Counts, total: Counts, limit: float, allowed: float) -> NDArray[np.bool_]:
    """Return in which minutes [minutes, columns] a tier could fire, which asks for a ratio of `limit`."""
    long, short = WINDOWS[rule.long], WINDOWS[rule.short]
    fires = _over(bad, total, long, limit) & _over(bad, total, short, limit)
    if rule.tier.severity is Severity.TICKET:
        fires &= _over(bad, total, SPENT_OVER, allowed)
    spent, asked = _sums(bad, long), _sums(total, long)
    for place in zip(*np.nonzero(fires), strict=True):
        enough = max(FAILURES_MIN, failures_needed(int(asked[place] * MARGIN), limit))
        fires[place] = spent[place] >= min(enough, DEAD_FAILURES_MIN)
    return fires


def _over(bad: Counts, total: Counts, window: int, limit: float) -> NDArray[np.bool_]:
    """Return [minutes, columns]: whether so much of the window that ends there was bad."""
    spent = _sums(bad, window)
    over: NDArray[np.bool_] = (spent > 0) & (spent >= _sums(total, window) * limit)
    return over


def _sums(counts: Counts, window: int) -> Counts:
    """Return the sums of the windows that end with each minute, as far as there are minutes."""
    upto = np.cumsum(counts, axis=0)
    upto[window:] -= upto[:-window].copy()
    return upto
