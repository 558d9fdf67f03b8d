"""The service scheduler: moves tasks on, starts what is missing, stops what is too much.

`tick` is called on the world's grid for every service that is not at rest.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from simulator import fate
from simulator.ecs import deploying
from simulator.ecs.breaker import resets
from simulator.ecs.capacity import missing
from simulator.ecs.rollout import State
from simulator.ecs.service import STOPPED_KEPT_S, Service
from simulator.ecs.task import HEALTHY_AFTER_S, NEXT, UNHEALTHY_AFTER_S, Status, StopCode, Task
from simulator.events import service_action, task_state_change

if TYPE_CHECKING:
    from simulator.ecs.rollout import Rollout
    from simulator.ecs.yard import Yard
    from simulator.estate import Place

#: How long the scheduler waits after capacity was refused: longer each time [our judgement; AWS states none].
RETRIES_S = (15, 30, 60)
#: Requests are cut off until the load balancer notices that a task is gone.
UNNOTICED_S = {StopCode.SPOT: 1.0, StopCode.EXITED: 5.0}
IMPAIRED_AFTER = 3
#: How ECS tells that the kernel killed a container for want of memory [ECS guide, stopped task errors].
KILLED, OUT_OF_MEMORY = 137, "OutOfMemoryError: Container killed due to memory usage"


def tick(service: Service, yard: Yard, at: int) -> bool:
    """Do what is due; return whether the service is still restless."""
    for task in service.tasks:
        move(service, task, yard, at)
    sweep(service, at)
    deploying.progress(service, yard, at)
    start_missing(service, yard, at)
    stop_surplus(service, yard, at)
    settle(service, yard, at)
    return not service.steady or any(task.restless for task in service.tasks)


def tell(service: Service, task: Task, yard: Yard, at: int) -> None:
    """Send a task's state to the bus."""
    yard.tell(service, task_state_change(service, task, at), at)


def move(service: Service, task: Task, yard: Yard, at: int) -> None:
    """Let a task take every step that is due."""
    if task.doom is not None and task.doom <= at:
        perish(service, task, yard, at)
    while task.due is not None and task.due <= at:
        if task.running:
            judge_health(service, task, yard, at)
        else:
            task.enter(
                NEXT[task.status], at, yard.behaviour(task.rollout.revision.task_definition).start_factor
            )
            if task.status is Status.RUNNING:
                run(service, task, yard, at)
            elif task.status is Status.STOPPED and task.exit_code is None:
                task.exit_code = 0
            tell(service, task, yard, at)


def run(service: Service, task: Task, yard: Yard, at: int) -> None:
    """Begin to run: health checks follow, and in a crash loop the end."""
    healthy = yard.behaviour(task.rollout.revision.task_definition).becomes_healthy
    task.due = at + task.wait(HEALTHY_AFTER_S if healthy else UNHEALTHY_AFTER_S, "health")
    lives = yard.crashing.get(service.place.index)
    behaviour = yard.behaviour(task.rollout.revision.task_definition)
    lives = lives or behaviour.lives_s
    fills = yard.leaking.get(service.place.index, behaviour.fills_s)
    if lives is not None:
        task.doom = at + task.wait((lives // 2, lives), "crash")
    elif fills is not None:
        task.leak(at, fills)


def judge_health(service: Service, task: Task, yard: Yard, at: int) -> None:
    """Take a task into service, or give it up."""
    task.due = None
    if yard.behaviour(task.rollout.revision.task_definition).becomes_healthy:
        task.healthy = True
        if resets(service.configuration.get("deploymentCircuitBreaker") or {}):
            task.rollout.failed = 0
        return
    task.rollout.failed += 1
    task.stop(at, StopCode.SCHEDULER, unhealthy(service.place))
    tell(service, task, yard, at)


def unhealthy(place: Place) -> str:
    """Return the words in which ECS gives up a task that never became healthy."""
    if place.balanced:
        return f"Task failed ELB health checks in (target-group {place.target_group_arn})"
    return "Task failed container health checks"


def perish(service: Service, task: Task, yard: Yard, at: int) -> None:
    """Let a task die without draining: taken by Spot, or crashed."""
    code = task.stop_code or StopCode.EXITED
    service.cut_off_s += UNNOTICED_S[code] * service.carries(task)
    if code is StopCode.SPOT:
        task.die(at, code, task.stopped_reason, 143)
    else:
        task.rollout.failed += not task.healthy
        full = task.memory(at) >= 1
        task.container_reason = OUT_OF_MEMORY if full else ""
        task.die(at, code, "Essential container in task exited", KILLED if full else 1)
        impair(service, yard, at)
    service.steady = False
    tell(service, task, yard, at)


def impair(service: Service, yard: Yard, at: int) -> None:
    """Count crashes; after several ECS says that it cannot keep the service's tasks running."""
    service.crashes += 1
    if service.crashes % IMPAIRED_AFTER == 0:
        service.say(at, "is unable to consistently start tasks successfully.")
        act = service_action(service, "SERVICE_TASK_START_IMPAIRED", at)
        yard.tell(service, act, at)


def sweep(service: Service, at: int) -> None:
    """Put stopped tasks aside, and forget those that ECS would have forgotten."""
    gone = [task for task in service.tasks if task.status is Status.STOPPED]
    if gone:
        service.stopped.extend(gone)
        service.tasks = [task for task in service.tasks if task.status is not Status.STOPPED]
    while service.stopped and service.stopped[0].times[Status.STOPPED] < at - STOPPED_KEPT_S:
        service.stopped.popleft()


def start_missing(service: Service, yard: Yard, at: int) -> None:
    """Start what is lacking of each rollout that tasks are kept for, as far as capacity allows."""
    if at < service.retry_at:
        return
    refused = [one for rollout in service.kept if (one := fill(service, rollout, yard, at))]
    if refused:
        refuse(service, refused[-1], yard, at)
    else:
        service.refusals = 0


def fill(service: Service, rollout: Rollout, yard: Yard, at: int) -> str | None:
    """Start what a rollout lacks, within the maximum percentage; return a provider that has no room."""
    live = [task for task in service.tasks if not task.stopping]
    mine = [task for task in live if task.rollout is rollout]
    maximum = service.configuration.get("maximumPercent", 200)
    room = max(service.desired, service.desired * maximum // 100) - len(live)
    if service.shift is not None:  # both colours run in full
        room = service.desired - len(mine)
    present = Counter(task.provider for task in mine)
    reaches = yard.aws.strategy_reaches == "next_placements"
    strategy = service.strategy if reaches else rollout.revision.strategy
    refused = None
    for provider, count in missing(strategy, service.desired, present).items():
        wanted = min(count, room)
        if wanted > 0 and yard.shortages.refuse(service.place.region, provider):
            refused = provider
        elif wanted > 0:
            start(service, rollout, Counter({provider: wanted}), yard, at)
            room -= wanted
    return refused


def start(service: Service, rollout: Rollout, wanted: Counter[str], yard: Yard, at: int) -> None:
    """Start tasks of a rollout on providers, in the zones that have fewest."""
    service.steady = False
    for provider in wanted.elements():
        open_zones = [name for name in service.place.zones if not yard.zones_out[name]]
        zones = Counter(task.zone for task in service.tasks if not task.stopping)
        zone = min(open_zones or service.place.zones, key=lambda name: (zones[name], name))
        task = Task(service.identity("task"), rollout, provider, zone, at)
        behaviour = yard.behaviour(rollout.revision.task_definition)
        task.enter(Status.PROVISIONING, at, behaviour.start_factor)
        service.tasks.append(task)
        tell(service, task, yard, at)


def refuse(service: Service, provider: str, yard: Yard, at: int) -> None:
    """Say that there is no capacity, and try again later."""
    service.steady = False
    service.retry_at = at + RETRIES_S[min(service.refusals, len(RETRIES_S) - 1)]
    service.refusals += 1
    service.say(at, "was unable to place a task. Reason: Capacity is unavailable at this time.")
    act = service_action(
        service, "SERVICE_TASK_PLACEMENT_FAILURE", at, reason="RESOURCE:FARGATE", provider=provider
    )
    yard.tell(service, act, at)


def stop_surplus(service: Service, yard: Yard, at: int) -> None:
    """Stop old tasks that new ones have replaced, and new ones beyond the desired count."""
    for task in replaced(service, at) if service.shift is None else left_behind(service, at):
        service.steady = False
        reason = f"Scaling activity initiated by (deployment {service.primary.id})"
        task.stop(at, StopCode.SCHEDULER, reason)
        tell(service, task, yard, at)


def left_behind(service: Service, at: int) -> list[Task]:
    """Return the tasks of rollouts that are not kept beside the other, and those beyond the desired count."""
    live, kept = [t for t in service.tasks if not t.stopping], service.shift.kept if service.shift else ()
    gone = [task for task in live if task.rollout not in kept and not task.protected(at)]
    beyond = (surplus([t for t in live if t.rollout is one], service.desired, at) for one in kept)
    return gone + [task for tasks in beyond for task in tasks]


def replaced(service: Service, at: int) -> list[Task]:
    """Return the old tasks that new ones have replaced, and the new ones beyond the desired count."""
    primary = service.primary
    if primary.state is State.FAILED:
        return []
    live = [task for task in service.tasks if not task.stopping]
    loose = [task for task in live if not task.protected(at)]
    old = [task for task in loose if task.rollout is not primary]
    new = [task for task in live if task.rollout is primary]
    floor = math.ceil(service.desired * service.configuration.get("minimumHealthyPercent", 100) / 100)
    spare = max(0, sum(task.serving for task in live) - floor)
    gone = [task for task in old if not task.serving] + [task for task in old if task.serving][:spare]
    return gone + surplus(new, service.desired, at)


def surplus(tasks: list[Task], desired: int, at: int) -> list[Task]:
    """Return the tasks beyond the desired count: those that do not serve yet first, then the youngest.

    Protected ones are kept, so that more may stay than are desired [ECS guide, task scale-in protection].
    """
    if len(tasks) <= desired:
        return []
    loose = [task for task in tasks if not task.protected(at)]
    ordered = sorted(loose, key=lambda task: (task.serving, -task.created_at, fate.digest(task.id)))
    return ordered[: len(tasks) - desired]


def settle(service: Service, yard: Yard, at: int) -> None:
    """Say so when everything that should serve does, and nothing else runs."""
    if service.steady or service.deployment is not None or service.primary.state is State.FAILED:
        return
    settled = [task for task in service.tasks if task.serving and not task.stopping]
    if len(settled) == len(service.tasks) == service.desired:
        service.steady, service.rollouts = True, [service.primary]
        service.say(at, "has reached a steady state.")
        act = service_action(service, "SERVICE_STEADY_STATE", at)
        yard.tell(service, act, at)
