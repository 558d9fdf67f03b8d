"""What befalls single tasks and whole zones, as faults bring it about."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from simulator import fate
from simulator.calls import ACCEPTED, Call
from simulator.ecs.scheduler import unhealthy
from simulator.ecs.task import StopCode
from simulator.events import task_arn, task_state_change
from simulator.moment import moment

if TYPE_CHECKING:
    from simulator import fault
    from simulator.agenda import Agenda
    from simulator.calls import Desk
    from simulator.ecs.fleet import Fleet
    from simulator.ecs.service import Service
    from simulator.ecs.task import Task
    from simulator.pulse import Pulse

Undo = Callable[[int], None]
APPLICATION = "application"
#: What a zone loses it loses within this time, and requests are cut off for as long as it takes to notice.
LOSS_SPREAD_S, UNNOTICED_S = 60, 20.0
#: The first task of a leak is full after this part of the time that it takes.
FIRST_FULL = 0.45


class Ward:
    """Makes tasks ill."""

    def __init__(self, seed: int, agenda: Agenda, fleet: Fleet, pulse: Pulse, desk: Desk) -> None:
        self._seed, self._agenda, self._fleet, self._pulse, self._desk = seed, agenda, fleet, pulse, desk

    def leak(self, services: list[Service], fills_s: int, at: int) -> Undo:
        """Let the running tasks of services fill their memory, each at its own pace."""
        for service in services:
            self._fleet.yard.leaking[service.place.index] = fills_s
            for task in service.tasks:
                if task.running and task.doom is None and not task.stopping:
                    task.leak(at, task.wait((int(fills_s * FIRST_FULL / 0.9), fills_s), "leaks"))
            self._fleet.wake(service)

        def undo(now: int) -> None:
            for service in services:
                self._fleet.yard.leaking.pop(service.place.index, None)
            self.cure(services, now)

        return undo

    def cure(self, services: list[Service], at: int) -> None:
        """End a leak: what was filled so far is given back."""
        for service in services:
            for task in service.tasks:
                if task.fills is not None:
                    task.fills = None
                    task.doom = task.doom if task.stopping else None
        self._retake(services, at)

    def hang(self, services: list[Service], stuck: fault.StuckTasks, index: int, at: int) -> dict[str, int]:
        """Let tasks hang for good; return them with the moment until which each is protected (or 0)."""
        hanging: dict[str, int] = {}
        for service in services:
            tasks = [task for task in service.tasks if task.serving]
            tasks.sort(key=lambda task: fate.digest(self._seed, "stuck", index, task.id))
            for number, task in enumerate(tasks[: stuck.tasks]):
                task.ails, task.sick_since = stuck.error_ratio, at if stuck.shows else None
                hanging[task.id] = 0
                if number < stuck.protected:
                    hanging[task.id] = task.protected_until = at + int(stuck.protected_for.total_seconds())
                    self._note(service, task, stuck, at)
            self._pulse.take(service, self._fleet.yard, at)
            after = self._fleet.yard.aws.sick_replaced_after
            if after is not None and stuck.shows:
                for task in tasks[: stuck.tasks]:
                    due = at + int(after.total_seconds())
                    self._agenda.enter(due, partial(self._give_up, service, task))
        return hanging

    def break_zone(self, services: list[Service], out: fault.ZoneOutage, at: int) -> Undo:
        """Let a zone lose tasks, take no new ones, and fail requests in those that stay."""
        yard, zone, fails = self._fleet.yard, out.where.zone or "", out.error_ratio
        yard.zones_out[zone] += 1
        failing = [(service.place.index, zone) for service in services if fails]
        yard.zones_failing.update(dict.fromkeys(failing, fails))
        nodes = [(s.place.index, zone) for s in services if s.place.balanced and out.balancer_error_ratio]
        yard.nodes_failing.update(dict.fromkeys(nodes, out.balancer_error_ratio))
        for service in services:
            there = [task for task in service.tasks if task.zone == zone and not task.stopping]
            there.sort(key=lambda task: fate.digest(self._seed, "lost", task.id))
            for task in there[: round(out.lost * len(there))]:
                delay = task.wait((0, LOSS_SPREAD_S), "lost")
                self._agenda.enter(at + delay, partial(self._lose, service, task))
        self._retake(services, at)

        def undo(now: int) -> None:
            yard.zones_out[zone] -= 1
            for key in failing:
                yard.zones_failing.pop(key, None)
            for key in nodes:
                yard.nodes_failing.pop(key, None)
            self._retake(services, now)

        return undo

    def _retake(self, services: list[Service], at: int) -> None:
        for service in services:
            self._pulse.take(service, self._fleet.yard, at)

    def _lose(self, service: Service, task: Task, at: int) -> None:
        service.cut_off_s += UNNOTICED_S * task.serving
        self._give_up(service, task, at)

    def _give_up(self, service: Service, task: Task, at: int) -> None:
        """Let ECS stop a task whose checks fail."""
        if task.stopping:
            return
        task.stop(at, StopCode.SCHEDULER, unhealthy(service.place))
        self._fleet.yard.tell(service, task_state_change(service, task, at), at)
        self._fleet.wake(service)
        self._pulse.take(service, self._fleet.yard, at)

    def _note(self, service: Service, task: Task, stuck: fault.StuckTasks, at: int) -> None:
        """Write down that a task protected itself."""
        place, minutes = service.place, max(1, int(stuck.protected_for.total_seconds()) // 60)
        params = {
            "cluster": place.cluster,
            "tasks": [task_arn(service, task)],
            "protectionEnabled": True,
            "expiresInMinutes": minutes,
        }
        call = Call(
            at=moment(at),
            caller=APPLICATION,
            account=place.account,
            region=place.region,
            service="ecs",
            operation="UpdateTaskProtection",
            params=params,
            outcome=ACCEPTED,
            placement=place.index,
        )
        self._desk.made.append(call)
