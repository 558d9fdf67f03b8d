"""What minutes of long ago add up to: the sums of whole days, and the cells at both ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from fournines.store import days, ledger
from fournines.store.days import Totals
from fournines.store.packing import unpack_minute
from fournines.store.tables import minute
from slo.cells import DAY_MINUTES, Sli, State
from slo.sums import Counts, Sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from fournines.store.packing import Cells
    from slo.overlay import Overlay


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Exact sums of the minutes `[start, end)` of every SLI, however long ago."""

    start: int
    end: int
    _columns: Mapping[Sli, int]
    _totals: Totals

    @property
    def slis(self) -> tuple[Sli, ...]:
        """The SLIs in the order of their columns."""
        return tuple(self._columns)

    @property
    def sums(self) -> Sums:
        """The sums by column, as a ledger tells them."""
        bad, total, _, _, excluded = self._totals
        return Sums(bad, total, self._unknown, excluded)

    def counts(self, slis: Sequence[Sli]) -> Counts:
        """Return what SLIs add up to; one that was never kept is unknown all along."""
        places = [self._columns[sli] for sli in slis if sli in self._columns]
        bad, total, observed, no_traffic, excluded = self._totals[:, places].sum(axis=1).tolist()
        unknown = (self.end - self.start) * len(slis) - observed - no_traffic - excluded
        minutes = {
            State.UNKNOWN: unknown, State.NO_TRAFFIC: no_traffic,
            State.OBSERVED: observed, State.EXCLUDED: excluded,
        }  # fmt: skip
        return Counts(bad, total, minutes)

    @property
    def _unknown(self) -> Totals:
        return np.asarray(self.end - self.start - self._totals[days.OBSERVED :].sum(axis=0))


def read(connection: Connection, columns: Mapping[Sli, int], start: int, end: int, overlay: Overlay) -> Past:
    """Return what is kept of the minutes `[start, end)`, less what the overlay leaves out.

    Of minutes whose cells are gone nothing can be left out any more.
    """
    width = len(columns)
    totals = _counted(connection, width, start, end)
    kept = ledger.extent(connection)
    for piece in overlay.minutes(max(start, kept.start), min(end, kept.stop)):
        cells = ledger.read(connection, width, piece.start, piece.end)
        laid = np.zeros(cells.mark.shape, np.bool_)
        for minutes, places in overlay.over(piece.start, piece.end):
            laid[minutes.start - piece.start : minutes.end - piece.start, places] = True
        totals -= _left_out(cells, laid)
    return Past(start, end, columns, totals)


def _counted(connection: Connection, width: int, start: int, end: int) -> Totals:
    """Sum whole days by their rows and what of them is not sealed yet, and the rest by its cells."""
    first, last = -(-start // DAY_MINUTES), end // DAY_MINUTES
    if first >= last:
        return _cells(connection, width, start, end)
    totals = _cells(connection, width, start, first * DAY_MINUTES)
    totals += _cells(connection, width, last * DAY_MINUTES, end)
    for one in days.read(connection, range(first, last)).values():
        totals[:, : one.shape[1]] += one
    loose = minute.c.minute.between(first * DAY_MINUTES, last * DAY_MINUTES - 1)
    for blob in connection.execute(select(minute.c.cells).where(loose)).scalars():
        one = days.summed(unpack_minute(blob))
        totals[:, : one.shape[1]] += one
    return totals


def _cells(connection: Connection, width: int, start: int, end: int) -> Totals:
    totals = days.nothing(width)
    for begin in range(start, end, ledger.READ_MINUTES):
        stop = min(end, begin + ledger.READ_MINUTES)
        totals += days.summed(ledger.read(connection, width, begin, stop))
    return totals


def _left_out(cells: Cells, laid: NDArray[np.bool_]) -> Totals:
    """Return what laid cells count, less the excluded minutes that they become."""
    counted = days.summed(type(cells)(cells.bad * laid, cells.total * laid, cells.mark * laid))
    counted[days.EXCLUDED] -= laid.sum(axis=0)
    return counted
