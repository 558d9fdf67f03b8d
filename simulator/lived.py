"""Minutes that were served, or would be: what became of their requests, and how it reaches CloudWatch."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.cloudwatch.store import Arrival, Tasks
from simulator.queues import Backlog
from simulator.serving import Outcome

Columns = TypeVar("Columns", Outcome, Backlog)


@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """The minutes from `start` on (since 1970); `known` is false where a recording says nothing.

    `tasks` are the same in all of them, and so is how many of them were `carrying` the requests.
    """

    start: int
    outcome: Outcome
    tasks: Tasks
    carrying: NDArray[np.float64]
    arrival: Arrival
    backlog: Backlog
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.known)

    @property
    def cpu(self) -> NDArray[np.float64]:
        """The tasks' average CPU [minutes, placements], NaN where none runs."""
        return np.where(self.tasks.running > 0, self.outcome.cpu_average, np.nan)

    def first(self, count: int) -> Lived:
        """Return only so many of the minutes."""
        if count == len(self):
            return self
        return replace(
            self,
            outcome=_first(self.outcome, count),
            arrival=replace(self.arrival, lost=np.asarray(self.arrival.lost)[:count]),
            backlog=_first(self.backlog, count),
            known=self.known[:count],
        )


def _first(columns: Columns, count: int) -> Columns:
    return replace(columns, **{field.name: getattr(columns, field.name)[:count] for field in fields(columns)})
