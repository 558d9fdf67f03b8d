"""All services of the estate, and which of them are not at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator import fate
from simulator.ecs.capacity import allocate, placing
from simulator.ecs.definitions import Definitions
from simulator.ecs.rollout import Status
from simulator.ecs.scheduler import tick
from simulator.ecs.service import Service
from simulator.ecs.task import Status as TaskStatus
from simulator.ecs.task import Task
from simulator.estate import Site
from simulator.events import image
from simulator.guard import guarded
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from simulator.calls import Params
    from simulator.ecs.yard import Yard
    from simulator.estate import Estate, Place

DAY_S = 86_400
#: How the services of an estate are deployed: ECS's own protections are on, as they should be everywhere.
PROTECTED: dict[str, Any] = {
    "strategy": "ROLLING",
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
}


class Fleet:
    """Every service, in the estate's order."""

    def __init__(self, estate: Estate, yard: Yard, at: int, desired: list[int], *, alarms: bool) -> None:
        self.estate = estate
        self.yard = yard
        self.definitions = {site: Definitions(site.region, site.account) for site in estate.sites}
        self.services = [
            self._stand_up(place, at, desired[place.index], alarms=alarms) for place in estate.places
        ]
        self.restless: set[int] = set()

    def _stand_up(self, place: Place, at: int, desired: int, *, alarms: bool) -> Service:
        """Make a service that was deployed days ago and has been steady since."""
        configuration = PROTECTED | place.spec.deployment.configuration()
        if alarms and guarded(place):
            configuration["alarms"] = {"alarmNames": [place.alarm], "enable": True, "rollback": True}
        age = DAY_S * (2 + int(9 * fate.fraction(place, "age")))
        definitions = self.definitions[place.site]
        service = Service(place, at - 300 * DAY_S, desired, placing(place.spec), configuration)
        service.definitions = definitions
        for version in range(1, 3):
            born = at - age - (2 - version) * 7 * DAY_S
            definition = definitions.again(place, born, f"{image(place)}:1.{version}.0")
            deployment = service.deploy(definition, born)
            service.complete(deployment.rollout, born + 180)
            deployment.started_at = born
            deployment.move(Status.SUCCESSFUL, born + 180, "Service deployment completed.")
        service.tasks = seasoned(service, at - age)
        service.steady = True
        return service

    def tick(self, at: int) -> list[int]:
        """Move every restless service on; return which they were."""
        touched = sorted(self.restless)
        for index in touched:
            if not tick(self.services[index], self.yard, at):
                self.restless.discard(index)
        return touched

    def wake(self, service: Service) -> None:
        """Have a service looked after from the next tick on."""
        service.steady = False
        self.restless.add(service.place.index)

    def site(self, account: str, region: str) -> Site:
        """Return where a call goes.  Raises Refusal for an account that is not of the estate."""
        owners = dict.fromkeys(site.account for site in self.estate.sites)
        if account not in owners:
            message = f"The estate belongs to {', '.join(owners)}, not to {account}."
            raise Refusal("AccessDeniedException", message, 403)
        return Site(account, region)

    def in_cluster(self, site: Site, params: Params) -> list[Service]:
        """Return the services of the cluster that a call names.  Raises Refusal."""
        cluster = str(params.get("cluster") or "default").rsplit("/", 1)[-1]
        if site not in self.estate.sites or cluster != self.estate.cluster:
            raise Refusal("ClusterNotFoundException", "Cluster not found.")
        return [service for service in self.services if service.place.site == site]

    def find(self, site: Site, params: Params, name: str) -> Service:
        """Return the service that a call names, by name or ARN.  Raises Refusal."""
        for service in self.in_cluster(site, params):
            if name in {service.place.service, service.place.service_arn}:
                return service
        raise Refusal("ServiceNotFoundException", "Service not found.")


def seasoned(service: Service, at: int) -> list[Task]:
    """Return the tasks of a service that has been steady for long."""
    providers = list(allocate(service.strategy, service.desired).elements())
    zones = service.place.zones
    tasks = []
    for number, provider in enumerate(providers):
        zone = zones[number % len(zones)]
        task = Task(service.identity("task"), service.primary, provider, zone, at)
        task.status, task.healthy, task.version = TaskStatus.RUNNING, True, 5
        task.times[TaskStatus.RUNNING] = at + 60
        tasks.append(task)
    return tasks
