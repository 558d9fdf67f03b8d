"""How badly AWS tells: metrics that are late or lost, per placement."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, eq=False)
class Hindrance:
    """What stands between CloudWatch and each placement: seconds of delay, and how many outages."""

    placements: int
    delay_s: NDArray[np.float64] = field(init=False)
    outages: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.delay_s = np.zeros(self.placements)
        self.outages = np.zeros(self.placements, dtype=np.int64)

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which placements' minutes are never told."""
        return self.outages > 0
