"""The few cells in which anything was bad: all that a budget was spent by, of whole periods at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slo.cells import Sli, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Failures:
    """Cells with bad counts, in the order of their minutes; `sli` is each one's place in `slis`."""

    slis: tuple[Sli, ...]
    minute: NDArray[np.int64]
    sli: NDArray[np.int64]
    bad: NDArray[np.int64]
    total: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.minute) == len(self.sli) == len(self.bad) == len(self.total):
            raise ValueError("every column speaks of the same cells")
        if (self.minute[1:] < self.minute[:-1]).any():
            raise ValueError("cells come in the order of their minutes")

    def __len__(self) -> int:
        return len(self.minute)

    def of(self, slis: Sequence[Sli]) -> Failures:
        """Return those of some SLIs alone."""
        return self.parted([slis])[0]

    def parted(self, groups: Sequence[Sequence[Sli]]) -> tuple[Failures, ...]:
        """Return those of each group of SLIs, which share none; all are sorted out at once."""
        place = {sli: (n, at) for n, group in enumerate(groups) for at, sli in enumerate(group)}
        into = np.array([place.get(sli, (-1, 0)) for sli in self.slis], np.int64).reshape(-1, 2)
        narrow = np.int16 if len(groups) < 1 << 15 else np.int64  # numpy sorts what is narrow by its digits
        group, own = into[:, 0].astype(narrow)[self.sli], into[:, 1]
        order = np.argsort(group, kind="stable")  # within a group minutes stay in their order
        cuts = np.searchsorted(group[order], np.arange(len(groups) + 1)).tolist()
        order = order[cuts[0] :]
        sli = self.sli[order]
        columns = (self.minute[order], own[sli], self.bad[order], self.total[order])
        return tuple(
            Failures(tuple(slis), *(column[start - cuts[0] : end - cuts[0]] for column in columns))
            for slis, (start, end) in zip(groups, pairwise(cuts), strict=True)
        )

    def within(self, start: int, end: int) -> Failures:
        """Return those of the minutes `[start, end)`."""
        at = slice(*np.searchsorted(self.minute, (start, end)).tolist())
        return Failures(self.slis, self.minute[at], self.sli[at], self.bad[at], self.total[at])

    def without(self, masks: Mapping[Sli, NDArray[np.bool_]], start: int) -> Failures:
        """Return those that no mask covers; masks begin with the minute `start`."""
        kept = np.ones(len(self), np.bool_)
        for n, sli in enumerate(self.slis):
            if sli in masks:
                own = self.sli == n
                kept[own] = ~masks[sli][self.minute[own] - start]
        return Failures(self.slis, self.minute[kept], self.sli[kept], self.bad[kept], self.total[kept])

    def per_sli(self, counts: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
        """Add up a number of each cell by SLI, in integers: numpy's `bincount` adds up floats."""
        sums = np.zeros(len(self.slis), np.int64)
        np.add.at(sums, self.sli, counts.astype(np.int64, copy=False))
        return sums


def gathered(
    slis: tuple[Sli, ...],
    start: int,
    parts: Iterable[tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint8]]],
) -> Iterator[Failures]:
    """Yield the failures of consecutive rows of minutes from `start` on: bad, total and state by column."""
    for bad, total, state in parts:
        at = np.flatnonzero(bad > 0)  # of one axis: numpy picks from two far more slowly
        at = at[state.reshape(-1)[at] == State.OBSERVED]
        row = at // bad.shape[1]
        counts = (each.reshape(-1)[at].astype(np.int64) for each in (bad, total))
        yield Failures(slis, start + row, at - row * bad.shape[1], *counts)
        start += len(bad)


def joined(slis: tuple[Sli, ...], parts: Iterable[Failures]) -> Failures:
    """Return failures of minutes that come after one another as one."""
    none = np.zeros(0, np.int64)
    every = (Failures(slis, none, none, none, none), *parts)
    columns = ("minute", "sli", "bad", "total")
    return Failures(slis, *(np.concatenate([getattr(one, name) for one in every]) for name in columns))
