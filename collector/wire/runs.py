"""The tasks of a family outside any service, as ECS tells of them: while they run, and for an hour more."""

from __future__ import annotations

from datetime import UTC
from itertools import chain
from typing import TYPE_CHECKING

from collector.runs import TaskRun
from collector.wire.discovery import chunks
from collector.wire.failures import translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import DesiredStatusType
    from mypy_boto3_ecs.type_defs import TaskTypeDef

    from slo.cells import Placement

#: [ECS DescribeTasks]
DESCRIBE_MAX = 100
#: In this order, so that a task that stops meanwhile is in one of the answers.
STATUSES: tuple[DesiredStatusType, ...] = ("RUNNING", "STOPPED")


def told(ecs: ECSClient, of: Placement, now: datetime) -> tuple[TaskRun, ...]:
    """Return the tasks that are filed under `of`.  Raises CollectError."""
    with translated("ecs"):
        arns = list(dict.fromkeys(chain.from_iterable(_listed(ecs, of, status) for status in STATUSES)))
        tasks = [
            task
            for part in chunks(arns, DESCRIBE_MAX)
            for task in ecs.describe_tasks(cluster=of.cluster, tasks=part)["tasks"]
        ]
    return tuple(_run(of, task, now) for task in tasks if not task.get("group", "").startswith("service:"))


def _listed(ecs: ECSClient, of: Placement, status: DesiredStatusType) -> Iterator[str]:
    family = of.service.partition(":")[2]
    pages = ecs.get_paginator("list_tasks").paginate(cluster=of.cluster, family=family, desiredStatus=status)
    for page in pages:
        yield from page["taskArns"]


def _run(of: Placement, task: TaskTypeDef, now: datetime) -> TaskRun:
    return TaskRun(
        of=of,
        arn=task["taskArn"],
        created_at=task["createdAt"].astimezone(UTC),
        told_at=now,
        started_at=_utc(task.get("startedAt")),
        stopped_at=_utc(task.get("stoppedAt")),
        exits=tuple((one.get("name", ""), one.get("exitCode")) for one in task.get("containers", ())),
        reason=task.get("stoppedReason", ""),
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
