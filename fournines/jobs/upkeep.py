"""What keeps the books in order: settled hours are packed, old cells dropped, sums and the journal proven."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fournines.known import Known
from fournines.store.books import Books
from slo.cells import DAY_MINUTES, minute_of, moment_of
from slo.ledger import KEPT

if TYPE_CHECKING:
    from datetime import datetime

_log = logging.getLogger(__name__)

#: CloudWatch may revise what is younger; sealed hours can still be corrected, at a price.
SEAL_AFTER = timedelta(days=2)

#: Cells stay a little longer than they are taken: what is just being read in finds its day as it was.
FORGET_AFTER = KEPT + SEAL_AFTER

#: How long events are kept: longer than any copy may still arrive, 14 days in our queue and 14 among the dead
#: letters [SQS], and long enough to see how last month's incidents came about.
EVENTS_FOR = timedelta(days=35)

#: A turn proves one day in so many, so that all are proven within three days and no turn takes long.
TURNS = 67
TURN = timedelta(hours=1)


class TamperedError(Exception):
    """The journal was changed behind our back."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Seals old hours, drops what is too old, sums windows and days anew, follows the journal's chain."""

    books: Books
    known: Known

    def run(self, now: datetime) -> None:
        """Seal what has settled, forget what is too old; heal sums that are wrong, and say so."""
        while self.books.seal(minute_of(now - SEAL_AFTER)):
            pass
        oldest = moment_of(self._newest(now)) - FORGET_AFTER
        while self.books.forget(minute_of(oldest)):
            pass
        self.books.forget_running(oldest)
        while self.books.forget_events(now - EVENTS_FOR, oldest):
            pass
        self._prove_windows()
        self._prove_days(now)
        broken = self.books.verify_journal()
        if broken is not None:
            told = f"journal entry {broken} is not what was written: restore the store from a backup"
            raise TamperedError(told)

    def _newest(self, now: datetime) -> int:
        """Return the newest minute that is kept, or this one: a clock that leapt must not cost the past."""
        return min(minute_of(now), self.books.extent().stop)

    def _prove_windows(self) -> None:
        with self.books.ledger() as ledger:
            wrong = ledger.self_check()
            if wrong:
                _log.error(
                    "%d running sums were wrong, such as %s; all are summed anew", len(wrong), wrong[0]
                )
                ledger.resum()
        self.known.mismatches["window"] += len(wrong)

    def _prove_days(self, now: datetime) -> None:
        """Prove this turn's share of the days that are kept."""
        kept, turn = self.books.extent(), int(now.timestamp()) // int(TURN.total_seconds())
        for day in range(kept.start // DAY_MINUTES, -(-kept.stop // DAY_MINUTES)):
            if day % TURNS == turn % TURNS and (wrong := self.books.prove_day(day)):
                _log.error(
                    "%d sums of a day were wrong, such as %s; they are summed anew", len(wrong), wrong[0]
                )
                self.known.mismatches["day"] += len(wrong)
