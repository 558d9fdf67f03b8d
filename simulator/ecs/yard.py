"""What services share: the ground that they stand on and the voices that they hear and speak with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from simulator.bus import Bus, Event
from simulator.ecs.capacity import Shortages
from simulator.ecs.rollout import Behaviour, Deployment
from simulator.ecs.service import Service
from simulator.estate import Site
from simulator.scenario import AwsSettings

HEALTHY = Behaviour()


@dataclass(slots=True, eq=False)
class Yard:
    """The surroundings of all services.

    `alarms(site, names)` answers which alarms are in ALARM. `succeeded` are called when a deployment is
    SUCCESSFUL. `crashing` maps a placement to the seconds that its tasks live. `missed` and `failing` count
    what keeps a schedule, by site and name, from its runs, and what fails these.
    """

    aws: AwsSettings
    bus: Bus
    alarms: Callable[[Site, Iterable[str]], frozenset[str]]
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    shortages: Shortages = field(default_factory=Shortages)
    crashing: dict[int, int] = field(default_factory=dict)
    missed: Counter[tuple[Site, str]] = field(default_factory=Counter)
    failing: Counter[tuple[Site, str]] = field(default_factory=Counter)
    succeeded: list[Callable[[Service, Deployment, int], None]] = field(default_factory=list)

    def tell(self, service: Service, event: Event, at: int) -> None:
        """Send an event of a service to the bus of its region."""
        self.bus.tell(at, service.place.region, service.place.account, event)

    def behaviour(self, task_definition: str) -> Behaviour:
        """Return how tasks of this definition behave: well, unless a fault says otherwise."""
        return self.behaviours.get(task_definition, HEALTHY)
