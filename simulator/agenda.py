"""What will happen when: acts with their times, carried out in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Act = Callable[[int], None]


@dataclass(slots=True)
class Agenda:
    """Acts to come; two at the same time keep the order in which they were entered."""

    _acts: list[tuple[int, int, Act]] = field(default_factory=list)
    _serial: int = 0

    def enter(self, at: int, act: Act) -> None:
        """Plan an act; it is called with the world's time."""
        self._serial += 1
        heapq.heappush(self._acts, (at, self._serial, act))

    @property
    def next(self) -> int | None:
        """When the next act is due."""
        return self._acts[0][0] if self._acts else None

    def run(self, until: int) -> None:
        """Carry out what is due, also what that adds."""
        while self._acts and self._acts[0][0] <= until:
            heapq.heappop(self._acts)[2](until)
