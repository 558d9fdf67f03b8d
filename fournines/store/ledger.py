"""The ledger on disk: every minute of every SLI, written before memory changes.

Minutes are rows of all SLIs; hours that have settled are sealed into packed rows and added to their day, and
a late minute opens and seals its hour again in the same transaction.  A correction of what had settled is
journaled.

Of several readings of a cell the one that was read last counts, whichever arrives last; a minute knows when
each of its cells was read until its hour is sealed, two days later.  After that the last to arrive counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, delete, func, insert, select

from collector.backfill import remaining
from fournines.store import days, journal
from fournines.store.database import insert_into
from fournines.store.packing import (
    COARSE,
    HOUR_MINUTES,
    IMPORTED,
    Cells,
    pack_hour,
    pack_minute,
    stale,
    stamps,
    unpack_hour,
    unpack_minute,
    unpack_stamps,
)
from fournines.store.place import StoreError
from fournines.store.tables import hour, imported, minute, sli
from remediation.journal import Entry, EntryKind
from slo.cells import DAY_MINUTES, Block, State, minute_of, moment_of
from slo.ledger import COUNT_MAX, KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from fournines.store.columns import Columns

#: CloudWatch rewrites its last minutes as a matter of course: only a correction older than this is journaled.
SETTLE_MINUTES = 10
#: One transaction seals no more hours than this, so that the next minute need not wait long.
SEAL_HOURS_MAX = 24
#: One transaction forgets no more days than this.
FORGET_DAYS_MAX = 7
#: Rows are read this many minutes at a time: no month lies in memory twice, and a piece fits into caches.
READ_MINUTES = 240


@dataclass(frozen=True, slots=True)
class Import:
    """What an import brought: `cells` were taken, `kept` were left as we had measured them ourselves."""

    label: str
    at: datetime
    first: datetime
    last: datetime
    cells: int
    kept: int


def write(
    connection: Connection, columns: Columns, block: Block, read_at: datetime, sequence: int = 0
) -> Block:
    """Keep the cells of a block, journal what it corrects, and return what was taken.

    Cells that are UNKNOWN, were read anew meanwhile, or are too old to be kept change nothing.
    """
    block = _kept(block, read_at)
    if not block.state.size:
        return block
    held = _Held(connection, columns, block)
    stamp = stamps(block.minutes, int(read_at.timestamp()), sequence)[:, None]
    told = block.state != State.UNKNOWN
    taken = told & ~stale(stamp, held.before_read)
    corrected = held.put(block, taken, mark=0, stamp=stamp)
    _keep(connection, block.start, held)
    settled = np.arange(block.start, block.minutes.stop) < minute_of(read_at) - SETTLE_MINUTES
    corrected &= settled[:, None]
    if corrected.any():
        journal.append(connection, [_restatement(block, corrected, read_at)])
    return block if taken.sum() == told.sum() else _only(block, taken)


def write_coarse(connection: Connection, columns: Columns, block: Block) -> Block:
    """Keep shares of coarser sums, marked so, where nothing finer was measured; return what was taken."""
    held = _Held(connection, columns, block)
    before = held.before
    block = remaining(block, before.bad.astype(np.int64), before.total.astype(np.int64), before.measured)
    taken = (block.state != State.UNKNOWN) & ~held.before.measured
    held.put(block, taken, mark=COARSE)
    _keep(connection, block.start, held)
    return _only(block, taken)


def write_import(
    connection: Connection, columns: Columns, blocks: Iterable[Block], label: str, at: datetime
) -> Import:
    """Keep imported blocks, marked so; what we measured ourselves stays.  All of them, or none.

    Of several imports of a minute the last counts.
    """
    cells = kept = 0
    spans: list[range] = []
    for block in filter(lambda one: one.state.size, (_kept(one, at) for one in blocks)):
        spans.append(block.minutes)
        held = _Held(connection, columns, block)
        told = block.state != State.UNKNOWN
        free = told & ~held.before.measured
        corrected = held.put(block, free, mark=IMPORTED)
        _keep(connection, block.start, held)
        if corrected.any():
            journal.append(connection, [_restatement(block, corrected, at)])
        cells += int(free.sum())
        kept += int((told & ~free).sum())
    first = min((span.start for span in spans), default=0)
    last = max((span[-1] for span in spans), default=0)
    connection.execute(
        insert(imported).values(label=label, at=at, first=first, last=last, cells=cells, kept=kept)
    )
    return Import(label, at, moment_of(first), moment_of(last), cells, kept)


def imports(connection: Connection) -> tuple[Import, ...]:
    """Return every import, oldest first."""
    rows = connection.execute(select(imported).order_by(imported.c.n))
    return tuple(
        Import(row.label, row.at, moment_of(row.first), moment_of(row.last), row.cells, row.kept)
        for row in rows
    )


def extent(connection: Connection) -> range:
    """Return the minutes from the first to the last that is kept."""
    first, last = connection.execute(select(func.min(minute.c.minute), func.max(minute.c.minute))).one()
    old, new = connection.execute(select(func.min(hour.c.hour), func.max(hour.c.hour))).one()
    starts = [m for m in (first, None if old is None else old * HOUR_MINUTES) if m is not None]
    ends = [m for m in (last, None if new is None else (new + 1) * HOUR_MINUTES - 1) if m is not None]
    return range(min(starts), max(ends) + 1) if starts else range(0)


def read(connection: Connection, width: int, start: int, end: int) -> Cells:
    """Return the cells of the minutes `[start, end)` and the first `width` columns."""
    cells = Cells.unknown(end - start, width)
    for number, blob in connection.execute(
        select(hour).where(hour.c.hour.between(start // HOUR_MINUTES, (end - 1) // HOUR_MINUTES))
    ):
        begin = number * HOUR_MINUTES
        rows = range(max(start, begin), min(end, begin + HOUR_MINUTES))
        cells[rows.start - start : rows.stop - start].paste(
            unpack_hour(blob)[rows.start - begin : rows.stop - begin]
        )
    for number, blob in connection.execute(select(minute).where(minute.c.minute.between(start, end - 1))):
        cells[number - start : number - start + 1].paste(unpack_minute(blob))
    return cells


def blocks(connection: Connection, columns: Columns, span: range) -> Iterator[Block]:
    """Yield all that is kept of the minutes, a day at a time."""
    names = tuple(columns)
    for start in span[::READ_MINUTES]:
        cells = read(connection, len(names), start, min(span.stop, start + READ_MINUTES))
        yield Block(names, start, cells.bad.astype(np.int64), cells.total.astype(np.int64), cells.state)


def seal(connection: Connection, before: int) -> int:
    """Pack whole hours that end at or before the minute, oldest first, and say how many."""
    first = connection.execute(select(func.min(minute.c.minute))).scalar_one()
    if first is None:
        return 0
    hours = range(first // HOUR_MINUTES, before // HOUR_MINUTES)[:SEAL_HOURS_MAX]
    width = connection.execute(select(func.count()).select_from(sli)).scalar_one()
    for number in hours:
        begin = number * HOUR_MINUTES
        _keep_hour(connection, number, read(connection, width, begin, begin + HOUR_MINUTES))
    if hours:
        connection.execute(delete(minute).where(minute.c.minute < hours.stop * HOUR_MINUTES))
    return len(hours)


def forget(connection: Connection, before: int) -> int:
    """Drop the cells of whole UTC days that end at or before the minute, oldest first.

    Returns of how many hours; what they added up to stays with their days.
    """
    first = connection.execute(select(func.min(hour.c.hour))).scalar_one()
    end = before // DAY_MINUTES * days.DAY_HOURS
    if first is None or first >= end:
        return 0
    end = min(end, (first // days.DAY_HOURS + FORGET_DAYS_MAX) * days.DAY_HOURS)
    return connection.execute(delete(hour).where(hour.c.hour < end)).rowcount


class _Held:
    """What is kept of a block's minutes: all columns, and those of the block as they were before."""

    def __init__(self, connection: Connection, columns: Columns, block: Block) -> None:
        if int(block.total.max()) > COUNT_MAX:
            raise StoreError(f"a minute counts at most {COUNT_MAX}, got {int(block.total.max())}")
        self._places = columns.places(connection, block.slis)
        self.cells = read(connection, len(columns), block.start, block.minutes.stop)
        self.read = _read_at(connection, self.cells, block.minutes)
        self.before = self.cells.pick(self._places)
        self.before_read = self.read[:, self._places]

    def put(
        self, block: Block, told: NDArray[np.bool_], mark: int, stamp: NDArray[np.uint32] | None = None
    ) -> NDArray[np.bool_]:
        """Take over the told cells, and return which of them had been known to be something else.

        Without a stamp they give way to whatever is measured.
        """
        before, cells, places = self.before, self.cells, self._places
        known = np.isin(before.state, (State.OBSERVED, State.NO_TRAFFIC))
        differs = (before.bad != block.bad) | (before.total != block.total) | (before.state != block.state)
        cells.bad[:, places] = np.where(told, block.bad, before.bad)
        cells.total[:, places] = np.where(told, block.total, before.total)
        cells.mark[:, places] = np.where(told, block.state | np.uint8(mark), before.mark)
        self.read[:, places] = np.where(told, 0 if stamp is None else stamp, self.before_read)
        return np.asarray(told & known & differs)


def _read_at(connection: Connection, cells: Cells, minutes: range) -> NDArray[np.uint32]:
    """Return when each cell was read; 0 where that is not known, or any more."""
    read_at = np.zeros(cells.mark.shape, np.uint32)
    within = minute.c.minute.between(minutes.start, minutes.stop - 1)
    for number, blob in connection.execute(select(minute).where(within)):
        known = unpack_stamps(blob)
        read_at[number - minutes.start, : len(known)] = known
    return read_at


def _kept(block: Block, now: datetime) -> Block:
    """Return a block without the minutes whose cells are kept no longer: their days are closed."""
    rows = slice(max(0, minute_of(now - KEPT) - block.start), None)
    if not rows.start:
        return block
    return Block(block.slis, block.start + rows.start, block.bad[rows], block.total[rows], block.state[rows])


def _only(block: Block, taken: NDArray[np.bool_]) -> Block:
    """Return a block of which only these cells tell anything."""
    bad, total = np.where(taken, block.bad, 0), np.where(taken, block.total, 0)
    return Block(block.slis, block.start, bad, total, np.where(taken, block.state, State.UNKNOWN))


def _keep(connection: Connection, start: int, held: _Held) -> None:
    """Write whole minutes; those of a sealed hour go back into it."""
    cells = held.cells
    end = start + len(cells.mark)
    within = hour.c.hour.between(start // HOUR_MINUTES, (end - 1) // HOUR_MINUTES)
    sealed = set(connection.execute(select(hour.c.hour).where(within)).scalars())
    for number in sealed:
        begin = number * HOUR_MINUTES
        whole = read(connection, cells.mark.shape[1], begin, begin + HOUR_MINUTES)
        rows = range(max(start, begin), min(end, begin + HOUR_MINUTES))
        whole[rows.start - begin : rows.stop - begin].paste(cells[rows.start - start : rows.stop - start])
        _keep_hour(connection, number, whole)
    loose = [
        {"minute": start + row, "cells": pack_minute(cells[row : row + 1], held.read[row])}
        for row in range(end - start)
        if (start + row) // HOUR_MINUTES not in sealed
    ]
    if loose:
        statement = insert_into(connection, minute).values(
            minute=bindparam("minute"), cells=bindparam("cells")
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["minute"], set_={"cells": statement.excluded.cells}
            ),
            loose,
        )


def _keep_hour(connection: Connection, number: int, cells: Cells) -> None:
    """Write an hour, and correct its day by the difference."""
    sealed = connection.execute(select(hour.c.cells).where(hour.c.hour == number)).scalar_one_or_none()
    before = days.nothing(0) if sealed is None else days.summed(unpack_hour(sealed))
    days.change(connection, number // days.DAY_HOURS, before, days.summed(cells))
    statement = insert_into(connection, hour).values(hour=number, cells=pack_hour(cells))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["hour"], set_={"cells": statement.excluded.cells})
    )


def _restatement(block: Block, corrected: NDArray[np.bool_], at: datetime) -> Entry:
    """Return the one entry that tells of a batch of corrections."""
    rows, places = np.nonzero(corrected)
    first, last = moment_of(block.start + int(rows.min())), moment_of(block.start + int(rows.max()))
    names = sorted({str(block.slis[place]) for place in set(places.tolist())})
    return Entry(
        EntryKind.RESTATED,
        at,
        f"{int(corrected.sum())} settled cells of {len(names)} indicators between {first:%Y-%m-%d %H:%M} "
        f"and {last:%Y-%m-%d %H:%M} UTC were corrected.",
        data={
            "cells": int(corrected.sum()),
            "first": first.isoformat(),
            "last": last.isoformat(),
            "slis": names,
        },
    )
