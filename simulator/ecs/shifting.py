"""How a deployment that moves traffic goes on: stage by stage, step by step, and back within seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.ecs.configuration import rolls
from simulator.ecs.rollout import Status
from simulator.ecs.shift import ALL, ENOUGH, STAGES, Hook, HookStatus, Shift, Stage, full
from simulator.events import hook_state_change
from simulator.moment import MINUTE_S
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from simulator.ecs.rollout import Deployment
    from simulator.ecs.service import Service
    from simulator.ecs.yard import Yard

CONTINUE, ROLLBACK = "CONTINUE", "ROLLBACK"
#: The shares that the first steps of a strategy move, and how long each is looked at [ECS API, defaults].
STEP_PERCENT, STEP_BAKE_MINUTES = 10.0, 6
CANARY_PERCENT, CANARY_BAKE_MINUTES = 5.0, 10


def begin(service: Service, deployment: Deployment, yard: Yard, at: int) -> None:
    """Set traffic up to move, unless tasks are replaced one by one.

    What was deployed halfway before is given up: traffic rests on what was completed last, if that runs.
    """
    before, blue = service.shift, deployment.fallback
    if rolls(deployment.configuration):
        service.shift = None
        return
    if before is not None and not full(service.tasks, blue, service.desired, ENOUGH):
        blue = deployment.fallback = before.green
    first = Stage.RECONCILE_SERVICE if len(deployment.sources) > 1 else Stage.PRE_SCALE_UP
    service.shift = deployment.shift = Shift(blue, deployment.rollout, first, at)
    enter(service, deployment, yard, first, at)


def advance(service: Service, deployment: Deployment, yard: Yard, at: int) -> str:
    """Go on where a stage is done; return why the deployment must be turned back, or nothing."""
    shift = deployment.shift
    if shift is None:
        return ""
    if (hook := shift.waiting) is not None:
        return expire(service, deployment, yard, hook, at) if at >= hook.expires_at else ""
    if done(service, deployment, yard, at):
        enter(service, deployment, yard, STAGES[STAGES.index(shift.stage) + 1], at)
    return ""


def enter(service: Service, deployment: Deployment, yard: Yard, stage: Stage, at: int) -> None:
    """Begin a stage, and stand still where a hook says so."""
    shift = moving(deployment)
    hook = shift.enter(stage, at, deployment.configuration.get("lifecycleHooks") or ())
    if stage is Stage.TEST_TRAFFIC_SHIFT:
        shift.test = ALL
    elif stage is Stage.PRODUCTION_TRAFFIC_SHIFT:
        step(service, deployment, yard, at)
    if hook is not None:
        yard.tell(service, hook_state_change(service, deployment, hook, at), at)


def done(service: Service, deployment: Deployment, yard: Yard, at: int) -> bool:
    """Whether what a stage is for is done; its last stage ends with the deployment."""
    shift = moving(deployment)
    match shift.stage:
        case Stage.RECONCILE_SERVICE:
            known = (shift.blue, shift.green)
            return all(task.stopping or task.rollout in known for task in service.tasks)
        case Stage.SCALE_UP:
            return full(service.tasks, shift.green, service.desired)
        case Stage.PRODUCTION_TRAFFIC_SHIFT:
            if shift.percent < ALL and at >= shift.since + step_s(deployment):
                step(service, deployment, yard, at)
            return shift.percent >= ALL
        case Stage.BAKE_TIME:
            return at >= shift.since + bake_s(deployment, yard)
        case Stage.CLEAN_UP:
            return False
        case _:
            return True


def step(service: Service, deployment: Deployment, yard: Yard, at: int) -> None:
    """Move the next share of the traffic."""
    shift, configuration = moving(deployment), deployment.configuration
    before = shift.percent
    linear, canary = (configuration.get(f"{kind}Configuration") or {} for kind in ("linear", "canary"))
    match configuration["strategy"]:
        case "LINEAR":
            shift.percent = min(ALL, before + linear.get("stepPercent", STEP_PERCENT))
        case "CANARY" if not before:
            shift.percent = canary.get("canaryPercent", CANARY_PERCENT)
        case _:
            shift.percent = ALL
    shift.since = at
    for told in yard.shifted if not before else ():
        told(service, deployment, at)


def step_s(deployment: Deployment) -> int:
    """Return how long a share is looked at before the next is moved."""
    linear, canary = (
        deployment.configuration.get(f"{kind}Configuration") or {} for kind in ("linear", "canary")
    )
    if deployment.configuration["strategy"] == "LINEAR":
        return int(linear.get("stepBakeTimeInMinutes", STEP_BAKE_MINUTES)) * MINUTE_S
    return int(canary.get("canaryBakeTimeInMinutes", CANARY_BAKE_MINUTES)) * MINUTE_S


def bake_s(deployment: Deployment, yard: Yard) -> float:
    """Return how long both colours run once all traffic has moved, as the world's AWS reads its documents."""
    if yard.aws.bake_time == "configured":
        return float(deployment.configuration.get("bakeTimeInMinutes") or 0) * MINUTE_S
    watches = (deployment.configuration.get("alarms") or {}).get("enable")
    covered = yard.aws.alarms_cover == "all"
    return yard.aws.alarm_bake.total_seconds() if watches and covered else 0.0


def expire(service: Service, deployment: Deployment, yard: Yard, hook: Hook, at: int) -> str:
    """Do what a hook's configuration says when nobody answered."""
    hook.status = HookStatus.TIMED_OUT
    yard.tell(service, hook_state_change(service, deployment, hook, at), at)
    return "" if hook.action == CONTINUE else f"Lifecycle hook {hook.id} timed out"


def answer(service: Service, deployment: Deployment, yard: Yard, word: tuple[str, str], at: int) -> None:
    """Let somebody answer a hook, by its id and an action.  Raises Refusal."""
    identity, action = word
    hook = deployment.shift.waiting if deployment.shift else None
    if hook is None or hook.id != identity or deployment.status is not Status.IN_PROGRESS:
        raise Refusal("InvalidParameterException", f"The hook {identity} does not await an action.")
    hook.status = HookStatus.SUCCEEDED if action == CONTINUE else HookStatus.FAILED
    yard.tell(service, hook_state_change(service, deployment, hook, at), at)
    if action == ROLLBACK:
        deployment.move(Status.ROLLBACK_REQUESTED, at, "Rollback requested by the user.")


def turn(service: Service, deployment: Deployment, yard: Yard, at: int) -> None:
    """Send traffic the other way: at once where the earlier tasks run, else as soon as they do."""
    shift = deployment.shift
    if shift is None:
        return
    if (hook := shift.waiting) is not None:
        hook.status = HookStatus.FAILED
        yard.tell(service, hook_state_change(service, deployment, hook, at), at)
    shift.returning, shift.stage, shift.since = True, Stage.PRODUCTION_TRAFFIC_SHIFT, at
    retreat(service, at)


def retreat(service: Service, at: int) -> None:
    """Move traffic back once enough of the earlier tasks serve."""
    shift = service.shift
    if shift is None or not shift.returning or shift.stage is Stage.CLEAN_UP:
        return
    if full(service.tasks, shift.blue, service.desired, ENOUGH):
        shift.percent = shift.test = 0.0
        shift.stage, shift.since = Stage.CLEAN_UP, at


def moving(deployment: Deployment) -> Shift:
    """Return how a deployment's traffic moves: whoever asks knows that it does."""
    if deployment.shift is None:
        raise ValueError(f"{deployment.arn} moves no traffic")
    return deployment.shift
