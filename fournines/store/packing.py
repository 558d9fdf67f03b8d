"""Cells as bytes: a minute of all SLIs in a row, or an hour of them, packed tight once it has settled.

A minute is `bad` and `total` as little-endian uint32, the states as bytes, and when each was read, over all
columns.
An hour keeps each SLI's 60 minutes side by side, splits the counts into byte planes and compresses them: high
bytes are zeros.  Where all totals of an SLI are thousands, as those of latency are, thousands are counted:
else their low bytes would look like noise.  Columns beyond a blob's end are unknown.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slo.cells import MINUTE_S, State

HOUR_MINUTES = 60

#: Set beside the state of a cell that was imported rather than measured, or is a share of a coarser sum.
IMPORTED, COARSE = 0x80, 0x40

_COUNT = np.dtype("<u4")
_CELL_BYTES = 2 * _COUNT.itemsize + 1
#: A reading's place in time: seconds after its minute began, up to 97 days, and a number within the second.
_STAMP = np.dtype("<u4")
_SEQUENCE_BITS = 9
#: No reading is under way for longer.  A stamp that lies further ahead is of a clock that had leapt.
UNDER_WAY_MAX_S = 3600
SEQUENCE_MAX, LATER_MAX_S = 2**_SEQUENCE_BITS - 1, 2 ** (32 - _SEQUENCE_BITS) - 1
_THOUSAND = np.uint32(1000)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of consecutive minutes (rows) of all SLIs (columns), changed in place.

    `bad` and `total` are uint32, `mark` uint8: the state, and IMPORTED or COARSE.
    """

    bad: NDArray[np.uint32]
    total: NDArray[np.uint32]
    mark: NDArray[np.uint8]

    @classmethod
    def unknown(cls, minutes: int, columns: int) -> Cells:
        """Return cells of which nothing is known."""
        shape = (minutes, columns)
        return cls(np.zeros(shape, _COUNT), np.zeros(shape, _COUNT), np.zeros(shape, np.uint8))

    def __getitem__(self, rows: slice) -> Cells:
        """Return a view of some of the minutes."""
        return Cells(self.bad[rows], self.total[rows], self.mark[rows])

    @property
    def state(self) -> NDArray[np.uint8]:
        """The state of each cell."""
        return self.mark & np.uint8(COARSE - 1)

    @property
    def imported(self) -> NDArray[np.bool]:
        """Whether each cell was imported."""
        return np.asarray(self.mark & np.uint8(IMPORTED), dtype=np.bool)

    @property
    def coarse(self) -> NDArray[np.bool]:
        """Whether each cell is a share of a coarser sum."""
        return np.asarray(self.mark & np.uint8(COARSE), dtype=np.bool)

    @property
    def measured(self) -> NDArray[np.bool]:
        """Whether each cell says something that we saw ourselves."""
        return np.not_equal(self.mark, State.UNKNOWN) & ~self.imported

    def pick(self, columns: NDArray[np.intp]) -> Cells:
        """Return a copy of some of the columns."""
        return Cells(self.bad[:, columns], self.total[:, columns], self.mark[:, columns])

    def paste(self, other: Cells) -> None:
        """Overwrite the first columns with the cells of an older, narrower piece."""
        width = other.mark.shape[1]
        self.bad[:, :width], self.total[:, :width], self.mark[:, :width] = other.bad, other.total, other.mark


def stamps(minutes: range, read_at_s: int, sequence: int) -> NDArray[np.uint32]:
    """Return, by minute, what orders this reading among others of the same minute: a later one is higher."""
    later = np.clip(read_at_s - MINUTE_S * np.arange(minutes.start, minutes.stop), 0, LATER_MAX_S)
    return np.asarray(later << _SEQUENCE_BITS | min(sequence, SEQUENCE_MAX), _STAMP)


def stale(stamp: NDArray[np.uint32], held: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which cells were read anew while a reading was under way."""
    ahead = held.astype(np.int64) - stamp
    return np.asarray((ahead > 0) & (ahead <= UNDER_WAY_MAX_S << _SEQUENCE_BITS))


def pack_minute(cells: Cells, read: NDArray[np.uint32]) -> bytes:
    """Return one minute as bytes."""
    return cells.bad.tobytes() + cells.total.tobytes() + cells.mark.tobytes() + read.tobytes()


def unpack_stamps(blob: bytes) -> NDArray[np.uint32]:
    """Return when each cell of the minute was read."""
    columns = len(blob) // (_CELL_BYTES + _STAMP.itemsize)
    return np.frombuffer(blob, _STAMP, columns, offset=_CELL_BYTES * columns)


def unpack_minute(blob: bytes) -> Cells:
    """Return the minute that the bytes hold."""
    columns = len(blob) // (_CELL_BYTES + _STAMP.itemsize)
    bad, total = np.frombuffer(blob, _COUNT, 2 * columns).reshape(2, 1, columns)
    return Cells(bad, total, np.frombuffer(blob, np.uint8, columns, 2 * _COUNT.itemsize * columns)[None])


def pack_hour(cells: Cells) -> bytes:
    """Return an hour of minutes as compressed bytes."""
    whole = (cells.total % _THOUSAND == 0).all(axis=0)
    total = cells.total // _unit(whole)
    marks = np.ascontiguousarray(cells.mark.T).tobytes()
    return zlib.compress(b"".join([whole.tobytes(), _planes(cells.bad), _planes(total), marks]), level=1)


def unpack_hour(blob: bytes) -> Cells:
    """Return the hour that the bytes hold."""
    planes, whole = _unpacked(zlib.decompress(blob))
    bad, total = (
        np.ascontiguousarray(counts.reshape(_COUNT.itemsize, -1).T).view(_COUNT).reshape(-1, HOUR_MINUTES).T
        for counts in (planes[: _COUNT.itemsize], planes[_COUNT.itemsize : -1])
    )
    return Cells(bad, total * _unit(whole), planes[-1].T)


def _unpacked(raw: bytes) -> tuple[NDArray[np.uint8], NDArray[np.bool]]:
    """Return the planes [byte of a cell, column, minute], and whose totals are counted in thousands."""
    held = np.frombuffer(raw, np.uint8)
    columns = len(held) // (HOUR_MINUTES * _CELL_BYTES + 1)
    return held[columns:].reshape(_CELL_BYTES, columns, HOUR_MINUTES), held[:columns].astype(np.bool)


def _unit(whole: NDArray[np.bool]) -> NDArray[np.uint32]:
    """Return, by column, what a total is counted in."""
    return np.where(whole, _THOUSAND, np.uint32(1))


def unpack_some(blob: bytes, columns: NDArray[np.intp]) -> Cells:
    """Return some columns of the hour that the bytes hold; what it does not know yet is unknown.

    Planes that are all zero cost nothing: that is most of them.  zlib is told how much to expect, since it
    takes twice as long when it must find room again and again.
    """
    expected = (_CELL_BYTES * HOUR_MINUTES + 1) * (len(columns) + 1)
    planes, whole = _unpacked(zlib.decompress(blob, bufsize=expected))
    held = columns < len(whole)
    if held.all():
        return _joined(planes, whole, columns)
    cells = Cells.unknown(HOUR_MINUTES, len(columns))
    some = _joined(planes, whole, columns[held])
    cells.bad[:, held], cells.total[:, held], cells.mark[:, held] = some.bad, some.total, some.mark
    return cells


def _joined(planes: NDArray[np.uint8], whole: NDArray[np.bool], columns: NDArray[np.intp]) -> Cells:
    """Put the planes of some columns together: four of what was bad, four of all, one of marks."""
    bad, total = (_counts(planes[first : first + _COUNT.itemsize], columns) for first in (0, _COUNT.itemsize))
    thousands = whole[columns]
    if thousands.any():
        total *= _unit(thousands)[:, None]
    return Cells(bad.T, total.T, planes[-1].take(columns, axis=0).T)


def _counts(planes: NDArray[np.uint8], columns: NDArray[np.intp]) -> NDArray[np.uint32]:
    counts: NDArray[np.uint32] = planes[0].take(columns, axis=0).astype(_COUNT)
    for place, plane in enumerate(planes[1:], start=1):
        if plane.any():
            counts |= plane.take(columns, axis=0).astype(_COUNT) << np.uint32(8 * place)
    return counts


def _planes(counts: NDArray[np.uint32]) -> bytes:
    """Return the counts by SLI, all lowest bytes first, then all second ones, and so on."""
    by_sli = np.ascontiguousarray(counts.T)
    return np.ascontiguousarray(by_sli.view(np.uint8).reshape(-1, _COUNT.itemsize).T).tobytes()
