"""The ledger on disk: every minute of every SLI, written before memory changes.

Minutes are rows of all SLIs; hours that have settled are sealed into packed rows, and a late minute opens and
seals its hour again in the same transaction.  A correction of what had settled is journaled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, delete, func, insert, select

from fournines.store import journal
from fournines.store.database import StoreError, insert_into
from fournines.store.packing import (
    HOUR_MINUTES,
    IMPORTED,
    Cells,
    pack_hour,
    pack_minute,
    unpack_hour,
    unpack_minute,
)
from fournines.store.tables import hour, imported, minute, sli
from remediation.journal import Entry, EntryKind
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of, moment_of
from slo.ledger import COUNT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

#: CloudWatch rewrites its last minutes as a matter of course: only a correction older than this is journaled.
SETTLE_MINUTES = 10
#: One transaction seals no more hours than this, so that the next minute need not wait long.
SEAL_HOURS_MAX = 24
#: Rows are read this many minutes at a time, so that a month never lies in memory twice.
READ_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Import:
    """What an import brought: `cells` were taken, `kept` were left as we had measured them ourselves."""

    label: str
    at: datetime
    first: datetime
    last: datetime
    cells: int
    kept: int


def columns(connection: Connection) -> dict[Sli, int]:
    """Return the column of every SLI."""
    return {_sli(name): column for column, name in connection.execute(select(sli).order_by(sli.c.col))}


def write(connection: Connection, known: dict[Sli, int], block: Block, read_at: datetime) -> None:
    """Keep the cells of a block, and journal what it corrects.  UNKNOWN cells change nothing.

    `known` are the columns so far; SLIs that are new get one and are added.
    """
    told = block.state != State.UNKNOWN
    if not told.size:
        return
    changed = _change(connection, known, block, told, mark=0)
    settled = np.arange(block.start, block.minutes.stop) < minute_of(read_at) - SETTLE_MINUTES
    corrected = changed & settled[:, None]
    if corrected.any():
        journal.append(connection, [_restatement(block, corrected, read_at)])


def write_import(
    connection: Connection, known: dict[Sli, int], blocks: Sequence[Block], label: str, at: datetime
) -> Import:
    """Keep imported blocks, marked so; what we measured ourselves stays.  All of them, or none."""
    cells = kept = 0
    for block in blocks:
        held = _read_block(connection, known, block)
        told = block.state != State.UNKNOWN
        free = told & ~held.measured
        _change(connection, known, block, free, mark=IMPORTED)
        cells += int(free.sum())
        kept += int((told & held.measured).sum())
    done = Import(
        label,
        at,
        moment_of(min(block.start for block in blocks)),
        moment_of(max(block.minutes[-1] for block in blocks)),
        cells,
        kept,
    )
    connection.execute(
        insert(imported).values(
            label=label, at=at, first=minute_of(done.first), last=minute_of(done.last), cells=cells, kept=kept
        )
    )
    return done


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


def blocks(connection: Connection, known: Mapping[Sli, int], span: range) -> Iterator[Block]:
    """Yield all that is kept of the minutes, a day at a time."""
    names = tuple(known)
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


def _change(
    connection: Connection, known: dict[Sli, int], block: Block, told: NDArray[np.bool_], mark: int
) -> NDArray[np.bool_]:
    """Write the told cells, and return which of them had been known to be something else."""
    if int(block.total.max(initial=0)) > COUNT_MAX:
        raise StoreError(f"a minute counts at most {COUNT_MAX}, got {int(block.total.max())}")
    held = _read_block(connection, known, block)
    places = np.array([known[name] for name in block.slis])
    before = Cells(held.bad[:, places], held.total[:, places], held.mark[:, places])
    known_before = np.isin(before.state, (State.OBSERVED, State.NO_TRAFFIC))
    differs = (before.bad != block.bad) | (before.total != block.total) | (before.state != block.state)
    held.bad[:, places] = np.where(told, block.bad, before.bad)
    held.total[:, places] = np.where(told, block.total, before.total)
    held.mark[:, places] = np.where(told, block.state | np.uint8(mark), before.mark)
    _keep(connection, block.start, held)
    return np.asarray(told & known_before & differs)


def _read_block(connection: Connection, known: dict[Sli, int], block: Block) -> Cells:
    """Return what is kept of a block's minutes, in all columns, those of its new SLIs too."""
    new = [name for name in block.slis if name not in known]
    if new:
        rows = [{"col": len(known) + place, "name": str(name)} for place, name in enumerate(new)]
        connection.execute(insert(sli), rows)
        known.update((name, row["col"]) for name, row in zip(new, rows, strict=True))  # type: ignore[misc]
    return read(connection, len(known), block.start, block.minutes.stop)


def _keep(connection: Connection, start: int, cells: Cells) -> None:
    """Write whole minutes; those of a sealed hour go back into it."""
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
        {"minute": start + row, "cells": pack_minute(cells[row : row + 1])}
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


def _sli(name: str) -> Sli:
    placement, _, indicator = name.rpartition("/")
    return Sli(Placement.parse(placement), Indicator(indicator))
