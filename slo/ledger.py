"""The ledger: a ring of minute counts per SLI with running sums per window, exact whatever arrives when.

A cell that says UNKNOWN tells nothing: it never takes away what another reading told of the same minute.
Exclusions lie over the cells in one bit of the state: sums and minutes leave them out, `raw` does not.
A ledger is written by one thread at a time; whoever shares it holds the lock.
"""

from __future__ import annotations

from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import numpy as np

from slo.cells import Cell, Indicator, Sli, State
from slo.failures import Failures, gathered, joined
from slo.overlay import Overlay
from slo.sums import Counts, Mismatch, Put, Restatement, Sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from slo.cells import Block, Placement
    from slo.exclusions import Exclusions

#: The longest calendar month: 31 days, and the hour that clocks go back.
RING_MINUTES = (31 * 24 + 1) * 60

#: So long are cells kept: 15 months at their longest.  What is older nobody may correct any more.
KEPT = timedelta(days=458)

#: Windows of the tiers (slo.burn), of the extra-quick tier, and of the objective, in minutes.
WINDOWS: Mapping[str, int] = {
    "1m": 1, "5m": 5, "30m": 30, "1h": 60, "2h": 120, "6h": 360, "1d": 1440, "3d": 4320, "30d": 43_200,
}  # fmt: skip

#: The ring keeps uint32: 4.29 million requests a minute where a request counts a thousand.
COUNT_MAX = 2**32 - 1

BAD, TOTAL, UNKNOWN, EXCLUDED = range(4)
FIELDS = ("bad", "total", "unknown", "excluded")

#: Set beside the state of a cell that an exclusion covers.
LAID = 0x80

CAPACITY_MIN = 64
#: A full ring grows by an eighth: a column is 400 kB, and most estates hardly grow.
GROWTH = 8

#: Below 256, so that a uint8 can count them.
ROWS_AT_ONCE = 32


class Ledger:
    """Counts of the last `ring` minutes of every SLI, and their sums over windows that end with `newest`."""

    def __init__(
        self,
        *,
        ring: int = RING_MINUTES,
        windows: Sequence[int] = tuple(WINDOWS.values()),
        capacity: int = CAPACITY_MIN,
    ) -> None:
        if not windows or not 0 < min(windows) <= max(windows) <= ring:
            raise ValueError(
                f"every window lies between 1 and the ring's {ring} minutes, got {tuple(windows)}"
            )
        self.ring = ring
        self.windows = tuple(sorted(set(windows)))
        self.newest: int | None = None
        #: Moves whenever a cell or a sum may have: what was made of them is then made anew.
        self.changes = 0
        self._column: dict[Sli, int] = {}
        self._by_indicator: dict[Indicator, list[int]] = {indicator: [] for indicator in Indicator}
        self._bad = np.zeros((ring, capacity), np.uint32)
        self._total = np.zeros((ring, capacity), np.uint32)
        self._state = np.zeros((ring, capacity), np.uint8)
        self._told = np.zeros(capacity, np.int64)
        self._sums = self._empty_sums(capacity)
        self._overlay = Overlay()
        self._raw = False

    @property
    def slis(self) -> tuple[Sli, ...]:
        """The SLIs in the order of their columns."""
        return tuple(self._column)

    @property
    def oldest(self) -> int | None:
        """The oldest minute that the ring still holds."""
        return None if self.newest is None else self.newest - self.ring + 1

    def __contains__(self, sli: Sli) -> bool:
        return sli in self._column

    def column(self, sli: Sli) -> int:
        """Return the column of an SLI that is known, or raise KeyError."""
        return self._column[sli]

    def add(self, sli: Sli) -> int:
        """Return the SLI's column, making one whose every minute is unknown where there is none yet."""
        if (known := self._column.get(sli)) is not None:
            return known
        column = len(self._column)
        if column == self._bad.shape[1]:
            self._grow(column + max(CAPACITY_MIN, column // GROWTH))
        self._column[sli] = column
        self._by_indicator[sli.indicator].append(column)
        self._overlay.add(sli.placement, column)
        self._lay_column(sli.placement, column)
        return column

    def exclude(self, exclusions: Exclusions) -> None:
        """Leave out the minutes of these exclusions and no others, also those that are still to come."""
        self.changes += 1
        self._overlay = Overlay(exclusions, self._column)
        self._state &= np.uint8(LAID - 1)
        self._lay(*self._ends())
        self.resum()

    def raw(self) -> Self:
        """Return the same minutes with nothing left out, to be read until the next put."""
        bare = copy(self)
        bare._raw = True  # noqa: SLF001 - a copy of its own
        return bare

    def lags(self, columns: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return, by column, how many minutes the newest known one lies before the newest of the ledger."""
        return (self.newest or 0) - self._told[columns]

    def advance(self, minute: int) -> None:
        """Make `minute` the newest: older ones leave their windows, the new ones are unknown until told."""
        if self.newest is None:
            self.newest = minute
            if self._lay(*self._ends()):
                self.resum()
        steps = minute - self.newest
        if steps <= 0:
            return
        self.changes += 1
        for position, window in enumerate(self.windows):
            if steps >= window:
                self._sums[position] = 0
                self._sums[position, UNKNOWN] = window
                continue
            leaves = self.newest - window + 1
            self._sums[position] -= self._sum(leaves, leaves + steps)
            self._sums[position, UNKNOWN] += steps
        arrived = minute - min(steps, self.ring) + 1, minute + 1
        for arriving in self._rows(*arrived):
            self._bad[arriving] = 0
            self._total[arriving] = 0
            self._state[arriving] = State.UNKNOWN
        self.newest = minute
        if self._lay(*arrived):
            self._leave_out(*arrived)

    def put(self, block: Block) -> Put:
        """Take the cells of a block, correct every sum they touch, and tell what had been counted otherwise.

        Minutes newer than the newest advance the ledger first.  A count above COUNT_MAX raises ValueError.
        """
        if not block.minutes or not block.slis:
            return Put((), range(0))
        self.changes += 1
        if int(block.total.max()) > COUNT_MAX:
            raise ValueError(f"a minute counts at most {COUNT_MAX}, got {int(block.total.max())}")
        columns = np.array([self.add(sli) for sli in block.slis])
        if len(np.unique(columns)) < len(columns):
            raise ValueError("a block names each SLI once")
        self.advance(block.minutes[-1])
        assert self.newest is not None
        first = max(block.start, self.newest - self.ring + 1)
        refused = block.minutes[: max(0, first - block.start)]
        if len(refused) == len(block.minutes):
            return Put((), refused)
        return Put(self._write(block, first, columns), refused)

    def load(self, slis: Sequence[Sli], blocks: Iterable[Block]) -> None:
        """Fill an empty ledger with consecutive blocks of these SLIs, faster than they could be put."""
        self.changes += 1
        if len(slis) > self._bad.shape[1]:
            self._grow(len(slis))
        for sli in slis:
            self.add(sli)
        for block in blocks:
            self.newest = block.minutes[-1]
            for rows, taken in self._chunks(block):
                self._bad[rows, : len(slis)] = block.bad[taken]
                self._total[rows, : len(slis)] = block.total[taken]
                self._state[rows, : len(slis)] = block.state[taken]
                told = (block.state[taken] != State.UNKNOWN) * np.array(block.minutes[taken])[:, None]
                self._told[: len(slis)] = np.maximum(self._told[: len(slis)], told.max(axis=0))
        self.resum()

    def sums(self, window: int) -> Sums:
        """Return the sums of the window that ends with the newest minute, by column."""
        held = self._sums[self.windows.index(window), :, : len(self._column)]
        end = self._ends()[1]
        return Sums(*(held + self._left_out(end - window, end) if self._raw else held))

    def over(self, start: int, end: int) -> Sums:
        """Return the sums of the minutes `[start, end)`, by column; unknown where the ring holds nothing."""
        if self.newest is not None and end == self.newest + 1 and end - start in self.windows:
            return self.sums(end - start)
        held = self._held(start, end)
        sums = self._summed(held)[:, : len(self._column)]
        sums[UNKNOWN] += max(0, end - start) - len(held)
        return Sums(*(sums + self._left_out(held.start, held.stop) if self._raw else sums))

    def columns(self, indicator: Indicator) -> NDArray[np.intp]:
        """Return the columns of an indicator."""
        return np.array(self._by_indicator[indicator], np.intp)

    def minutes(
        self, sli: Sli, start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Return bad, total and state of the minutes `[start, end)`; unknown where the ring holds nothing."""
        bad, total = np.zeros(end - start, np.int64), np.zeros(end - start, np.int64)
        state = np.zeros(end - start, np.uint8)
        held = self._held(start, end)
        if sli in self._column and held:
            rows, column = np.arange(held.start, held.stop) % self.ring, self._column[sli]
            into = slice(held.start - start, held.stop - start)
            bad[into] = self._bad[rows, column]
            total[into] = self._total[rows, column]
            state[into] = self._state[rows, column]
        laid = state >= LAID
        if not self._raw:
            bad[laid], total[laid], state[laid] = 0, 0, State.EXCLUDED
        return bad, total, state & np.uint8(LAID - 1)

    def failures(self, start: int, end: int) -> Failures:
        """Return every cell of the minutes `[start, end)` in which anything was bad."""
        return joined(self.slis, self.failing(start, end))

    def failing(self, start: int, end: int) -> Iterator[Failures]:
        """Yield the same a few minutes at a time: whoever adds up need not keep millions."""
        held, mask = self._held(start, end), np.uint8(LAID - 1 if self._raw else 0xFF)
        rows = self._rows(held.start, held.stop)
        parts = ((self._bad[at], self._total[at], self._state[at] & mask) for at in rows)
        return gathered(self.slis, held.start, parts)

    def counts(self, slis: Sequence[Sli], start: int, end: int) -> Counts:
        """Return what the SLIs add up to over the minutes `[start, end)`."""
        bad = total = 0
        minutes = dict.fromkeys(State, 0)
        for sli in slis:
            of_bad, of_total, of_state = self.minutes(sli, start, end)
            bad += int(of_bad.sum())
            total += int(of_total.sum())
            for state, count in enumerate(np.bincount(of_state, minlength=len(State)).tolist()):
                minutes[State(state)] += count
        return Counts(bad, total, minutes)

    def self_check(self) -> tuple[Mismatch, ...]:
        """Sum every window again from its minutes, and name what differs: a defect, healed by `resum`."""
        counted = self._counted()
        wrong = np.argwhere(self._sums[:, :, : len(self._column)] != counted[:, :, : len(self._column)])
        slis = self.slis
        return tuple(
            Mismatch(
                slis[column],
                self.windows[window],
                FIELDS[field],
                int(self._sums[window, field, column]),
                int(counted[window, field, column]),
            )
            for window, field, column in wrong.tolist()
        )

    def resum(self) -> None:
        """Rebuild the running sums from the minutes."""
        self._sums = self._counted()

    def _write(self, block: Block, first: int, columns: NDArray[np.intp]) -> tuple[Restatement, ...]:
        """Write the rows from minute `first` on; the sums change by new less old, so order never matters."""
        rows = slice(first - block.start, None)
        cells = np.ix_(np.arange(first, block.minutes.stop) % self.ring, columns)
        old_bad, old_total = self._bad[cells].astype(np.int64), self._total[cells].astype(np.int64)
        laid = self._state[cells] & np.uint8(LAID)
        old_state = self._state[cells] ^ laid
        told = block.state[rows] != State.UNKNOWN
        bad = np.where(told, block.bad[rows], old_bad)
        total = np.where(told, block.total[rows], old_total)
        state = np.where(told, block.state[rows], old_state)
        self._bad[cells], self._total[cells], self._state[cells] = bad, total, state | laid
        newest = np.where(told, np.arange(first, block.minutes.stop)[:, None], 0).max(axis=0)
        self._told[columns] = np.maximum(self._told[columns], newest)
        change = _fields(bad, total, state) - _fields(old_bad, old_total, old_state)
        self._correct(first, columns, change * (laid == 0) if self._overlay else change)
        known = (old_state == State.OBSERVED) | (old_state == State.NO_TRAFFIC)
        changed = known & ((bad != old_bad) | (total != old_total) | (state != old_state))
        return tuple(
            Restatement(
                block.slis[column],
                first + row,
                Cell(int(old_bad[row, column]), int(old_total[row, column]), State(old_state[row, column])),
                Cell(int(bad[row, column]), int(total[row, column]), State(state[row, column])),
            )
            for row, column in np.argwhere(changed).tolist()
        )

    def _correct(self, first: int, columns: NDArray[np.intp], change: NDArray[np.int64]) -> None:
        """Add `change` [fields, minutes from first, columns] to every window that reaches its minute."""
        assert self.newest is not None
        added = np.zeros((len(FIELDS), len(columns)), np.int64)
        end = change.shape[1]
        for position, window in enumerate(self.windows):
            begin = min(end, max(0, self.newest - window + 1 - first))
            if begin < end:
                added += change[:, begin:end].sum(axis=1)
                end = begin
            self._sums[position][:, columns] += added

    def _lay(self, start: int, end: int) -> bool:
        """Mark what exclusions cover of the minutes `[start, end)`, and say whether they cover any."""
        laid = False
        for minutes, columns in self._overlay.over(start, end):
            laid = True
            for rows in self._rows(minutes.start, minutes.end):
                self._state[rows, columns] |= np.uint8(LAID)
        return laid

    def _lay_column(self, placement: Placement, column: int) -> None:
        """Mark what exclusions cover of a column of which nothing is known yet."""
        for minutes in self._overlay.of(placement, *self._ends()):
            rows = np.arange(minutes.start, minutes.end) % self.ring
            fresh = self._state[rows, column] == State.UNKNOWN
            self._state[rows, column] = LAID
            self._move(minutes.start, np.array([column]), fresh[:, None])

    def _leave_out(self, start: int, end: int) -> None:
        """Count the marked ones of minutes that have just arrived as excluded rather than unknown."""
        columns = np.arange(len(self._column))
        for rows in self._rows(start, end):
            self._move(start, columns, self._state[rows, : len(columns)] >= LAID)
            start += rows.stop - rows.start

    def _move(self, first: int, columns: NDArray[np.intp], laid: NDArray[np.bool_]) -> None:
        """Move unknown minutes [minutes from first, columns] to the excluded ones in every sum."""
        change = np.zeros((len(FIELDS), *laid.shape), np.int64)
        change[UNKNOWN], change[EXCLUDED] = -1 * laid, laid
        self._correct(first, columns, change)

    def _left_out(self, start: int, end: int) -> NDArray[np.int64]:
        """Return by how much the sums of the minutes `[start, end)` differ from what happened."""
        differs = np.zeros((len(FIELDS), len(self._column)), np.int64)
        for minutes in self._overlay.minutes(start, end):
            for rows in self._rows(minutes.start, minutes.end):
                differs += self._beneath(rows)
        return differs

    def _beneath(self, rows: slice) -> NDArray[np.int64]:
        """Return what the marked cells of a few rows hold, less what they count as."""
        state = self._state[rows, : len(self._column)]
        laid = state >= LAID
        bare = np.where(laid, state & np.uint8(LAID - 1), State.OBSERVED)
        bad, total = (counts[rows, : len(self._column)] * laid for counts in (self._bad, self._total))
        fields = _fields(bad.astype(np.int64), total.astype(np.int64), bare)
        fields[EXCLUDED] -= laid
        return np.asarray(fields.sum(axis=1))

    def _ends(self) -> tuple[int, int]:
        """Return the first minute of the ring, and the one after its last."""
        return (0, 0) if self.newest is None else (self.newest - self.ring + 1, self.newest + 1)

    def _held(self, start: int, end: int) -> range:
        if self.newest is None:
            return range(0)
        return range(max(start, self.newest - self.ring + 1), min(end, self.newest + 1))

    def _counted(self) -> NDArray[np.int64]:
        """Sum the windows from the minutes: each stretch between two windows is read once."""
        counted = self._empty_sums(self._bad.shape[1])
        if self.newest is None:
            return counted
        end = self.newest + 1
        running = np.zeros_like(counted[0])
        for position, window in enumerate(self.windows):
            running += self._sum(self.newest - window + 1, end)
            counted[position] = running
            end = self.newest - window + 1
        return counted

    def _chunks(self, block: Block) -> Iterator[tuple[slice, slice]]:
        """Yield a few rows of the ring at a time, and the rows of the block that belong there."""
        at = 0
        for rows in self._rows(block.minutes.start, block.minutes.stop):
            yield rows, slice(at, at := at + rows.stop - rows.start)

    def _rows(self, start: int, end: int) -> Iterator[slice]:
        """Yield the ring's rows of the minutes `[start, end)`, few enough at a time to stay in the cache."""
        while start < end:
            row = start % self.ring
            count = min(end - start, self.ring - row, ROWS_AT_ONCE)
            yield slice(row, row + count)
            start += count

    def _summed(self, held: range) -> NDArray[np.int64]:
        """Return the sums over some minutes: up to the newest, the running ones and what they differ by."""
        window = min(self.windows, key=lambda one: abs(one - len(held)))
        more = len(held) - window
        if held.stop - 1 != self.newest or abs(more) >= len(held):
            return self._sum(held.start, held.stop)
        running: NDArray[np.int64] = self._sums[self.windows.index(window)]
        if more < 0:
            return running - self._sum(held.start + more, held.start)
        return running + self._sum(held.start, held.start + more)

    def _sum(self, start: int, end: int) -> NDArray[np.int64]:
        """Return the sums [fields, columns] over the minutes `[start, end)`."""
        sums = np.zeros((len(FIELDS), self._bad.shape[1]), np.int64)
        for rows in self._rows(start, end):
            state, bad, total = self._state[rows], self._bad[rows], self._total[rows]
            if self._overlay and (kept := state < LAID).min() == 0:
                bad, total = bad * kept, total * kept
            sums[BAD] += bad.astype(np.int64).sum(axis=0)
            sums[TOTAL] += total.astype(np.int64).sum(axis=0)
            sums[UNKNOWN] += (state == State.UNKNOWN).sum(axis=0, dtype=np.uint8)
            sums[EXCLUDED] += (state >= State.EXCLUDED).sum(axis=0, dtype=np.uint8)
        return sums

    def _empty_sums(self, capacity: int) -> NDArray[np.int64]:
        sums = np.zeros((len(self.windows), len(FIELDS), capacity), np.int64)
        sums[:, UNKNOWN, :] = np.array(self.windows)[:, None]
        return sums

    def _grow(self, capacity: int) -> None:
        held = self._bad.shape[1]
        for name in ("_bad", "_total", "_state"):
            before = getattr(self, name)
            after = np.zeros((self.ring, capacity), before.dtype)
            after[:, :held] = before
            setattr(self, name, after)
        self._told = np.concatenate([self._told, np.zeros(capacity - held, np.int64)])
        sums = self._empty_sums(capacity)
        sums[:, :, :held] = self._sums
        self._sums = sums


def _fields(bad: NDArray[np.int64], total: NDArray[np.int64], state: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.stack([bad, total, state == State.UNKNOWN, state == State.EXCLUDED]).astype(
        np.int64, copy=False
    )
