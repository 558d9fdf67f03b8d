"""What is there: services as ECS, ELBv2 and Application Auto Scaling describe them, joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

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


class Strategy(StrEnum):
    """How the ECS controller deploys [ECS DeploymentConfiguration]."""

    ROLLING = "ROLLING"
    BLUE_GREEN = "BLUE_GREEN"
    LINEAR = "LINEAR"
    CANARY = "CANARY"
    UNRECOGNISED = "UNRECOGNISED"


#: The earlier revision runs on while requests move to the new one, and moves them back within seconds.
MOVING_TRAFFIC = frozenset({Strategy.BLUE_GREEN, Strategy.LINEAR, Strategy.CANARY})
#: The stage of such a deployment in which the earlier revision goes [ECS DescribeServiceDeployments].
CLEAN_UP = "CLEAN_UP"


@dataclass(frozen=True, slots=True)
class PauseHook:
    """A hook that a deployment stands at; `then` is what ECS does at its expiry: ROLLBACK or CONTINUE."""

    id: str
    expires_at: datetime | None = None
    then: str = ""


@dataclass(frozen=True, slots=True)
class ProviderShare:
    """One line of a capacity provider strategy."""

    provider: str
    weight: int = 0
    base: int = 0

    @property
    def used(self) -> bool:
        """Whether tasks may be placed with it: a weight of 0 is a line without effect."""
        return bool(self.weight or self.base)


@dataclass(frozen=True, slots=True)
class Revision:
    """A service revision: what a deployment puts in place.

    `rest` is the digest of each other part that a deployment changes, such as the network, by its name.
    `images` are the digests of its images by container, as far as ECS tells them.
    """

    arn: str
    task_definition: str
    strategy: tuple[ProviderShare, ...] = ()
    rest: tuple[tuple[str, str], ...] = ()
    images: tuple[tuple[str, str], ...] = ()

    @property
    def digests(self) -> frozenset[str]:
        """The digests of its images."""
        return frozenset(digest for _, digest in self.images)

    def alike(self, other: Revision) -> bool:
        """Whether both put the same in place, whatever ECS calls them."""
        mine = (self.task_definition, self.rest, self.images)
        return mine == (other.task_definition, other.rest, other.images)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A service deployment: from which revisions, to which, and how it went.

    `sources_running` is how many tasks of the earlier revisions run; None when it is not known.  `triggered`
    names the breaker and the alarms that gave it up.  `weight` is which percentage of the requests the target
    is to get, None where ECS does not say; `hook` is what it waits for a person at.
    """

    arn: str
    status: DeploymentStatus
    created_at: datetime
    target: Revision
    sources: tuple[Revision, ...] = ()
    finished_at: datetime | None = None
    rolled_back_to: Revision | None = None
    reason: str = ""
    sources_running: int | None = None
    triggered: tuple[str, ...] = ()
    strategy: Strategy = Strategy.ROLLING
    stage: str = ""
    weight: float | None = None
    hook: PauseHook | None = None

    @property
    def moves_traffic(self) -> bool:
        """Whether requests move between revisions that run beside each other."""
        return self.strategy in MOVING_TRAFFIC

    @property
    def idle(self) -> bool:
        """Whether it is under way and gets no request yet: it can have hurt nobody."""
        return self.moves_traffic and self.status in UNDER_WAY and self.weight == 0


@dataclass(frozen=True, slots=True)
class Deployed:
    """A service deployment in short: what is kept of it when its month is told."""

    placement: Placement
    arn: str
    status: DeploymentStatus
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScalingRange:
    """The bounds of Application Auto Scaling for the service's desired count."""

    minimum: int
    maximum: int


class LaunchType(StrEnum):
    """What a service's tasks run on; `ec2` is also what a capacity provider of one's own brings."""

    FARGATE = "fargate"
    FARGATE_SPOT = "fargate_spot"
    EC2 = "ec2"
    EXTERNAL = "external"


class Insights(StrEnum):
    """How much Container Insights tells of a cluster [ECS ClusterSetting `containerInsights`]."""

    ENABLED = "enabled"
    ENHANCED = "enhanced"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """What a task is made of.  A revision never changes; what it leaves to ECS is None or empty."""

    family: str
    revision: int
    images: tuple[str, ...]
    cpu_units: int | None = None
    memory_mib: int | None = None
    compatibilities: tuple[LaunchType, ...] = ()
    architecture: str = ""
    system: str = ""

    def __post_init__(self) -> None:
        if self.revision < 1:
            raise ValueError(f"revisions of a task definition count from 1, got {self.revision}")


@dataclass(frozen=True, slots=True)
class Entrance:
    """By what a target group is reached: a listener, and the hosts and paths of its rule; none means any."""

    target_group: str
    protocol: str
    port: int
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose a service is, as its tags say; None where no tag says it."""

    tenant: str | None = None
    tier: str | None = None
    owner: str | None = None

    def __post_init__(self) -> None:
        if "" in (self.tenant, self.tier, self.owner):
            raise ValueError("what no tag says is None, not empty")


@dataclass(frozen=True, slots=True)
class TagKeys:
    """Under which keys the tags say whose a service is."""

    tenant: str = "tenant"
    tier: str = "tier"
    owner: str = "owner"

    def belonging(self, tags: Mapping[str, str]) -> Belonging:
        """Return whose the service with these tags is; an empty tag says nothing."""
        return Belonging(*(tags.get(key) or None for key in (self.tenant, self.tier, self.owner)))


class Route(NamedTuple):
    """A target group and the load balancer before it, as CloudWatch dimension values."""

    target_group: str
    load_balancer: str


class Plight(StrEnum):
    """What ECS says of a service that is not well, in the names of its events [ECS guide, service events]."""

    UNPLACED = "SERVICE_TASK_PLACEMENT_FAILURE"
    IMPAIRED = "SERVICE_TASK_START_IMPAIRED"
    NOT_DEPLOYED = "SERVICE_DEPLOYMENT_FAILED"


@dataclass(frozen=True, slots=True)
class Said:
    """What ECS told of a service's plight where it is asked about the service: its event tells it, too.

    `about` is the deployment that failed; `capacity` is whether there was no room for a task.
    """

    id: str
    at: datetime
    plight: Plight
    text: str
    about: str = ""
    capacity: bool = False


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A route that a service was found without for the first time at `left_at`."""

    route: Route
    left_at: datetime


class TaskHealth(StrEnum):
    """What the health checks of a task's own containers say [ECS Task `healthStatus`]."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a service that is to run; `is_protected` is None when ECS did not say."""

    arn: str
    status: str
    health: TaskHealth = TaskHealth.UNKNOWN
    zone: str = ""
    started_at: datetime | None = None
    task_definition: str = ""
    is_protected: bool | None = None

    @property
    def runs(self) -> bool:
        """Whether its last status is RUNNING."""
        return self.status == "RUNNING"

    @property
    def sick(self) -> bool:
        """Whether it runs, and its own health checks say that it should not."""
        return self.runs and self.health is TaskHealth.UNHEALTHY


@dataclass(frozen=True, slots=True)
class ZonalShift:
    """A shift of a load balancer away from a zone, in force."""

    id: str
    zone_id: str
    expires_at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Balancer:
    """A load balancer, and whether ARC may shift it away from a zone; None when that could not be asked."""

    arn: str
    is_shiftable: bool | None = None
    shifts: tuple[ZonalShift, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One placement as AWS describes it at `seen_at`.

    `target_groups` and `load_balancers` are CloudWatch dimension values (`targetgroup/...`, `app/...`); there
    is one load balancer for all target groups, or one for each in the same order.
    `deployments` are the recent ones, newest first; discovery leaves them empty, `Source.service` fills them.
    Where ECS tells of none any more, `standing` is the one revision that runs.
    `discovery_names` are those of Service Connect, `zones` those of its load balancers.  `definition`,
    `insights`, `entrances` and `zones` are read more rarely than the rest: None and empty until they were.
    `abandoned` are the routes that it lately had [collector.presence].
    `running_on` says on what tasks run, as far as that is told: discovery alone asks.  `deployed_at` is when
    its newest deployment began.  `said` are plights of the last half hour, newest first.
    `tasks`, `balancers` and `zone_ids` (by the zone's name) are filled by `Source.service` alone; `tasks` is
    None where they could not be read.
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
    belonging: Belonging = Belonging()
    launch_types: tuple[LaunchType, ...] = ()
    definition: TaskDefinition | None = None
    discovery_names: tuple[str, ...] = ()
    insights: Insights | None = None
    entrances: tuple[Entrance, ...] = ()
    zones: tuple[str, ...] = ()
    abandoned: tuple[Abandoned, ...] = ()
    running_on: Mapping[LaunchType, int] = field(default_factory=dict)
    deployed_at: datetime | None = None
    standing: Revision | None = None
    tasks: tuple[Task, ...] | None = None
    balancers: tuple[Balancer, ...] = ()
    zone_ids: Mapping[str, str] = field(default_factory=dict)
    minimum_healthy_percent: int = 100
    said: tuple[Said, ...] = ()

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every target group with its load balancer."""
        groups, balancers = self.target_groups, self.load_balancers
        if len(balancers) == 1:
            balancers *= len(groups)
        return tuple(map(Route, groups, balancers))

    @property
    def uses_spot(self) -> bool:
        """Whether new tasks may be placed on Fargate Spot."""
        return any(share.provider == "FARGATE_SPOT" and share.used for share in self.strategy)


@dataclass(frozen=True, slots=True)
class RegionEstate:
    """Every service of one account and region, as discovered at one moment.

    `untold` says what could not be read beside the services: it is missing from their views, or older.
    """

    account: str
    region: str
    seen_at: datetime
    services: tuple[ServiceView, ...]
    untold: tuple[str, ...] = ()
