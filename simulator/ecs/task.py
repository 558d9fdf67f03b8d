"""A Fargate task: from its first placement until it has stopped, one due time after the other.

Times are whole seconds since 1970, on the world's grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from simulator import fate
from simulator.ecs.rollout import Rollout

GRID_S = 5
#: A Fargate Spot task gets this warning before it is stopped [ECS guide, Fargate capacity providers].
SPOT_WARNING_S = 120


class Status(StrEnum):
    """A task's last status [ECS guide, task lifecycle]."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"


#: How long each status lasts, from and to, in seconds: our judgement of what Fargate shows; AWS states none.
LASTS_S = {
    Status.PROVISIONING: (10, 20),
    Status.PENDING: (20, 35),
    Status.ACTIVATING: (5, 10),
    Status.DEACTIVATING: (30, 30),
    Status.STOPPING: (5, 10),
    Status.DEPROVISIONING: (10, 15),
}
#: From RUNNING until the target group calls it healthy, and until it gives up on a task that never answers.
HEALTHY_AFTER_S = (15, 25)
UNHEALTHY_AFTER_S = (60, 75)

NEXT = {
    Status.PROVISIONING: Status.PENDING,
    Status.PENDING: Status.ACTIVATING,
    Status.ACTIVATING: Status.RUNNING,
    Status.DEACTIVATING: Status.STOPPING,
    Status.STOPPING: Status.DEPROVISIONING,
    Status.DEPROVISIONING: Status.STOPPED,
}
STARTING = frozenset({Status.PROVISIONING, Status.PENDING, Status.ACTIVATING})


class StopCode(StrEnum):
    """Why a task stopped [ECS API, TaskStopCode]."""

    SCHEDULER = "ServiceSchedulerInitiated"
    SPOT = "SpotInterruption"
    EXITED = "EssentialContainerExited"
    USER = "UserInitiated"


@dataclass(slots=True, eq=False)
class Task:
    """One task of a service.  `due` is when its status changes next, `doom` when it dies without draining.

    `ails` is the share of its requests that it fails by itself; `sick_since` is since when its container's
    own health check fails.  From `fills[0]` to `fills[1]` it fills its memory; `protected_until` is when its
    protection ends.
    """

    id: str
    rollout: Rollout
    provider: str
    zone: str
    created_at: int
    status: Status = Status.PROVISIONING
    stopping: bool = False
    healthy: bool = False
    stopping_at: int | None = None
    due: int | None = None
    doom: int | None = None
    version: int = 1
    stop_code: StopCode | None = None
    stopped_reason: str = ""
    exit_code: int | None = None
    container_reason: str = ""
    ails: float = 0.0
    sick_since: int | None = None
    fills: tuple[int, int] | None = None
    protected_until: int | None = None
    times: dict[Status, int] = field(default_factory=dict)

    @property
    def serving(self) -> bool:
        """Whether the load balancer sends it requests."""
        return self.healthy and self.status is Status.RUNNING

    @property
    def running(self) -> bool:
        """Whether its last status is RUNNING."""
        return self.status is Status.RUNNING

    @property
    def starting(self) -> bool:
        """Whether it is on its way to RUNNING."""
        return self.status in STARTING

    @property
    def restless(self) -> bool:
        """Whether something will happen to it by itself."""
        return self.due is not None or self.doom is not None or self.stopping

    def protected(self, at: float) -> bool:
        """Whether no scale-in and no deployment may stop it."""
        return self.protected_until is not None and at < self.protected_until

    def memory(self, at: float) -> float:
        """Return how much of its memory a leak has filled, from 0 to 1."""
        if self.fills is None:
            return 0.0
        start, full = self.fills
        return min(1.0, max(0.0, (at - start) / max(1, full - start)))

    def leak(self, at: int, fills_s: int) -> None:
        """Begin to fill its memory; once it is full, the kernel kills it."""
        full = at + self.wait((fills_s * 9 // 10, fills_s), "leak")
        self.fills, self.doom = (at, full), full

    def enter(self, status: Status, at: int, factor: float = 1) -> None:
        """Take on a status and set when it will end."""
        self.status, self.version = status, self.version + 1
        self.times[status] = at
        span = LASTS_S.get(status)
        self.due = None if span is None else at + self.wait(span, status, factor)

    def wait(self, span: tuple[int, int], purpose: str, factor: float = 1) -> int:
        """Draw a time between the two ends, on the grid; the same task draws the same."""
        low, high = span
        drawn = (low + (high - low) * fate.fraction(self.id, purpose)) * factor
        return max(GRID_S, round(drawn / GRID_S) * GRID_S)

    def stop(self, at: int, code: StopCode, reason: str) -> None:
        """Begin to stop: a running task drains first, one that has not started goes at once."""
        self.stopping, self.stop_code, self.stopped_reason, self.stopping_at = True, code, reason, at
        self.healthy, self.doom = False, None
        self.enter(Status.STOPPING if self.status in STARTING else Status.DEACTIVATING, at)

    def warn(self, at: int) -> None:
        """Tell a Spot task that it will be taken away: it is to stop and still runs."""
        self.stopping, self.stop_code, self.stopping_at = True, StopCode.SPOT, at
        self.stopped_reason = "Your Spot Task was interrupted."
        self.doom, self.version = at + SPOT_WARNING_S, self.version + 1

    def die(self, at: int, code: StopCode, reason: str, exit_code: int) -> None:
        """Be gone at once, with whatever requests it had."""
        self.stopping, self.healthy, self.doom = True, False, None
        self.stop_code, self.stopped_reason, self.exit_code = code, reason, exit_code
        self.stopping_at = at if self.stopping_at is None else self.stopping_at
        self.enter(Status.STOPPED, at)
