"""What was done before, as guards and diagnosis need to know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from remediation.vocabulary import ActionName, Outcome
from slo.cells import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """A run, ended or not, in short; `waiting` is an undo whose time has not come.

    `suspect` is the task definition that a rollback leaves, `target` the one that it deploys.
    """

    run: str
    incident: str
    placement: Placement
    action: ActionName
    started_at: datetime
    undo: bool = False
    waiting: bool = False
    acted_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    suspect: str | None = None
    target: str | None = None

    @property
    def under_way(self) -> bool:
        """Whether it is changing its placement now, or about to."""
        return self.ended_at is None and not self.waiting

    @property
    def carried_out(self) -> bool:
        """Whether it was carried out, or may have been."""
        return self.ended_at is None or self.acted_at is not None or self.outcome is Outcome.UNCERTAIN
