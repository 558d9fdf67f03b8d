"""Tasks that a schedule starts: each is run once, ends by itself, and leaves an exit code."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from simulator import fate
from simulator.agenda import Agenda
from simulator.ecs.fleet import DAY_S
from simulator.ecs.rollout import Revision, Rollout
from simulator.ecs.service import STOPPED_KEPT_MAX, STOPPED_KEPT_S
from simulator.ecs.task import NEXT, Status, StopCode, Task
from simulator.ecs.yard import Yard
from simulator.estate import Place
from simulator.events import image, task_state_change
from simulator.scenario import ScheduleSpec, ServiceSpec
from simulator.truth import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.ecs.fleet import Fleet
    from simulator.estate import Site
    from simulator.scenario import EstateSpec

PROVIDER = "FARGATE"


def errands(spec: EstateSpec, fleet: Fleet, at: int) -> list[Errand]:
    """Set up every schedule of an estate at each of its sites, with a task definition of its own."""
    made = []
    for site, schedule in product(fleet.estate.sites, spec.schedules):
        place = Place(-1, *site, spec.cluster, ServiceSpec(name=schedule.family))
        definition = fleet.definitions[site].again(place, at - DAY_S, f"{image(place)}:1.0.0")
        made.append(Errand(place, schedule, definition))
    return made


@dataclass(slots=True, eq=False)
class Errand:
    """A schedule at one site, with the tasks that it started; stopped ones are told for an hour."""

    place: Place
    spec: ScheduleSpec
    task_definition: str
    tasks: list[Task] = field(default_factory=list)
    stopped: deque[Task] = field(default_factory=lambda: deque(maxlen=STOPPED_KEPT_MAX))

    @property
    def group(self) -> str:
        """How ECS groups tasks that belong to no service."""
        return f"family:{self.place.service}"

    @property
    def key(self) -> tuple[Site, str]:
        """What names a schedule at a site."""
        return self.place.site, self.spec.name

    def start(self, at: int) -> Task:
        """Start a task of its own."""
        started_by = f"events-rule/{self.spec.name}"
        rollout = Rollout(started_by, Revision("", self.task_definition, (), at), at, at)
        identity = fate.hexadecimal(32, self.place, self.spec.name, at)
        zone = self.place.zones[int(identity, 16) % len(self.place.zones)]
        task = Task(identity, rollout, PROVIDER, zone, at)
        task.enter(Status.PROVISIONING, at)
        self.tasks.append(task)
        return task

    def told(self, now: float) -> Iterator[Task]:
        """Yield the tasks that ECS still tells of."""
        yield from self.tasks
        yield from (task for task in self.stopped if task.times[Status.STOPPED] >= now - STOPPED_KEPT_S)


@dataclass(slots=True, eq=False)
class Errands:
    """All schedules at all sites, and what became of their runs."""

    yard: Yard
    agenda: Agenda
    errands: list[Errand]
    runs: list[Run] = field(default_factory=list)

    def at(self, site: Site) -> list[Errand]:
        """Return the schedules of a site."""
        return [errand for errand in self.errands if errand.place.site == site]

    def begin(self, at: int) -> None:
        """Have every schedule start its tasks from now on."""
        for errand in self.errands:
            self._enter(errand, at)

    def _enter(self, errand: Errand, after: int) -> None:
        due = errand.spec.next(after)
        self.agenda.enter(due, partial(self._run, errand, due))

    def _run(self, errand: Errand, due: int, at: int) -> None:
        run = Run(errand.spec.name, *errand.place.site, due)
        self.runs.append(run)
        if not self.yard.missed[errand.key]:
            task = errand.start(at)
            run.task = task.id
            self._tell(errand, task, at)
            self._await(errand, task, run)
        self._enter(errand, due + 1)

    def _await(self, errand: Errand, task: Task, run: Run) -> None:
        lasts = int(errand.spec.lasts.total_seconds())
        due = task.times[Status.RUNNING] + lasts if task.running else task.due
        if due is not None:
            self.agenda.enter(due, partial(self._move, errand, task, run))

    def _move(self, errand: Errand, task: Task, run: Run, at: int) -> None:
        """Let a task take its next step; what has run for as long as it lasts exits."""
        if task.running:
            self._exit(errand, task, at)
        else:
            task.enter(NEXT[task.status], at)
        if task.status is Status.STOPPED:
            run.ended, run.exit_code = at, task.exit_code
            errand.tasks.remove(task)
            errand.stopped.append(task)
        self._tell(errand, task, at)
        self._await(errand, task, run)

    def _exit(self, errand: Errand, task: Task, at: int) -> None:
        task.exit_code = 1 if self.yard.failing[errand.key] else 0
        task.stopping, task.stop_code = True, StopCode.EXITED
        task.stopped_reason = "Essential container in task exited"
        task.enter(Status.DEPROVISIONING, at)

    def _tell(self, errand: Errand, task: Task, at: int) -> None:
        self.yard.bus.tell(at, errand.place.region, errand.place.account, task_state_change(errand, task, at))
