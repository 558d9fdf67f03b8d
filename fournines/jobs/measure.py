"""What is there, what was counted, and what burns."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.catalog import Tier
from collector.collect import gather
from collector.indicators import cells
from collector.load import loads
from collector.plan import Cadence, due
from collector.source import CollectError, Source
from collector.watermarks import moved, windows
from fournines.desk import Desk
from fournines.known import Known
from fournines.store.books import Books
from slo.burn import burns, firing
from slo.cells import minute_of
from slo.objectives import Objective

if TYPE_CHECKING:
    from datetime import datetime

    from collector.collect import Gathered
    from collector.layout import Asked
    from collector.source import Readings
    from slo.burn import Alert
    from slo.ledger import Ledger

_log = logging.getLogger(__name__)

#: A ticket is for what is spent now: this window must burn at least as fast as can be sustained.
STILL_BURNS = "30m"
#: Windows end with the newest known minute, but never further back: what stalls must not keep alerts firing.
STALE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Discover:
    """Finds every service of every region; one that cannot be read keeps what was known of it."""

    source: Source
    scopes: Sequence[tuple[str, str]]
    known: Known
    books: Books
    workers: int = 5

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
        self.known.saw(estate)
        self.books.save_estate(estate)


@dataclass(frozen=True, slots=True)
class Collect:
    """Reads what is due, and keeps it as cells."""

    source: Source
    known: Known
    books: Books
    cadence: Cadence
    settle_s: int
    workers: int = 5

    def run(self, now: datetime) -> None:
        """Ask for what is due; each region is kept as soon as it has answered."""
        polls = due(self.known.layout, self.known.marks, now, self.cadence)
        for gathered in gather(polls, self.source, self.workers):
            self.known.paid(gathered.spent)
            self._keep(gathered, now)

    def _keep(self, gathered: Gathered, now: datetime) -> None:
        tracks = {asked.track: asked for asked in self.known.layout}
        answers: dict[Asked, list[Readings]] = {}
        for poll, readings in gathered.answers:
            if poll.track in tracks:
                answers.setdefault(tracks[poll.track], []).append(readings)
        for asked, readings_of in answers.items():
            self._keep_track(asked, readings_of, now)

    def _keep_track(self, asked: Asked, readings: Sequence[Readings], now: datetime) -> None:
        seen = windows(asked, readings)
        mark = moved(self.known.marks.get(asked.track), seen, self.cadence.late_max)
        marks = {} if mark is None else {asked.track: mark}
        if asked.track.tier is Tier.SLI:
            for window in seen:
                block, doubts = cells(window, now, self.settle_s)
                for doubt in doubts:
                    _log.warning("the readings of %s do not add up: %s", doubt.placement, doubt)
                self.known.doubted(doubts)
                self.known.corrected(self.books.record(block, now, marks if window is seen[-1] else {}))
        else:
            for window in seen:
                for load in loads(window):
                    before = self.known.loads.get(load.placement)
                    self.known.loads[load.placement] = before.updated(load) if before else load
            self.books.save_marks(marks)
        self.known.marks.update(marks)


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Asks every objective whether it burns, and folds what fires into incidents."""

    objectives: Sequence[Objective]
    books: Books
    desk: Desk

    def run(self, now: datetime) -> None:
        """Fold the alerts of this moment."""
        with self.books.ledger() as ledger:
            ledger.advance(minute_of(now - STALE_AFTER))
            alerts = [a for a in firing(self.objectives, ledger, now) if self._goes_on(a, ledger)]
        if alerts:
            self.desk.fold(alerts, now)

    def _goes_on(self, alert: Alert, ledger: Ledger) -> bool:
        """Whether the budget is still being spent: a ticket's windows ring for hours after an outage."""
        if alert.severity == "page":
            return True
        objective = next(o for o in self.objectives if o.name == alert.objective)
        return (burns(objective, alert.placement, ledger)[STILL_BURNS] or 0) >= 1
