"""How each placement fared through a minute: levels that change on the grid, averaged when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, auto
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.moment import MINUTE_S
from simulator.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.ecs.service import Service
    from simulator.ecs.task import Task
    from simulator.ecs.yard import Yard

Row = NDArray[np.float64]


class Level(IntEnum):
    """One number per placement that holds until it is changed."""

    HEALTHY = 0
    DARK = auto()
    ERRING = auto()
    DEPENDENCY = auto()
    LATENCY = auto()
    ALB = auto()
    SURGE = auto()
    MEMORY = auto()
    CARRYING = auto()
    NODES = auto()


#: Levels that faults add to, and where these rest.
REST = {Level.DEPENDENCY: 0.0, Level.LATENCY: 1.0, Level.ALB: 0.0, Level.SURGE: 1.0}


@dataclass(slots=True, eq=False)
class Pulse:
    """The levels of all placements now, and their sums over the open minute in unit-seconds."""

    placements: int
    level: NDArray[np.float64] = field(init=False)
    spent: NDArray[np.float64] = field(init=False)
    passed_s: int = 0
    least: Row = field(init=False)
    most: Row = field(init=False)
    counts: NDArray[np.float64] = field(init=False)
    cut_off_s: Row = field(init=False)
    spread: Spread = field(init=False)

    def __post_init__(self) -> None:
        self.level = np.zeros((len(Level), self.placements))
        for row, rest in REST.items():
            self.level[row] = rest
        self.spent = np.zeros_like(self.level)
        self.least, self.most, self.cut_off_s = (np.zeros(self.placements) for _ in range(3))
        self.counts = np.zeros((7, self.placements))
        self.spread = Spread(self.placements)

    def take(self, service: Service, yard: Yard, at: int) -> None:
        """Read a service's tasks into the levels.

        Healthy targets in a zone that was shifted away from get no requests, and are no help.
        """
        index = service.place.index
        healthy = [task for task in service.tasks if task.serving]
        serving = [task for task in healthy if yard.routed(service, task)]
        carrying, dark, fails = carried(service, serving, yard)
        nodes = yard.nodes(service) if yard.nodes_failing else {}
        self.spread.take(service, healthy, serving, fails)
        self.spread.answer(service, nodes)
        self.level[Level.NODES, index] = sum(nodes.values()) / max(1, len(nodes))
        self.level[Level.HEALTHY, index] = len(serving)
        self.level[Level.CARRYING, index] = carrying
        self.level[Level.DARK, index] = dark
        self.level[Level.ERRING, index] = sum(share for _, share in fails)
        full = [task.memory(at) for task in service.tasks if task.running and task.fills]
        self.level[Level.MEMORY, index] = sum(full) / max(1, service.running)
        self.least[index] = min(self.least[index], len(serving))
        self.most[index] = max(self.most[index], len(serving))
        running = service.running
        self.counts[:, index] = (
            running,
            service.pending,
            service.desired,
            len(service.rollouts),
            running - len(healthy),
            sum(task.running and task.provider == "FARGATE" for task in service.tasks),
            sum(task.running and task.provider == "FARGATE_SPOT" for task in service.tasks),
        )
        self.cut_off_s[index] += service.cut_off_s
        service.cut_off_s = 0.0

    def push(self, level: Level, placements: list[int], by: float) -> None:
        """Add to a level; what was added is taken off again by the negative."""
        moved = self.level[level, placements] + by
        rest = REST[level]
        self.level[level, placements] = np.where(np.abs(moved - rest) < 1e-9, rest, moved)  # noqa: PLR2004

    def pass_time(self, seconds: int) -> None:
        """Let the levels hold for a while."""
        self.spent += self.level * seconds
        self.passed_s += seconds
        self.spread.pass_time(seconds)

    def turn(self) -> None:
        """End the minute and begin the next."""
        self.spent[:], self.passed_s = 0.0, 0
        self.least[:] = self.most[:] = self.level[Level.HEALTHY]
        self.cut_off_s[:] = 0.0
        self.spread.turn()

    @property
    def still(self) -> bool:
        """Whether a minute has just begun, and with nothing in it but what lasts."""
        healthy = self.level[Level.HEALTHY]
        same = np.array_equal(self.least, healthy) and np.array_equal(self.most, healthy)
        return not self.passed_s and not self.cut_off_s.any() and same

    def abrupt(self, averages: NDArray[np.float64]) -> Row:
        """Return the share of requests that the load balancer failed: cut off with tasks, or by itself."""
        carrying = np.maximum(averages[Level.CARRYING], 1e-9)
        itself = averages[Level.ALB] + averages[Level.NODES]
        ratio: Row = np.minimum(1.0, self.cut_off_s / (MINUTE_S * carrying) + itself)
        return ratio


def carried(
    service: Service, serving: Sequence[Task], yard: Yard
) -> tuple[float, float, list[tuple[Task, float]]]:
    """Return how many tasks carry the requests, which share of these meets none, and who fails how many.

    Where traffic is split unevenly, as many carry it as would if the part that is full first were all; a
    task that gets more than its part counts as more than one.
    """
    colours = service.colours(serving)
    lit = [(share, tasks) for share, tasks in colours if tasks]
    carrying = min((len(tasks) / share for share, tasks in lit), default=0.0)
    dark = sum(share for share, tasks in colours if not tasks)
    fails = [
        (task, share * carrying / len(tasks) * failing)
        for share, tasks in lit
        for task in tasks
        if (failing := yard.fails(service, task)) > 0
    ]
    return carrying, dark, fails
