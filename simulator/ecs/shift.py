"""Traffic that moves from the rollout that runs (blue) to the one beside it (green), and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulator import fate
from simulator.moment import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulator.ecs.rollout import Rollout  # noqa: TC004 - deployments hold shifts, and these rollouts
    from simulator.ecs.task import Task


class Stage(StrEnum):
    """The stages of such a deployment, in their order [ECS API, DeploymentLifecycleHookStage and more]."""

    RECONCILE_SERVICE = "RECONCILE_SERVICE"
    PRE_SCALE_UP = "PRE_SCALE_UP"
    SCALE_UP = "SCALE_UP"
    POST_SCALE_UP = "POST_SCALE_UP"
    TEST_TRAFFIC_SHIFT = "TEST_TRAFFIC_SHIFT"
    POST_TEST_TRAFFIC_SHIFT = "POST_TEST_TRAFFIC_SHIFT"
    PRE_PRODUCTION_TRAFFIC_SHIFT = "PRE_PRODUCTION_TRAFFIC_SHIFT"
    PRODUCTION_TRAFFIC_SHIFT = "PRODUCTION_TRAFFIC_SHIFT"
    POST_PRODUCTION_TRAFFIC_SHIFT = "POST_PRODUCTION_TRAFFIC_SHIFT"
    BAKE_TIME = "BAKE_TIME"
    CLEAN_UP = "CLEAN_UP"

    @property
    def told(self) -> Stage:
        """What deployments tell: one of the stages is there for hooks alone."""
        alone = self is Stage.PRE_PRODUCTION_TRAFFIC_SHIFT
        return Stage.POST_TEST_TRAFFIC_SHIFT if alone else self


STAGES = tuple(Stage)
ALL = 100.0
#: Of the tasks that are wanted so many must serve before traffic returns to them [our judgement].
ENOUGH = 0.5
#: A hook's answer is waited for so long when its configuration does not say [ECS guide, pause hooks].
TIMEOUT_MINUTES = 1440


class HookStatus(StrEnum):
    """Where a pause hook stands [ECS API, DeploymentLifecycleHookStatus]."""

    AWAITING_ACTION = "AWAITING_ACTION"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"


@dataclass(slots=True, eq=False)
class Hook:
    """A pause hook that was reached.  `action` is what ECS does when nobody answers."""

    id: str
    stage: Stage
    expires_at: int
    action: str
    status: HookStatus = HookStatus.AWAITING_ACTION

    @property
    def awaits(self) -> bool:
        """Whether the deployment stands and waits for an answer."""
        return self.status is HookStatus.AWAITING_ACTION


@dataclass(slots=True, eq=False)
class Shift:
    """How far traffic has moved: `percent` of production and `test` of test traffic go to green.

    `since` is when the stage, or the last step of it, began.
    """

    blue: Rollout | None
    green: Rollout
    stage: Stage
    since: int
    percent: float = 0.0
    test: float = 0.0
    returning: bool = False
    hooks: list[Hook] = field(default_factory=list)

    @property
    def waiting(self) -> Hook | None:
        """The hook that the deployment stands at."""
        return next((hook for hook in self.hooks if hook.awaits), None)

    @property
    def kept(self) -> tuple[Rollout, ...]:
        """The rollouts that tasks are kept for."""
        if self.stage is Stage.CLEAN_UP:
            return tuple(filter(None, (self.blue,))) if self.returning else (self.green,)
        started = STAGES.index(self.stage) >= STAGES.index(Stage.SCALE_UP)
        return tuple(filter(None, (self.blue, self.green if started else None)))

    def weight(self, rollout: Rollout) -> float:
        """Return which percentage of production goes to a rollout."""
        if rollout is self.green:
            return self.percent
        return ALL - self.percent if rollout is self.blue else 0.0

    def enter(self, stage: Stage, at: int, hooks: Sequence[Mapping[str, Any]]) -> Hook | None:
        """Go on to a stage; return the hook that it is paused at."""
        self.stage, self.since = stage, at
        configured = next((hook for hook in hooks if stage in hook["lifecycleStages"]), None)
        if configured is None:
            return None
        timeout = configured.get("timeoutConfiguration") or {}
        lasts_s = int(timeout.get("timeoutInMinutes", TIMEOUT_MINUTES)) * MINUTE_S
        identity = fate.hexadecimal(43, self.green.id, stage)
        hook = Hook(f"ecs-pause-{identity}", stage, at + lasts_s, timeout.get("action", "ROLLBACK"))
        self.hooks.append(hook)
        return hook

    def share(self, task: Task) -> float:
        """Return which share of the requests goes to a task's rollout."""
        return self.weight(task.rollout) / ALL


def full(tasks: Sequence[Task], rollout: Rollout | None, desired: int, share: float = 1.0) -> bool:
    """Whether so large a share of the tasks that are wanted of a rollout serves."""
    serving = sum(task.serving and not task.stopping and task.rollout is rollout for task in tasks)
    return rollout is not None and serving >= desired * share
