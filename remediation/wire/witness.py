"""The Witness seam on ECS: tasks that stopped or are to stop, read as their events tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from collector.source import UnreachableError
from remediation.events.event import TaskChanged
from remediation.events.parse import task_told
from remediation.events.witness import Ends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecs import ECSClient

    from slo.cells import Placement

#: [ECS ListTasks, DescribeTasks]
PAGE_SIZE = 100
#: A service of 500 tasks that was just deployed has so many that stopped in the last hour.
PAGES_MAX = 5


class Clients(Protocol):
    """Makes clients that read."""

    def ecs(self, account: str, region: str) -> ECSClient:
        """Return a client of a region."""
        ...


class AwsWitness:
    """Asks ECS."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def ends(self, placement: Placement) -> Ends:
        """Return how tasks of a placement ended lately.  Raises CollectError."""
        try:
            return self._told(placement)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise UnreachableError(f"the tasks that ended of {placement} cannot be read: {error}") from error

    def _told(self, placement: Placement) -> Ends:
        ecs = self._clients.ecs(placement.account, placement.region)
        found = list[TaskChanged]()
        pages = ecs.get_paginator("list_tasks").paginate(
            cluster=placement.cluster,
            serviceName=placement.service,
            desiredStatus="STOPPED",
            PaginationConfig={"PageSize": PAGE_SIZE},
        )
        for number, page in enumerate(pages):
            if number == PAGES_MAX:
                return Ends(tuple(found), whole=False)
            if arns := page["taskArns"]:
                told = ecs.describe_tasks(cluster=placement.cluster, tasks=arns)["tasks"]
                found += [task_told(_written(task), placement) for task in told]
        return Ends(tuple(found))


def _written(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as an event would write it: with its moments as text."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in told.items()
    }
