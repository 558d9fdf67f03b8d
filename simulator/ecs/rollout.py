"""What is rolled out: revisions of a service, the deployments that bring them, and how a revision behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulator.ecs.shift import Shift
from simulator.scenario import Share


@dataclass(slots=True)
class Behaviour:
    """How the tasks of a task definition behave: what the world knows and nobody else.

    `fills_s` is in how many seconds its tasks fill their memory, `lives_s` after how many they exit; None if
    they do not.
    """

    error_ratio: float = 0.0
    failing: bool = False
    becomes_healthy: bool = True
    start_factor: float = 1.0
    fills_s: int | None = None
    lives_s: int | None = None

    @property
    def fails(self) -> float:
        """The share of requests that it fails now."""
        return self.error_ratio if self.failing else 0.0


@dataclass(frozen=True, slots=True)
class Revision:
    """A service revision: what a deployment puts in place."""

    arn: str
    task_definition: str
    strategy: tuple[Share, ...]
    created_at: int
    image: str = ""


class State(StrEnum):
    """Where a rollout stands [ECS API, DeploymentRolloutState]."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(slots=True, eq=False)
class Rollout:
    """One entry of a service's `deployments`: the tasks of a revision.  `failed` counts failures in a row."""

    id: str
    revision: Revision
    created_at: int
    updated_at: int
    state: State = State.IN_PROGRESS
    reason: str = ""
    failed: int = 0
    ready_at: int | None = None


class Status(StrEnum):
    """Where a service deployment stands [ECS API, ServiceDeploymentStatus]."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    STOPPED = "STOPPED"
    ROLLBACK_REQUESTED = "ROLLBACK_REQUESTED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"


OPEN = frozenset({Status.PENDING, Status.IN_PROGRESS, Status.ROLLBACK_REQUESTED, Status.ROLLBACK_IN_PROGRESS})
TURNING_BACK = frozenset({Status.ROLLBACK_REQUESTED, Status.ROLLBACK_IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Rollback:
    """Why and to what a deployment was turned back."""

    reason: str
    started_at: int
    revision: Revision


@dataclass(slots=True, eq=False)
class Deployment:
    """A service deployment: from which revisions to which, and how it goes.

    `shift` is how its traffic moves, from its start on; None where it is rolling.
    """

    arn: str
    sources: tuple[Revision, ...]
    fallback: Rollout | None
    rollout: Rollout
    configuration: dict[str, Any]
    created_at: int
    updated_at: int
    status: Status = Status.PENDING
    reason: str = ""
    started_at: int | None = None
    finished_at: int | None = None
    stopped_at: int | None = None
    rollback: Rollback | None = None
    ignored_alarms: frozenset[str] = frozenset()
    triggered_alarms: list[str] = field(default_factory=list)
    tripped: bool = False
    shift: Shift | None = None
    target: Revision = field(init=False)

    def __post_init__(self) -> None:
        self.target = self.rollout.revision

    @property
    def is_open(self) -> bool:
        """Whether it still changes something."""
        return self.status in OPEN

    def move(self, status: Status, at: int, reason: str) -> None:
        """Take on a status."""
        self.status, self.reason, self.updated_at = status, reason, at
        if status is Status.STOPPED:
            self.stopped_at = at
        if status not in OPEN:
            self.finished_at = at
