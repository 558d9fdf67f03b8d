"""A run: one decision being carried out, as a value; and the seam to where runs are kept.

    queued ──► ask ──► act ──► verify ──► closed
                │       │        └──────► escalated
                │       └───────────────► escalated, cancelled
                └───────────────────────► rejected, escalated, cancelled

Until something was sent a person may call it off: the run is then rejected.
A state is an intent: the move into `act` is committed before anything is sent, and each state sends at most
one effect.  A temporary change that helped leaves a second run behind, `undo`, which wakes at its expiry and
is queued again while it cannot be carried out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from remediation.actions.effects import Effect, RestoreRevision
from remediation.decision.policy import OnTimeout
from remediation.history import PastAction
from remediation.vocabulary import ActionName, Outcome
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remediation.journal import Entry


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    ASK = "ask"
    ACT = "act"
    VERIFY = "verify"
    CLOSED = "closed"
    ESCALATED = "escalated"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in {RunState.CLOSED, RunState.ESCALATED, RunState.REJECTED, RunState.CANCELLED}


class Leave(StrEnum):
    """Whether an effect may be sent at this very moment."""

    GRANTED = "granted"
    PAUSED = "paused"
    OBSERVE_ONLY = "observe_only"
    LATE = "late"  # asking took so long that the answer may be old


class LostClaimError(Exception):
    """Another worker has taken the run over since: whatever was about to be written must be dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One decision on its way.  `id` is placement, incident and action: a decision made twice is one run.

    `wake` and `deadline` (of the question) are on the clock that fournines decides by.  With `asks`, one of
    `approvers` must say yes within it.  An `undo` carries as `inverse` what it undoes.  `suspect` is the
    task definition that a rollback leaves.  `notes` carries what one state leaves for the next.
    """

    id: str
    incident: str
    placement: Placement
    action: ActionName
    effect: Effect
    inverse: Effect | None = None
    keep_for: timedelta | None = None
    undo: bool = False
    asks: timedelta | None = None
    approvers: tuple[str, ...] = ()
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    suspect: str | None = None
    state: RunState = RunState.QUEUED
    wake: datetime
    deadline: datetime | None = None
    created_at: datetime
    acted_at: datetime | None = None
    looks: int = 0
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What an approval is for: this run as it is planned now; another plan is another question."""
        plan = repr((self.effect, self.inverse, self.suspect))
        return f"{self.id}@{hashlib.sha256(plan.encode()).hexdigest()[:12]}"

    @property
    def past(self) -> PastAction:
        """The run in short, as guards and diagnosis need it."""
        return PastAction(
            run=self.id,
            incident=self.incident,
            placement=self.placement,
            action=self.action,
            started_at=self.created_at,
            undo=self.undo,
            waiting=self.undo and self.state is RunState.QUEUED,
            acted_at=self.acted_at,
            ended_at=self.ended_at,
            outcome=self.outcome,
            suspect=self.suspect,
            target=self.effect.task_definition if isinstance(self.effect, RestoreRevision) else None,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to move a run once; `number`, which grows with each claim, is its fence."""

    run: Run
    number: int


class Runs(Protocol):
    """Where runs are kept, with the lock on each placement and the switches."""

    def start(self, run: Run, entries: Sequence[Entry]) -> bool:
        """Keep a new run with its journal entries; False, and nothing written, when its id exists."""
        ...

    def claim(self, now: datetime) -> Claim | None:
        """Take the oldest run that is due and whose placement is free, and lock its placement."""
        ...

    def move(self, claim: Claim, run: Run, entries: Sequence[Entry], follow_up: Run | None = None) -> None:
        """Write the run's next state, its journal entries and its follow-up in one transaction.

        Raises LostClaimError when the claim is no longer ours.  A final state frees the placement.
        """
        ...

    def leave(self, claim: Claim) -> Leave:
        """Say whether an effect may be sent now, and hold the claim anew for as long as that may take.

        Raises LostClaimError when the claim is no longer ours.
        """
        ...

    def answer(self, run: Run) -> tuple[str, str] | None:
        """Return (choice, actor) of what a person said: a no to the run, or the first yes to its question."""
        ...
