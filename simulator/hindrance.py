"""How badly AWS tells: metrics that are late, lost, or corrected later, per placement."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, eq=False)
class Hindrance:
    """What stands between CloudWatch and each placement: seconds of delay, and how many outages.

    `first_share` of the counts is told at first, the rest `corrected_s` later.
    """

    placements: int
    delay_s: NDArray[np.float64] = field(init=False)
    outages: NDArray[np.int64] = field(init=False)
    first_share: NDArray[np.float64] = field(init=False)
    corrected_s: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.delay_s = np.zeros(self.placements)
        self.outages = np.zeros(self.placements, dtype=np.int64)
        self.first_share = np.ones(self.placements)
        self.corrected_s = np.zeros(self.placements)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which placements' minutes are never told."""
        return self.outages > 0
