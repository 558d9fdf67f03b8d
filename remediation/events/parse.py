"""Raw body to event.  Never fails: what is not understood is kept as it came, and acts on nothing.

Shapes: EventBridge events of ECS, CloudWatch, EC2, CodeDeploy and AWS Health
[https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html,
https://docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html].
People answer elsewhere: what says here that it is an answer proves nothing about who gave it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from collector.runs import TaskRun
from remediation.events.event import (
    AlarmChanged,
    CodeDeployChanged,
    ContainerInstanceChanged,
    DeploymentChanged,
    DeploymentPhase,
    Doubt,
    HealthCategory,
    HealthChanged,
    HookChanged,
    HookStatus,
    InstanceWarning,
    Origin,
    ServiceAction,
    TaskChanged,
    TaskEnd,
    Unrecognised,
)
from remediation.events.fields import (
    ITEMS_MAX,
    TEXT_MAX,
    Fields,
    arn_part,
    clean,
    moment,
    placement_of_deployment,
    placement_of_family,
    placement_of_group,
    placement_of_service,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from remediation.events.event import Event
    from slo.cells import Placement

#: What is longer is no event of AWS: EventBridge takes 256 KiB for an event, SQS 1 MiB for a message.
BODY_MAX = 262_144
#: Under this name we would speak ourselves; nobody may who only reaches a queue.
OURSELVES = "fournines"

_PHASES = {
    "SERVICE_DEPLOYMENT_IN_PROGRESS": DeploymentPhase.STARTED,
    "SERVICE_DEPLOYMENT_COMPLETED": DeploymentPhase.COMPLETED,
    "SERVICE_DEPLOYMENT_FAILED": DeploymentPhase.FAILED,
}

_HOOKS = {f"HOOK_{status.name}": status for status in HookStatus}

#: Stop codes that say all [StopTask, Task.stopCode in the ECS API model].
_ENDS = {
    "SpotInterruption": TaskEnd.SPOT_INTERRUPTION,
    "TerminationNotice": TaskEnd.SPOT_INTERRUPTION,
    "TaskFailedToStart": TaskEnd.FAILED_TO_START,
    "EssentialContainerExited": TaskEnd.CRASHED,
    "UserInitiated": TaskEnd.STOPPED_BY_USER,
}

#: ServiceSchedulerInitiated says nothing by itself: only the start of the reason tells.
_SCHEDULER_REASONS = {
    "Scaling activity initiated by": TaskEnd.SCALED_IN,
    "Task failed ELB health checks": TaskEnd.UNHEALTHY,
    "Task failed container health checks": TaskEnd.UNHEALTHY,
}

_OUT_OF_MEMORY_EXIT = 137


def parse(body: str) -> Event:
    """Return the event that the body tells, or `Unrecognised` with the reason."""
    if len(body) > BODY_MAX:
        why = f"{len(body)} characters are more than the {BODY_MAX} of an event of AWS"
        return Unrecognised(origin=_origin(Fields({}), body), why=why, doubt=Doubt.TOO_LARGE)
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        return _not_json(body, f"not JSON: {clean(str(error)[:200])}")
    if not isinstance(raw, dict):
        return _not_json(body, "not a JSON object")
    event = Fields(raw)
    origin = _origin(event, body)
    source, detail_type = event.text("source"), event.text("detail-type")
    if source == OURSELVES:
        why = "what comes by a queue proves nobody: answer with `fournines approve` or `hold`"
        return Unrecognised(origin=origin, why=why, doubt=Doubt.UNPROVEN_ANSWER)
    reader = _READERS.get((source, detail_type))
    if reader is None:
        why = f"no reader for {detail_type or 'no detail-type'!r} of {source!r}"
        return Unrecognised(origin=origin, why=why)
    return reader(origin, event, event.inner("detail"))


def _not_json(body: str, why: str) -> Unrecognised:
    return Unrecognised(origin=_origin(Fields({}), body), why=why, doubt=Doubt.NOT_JSON)


def _origin(event: Fields, body: str) -> Origin:
    arns = (*event.texts("resources"), event.inner("detail").text("clusterArn", "taskArn"))
    digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
    return Origin(
        id=event.text("id") or f"sha256-{digest[:32]}",
        account=event.text("account") or next((a for arn in arns if (a := arn_part(arn, 4))), ""),
        region=event.text("region") or next((r for arn in arns if (r := arn_part(arn, 3))), ""),
        at=moment(event.text("time")),
    )


def _service_arn(event: Fields, detail: Fields) -> str:
    """Return the ARN of the service that an event speaks of: its resource, or what stands beside it."""
    arns = (*event.texts("resources"), detail.text("serviceArn"))
    return next((arn for arn in arns if arn_part(arn, 5).startswith("service/")), "")


def _service(event: Fields, detail: Fields) -> Placement | None:
    """Return the placement of a service that is named by its ARN, or by its name beside its cluster."""
    cluster, arn = detail.text("clusterArn"), _service_arn(event, detail)
    if arn:
        return placement_of_service(arn, cluster)
    name = detail.text("serviceName", "service").rpartition("/")[2]
    return placement_of_group(f"service:{name}", cluster) if name else None


def _deployment(origin: Origin, event: Fields, detail: Fields) -> Event:
    name, reason = detail.text("eventName"), detail.text("reason")
    if name not in _PHASES:
        why = f"deployment event {name!r} is not known"
        return Unrecognised(origin=origin, why=why, doubt=Doubt.UNKNOWN_STATE)
    phase = _PHASES[name]
    if phase is DeploymentPhase.STARTED and "rolling back" in reason.lower():
        phase = DeploymentPhase.ROLLING_BACK  # the same name as a start: only the reason tells
    return DeploymentChanged(
        origin=origin,
        placement=_service(event, detail),
        deployment_id=detail.text("deploymentId"),
        phase=phase,
        reason=reason,
        service_arn=_service_arn(event, detail),
    )


def _hook(origin: Origin, event: Fields, detail: Fields) -> Event:
    name, deployment = detail.text("eventName"), detail.text("serviceDeploymentArn")
    if name not in _HOOKS:
        why = f"hook event {name!r} is not known"
        return Unrecognised(origin=origin, why=why, doubt=Doubt.UNKNOWN_STATE)
    return HookChanged(
        origin=origin,
        placement=placement_of_deployment(deployment) or _service(event, detail),
        deployment_arn=deployment,
        hook_id=detail.text("hookId"),
        status=_HOOKS[name],
        stage=detail.text("lifecycleStage"),
        expires_at=moment(detail.text("expiresAt")),
    )


def task_told(detail: Mapping[str, Any], placement: Placement) -> TaskChanged:
    """Return what ECS tells of a task when it is asked, as the event that would have told it."""
    task = Fields.of(detail)
    told = [moment(task.text(name)) for name in ("stoppingAt", "stoppedAt", "createdAt")]
    origin = Origin(
        id=f"{task.text('taskArn')}#{task.number('version')}",
        account=placement.account,
        region=placement.region,
        at=next((at for at in told if at is not None), None),
    )
    return _task(origin, task, task)


def _task(origin: Origin, _event: Fields, detail: Fields) -> TaskChanged:
    placement = placement_of_group(detail.text("group"), detail.text("clusterArn"))
    return TaskChanged(
        origin=origin,
        placement=placement,
        task_arn=detail.text("taskArn"),
        version=detail.number("version"),
        last_status=detail.text("lastStatus"),
        desired_status=detail.text("desiredStatus"),
        end=_end(detail),
        reason=detail.text("stoppedReason"),
        zone=detail.text("availabilityZone") or None,
        provider=detail.text("capacityProviderName") or None,
        task_definition=detail.text("taskDefinitionArn") or None,
        run=_run(origin, detail) if placement is None else None,
        started_at=moment(detail.text("startedAt")),
    )


def _run(origin: Origin, detail: Fields) -> TaskRun | None:
    """Return the run of a task outside any service; None where the event does not say enough of it."""
    of = placement_of_family(detail.text("taskDefinitionArn"), detail.text("clusterArn"))
    created_at = moment(detail.text("createdAt"))
    if of is None or created_at is None or origin.at is None:
        return None
    return TaskRun(
        of=of,
        arn=detail.text("taskArn"),
        created_at=created_at,
        told_at=origin.at,
        started_at=moment(detail.text("startedAt")),
        stopped_at=moment(detail.text("stoppedAt")),
        exits=tuple((one.text("name"), one.number("exitCode")) for one in detail.each("containers")),
        reason=detail.text("stoppedReason"),
    )


def _end(detail: Fields) -> TaskEnd:
    code, reason = detail.text("stopCode"), detail.text("stoppedReason")
    if not code and detail.text("desiredStatus") != "STOPPED":
        return TaskEnd.RUNNING
    if code == "ServiceSchedulerInitiated":
        return next(
            (end for start, end in _SCHEDULER_REASONS.items() if reason.startswith(start)), TaskEnd.OTHER
        )
    end = _ENDS.get(code, TaskEnd.OTHER)
    return TaskEnd.OUT_OF_MEMORY if end is TaskEnd.CRASHED and _out_of_memory(detail) else end


def _out_of_memory(detail: Fields) -> bool:
    """Out of memory is no stop code: the container's exit code and reason tell it together."""
    return any(
        container.number("exitCode") == _OUT_OF_MEMORY_EXIT
        and container.text("reason").startswith("OutOfMemory")
        for container in detail.each("containers")
    )


def _service_action(origin: Origin, event: Fields, detail: Fields) -> Event:
    return ServiceAction(
        origin=origin,
        placement=_service(event, detail),
        name=detail.text("eventName"),
        level=detail.text("eventType"),
        reason=detail.text("reason"),
        providers=detail.texts("capacityProviderArns"),
        service_arn=_service_arn(event, detail),
    )


def _alarm(origin: Origin, _event: Fields, detail: Fields) -> Event:
    metrics = [entry.inner("metricStat", "metric") for entry in detail.inner("configuration").each("metrics")]
    dimensions = {
        (clean(name[:TEXT_MAX]), dimension.text(name))
        for dimension in (metric.inner("dimensions") for metric in metrics)
        for name in itertools.islice(dimension.data, ITEMS_MAX)
    }
    return AlarmChanged(
        origin=origin,
        name=detail.text("alarmName"),
        state=detail.inner("state").text("value"),
        previous=detail.inner("previousState").text("value"),
        suppressed=bool(detail.inner("state").text("actionsSuppressedBy")),
        metrics=tuple(dict.fromkeys(name for metric in metrics if (name := metric.text("name")))),
        dimensions=tuple(sorted(dimensions)),
        changed_at=moment(detail.inner("state").text("timestamp")),
        rule=detail.inner("configuration").text("alarmRule"),
    )


def _instance(origin: Origin, event: Fields, detail: Fields) -> Event:
    return InstanceWarning(
        origin=origin,
        instance=detail.text("instance-id"),
        interrupted=event.text("detail-type") == "EC2 Spot Instance Interruption Warning",
    )


def _container_instance(origin: Origin, _event: Fields, detail: Fields) -> Event:
    return ContainerInstanceChanged(
        origin=origin,
        container_instance=detail.text("containerInstanceArn"),
        status=detail.text("status"),
        agent_connected=detail.data.get("agentConnected") is True,
    )


def _codedeploy(origin: Origin, _event: Fields, detail: Fields) -> Event:
    return CodeDeployChanged(
        origin=origin,
        application=detail.text("application"),
        deployment_group=detail.text("deploymentGroup"),
        deployment_id=detail.text("deploymentId"),
        state=detail.text("state"),
    )


def _health(origin: Origin, _event: Fields, detail: Fields) -> Event:
    region, category = detail.text("eventRegion"), detail.text("eventTypeCategory")
    told = detail.each("eventDescription")
    return HealthChanged(
        origin=replace(origin, region=region) if region else origin,
        arn=detail.text("eventArn"),
        service=detail.text("service"),
        code=detail.text("eventTypeCode"),
        category=HealthCategory(category) if category in set(HealthCategory) else HealthCategory.OTHER,
        region=region or origin.region,
        status=detail.text("statusCode"),
        text=told[0].text("latestDescription") if told else "",
        public=detail.text("eventScopeCode") == "PUBLIC",
        began_at=moment(detail.text("startTime")),
        ended_at=moment(detail.text("endTime")),
        entities=tuple(filter(None, (one.text("entityValue") for one in detail.each("affectedEntities")))),
    )


_READERS: dict[tuple[str, str], Callable[[Origin, Fields, Fields], Event]] = {
    ("aws.ecs", "ECS Task State Change"): _task,
    ("aws.ecs", "ECS Deployment State Change"): _deployment,
    ("aws.ecs", "ECS Hook State Change"): _hook,
    ("aws.ecs", "ECS Service Action"): _service_action,
    ("aws.ecs", "ECS Container Instance State Change"): _container_instance,
    ("aws.cloudwatch", "CloudWatch Alarm State Change"): _alarm,
    ("aws.ec2", "EC2 Spot Instance Interruption Warning"): _instance,
    ("aws.ec2", "EC2 Instance Rebalance Recommendation"): _instance,
    ("aws.codedeploy", "CodeDeploy Deployment State-change Notification"): _codedeploy,
    ("aws.health", "AWS Health Event"): _health,
}
