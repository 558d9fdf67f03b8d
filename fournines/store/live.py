"""The ledger in memory, and how it follows the store: memory changes after the commit, or is read anew.

Where replicas share a store each write leaves a note of its minutes; before memory is looked at, and inside
each write, what others have noted since is read.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import delete, func, insert, select

from fournines.store import collected, past
from fournines.store import ledger as disk
from fournines.store.columns import Columns
from fournines.store.packing import Cells
from fournines.store.pages import pages
from fournines.store.tables import wrote
from slo.cells import DAY_MINUTES, Sli, State, minute_of
from slo.exclusions import Exclusions
from slo.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from collector.bundle import Key
    from collector.watermarks import Mark
    from fournines.store.database import Database, Fence
    from fournines.store.ledger import Import
    from fournines.store.past import Past
    from slo.cells import Block
    from slo.ledger import Ledger
    from slo.months import Stretch
    from slo.sums import Put
    from slo.tally import Page


#: So many notes of writes are kept; who has missed more, or minutes further apart, reads the ring anew.
NOTES_MAX, FOLLOW_MINUTES_MAX = 1000, 2 * DAY_MINUTES


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """All that is kept of SLIs over the minutes `[start, end)`, less exclusions."""

    start: int
    end: int
    _columns: Mapping[Sli, int]
    _cells: Cells
    _exclusions: Exclusions

    def minutes(
        self, sli: Sli, start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Return bad, total and state of the minutes `[start, end)`; unknown where nothing is kept."""
        length = end - start
        bad, total = np.zeros(length, np.int64), np.zeros(length, np.int64)
        state = np.full(length, State.UNKNOWN, np.uint8)
        if (held := self._held(sli, start, end)) is not None:
            into, rows, column = held
            bad[into], total[into] = self._cells.bad[rows, column], self._cells.total[rows, column]
            state[into] = self._cells.state[rows, column]
        if self._exclusions.each:
            out = self._exclusions.mask(sli.placement, start, end)
            bad[out], total[out], state[out] = 0, 0, State.EXCLUDED
        return bad, total, state

    def _held(self, sli: Sli, start: int, end: int) -> tuple[slice, slice, int] | None:
        first, last = max(start, self.start), min(end, self.end)
        if sli not in self._columns or first >= last:
            return None
        return (
            slice(first - start, last - start),
            slice(first - self.start, last - self.start),
            self._columns[sli],
        )


class LiveLedger:
    """The store's cells, with the newest month of them in memory; safe to share among threads."""

    def __init__(self, database: Database, make: Callable[[], Ledger]) -> None:
        self._database, self._make = database, make
        self._lock = threading.RLock()
        self._memory: Ledger | None = None
        self._columns = Columns({}, {})
        self._exclusions = Exclusions()
        self._seen = 0
        self.changes = 0

    def fenced(self, fence: Fence) -> None:
        """Have every write pass a fence from now on."""
        self._database = self._database.fenced(fence)

    def record(self, block: Block, read_at: datetime, marks: Mapping[Key, Mark], sequence: int) -> Put:
        """Keep a block and how far was read, then put it into memory; what raises there is read anew."""
        with self._lock:
            memory = self._loaded()
            columns = self._columns.copy()
            with self._database.write() as connection:
                memory, columns = self._joined(connection, memory, columns)
                taken = disk.write(connection, columns, block, read_at, sequence)
                collected.save_marks(connection, marks)
                self._note(connection, taken.minutes)
            self._memory, self._columns = None, columns
            put = memory.put(taken)
            self._memory = memory
            return put

    def fill(self, block: Block) -> None:
        """Keep shares of coarser sums where nothing finer was measured, and put them into memory."""
        with self._lock:
            memory = self._loaded()
            columns = self._columns.copy()
            with self._database.write() as connection:
                memory, columns = self._joined(connection, memory, columns)
                taken = disk.write_coarse(connection, columns, block)
                self._note(connection, taken.minutes)
            self._memory, self._columns = None, columns
            memory.put(taken)
            self._memory = memory

    def take_in(self, blocks: Iterable[Block], label: str, at: datetime) -> Import:
        """Keep imported blocks, all or none, and read memory anew when it is asked for."""
        with self._lock:
            with self._database.write() as connection:
                done = disk.write_import(connection, Columns.load(connection), blocks, label, at)
                self._note(connection, range(minute_of(done.first), minute_of(done.last) + 1))
            self._memory = None
            return done

    def turn_back(self, minute: int) -> None:
        """Read memory anew where it stands later than the minute: a clock that leapt ahead has come back."""
        with self._lock:
            newest = self._loaded().newest
            if newest is not None and newest > minute:
                self._memory = None

    def exclude(self, exclusions: Exclusions) -> None:
        """Lay these exclusions, and no others, over the ledger in memory."""
        with self._lock:
            self._exclusions = exclusions
            if self._memory is not None:
                self._memory.exclude(exclusions)

    @contextmanager
    def held(self) -> Iterator[Ledger]:
        """Hold the ledger still while it is read."""
        with self._lock:
            yield self._loaded()

    def history(self, slis: Sequence[Sli], start: int, end: int, *, raw: bool) -> History:
        """Read what is kept of the SLIs over the minutes `[start, end)`, a day at a time."""
        with self._database.read() as connection:
            columns = Columns.load(connection)
            wanted = [sli for sli in dict.fromkeys(slis) if sli in columns]
            places = columns.of(wanted)
            cells = Cells.unknown(end - start, len(wanted))
            for begin in range(start, end, disk.READ_MINUTES):
                stop = min(end, begin + disk.READ_MINUTES)
                day = disk.read(connection, len(columns), begin, stop)
                cells[begin - start : stop - start].paste(day.pick(places))
        left_out = Exclusions() if raw else self._exclusions
        return History(start, end, {sli: place for place, sli in enumerate(wanted)}, cells, left_out)

    def past(self, start: int, end: int, *, raw: bool) -> Past:
        """Return the sums of the minutes `[start, end)`; raw leaves nothing out."""
        with self._database.read() as connection:
            columns = {sli: column for column, sli in enumerate(Columns.load(connection))}
            left_out = Overlay() if raw else Overlay(self._exclusions, columns)
            return past.read(connection, columns, start, end, left_out)

    def pages(self, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
        """Yield what is kept of the SLIs, an hour at a time: a month of all would not lie in memory well."""
        with self._database.read() as connection:
            yield from pages(connection, Columns.load(connection), slis, stretch)

    def as_of(self, end: int) -> Ledger:
        """Return a ledger of its own, as if nothing from the minute `end` on had happened."""
        return self._read(end)[0]

    def slis(self) -> tuple[Sli, ...]:
        """Return every SLI of which a cell was ever kept."""
        with self._database.read() as connection:
            return tuple(Columns.load(connection))

    def extent(self) -> range:
        """Return the minutes from the first to the last that is kept."""
        with self._database.read() as connection:
            return disk.extent(connection)

    def blocks(self, span: range) -> Iterator[Block]:
        """Yield all that is kept of the minutes, a day at a time."""
        with self._database.read() as connection:
            yield from disk.blocks(connection, Columns.load(connection), span)

    def _loaded(self) -> Ledger:
        if self._memory is not None and self._database.shared:
            with self._database.read() as connection:
                self._joined(connection, self._memory, self._columns)
        if self._memory is None:
            self._memory, self._columns = self._read(None)
        return self._memory

    def _joined(self, connection: Connection, memory: Ledger, columns: Columns) -> tuple[Ledger, Columns]:
        """Return memory and columns with what others wrote since we last looked."""
        if not self._database.shared:
            return memory, columns
        notes = connection.execute(select(wrote).where(wrote.c.n >= self._seen).order_by(wrote.c.n)).all()
        if not notes or notes[-1].n == self._seen:
            return memory, columns
        first, last = min(note.first for note in notes), max(note.last for note in notes)
        oldest = memory.oldest
        self.changes += oldest is not None and first < oldest + DAY_MINUTES
        if notes[0].n != self._seen or last - first > FOLLOW_MINUTES_MAX:  # some notes are gone
            memory, columns = self._filled(connection, None)
        else:
            columns = Columns.load(connection)
            for block in disk.blocks(connection, columns, range(first, last + 1)):
                memory.put(block)
        self._memory, self._columns, self._seen = memory, columns, notes[-1].n
        return memory, columns.copy()

    def _note(self, connection: Connection, minutes: range) -> None:
        """Leave word of which minutes were written; the oldest notes go."""
        if not self._database.shared or not minutes:
            return
        row = insert(wrote).values(first=minutes[0], last=minutes[-1]).returning(wrote.c.n)
        self._seen = connection.execute(row).scalar_one()
        connection.execute(delete(wrote).where(wrote.c.n <= self._seen - NOTES_MAX))

    def _read(self, end: int | None) -> tuple[Ledger, Columns]:
        with self._database.read() as connection:
            if end is None:
                self._seen = connection.execute(select(func.max(wrote.c.n))).scalar() or 0
            return self._filled(connection, end)

    def _filled(self, connection: Connection, end: int | None) -> tuple[Ledger, Columns]:
        """Return a new ledger of what is kept before the minute `end`."""
        memory, columns = self._make(), Columns.load(connection)
        kept = disk.extent(connection)
        if end is not None:
            kept = range(min(kept.start, end), min(kept.stop, end))
        memory.load(tuple(columns), disk.blocks(connection, columns, kept[-memory.ring :]))
        if self._exclusions.each:
            memory.exclude(self._exclusions)
        return memory, columns
