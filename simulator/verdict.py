"""What each expected action looks like in the record of calls, and whether it achieved what it was for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from simulator.ecs.rollout import Status
from simulator.fault import Expect, Redeployment
from simulator.injection import SPOT, Ordeal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.calls import Call
    from simulator.world import World


def fits(expect: Expect, call: Call) -> bool:
    """Whether a call is a part of the expected action."""
    changed = set(call.params) - {"cluster", "service"}
    match expect:
        case Expect.ROLLBACK:
            redeployed = "taskDefinition" in changed and changed <= {
                "taskDefinition",
                "deploymentConfiguration",
            }
            turned = call.operation == "ContinueServiceDeployment" and call.params.get("action") == "ROLLBACK"
            stopped = call.operation == "StopServiceDeployment"
            return redeployed if call.operation == "UpdateService" else stopped or turned
        case Expect.SCALE_OUT:
            return call.operation == "RegisterScalableTarget"
        case Expect.SPOT_FALLBACK:
            return call.operation == "UpdateService" and changed <= {
                "capacityProviderStrategy",
                "forceNewDeployment",
            }
        case Expect.REPLACE_TASKS:
            return call.operation == "StopTask"
        case Expect.SHIFT_ZONE:
            return call.operation in {"StartZonalShift", "UpdateZonalShift", "CancelZonalShift"}
        case Expect.SHIFT_REGION | Expect.ESCALATE | Expect.NONE:
            return False
        case _:
            assert_never(expect)


def achieved(expect: Expect, world: World, ordeal: Ordeal, calls: list[Call]) -> bool:  # noqa: PLR0911 - one for each
    """Whether the accepted calls did what the fault asked for, on each of its placements."""
    by_place = {index: [call for call in calls if call.placement == index] for index in ordeal.placements}
    match expect:
        case Expect.ROLLBACK:
            met = (mine or turned_back(world, ordeal, index) for index, mine in by_place.items())
            return all(met) and not still_serving(world, ordeal)
        case Expect.SCALE_OUT:
            return all(raised_and_restored(world, index, mine) for index, mine in by_place.items())
        case Expect.SPOT_FALLBACK:
            return all(left_spot_and_returned(world, index, mine) for index, mine in by_place.items())
        case Expect.REPLACE_TASKS:
            return all(by_place.values()) and replaced(world, ordeal, calls)
        case Expect.SHIFT_ZONE:
            return all(left_and_returned(world, ordeal, index) for index in ordeal.placements)
        case Expect.SHIFT_REGION:
            return False
        case Expect.ESCALATE | Expect.NONE:
            return True
        case _:
            assert_never(expect)


def turned_back(world: World, ordeal: Ordeal, index: int) -> bool:
    """Whether ECS itself went back from the fault's deployment: then nothing was left to do."""
    return any(
        deployment.status is Status.ROLLBACK_SUCCESSFUL
        and deployment.target.task_definition in ordeal.definitions
        for deployment in world.service(index).deployments
    )


def replaced(world: World, ordeal: Ordeal, calls: list[Call]) -> bool:
    """Whether no task that hung serves still, and none was stopped that did not hang, or was protected."""
    stopped = [(str(c.params.get("task")).rsplit("/", 1)[-1], c.at.timestamp()) for c in calls]
    rightly = all(at >= ordeal.tasks.get(task, at + 1) for task, at in stopped) or not ordeal.tasks
    left = {task.id for index in ordeal.placements for task in world.service(index).tasks if task.serving}
    return rightly and not left & ordeal.tasks.keys()


def left_and_returned(world: World, ordeal: Ordeal, index: int) -> bool:
    """Whether the load balancer turned away from the fault's zone, and none of it is left in force.

    A service without a load balancer has nothing that could turn away.
    """
    place = world.estate.places[index]
    if not place.balanced:
        return True
    shifts = [s for s in world.shifting.shifts if s.arn == place.load_balancer_arn]
    return any(
        s.zone == ordeal.fault.where.zone and s.started >= (ordeal.began or 0) for s in shifts
    ) and not world.shifting.active(place.load_balancer_arn)


def still_serving(world: World, ordeal: Ordeal) -> bool:
    """Whether a task of the fault's own revisions gets requests; what was deployed again is another fault."""
    again = min((o.began or 0 for o in world.ordeals if _deploys_again(o, ordeal)), default=None)
    return any(
        world.service(index).carries(task)
        and task.rollout.revision.task_definition in ordeal.definitions
        and (again is None or task.created_at < again)
        for index in ordeal.placements
        for task in world.service(index).tasks
    )


def _deploys_again(other: Ordeal, ordeal: Ordeal) -> bool:
    brought = bool(other.definitions & ordeal.definitions)
    return other is not ordeal and isinstance(other.fault, Redeployment) and brought


def raised_and_restored(world: World, index: int, calls: Iterable[Call]) -> bool:
    """Whether the minimum was raised, and is what it was."""
    usual = world.estate.places[index].spec.minimum
    minima = [call.params["MinCapacity"] for call in calls if "MinCapacity" in call.params]
    return any(minimum > usual for minimum in minima) and world.scaling.targets[index].minimum == usual


def left_spot_and_returned(world: World, index: int, calls: Iterable[Call]) -> bool:
    """Whether the strategy was changed to one without Spot, and is what it was."""
    usual = world.estate.places[index].spec.strategy
    tried = [call.params.get("capacityProviderStrategy") for call in calls]
    left = any(given and not any(uses_spot(share) for share in given) for given in tried)
    return left and frozenset(world.service(index).strategy) == frozenset(usual)


def uses_spot(share: dict[str, Any]) -> bool:
    """Whether a line of a strategy places tasks on Spot."""
    return share.get("capacityProvider") == SPOT and bool(share.get("weight") or share.get("base"))


def gist(call: Call) -> str:
    """Return the part of a call that matters, short."""
    params = call.params
    if definition := params.get("taskDefinition"):
        return f"taskDefinition={str(definition).rsplit('/', 1)[-1]}"
    if strategy := params.get("capacityProviderStrategy"):
        shares = ", ".join(f"{share['capacityProvider']}={share.get('weight', 0)}" for share in strategy)
        return f"capacityProviderStrategy={shares}"
    if "MinCapacity" in params:
        return f"MinCapacity={params['MinCapacity']}"
    if zone := params.get("awayFrom"):
        return f"awayFrom={zone}, expiresIn={params.get('expiresIn')}"
    named = params.get("serviceDeploymentArn") or params.get("task") or params.get("zonalShiftId")
    return str(named).rsplit("/", 1)[-1] if named else ", ".join(sorted(set(params) - {"cluster", "service"}))
