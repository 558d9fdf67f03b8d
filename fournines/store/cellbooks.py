"""The part of the books that keeps cells: on disk, and the newest month of them in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fournines.store import days
from fournines.store import ledger as cells
from fournines.store.live import LiveLedger
from fournines.store.place import StoreError
from slo.cells import DAY_MINUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from collector.bundle import Key
    from collector.watermarks import Mark
    from fournines.store.database import Database
    from fournines.store.days import Untrue
    from fournines.store.ledger import Import
    from fournines.store.live import History
    from fournines.store.past import Past
    from slo.cells import Block, Sli
    from slo.exclusions import Exclusions
    from slo.ledger import Ledger
    from slo.months import Stretch
    from slo.sums import Put
    from slo.tally import Page


class CellBooks:
    """Cells, safe to share among threads; every method is one transaction."""

    def __init__(self, database: Database, *, owner: bool, make: Callable[[], Ledger]) -> None:
        self._database, self._owner = database, owner
        self._live = LiveLedger(database, make)

    @property
    def changes(self) -> int:
        """How often something was written that may be older than the ledger's ring, or of its first day.

        Whoever remembers sums of it adds them up again.
        """
        return self._live.changes

    def record(
        self, block: Block, read_at: datetime, marks: Mapping[Key, Mark] | None = None, sequence: int = 0
    ) -> Put:
        """Keep the cells of a block and how far was read; then memory follows.  A correction is journaled.

        What was read later stays; of readings within one second the one with the higher sequence counts.
        """
        self._must_own()
        put = self._live.record(block, read_at, marks or {}, sequence)
        with self._live.held() as ledger:
            oldest = ledger.oldest
        self._live.changes += oldest is not None and block.start < oldest + DAY_MINUTES
        return put

    def fill(self, block: Block) -> None:
        """Keep shares of coarser sums, marked so, where nothing finer was measured."""
        self._must_own()
        self._live.fill(block)
        self._live.changes += 1

    def import_cells(self, blocks: Iterable[Block], label: str, at: datetime) -> Import:
        """Keep cells that we did not measure, all or none, marked so; what we measured ourselves stays."""
        self._must_own()
        done = self._live.take_in(blocks, label, at)
        self._live.changes += 1
        return done

    def imports(self) -> tuple[Import, ...]:
        """Return what was imported, oldest first."""
        with self._database.read() as connection:
            return cells.imports(connection)

    def exclude(self, exclusions: Exclusions) -> None:
        """Have the ledger leave out the minutes of these exclusions; what is kept stays as it was counted."""
        self._live.exclude(exclusions)
        self._live.changes += 1

    def ledger(self) -> AbstractContextManager[Ledger]:
        """Hold the ledger still: `with books.ledger() as ledger`."""
        return self._live.held()

    def turn_back(self, minute: int) -> None:
        """Have the ledger end with this minute at the latest: a clock that leapt ahead has come back."""
        self._live.turn_back(minute)

    def history(self, slis: Sequence[Sli], start: int, end: int, *, raw: bool = True) -> History:
        """Return what is kept of the SLIs over the minutes `[start, end)`; raw leaves nothing out."""
        return self._live.history(slis, start, end, raw=raw)

    def past(self, start: int, end: int, *, raw: bool = False) -> Past:
        """Return what the minutes `[start, end)` add up to, however long ago; raw leaves nothing out."""
        return self._live.past(start, end, raw=raw)

    def pages(self, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
        """Yield what is kept of the SLIs, an hour at a time, however long ago."""
        return self._live.pages(slis, stretch)

    def ledger_as_of(self, end: int) -> Ledger:
        """Return a ledger of its own, as if nothing from the minute `end` on had happened."""
        return self._live.as_of(end)

    def slis(self) -> tuple[Sli, ...]:
        """Return every SLI of which a cell was ever kept."""
        return self._live.slis()

    def extent(self) -> range:
        """Return the minutes from the first to the last that is kept."""
        return self._live.extent()

    def blocks(self, span: range) -> Iterator[Block]:
        """Yield all that is kept of the minutes, a day at a time."""
        return self._live.blocks(span)

    def seal(self, before: int) -> int:
        """Pack whole hours that end at or before the minute; 0 when none is left."""
        self._must_own()
        with self._database.write() as connection:
            return cells.seal(connection, before)

    def forget(self, before: int) -> int:
        """Drop the oldest cells that end at or before the minute; 0 when none is left.  Sums of days stay."""
        self._must_own()
        with self._database.write() as connection:
            return cells.forget(connection, before)

    def prove_day(self, number: int) -> tuple[Untrue, ...]:
        """Sum the hours of a UTC day again; what its row told otherwise is named and mended."""
        self._must_own()
        with self._database.write() as connection:
            return days.untrue(connection, number)

    def _must_own(self) -> None:
        if not self._owner:
            raise StoreError(
                "only the owner of the store records cells: stop `fournines serve` and try again"
            )
