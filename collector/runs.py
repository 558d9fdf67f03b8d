"""What ECS tells of a task outside any service: when it began and ended, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from slo.cells import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """Such a task as it was at `told_at`.  `exits` are its containers, with their exit codes if they had any.

    `of` names the family of its task definition, where it runs (`family_of`).
    """

    of: Placement
    arn: str
    created_at: datetime
    told_at: datetime
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    exits: tuple[tuple[str, int | None], ...] = ()
    reason: str = ""


def family_of(account: str, region: str, cluster: str, family: str) -> Placement:
    """Return what tasks of a family are filed under; no ECS service can have such a name."""
    return Placement(account, region, cluster, f"family:{family}")
