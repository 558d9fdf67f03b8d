"""What ECS and CloudWatch tell: event bodies in AWS's shapes, without their envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from simulator import fate
from simulator.ecs.task import Status, Task
from simulator.moment import written

if TYPE_CHECKING:
    from simulator.bus import Event
    from simulator.ecs.rollout import Deployment, Revision
    from simulator.ecs.service import Service
    from simulator.ecs.shift import Hook
    from simulator.estate import Place

ECS = "aws.ecs"


class Owner(Protocol):
    """Whose tasks they are: a service's, or a schedule's."""

    @property
    def place(self) -> Place:
        """Where they run, and whose container they hold."""
        ...

    @property
    def group(self) -> str:
        """How ECS groups them."""
        ...


def task_arn(owner: Owner, task: Task) -> str:
    """Return a task's ARN."""
    return owner.place.arn("task", owner.place.cluster, task.id)


def task_state_change(owner: Owner, task: Task, at: int) -> Event:
    """Tell a task's status.  Order and duplicates show in `version`; there is no health status in it."""
    place, arn = owner.place, task_arn(owner, task)
    detail: dict[str, Any] = {
        "attachments": [
            {"id": fate.uuid(task.id, "eni"), "type": "eni", "status": "ATTACHED", "details": []}
        ],
        "availabilityZone": task.zone,
        "clusterArn": place.cluster_arn,
        "containers": [container(owner, task, arn)],
        "connectivity": "CONNECTED",
        "cpu": "1024",
        "createdAt": written(task.created_at),
        "desiredStatus": "STOPPED" if task.stopping else "RUNNING",
        "group": owner.group,
        "lastStatus": task.status.value,
        "memory": "2048",
        "overrides": {"containerOverrides": [{"name": place.service}]},
        **launched(place, task),
        "startedBy": task.rollout.id,
        "taskArn": arn,
        "taskDefinitionArn": task.rollout.revision.task_definition,
        "updatedAt": written(at),
        "version": task.version,
    }
    if Status.RUNNING in task.times:
        detail["startedAt"] = written(task.times[Status.RUNNING])
    if task.stop_code is not None:
        detail |= {
            "stopCode": task.stop_code.value,
            "stoppedReason": task.stopped_reason,
            "stoppingAt": written(at if task.stopping_at is None else task.stopping_at),
        }
    if task.status is Status.STOPPED:
        detail["stoppedAt"] = written(at)
    return {"source": ECS, "detail-type": "ECS Task State Change", "resources": [arn], "detail": detail}


def launched(place: Place, task: Task) -> dict[str, Any]:
    """Return what runs a task: Fargate by a capacity provider, or a host of one's own."""
    if not place.on_fargate:
        return {"launchType": task.provider}
    return {"launchType": "FARGATE", "capacityProviderName": task.provider, "platformVersion": "1.4.0"}


def container(owner: Owner, task: Task, arn: str) -> dict[str, Any]:
    """Return the task's only container."""
    place = owner.place
    status = task.status.value if task.running or task.status is Status.STOPPED else "PENDING"
    shape: dict[str, Any] = {
        "containerArn": place.arn("container", place.cluster, task.id, fate.uuid(task.id, "c")),
        "lastStatus": status,
        "name": place.service,
        "image": image(place),
        "imageDigest": image_digest(task.rollout.revision),
        "taskArn": arn,
        "cpu": "0",
    }
    if task.exit_code is not None:
        shape["exitCode"] = task.exit_code
    if task.container_reason:
        shape["reason"] = task.container_reason
    return shape


def image(place: Place) -> str:
    """Return the repository of a service's images."""
    return f"{place.account}.dkr.ecr.{place.region}.amazonaws.com/{place.service}"


def image_digest(revision: Revision) -> str:
    """Return the digest of the image that a revision runs: every region has the same of the same build."""
    return digest_of(revision.image or revision.task_definition)


def digest_of(image: str) -> str:
    """Return the digest of an image, whichever registry it is in."""
    return f"sha256:{fate.hexadecimal(64, 'image', image.rpartition('/')[2])}"


def deployment_state_change(service: Service, name: str, rollout: str, at: int, reason: str) -> Event:
    """Tell how a deployment goes; AWS names no cluster, no task definition, and starts like rollbacks."""
    detail = {
        "eventType": "ERROR" if name.endswith("FAILED") else "INFO",
        "eventName": name,
        "deploymentId": rollout,
        "updatedAt": written(at),
        "reason": reason,
    }
    return {
        "source": ECS,
        "detail-type": "ECS Deployment State Change",
        "resources": [service.place.service_arn],
        "detail": detail,
    }


def hook_state_change(service: Service, deployment: Deployment, hook: Hook, at: int) -> Event:
    """Tell that a deployment stands at a pause hook, or how that ended."""
    detail = {
        "eventType": "INFO",
        "eventName": f"HOOK_{hook.status}",
        "clusterArn": service.place.cluster_arn,
        "serviceDeploymentArn": deployment.arn,
        "hookId": hook.id,
        "targetType": "PAUSE",
        "lifecycleStage": hook.stage.value,
        "expiresAt": written(hook.expires_at),
        "updatedAt": written(at),
    }
    return {
        "source": ECS,
        "detail-type": "ECS Hook State Change",
        "resources": [service.place.service_arn],
        "detail": detail,
    }


#: The level of each service action [ECS guide, service events].
LEVELS = {
    "SERVICE_STEADY_STATE": "INFO",
    "SERVICE_DESIRED_COUNT_UPDATED": "INFO",
    "SERVICE_TASK_START_IMPAIRED": "WARN",
    "SERVICE_TASK_PLACEMENT_FAILURE": "ERROR",
}


def service_action(service: Service, name: str, at: int, *, reason: str = "", provider: str = "") -> Event:
    """Tell what the scheduler did or could not do."""
    place = service.place
    detail: dict[str, Any] = {"eventType": LEVELS[name], "eventName": name, "clusterArn": place.cluster_arn}
    if provider:
        detail["capacityProviderArns"] = [place.arn("capacity-provider", provider)]
    if reason:
        detail["reason"] = reason
    return {
        "source": ECS,
        "detail-type": "ECS Service Action",
        "resources": [place.service_arn],
        "detail": {**detail, "createdAt": written(at)},
    }
