"""The seam to what ECS itself says of tasks that end: it is asked, so that no event has to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from remediation.events.event import TaskChanged

if TYPE_CHECKING:
    from slo.cells import Placement


@dataclass(frozen=True, slots=True)
class Ends:
    """The tasks of a service that are to stop or have stopped, as ECS tells them, for an hour.

    `whole` unless there were more than are read.
    """

    tasks: tuple[TaskChanged, ...]
    whole: bool = True


class Witness(Protocol):
    """Who is asked: ECS, or the simulated world."""

    def ends(self, placement: Placement) -> Ends:
        """Return how tasks of a placement ended lately.  Raises CollectError."""
        ...
