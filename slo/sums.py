"""What a ledger answers: sums by column or in all, and what became of what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slo.cells import Cell, Sli, State


@dataclass(frozen=True, slots=True)
class Restatement:
    """A minute that had been counted and was corrected."""

    sli: Sli
    minute: int
    before: Cell
    after: Cell


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a block: the corrections, and the minutes older than the ring, which it did not take."""

    restated: tuple[Restatement, ...]
    refused: range


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over SLIs and minutes; `minutes` counts cells by state, those outside the ring as unknown."""

    bad: int
    total: int
    minutes: Mapping[State, int]

    @property
    def known(self) -> int:
        """Cells that say what happened."""
        return self.minutes[State.OBSERVED] + self.minutes[State.NO_TRAFFIC]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """The running sums of a window, one int64 per column; a view that the next put changes."""

    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    unknown: NDArray[np.int64]
    excluded: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A running sum that is not the sum of its minutes."""

    sli: Sli
    window: int
    field: str
    held: int
    counted: int
