"""What tasks ran on: counts of each five minutes, as somebody looked at them.  Nothing is filled in.

Five minutes divide every offset from UTC that a zone has, so that every month begins between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from slo.months import Stretch

Counts = NDArray[np.int32]

SLOT_MINUTES = 5
#: What stands where nobody looked, or where there are no bounds.
NONE = -1


class Capacity(StrEnum):
    """What a task runs on; `ec2` is also what a capacity provider of one's own brings."""

    FARGATE = "fargate"
    FARGATE_SPOT = "fargate_spot"
    EC2 = "ec2"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


#: The columns of counted tasks.
CAPACITIES = tuple(Capacity)
SPOT = CAPACITIES.index(Capacity.FARGATE_SPOT)
UNTOLD = CAPACITIES.index(Capacity.UNKNOWN)
#: What is kept of a slot: the tasks, the bounds of scaling, and what a task is given (CPU units, MiB).
WIDTH = len(CAPACITIES) + 4


def slots(span: Stretch) -> range:
    """Return the five minutes that lie in a stretch, counted from 1970."""
    return range(-(-span.start // SLOT_MINUTES), span.end // SLOT_MINUTES)


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """A placement's slots from `start` on, int32 [slots, WIDTH]; -1 in each column where nobody looked."""

    start: int
    rows: Counts

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or self.rows.shape[1] != WIDTH:  # noqa: PLR2004 - slots and columns
            raise ValueError(f"usage has {WIDTH} columns, got {self.rows.shape}")

    @classmethod
    def nothing(cls, within: range) -> Self:
        """Return slots at which nobody looked."""
        return cls(within.start, np.full((len(within), WIDTH), NONE, np.int32))

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Whether somebody looked."""
        return self.rows[:, 0] >= 0

    @property
    def tasks(self) -> Counts:
        """How many tasks ran, by capacity; 0 where nobody looked."""
        return np.maximum(self.rows[:, : len(CAPACITIES)], 0)

    @property
    def bounds(self) -> Counts:
        """Between how many tasks scaling might choose; -1 where it has no bounds or nobody looked."""
        return self.rows[:, len(CAPACITIES) : len(CAPACITIES) + 2]

    @property
    def size(self) -> Counts:
        """CPU units and MiB that a task is given; 0 or less where it is not told."""
        return self.rows[:, len(CAPACITIES) + 2 :]
