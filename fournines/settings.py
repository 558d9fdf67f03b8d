"""The form of `fournines.yaml`: its properties, what each may be, and what is taken when it is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from collector import scheme
from collector.catalog import FAMILIES, LatencyBy
from collector.plan import Cadence
from collector.probes import EVERY_MAX, EVERY_MIN, EXPECTED, STATUSES, Check, Probe, url_problem
from fournines.clock import Clock, Fast, Wall
from fournines.store.place import IN_MEMORY
from slo import durations

if TYPE_CHECKING:
    from collector.metric import Metric

_MINUTE = timedelta(minutes=1)

#: One to be silent with its region, and one to be heard then.
HEARTBEAT_REGIONS = 2


@dataclass(frozen=True, slots=True)
class Context:
    """What a document is read in: its folder, and where its secrets are looked up.

    Who only asks the store needs no `secrets`: one that is not set is then empty.
    """

    folder: Path
    environ: Mapping[str, str]
    secrets: bool = True


def _context(info: ValidationInfo) -> Context:
    assert isinstance(info.context, Context), "settings are read with their context"
    return info.context


def _refuse(message: str) -> PydanticCustomError:
    return PydanticCustomError("expected", "{message}", {"message": message})


def _duration(value: object) -> timedelta:
    found = durations.parse(value)
    if not found:
        raise _refuse("expected a duration such as 30s, 5m, 2h or 1d")
    return found


def _whole_minutes(value: timedelta) -> timedelta:
    if value % _MINUTE:
        raise _refuse("expected whole minutes, since CloudWatch counts by the minute")
    return value


def _like(pattern: str, expected: str) -> BeforeValidator:
    """Accept text, or a number that was meant as text, of one shape."""

    def check(value: object) -> str:
        if not isinstance(value, str | int) or not re.fullmatch(pattern, str(value)):
            raise _refuse(f"expected {expected}")
        return str(value)

    return BeforeValidator(check)


def _beside(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value:
        raise _refuse("expected a path, relative to this file")
    return _context(info).folder / value


def _file(value: object, info: ValidationInfo) -> Path:
    path = _beside(value, info)
    if not path.is_file():
        raise _refuse(f"there is no file {path}")
    return path


def _folder(value: object, info: ValidationInfo) -> Path:
    path = _beside(value, info)
    if not path.is_dir():
        raise _refuse(f"there is no folder {path}")
    return path


def _store(value: object, info: ValidationInfo) -> str:
    return IN_MEMORY if value == IN_MEMORY else str(_beside(value, info))


def _secret(value: object, info: ValidationInfo) -> SecretStr:
    """Look a secret up; it never stands in the document, and no message holds it."""
    match value:
        case {"env": str(name), **rest} if not rest:
            found = _context(info).environ.get(name)
            problem = f"the environment variable {name} is not set"
        case {"file": str(name), **rest} if not rest and not _context(info).secrets:
            return SecretStr("")
        case {"file": str(name), **rest} if not rest:
            path = _file(name, info)
            found = path.read_text(encoding="utf-8").strip()
            problem = f"the file {path} is empty"
        case _:
            raise _refuse(
                "expected {env: NAME} or {file: PATH}: a secret never stands in the document itself"
            )
    if not found and _context(info).secrets:
        raise _refuse(problem)
    return SecretStr(found or "")


def _checkable(value: str) -> str:
    problem = url_problem(value)
    if problem:
        raise _refuse(problem)
    return value


def _often_enough(value: timedelta) -> timedelta:
    if not EVERY_MIN <= value <= EVERY_MAX:
        raise _refuse("expected 5s to 60s")
    return value


def _within_a_turn(value: timedelta, info: ValidationInfo) -> timedelta:
    if value > info.data.get("every", value):
        raise _refuse("expected no more than `every`: a check ends before the next begins")
    return value


def _statuses(value: object) -> frozenset[int]:
    """Read statuses and spans of them: `[200, 301-303]`."""
    found = [_span(one) for one in value] if isinstance(value, list) and value else [range(0)]
    if not all(found):
        raise _refuse("expected a list of statuses such as 204 or 200-299, from 100 to 599")
    return frozenset(status for span in found for status in span)


def _span(value: object) -> range:
    """Return the statuses of one item; none when it is wrong."""
    first, _, last = str(value).partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        return range(0)
    span = range(int(first), int(last or first) + 1)
    return span if span and span[0] in STATUSES and span[-1] in STATUSES else range(0)


def _new_family(name: str) -> str:
    if name in {family.name for family in FAMILIES}:
        raise _refuse(f"{name} is told already; expected another name")
    return name


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Minutes = Annotated[Duration, AfterValidator(_whole_minutes)]
Account = Annotated[str, _like(r"[0-9]{12}", "the 12 digits of an AWS account")]
Region = Annotated[str, _like(r"[a-z]{2,3}(-[a-z]+)+-[0-9]", "a region such as eu-west-1")]
Role = Annotated[str, _like(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", "arn:aws:iam::ACCOUNT:role/NAME")]
Url = Annotated[str, _like(r"https?://[^\s/]+(/\S*)?", "an address such as https://host:port")]
Statistic = Annotated[
    str,
    _like(
        r"Sum|Average|Minimum|Maximum|SampleCount|p[0-9.]+|(TC|PR)\(.*\)",
        "Sum, Average, Minimum, Maximum, SampleCount, p99, TC(:0.3) or PR(:0.3)",
    ),
]
File = Annotated[Path, BeforeValidator(_file)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]


class Section(BaseModel):
    """A part of the document: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WallClock(Section):
    """The real time."""

    kind: Literal["wall"] = "wall"

    def clock(self) -> Clock:
        """Return the clock."""
        return Wall()


class FastClock(Section):
    """For demonstrations: it reads `start` at the real moment `epoch`, and goes `speed` times as fast.

    At `until`, if that is named, it stops: what there is to see then stays to be seen.
    """

    kind: Literal["fast"]
    start: AwareDatetime
    epoch: AwareDatetime
    speed: Annotated[float, Field(gt=0, le=100_000)]
    until: AwareDatetime | None = None

    def clock(self) -> Clock:
        """Return the clock."""
        return Fast(self.start, self.epoch, self.speed, self.until)


class AccountSection(Section):
    """An AWS account, and the role to assume in it; without one, the credentials' own."""

    id: Account
    role_arn: Role | None = None


class Credentials(Section):
    """Credentials by name; without them, AWS' usual places are asked."""

    access_key_id: Annotated[str, Field(min_length=1)]
    secret_access_key: Secret
    session_token: Secret | None = None


class Queue(Section):
    """A queue of events."""

    region: Region
    url: Url


class Tags(Section):
    """The keys of the tags that say whose a service is."""

    tenant: Annotated[str, Field(min_length=1)] = "tenant"
    tier: Annotated[str, Field(min_length=1)] = "tier"
    owner: Annotated[str, Field(min_length=1)] = "owner"


class Aws(Section):
    """What is watched, and how AWS is reached."""

    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    accounts: Annotated[tuple[AccountSection, ...], Field(min_length=1)]
    endpoint_url: Url | None = None
    credentials: Credentials | None = None
    queues: tuple[Queue, ...] = ()
    tags: Tags = Tags()

    @property
    def scopes(self) -> tuple[tuple[str, str], ...]:
        """Every region of every account."""
        return tuple((account.id, region) for account in self.accounts for region in self.regions)


class Slack(Section):
    """Whom to tell."""

    channel: Annotated[str, Field(min_length=1)]
    token: Secret
    base_url: Url | None = None


class Web(Section):
    """Where the pages and /metrics are; port 0 takes any that is free.

    `url` is where people reach them, for the links in Slack: behind a proxy it is another address.
    """

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    url: Url | None = None


class Heartbeat(Section):
    """Where signs of life are written, and as whose; without `regions` it is the first two watched."""

    name: Annotated[str, _like(r"[A-Za-z0-9._-]{1,64}", "up to 64 letters, digits, dots or dashes")] = (
        "fournines"
    )
    regions: tuple[Region, ...] | None = None


class Telemetry(Section):
    """Where metrics are sent, besides being there to be scraped."""

    otlp_endpoint: Url | None = None


class QueueSection(Section):
    """The SQS queue that a service works off; names may hold `*`."""

    service: Annotated[str, Field(min_length=1)]
    queue: Annotated[str, Field(min_length=1)]
    max_age: Duration = 5 * _MINUTE
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
            raise _refuse(str(error)) from None
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

    sli_every: Minutes = Cadence().sli_every * _MINUTE
    slow_every: Minutes = Cadence().slow_every * _MINUTE
    discover_every: Duration = 5 * _MINUTE
    settle: Duration = 2 * _MINUTE
    latency_threshold: Annotated[float, Field(gt=0, le=60)] = 1.0
    latency_by: LatencyBy = LatencyBy.COUNT
    monthly_budget_usd: Annotated[Decimal, Field(gt=0)] | None = None
    queues: tuple[QueueSection, ...] = ()
    metrics: tuple[MetricSection, ...] = ()

    @property
    def scheme(self) -> scheme.Scheme:
        """What the collector needs to know."""
        every = Cadence(sli_every=self.sli_every // _MINUTE, slow_every=self.slow_every // _MINUTE)
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


def _each_once(probes: tuple[ProbeSection, ...]) -> tuple[ProbeSection, ...]:
    twice = [name for name, number in Counter(str(one.probe()) for one in probes).items() if number > 1]
    if twice:
        raise _refuse(f"expected each probe once, whatever its query; {twice[0]} stands here again")
    return probes


class Settings(Section):
    """The document `fournines.yaml`.  Paths are relative to it."""

    store: Annotated[str, BeforeValidator(_store)] = Field(default="fournines.db", validate_default=True)
    clock: Annotated[WallClock | FastClock, Field(discriminator="kind")] = WallClock()
    aws: Aws
    objectives: Annotated[tuple[File, ...], Field(min_length=1)]
    policies: tuple[File, ...] = ()
    contracts: tuple[File, ...] = ()
    runbooks: tuple[Folder, ...] = ()
    slack: Slack | None = None
    web: Web = Web()
    heartbeat: Heartbeat = Heartbeat()
    telemetry: Telemetry = Telemetry()
    collect: Collect = Collect()
    probes: Annotated[tuple[ProbeSection, ...], AfterValidator(_each_once)] = ()
    probe_tags: bool = False

    @property
    def heartbeat_regions(self) -> tuple[str, ...]:
        """Where the heartbeat is written: by default in two regions, since one may fail."""
        named = self.heartbeat.regions
        return self.aws.regions[:HEARTBEAT_REGIONS] if named is None else tuple(dict.fromkeys(named))
