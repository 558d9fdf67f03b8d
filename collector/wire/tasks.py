"""The tasks of services as ECS tells of each: on what they run, how they are, whether they are protected."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING, Any

from collector.estate import LaunchType, Task, TaskHealth
from collector.source import CollectError, UnreachableError
from collector.wire.failures import translated
from collector.wire.views import LAUNCH_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

    from slo.cells import Placement

    #: How many tasks of each service of a cluster, by its name, run on what.
    RunningOn = Mapping[str, Mapping[LaunchType, int]]

#: [ECS ListTasks, DescribeTasks, GetTaskProtection]
LIST_MAX = DESCRIBE_MAX = 100
#: A look at a cluster takes no more pages of tasks, so that it stays under the bucket of what reads clusters
#: (100 calls at once, two for a page; our assumption, AWS names ListTasks in none of its examples).
PAGES_MAX = 40
SERVICE = "service:"


def running_on(ecs: ECSClient, cluster: str, services: Sequence[ServiceTypeDef]) -> RunningOn:
    """Return on what the services of a cluster run.  Raises CollectError.

    Who has a launch type and no strategy runs on nothing else; who has a strategy is told by its tasks.
    """
    placed = [service for service in services if service["runningCount"] and _strategic(service)]
    named = {
        service["serviceName"]: {kind: service["runningCount"]}
        for service in services
        if not _strategic(service) and (kind := LAUNCH_TYPES.get(service.get("launchType", "")))
    }
    return (_counted(ecs, cluster) if placed else {}) | named


def of_service(ecs: ECSClient, placement: Placement) -> tuple[Task, ...] | None:
    """Return the tasks of a service that are to run; None when they cannot be read."""
    try:
        with translated("ecs"):
            told = [
                task
                for page in _pages(ecs, placement.cluster, serviceName=placement.service)
                for task in ecs.describe_tasks(cluster=placement.cluster, tasks=page)["tasks"]
            ]
    except CollectError:
        return None
    protected = _protected(ecs, placement.cluster, [task["taskArn"] for task in told])
    found = (_task(task, protected.get(task["taskArn"])) for task in told)
    return tuple(sorted(found, key=lambda task: task.arn))


def _protected(ecs: ECSClient, cluster: str, arns: Sequence[str]) -> dict[str, bool]:
    """Return which tasks are protected, as far as ECS tells it."""
    found: dict[str, bool] = {}
    try:
        with translated("ecs"):
            for start in range(0, len(arns), DESCRIBE_MAX):
                asked = list(arns[start : start + DESCRIBE_MAX])
                told = ecs.get_task_protection(cluster=cluster, tasks=asked)["protectedTasks"]
                found |= {each["taskArn"]: each["protectionEnabled"] for each in told}
    except CollectError:
        return found
    return found


def _task(told: TaskTypeDef, protected: bool | None) -> Task:  # noqa: FBT001 - what ECS said of it
    health, started_at = told.get("healthStatus", ""), told.get("startedAt")
    return Task(
        arn=told["taskArn"],
        status=told["lastStatus"],
        health=TaskHealth(health) if health in set(TaskHealth) else TaskHealth.UNKNOWN,
        zone=told.get("availabilityZone", ""),
        started_at=started_at.astimezone(UTC) if started_at else None,
        task_definition=told.get("taskDefinitionArn", ""),
        is_protected=protected,
    )


def _strategic(service: ServiceTypeDef) -> bool:
    """Whether capacity providers place tasks of the service."""
    return any(one.get("capacityProviderStrategy") for one in (service, *service.get("taskSets", ())))


def _counted(ecs: ECSClient, cluster: str) -> dict[str, Mapping[LaunchType, int]]:
    counts: dict[str, Counter[LaunchType]] = {}
    with translated("ecs"):
        for page in _pages(ecs, cluster):
            for task in ecs.describe_tasks(cluster=cluster, tasks=page)["tasks"]:
                kind, group = _kind(task), task.get("group", "")
                if kind is not None and group.startswith(SERVICE) and task["lastStatus"] == "RUNNING":
                    counts.setdefault(group.removeprefix(SERVICE), Counter())[kind] += 1
    return dict(counts)


def _pages(ecs: ECSClient, cluster: str, **only: Any) -> Iterator[Sequence[str]]:  # noqa: ANN401 - AWS's own
    """Yield the tasks that are to run, a page at a time."""
    pages = ecs.get_paginator("list_tasks").paginate(
        cluster=cluster, desiredStatus="RUNNING", PaginationConfig={"PageSize": LIST_MAX}, **only
    )
    for number, page in enumerate(pages):
        if number == PAGES_MAX:
            raise UnreachableError(f"cluster {cluster} has more than {PAGES_MAX * LIST_MAX} tasks")
        if page["taskArns"]:
            yield page["taskArns"]


def _kind(task: TaskTypeDef) -> LaunchType | None:
    """Return what a task runs on: by its capacity provider, else by its launch type."""
    if provider := task.get("capacityProviderName"):
        return LAUNCH_TYPES.get(provider, LaunchType.EC2)
    return LAUNCH_TYPES.get(task.get("launchType", ""))
