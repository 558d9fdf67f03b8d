"""What services share: the ground that they stand on and the voices that they hear and speak with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.bus import Bus, Event
from simulator.ecs.capacity import Shortages
from simulator.ecs.rollout import Behaviour, Deployment
from simulator.ecs.service import Service
from simulator.estate import Site
from simulator.unsettled import AwsSettings

if TYPE_CHECKING:
    from simulator.ecs.task import Task

HEALTHY = Behaviour()


@dataclass(slots=True, eq=False)
class Yard:
    """The surroundings of all services.

    `alarms(site, names)` answers which alarms are in ALARM. `succeeded` are called when a deployment is
    SUCCESSFUL, `shifted` when the first traffic of its users moves to it. `crashing` maps a placement to the
    seconds that its tasks live, `leaking` to those in which they fill their memory. `zones_out` counts what
    keeps new tasks out of a zone, `zones_failing` is the share of requests that tasks of a placement fail in
    it. `away` is the zone that a load balancer, by its ARN, sends nothing to. `missed` and `failing` count
    what keeps a schedule, by site and name, from its runs, and what fails these.
    """

    aws: AwsSettings
    bus: Bus
    alarms: Callable[[Site, Iterable[str]], frozenset[str]]
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    shortages: Shortages = field(default_factory=Shortages)
    crashing: dict[int, int] = field(default_factory=dict)
    leaking: dict[int, int] = field(default_factory=dict)
    zones_out: Counter[str] = field(default_factory=Counter)
    zones_failing: dict[tuple[int, str], float] = field(default_factory=dict)
    nodes_failing: dict[tuple[int, str], float] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    missed: Counter[tuple[Site, str]] = field(default_factory=Counter)
    failing: Counter[tuple[Site, str]] = field(default_factory=Counter)
    succeeded: list[Callable[[Service, Deployment, int], None]] = field(default_factory=list)
    shifted: list[Callable[[Service, Deployment, int], None]] = field(default_factory=list)

    def tell(self, service: Service, event: Event, at: int) -> None:
        """Send an event of a service to the bus of its region."""
        self.bus.tell(at, service.place.region, service.place.account, event)

    def fails(self, service: Service, task: Task) -> float:
        """Return the share of its requests that a task fails now: the worst of what ails it counts."""
        revision = self.behaviour(task.rollout.revision.task_definition).fails
        there = self.zones_failing.get((service.place.index, task.zone), 0.0) if self.zones_failing else 0.0
        return max(revision, task.ails, there)

    def nodes(self, service: Service) -> dict[str, float]:
        """Return the zones in which the load balancer's nodes get requests, and what each fails by itself."""
        place = service.place
        away = self.away.get(place.load_balancer_arn) if self.away else None
        return {z: self.nodes_failing.get((place.index, z), 0.0) for z in place.zones if z != away}

    def routed(self, service: Service, task: Task) -> bool:
        """Whether the load balancer sends a task that serves requests, or has turned away from its zone."""
        away = self.away.get(service.place.load_balancer_arn) if self.away else None
        return away is None or task.zone != away

    def behaviour(self, task_definition: str) -> Behaviour:
        """Return how tasks of this definition behave: well, unless a fault says otherwise."""
        return self.behaviours.get(task_definition, HEALTHY)
