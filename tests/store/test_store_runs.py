from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from collector.estate import ProviderShare
from fournines.store.books import Books
from fournines.store.database import Database, open_database
from fournines.store.runs import OBSERVE_ONLY, PAUSED, SqlRuns
from fournines.store.tables import lock
from remediation.actions.effects import (
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StopDeployment,
    TurnBackAtHook,
)
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import ActionName, Outcome
from remediation.workflow.run import Leave, LostClaimError, Run, RunState
from slo.cells import Placement

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = Placement("1", "eu-west-1", "main", "search")
THERE = Placement("1", "us-east-1", "main", "search")


def run(name: str = "r1", placement: Placement = HERE, wake: datetime = NOON) -> Run:
    return Run(
        id=name,
        incident="search-1",
        placement=placement,
        action=ActionName.ROLLBACK,
        effect=StopDeployment(placement=placement, deployment_arn="arn:d"),
        wake=wake,
        created_at=NOON,
    )


def entry(kind: EntryKind = EntryKind.INTENDED) -> Entry:
    return Entry(kind, NOON, "So it is.", incident="search-1", run="r1")


@pytest.fixture
def database(store: str) -> Iterator[Database]:
    opened = open_database(store)
    yield opened
    opened.close()


def locked(database: Database) -> dict[str, str]:
    """The run that holds each locked placement."""
    with database.read() as connection:
        return {row.placement: row.run for row in connection.execute(select(lock))}


@pytest.fixture
def runs(database: Database) -> SqlRuns:
    return SqlRuns(database, "me")


@pytest.mark.parametrize(
    "effect",
    [
        StopDeployment(placement=HERE, deployment_arn="arn:d"),
        TurnBackAtHook(placement=HERE, deployment_arn="arn:d", hook_id="ecs-pause-1"),
        RestoreRevision(placement=HERE, task_definition="arn:td:1", revision_arn="arn:r"),
        SetStrategy(
            placement=HERE, strategy=(ProviderShare("FARGATE", 1, 0), ProviderShare("FARGATE_SPOT", 3))
        ),
        SetScalingMinimum(placement=HERE, minimum=7),
    ],
)
def test_a_run_comes_back_as_it_was(runs: SqlRuns, effect: SetScalingMinimum) -> None:
    kept = replace(
        run(),
        effect=effect,
        inverse=SetScalingMinimum(placement=HERE, minimum=2),
        keep_for=timedelta(minutes=30),
        deadline=NOON + MINUTE,
        acted_at=NOON,
        outcome=Outcome.RECOVERED,
        notes={"before": "12"},
    )
    assert runs.start(kept, [])
    assert runs.get("r1") == kept
    assert runs.get("r2") is None


def test_a_decision_made_twice_is_one_run(runs: SqlRuns, database: Database) -> None:
    with Books(database, None, owner=True) as books:
        assert runs.start(run(), [entry()])
        assert not runs.start(run(), [entry()])
        assert len(books.entries()) == 1
        assert runs.of("search-1") == (run(),)


def test_a_run_is_claimed_once_when_it_is_due(runs: SqlRuns) -> None:
    runs.start(run(wake=NOON + MINUTE), [])
    assert runs.claim(NOON) is None
    claim = runs.claim(NOON + MINUTE)
    assert claim is not None
    assert (claim.run.id, claim.number) == ("r1", 1)
    assert runs.claim(NOON + MINUTE) is None


def test_one_run_at_a_time_holds_a_placement_until_it_is_final(runs: SqlRuns, database: Database) -> None:
    for new in (run("r1"), run("r2"), run("r3", THERE)):
        runs.start(new, [])
    first = runs.claim(NOON)
    assert first is not None
    runs.move(first, replace(first.run, state=RunState.ACT, wake=NOON + MINUTE), [])
    other = runs.claim(NOON)
    assert other is not None
    assert other.run.id == "r3", "the second of the same placement waits, and starves nobody"
    assert runs.claim(NOON) is None
    assert locked(database) == {str(HERE): "r1", str(THERE): "r3"}
    again = runs.claim(NOON + MINUTE)
    assert again is not None
    runs.move(again, replace(again.run, state=RunState.CLOSED), [])
    assert locked(database) == {str(THERE): "r3"}
    last = runs.claim(NOON + MINUTE)
    assert last is not None
    assert last.run.id == "r2"


def test_an_undo_that_is_postponed_keeps_nobody_else_from_acting(runs: SqlRuns) -> None:
    runs.start(run("r1"), [])
    runs.start(run("r2"), [])
    first = runs.claim(NOON)
    assert first is not None
    runs.move(first, replace(first.run, wake=NOON + 10 * MINUTE), [])
    second = runs.claim(NOON)
    assert second is not None
    assert second.run.id == "r2"


def test_a_stale_claim_is_refused_even_within_one_process(database: Database) -> None:
    stalled, working = SqlRuns(database, "me", lease_s=-1), SqlRuns(database, "me")
    stalled.start(run(), [])
    stale = stalled.claim(NOON)
    fresh = working.claim(NOON)
    assert stale is not None
    assert fresh is not None
    assert fresh.number == 2
    with pytest.raises(LostClaimError, match="claim 1 was taken over"):
        stalled.move(stale, replace(stale.run, state=RunState.CLOSED), [entry()])
    assert working.get("r1") == run()
    with Books(database, None, owner=True) as books:
        assert books.entries() == ()
        working.move(fresh, replace(fresh.run, state=RunState.ACT), [entry()])
        assert len(books.entries()) == 1
        with pytest.raises(LostClaimError):
            working.move(fresh, replace(fresh.run, state=RunState.VERIFY), [])


def test_a_lease_is_held_by_real_time_whatever_the_clock_says(runs: SqlRuns, database: Database) -> None:
    runs.start(run(), [])
    assert runs.claim(NOON) is not None
    assert SqlRuns(database, "other").claim(NOON + timedelta(days=365)) is None


def test_a_run_whose_worker_died_goes_on_with_its_own_lock(runs: SqlRuns, database: Database) -> None:
    runs.start(run(), [])
    assert runs.claim(NOON) is not None
    runs.free_leases()
    claim = SqlRuns(database, "successor").claim(NOON)
    assert claim is not None
    assert claim.number == 2


def asking(runs: SqlRuns) -> Run:
    """A run that asks."""
    runs.start(run(), [])
    claim = runs.claim(NOON)
    assert claim is not None
    asked = replace(claim.run, state=RunState.ASK, wake=NOON + 5 * MINUTE)
    runs.move(claim, asked, [])
    assert runs.claim(NOON) is None
    return asked


def test_the_first_yes_counts_wakes_the_run_and_a_no_stands_above_it(runs: SqlRuns) -> None:
    asked = asking(runs)
    assert runs.answer(asked) is None
    assert runs.signal(asked, "approve", "Ann", NOON, [entry(EntryKind.ANSWERED)])
    assert not runs.signal(asked, "approve", "Bo", NOON, [entry(EntryKind.ANSWERED)])
    assert runs.answer(asked) == ("approve", "Ann")
    assert runs.signal(asked, "hold", "Bo", NOON)
    assert not runs.signal(asked, "hold", "Cy", NOON)
    assert not runs.signal(asked, "approve", "Cy", NOON)
    assert runs.answer(asked) == ("hold", "Bo")
    woken = runs.claim(NOON)
    assert woken is not None
    assert woken.run.state is RunState.ASK


def test_a_yes_is_for_the_plan_that_was_asked_about_and_a_no_for_any(runs: SqlRuns) -> None:
    asked = asking(runs)
    other = replace(asked, effect=SetScalingMinimum(placement=HERE, minimum=99))
    runs.signal(asked, "approve", "Ann", NOON)
    assert runs.answer(other) is None
    runs.signal(other, "hold", "Bo", NOON)
    assert runs.answer(asked) == ("hold", "Bo")


def test_an_answer_during_the_claim_is_not_slept_through(runs: SqlRuns) -> None:
    runs.start(run(), [])
    claim = runs.claim(NOON)
    assert claim is not None
    runs.signal(claim.run, "approve", "Ann", NOON)
    runs.move(claim, replace(claim.run, state=RunState.ASK, wake=NOON + 5 * MINUTE), [])
    assert runs.claim(NOON) is not None


def test_leave_holds_the_claim_anew_and_says_what_people_have_switched(database: Database) -> None:
    short, other = SqlRuns(database, "me", lease_s=-1), SqlRuns(database, "other")
    short.start(run(), [])
    claim = short.claim(NOON)
    assert claim is not None
    assert SqlRuns(database, "me").leave(claim) is Leave.GRANTED
    assert other.claim(NOON) is None, "its lease had ended, and was renewed"
    short.set_switch(OBSERVE_ONLY, on=True, actor="Ann", at=NOON)
    assert short.leave(claim) is Leave.OBSERVE_ONLY
    short.set_switch(PAUSED, on=True, actor="Ann", at=NOON)
    assert short.leave(claim) is Leave.PAUSED


def test_who_lost_the_claim_gets_no_leave_and_who_stood_still_an_old_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stalled, working = SqlRuns(database, "me", lease_s=-1), SqlRuns(database, "other")
    stalled.start(run(), [])
    stale = stalled.claim(NOON)
    fresh = working.claim(NOON)
    assert stale is not None
    assert fresh is not None
    with pytest.raises(LostClaimError, match="claim 1 was taken over"):
        stalled.leave(stale)
    monkeypatch.setattr("fournines.store.runs.LEAVE_S", 0.0)
    assert working.leave(fresh) is Leave.LATE


def test_a_pause_stops_claims_and_is_journaled(runs: SqlRuns, database: Database) -> None:
    runs.start(run(), [])
    runs.set_switch(PAUSED, on=True, actor="Ann", at=NOON)
    assert runs.paused()
    assert runs.claim(NOON) is None
    runs.set_switch(PAUSED, on=False, actor="Bo", at=NOON)
    assert runs.switches() == {PAUSED: False}
    assert runs.claim(NOON) is not None
    with Books(database, None, owner=True) as books:
        assert [one.entry.sentence for one in books.entries()] == [
            "Ann switched on paused.",
            "Bo switched off paused.",
        ]


def test_a_follow_up_is_kept_with_the_move_or_not_at_all(runs: SqlRuns) -> None:
    runs.start(run(), [])
    claim = runs.claim(NOON)
    assert claim is not None
    undo = replace(run("r1/undo", wake=NOON + 30 * MINUTE), undo=True)
    runs.free_leases()
    with pytest.raises(LostClaimError):
        runs.move(claim, replace(claim.run, state=RunState.CLOSED), [], follow_up=undo)
    assert [one.id for one in runs.every()] == ["r1"]
    again = runs.claim(NOON)
    assert again is not None
    runs.move(again, replace(again.run, state=RunState.CLOSED), [], follow_up=undo)
    assert runs.every()[1:] == (undo,)
    assert runs.claim(NOON) is None
    later = runs.claim(NOON + 30 * MINUTE)
    assert later is not None
    assert later.run == undo


def test_a_run_that_this_version_cannot_read_is_parked_and_told_and_stops_nobody_else(
    runs: SqlRuns, database: Database
) -> None:
    runs.start(run("r1"), [])
    runs.start(run("r2", THERE), [])
    with database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE run SET body = replace(body, 'queued', 'teleporting') WHERE id = 'r1'"
        )
    claim = runs.claim(NOON)
    assert claim is not None
    assert claim.run.id == "r2"
    assert locked(database)[str(HERE)] == "r1"
    assert [one.id for one in runs.every()] == ["r2"], "what is readable is decided by all the same"
    with Books(database, None, owner=True) as books:
        (kept,) = books.entries("search-1")
        assert kept.entry.kind is EntryKind.ESCALATED
        assert kept.entry.sentence.startswith(
            "Run r1 stands still, and its placement stays locked: a run in the"
        )
        assert runs.claim(NOON) is None
        assert len(books.entries()) == 1


def test_what_was_done_at_a_placement_is_never_too_long_ago_to_be_known(runs: SqlRuns) -> None:
    for new in (run("r1"), run("r2", THERE)):
        runs.start(replace(new, incident="long ago", state=RunState.CLOSED), [])
    a_year_later = NOON + timedelta(days=365)
    assert [one.id for one in runs.lately(a_year_later, "search-1", [HERE])] == ["r1"]
    assert runs.lately(a_year_later, "search-1") == ()
