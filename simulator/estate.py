"""The estate as it stands: every placement with its load balancer, named as AWS names things."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from simulator import fate
from simulator.scenario import Insights, ServiceSpec

if TYPE_CHECKING:
    from simulator.recording import Recording
    from simulator.scenario import EstateSpec

ZONES = ("a", "b", "c")
#: Share of a task's capacity that the estate is sized for: under the 60 % that target tracking aims at.
COMFORT = 0.5


#: How a region's name is shortened in the ids of its zones: eu-west-1 has euw1-az1.
SHORT = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "gov": "g"}


def zone_ids(account: str, region: str) -> dict[str, str]:
    """Return the id of each zone by its name: one account's zone a is another's b."""
    area, *words, number = region.split("-")
    for word, letter in SHORT.items():
        words = [each.replace(word, letter) for each in words]
    order = sorted(range(len(ZONES)), key=lambda n: fate.digest(account, region, "zone", n))
    return {
        region + zone: f"{area}{''.join(words)}{number}-az{n + 1}"
        for zone, n in zip(ZONES, order, strict=True)
    }


class Site(NamedTuple):
    """One region of one account: all that a call to AWS can see."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Place:
    """One ECS service in one cluster, region and account, named as AWS names it and what stands before it."""

    index: int
    account: str
    region: str
    cluster: str
    spec: ServiceSpec
    insights: Insights = "enabled"

    @property
    def service(self) -> str:
        """The service's name."""
        return self.spec.name

    @property
    def site(self) -> Site:
        """The region of the account that it is in."""
        return Site(self.account, self.region)

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.cluster}/{self.service}"

    def arn(self, kind: str, *names: str, api: str = "ecs") -> str:
        """Return an ARN in this account and region."""
        return f"arn:aws:{api}:{self.region}:{self.account}:{kind}/{'/'.join(names)}"

    @property
    def service_arn(self) -> str:
        """The service's ARN."""
        return self.arn("service", self.cluster, self.service)

    @property
    def cluster_arn(self) -> str:
        """The cluster's ARN."""
        return self.arn("cluster", self.cluster)

    @property
    def balanced(self) -> bool:
        """Whether it is behind a load balancer: only then it has one, and a target group."""
        return self.spec.front == "alb"

    @property
    def meshed(self) -> bool:
        """Whether its clients reach it by Service Connect."""
        return self.spec.front == "service_connect"

    @property
    def on_fargate(self) -> bool:
        """Whether Fargate runs its tasks, rather than hosts of the owner."""
        return self.spec.launch == "fargate"

    @property
    def host(self) -> str:
        """The host name by which its load balancer knows it."""
        return f"{self.service}.{self.cluster}.example".lower()

    @property
    def load_balancer(self) -> str:
        """The load balancer as a CloudWatch dimension value: `app/NAME/ID`."""
        if (shared := self.spec.load_balancer) is not None:
            return f"app/{shared}/{fate.hexadecimal(16, 'load balancer', *self.site, shared)}"
        name = f"{self.cluster}-{self.service}"[:32].rstrip("-")
        return f"app/{name}/{fate.hexadecimal(16, 'load balancer', self)}"

    @property
    def target_group(self) -> str:
        """The target group as a CloudWatch dimension value: `targetgroup/NAME/ID`."""
        return f"targetgroup/{self.service[:32].rstrip('-')}/{fate.hexadecimal(16, 'target group', self)}"

    @property
    def load_balancer_arn(self) -> str:
        """The load balancer's ARN."""
        return self.arn("loadbalancer", self.load_balancer, api="elasticloadbalancing")

    @property
    def target_group_arn(self) -> str:
        """The target group's ARN."""
        return f"arn:aws:elasticloadbalancing:{self.region}:{self.account}:{self.target_group}"

    @property
    def alarm(self) -> str:
        """The name of the alarm that guards its deployments."""
        return f"{self.cluster}-{self.service}-5xx"

    @property
    def zones(self) -> tuple[str, ...]:
        """The availability zones that its tasks are spread over."""
        return tuple(self.region + zone for zone in ZONES)

    @property
    def tags(self) -> dict[str, str]:
        """The tags that its owners gave it."""
        return {"service": self.service, "group": self.spec.group, **self.spec.tags}


def tasks_for(spec: ServiceSpec, work_per_minute: float) -> int:
    """Return how many tasks carry this load in comfort, within the scaling bounds."""
    wanted = math.ceil(work_per_minute / (spec.work_per_task * COMFORT))
    return max(spec.minimum, min(spec.maximum, wanted))


def enlarged(service: ServiceSpec, factor: float) -> ServiceSpec:
    """Return a service whose tasks get this many times as much done."""
    size = math.ceil(service.work_per_task * factor)
    if service.queue is None:
        return service.model_copy(update={"requests_per_task": size})
    queue = service.queue.model_copy(update={"handled_per_task_per_minute": size})
    return service.model_copy(update={"queue": queue})


def provisioned(spec: EstateSpec, recording: Recording) -> list[ServiceSpec]:
    """Return the services as owners keep them who know their traffic, since a recording is never smoothed.

    Tasks are at least as large as the document says and as the recording's busiest minute asks for, and
    autoscaling, minutes slower than a burst, never goes below what carries that minute.
    """
    everywhere = (
        len(spec.accounts) * len(spec.regions) * sum(service.work_per_minute for service in spec.services)
    )
    least = recording.busiest * spec.traffic.scale / everywhere
    services = []
    for service in spec.services:
        larger = enlarged(service, max(1.0, least))
        carries = tasks_for(larger, service.work_per_minute * least)
        services.append(larger.model_copy(update={"minimum": carries}))
    return services


@dataclass(frozen=True, slots=True)
class Estate:
    """All placements, in the order of every array of the world: site by site, service by service."""

    cluster: str
    sites: tuple[Site, ...]
    places: tuple[Place, ...]

    @property
    def home(self) -> str:
        """The account of whoever asks without having assumed a role."""
        return self.sites[0].account

    def find(self, region: str, service: str, account: str | None = None) -> Place | None:
        """Return the placement of a service in a region: of the first account, if none is named."""
        found = self.matching(service=service, region=region, account=account or self.home)
        return found[0] if found else None

    def matching(self, *, service: str | None, region: str | None, account: str | None) -> list[Place]:
        """Return the placements that a fault's `where` names."""
        return [
            place
            for place in self.places
            if service in {None, place.service}
            and region in {None, place.region}
            and account in {None, place.account}
        ]

    def clusters(self, site: Site) -> list[str]:
        """Return the ARNs of a site's clusters."""
        return (
            [f"arn:aws:ecs:{site.region}:{site.account}:cluster/{self.cluster}"] if site in self.sites else []
        )


def build(spec: EstateSpec, recording: Recording | None = None) -> Estate:
    """Stand up what the document describes: every service at every site, fit for the recorded traffic."""
    services = spec.services if recording is None else provisioned(spec, recording)
    sites = tuple(Site(account, region) for account in spec.accounts for region in spec.regions)
    places = [
        Place(
            index=i,
            account=site.account,
            region=site.region,
            cluster=spec.cluster,
            spec=service,
            insights=spec.insights,
        )
        for i, (site, service) in enumerate(product(sites, services))
    ]
    return Estate(cluster=spec.cluster, sites=sites, places=tuple(places))
