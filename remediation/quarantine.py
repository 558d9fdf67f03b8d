"""Revisions that were turned back: nobody returns to them, and nobody deploys them again unasked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from collector.estate import Revision


#: How what is deployed may be named: by the digest of an image, or as a task definition.
DIGEST = re.compile(r"(?:[^@\s]+@)?(?P<digest>sha256:[0-9a-f]{64})")
TASK_DEFINITION = re.compile(
    r"(?:arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition/)?[A-Za-z0-9_-]{1,255}:[1-9]\d*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A task definition and the digests of its images, since when, by whom and why.

    `id` is what turned it back: a run of ours, or ECS's deployment.  A release is kept beside it.
    """

    id: str
    placement: Placement
    task_definition: str
    digests: tuple[str, ...]
    at: datetime
    who: str
    why: str
    incident: str | None = None
    released_at: datetime | None = None
    released_by: str = ""
    released_why: str = ""

    @property
    def held(self) -> bool:
        """Whether nobody has released it."""
        return self.released_at is None

    @property
    def short(self) -> str:
        """The task definition as family and revision."""
        return short(self.task_definition)

    @property
    def sentence(self) -> str:
        """What it is, since when, and why."""
        where = f"{self.placement.service} in {self.placement.region}"
        return f"{self.short} of {where} is in quarantine since {self.at:%Y-%m-%d %H:%M} UTC: {self.why}"

    def same(self, other: Quarantined) -> bool:
        """Whether this keeps the same task definition of the same placement in quarantine already."""
        mine = (self.placement, self.task_definition)
        return self.held and mine == (other.placement, other.task_definition)

    def meets(self, revision: Revision) -> bool:
        """Whether a revision is this one, or runs one of its images."""
        return revision.task_definition == self.task_definition or bool(
            revision.digests.intersection(self.digests)
        )

    def named_by(self, names: Collection[str], placements: Collection[Placement]) -> bool:
        """Whether one of the names is meant: a digest anywhere, an ARN, or `family:revision` where it was."""
        by_short = self.short in names and any(
            (place.account, place.region) == (self.placement.account, self.placement.region)
            for place in placements
        )
        return by_short or self.task_definition in names or not set(names).isdisjoint(self.digests)


def named(task_definition: str | None, digests: Iterable[str]) -> frozenset[str]:
    """Return the names of what is to be deployed.  Raises ValueError for what names nothing."""
    names = set[str]()
    if task_definition is not None:
        if TASK_DEFINITION.fullmatch(task_definition) is None:
            raise ValueError(
                f"expected a task definition, as ARN or family:revision, got {task_definition!r}"
            )
        names.add(task_definition)
    for digest in digests:
        found = DIGEST.fullmatch(digest)
        if found is None:
            raise ValueError(f"expected a digest such as sha256:... of 64 hexadecimal digits, got {digest!r}")
        names.add(found["digest"])
    return frozenset(names)


def short(task_definition: str) -> str:
    """Return a task definition as `family:revision`."""
    return task_definition.rsplit("/", 1)[-1]


def meeting(quarantine: Iterable[Quarantined], revision: Revision) -> tuple[Quarantined, ...]:
    """Return what keeps a revision in quarantine now."""
    return tuple(one for one in quarantine if one.held and one.meets(revision))
