"""Messages that wait for workers: what arrives, what gets done, and how old the oldest is.

A queue is first in, first out here, so that its age follows from its counts; SQS promises no order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.moment import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.estate import Place

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Backlog:
    """The queues of the minutes, int64 [minutes, placements], 0 where there is none.

    `sent` arrived, `received` were tried, `deleted` of these succeeded; `visible` wait when the minute ends,
    the oldest of them for `age_s`.
    """

    sent: Counts
    received: Counts
    deleted: Counts
    visible: Counts
    age_s: Counts

    @classmethod
    def steady(cls, sent: Counts) -> Backlog:
        """Return queues whose messages were all handled as they came."""
        none = np.zeros_like(sent)
        return cls(sent=sent, received=sent, deleted=sent, visible=none, age_s=none)


@dataclass(slots=True)
class Batch:
    """The messages that arrived in one minute, evenly: how many of them still wait."""

    minute: int
    size: int
    waiting: int

    @property
    def oldest_at_s(self) -> float:
        """When the oldest of those that wait arrived."""
        return MINUTE_S * (self.minute + (self.size - self.waiting) / self.size)


@dataclass(slots=True, eq=False)
class Queue:
    """One queue."""

    batches: deque[Batch] = field(default_factory=deque)

    @property
    def depth(self) -> int:
        """How many messages wait."""
        return sum(batch.waiting for batch in self.batches)

    def put(self, minute: int, messages: int) -> None:
        """Let messages arrive."""
        if messages:
            self.batches.append(Batch(minute, messages, messages))

    def take(self, messages: int) -> None:
        """Be rid of the oldest messages."""
        while messages and self.batches:
            oldest = self.batches[0]
            taken = min(messages, oldest.waiting)
            oldest.waiting -= taken
            messages -= taken
            if not oldest.waiting:
                self.batches.popleft()

    def age_s(self, at: int) -> int:
        """Return for how long the oldest message has waited, in whole seconds."""
        return int(at - self.batches[0].oldest_at_s) if self.batches else 0


class Queues:
    """The queues of all placements that have one."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._queues = {place.index: Queue() for place in places if place.spec.queue is not None}
        self._columns = len(places)

    @property
    def any(self) -> bool:
        """Whether there is a queue at all."""
        return bool(self._queues)

    def work(
        self,
        start: int,
        arrivals: Counts,
        capacity: NDArray[np.float64],
        failing: NDArray[np.float64],
    ) -> Backlog:
        """Live through the minutes of `arrivals`: workers try what waits; what they fail comes back."""
        told = {name: np.zeros_like(arrivals) for name in ("sent", "received", "deleted", "visible", "age_s")}
        for index, queue in self._queues.items():
            for row, arrived in enumerate(arrivals[:, index].tolist()):
                queue.put(start + row, arrived)
                tried = min(queue.depth, int(capacity[index]))
                done = int(tried * (1.0 - failing[index]))
                queue.take(done)
                ended_at = MINUTE_S * (start + row + 1)
                figures = (arrived, tried, done, queue.depth, queue.age_s(ended_at))
                for name, figure in zip(told, figures, strict=True):
                    told[name][row, index] = figure
        return Backlog(**told)
