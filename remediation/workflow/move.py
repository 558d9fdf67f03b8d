"""The moves of a run, as values: its next state, what the journal says of it, and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from remediation.journal import Entry, EntryKind
from remediation.vocabulary import Outcome
from remediation.workflow.run import Run, RunState

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Move:
    """Where a run goes next; written in one transaction."""

    run: Run
    entries: tuple[Entry, ...] = ()
    follow_up: Run | None = None


def say(run: Run, kind: EntryKind, sentence: str, now: datetime, actor: str = "fournines") -> Entry:
    """Return a journal entry of the run."""
    return Entry(
        kind,
        now,
        sentence,
        incident=run.incident,
        placement=str(run.placement),
        run=run.id,
        actor=actor,
        data={
            "action": str(run.action),
            "effect": str(run.effect),
            "undo": run.undo,
            "state": str(run.state),
        },
    )


def later(run: Run, now: datetime, wait: timedelta, *entries: Entry, **notes: str) -> Move:
    """Stay in the present state and look again after the wait."""
    return Move(replace(run, wake=now + wait, notes={**run.notes, **notes}), entries)


def end(run: Run, state: RunState, outcome: Outcome, now: datetime, *entries: Entry) -> Move:
    """Move into a final state."""
    return Move(replace(run, state=state, outcome=outcome, ended_at=now, wake=now, deadline=None), entries)


def escalate(run: Run, outcome: Outcome, sentence: str, now: datetime) -> Move:
    """End the run with a call for a person."""
    told = say(run, EntryKind.ESCALATED, f"{outcome.sentence} {sentence}", now)
    return end(run, RunState.ESCALATED, outcome, now, told)


def cancel(run: Run, sentence: str, now: datetime) -> Move:
    """End the run because it is no longer needed."""
    told = say(run, EntryKind.NOT_APPLIED, f"{Outcome.CANCELLED.sentence} {sentence}", now)
    return end(run, RunState.CANCELLED, Outcome.CANCELLED, now, told)


def count(run: Run, note: str) -> int:
    """Return a number that an earlier state left, 0 when it left none."""
    return int(run.notes.get(note, "0"))
