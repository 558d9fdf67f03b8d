"""The form of `fournines.yaml`: its properties, what each may be, and what is taken when it is left out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationInfo,
)

from fournines.clock import Clock, Fast, Wall
from fournines.forms import (
    Account,
    File,
    Folder,
    Region,
    Role,
    Secret,
    Section,
    StorePassword,
    Url,
    like,
    refuse,
    store_of,
)
from fournines.measuring import Collect, ProbeSection, ScheduleSection, each_once
from fournines.stating import Prices, Statements
from fournines.store.place import on_server, with_password

if TYPE_CHECKING:
    from collector.schedules import Schedule

#: One to be silent with its region, and one to be heard then.
HEARTBEAT_REGIONS = 2


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

    name: Annotated[str, like(r"[A-Za-z0-9._-]{1,64}", "up to 64 letters, digits, dots or dashes")] = (
        "fournines"
    )
    regions: tuple[Region, ...] | None = None


class Telemetry(Section):
    """Where metrics are sent, besides being there to be scraped."""

    otlp_endpoint: Url | None = None


class Webhook(Section):
    """Where CI is told of the quarantine, and the secret by which it knows who tells."""

    url: Url
    secret: Secret


def _owed_once(schedules: tuple[ScheduleSection, ...], info: ValidationInfo) -> tuple[ScheduleSection, ...]:
    """Refuse a schedule that is nowhere, anywhere, or named twice."""
    aws: Aws | None = info.data.get("aws")
    if aws is None:
        return schedules
    accounts = [account.id for account in aws.accounts]
    for one in schedules:
        if one.account not in (accounts if len(accounts) > 1 else (None, *accounts)):
            raise refuse(f"expected schedule {one.name} to name one of the accounts under aws.accounts")
    placements = Counter(one.schedule(accounts[0]).placement for one in schedules)
    if twice := [placement for placement, number in placements.items() if number > 1]:
        raise refuse(f"expected each schedule once; {twice[0]} stands here again")
    return schedules


class Settings(Section):
    """The document `fournines.yaml`.  Paths are relative to it."""

    store: Annotated[str, BeforeValidator(store_of)] = Field(default="fournines.db", validate_default=True)
    store_password: StorePassword | None = None
    clock: Annotated[WallClock | FastClock, Field(discriminator="kind")] = WallClock()
    aws: Aws
    objectives: Annotated[tuple[File, ...], Field(min_length=1)]
    openslo: Literal["strict", "lenient"] = "strict"
    policies: tuple[File, ...] = ()
    contracts: tuple[File, ...] = ()
    budget_policies: tuple[File, ...] = ()
    exclusions: tuple[File, ...] = ()
    runbooks: tuple[Folder, ...] = ()
    slack: Slack | None = None
    webhook: Webhook | None = None
    web: Web = Web()
    heartbeat: Heartbeat = Heartbeat()
    telemetry: Telemetry = Telemetry()
    collect: Collect = Collect()
    probes: Annotated[tuple[ProbeSection, ...], AfterValidator(each_once)] = ()
    probe_tags: bool = False
    schedules: Annotated[tuple[ScheduleSection, ...], AfterValidator(_owed_once)] = ()
    statements: Statements = Statements()
    prices: Prices = Prices()

    @property
    def books(self) -> str:
        """The address that the store is opened by; it may hold a password, and is never shown."""
        password = self.store_password.get_secret_value() if self.store_password else ""
        return with_password(self.store, password) if on_server(self.store) else self.store

    @property
    def scheduled(self) -> tuple[Schedule, ...]:
        """Return every schedule; one that names no account is in the only one."""
        return tuple(one.schedule(self.aws.accounts[0].id) for one in self.schedules)

    @property
    def heartbeat_regions(self) -> tuple[str, ...]:
        """Where the heartbeat is written: by default in two regions, since one may fail."""
        named = self.heartbeat.regions
        return self.aws.regions[:HEARTBEAT_REGIONS] if named is None else tuple(dict.fromkeys(named))
