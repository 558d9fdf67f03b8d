"""The sums of each UTC day over its sealed hours, for all columns: kept for ever, when the cells are gone.

A row is the sum of its day's hours at every commit: it is written with them, in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from fournines.store.database import insert_into
from fournines.store.packing import HOUR_MINUTES, unpack_hour
from fournines.store.tables import day, hour
from slo.cells import DAY_MINUTES, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from fournines.store.packing import Cells

DAY_HOURS = DAY_MINUTES // HOUR_MINUTES

#: Counts, and then minutes by state; what is left of a day is unknown.
BAD, TOTAL, OBSERVED, NO_TRAFFIC, EXCLUDED = range(5)
FIELDS = ("bad", "total", "observed", "no_traffic", "excluded")

_NUMBER = np.dtype("<i8")

#: int64 [fields, columns].
Totals = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Untrue:
    """A number of a day that is not the sum of its hours."""

    day: int
    column: int
    field: str
    held: int
    counted: int


def summed(cells: Cells) -> Totals:
    """Return what cells add up to."""
    state = cells.state
    minutes = [(state == one).sum(axis=0) for one in (State.OBSERVED, State.NO_TRAFFIC, State.EXCLUDED)]
    return np.stack([cells.bad.sum(axis=0, dtype=_NUMBER), cells.total.sum(axis=0, dtype=_NUMBER), *minutes])


def plus(one: Totals, other: Totals) -> Totals:
    """Return the sum of both; columns beyond the end of one add nothing."""
    width = max(one.shape[1], other.shape[1])
    return _wide(one, width) + _wide(other, width)


def nothing(width: int) -> Totals:
    """Return the sums of no minute at all."""
    return np.zeros((len(FIELDS), width), _NUMBER)


def change(connection: Connection, number: int, less: Totals, more: Totals) -> None:
    """Have a day lose what an hour was, and gain what it is now."""
    (held,) = read(connection, [number]).values() or (nothing(0),)
    _write(connection, number, plus(plus(held, -less), more))


def read(connection: Connection, numbers: Sequence[int]) -> dict[int, Totals]:
    """Return the days of those between the first and the last that have a row."""
    within = day.c.day.between(numbers[0], numbers[-1])
    rows = connection.execute(select(day).where(within).order_by(day.c.day))
    return {number: np.frombuffer(blob, _NUMBER).reshape(len(FIELDS), -1) for number, blob in rows}


def untrue(connection: Connection, number: int) -> tuple[Untrue, ...]:
    """Sum a day's hours again, name what its row tells otherwise, and mend it.

    A day of which no hour is kept any more cannot be proven, and stands.
    """
    counted = _counted(connection, number)
    if counted is None:
        return ()
    (held,) = read(connection, [number]).values() or (nothing(0),)
    width = max(held.shape[1], counted.shape[1])
    held, counted = _wide(held, width), _wide(counted, width)
    wrong = tuple(
        Untrue(number, column, FIELDS[field], int(held[field, column]), int(counted[field, column]))
        for field, column in np.argwhere(held != counted).tolist()
    )
    if wrong:
        _write(connection, number, counted)
    return wrong


def _wide(totals: Totals, width: int) -> Totals:
    return np.pad(totals, ((0, 0), (0, width - totals.shape[1])))


def _counted(connection: Connection, number: int) -> Totals | None:
    within = hour.c.hour.between(number * DAY_HOURS, (number + 1) * DAY_HOURS - 1)
    total = None
    for blob in connection.execute(select(hour.c.cells).where(within)).scalars():
        one = summed(unpack_hour(blob))
        total = one if total is None else plus(total, one)
    return total


def _write(connection: Connection, number: int, totals: Totals) -> None:
    statement = insert_into(connection, day).values(day=number, sums=totals.astype(_NUMBER).tobytes())
    connection.execute(
        statement.on_conflict_do_update(index_elements=["day"], set_={"sums": statement.excluded.sums})
    )
