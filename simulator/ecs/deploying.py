"""How a deployment goes: begun, watched by circuit breaker and alarms, completed, failed or turned back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.ecs import shifting
from simulator.ecs.breaker import threshold
from simulator.ecs.configuration import rolls
from simulator.ecs.rollout import Deployment, Rollback, State, Status
from simulator.ecs.shift import Stage
from simulator.events import deployment_state_change

if TYPE_CHECKING:
    from simulator.ecs.service import Service
    from simulator.ecs.yard import Yard

STARTED = "SERVICE_DEPLOYMENT_IN_PROGRESS"
COMPLETED = "SERVICE_DEPLOYMENT_COMPLETED"
FAILED = "SERVICE_DEPLOYMENT_FAILED"
BREAKER = "ECS deployment circuit breaker"


def progress(service: Service, yard: Yard, at: int) -> None:
    """Move the deployment under way by one step."""
    deployment = service.deployment
    if deployment is None:
        return
    if deployment.status is Status.ROLLBACK_IN_PROGRESS:
        shifting.retreat(service, at)
    if deployment.status is Status.PENDING:
        begin(service, deployment, yard, at)
    elif deployment.status is Status.ROLLBACK_REQUESTED:
        turn_back(service, deployment, yard, at, "Rollback requested by the user")
    elif reason := failure(service, deployment, yard):
        fail(service, deployment, yard, at, reason)
    elif deployment.status is Status.IN_PROGRESS and (why := shifting.advance(service, deployment, yard, at)):
        turn_back(service, deployment, yard, at, why)
    elif (stands(service) or early(service, deployment)) and baked(service, deployment, yard, at):
        finish(service, deployment, yard, at)


def begin(service: Service, deployment: Deployment, yard: Yard, at: int) -> None:
    """Start: an alarm that is already in ALARM is not watched."""
    deployment.started_at = at
    deployment.ignored_alarms = watched(service, deployment, yard)
    rollout = deployment.rollout
    rollout.reason = f"ECS deployment {rollout.id} in progress."
    deployment.move(Status.IN_PROGRESS, at, "Service deployment in progress.")
    yard.tell(service, deployment_state_change(service, STARTED, rollout.id, at, rollout.reason), at)
    shifting.begin(service, deployment, yard, at)


def watched(service: Service, deployment: Deployment, yard: Yard) -> frozenset[str]:
    """Return which of the deployment's alarms are in ALARM now, if they are watched at all."""
    alarms = deployment.configuration.get("alarms") or {}
    covered = yard.aws.alarms_cover == "all" or rolls(deployment.configuration)
    if not (alarms.get("enable") and covered):
        return frozenset()
    return yard.alarms(service.place.site, alarms.get("alarmNames", ()))


def failure(service: Service, deployment: Deployment, yard: Yard) -> str:
    """Return why the deployment must be given up, or nothing."""
    breaker = deployment.configuration.get("deploymentCircuitBreaker") or {}
    covered = yard.aws.breaker_covers == "all" or rolls(deployment.configuration)
    if covered and breaker.get("enable") and service.primary.failed >= threshold(breaker, service.desired):
        deployment.tripped = True
        return f"{BREAKER}: task failed to start."
    if deployment.status is Status.IN_PROGRESS:
        fresh = watched(service, deployment, yard) - deployment.ignored_alarms
        if fresh:
            deployment.triggered_alarms = sorted(fresh)
            return f"ECS deployment alarms: {', '.join(sorted(fresh))} in ALARM."
    return ""


def fail(service: Service, deployment: Deployment, yard: Yard, at: int, reason: str) -> None:
    """Give up: turn back where that is set up and possible, else stand still."""
    yard.tell(service, deployment_state_change(service, FAILED, service.primary.id, at, reason), at)
    service.say(at, f"(deployment {service.primary.id}) deployment failed: {reason.partition(': ')[2]}")
    section = "alarms" if deployment.triggered_alarms else "deploymentCircuitBreaker"
    wanted = (deployment.configuration.get(section) or {}).get("rollback", False)
    if deployment.status is Status.ROLLBACK_IN_PROGRESS:
        service.primary.state = State.FAILED
        deployment.move(Status.ROLLBACK_FAILED, at, reason)
    elif wanted and deployment.fallback is not None:
        turn_back(service, deployment, yard, at, reason.partition(":")[0])
    else:
        service.primary.state = State.FAILED
        deployment.move(Status.STOPPED, at, reason)


def turn_back(service: Service, deployment: Deployment, yard: Yard, at: int, cause: str) -> None:
    """Make the last completed rollout the primary again: its tasks that still run are kept."""
    back = deployment.fallback
    if back is None:  # a first deployment has nothing to return to
        service.primary.state = State.FAILED
        deployment.move(Status.ROLLBACK_FAILED, at, "There is no completed deployment to roll back to.")
        return
    reason = f"{cause}: rolling back to deploymentId {back.id}."
    deployment.rollout.state, deployment.rollout.reason = State.FAILED, reason
    back.state, back.failed, back.reason, back.updated_at = State.IN_PROGRESS, 0, reason, at
    deployment.rollback = Rollback(reason, at, back.revision)
    deployment.move(Status.ROLLBACK_IN_PROGRESS, at, reason)
    service.rollouts = [*(rollout for rollout in service.rollouts if rollout is not back), back]
    service.strategy, service.retry_at, service.steady = back.revision.strategy, 0, False
    shifting.turn(service, deployment, yard, at)
    yard.tell(service, deployment_state_change(service, STARTED, back.id, at, reason), at)


def stands(service: Service) -> bool:
    """Whether the primary rollout serves alone and in full."""
    if service.shift is not None and service.shift.stage is not Stage.CLEAN_UP:
        return False
    live = [task for task in service.tasks if not task.stopping]
    return len(live) == service.desired and all(
        task.serving and task.rollout is service.primary for task in live
    )


def early(service: Service, deployment: Deployment) -> bool:
    """Whether enough new tasks serve for a deployment that need not wait for all, nor for the old to go."""
    criteria = deployment.configuration.get("earlySuccessCriteria") or {}
    if not criteria.get("enable") or deployment.shift or deployment.status is not Status.IN_PROGRESS:
        return False
    live = [task for task in service.tasks if not task.stopping]
    fresh = sum(task.serving and task.rollout is service.primary for task in live)
    blocked = criteria.get("sourceServiceRevisionCleanup") == "BLOCKING" and any(
        task.rollout is not service.primary for task in live
    )
    return not blocked and fresh * 100 >= service.desired * criteria.get("healthyPercent", 100)


def baked(service: Service, deployment: Deployment, yard: Yard, at: int) -> bool:
    """Whether its alarms were watched long enough; a rollback is not, and who moves traffic has a stage."""
    alarms = deployment.configuration.get("alarms") or {}
    turned = deployment.status is Status.ROLLBACK_IN_PROGRESS
    if not alarms.get("enable") or turned or deployment.shift is not None:
        return True
    if service.primary.ready_at is None:
        service.primary.ready_at = at
    return at >= service.primary.ready_at + yard.aws.alarm_bake.total_seconds()


def finish(service: Service, deployment: Deployment, yard: Yard, at: int) -> None:
    """Complete: forward or back."""
    rollout = service.primary
    forward = deployment.status is Status.IN_PROGRESS
    service.complete(rollout, at)
    outcome = Status.SUCCESSFUL if forward else Status.ROLLBACK_SUCCESSFUL
    deployment.move(outcome, at, "Service deployment completed." if forward else deployment.reason)
    service.say(at, f"(deployment {rollout.id}) deployment completed.")
    yard.tell(service, deployment_state_change(service, COMPLETED, rollout.id, at, rollout.reason), at)
    if forward:
        for hook in yard.succeeded:
            hook(service, deployment, at)
