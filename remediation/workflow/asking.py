"""Asking a person: a question has a deadline, and a word on what silence means."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.decision.policy import OnTimeout, may_answer
from remediation.journal import EntryKind
from remediation.vocabulary import Outcome
from remediation.workflow.move import Move, end, escalate, later, say
from remediation.workflow.run import RunState

if TYPE_CHECKING:
    from datetime import datetime

    from remediation.journal import Entry
    from remediation.workflow.run import Run

#: A deadline that was noticed later than this passed while nobody was at work here: nothing is done by it.
NOTICED_WITHIN = timedelta(minutes=2)

#: What a person says who wants it not done.
HOLD = "hold"

_SILENCE = {
    OnTimeout.CANCEL: "nothing is done",
    OnTimeout.ESCALATE: "a person is called",
    OnTimeout.RUN: "it is done",
}


def ask(run: Run, wait: timedelta, now: datetime, *entries: Entry) -> Move:
    """Put the question."""
    deadline = now + wait
    asked = replace(run, state=RunState.ASK, deadline=deadline, wake=deadline)
    who = ", ".join(run.approvers) or "nobody"
    sentence = (
        f"{run.notes.get('why', run.action.sentence)} Needs a yes from {who} by {deadline:%H:%M} UTC; "
        f"without an answer {_SILENCE[run.on_timeout]}."
    )
    return Move(asked, (*entries, say(asked, EntryKind.ASKED, sentence, now)))


def hear(run: Run, answer: tuple[str, str] | None, now: datetime) -> Move:
    """Act on the answer, or on its absence once the deadline has passed."""
    if answer is not None:
        return _answered(run, *answer, now)
    deadline = run.deadline or now
    if now < deadline:
        return later(run, now, deadline - now)
    told = f"Nobody answered by {deadline:%H:%M} UTC"
    if run.on_timeout is OnTimeout.RUN and now - deadline <= NOTICED_WITHIN:
        return intend(run, now, f"{told}, so it is done.")
    if run.on_timeout is OnTimeout.CANCEL:
        entry = say(run, EntryKind.NOT_APPLIED, f"{told}, so nothing is done.", now)
        return end(run, RunState.CANCELLED, Outcome.UNANSWERED, now, entry)
    return escalate(run, Outcome.UNANSWERED, f"The deadline was {deadline:%H:%M} UTC.", now)


def intend(run: Run, now: datetime, sentence: str, actor: str = "fournines") -> Move:
    """Write down that the effect is about to be sent."""
    intent = replace(run, state=RunState.ACT, wake=now, deadline=None)
    kind = EntryKind.INTENDED if actor == "fournines" else EntryKind.ANSWERED
    return Move(intent, (say(intent, kind, sentence, now, actor),))


def called_off(run: Run, actor: str, now: datetime) -> Move:
    """End a run of which nothing was sent because a person said no."""
    entry = say(run, EntryKind.ANSWERED, f"{actor} said no; it is not done.", now, actor)
    return end(run, RunState.REJECTED, Outcome.REJECTED, now, entry)


def _answered(run: Run, choice: str, actor: str, now: datetime) -> Move:
    """Carry the answer out; whoever may not approve may still hold."""
    if choice == HOLD:
        return called_off(run, actor, now)
    if not may_answer(run.approvers, actor):
        return escalate(run, Outcome.UNANSWERED, f"{actor} answered, and may not approve this.", now)
    return intend(run, now, f"{actor} approved: {run.effect}.", actor)
