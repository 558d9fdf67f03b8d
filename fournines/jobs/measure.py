"""What is there, what was counted, and what burns."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from collector import running
from collector.bundle import Front, Key
from collector.collect import gather
from collector.indicators import ALWAYS, cells
from collector.metric import Tier
from collector.plan import Cadence, Seen, due
from collector.price import METRIC_USD, month_gone, thrift
from collector.source import RETENTION_MINUTES, CollectError, Source
from collector.watermarks import moved, unanswered
from fournines.desk import Desk
from fournines.known import Known
from fournines.store.books import Books
from fournines.store.place import StoreError
from remediation.incidents import DOUBTED, Symptom
from remediation.receive import QUIET_FOR
from slo.burn import Severity, firing
from slo.cells import Indicator, Placement, Sli, State, minute_of
from slo.conditions import Condition
from slo.ledger import WINDOWS
from slo.lookback import tally
from slo.objectives import Objective

if TYPE_CHECKING:
    from datetime import datetime

    from collector.collect import Gathered
    from collector.doubts import Doubted
    from collector.watermarks import Window
    from slo.burn import Alert
    from slo.ledger import Ledger

_log = logging.getLogger(__name__)

#: A ticket is for what is spent now: a window of so many minutes must burn at least as fast as can be
#: sustained, or the shortest that holds a slice.
STILL_BURNS = 30
#: Windows end with the newest known minute, but never further back: what stalls must not keep alerts firing.
STALE_AFTER = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Discover:
    """Finds every service of every region; one that cannot be read keeps what was known of it.

    A service that an answer lacks is doubted first, and then known as vanished.  What runs is kept for the
    month's statement: a look stands for the time since the one before, as far as that is `every`.
    """

    source: Source
    scopes: Sequence[tuple[str, str]]
    known: Known
    books: Books
    workers: int = 5
    every: timedelta = timedelta(minutes=5)

    def run(self, now: datetime) -> None:
        """Ask all regions side by side."""
        del now  # each answer carries its own time
        if self.workers == 1:
            for scope in self.scopes:
                self._ask(*scope)
            return
        with ThreadPoolExecutor(self.workers, thread_name_prefix="discover") as pool:
            list(pool.map(lambda scope: self._ask(*scope), self.scopes))

    def _ask(self, account: str, region: str) -> None:
        try:
            estate = self.source.estate(account, region)
        except CollectError as problem:
            _log.warning("region %s of account %s cannot be discovered: %s", region, account, problem)
            self.known.could_not_read(account, region, str(problem))
            return
        for trouble in estate.untold:
            _log.warning("not all is told of region %s of account %s: %s", region, account, trouble)
        standing = self.known.saw(estate)
        for sighting in standing.sightings:
            if sighting.missing_since == estate.seen_at:
                _log.warning("%s is missing: it has vanished if the next answer lacks it", sighting.placement)
        self.books.save_estate(standing.estate, standing.sightings)
        self.books.record_usage(running.covered(estate.seen_at, self.every), running.rows(estate))


@dataclass(frozen=True, slots=True)
class Collect:
    """Reads what is due, and keeps it as cells."""

    source: Source
    known: Known
    books: Books
    workers: int = 5
    wanted: Collection[Indicator] = ALWAYS

    def run(self, now: datetime) -> None:
        """Ask for what is due; each region is kept as soon as it has answered."""
        seen = Seen(
            marks=self.known.marks,
            refused=self.known.refused,
            appeared=self.known.appeared,
            idle=self.known.idle,
            hot=self.known.heat.hot(now),
            alarmed=self.known.heat.alarmed(now),
            hole=lambda key: self._hole(key, now),
        )
        polls = due(self.known.layout, seen, now, self._cadence(now))
        problems: list[StoreError] = []
        for gathered in gather(polls, self.source, self.workers):
            problems += self._take(gathered, now)
        if problems:
            raise problems[0]

    def _take(self, gathered: Gathered, now: datetime) -> list[StoreError]:
        """Keep what a region answered; what cannot be kept of one question holds up no other."""
        self.known.answered(gathered, now)
        problems, asked, failed = list[StoreError](), set[Key](), set[Key]()
        for answers in gathered.windows():
            keys = {key for bundle in answers[0].asked.bundles for key in bundle.keys}
            asked |= keys
            failed |= unanswered(answers)
            try:
                self._keep(answers, failed, now)
            except StoreError as problem:
                problems.append(problem)
                failed |= keys
        self.known.refuse(asked, failed, minute_of(now))
        try:
            self.books.spend(now, gathered.metrics)
        except StoreError as problem:
            problems.append(problem)
        if gathered.answered and not problems:
            self.known.answers += 1
        return problems

    def _cadence(self, now: datetime) -> Cadence:
        """Return how often is read, as far as the month's budget allows; a change is said."""
        scheme = self.known.scheme
        if scheme.budget_usd is None:
            return scheme.cadence
        spent_usd = self.books.spent(now) * METRIC_USD
        level = thrift(spent_usd, scheme.budget_usd, month_gone(now))
        if level is not self.known.thrift:
            _log.warning(
                "%.2f of %.2f USD are spent this month. %s", spent_usd, scheme.budget_usd, level.sentence
            )
            self.known.thrift = level
        return self.known.cadence

    def _keep(self, answers: Sequence[Window], failed: Collection[Key], now: datetime) -> None:
        """Keep the answers to one question, and only then how far was read.

        What was refused, before or just now, looks a little way back until it is answered; only then as far
        as it has to.
        """
        scheme = self.known.scheme
        reached = moved(self.known.marks, answers, scheme.cadence.late_max)
        held = self.known.refused.keys() | failed
        marks = {key: mark for key, mark in reached.items() if key not in held}
        if answers[0].asked.track.tier is Tier.SLI:
            for window in answers:
                block, doubts = cells(window, now, scheme.settle_s, self.wanted)
                for doubt in doubts:
                    _log.warning("%s", doubt.sentence)
                self.known.weigh(window, doubts, now)
                kept = marks if window is answers[-1] else {}
                self.known.corrected(self.books.record(block.told(), now, kept))
        for window in answers:
            self.known.heard(window, now)
        self.known.read(marks)

    def _hole(self, key: Key, now: datetime) -> int | None:
        """Return the oldest minute that is unknown though an earlier one is known."""
        assert isinstance(key.owner, Placement), "what counts belongs to a placement"
        sli = Sli(key.owner, Indicator.FRESHNESS if key.front is Front.QUEUE else Indicator.AVAILABILITY)
        end = minute_of(now)
        with self.books.ledger() as ledger:
            _, _, state = ledger.raw().minutes(sli, end - RETENTION_MINUTES, end)
        known = np.flatnonzero(state != State.UNKNOWN)
        if not len(known):
            return None
        holes = np.flatnonzero(state[known[0] :] == State.UNKNOWN)
        return end - RETENTION_MINUTES + int(known[0]) + int(holes[0]) if len(holes) else None


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Asks every objective whether it burns, and folds what fires, or does not add up, into incidents."""

    objectives: Sequence[Objective]
    known: Known
    books: Books
    desk: Desk

    def run(self, now: datetime) -> None:
        """Fold the alerts of this moment; what has vanished rings no more."""
        self.books.turn_back(minute_of(now))
        with self.books.ledger() as ledger:
            ledger.advance(minute_of(now - STALE_AFTER))
            alerts = [a for a in firing(self.objectives, ledger, now) if self._goes_on(a, ledger)]
        signals: list[Alert | Symptom] = [
            *alerts,
            *(_contradiction(one, now) for one in self.known.doubtful(now, self._told(now))),
        ]
        if signals:
            self.desk.fold(signals, now)
        self.desk.keep_hot(now)

    def _told(self, now: datetime) -> set[Placement]:
        """Return whose doubts people know of: these need not last once more to go on, as after a restart."""
        known = self.books.open_incidents() if self.known.doubted else ()
        signs = (sign for incident in known for sign in incident.symptoms)
        return {s.placement for s in signs if s.name.startswith(DOUBTED) and now - s.last_seen < QUIET_FOR}

    def _goes_on(self, alert: Alert, ledger: Ledger) -> bool:
        """Whether the budget is still being spent: a ticket's windows ring for hours after an outage.

        A condition that somebody wrote says itself for how long it rings.
        """
        if self.known.vanished(alert.placement):
            return False
        if alert.severity == "page" or isinstance(alert.tier, Condition):
            return True
        objective = next(o for o in self.objectives if o.name == alert.objective)
        least = max(STILL_BURNS, objective.slice_minutes)
        window = next(minutes for minutes in WINDOWS.values() if minutes >= least)
        burnt = tally(objective, Sli(alert.placement, alert.indicator), window, ledger).ratio
        return burnt is not None and burnt >= objective.budget


def _contradiction(one: Doubted, now: datetime) -> Symptom:
    return Symptom(
        placement=one.doubt.placement,
        name=f"{DOUBTED}{one.doubt.name}",
        severity=Severity.TICKET,
        sentence=f"{one.doubt.sentence}, for {(now - one.since) // MINUTE} min.",
        first_seen=now,
        last_seen=now,
    )
