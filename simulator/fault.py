"""What may go wrong, as scenario documents say it: one model per kind, with its figures.

`expect` is what a good operator would do about it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from simulator.span import Span

#: Kinds that the design names and the world does not live through yet.
NOT_SIMULATED = ("process_crash", "region_outage", "slack_outage")


class Expect(StrEnum):
    """What a good operator would do."""

    ROLLBACK = "rollback"
    SCALE_OUT = "scale_out"
    SPOT_FALLBACK = "spot_fallback"
    SHIFT_ZONE = "shift_zone"
    SHIFT_REGION = "shift_region"
    REPLACE_TASKS = "replace_tasks"
    ESCALATE = "escalate"
    NONE = "none"


class Document(BaseModel):
    """A part of a scenario: frozen, and refusing what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Where(Document):
    """Which placements it meets: what is absent means all services, all regions, all accounts."""

    service: str | None = None
    region: str | None = None
    account: str | None = Field(default=None, description="only for what does not befall whole regions")
    zone: str | None = Field(
        default=None, description="such as eu-west-1a; spot_reclaim and zone_outage only"
    )


class Vary(Document):
    """What another seed may change, so that a story stays the same story."""

    services: tuple[str, ...] = Field(default=(), description="services that the story may befall")
    at: Span | None = Field(default=None, description="the largest shift of its start, to either side")
    figures: dict[str, tuple[float, float]] = Field(default_factory=dict, description="figure: from, to")


class Base(Document):
    """What every fault has."""

    at: Span = Field(description="when it begins, after the scenario's start")
    where: Where = Where()
    expect: Expect = Expect.NONE
    story: str | None = Field(
        default=None, description="faults of one story move together under another seed"
    )
    vary: Vary = Vary()

    @model_validator(mode="after")
    def varied_figures_exist(self) -> Base:
        """Let a seed change only figures that this kind has."""
        for name in self.vary.figures:
            if not isinstance(getattr(self, name, None), int | float):
                raise ValueError(f"vary.figures.{name}: not a number of this kind")  # noqa: TRY004 - pydantic's word
        if self.where.zone is not None and not isinstance(self, SpotReclaim | ZoneOutage):
            raise ValueError("where.zone: zones are not simulated yet for this kind")
        return self


class Lasting(Base):
    """A fault that ends by itself."""

    duration: Span


class BadDeployment(Base):
    """A revision that passes its health checks and then fails requests.

    `fails` says when: once it was SUCCESSFUL, too late for ECS's own protections, or once it serves.
    """

    kind: Literal["bad_deployment"]
    error_ratio: float = Field(default=0.08, gt=0, le=1)
    fails: Literal["once_successful", "once_serving"] = "once_successful"
    after: Span = Field(default="60s", validate_default=True, description="how much later the failing begins")


class SlowDeployment(Base):
    """A revision whose tasks take long to start; nothing fails."""

    kind: Literal["slow_deployment"]
    start_factor: float = Field(default=4, ge=1)


class HealthyDeployment(Base):
    """An innocent deployment."""

    kind: Literal["deployment"]


class BrokenDeployment(Base):
    """A revision whose tasks never become healthy: a case for ECS's own circuit breaker."""

    kind: Literal["broken_deployment"]


class Redeployment(Base):
    """The pipeline deploys again what it deployed last to the service, whatever became of that."""

    kind: Literal["redeployment"]


class PartLost(Base):
    """Something that the revision which serves is made of is deleted: no new task of it can start."""

    kind: Literal["part_lost"]
    part: Literal["image", "secret", "parameter", "task_definition"] = Field(
        default="image", description="every secret, or every parameter, that its tasks are given"
    )


class ScaleIn(Base):
    """An ordinary scale-in by somebody who may."""

    kind: Literal["scale_in"]
    tasks: int = Field(default=1, ge=1)


class CrashLoop(Lasting):
    """Tasks exit again and again, whichever revision they run, or of one that the pipeline deploys.

    That of a new revision begins once it was SUCCESSFUL, too late for ECS's own circuit breaker.
    """

    kind: Literal["crash_loop"]
    revision: Literal["new", "old"] = "old"
    lives: Span = Field(
        default="90s", validate_default=True, description="how long a task runs before it exits"
    )


class OutOfMemory(Lasting):
    """Tasks fill their memory until the kernel kills them (exit 137): a revision brings the leak, or not.

    With `revision: new` the pipeline deploys it; with `old` it begins in the tasks that run.
    """

    kind: Literal["out_of_memory"]
    revision: Literal["new", "old"] = "old"
    fills: Span = Field(
        default="8m", validate_default=True, description="how long it takes until a task's memory is full"
    )


class StuckTasks(Base):
    """Tasks hang for good: they run, fail most requests that they get, and pass the load balancer's check.

    The health checks of their own containers fail, unless `shows` is false.  `protected` of them have
    protected themselves from being stopped, for `protected_for`.
    """

    kind: Literal["stuck_tasks"]
    tasks: int = Field(default=2, ge=1)
    error_ratio: float = Field(default=0.9, gt=0, le=1)
    shows: bool = True
    protected: int = Field(default=0, ge=0)
    protected_for: Span = Field(default="2h", validate_default=True)

    @model_validator(mode="after")
    def protects_its_own(self) -> StuckTasks:
        """Refuse more protected tasks than hang."""
        if self.protected > self.tasks:
            raise ValueError(f"protected: {self.protected} of {self.tasks} tasks")
        return self


class ZoneOutage(Lasting):
    """An availability zone half works: a share of the tasks there is lost, the others fail requests.

    It befalls every service of the region, or the one that is named.  New tasks are placed elsewhere.
    """

    kind: Literal["zone_outage"]
    lost: float = Field(default=0.34, ge=0, le=1, description="share of the zone's tasks that are lost")
    error_ratio: float = Field(
        default=0.5, ge=0, le=1, description="what the tasks fail that stay, though their checks pass"
    )
    balancer_error_ratio: float = Field(
        default=0, ge=0, le=1, description="what the load balancers' nodes in the zone fail by themselves"
    )

    @model_validator(mode="after")
    def befalls_a_zone(self) -> ZoneOutage:
        """Refuse an outage of no zone, or of one of another region."""
        region, zone = self.where.region, self.where.zone
        if region is None or zone is None or zone not in {region + letter for letter in "abc"}:
            raise ValueError("where: a zone_outage befalls a zone, such as eu-west-1a, of its region")
        return self


class SpotReclaim(Base):
    """Fargate Spot takes a share of the tasks back, with two minutes' warning."""

    kind: Literal["spot_reclaim"]
    share: float = Field(default=1, gt=0, le=1)


class CapacityShortage(Lasting):
    """A region refuses new tasks of a provider; with `reclaim`, that share of its running tasks goes too."""

    kind: Literal["capacity_shortage"]
    provider: Literal["FARGATE", "FARGATE_SPOT"] = "FARGATE_SPOT"
    reclaim: float = Field(default=0, ge=0, le=1)


class TrafficSurge(Lasting):
    """More requests than usual."""

    kind: Literal["traffic_surge"]
    factor: float = Field(default=3, gt=1)
    ramp: Span = Field(default="1m", validate_default=True, description="how long it takes to come up")


class DependencyFailure(Lasting):
    """Something outside the service fails a share of its requests, wherever it runs."""

    kind: Literal["dependency_failure"]
    error_ratio: float = Field(default=0.2, gt=0, le=1)


class Latency(Lasting):
    """Answers take longer."""

    kind: Literal["latency"]
    factor: float = Field(default=4, gt=1)


class AlbErrors(Lasting):
    """The load balancer itself answers a share of the requests with 502."""

    kind: Literal["alb_errors"]
    error_ratio: float = Field(default=0.05, gt=0, le=1)


class ScheduleMissed(Lasting):
    """A schedule's tasks are not started while it lasts."""

    kind: Literal["schedule_missed"]
    schedule: str = Field(description="its name")


class ScheduleFailing(Lasting):
    """A schedule's tasks that end while it lasts exit with 1."""

    kind: Literal["schedule_failing"]
    schedule: str = Field(description="its name")


class MetricsDelay(Lasting):
    """CloudWatch tells later than it should."""

    kind: Literal["metrics_delay"]
    by: Span = Field(default="5m", validate_default=True)


class MetricsOutage(Lasting):
    """CloudWatch never tells these minutes."""

    kind: Literal["metrics_outage"]


class MetricsRevised(Lasting):
    """CloudWatch first tells a share of the counts, and corrects them later, up or down."""

    kind: Literal["metrics_revised"]
    share: float = Field(default=0.5, gt=0, le=2, description="of the counts, told at first; not 1")
    by: Span = Field(default="10m", validate_default=True, description="how much later they are corrected")

    @model_validator(mode="after")
    def revises_something(self) -> MetricsRevised:
        """Refuse a share that leaves nothing to correct."""
        if self.share == 1:
            raise ValueError("share: a share of 1 leaves nothing to correct")
        return self


class PartialData(Lasting):
    """Each answer of CloudWatch leaves out a share of the series, half of its points or all of them."""

    kind: Literal["partial_data"]
    share: float = Field(default=0.1, gt=0, le=1)


class ApiErrors(Lasting):
    """AWS itself fails a share of the API calls, with HTTP 500 or 503."""

    kind: Literal["api_errors"]
    share: float = Field(default=0.3, gt=0, le=1)


class ApiOutage(Lasting):
    """No API of the region answers, and its events wait; metrics are recorded and can be read afterwards."""

    kind: Literal["api_outage"]


class ApiThrottling(Lasting):
    """AWS refuses a share of the API calls as too many."""

    kind: Literal["api_throttling"]
    share: float = Field(default=0.5, gt=0, le=1)


class EventsLost(Lasting):
    """A share of the events never arrives."""

    kind: Literal["events_lost"]
    share: float = Field(default=0.3, gt=0, le=1)


class EventsDuplicated(Lasting):
    """A share of the events arrives twice."""

    kind: Literal["events_duplicated"]
    share: float = Field(default=0.3, gt=0, le=1)


class EventsReordered(Lasting):
    """Events overtake one another: each is held back by up to `by`."""

    kind: Literal["events_reordered"]
    by: Span = Field(default="30s", validate_default=True)


AnyFault = (
    BadDeployment
    | SlowDeployment
    | HealthyDeployment
    | BrokenDeployment
    | Redeployment
    | PartLost
    | ScaleIn
    | CrashLoop
    | OutOfMemory
    | StuckTasks
    | ZoneOutage
    | SpotReclaim
    | CapacityShortage
    | TrafficSurge
    | DependencyFailure
    | Latency
    | AlbErrors
    | ScheduleMissed
    | ScheduleFailing
    | MetricsDelay
    | MetricsOutage
    | MetricsRevised
    | PartialData
    | ApiErrors
    | ApiOutage
    | ApiThrottling
    | EventsLost
    | EventsDuplicated
    | EventsReordered
)

#: Faults that befall no service: what was to be done in time is not.
ScheduleFault = ScheduleMissed | ScheduleFailing

#: Disturbances of events: where none is sent nothing is disturbed.
OfEvents = EventsLost | EventsDuplicated | EventsReordered

#: Faults that blind or hinder an observer and harm no service by themselves.
Disturbance = (
    MetricsDelay
    | MetricsOutage
    | MetricsRevised
    | PartialData
    | ApiErrors
    | ApiOutage
    | ApiThrottling
    | OfEvents
)


def simulated(value: object) -> object:
    """Refuse, in these words, a kind that the world does not live through yet."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind in NOT_SIMULATED:
        raise ValueError(f"{kind} is not simulated yet")
    return value


Fault = Annotated[Annotated[AnyFault, Field(discriminator="kind")], BeforeValidator(simulated)]
