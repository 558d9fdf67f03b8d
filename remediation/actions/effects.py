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
    from collector.estate import ServiceView

#: A rollback that ECS is at, or has brought to its end, needs no second request [StopServiceDeployment].
ROLLBACK_ACCEPTED = ROLLING_BACK | {DeploymentStatus.ROLLBACK_SUCCESSFUL}


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


Effect = StopDeployment | RestoreRevision | SetStrategy | SetScalingMinimum


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
