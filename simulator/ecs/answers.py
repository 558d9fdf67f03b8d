"""What ECS answers: services, deployments, revisions and tasks in boto3's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator import fate
from simulator.ecs.breaker import threshold
from simulator.ecs.task import Status as TaskStatus
from simulator.ecs.task import Task
from simulator.events import container, image_digest, launched, task_arn
from simulator.moment import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.ecs.rollout import Deployment, Revision, Rollout
    from simulator.ecs.service import Service
    from simulator.ecs.shift import Shift
    from simulator.events import Owner
    from simulator.scenario import Share

Shape = dict[str, Any]
PLATFORM = "LATEST"
PORT = 8080


def strategy(shares: Iterable[Share]) -> list[Shape]:
    """Return a capacity provider strategy."""
    return [{"capacityProvider": s.provider, "weight": s.weight, "base": s.base} for s in shares]


def placed(service: Service, shares: Iterable[Share]) -> Shape:
    """Return where tasks are placed: by a strategy on Fargate, or on hosts of one's own."""
    if not service.place.on_fargate:
        return {"launchType": service.place.spec.launch.upper(), "capacityProviderStrategy": []}
    return {
        "capacityProviderStrategy": strategy(shares),
        "platformVersion": PLATFORM,
        "platformFamily": "Linux",
    }


def timed(**times: float | None) -> Shape:
    """Return the moments that are known."""
    return {name: moment(at) for name, at in times.items() if at is not None}


def counts(service: Service, rollout: Rollout) -> tuple[int, int]:
    """Return the running and pending tasks of a rollout."""
    mine = [task for task in service.tasks if task.rollout is rollout]
    return sum(task.running for task in mine), sum(task.starting for task in mine)


def load_balancers(service: Service) -> list[Shape]:
    """Return the target group that the service's tasks register with, if there is one."""
    place = service.place
    if not place.balanced:
        return []
    return [{"targetGroupArn": place.target_group_arn, "containerName": place.service, "containerPort": PORT}]


def connection(service: Service) -> Shape:
    """Return how Service Connect leads to a service, as its deployments tell it."""
    place = service.place
    if not place.meshed:
        return {}
    alias = {"port": PORT, "dnsName": place.service}
    reached = {"portName": "http", "discoveryName": place.service, "clientAliases": [alias]}
    namespace = fate.hexadecimal(16, "namespace", *place.site, place.cluster)
    return {
        "serviceConnectConfiguration": {
            "enabled": True,
            "namespace": place.arn("namespace", f"ns-{namespace}", api="servicediscovery"),
            "services": [reached],
        },
        "serviceConnectResources": [
            {
                "discoveryName": place.service,
                "discoveryArn": place.arn(
                    "service", f"srv-{fate.hexadecimal(16, 'discovery', place)}", api="servicediscovery"
                ),
            }
        ],
    }


def service(service: Service, *, tags: bool) -> Shape:
    """Describe a service."""
    place, deployment = service.place, service.deployment
    shape = {
        "serviceArn": place.service_arn,
        "serviceName": place.service,
        "clusterArn": place.cluster_arn,
        "loadBalancers": load_balancers(service),
        "serviceRegistries": [],
        "status": "ACTIVE",
        "desiredCount": service.desired,
        "runningCount": service.running,
        "pendingCount": service.pending,
        **placed(service, service.strategy),
        "taskDefinition": service.task_definition,
        "deploymentConfiguration": service.configuration,
        "deployments": [rollout(service, r) for r in reversed(service.rollouts)],
        "events": [{"id": m.id, "createdAt": moment(m.at), "message": m.text} for m in service.messages],
        "createdAt": moment(service.created_at),
        "currentServiceRevisions": [revision_summary(service, r) for r in reversed(service.rollouts)],
        "placementConstraints": [],
        "placementStrategy": [],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "enableECSManagedTags": True,
        "propagateTags": "SERVICE",
        "enableExecuteCommand": False,
        **service.settings,
    }
    if deployment is not None:
        shape["currentServiceDeployment"] = deployment.arn
    if tags:
        shape["tags"] = [{"key": key, "value": value} for key, value in place.tags.items()]
    return shape


def rollout(service: Service, rollout: Rollout) -> Shape:
    """Describe one entry of a service's `deployments`."""
    running, pending = counts(service, rollout)
    primary = rollout is service.primary
    return {
        "id": rollout.id,
        "status": "PRIMARY" if primary else "ACTIVE",
        "taskDefinition": rollout.revision.task_definition,
        "desiredCount": service.desired if primary or rollout in service.kept else 0,
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": rollout.failed,
        "createdAt": moment(rollout.created_at),
        "updatedAt": moment(rollout.updated_at),
        **placed(service, rollout.revision.strategy),
        "rolloutState": rollout.state.value,
        "rolloutStateReason": rollout.reason,
        **connection(service),
    }


def revision_summary(service: Service, rollout: Rollout) -> Shape:
    """Summarise a revision that has tasks or should have."""
    running, pending = counts(service, rollout)
    requested = service.desired if rollout is service.primary or rollout in service.kept else 0
    return {
        "arn": rollout.revision.arn,
        "requestedTaskCount": requested,
        "runningTaskCount": running,
        "pendingTaskCount": pending,
    }


def deployment_brief(service: Service, deployment: Deployment) -> Shape:
    """List a service deployment."""
    return {
        "serviceDeploymentArn": deployment.arn,
        "serviceArn": service.place.service_arn,
        "clusterArn": service.place.cluster_arn,
        "targetServiceRevisionArn": deployment.target.arn,
        "status": deployment.status.value,
        "statusReason": deployment.reason,
        **timed(
            createdAt=deployment.created_at,
            startedAt=deployment.started_at,
            finishedAt=deployment.finished_at,
        ),
    }


def deployment(service: Service, deployment: Deployment) -> Shape:
    """Describe a service deployment."""
    configured = deployment.configuration
    breaker, alarms = configured.get("deploymentCircuitBreaker"), configured.get("alarms")
    watching = "MONITORING" if deployment.is_open else "MONITORING_COMPLETE"
    shape = deployment_brief(service, deployment) | {
        "sourceServiceRevisions": [
            counted(service, revision) | weights(deployment, revision) for revision in deployment.sources
        ],
        "targetServiceRevision": counted(service, deployment.target)
        | {"requestedTaskCount": service.desired}
        | (weights(deployment, deployment.target) or {"requestedProductionTrafficWeight": 100.0}),
        "deploymentConfiguration": configured,
        **timed(updatedAt=deployment.updated_at, stoppedAt=deployment.stopped_at),
        **shifted(deployment.shift),
    }
    del shape["targetServiceRevisionArn"]
    if breaker is not None:
        shape["deploymentCircuitBreaker"] = {
            "status": "DISABLED"
            if not breaker.get("enable")
            else "TRIGGERED"
            if deployment.tripped
            else watching,
            "failureCount": deployment.rollout.failed,
            "threshold": threshold(breaker, service.desired),
        }
    if alarms is not None:
        shape["alarms"] = {
            "status": "DISABLED"
            if not alarms.get("enable")
            else "TRIGGERED"
            if deployment.triggered_alarms
            else watching,
            "alarmNames": list(alarms.get("alarmNames", ())),
            "triggeredAlarmNames": deployment.triggered_alarms,
        }
    if deployment.rollback is not None:
        back = deployment.rollback
        shape["rollback"] = {
            "reason": back.reason,
            "startedAt": moment(back.started_at),
            "serviceRevisionArn": back.revision.arn,
        }
    return shape


def shifted(shift: Shift | None) -> Shape:
    """Tell how far a deployment has come that moves traffic, and the hooks of its stage."""
    if shift is None:
        return {}
    hooks = [hook for hook in shift.hooks if hook.awaits or hook.stage is shift.stage]
    return {
        "lifecycleStage": shift.stage.told.value,
        "lifecycleHookDetails": [
            {
                "hookId": hook.id,
                "targetType": "PAUSE",
                "status": hook.status.value,
                "expiresAt": moment(hook.expires_at),
                "timeoutAction": hook.action,
            }
            for hook in hooks
        ],
    }


def weights(deployment: Deployment, revision: Revision) -> Shape:
    """Return the shares of the traffic that a revision is to get, where traffic moves."""
    shift = deployment.shift
    if shift is None:
        return {}
    green = revision is shift.green.revision
    blue = shift.blue is not None and revision is shift.blue.revision
    return {
        "requestedTestTrafficWeight": shift.test if green else 100.0 - shift.test if blue else 0.0,
        "requestedProductionTrafficWeight": shift.percent
        if green
        else 100.0 - shift.percent
        if blue
        else 0.0,
    }


def counted(service: Service, revision: Revision) -> Shape:
    """Summarise a revision with its tasks."""
    mine = [task for task in service.tasks if task.rollout.revision is revision]
    shift = service.shift
    beside = shift is not None and any(kept.revision is revision for kept in shift.kept)
    return {
        "arn": revision.arn,
        "requestedTaskCount": service.desired if beside else 0,
        "runningTaskCount": sum(task.running for task in mine),
        "pendingTaskCount": sum(task.starting for task in mine),
    }


def revision(service: Service, revision: Revision) -> Shape:
    """Describe a service revision."""
    return {
        "serviceRevisionArn": revision.arn,
        "serviceArn": service.place.service_arn,
        "clusterArn": service.place.cluster_arn,
        "taskDefinition": revision.task_definition,
        **placed(service, revision.strategy),
        "loadBalancers": load_balancers(service),
        "containerImages": [
            {
                "containerName": service.place.service,
                "imageDigest": image_digest(revision),
                "image": revision.image,
            }
        ],
        "guardDutyEnabled": False,
        "createdAt": moment(revision.created_at),
    }


def health(task: Task) -> str:
    """Return what the health check of a task's own container says."""
    if task.sick_since is not None and task.running:
        return "UNHEALTHY"
    return "HEALTHY" if task.serving else "UNKNOWN"


def task(owner: Owner, task: Task) -> Shape:
    """Describe a task."""
    arn = task_arn(owner, task)
    shape = {
        "taskArn": arn,
        "clusterArn": owner.place.cluster_arn,
        "taskDefinitionArn": task.rollout.revision.task_definition,
        "availabilityZone": task.zone,
        **launched(owner.place, task),
        "group": owner.group,
        "startedBy": task.rollout.id,
        "lastStatus": task.status.value,
        "desiredStatus": "STOPPED" if task.stopping else "RUNNING",
        "healthStatus": health(task),
        "cpu": "1024",
        "memory": "2048",
        "containers": [container(owner, task, arn)],
        "overrides": {"containerOverrides": []},
        "version": task.version,
        **timed(
            createdAt=task.created_at,
            startedAt=task.times.get(TaskStatus.RUNNING),
            stoppingAt=task.stopping_at,
            stoppedAt=task.times.get(TaskStatus.STOPPED),
        ),
    }
    if task.stop_code is not None:
        shape |= {"stopCode": task.stop_code.value, "stoppedReason": task.stopped_reason}
    return shape
