"""How the tasks of each placement are spread over its zones through a minute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.estate import ZONES
from simulator.moment import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulator.ecs.service import Service
    from simulator.ecs.task import Task

Counts = NDArray[np.int64]
#: A half is rounded the same way, however many steps it was added up in.
HALVES_UP = 1e-6


class InZone(IntEnum):
    """One number per zone, placement and minute: targets of the load balancer there.

    ROUTED_S are task-seconds of those that get requests, FAILING_S what they would be if each failed all or
    none of them; NODES_S are the seconds that the load balancer's own node there failed, counted alike.
    """

    HEALTHY_S = 0
    LEAST = auto()
    MOST = auto()
    UNHEALTHY = auto()
    ROUTED_S = auto()
    FAILING_S = auto()
    NODES_S = auto()


@dataclass(slots=True, eq=False)
class Spread:
    """The healthy tasks of every zone now, int64 [zones, placements], and the minute so far.

    Of the healthy ones `routed` get requests; `failing` is the sum of the shares that these fail, and the
    share that the load balancer's node fails by itself; `failed_s` are both over the minute so far.
    """

    placements: int
    healthy: Counts = field(init=False)
    routed: Counts = field(init=False)
    failing: NDArray[np.float64] = field(init=False)
    failed_s: NDArray[np.float64] = field(init=False)
    minute: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.healthy = np.zeros((len(ZONES), self.placements), dtype=np.int64)
        self.routed = np.zeros_like(self.healthy)
        self.failing, self.failed_s = (np.zeros((2, *self.healthy.shape)) for _ in range(2))
        self.minute = np.zeros((len(InZone), len(ZONES), self.placements), dtype=np.int64)

    def take(
        self,
        service: Service,
        serving: Sequence[Task],
        routed: Sequence[Task],
        fails: Sequence[tuple[Task, float]],
    ) -> None:
        """Read where a service's tasks are, which of them get requests, and the share that some fail."""
        index, zones = service.place.index, service.place.zones
        healthy, reached, running = (
            Counter(task.zone for task in tasks)
            for tasks in (serving, routed, (t for t in service.tasks if t.running))
        )
        self.routed[:, index] = [reached[zone] for zone in zones]
        self.failing[0, :, index] = [sum(s for task, s in fails if task.zone == zone) for zone in zones]
        now = np.array([healthy[zone] for zone in zones])
        self.healthy[:, index] = now
        self.minute[InZone.LEAST, :, index] = np.minimum(self.minute[InZone.LEAST, :, index], now)
        self.minute[InZone.MOST, :, index] = np.maximum(self.minute[InZone.MOST, :, index], now)
        self.minute[InZone.UNHEALTHY, :, index] = [running[zone] - healthy[zone] for zone in zones]

    def answer(self, service: Service, nodes: Mapping[str, float]) -> None:
        """Read what the load balancer's nodes fail by themselves, by their zone."""
        place = service.place
        self.failing[1, :, place.index] = [nodes.get(zone, 0.0) for zone in place.zones]

    def pass_time(self, seconds: int) -> None:
        """Let it stay so for a while."""
        self.minute[InZone.HEALTHY_S] += self.healthy * seconds
        self.minute[InZone.ROUTED_S] += self.routed * seconds
        self.failed_s += self.failing * seconds

    @property
    def told(self) -> Counts:
        """The minute so far; of one that has just begun, how it will be if nothing changes."""
        whole, failed_s = self.minute.copy(), self.failed_s
        if not self.minute[InZone.HEALTHY_S].any():
            whole[InZone.HEALTHY_S] = self.healthy * MINUTE_S
            whole[InZone.ROUTED_S] = self.routed * MINUTE_S
            failed_s = self.failing * MINUTE_S
        whole[[InZone.FAILING_S, InZone.NODES_S]] = np.rint(failed_s + HALVES_UP)
        return whole

    def turn(self) -> None:
        """Begin the next minute."""
        self.minute[[InZone.HEALTHY_S, InZone.ROUTED_S]] = 0
        self.failed_s[:] = 0.0
        self.minute[InZone.LEAST] = self.minute[InZone.MOST] = self.healthy


def even(tasks: NDArray[np.float64], seconds: int) -> Counts:
    """Return whole tasks that stay healthy for so long, in the zones one after the other."""
    each = [(tasks.astype(np.int64) + len(ZONES) - 1 - zone) // len(ZONES) for zone in range(len(ZONES))]
    healthy = np.stack(each, axis=-2)
    none = np.zeros_like(healthy)
    return np.stack([healthy * seconds, healthy, healthy, none, healthy * seconds, none, none], axis=-3)
