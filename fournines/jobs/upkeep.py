"""What keeps the books in order: settled hours are packed, running sums and the journal are proven."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fournines.store.books import Books
from slo.cells import minute_of

if TYPE_CHECKING:
    from datetime import datetime

_log = logging.getLogger(__name__)

#: CloudWatch may revise what is younger; sealed hours can still be corrected, at a price.
SEAL_AFTER = timedelta(days=2)


class TamperedError(Exception):
    """The journal was changed behind our back."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Seals old hours, sums every window again, and follows the journal's chain."""

    books: Books

    def run(self, now: datetime) -> None:
        """Seal what has settled; heal a ledger whose sums are wrong, and say so."""
        while self.books.seal(minute_of(now - SEAL_AFTER)):
            pass
        with self.books.ledger() as ledger:
            wrong = ledger.self_check()
            if wrong:
                _log.error(
                    "%d running sums were wrong, such as %s; all are summed anew", len(wrong), wrong[0]
                )
                ledger.resum()
        broken = self.books.verify_journal()
        if broken is not None:
            told = f"journal entry {broken} is not what was written: restore the store from a backup"
            raise TamperedError(told)
