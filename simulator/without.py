"""The same scenario without us: ECS's own protections, and a person who acts half an hour after the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from simulator.ecs.rollout import Status
from simulator.estate import zone_ids
from simulator.fault import Expect
from simulator.moment import MINUTE_S, seconds
from simulator.refusal import Refusal
from simulator.scaling import DIMENSION, NAMESPACE, resource
from simulator.world import World

if TYPE_CHECKING:
    from simulator.ecs.rollout import Deployment
    from simulator.estate import Place
    from simulator.injection import Ordeal
    from simulator.lived import Lived
    from simulator.recording import Recording
    from simulator.scenario import Scenario

CALLER = "person"
#: A page fires at 14.4 budgets an hour, over one hour and over five minutes [SRE workbook] ...
BURN, LONG_MINUTES, SHORT_MINUTES = 14.4, 60, 5
#: ... some minutes after the fact, since metrics are late; then a person wakes up, looks, and understands.
PAGE_LAG_MINUTES, PERSON_MINUTES = 3, 30
#: Before this share of a page's burn, or with so few failures in a minute, nobody is near to being paged.
BURN_NEAR, CHANCE = 0.8, 2
#: So long is lived through at once while nothing is to be done.
REST = timedelta(hours=3)
#: A person scales out by this much.
MORE_TASKS = 2.0


@dataclass(slots=True, eq=False)
class Person:
    """Somebody on call, who is always right and never quick."""

    world: World
    due: dict[tuple[int, int], int] = field(default_factory=dict)
    done: set[tuple[int, int]] = field(default_factory=set)

    def look(self, minute: int) -> None:
        """See what is to be done at the start of a minute."""
        for ordeal in self.world.ordeals:
            if ordeal.onset is None or ordeal.fault.expect not in ACTS:
                continue
            for placement in ordeal.placements:
                key = (ordeal.index, placement)
                if key not in self.due and burning(self.world, placement):
                    self.due[key] = minute + PAGE_LAG_MINUTES + PERSON_MINUTES
                if minute >= self.due.get(key, minute + 1) and key not in self.done:
                    self._act(ordeal, placement, key)

    @property
    def busy(self) -> bool:
        """Whether anything is still to be done."""
        return bool(self.due.keys() - self.done)

    def heed(self, lived: Lived) -> int:
        """Return for how many minutes nobody would be paged: few enough of the requests fail."""
        outcome, allowed = lived.outcome, 1.0 - max(p.spec.objective for p in self.world.estate.places)
        # A window that burns holds a minute that does.
        burns = outcome.bad > np.maximum(BURN_NEAR * BURN * allowed * outcome.total, CHANCE)
        fails = burns.any(axis=1)
        return int(fails.argmax()) if fails.any() else len(lived)

    def _act(self, ordeal: Ordeal, placement: int, key: tuple[int, int]) -> None:
        try:
            if burning(self.world, placement):  # else it was over before anybody had looked
                ACTS[ordeal.fault.expect](self.world, placement)
        except Refusal:
            return  # tried again in the next minute
        self.done.add(key)


def burning(world: World, placement: int) -> bool:
    """Whether a page would fire now; of the time before the scenario nothing bad is known."""
    truth, allowed = world.truth, 1.0 - world.estate.places[placement].spec.objective
    for minutes in (LONG_MINUTES, SHORT_MINUTES):
        rows = truth.rows(truth.end - minutes, truth.end)
        bad, total = truth.bad[rows, placement], truth.total[rows, placement]
        usual = float(np.mean(total)) * minutes if len(total) else 0.0
        if not usual or float(bad.sum()) / usual < BURN * allowed:
            return False
    return True


def roll_back(world: World, placement: int) -> None:
    """Turn a deployment under way back, else deploy the definition of the last but one that went well."""
    place, under_way = world.estate.places[placement], world.service(placement).deployment
    if under_way is not None:
        turn_back(world, place, under_way)
        return
    stood = [d for d in world.service(placement).deployments if d.status is Status.SUCCESSFUL]
    params = {
        "cluster": place.cluster,
        "service": place.service,
        "taskDefinition": stood[-2].target.task_definition,
    }
    world.ecs.call("UpdateService", params, region=place.region, account=place.account, caller=CALLER)


def turn_back(world: World, place: Place, deployment: Deployment) -> None:
    """Have ECS go back to what ran before, at a pause hook by answering it."""
    hook = deployment.shift.waiting if deployment.shift else None
    operation, params = "StopServiceDeployment", {"serviceDeploymentArn": deployment.arn}
    if hook is not None:
        operation = "ContinueServiceDeployment"
        params |= {"hookId": hook.id, "action": "ROLLBACK"}
    world.ecs.call(operation, params, region=place.region, account=place.account, caller=CALLER)


def scale_out(world: World, placement: int) -> None:
    """Raise the minimum far enough."""
    place, target = world.estate.places[placement], world.scaling.targets[placement]
    wanted = min(target.maximum, round(world.service(placement).desired * MORE_TASKS))
    params = {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource(place),
        "ScalableDimension": DIMENSION,
        "MinCapacity": wanted,
    }
    world.scaling.call(
        "RegisterScalableTarget", params, region=place.region, account=place.account, caller=CALLER
    )


def leave_spot(world: World, placement: int) -> None:
    """Place new tasks on demand."""
    place = world.estate.places[placement]
    params = {
        "cluster": place.cluster,
        "service": place.service,
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
        "forceNewDeployment": True,
    }
    world.ecs.call("UpdateService", params, region=place.region, account=place.account, caller=CALLER)


def leave_zone(world: World, placement: int) -> None:
    """Turn the load balancer away from the zone in which most fails."""
    place = world.estate.places[placement]
    if not place.balanced or world.shifting.active(place.load_balancer_arn) is not None:
        return
    failing = {o.fault.where.zone for o in world.ordeals if placement in o.placements and o.fault.where.zone}
    names = zone_ids(*place.site)
    params = {
        "resourceIdentifier": place.load_balancer_arn,
        "awayFrom": names[next(iter(failing))],
        "expiresIn": "1h",
        "comment": CALLER,
    }
    world.shifting.call("StartZonalShift", params, region=place.region, account=place.account, caller=CALLER)


def replace_tasks(world: World, placement: int) -> None:
    """Stop the tasks that hang."""
    place = world.estate.places[placement]
    where = {"region": place.region, "account": place.account, "caller": CALLER}
    for task in [task for task in world.service(placement).tasks if task.ails and not task.stopping]:
        world.ecs.call("StopTask", {"cluster": place.cluster, "task": task.id}, **where)


ACTS = {
    Expect.ROLLBACK: roll_back,
    Expect.SCALE_OUT: scale_out,
    Expect.SPOT_FALLBACK: leave_spot,
    Expect.SHIFT_ZONE: leave_zone,
    Expect.REPLACE_TASKS: replace_tasks,
}


def live_without(scenario: Scenario, recording: Recording | None = None) -> World:
    """Live through a scenario with nobody but that person; return the world as it then is."""
    world = World(scenario, recording)
    person = Person(world)
    while world.now < scenario.end:
        if not person.busy:
            world.rest(min(scenario.end, world.now + REST), person.heed)
        if world.now < scenario.end:
            world.step(min(scenario.end, world.now + timedelta(minutes=1)))
            person.look(seconds(world.now) // MINUTE_S)
    return world
