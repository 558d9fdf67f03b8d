"""What really happened: requests per minute and placement, runs of schedules, whatever anybody measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simulator.serving import Outcome

Counts = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Run:
    """One run of a schedule at one site.  Times are seconds since 1970.

    `due` is when it was to start, and did, unless `task`, the id of its task, is None: it was missed. `ended`
    and `exit_code` tell how it went, once it is over.
    """

    schedule: str
    account: str
    region: str
    due: int
    task: str | None = None
    ended: int | None = None
    exit_code: int | None = None


@dataclass(slots=True, eq=False)
class Truth:
    """Counts of every minute from `start` (minutes since 1970), int64 [minutes, placements].

    `total` are requests that count for availability, `bad` those of them that failed; `slow` are those of the
    `answered` that took longer than the threshold. `age_s` is how long the oldest message had waited in a
    placement's queue when the minute ended. `known` is false where a recording says nothing. `runs` are those
    of schedules.
    """

    start: int
    placements: int
    length: int = 0
    total: Counts = field(init=False)
    bad: Counts = field(init=False)
    slow: Counts = field(init=False)
    answered: Counts = field(init=False)
    age_s: Counts = field(init=False)
    known: NDArray[np.bool_] = field(init=False)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._grow(1024)

    def _grow(self, size: int) -> None:
        for name in ("total", "bad", "slow", "answered", "age_s"):
            grown = np.zeros((size, self.placements), dtype=np.int64)
            if self.length:
                grown[: self.length] = getattr(self, name)[: self.length]
            setattr(self, name, grown)
        known = np.zeros(size, dtype=np.bool_)
        if self.length:
            known[: self.length] = self.known[: self.length]
        self.known = known

    @property
    def end(self) -> int:
        """The minute after the last that is known."""
        return self.start + self.length

    def add(self, outcome: Outcome, known: NDArray[np.bool_], age_s: Counts | int = 0) -> None:
        """Append minutes."""
        count = len(known)
        while self.length + count > len(self.known):
            self._grow(2 * len(self.known))
        rows = slice(self.length, self.length + count)
        self.total[rows], self.bad[rows] = outcome.total, outcome.bad
        self.slow[rows], self.answered[rows] = outcome.slow, outcome.answered
        self.age_s[rows], self.known[rows] = age_s, known
        self.length += count

    def rows(self, start: int, end: int) -> slice:
        """Return the rows of the minutes `[start, end)`, as far as they are there."""
        return slice(max(0, start - self.start), max(0, min(end, self.end) - self.start))

    def pooled(self, start: int, end: int, placements: list[int]) -> tuple[int, int]:
        """Return bad and total over minutes and placements."""
        rows, columns = self.rows(start, end), np.array(placements, dtype=np.int64)
        return int(self.bad[rows][:, columns].sum()), int(self.total[rows][:, columns].sum())
