"""What is there: services as ECS, ELBv2 and Application Auto Scaling describe them, joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from slo.cells import Placement


class Controller(StrEnum):
    """Who carries out a service's deployments."""

    ECS = "ECS"
    CODE_DEPLOY = "CODE_DEPLOY"
    EXTERNAL = "EXTERNAL"


class DeploymentStatus(StrEnum):
    """Where a service deployment stands [ECS ListServiceDeployments]."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    STOP_REQUESTED = "STOP_REQUESTED"
    STOPPED = "STOPPED"
    ROLLBACK_REQUESTED = "ROLLBACK_REQUESTED"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_SUCCESSFUL = "ROLLBACK_SUCCESSFUL"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    UNRECOGNISED = "UNRECOGNISED"


#: The target's tasks are being put in place.
UNDER_WAY = frozenset({DeploymentStatus.PENDING, DeploymentStatus.IN_PROGRESS})
#: The earlier revision's tasks are being put back.
ROLLING_BACK = frozenset({DeploymentStatus.ROLLBACK_REQUESTED, DeploymentStatus.ROLLBACK_IN_PROGRESS})
#: What was deployed was not kept, by ECS' own judgement or a person's, however the way back ended.
TURNED_BACK = ROLLING_BACK | {DeploymentStatus.ROLLBACK_SUCCESSFUL, DeploymentStatus.ROLLBACK_FAILED}


@dataclass(frozen=True, slots=True)
class ProviderShare:
    """One line of a capacity provider strategy."""

    provider: str
    weight: int = 0
    base: int = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """A service revision: what a deployment puts in place."""

    arn: str
    task_definition: str
    strategy: tuple[ProviderShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service deployment: from which revisions, to which, and how it went."""

    arn: str
    status: DeploymentStatus
    created_at: datetime
    target: Revision
    sources: tuple[Revision, ...] = ()
    finished_at: datetime | None = None
    rolled_back_to: Revision | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScalingRange:
    """The bounds of Application Auto Scaling for the service's desired count."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One placement as AWS describes it at `seen_at`.

    `target_groups` and `load_balancers` are CloudWatch dimension values (`targetgroup/...`, `app/...`); there
    is one load balancer for all target groups, or one for each in the same order.
    `deployments` are the recent ones, newest first; discovery leaves them empty, `Source.service` fills them.
    """

    placement: Placement
    seen_at: datetime
    status: str
    desired: int
    running: int
    pending: int
    task_definition: str
    controller: Controller = Controller.ECS
    strategy: tuple[ProviderShare, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    scaling: ScalingRange | None = None
    target_groups: tuple[str, ...] = ()
    load_balancers: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def uses_spot(self) -> bool:
        """Whether new tasks may be placed on Fargate Spot."""
        return any(
            share.provider == "FARGATE_SPOT" and (share.weight or share.base) for share in self.strategy
        )


@dataclass(frozen=True, slots=True)
class RegionEstate:
    """Every service of one account and region, as discovered at one moment."""

    account: str
    region: str
    seen_at: datetime
    services: tuple[ServiceView, ...]
