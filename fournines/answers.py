"""A person's answer to a proposed action: the first one counts; who comes late is told what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from fournines.trouble import Trouble
from remediation.decision.policy import may_answer
from remediation.events.describe import place
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import Outcome
from remediation.workflow.asking import HOLD
from remediation.workflow.run import RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fournines.store.books import Books
    from remediation.workflow.run import Run

Choice = Literal["approve", "hold"]
_DONE = {"approve": "approved", "hold": "held back"}


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says to a proposal, when, and why; `placement`, or its region, names one of several."""

    choice: Choice
    actor: str
    at: datetime
    reason: str = ""
    placement: str | None = None


def give(books: Books, incident: str, word: Word) -> tuple[str, ...]:
    """Answer what waits in an incident, and return what came of it in sentences.

    A no is for all of which nothing was sent yet, asked or not; a yes is for one question, since another may
    have come up after it was read.  Raises Trouble when nothing waits, when several do, when the actor may
    not approve, or when others were first.
    """
    if books.incident(incident) is None:
        raise Trouble(f"there is no incident {incident!r}: `fournines incidents` lists them")
    open_to = _asked if word.choice == "approve" else _stoppable
    asked = [run for run in books.runs.of(incident) if open_to(run)]
    waiting = [run for run in asked if _open(books, run, word)] or asked
    meant = [run for run in waiting if word.placement in {None, str(run.placement), run.placement.region}]
    if not waiting:
        raise Trouble(_nothing_waits(books, incident))
    if not meant or (word.choice == "approve" and len(meant) > 1):
        raise Trouble(_which(waiting, word))
    if word.choice == "approve":
        _must_be_approvable(meant[0], word)
    return tuple(_answer(books, run, word) for run in meant)


def _which(waiting: Sequence[Run], word: Word) -> str:
    """Name what waits, with what to say for each."""
    named = "; ".join(f"{_named(run)}: --placement {run.placement}" for run in waiting)
    if word.placement is None:
        return f"{len(waiting)} questions wait, and a yes is for one of them: {named}"
    return f"no single question waits at {word.placement}: {named}"


def _asked(run: Run) -> bool:
    """Whether a person is being asked, or is about to be."""
    return run.asks is not None and run.state in {RunState.QUEUED, RunState.ASK}


def _stoppable(run: Run) -> bool:
    """Whether it can still be called off; what undoes a change is not: the change must not stay behind."""
    return not run.undo and run.state in {RunState.QUEUED, RunState.ASK, RunState.ACT}


def _open(books: Books, run: Run, word: Word) -> bool:
    """Whether such an answer would be the first; a no may follow a yes."""
    said = books.runs.answer(run)
    return said is None or (word.choice == HOLD and said[0] != HOLD)


def _nothing_waits(books: Books, incident: str) -> str:
    """Say why there is nothing to answer: what became of it, by whose word."""
    runs = books.runs.of(incident)
    if not runs:
        return f"nothing waits for an answer in {incident}: no action was proposed"
    told = []
    for run in runs:
        answered = books.runs.answer(run)
        word = f"{answered[1]} said {answered[0]}, " if answered else ""
        told.append(f"{_named(run)}: {word}{_became(run)}")
    return f"nothing waits for an answer in {incident}. " + " ".join(told)


def _became(run: Run) -> str:
    if run.outcome is not None:
        return f"it is {run.state}. {run.outcome.sentence}"
    return f"it is in state {run.state}."


def _must_be_approvable(run: Run, word: Word) -> None:
    if not may_answer(run.approvers, word.actor):
        raise Trouble(
            f"{word.actor} may not approve {_named(run)}: the policy names "
            f"{', '.join(run.approvers) or 'nobody'}; anybody may hold it"
        )
    if run.deadline is not None and word.at > run.deadline:
        raise Trouble(
            f"it is too late to approve {_named(run)}: the question ended {run.deadline:%Y-%m-%d %H:%M} UTC"
        )


def _answer(books: Books, run: Run, word: Word) -> str:
    first = books.runs.signal(run, word.choice, word.actor, word.at, _entries(run, word))
    if not first:
        earlier, who = books.runs.answer(run) or (word.choice, word.actor)
        raise Trouble(f"{who} was first: {_named(run)} is {_DONE[earlier]}")
    after = books.runs.get(run.id) or run
    if after.outcome is Outcome.UNANSWERED:
        raise Trouble(f"too late: {_named(run)} got no answer in time; {_became(after)}")
    unless = ", unless it is being sent this moment" if run.state is RunState.ACT else ""
    return f"{_DONE[word.choice].capitalize()}: {_named(run)}, by {word.actor}{unless}."


def _entries(run: Run, word: Word) -> tuple[Entry, ...]:
    """Journal a reason; the answer itself is journaled by who acts on it."""
    if not word.reason:
        return ()
    entry = Entry(
        EntryKind.ANSWERED,
        word.at,
        f"{word.actor} said {word.choice}: {word.reason}",
        incident=run.incident,
        placement=str(run.placement),
        run=run.id,
        actor=word.actor,
        data={"choice": word.choice},
    )
    return (entry,)


def _named(run: Run) -> str:
    return f"{run.action} of {place(run.placement)} ({run.effect})"
