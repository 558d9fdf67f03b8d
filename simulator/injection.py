"""How each kind of fault is brought about: it turns the world's knobs, and what it did is noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator import fate, fault
from simulator.agenda import Agenda
from simulator.ailments import FIRST_FULL, Ward
from simulator.calls import ACCEPTED, Call, Desk
from simulator.cloudwatch.service import CloudWatch
from simulator.ecs.configuration import rolls
from simulator.ecs.fleet import Fleet
from simulator.ecs.rollout import Behaviour, Deployment
from simulator.events import image, task_state_change
from simulator.fault import AnyFault
from simulator.hindrance import Hindrance
from simulator.materials import Lost, Materials
from simulator.moment import moment
from simulator.pulse import Level, Pulse
from simulator.reach import Reach

if TYPE_CHECKING:
    from collections import Counter

    from simulator.ecs.service import Service
    from simulator.ecs.task import Task
    from simulator.estate import Site

PIPELINE, OPERATOR = "ci-pipeline", "operator"
SPOT = "FARGATE_SPOT"
#: Spot takes tasks back one after the other, all within this time.
RECLAIM_SPREAD_S = 60
RAMP_STEP_S = 15

#: Kinds that set a figure rather than add to it: one that ends must leave it to whichever still runs.
SETTING = (
    fault.MetricsRevised,
    fault.PartialData,
    fault.ApiErrors,
    fault.ApiThrottling,
    fault.EventsLost,
    fault.EventsDuplicated,
    fault.EventsReordered,
)

Undo = Callable[[int], None]


@dataclass(slots=True, eq=False)
class Ordeal:
    """A fault as it was lived through.  Times are seconds since 1970.

    `began` is when it was brought about, `onset` when it could first do harm, `ended` when it was over;
    `definitions` are the task definitions that it brought in, `tasks` those that it let hang, each with the
    moment until which it was protected (or 0).
    """

    index: int
    fault: AnyFault
    placements: list[int]
    began: int | None = None
    onset: int | None = None
    ended: int | None = None
    definitions: set[str] = field(default_factory=set)
    tasks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Injector:
    """Brings faults about."""

    seed: int
    agenda: Agenda
    fleet: Fleet
    pulse: Pulse
    desk: Desk
    cloudwatch: CloudWatch
    hindrance: Hindrance
    reach: Reach
    materials: Materials
    ordeals: list[Ordeal] = field(default_factory=list)
    ward: Ward = field(init=False)

    def __post_init__(self) -> None:
        self.ward = Ward(self.seed, self.agenda, self.fleet, self.pulse, self.desk)

    def plan(self, faults: tuple[AnyFault, ...], start: int) -> None:
        """Enter every fault of a scenario into the agenda."""
        self.fleet.yard.succeeded.append(self._succeeded)
        self.fleet.yard.shifted.append(self._shifted)
        for index, each in enumerate(faults):
            where = each.where
            places = self.fleet.estate.matching(
                service=where.service, region=where.region, account=where.account
            )
            befallen = [] if isinstance(each, fault.ScheduleFault) else [place.index for place in places]
            ordeal = Ordeal(index, each, befallen)
            self.ordeals.append(ordeal)
            self.agenda.enter(start + int(each.at.total_seconds()), partial(self._begin, ordeal))

    def _begin(self, ordeal: Ordeal, at: int) -> None:
        ordeal.began = ordeal.onset = at
        undo = self._bring_about(ordeal, at)
        if isinstance(ordeal.fault, fault.Lasting):
            self.agenda.enter(
                at + int(ordeal.fault.duration.total_seconds()), partial(self._end, ordeal, undo)
            )

    def _end(self, ordeal: Ordeal, undo: Undo | None, at: int) -> None:
        ordeal.ended = at
        if undo is not None:
            undo(at)
        for other in self.ordeals:
            runs = other.began is not None and other.ended is None
            if runs and isinstance(other.fault, SETTING) and type(other.fault) is type(ordeal.fault):
                self._bring_about(other, at)

    def _bring_about(self, ordeal: Ordeal, at: int) -> Undo | None:  # noqa: C901, PLR0911, PLR0912 - one line per kind
        """Begin a fault; return what ends it."""
        match ordeal.fault:
            case fault.BadDeployment() as bad:
                moves = any(not rolls(service.configuration) for service in self._services(ordeal))
                ordeal.onset = None if bad.fails == "once_successful" or moves else at
                return self._deploy(
                    ordeal, Behaviour(bad.error_ratio, failing=bad.fails == "once_serving"), at
                )
            case fault.BrokenDeployment():
                return self._deploy(ordeal, Behaviour(becomes_healthy=False), at)
            case fault.SlowDeployment() as slow:
                return self._deploy(ordeal, Behaviour(start_factor=slow.start_factor), at)
            case fault.HealthyDeployment():
                return self._deploy(ordeal, Behaviour(), at)
            case fault.Redeployment():
                return self._deploy_again(ordeal, at)
            case fault.PartLost() as lost:
                return self._lose(ordeal, lost.part)
            case fault.ScaleIn() as less:
                return self._scale_in(ordeal, less.tasks, at)
            case fault.CrashLoop() as loop:
                if loop.revision == "new":
                    ordeal.onset = None
                    return self._deploy(ordeal, Behaviour(), at)
                return self._crash(ordeal, int(loop.lives.total_seconds()), at)
            case fault.OutOfMemory() as leaky:
                return self._leak(ordeal, leaky, at)
            case fault.StuckTasks() as stuck:
                ordeal.tasks = self.ward.hang(self._services(ordeal), stuck, ordeal.index, at)
                return None
            case fault.ZoneOutage() as out:
                return self.ward.break_zone(self._services(ordeal), out, at)
            case fault.SpotReclaim() as spot:
                return self._reclaim(ordeal, spot.share, at)
            case fault.CapacityShortage() as short:
                return self._run_short(ordeal, short, at)
            case fault.TrafficSurge() as surge:
                return self._surge(ordeal, surge, at)
            case fault.DependencyFailure() as outside:
                return self._push(Level.DEPENDENCY, ordeal.placements, outside.error_ratio)
            case fault.Latency() as slow:
                return self._push(Level.LATENCY, ordeal.placements, slow.factor - 1)
            case fault.AlbErrors() as balancer:
                return self._push(Level.ALB, ordeal.placements, balancer.error_ratio)
            case fault.ScheduleMissed() as missed:
                return self._hold_up(self.fleet.yard.missed, missed)
            case fault.ScheduleFailing() as failing:
                return self._hold_up(self.fleet.yard.failing, failing)
            case fault.MetricsDelay() as late:
                return add(self.hindrance.delay_s, ordeal.placements, late.by.total_seconds())
            case fault.MetricsOutage():
                return add(self.hindrance.outages, ordeal.placements, 1)
            case fault.MetricsRevised() as early:
                return self._revise(ordeal, early)
            case fault.PartialData() as partial_:
                return self._leave_out(ordeal, partial_.share)
            case fault.ApiErrors() as failing:
                return self._fail(ordeal, failing.share)
            case fault.ApiOutage():
                return self._darken(ordeal, at)
            case fault.ApiThrottling() as busy:
                return self._throttle(ordeal, busy.share)
            case fault.EventsLost() as lost:
                return self._disturb("lost_ratio", lost.share)
            case fault.EventsDuplicated() as twice:
                return self._disturb("twice_ratio", twice.share)
            case fault.EventsReordered() as held:
                return self._disturb("held_s", held.by.total_seconds())

    def _services(self, ordeal: Ordeal) -> list[Service]:
        return [self.fleet.services[index] for index in ordeal.placements]

    def _note(self, service: Service, caller: str, params: Mapping[str, Any], at: int) -> None:
        """Write down a call that somebody else made."""
        place = service.place
        whole = {"cluster": place.cluster, "service": place.service, **params}
        self.desk.made.append(
            Call(moment(at), caller, *place.site, "ecs", "UpdateService", whole, ACCEPTED, place.index)
        )

    def _deploy(self, ordeal: Ordeal, behaviour: Behaviour, at: int) -> Undo | None:
        """Have the pipeline deploy a new task definition that behaves like this."""
        for service in self._services(ordeal):
            place, definitions = service.place, self.fleet.definitions[service.place.site]
            definition = definitions.again(place, at, f"{image(place)}:2.0.{ordeal.index}")
            self.fleet.yard.behaviours[definition] = behaviour
            ordeal.definitions.add(definition)
            service.deploy(definition, at)
            self.fleet.wake(service)
            self._note(service, PIPELINE, {"taskDefinition": definition}, at)
        return None

    def _deploy_again(self, ordeal: Ordeal, at: int) -> Undo | None:
        """Have the pipeline deploy what it brought to each service before."""
        for service in self._services(ordeal):
            newest = self.fleet.definitions[service.place.site].find(service.place.service)
            definition = str(newest["taskDefinitionArn"])
            ordeal.definitions.add(definition)
            service.deploy(definition, at)
            self.fleet.wake(service)
            self._note(service, PIPELINE, {"taskDefinition": definition}, at)
        return None

    def _lose(self, ordeal: Ordeal, part: str) -> Undo | None:
        """Delete something that the revision which serves is made of: those that run stay, none can start."""
        for service in self._services(ordeal):
            place, definition = service.place, service.task_definition
            lost = {
                "image": [service.primary.revision.image.rpartition("/")[2]],
                "secret": place.spec.secrets,
                "parameter": place.spec.parameters,
            }
            if part == "task_definition":
                self.fleet.definitions[place.site].find(definition)["status"] = "INACTIVE"
                continue
            self.materials.lost |= {Lost(place.site, part, name) for name in lost[part]}
            self.fleet.yard.behaviours[definition] = Behaviour(becomes_healthy=False)
        return None

    def _succeeded(self, _: Service, deployment: Deployment, at: int) -> None:
        """Let a bad revision begin to fail some time after its deployment was successful."""
        for ordeal in self.ordeals:
            bad = ordeal.fault
            definition = deployment.target.task_definition
            if isinstance(bad, fault.CrashLoop) and definition in ordeal.definitions:
                self._begin_to_crash(ordeal, definition, int(bad.lives.total_seconds()), at)
            if isinstance(bad, fault.BadDeployment) and definition in ordeal.definitions:
                self.agenda.enter(
                    at + int(bad.after.total_seconds()), partial(self._begin_to_fail, ordeal, definition)
                )

    def _begin_to_crash(self, ordeal: Ordeal, definition: str, lives_s: int, at: int) -> None:
        """Let the tasks of a revision exit again and again until the fault ends."""
        ordeal.onset = at if ordeal.onset is None else ordeal.onset
        behaviour = self.fleet.yard.behaviours[definition]
        behaviour.lives_s = lives_s
        for service in self._services(ordeal):
            for task in service.tasks:
                if task.running and task.doom is None and task.rollout.revision.task_definition == definition:
                    task.doom = at + task.wait((0, lives_s), "first crash")
            self.fleet.wake(service)

    def _shifted(self, _: Service, deployment: Deployment, at: int) -> None:
        """Note when a revision that fails at once gets its first requests: before, it harms nobody."""
        for ordeal in self.ordeals:
            if deployment.target.task_definition in ordeal.definitions and ordeal.onset is None:
                behaviour = self.fleet.yard.behaviour(deployment.target.task_definition)
                ordeal.onset = at if behaviour.failing else None

    def _begin_to_fail(self, ordeal: Ordeal, definition: str, at: int) -> None:
        self.fleet.yard.behaviours[definition].failing = True
        ordeal.onset = at if ordeal.onset is None else ordeal.onset
        for service in self._services(ordeal):
            self.pulse.take(service, self.fleet.yard, at)

    def _scale_in(self, ordeal: Ordeal, tasks: int, at: int) -> Undo | None:
        """Have somebody set fewer tasks."""
        for service in self._services(ordeal):
            service.desired = max(1, service.desired - tasks)
            self.fleet.wake(service)
            self._note(service, OPERATOR, {"desiredCount": service.desired}, at)
        return None

    def _crash(self, ordeal: Ordeal, lives_s: int, at: int) -> Undo:
        """Let the tasks of a service exit again and again."""
        for service in self._services(ordeal):
            self.fleet.yard.crashing[service.place.index] = lives_s
            for task in service.tasks:
                if task.running and task.doom is None:
                    task.doom = at + task.wait((0, lives_s), "first crash")
            self.fleet.wake(service)

        def undo(_: int) -> None:
            for service in self._services(ordeal):
                self.fleet.yard.crashing.pop(service.place.index, None)
                for task in service.tasks:
                    task.doom = task.doom if task.stopping else None

        return undo

    def _leak(self, ordeal: Ordeal, leaky: fault.OutOfMemory, at: int) -> Undo:
        """Let the tasks that run leak, or deploy a revision whose tasks do."""
        fills_s = int(leaky.fills.total_seconds())
        ordeal.onset = at + int(fills_s * FIRST_FULL)
        if leaky.revision == "old":
            return self.ward.leak(self._services(ordeal), fills_s, at)
        behaviour = Behaviour(fills_s=fills_s)
        self._deploy(ordeal, behaviour, at)

        def undo(now: int) -> None:
            behaviour.fills_s = None
            self.ward.cure(self._services(ordeal), now)

        return undo

    def _reclaim(self, ordeal: Ordeal, share: float, at: int) -> Undo | None:
        """Take Spot tasks back, each with its warning, one after the other."""
        for service in self._services(ordeal):
            zone = ordeal.fault.where.zone
            spot = [
                t for t in service.tasks if t.provider == SPOT and not t.stopping and zone in {None, t.zone}
            ]
            spot.sort(key=lambda task: fate.digest(self.seed, "reclaim", ordeal.index, task.id))
            for task in spot[: round(share * len(spot))]:
                delay = task.wait((0, RECLAIM_SPREAD_S), "reclaim")
                self.agenda.enter(at + delay, partial(self._warn, service, task))
        return None

    def _warn(self, service: Service, task: Task, at: int) -> None:
        if not task.stopping and task.running:
            task.warn(at)
            self.fleet.yard.tell(service, task_state_change(service, task, at), at)
            self.fleet.wake(service)

    def _run_short(self, ordeal: Ordeal, short: fault.CapacityShortage, at: int) -> Undo:
        """Refuse new tasks in the regions meant, and take some of the running ones."""
        shortages = self.fleet.yard.shortages
        regions = self._regions(ordeal)
        for region in regions:
            shortages.begin(region, short.provider)
        if short.reclaim:
            self._reclaim(ordeal, short.reclaim, at)

        def undo(_: int) -> None:
            for region in regions:
                shortages.end(region, short.provider)

        return undo

    def _surge(self, ordeal: Ordeal, surge: fault.TrafficSurge, at: int) -> Undo:
        """Let traffic come up in steps, and down at once."""
        steps = max(1, int(surge.ramp.total_seconds()) // RAMP_STEP_S)
        each = (surge.factor - 1) / steps

        def step(_: int) -> None:
            self.pulse.push(Level.SURGE, ordeal.placements, each)

        for number in range(steps):
            self.agenda.enter(at + number * RAMP_STEP_S, step)
        return lambda _: self.pulse.push(Level.SURGE, ordeal.placements, 1 - surge.factor)

    def _push(self, level: Level, placements: list[int], by: float) -> Undo:
        self.pulse.push(level, placements, by)
        return lambda _: self.pulse.push(level, placements, -by)

    def _regions(self, ordeal: Ordeal) -> list[str]:
        return sorted({service.place.region for service in self._services(ordeal)})

    def _revise(self, ordeal: Ordeal, early: fault.MetricsRevised) -> Undo:
        """Let CloudWatch tell counts twice, the first time wrongly."""

        def turn(share: float, by_s: float) -> None:
            self.hindrance.first_share[ordeal.placements] = share
            self.hindrance.corrected_s[ordeal.placements] = by_s

        turn(early.share, early.by.total_seconds())
        return lambda _: turn(1.0, 0.0)

    def _leave_out(self, ordeal: Ordeal, share: float) -> Undo:
        def turn(ratio: float) -> None:
            for region in self._regions(ordeal):
                self.cloudwatch.leave_out(region, ratio)

        turn(share)
        return lambda _: turn(0.0)

    def _fail(self, ordeal: Ordeal, share: float) -> Undo:
        def turn(ratio: float) -> None:
            self.reach.failing.update(dict.fromkeys(self._regions(ordeal), ratio))

        turn(share)
        return lambda _: turn(0.0)

    def _darken(self, ordeal: Ordeal, at: int) -> Undo:
        """Let no API of the regions answer, and keep their events back."""
        regions, bus = self._regions(ordeal), self.fleet.yard.bus
        self.reach.dark.update(regions)
        for region in regions:
            bus.hold(region, at)

        def undo(until: int) -> None:
            self.reach.dark.subtract(regions)
            for region in regions:
                bus.release(region, until)

        return undo

    def _hold_up(self, counts: Counter[tuple[Site, str]], held: fault.ScheduleFault) -> Undo:
        """Hold a schedule up at every site meant."""
        where, sites = held.where, self.fleet.estate.sites
        keys = [
            (site, held.schedule)
            for site in sites
            if where.region in {None, site.region} and where.account in {None, site.account}
        ]
        counts.update(keys)
        return lambda _: counts.subtract(keys)

    def _throttle(self, ordeal: Ordeal, share: float) -> Undo:
        def turn(ratio: float, _: int = 0) -> None:
            for region in self._regions(ordeal):
                self.desk.throttled[region] = ratio
                self.cloudwatch.throttle(region, ratio)

        turn(share)
        return partial(turn, 0.0)

    def _disturb(self, name: str, figure: float) -> Undo:
        bus = self.fleet.yard.bus
        setattr(bus, name, figure)
        return lambda _: setattr(bus, name, 0.0)


def add(row: Any, placements: list[int], by: float) -> Undo:  # noqa: ANN401 - an array of either kind
    """Add to some cells; return what takes it off again."""
    row[placements] += by

    def undo(_: int) -> None:
        row[placements] -= by

    return undo
