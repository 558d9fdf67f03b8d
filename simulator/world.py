"""The living world: an estate that `step(now)` moves forward, and the record of all that was done to it.

Callers use
- `World(scenario, recording=None)`; `world.step(now) -> list[Delivery]`: move on to `now` (aware datetime);
  what reaches each region's event bus meanwhile, in order of arrival;
- `world.notices() -> list[Notice]`: what alarms sent to their SNS topics meanwhile;
- `world.materials.call(api, ...)`: images, secrets and parameters (ECR, Secrets Manager, SSM);
- `world.ecs.call(operation, params, region=, account=, caller=) -> dict`, and the same of `world.scaling`
  (Application Auto Scaling), `world.balancing` (ELBv2), `world.shifting` (ARC's zonal shift), `world.network`
  (the zones of EC2) and `world.tagging`: AWS's shapes as boto3 has them, errors as
  `simulator.refusal.Refusal`;
- `world.cloudwatch.call(operation, params, region=, account=, now=world.now, caller=)`;
- `world.rest(until, heed)`: live through quiet minutes at once, as far as nothing happens in them;
- `world.knock(placement) -> (status, seconds)`: what somebody who asks a service now is answered;
- `world.now`, `world.scenario`, `world.estate`, `world.calls`, `world.truth`, `world.ordeals`.

The same scenario and seed give the same world, however it is stepped: all changes are on a grid of 5 s.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from simulator import fate
from simulator.agenda import Agenda
from simulator.balancing import Balancing
from simulator.bus import Bus, Delivery
from simulator.calls import Call, Desk
from simulator.cloudwatch.notice import notices
from simulator.cloudwatch.service import CloudWatch
from simulator.cloudwatch.store import Arrival, Tasks, Telling
from simulator.demand import demand
from simulator.door import Doorway
from simulator.ecs.api import Ecs
from simulator.ecs.errands import Errands, errands
from simulator.ecs.fleet import Fleet
from simulator.ecs.task import GRID_S
from simulator.ecs.yard import Yard
from simulator.estate import build, tasks_for
from simulator.fault import Disturbance, OfEvents
from simulator.guard import guard
from simulator.hindrance import Hindrance
from simulator.injection import Injector, Ordeal
from simulator.lived import Lived
from simulator.materials import Materials
from simulator.moment import MINUTE_S, moment, seconds
from simulator.network import Network
from simulator.pulse import REST, Level, Pulse
from simulator.queues import Backlog, Queues
from simulator.reach import Reach
from simulator.scaling import Scaling
from simulator.serving import Load, Outcome, serve, slowdown
from simulator.shifting import Shifting
from simulator.tagging import Tagging
from simulator.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from numpy.typing import NDArray

    from simulator.cloudwatch.evaluation import Transition
    from simulator.cloudwatch.notice import Notice
    from simulator.demand import Row
    from simulator.ecs.service import Service
    from simulator.estate import Site
    from simulator.recording import Recording
    from simulator.scenario import Scenario

#: A long past is lived through in parts: a minute's chances take more memory than what comes of them.
PART_MINUTES = 360


class World:
    """One scenario, being lived through."""

    def __init__(self, scenario: Scenario, recording: Recording | None = None) -> None:
        self.scenario = scenario
        self.estate = build(scenario.estate, recording)
        self._at = seconds(scenario.start)
        places, aws = self.estate.places, scenario.aws
        self._demand = demand(scenario, self.estate, recording)
        expected = self._demand.expected(self._at // MINUTE_S)
        self._asked = self._at // MINUTE_S, expected
        desired = [tasks_for(place.spec, expected[place.index]) for place in places]
        self._reach = Reach(scenario.seed)
        self._desk = Desk(scenario.seed, self._reach, now=self._at)
        self._bus = Bus(scenario.seed, aws.event_lag.total_seconds())
        self.cloudwatch = CloudWatch(
            places,
            Telling(
                {name: lag.total_seconds() for name, lag in aws.metric_lag.items()},
                reports_zeros=aws.reports_zeros,
                clock_aligned=aws.clock_aligned,
                zones_of_balancers=aws.zone_of_counts == "balancer",
            ),
            retention=int(aws.metric_retention.total_seconds()) // MINUTE_S,
            alarm_lag_s=aws.alarm_lag.total_seconds(),
            desk=self._desk,
        )
        yard = Yard(aws, self._bus, self._alarming)
        guarded = scenario.estate.deployment_alarms
        self._fleet = Fleet(self.estate, yard, self._at, desired, alarms=guarded)
        self._agenda = Agenda()
        self.truth = Truth(self._at // MINUTE_S, len(places))
        scheduled = Errands(
            yard, self._agenda, errands(scenario.estate, self._fleet, self._at), self.truth.runs
        )
        self.ecs = Ecs(self._fleet, scheduled, self._desk)
        self.scaling = Scaling(self._fleet, self._desk)
        self.tagging = Tagging(self.estate, self._desk)
        self.balancing = Balancing(self.estate, self._desk)
        self.materials = Materials(places, self._fleet.definitions, self._desk, self._at)
        self.network = Network(self._desk)
        self._pulse = Pulse(len(places))
        self.shifting = Shifting(self._fleet, self._desk, self._agenda, self._pulse)
        self._queues = Queues(places)
        self._knocks = Counter[tuple[int, float]]()
        self._hindrance = Hindrance(len(places))
        self._notices: list[Notice] = []
        self._injector = Injector(
            scenario.seed,
            self._agenda,
            self._fleet,
            self._pulse,
            self._desk,
            self.cloudwatch,
            self._hindrance,
            self._reach,
            self.materials,
        )
        self._injector.plan(scenario.faults, self._at)
        scheduled.begin(self._at)
        for service in self._fleet.services:
            self._pulse.take(service, yard, self._at)
        self._live_in()
        self._pulse.turn()
        if guarded:
            guard(self.cloudwatch, self.estate, expected, self._at)
            self.cloudwatch.evaluate(self._at)  # they have been OK for long: nobody is told
        self._agenda.run(self._at)

    @property
    def now(self) -> datetime:
        """The time in the world."""
        return moment(self._desk.now)

    @property
    def calls(self) -> list[Call]:
        """Every call so far that changed the world, or tried to."""
        return self._desk.made

    @property
    def ordeals(self) -> list[Ordeal]:
        """Every fault of the scenario, as far as it was lived through."""
        return self._injector.ordeals

    def service(self, placement: int) -> Service:
        """Return a service as it really is: for judges, not for operators."""
        return self._fleet.services[placement]

    def admit(self, region: str) -> None:
        """Let a call of a service that is not ours through to a region.  Raises Refusal."""
        self._reach.admit(region)

    def knock(self, placement: int) -> tuple[int, float]:
        """Ask a service as its users do: return the status and the seconds that the answer took.

        Raises ValueError for a service that nobody can reach.
        """
        if not self._demand.requested[placement]:
            raise ValueError(f"nobody can reach {self.estate.places[placement]}: its front is none")
        self._knocks[placement, self._desk.now] += 1
        knock = (placement, self._desk.now, self._knocks[placement, self._desk.now])
        chance, pace = (
            fate.fraction(self.scenario.seed, "knock", *knock, what) for what in ("chance", "pace")
        )
        return self._doorway(placement).answer(chance, pace)

    def _doorway(self, placement: int) -> Doorway:
        """Return how a service fares now, by the levels that the open minute is served with."""
        level = self._pulse.level[:, placement]
        healthy = int(level[Level.CARRYING])
        asked = float(self._expected(self._at // MINUTE_S)[placement] * level[Level.SURGE])
        room = healthy * float(self._demand.task_capacity[placement])
        used = np.array(asked / max(room, 1.0))
        kept = (1.0 - level[Level.ERRING] / max(level[Level.CARRYING], 1.0)) * (1.0 - level[Level.DEPENDENCY])
        return Doorway(
            healthy=healthy,
            failing=1.0 - float(kept),
            cut_off=float(min(1.0, level[Level.ALB] + level[Level.NODES])),
            too_many=max(0.0, 1.0 - room / max(asked, 1.0)),
            median_s=float(self._demand.median_s[placement] * level[Level.LATENCY] * slowdown(used)),
        )

    def _expected(self, minute: int) -> Row:
        """Return what is expected of a minute, kept as long as it is asked for."""
        if self._asked[0] != minute:
            self._asked = minute, self._demand.expected(minute)
        return self._asked[1]

    def step(self, now: datetime) -> list[Delivery]:
        """Move on to `now`; return the events that arrived meanwhile, in order."""
        until = now.timestamp()
        if until < self._desk.now:
            raise ValueError(
                f"time does not run backwards: {now.isoformat()} is before {self.now.isoformat()}"
            )
        while (at := self._next(until)) is not None:
            self._pulse.pass_time(at - self._at)
            self._at = at
            self._desk.now = at
            self._knocks.clear()
            self._tick(at)
        self._desk.now = until
        return self._bus.deliver(until)

    def notices(self) -> list[Notice]:
        """Hand over what alarms sent to their topics since the last call."""
        sent, self._notices = self._notices, []
        return sent

    def _next(self, until: float) -> int | None:
        """Return the next tick at which something may change, if it is due."""
        tick = self._at + GRID_S
        if not self._fleet.restless:
            minute = (self._at // MINUTE_S + 1) * MINUTE_S
            act = self._agenda.next
            due = minute if act is None else min(minute, max(tick, -(-act // GRID_S) * GRID_S))
            tick = max(tick, due)
        return tick if tick <= until else None

    def _tick(self, at: int) -> None:
        if at % MINUTE_S == 0:
            self._close_minute(at)
        self._agenda.run(at)
        for index in self._fleet.tick(at):
            self._pulse.take(self._fleet.services[index], self._fleet.yard, at)

    def _close_minute(self, at: int) -> None:
        """Serve the minute that ends now; measure it, scale by it, and let alarms see it."""
        lived = self._lived(at // MINUTE_S - 1, 1, self._pulse.spent, self._queues)
        self.cloudwatch.record(lived.start, lived.outcome, lived.tasks, lived.arrival, lived.backlog)
        self.truth.add(lived.outcome, lived.known, lived.backlog.age_s)
        self._pulse.turn()
        self.scaling.consider(lived.cpu[0], lived.carrying, at)
        for transition in self.cloudwatch.evaluate(at):
            self._announce(transition, at)

    def _lived(self, start: int, count: int, spent: NDArray[np.float64], queues: Queues) -> Lived:
        """Serve minutes in each of which the levels came to so many unit-seconds, and measure them."""
        pulse, averages = self._pulse, spent / MINUTE_S
        asked = self._demand.offered(start, start + count, averages[Level.SURGE])
        healthy, carrying = averages[Level.HEALTHY], averages[Level.CARRYING]
        erring = averages[Level.ERRING] / np.maximum(carrying, 1e-9)
        backlog = queues.work(
            start,
            asked,
            carrying * self._demand.task_capacity,
            1.0 - (1.0 - erring) * (1.0 - averages[Level.DEPENDENCY]),
        )
        outcome = self._serve(
            start,
            Load(
                offered=self._demand.requests(asked),
                healthy=carrying,
                task_capacity=self._demand.task_capacity,
                dark_ratio=averages[Level.DARK],
                error_ratio=erring,
                messages=backlog.received.astype(np.float64),
                dependency_error_ratio=averages[Level.DEPENDENCY],
                abrupt_ratio=pulse.abrupt(averages),
                latency_factor=averages[Level.LATENCY],
                memory_ratio=averages[Level.MEMORY],
                median_s=self._demand.median_s,
                slow_s=self._demand.slow_s,
            ),
        )
        running, pending, desired, deployments, unhealthy, on_demand, spot = pulse.counts
        tasks = Tasks(
            healthy=healthy,
            healthy_minimum=pulse.least,
            healthy_maximum=pulse.most,
            unhealthy=unhealthy,
            running=running,
            pending=pending,
            desired=desired,
            deployments=deployments,
            spread=pulse.spread.told,
            on_demand=on_demand,
            spot=spot,
        )
        known = ~self._demand.missing(start, start + count)
        arrival = Arrival(
            delay_s=self._hindrance.delay_s,
            lost=self._hindrance.lost[None, :] | ~known[:, None],
            first_share=self._hindrance.first_share,
            corrected_s=self._hindrance.corrected_s,
        )
        return Lived(start, outcome, tasks, carrying, arrival, backlog, known)

    def rest(self, until: datetime, heed: Callable[[Lived], int] = len, grain: int = 1) -> None:
        """Live through whole minutes at once, if they pass so step by step and nothing happens in them.

        It ends at `until` or before: where a task moves, an act is due, an event arrives, a scaling or an
        alarm changes, or where `heed`, which is told what would be, lets no further minute pass; and only at
        a multiple of `grain` minutes since 1970.
        """
        start = self._at // MINUTE_S

        def whole(count: int) -> int:
            return max(0, (start + count) // grain * grain - start)

        count = whole(self._resting(seconds(until)) // MINUTE_S - start)
        if not count:
            return
        told = self._lived(start, count, self._pulse.level * MINUTE_S, copy.deepcopy(self._queues))
        count = whole(min(heed(told), self.scaling.still(told.cpu, told.carrying, self._at)))
        count = self.cloudwatch.rest(told.first(count), whole) if count else 0
        if not count:
            return
        if self._queues.any:  # the rest of what was tried did not happen
            self._lived(start, count, self._pulse.level * MINUTE_S, self._queues)
        kept = told.first(count)
        self.truth.add(kept.outcome, kept.known, kept.backlog.age_s)
        self.scaling.saw(kept.cpu, kept.carrying)
        self._at = self._desk.now = (start + count) * MINUTE_S

    @property
    def well(self) -> bool:
        """Whether whoever knocks at any door now is answered as at the best of times."""
        level, open_ = self._pulse.level, self._demand.requested
        resting = all((level[row] == rest).all() for row, rest in REST.items())
        return resting and not level[Level.ERRING].any() and bool((level[Level.CARRYING][open_] > 0).all())

    @property
    def hindered(self) -> bool:
        """Whether a fault is at work that blinds or hinders an observer, but for one of events."""
        under_way = (o for o in self.ordeals if o.began is not None and o.ended is None)
        return any(isinstance(o.fault, Disturbance) and not isinstance(o.fault, OfEvents) for o in under_way)

    def _resting(self, until: int) -> int:
        """Return until when at most nothing moves by itself, or now."""
        if self._at % MINUTE_S or self._desk.now != self._at or self._fleet.restless or not self._pulse.still:
            return self._at
        dues = (self._agenda.next, self._bus.next)
        return min([until, *(math.ceil(due) - 1 for due in dues if due is not None)])

    def _serve(self, minute: int, load: Load) -> Outcome:
        return serve(load, self.scenario.seed, minute)

    def _live_in(self) -> None:
        """Fill CloudWatch with the hours before the scenario: the estate has stood there for long."""
        now = self._at // MINUTE_S
        first = now - int(self.scenario.lived_in.total_seconds()) // MINUTE_S
        for start in range(first, now, PART_MINUTES):
            self._live_through(start, min(start + PART_MINUTES, now))

    def _live_through(self, start: int, end: int) -> None:
        """Serve quiet minutes all at once."""
        desired = np.array([float(service.desired) for service in self._fleet.services])
        offered = self._demand.offered(start, end)
        requests = self._demand.requests(offered)
        backlog = Backlog.steady(offered - requests)
        load = Load(
            offered=requests,
            messages=backlog.received.astype(np.float64),
            healthy=desired,
            task_capacity=self._demand.task_capacity,
            median_s=self._demand.median_s,
            slow_s=self._demand.slow_s,
        )
        *_, on_demand, spot = self._pulse.counts
        lost = np.broadcast_to(self._demand.missing(start, end)[:, None], load.offered.shape)
        tasks = replace(Tasks.steady(desired), on_demand=on_demand, spot=spot)
        self.cloudwatch.record(start, self._serve(start, load), tasks, Arrival(lost=lost), backlog)

    def _alarming(self, site: Site, names: Iterable[str]) -> frozenset[str]:
        return frozenset(n for n in names if self.cloudwatch.alarm_state(*site, n) == "ALARM")

    def _announce(self, transition: Transition, at: int) -> None:
        """Tell the bus that an alarm changed, and the topics of its actions."""
        event = {
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "resources": [transition.arn],
            "detail": transition.detail,
        }
        self._bus.tell(at, transition.region, transition.account, event)
        self._notices += notices(transition)
