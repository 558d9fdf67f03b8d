from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fournines.answers import Word, give
from fournines.store.books import Books
from fournines.trouble import Trouble
from remediation.decision.guards import Switches
from remediation.workflow.asking import hear
from remediation.workflow.run import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

INCIDENT = "course-catalog-20261123-1216"
RUN = f"123456789012/eu-west-1/mylearning/course-catalog:{INCIDENT}:rollback"


def answer(folder: Path) -> tuple[str, str] | None:
    with Books.visit(str(folder / "books.db")) as books:
        run = books.runs.get(RUN)
        return None if run is None else books.runs.answer(run)


def test_an_approval_is_kept_for_the_running_service(kept: Path, fournines: Command) -> None:
    said = fournines("approve", INCIDENT, "--actor", "alice")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "Approved: rollback of course-catalog in eu-west-1 (UpdateService(taskDefinition=course-catalog:2)), "
        "by alice.\n"
    )
    assert answer(kept) == ("approve", "alice")


def test_who_is_not_named_by_the_policy_may_hold_and_not_approve(kept: Path, fournines: Command) -> None:
    said = fournines("approve", INCIDENT, "--actor", "mallory")
    assert said.code == 1
    assert "mallory may not approve rollback of course-catalog" in said.err
    assert "the policy names alice; anybody may hold it" in said.err
    assert answer(kept) is None
    assert fournines("hold", INCIDENT, "--actor", "mallory", "--reason", "the vendor is on it").code == 0
    assert answer(kept) == ("hold", "mallory")
    assert "mallory said hold: the vendor is on it" in fournines("explain", INCIDENT).out


@pytest.mark.usefixtures("kept")
def test_the_second_answer_is_told_of_the_first(fournines: Command) -> None:
    fournines("hold", INCIDENT, "--actor", "bob")
    said = fournines("approve", INCIDENT, "--actor", "alice")
    assert said.code == 1
    assert said.err.startswith("bob was first: rollback of course-catalog in eu-west-1")
    assert said.err.endswith("is held back\n")


def test_after_it_is_over_there_is_nothing_to_answer(kept: Path, fournines: Command) -> None:
    fournines("hold", INCIDENT, "--actor", "bob")
    with Books.open(str(kept / "books.db")) as books:
        asked = books.runs.get(RUN)
        assert asked is not None
        assert asked.deadline is not None
        claim = books.runs.claim(asked.deadline - timedelta(minutes=5))
        assert claim is not None
        move = hear(claim.run, books.runs.answer(claim.run), asked.deadline - timedelta(minutes=5))
        books.runs.move(claim, move.run, move.entries)
    said = fournines("approve", INCIDENT, "--actor", "alice")
    assert said.code == 1
    assert said.err == (
        f"nothing waits for an answer in {INCIDENT}. rollback of course-catalog in eu-west-1 "
        "(UpdateService(taskDefinition=course-catalog:2)): bob said hold, it is rejected. A person said no.\n"
    )


def test_after_its_deadline_a_question_can_be_held_but_not_approved(kept: Path) -> None:
    with Books.visit(str(kept / "books.db")) as books:
        asked = books.runs.get(RUN)
        assert asked is not None
        assert asked.deadline is not None
        late = asked.deadline + timedelta(seconds=1)
        with pytest.raises(Trouble, match=r"too late to approve .* the question ended 2026-11-23 13:00 UTC"):
            give(books, INCIDENT, Word("approve", "alice", late))
        assert give(books, INCIDENT, Word("hold", "alice", late))


@pytest.mark.usefixtures("kept")
def test_an_incident_that_is_not_there_or_proposes_nothing_is_told(fournines: Command) -> None:
    assert fournines("hold", "nope").err == "there is no incident 'nope': `fournines incidents` lists them\n"


def test_the_kill_switch_is_pulled_once_and_released(kept: Path, fournines: Command) -> None:
    assert fournines("pause", "--actor", "alice").out == "Automation is paused, by alice.\n"
    assert fournines("pause", "--actor", "bob").out == "Automation is paused already.\n"
    assert fournines("incidents").out.startswith("Automation is paused by the kill switch")
    approved = fournines("approve", INCIDENT, "--actor", "alice")
    assert approved.out.endswith("Automation is paused: nothing is done until `fournines resume`.\n")
    with Books.visit(str(kept / "books.db")) as books:
        assert books.runs.paused()
        assert [one.entry.sentence for one in books.entries()][-1] == "alice switched on paused."
    assert fournines("resume", "--actor", "alice").out == "Automation is running, by alice.\n"
    with Books.visit(str(kept / "books.db")) as books:
        assert not books.runs.paused()


def test_decisions_may_go_on_while_nothing_is_done(kept: Path, fournines: Command) -> None:
    assert (
        fournines("pause", "--observe-only", "--actor", "alice").out
        == "Automation only observes, by alice.\n"
    )
    assert fournines("pause", "--observe-only", "--actor", "bob").out == "Automation only observes already.\n"
    assert fournines("incidents").out.startswith("Automation only observes, until `fournines resume`.")
    with Books.visit(str(kept / "books.db")) as books:
        assert books.switches() == Switches(observe_only=True)
    assert fournines("resume", "--actor", "alice").out == "Automation is running, by alice.\n"
    with Books.visit(str(kept / "books.db")) as books:
        assert books.switches() == Switches()


def test_what_is_about_to_be_done_can_be_held_and_what_undoes_a_change_cannot(kept: Path) -> None:
    with Books.open(str(kept / "books.db")) as books:
        asked = books.runs.get(RUN)
        assert asked is not None
        assert asked.deadline is not None
        soon = asked.deadline - timedelta(minutes=5)
        begun = replace(asked, state=RunState.ACT, asks=None)
        waiting = replace(asked, state=RunState.QUEUED, asks=None, undo=True)
        for name, run in {"acts-1": begun, "undo-1": waiting}.items():
            books.runs.start(replace(run, id=name, placement=replace(asked.placement, region=name)), [])
        held = give(books, INCIDENT, Word("hold", "bob", soon, placement="acts-1"))
        assert held[0].endswith(", by bob, unless it is being sent this moment.")
        with pytest.raises(Trouble, match="no single question waits at undo-1"):
            give(books, INCIDENT, Word("hold", "bob", soon, placement="undo-1"))


@pytest.mark.usefixtures("kept")
def test_without_a_name_it_is_who_is_logged_in(fournines: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    assert fournines("pause").out == "Automation is paused, by carol.\n"


def test_a_yes_is_for_one_question_and_a_no_for_all(kept: Path) -> None:
    with Books.open(str(kept / "books.db")) as books:
        asked = books.runs.get(RUN)
        assert asked is not None
        assert asked.deadline is not None
        there = replace(asked.placement, region="us-east-1")
        books.runs.start(replace(asked, id=f"{there}:{INCIDENT}:rollback", placement=there), [])
        soon = asked.deadline - timedelta(minutes=5)
        with pytest.raises(Trouble, match=r"2 questions wait.* eu-west-1 .*--placement \S+/us-east-1/"):
            give(books, INCIDENT, Word("approve", "alice", soon))
        with pytest.raises(Trouble, match="no single question waits at eu-north-1"):
            give(books, INCIDENT, Word("approve", "alice", soon, placement="eu-north-1"))
        assert answer(kept) is None
        (said,) = give(books, INCIDENT, Word("approve", "alice", soon, placement=str(there)))
        assert said.startswith("Approved: rollback of course-catalog in us-east-1")
        assert answer(kept) is None
        held = give(books, INCIDENT, Word("hold", "bob", soon))
        assert [one.partition(" (")[0] for one in held] == [
            "Held back: rollback of course-catalog in eu-west-1",
            "Held back: rollback of course-catalog in us-east-1",
        ]
