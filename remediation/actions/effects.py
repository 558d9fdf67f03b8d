"""Changes to AWS as values: they can be stored as an intent, read back, inverted, explained and granted.

The union is closed: whoever carries effects out is checked for completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from collector.estate import ROLLING_BACK, DeploymentStatus, ProviderShare
from slo.cells import Placement

if TYPE_CHECKING:
    from collector.estate import ServiceView, ZonalShift

#: A rollback that ECS is at, or has brought to its end, needs no second request [StopServiceDeployment].
ROLLBACK_ACCEPTED = ROLLING_BACK | {DeploymentStatus.ROLLBACK_SUCCESSFUL}

#: How the comment of a zonal shift begins that we started: nobody else's is ended by us.
OURS = "fournines"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDeployment:
    """Have ECS roll back a deployment that is under way.  Bound to it: it cannot hit a newer one."""

    kind: Literal["stop_deployment"] = "stop_deployment"
    placement: Placement
    deployment_arn: str

    iam = ("ecs:StopServiceDeployment",)

    def done(self, view: ServiceView) -> bool:
        """Whether the service already shows it."""
        return any(d.arn == self.deployment_arn and d.status in ROLLBACK_ACCEPTED for d in view.deployments)

    def __str__(self) -> str:
        return f"StopServiceDeployment({self.deployment_arn}, ROLLBACK)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBackAtHook:
    """Have ECS roll back a deployment that waits at a pause hook.  Bound to both; it never means: go on."""

    kind: Literal["turn_back_at_hook"] = "turn_back_at_hook"
    placement: Placement
    deployment_arn: str
    hook_id: str

    iam = ("ecs:ContinueServiceDeployment",)

    def done(self, view: ServiceView) -> bool:
        """Whether the service already shows it."""
        return any(d.arn == self.deployment_arn and d.status in ROLLBACK_ACCEPTED for d in view.deployments)

    def __str__(self) -> str:
        return f"ContinueServiceDeployment({self.deployment_arn}, {self.hook_id}, ROLLBACK)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRevision:
    """Deploy the task definition of an earlier revision."""

    kind: Literal["restore_revision"] = "restore_revision"
    placement: Placement
    task_definition: str
    revision_arn: str

    iam = ("ecs:UpdateService", "iam:PassRole")

    def done(self, view: ServiceView) -> bool:
        """Whether the service already shows it."""
        return view.task_definition == self.task_definition

    def __str__(self) -> str:
        return f"UpdateService(taskDefinition={self.task_definition.rsplit('/', 1)[-1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStrategy:
    """Change the capacity provider strategy.  Starts no deployment: running tasks stay where they are."""

    kind: Literal["set_strategy"] = "set_strategy"
    placement: Placement
    strategy: tuple[ProviderShare, ...]

    iam = ("ecs:UpdateService",)

    def done(self, view: ServiceView) -> bool:
        """Whether the service already shows it."""
        return frozenset(view.strategy) == frozenset(self.strategy)

    def __str__(self) -> str:
        shares = ", ".join(f"{s.provider} weight {s.weight} base {s.base}" for s in self.strategy)
        return f"UpdateService(capacityProviderStrategy=[{shares}])"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScalingMinimum:
    """Change the minimum of Application Auto Scaling; a count below it moves up at once."""

    kind: Literal["set_scaling_minimum"] = "set_scaling_minimum"
    placement: Placement
    minimum: int

    iam = ("application-autoscaling:RegisterScalableTarget",)

    def done(self, view: ServiceView) -> bool:
        """Whether the service already shows it."""
        return view.scaling is not None and view.scaling.minimum == self.minimum

    def __str__(self) -> str:
        return f"RegisterScalableTarget(MinCapacity={self.minimum})"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTasks:
    """Stop a few named tasks; ECS starts others for them.  To stop one twice is harmless."""

    kind: Literal["stop_tasks"] = "stop_tasks"
    placement: Placement
    tasks: tuple[str, ...]
    why: str

    iam = ("ecs:StopTask",)

    def done(self, view: ServiceView) -> bool:
        """Whether none of them is to run any more."""
        return view.tasks is not None and not {task.arn for task in view.tasks} & set(self.tasks)

    def __str__(self) -> str:
        return f"StopTask({', '.join(arn.rsplit('/', 1)[-1] for arn in self.tasks)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartShift:
    """Turn a load balancer away from a zone; it turns back by itself after `minutes`."""

    kind: Literal["start_shift"] = "start_shift"
    placement: Placement
    balancer_arn: str
    zone_id: str
    minutes: int
    comment: str

    iam = ("arc-zonal-shift:StartZonalShift",)

    def done(self, view: ServiceView) -> bool:
        """Whether the service already shows it."""
        return any(shift.zone_id == self.zone_id for shift in _shifts(view, self.balancer_arn))

    def __str__(self) -> str:
        return f"StartZonalShift(awayFrom={self.zone_id}, expiresIn={self.minutes}m)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndShift:
    """Let a load balancer use a zone again that a shift of ours turned it away from."""

    kind: Literal["end_shift"] = "end_shift"
    placement: Placement
    balancer_arn: str
    zone_id: str

    iam = ("arc-zonal-shift:GetManagedResource", "arc-zonal-shift:CancelZonalShift")

    def done(self, view: ServiceView) -> bool:
        """Whether no shift of ours is in force, by our hand or because it has expired."""
        known = any(b.arn == self.balancer_arn and b.is_shiftable is not None for b in view.balancers)
        ours = (s.zone_id for s in _shifts(view, self.balancer_arn) if s.comment.startswith(OURS))
        return known and self.zone_id not in ours

    def __str__(self) -> str:
        return f"CancelZonalShift(awayFrom={self.zone_id})"


Effect = (
    StopDeployment
    | TurnBackAtHook
    | RestoreRevision
    | SetStrategy
    | SetScalingMinimum
    | StopTasks
    | StartShift
    | EndShift
)


def legible(effect: Effect, view: ServiceView) -> bool:
    """Whether a view shows what it takes to say if an effect is in place: not all can always be read."""
    match effect:
        case StopTasks():
            return view.tasks is not None
        case StartShift() | EndShift():
            return any(b.arn == effect.balancer_arn and b.is_shiftable is not None for b in view.balancers)
        case _:
            return True


def _shifts(view: ServiceView, balancer_arn: str) -> tuple[ZonalShift, ...]:
    return next((balancer.shifts for balancer in view.balancers if balancer.arn == balancer_arn), ())


class Delivery(StrEnum):
    """What is known after an effect was sent."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an effect: what AWS said of it, in its own words."""

    delivery: Delivery
    detail: str = ""


class Actuator(Protocol):
    """What changes AWS.  Sends each effect at most once a call: no retries below this line."""

    def apply(self, effect: Effect) -> Receipt:
        """Send the effect.  Never raises for what AWS or the network answers."""
        ...
