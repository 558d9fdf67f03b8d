"""The declared floor: below it nobody goes back by himself, since something was migrated there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remediation.quarantine import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The tag on a service that declares it: a task definition as ARN, `family:revision`, or the revision alone.
FLOOR_TAG = "fournines:no-rollback-below"
MARK = re.compile(r"(?:(?:arn:[^/]+/)?(?P<family>[A-Za-z0-9_-]+):)?(?P<revision>[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Floor:
    """A task definition below which there is no way back, as it was written, and who says so."""

    below: str
    source: str
    why: str = ""

    def crossed(self, task_definition: str) -> str | None:
        """Return why one may not return to a task definition, or None; what cannot be compared forbids."""
        said = f"{self.source} says {self.below}{f' ({self.why})' if self.why else ''}"
        mark, back = MARK.fullmatch(self.below), MARK.fullmatch(short(task_definition))
        if mark is None or back is None:
            return f"{said}, which is no task definition: how far back one may go is not known."
        if mark["family"] and mark["family"] != back["family"]:
            return f"{said}, and {short(task_definition)} is of another family: which is older is not known."
        if int(back["revision"]) < int(mark["revision"]):
            return f"{short(task_definition)} lies below the floor: {said}."
        return None


def floors_of(tags: Mapping[str, str], declared: Iterable[Floor]) -> tuple[Floor, ...]:
    """Return the floors of a service: by its tag, and those declared beside the policies."""
    tag = tags.get(FLOOR_TAG)
    tagged = (Floor(tag, f"the tag {FLOOR_TAG}"),) if tag is not None else ()
    return (*tagged, *declared)
