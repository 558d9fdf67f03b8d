"""One measured number beside the goal it was measured for."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured, what we aim for, which way is better, and how anybody can measure it again."""

    name: str
    value: float
    unit: str
    goal: float
    better: Literal["higher", "lower"]
    how: str

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ValueError(f"{self.name} measured nothing: {self.value}")

    @property
    def met(self) -> bool:
        """Whether the goal is reached; exactly on the goal counts."""
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal
