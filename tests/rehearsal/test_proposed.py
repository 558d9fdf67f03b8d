"""A policy that proposes: a person is asked, a yes is carried out, silence is escalated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fournines.rehearsal.score import passed
from remediation.journal import EntryKind
from remediation.vocabulary import Mode
from remediation.workflow.run import RunState
from tests.rehearsal.lives import changed, lived, ruled

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.store.books import Books

PROPOSED = changed(
    "bad-deployment", policies=ruled("bad-deployment", Mode.PROPOSE, approvers=["alice"], deadline="10m")
)


class Kinds:
    """The kinds of what was journaled, as they came."""

    def __init__(self) -> None:
        self.told: list[EntryKind] = []

    def __call__(self, books: Books, now: datetime) -> None:
        del now
        self.told = [kept.entry.kind for kept in books.entries()]


class Alice(Kinds):
    """Says yes to whatever she is asked."""

    def __call__(self, books: Books, now: datetime) -> None:
        super().__call__(books, now)
        for incident in books.open_incidents():
            for run in books.runs.of(incident.id):
                if run.state is RunState.ASK:
                    books.runs.signal(run, "approve", "alice", now, ())


def test_an_approved_rollback_is_carried_out() -> None:
    alice = Alice()
    summary = lived(PROPOSED, alice)
    assert passed(summary)
    order = [EntryKind.ASKED, EntryKind.ANSWERED, EntryKind.APPLIED, EntryKind.RECOVERED]
    assert [kind for kind in alice.told if kind in order] == order


def test_a_question_that_nobody_answers_is_escalated_and_nothing_is_done() -> None:
    nobody = Kinds()
    summary = lived(PROPOSED, nobody)
    assert not passed(summary)
    assert [fault["actions"] for fault in summary["faults"]] == [[]]
    assert EntryKind.ESCALATED in nobody.told
    assert EntryKind.APPLIED not in nobody.told
    assert summary["alerts"]["lost"] == 0
