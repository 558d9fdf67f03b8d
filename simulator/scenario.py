"""A scenario: an estate, how long it is watched, what AWS leaves open, and what goes wrong.

`Scenario.model_validate(mapping)` reads a plain mapping; pydantic's ValidationError names every problem.
`seeded(seed)` is the same story with another service, time and severity.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path  # noqa: TC003 - pydantic reads it while the program runs
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from simulator import fate
from simulator.fault import (
    AnyFault,
    BadDeployment,
    BrokenDeployment,
    Disturbance,
    Document,
    Fault,
    HealthyDeployment,
    Redeployment,
    ScheduleFault,
    SlowDeployment,
)
from simulator.span import Minute, Span  # noqa: TC001 - pydantic reads them while the program runs
from simulator.strategy import Deploying
from simulator.unsettled import AwsSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

Provider = Literal["FARGATE", "FARGATE_SPOT"]
Insights = Literal["enabled", "enhanced", "disabled"]
Account = Annotated[str, Field(pattern=r"^\d{12}$")]
MINUTE = timedelta(minutes=1)
#: What brings a new task definition.
DEPLOYS = (BadDeployment, BrokenDeployment, HealthyDeployment, SlowDeployment)
NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$"
DIRECTORY = files("simulator").joinpath("scenarios")


class Share(Document):
    """One line of a capacity provider strategy."""

    provider: Provider
    weight: int = Field(default=0, ge=0, le=1000)
    base: int = Field(default=0, ge=0)


ON_DEMAND = (Share(provider="FARGATE", weight=1),)


class QueueSpec(Document):
    """An SQS queue that a service works off."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,80}$")
    arrivals_per_minute: int = Field(default=600, gt=0, description="messages at the daily peak")
    handled_per_task_per_minute: int = Field(
        default=300, gt=0, description="what one task can handle in a minute at 100 % CPU"
    )


class ServiceSpec(Document):
    """A service as it stands in every account and region of the estate."""

    name: str = Field(pattern=NAME)
    group: str = "core"
    requests_per_minute: int = Field(default=1200, gt=0, description="at the daily peak, in each region")
    requests_per_task: int = Field(
        default=600, gt=0, description="what one task can serve in a minute at 100 % CPU"
    )
    minimum: int = Field(default=2, ge=1, description="Application Auto Scaling's minimum")
    maximum: int = Field(default=40, ge=1)
    strategy: tuple[Share, ...] = ON_DEMAND
    latency_ms: float = Field(default=80, gt=0, description="median answer time of an idle task")
    objective: float = Field(default=0.9999, gt=0, lt=1)
    front: Literal["alb", "service_connect", "none"] = Field(
        default="alb", description="how requests reach it; none get no requests"
    )
    load_balancer: str | None = Field(
        default=None,
        pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$",
        description="services that name the same one share it; without a name it has its own",
    )
    queue: QueueSpec | None = Field(default=None, description="what it works off; only where front is none")
    tags: dict[str, str] = Field(default_factory=dict, description="that its owners gave it besides")
    secrets: tuple[str, ...] = Field(default=(), description="of Secrets Manager, that its tasks are given")
    parameters: tuple[str, ...] = Field(
        default=(), description="of the Parameter Store, that its tasks are given"
    )
    zonal_shift: bool = Field(
        default=False, description="its load balancer may be shifted away from a zone by ARC; off at AWS, too"
    )
    deployment: Deploying = Deploying()
    launch: Literal["fargate", "ec2", "external"] = Field(
        default="fargate", description="where its tasks run; hosts of one's own have room for all of them"
    )

    @model_validator(mode="after")
    def consistent(self) -> ServiceSpec:
        """Refuse scaling bounds and strategies that make no sense together."""
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        if not any(share.weight or share.base for share in self.strategy):
            raise ValueError("strategy: at least one provider needs a weight or a base above 0")
        if sum(bool(share.base) for share in self.strategy) > 1:
            raise ValueError("strategy: only one provider may have a base")
        if self.load_balancer is not None and self.front != "alb":
            raise ValueError(f"load_balancer: a service with front {self.front} has none")
        if self.queue is not None and self.front != "none":
            raise ValueError("queue: a service that works off a queue has front none")
        if self.launch != "fargate" and self.strategy != ON_DEMAND:
            raise ValueError(f"strategy: a service launched on {self.launch} has none")
        return self

    @property
    def work_per_minute(self) -> int:
        """What arrives for it at the daily peak: requests, or messages of its queue."""
        if self.front == "none":
            return self.queue.arrivals_per_minute if self.queue else 0
        return self.requests_per_minute

    @property
    def work_per_task(self) -> int:
        """How much of it one task gets done in a minute at 100 % CPU."""
        return self.queue.handled_per_task_per_minute if self.queue else self.requests_per_task


class ScheduleSpec(Document):
    """A task that EventBridge starts again and again, in every account and region."""

    name: str = Field(pattern=NAME)
    family: str = Field(pattern=NAME, description="of its task definition; no service has this name")
    every: Span | None = Field(default=None, description="whole minutes, counted from midnight 1970 in UTC")
    at: str | None = Field(
        default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="daily, in UTC, such as 02:30"
    )
    lasts: Span = Field(default="2m", validate_default=True, description="how long its task runs")

    @model_validator(mode="after")
    def timed(self) -> ScheduleSpec:
        """Refuse a schedule without one rhythm that the world can keep."""
        if (self.every is None) == (self.at is None):
            raise ValueError("a schedule has either every or at")
        if self.every is not None and (self.every < MINUTE or self.every % MINUTE):
            raise ValueError("every: expected whole minutes")
        return self

    def next(self, after: int) -> int:
        """Return when it is due next, in seconds since 1970, `after` included."""
        if self.every is not None:
            period, phase = int(self.every.total_seconds()), 0
        else:
            hours, minutes = (self.at or "").split(":")
            period, phase = 86_400, 3_600 * int(hours) + 60 * int(minutes)
        return -((phase - after) // period) * period + phase


class Tenant(Document):
    """A customer with a contract; empty lists mean all."""

    name: str = Field(pattern=NAME)
    services: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


class Traffic(Document):
    """How many requests arrive: a shape, or a recording of counts (`timestamp,value`) times `scale`."""

    shape: Literal["flat", "daily"] = "daily"
    csv: Path | None = Field(default=None, description="recorded counts; replaces the shape")
    scale: float = Field(default=1, gt=0)
    from_: datetime | None = Field(
        default=None, alias="from", description="the recorded moment that the scenario starts at"
    )


class EstateSpec(Document):
    """What stands there before anything happens."""

    accounts: tuple[Account, ...] = Field(
        default=("123456789012",),
        min_length=1,
        description="each has every service in every region; whoever assumes no role is in the first",
    )
    cluster: str = Field(default="mylearning", pattern=NAME)
    regions: tuple[str, ...] = Field(min_length=1)
    services: tuple[ServiceSpec, ...] = Field(min_length=1)
    schedules: tuple[ScheduleSpec, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    traffic: Traffic = Traffic()
    slow_ms: float = Field(default=500, gt=0, description="slower answers count against latency objectives")
    insights: Insights = Field(
        default="enabled", description="what Container Insights tells: enhanced also tells of tasks"
    )
    deployment_alarms: bool = Field(
        default=True, description="a CloudWatch alarm on 5xx guards each deployment"
    )

    @model_validator(mode="after")
    def names_meet(self) -> EstateSpec:
        """Refuse names given twice, and tenants that name what is not there."""
        names = [service.name for service in self.services]
        given = {
            "services": names,
            "regions": list(self.regions),
            "accounts": list(self.accounts),
            "schedules": [schedule.name for schedule in self.schedules],
        }
        for label, values in given.items():
            twice = {value for value in values if values.count(value) > 1}
            if twice:
                raise ValueError(f"{label}: {', '.join(sorted(twice))} named twice")
        if families := {schedule.family for schedule in self.schedules} & {*names}:
            raise ValueError(f"schedules: {', '.join(sorted(families))} is a service")
        queues = [service.queue.name for service in self.services if service.queue]
        if len(set(queues)) < len(queues):
            raise ValueError("services: each works off a queue of its own")
        for tenant in self.tenants:
            strangers = {*tenant.services} - {*names} | {*tenant.regions} - {*self.regions}
            if strangers:
                raise ValueError(f"tenant {tenant.name}: the estate has no {', '.join(sorted(strangers))}")
        return self


def placed(fault: AnyFault, info: ValidationInfo) -> AnyFault:
    """Refuse a fault outside the estate or after the scenario's end, with every reason at its own place."""
    estate, duration = info.data.get("estate"), info.data.get("duration")
    if estate is None or duration is None:
        return fault  # their own errors are told
    problems = [
        InitErrorDetails(type=PydanticCustomError("expected", "{said}", {"said": said}), loc=at, input=fault)
        for at, said in misplaced(fault, estate, duration)
    ]
    if problems:
        raise ValidationError.from_exception_data("fault", problems)
    return fault


def rooted(faults: tuple[AnyFault, ...]) -> tuple[AnyFault, ...]:
    """Refuse to deploy again where nothing was deployed before."""
    for fault in faults:
        if isinstance(fault, Redeployment):
            before = [
                f for f in faults if isinstance(f, DEPLOYS) and f.at < fault.at and f.where == fault.where
            ]
            if not before:
                raise ValueError("redeployment: nothing was deployed there before")
    return faults


class Scenario(Document):
    """A whole scenario.  Times are UTC and start at a whole minute."""

    name: str = Field(pattern=NAME)
    description: str = ""
    seed: int = 1
    start: Minute = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    duration: Span
    lived_in: Span = Field(
        default="3h", validate_default=True, description="how much earlier metrics reach back"
    )
    estate: EstateSpec
    policies: Any = Field(
        default=None, description="handed on to whoever keeps the estate; the world does not read it"
    )
    aws: AwsSettings = AwsSettings()
    faults: Annotated[tuple[Annotated[Fault, AfterValidator(placed)], ...], AfterValidator(rooted)] = ()

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.start + self.duration

    def seeded(self, seed: int) -> Scenario:
        """Return the story with other services, times and severities; its own seed changes nothing."""
        if seed == self.seed:
            return self
        faults = vary(self.faults, seed)
        return Scenario.model_validate({**self.model_dump(by_alias=True), "seed": seed, "faults": faults})


def misplaced(
    fault: AnyFault, estate: EstateSpec, duration: timedelta
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with where and when a fault is to happen."""
    services, regions = {service.name for service in estate.services}, {*estate.regions}
    for key, value, known in (
        ("service", fault.where.service, services),
        ("region", fault.where.region, regions),
        ("account", fault.where.account, {*estate.accounts}),
    ):
        if value is not None and value not in known:
            yield ("where", key), f"the estate has no {value!r}"
    if strangers := {*fault.vary.services} - services:
        yield ("vary", "services"), f"the estate has no {', '.join(sorted(strangers))}"
    if isinstance(fault, ScheduleFault):
        if fault.schedule not in {schedule.name for schedule in estate.schedules}:
            yield ("schedule",), f"the estate has no {fault.schedule!r}"
        if fault.where.service is not None:
            yield ("where", "service"), f"a {fault.kind} befalls a schedule"
    elif fault.where.service is None and not isinstance(fault, Disturbance) and fault.kind not in REGIONAL:
        yield ("where", "service"), f"a {fault.kind} befalls a named service"
    if fault.where.account is not None and fault.kind in OF_WHOLE_REGIONS:
        yield ("where", "account"), f"a {fault.kind} befalls a region in all accounts"
    if fault.at >= duration:
        yield ("at",), "it would begin after the scenario's end"


#: Faults that may befall whole regions rather than one service.
REGIONAL = frozenset({"spot_reclaim", "capacity_shortage", "latency", "alb_errors", "zone_outage"})
#: Faults of AWS itself, which no account is spared.
OF_WHOLE_REGIONS = frozenset(
    {"capacity_shortage", "partial_data", "api_errors", "api_outage", "api_throttling", "zone_outage"}
)


def vary(faults: tuple[AnyFault, ...], seed: int) -> list[dict[str, Any]]:
    """Draw service, shift and figures anew; a story moves as one, and two stories never share a service."""
    taken: set[str] = set()
    chosen: dict[str, tuple[str | None, float]] = {}
    varied = []
    for index, fault in enumerate(faults):
        story = fault.story or f"fault {index}"
        if story not in chosen:
            chosen[story] = draw(fault, seed, story, taken)
        service, shift = chosen[story]
        document = fault.model_dump(by_alias=True)
        if service is not None and fault.where.service is not None:
            document["where"]["service"] = service
        moved = fault.at + shift * (fault.vary.at or timedelta())
        document["at"] = max(timedelta(), timedelta(seconds=round(moved.total_seconds())))
        for name, (low, high) in fault.vary.figures.items():
            figure = low + (high - low) * fate.fraction(seed, story, name)
            document[name] = round(figure) if isinstance(getattr(fault, name), int) else round(figure, 3)
        varied.append(document)
    return varied


def draw(fault: AnyFault, seed: int, story: str, taken: set[str]) -> tuple[str | None, float]:
    """Draw a service that no other story has, and a shift in [-1, 1]."""
    dice = fate.generator(seed, story)
    shift = dice.uniform(-1, 1)
    free = [service for service in fault.vary.services if service not in taken]
    service = dice.choice(free) if free else fault.where.service
    if service is not None:
        taken.add(service)
    return service, shift


def schema() -> str:
    """Return the JSON Schema of scenario documents, as it is published beside this module."""
    return json.dumps(Scenario.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def load(text: str) -> Scenario:
    """Read a scenario from YAML that we ship."""
    return Scenario.model_validate(yaml.safe_load(text))


def shipped_names() -> list[str]:
    """Return the scenarios that come with the simulator."""
    return sorted(entry.name.removesuffix(".yaml") for entry in DIRECTORY.iterdir())


def shipped(name: str) -> Scenario:
    """Return a scenario that comes with the simulator."""
    if name not in shipped_names():
        raise ValueError(f"there is no scenario {name!r}; shipped are {', '.join(shipped_names())}")
    return load(DIRECTORY.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
