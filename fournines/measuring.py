"""The form of what is measured: how CloudWatch is read, what is checked from outside, what runs when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from collector import scheme
from collector.catalog import LatencyBy
from collector.plan import Cadence
from collector.probes import EVERY_MAX, EVERY_MIN, EXPECTED, STATUSES, Check, Probe, url_problem
from collector.schedules import Schedule
from collector.timetable import Calendar, Every, rule_problem, zone_problem
from fournines.forms import MINUTE, Account, Duration, Minutes, Region, Section, Statistic, like, refuse
from slo.cells import Placement

if TYPE_CHECKING:
    from collector.metric import Metric


def _checkable(value: str) -> str:
    problem = url_problem(value)
    if problem:
        raise refuse(problem)
    return value


def _often_enough(value: timedelta) -> timedelta:
    if not EVERY_MIN <= value <= EVERY_MAX:
        raise refuse("expected 5s to 60s")
    return value


def _within_a_turn(value: timedelta, info: ValidationInfo) -> timedelta:
    if value > info.data.get("every", value):
        raise refuse("expected no more than `every`: a check ends before the next begins")
    return value


def _statuses(value: object) -> frozenset[int]:
    """Read statuses and spans of them: `[200, 301-303]`."""
    found = [_span(one) for one in value] if isinstance(value, list) and value else [range(0)]
    if not all(found):
        raise refuse("expected a list of statuses such as 204 or 200-299, from 100 to 599")
    return frozenset(status for span in found for status in span)


def _span(value: object) -> range:
    """Return the statuses of one item; none when it is wrong."""
    first, _, last = str(value).partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        return range(0)
    span = range(int(first), int(last or first) + 1)
    return span if span and span[0] in STATUSES and span[-1] in STATUSES else range(0)


def _new_family(name: str) -> str:
    from fournines.telemetry import EXPORTED  # noqa: PLC0415 - needed by few

    if name in {family.name for family in EXPORTED}:
        raise refuse(f"{name} is told already; expected another name")
    return name


class QueueSection(Section):
    """The SQS queue that a service works off; names may hold `*`."""

    service: Annotated[str, Field(min_length=1)]
    queue: Annotated[str, Field(min_length=1)]
    max_age: Duration = 5 * MINUTE
    region: Annotated[str, Field(min_length=1)] = "*"
    account: Annotated[str, Field(min_length=1)] = "*"
    cluster: Annotated[str, Field(min_length=1)] = "*"

    def queue_of(self) -> scheme.Queue:
        """Return the queue."""
        return scheme.Queue(
            service=self.service, name=self.queue, fresh_s=self.max_age.total_seconds(), region=self.region,
            account=self.account, cluster=self.cluster,
        )  # fmt: skip


class MetricSection(Section):
    """A CloudWatch metric of the user's own, read with what explains and shown under its own name.

    Dimensions may hold `{cluster}`, `{service}`, `{region}`, `{account}`, `{target_group}`,
    `{load_balancer}`, `{zone}`, `{discovery}` and `{queue}`; one that names none of a service's is read
    once in each region.
    """

    namespace: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    statistic: Statistic
    dimensions: Mapping[str, str] = Field(default_factory=dict)
    exported: Annotated[str, AfterValidator(_new_family)]
    help: Annotated[str, Field(min_length=1)]
    unit: str = ""
    factor: Annotated[float, Field(gt=0)] = 1.0
    services: tuple[str, ...] = ()

    @model_validator(mode="after")
    def sound(self) -> Self:
        """Refuse dimensions made of what is not known."""
        try:
            self.metric()
        except ValueError as error:
            raise refuse(str(error)) from None
        return self

    def metric(self) -> Metric:
        """Return the row of the catalogue."""
        return scheme.own(
            namespace=self.namespace, name=self.name, statistic=self.statistic, unit=self.unit,
            dimensions=self.dimensions, exported=self.exported, help_text=self.help, factor=self.factor,
            services=self.services,
        )  # fmt: skip


class Collect(Section):
    """How often is read, when a minute counts as complete, and what reading may cost a month.

    `latency_threshold` is where a response is slow for a service without a latency objective, in seconds.
    """

    sli_every: Minutes = Cadence().sli_every * MINUTE
    slow_every: Minutes = Cadence().slow_every * MINUTE
    discover_every: Duration = 5 * MINUTE
    settle: Duration = 2 * MINUTE
    latency_threshold: Annotated[float, Field(gt=0, le=60)] = 1.0
    latency_by: LatencyBy = LatencyBy.COUNT
    monthly_budget_usd: Annotated[Decimal, Field(gt=0)] | None = None
    queues: tuple[QueueSection, ...] = ()
    metrics: tuple[MetricSection, ...] = ()

    @field_validator("metrics")
    @classmethod
    def told_once(cls, metrics: tuple[MetricSection, ...]) -> tuple[MetricSection, ...]:
        """Refuse two metrics of one name."""
        twice = [name for name, times in Counter(one.exported for one in metrics).items() if times > 1]
        if twice:
            raise refuse(f"{twice[0]} is told by two of them; expected a name of its own for each")
        return metrics

    @property
    def scheme(self) -> scheme.Scheme:
        """What the collector needs to know."""
        every = Cadence(sli_every=self.sli_every // MINUTE, slow_every=self.slow_every // MINUTE)
        return scheme.Scheme(
            cadence=every,
            settle_s=int(self.settle.total_seconds()),
            latency_by=self.latency_by,
            extra=tuple(row.metric() for row in self.metrics),
            queues=tuple(row.queue_of() for row in self.queues),
            budget_usd=self.monthly_budget_usd,
        )


class ProbeSection(Section):
    """A check from outside of one service in one region; `account` and `cluster` tell several apart."""

    service: Annotated[str, Field(min_length=1)]
    region: Region
    account: Account | None = None
    cluster: Annotated[str, Field(min_length=1)] | None = None
    url: Annotated[str, AfterValidator(_checkable)]
    every: Annotated[Duration, AfterValidator(_often_enough)] = timedelta(seconds=10)
    timeout: Annotated[Duration, AfterValidator(_within_a_turn)] = timedelta(seconds=3)
    expect: Annotated[frozenset[int], BeforeValidator(_statuses)] = EXPECTED
    contains: str = ""
    allow_private: bool = False

    def probe(self) -> Probe:
        """Return the probe."""
        return Probe(
            check=Check(
                url=self.url,
                every=self.every,
                timeout=self.timeout,
                expect=self.expect,
                contains=self.contains,
                allow_private=self.allow_private,
            ),
            service=self.service,
            region=self.region,
            account=self.account,
            cluster=self.cluster,
        )


def each_once(probes: tuple[ProbeSection, ...]) -> tuple[ProbeSection, ...]:
    """Refuse a check that is named twice."""
    twice = [name for name, number in Counter(str(one.probe()) for one in probes).items() if number > 1]
    if twice:
        raise refuse(f"expected each probe once, whatever its query; {twice[0]} stands here again")
    return probes


def _rule(value: str) -> str:
    problem = rule_problem(value)
    if problem:
        raise refuse(problem)
    return value


def _zone(value: str) -> str:
    problem = zone_problem(value)
    if problem:
        raise refuse(problem)
    return value


class ScheduleSection(Section):
    """A task that is to run again and again: `every` so long, `offset` after midnight, or by an RRULE."""

    name: Annotated[str, like(r"[A-Za-z0-9._-]{1,64}", "up to 64 letters, digits, dots or dashes")]
    account: Account | None = None
    region: Region
    cluster: Annotated[str, like(r"[A-Za-z0-9_-]+", "the name of a cluster")]
    family: Annotated[str, like(r"[A-Za-z0-9_-]+", "the family of a task definition")]
    every: Minutes | None = None
    offset: Minutes | None = None
    rrule: Annotated[str, AfterValidator(_rule)] | None = None
    zone: Annotated[str, AfterValidator(_zone)] | None = None
    within: Minutes = 5 * MINUTE
    lasts_max: Minutes = timedelta(hours=1)
    container: str = ""

    @model_validator(mode="after")
    def sound(self) -> Self:
        """Refuse what has no timetable, or two, and limits that nobody can keep."""
        if (self.every is None) == (self.rrule is None):
            raise refuse("expected either `every` or `rrule`")
        if self.offset and not self.every:
            raise refuse("expected no `offset` beside `rrule`: it says itself when it is due")
        if self.zone and not self.rrule:
            raise refuse("expected no `zone` beside `every`: it is counted from midnight in UTC")
        try:
            self.schedule("000000000000")
        except ValueError as error:
            raise refuse(str(error)) from None
        return self

    def schedule(self, account: str) -> Schedule:
        """Return the schedule, in this account where it names none."""
        return Schedule(
            placement=Placement(self.account or account, self.region, self.cluster, self.name),
            family=self.family,
            timetable=self._timetable(),
            within=self.within,
            lasts_max=self.lasts_max,
            container=self.container,
        )

    def _timetable(self) -> Every | Calendar:
        if self.rrule is not None:
            return Calendar(self.rrule, self.zone or "UTC")
        assert self.every is not None, "it is one of both"
        return Every(self.every, self.offset or timedelta(0))
