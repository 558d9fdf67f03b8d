"""What bounds a change, and what is made of things that are not known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.actions.action import Before, Plan, Recovery, Refusal, same_intent
from remediation.actions.effects import Delivery, RestoreRevision, SetScalingMinimum
from remediation.actions.scale_out import ScaleOut
from remediation.actions.spot_fallback import SpotFallback
from remediation.decision.decide import decide
from remediation.decision.guards import Switches
from remediation.decision.policy import Freeze, Policies
from remediation.diagnosis.diagnose import diagnose
from remediation.diagnosis.evidence import spot_not_replaced, spot_refused
from remediation.events.event import InstanceWarning, Origin, ServiceAction
from remediation.events.parse import parse
from remediation.incidents import Phase
from remediation.journal import EntryKind
from remediation.receive import receive
from remediation.vocabulary import Outcome, Reason, Verdict
from remediation.workflow.progress import follow
from remediation.workflow.run import RunState
from tests.remediation.stage import (
    IRELAND,
    MINUTE,
    SINGAPORE,
    SPOT_MIX,
    Stage,
    at,
    incident,
)
from tests.remediation.test_engine import ACT, PROPOSE, Play, bad_deployment, spot_shortage, surge


def test_a_temporary_change_that_had_to_stay_for_a_day_is_given_to_a_person() -> None:
    play = Play(surge())
    run = play.decided()
    play.live(12)
    play.stage.fails(IRELAND, 25)
    play.live(23 * 60, every=5 * MINUTE)
    assert play.runs.runs[f"{run.id}:undo"].state is RunState.QUEUED
    play.live(2 * 60, every=5 * MINUTE)
    undo = play.runs.runs[f"{run.id}:undo"]
    assert (undo.state, undo.outcome) == (RunState.ESCALATED, Outcome.CANCELLED)
    assert "It is failing now. The temporary change is kept" in play.runs.entries[-1].sentence
    assert len(play.stage.sent) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_nobody_is_called_for_the_aftermath_of_what_was_mended(fails: bool) -> None:  # noqa: FBT001 - a case of its table
    play = Play(surge())
    play.decided()
    play.live(12)
    play.stage.demand.clear()
    play.stage.change(IRELAND, desired=24, running=22)
    if fails:
        play.stage.fails(IRELAND, 22, 0.02)
    play.stage.history = [run.past for run in play.runs.runs.values()]
    situation = play.stage.situation(minutes=30)
    decision = decide(situation, diagnose(situation), ACT, Switches(), play.stage.now)
    assert decision.diagnosis.in_trouble
    assert decision.diagnosis.complete
    assert decision.verdict is (Verdict.ESCALATE if fails else Verdict.WAIT)


def test_what_got_worse_is_compared_with_what_failed_before() -> None:
    play = Play(bad_deployment())
    play.stage.heals = lambda place, after=1: play.stage.fails(place, 11, 0.6)  # type: ignore[method-assign]  # noqa: ARG005
    run = play.decided()
    play.live(9)
    assert play.runs.runs[run.id].outcome is Outcome.NOT_RECOVERED
    assert "It got worse" in play.runs.entries[-1].sentence
    assert "30.00% did before" in play.runs.entries[-1].sentence


def test_what_must_not_be_done_any_more_just_before_the_effect_is_given_to_a_person() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    freeze = Freeze(start=at(0), end=at(60), reason="the feast")
    play.engine = replace(play.engine, policies=Policies(ACT.policies, (freeze,)))
    play.live(1)
    assert (play.runs.runs[run.id].state, play.stage.sent) == (RunState.ESCALATED, [])
    assert "the feast" in play.runs.entries[-1].sentence


def test_a_question_names_who_may_answer_it() -> None:
    play = Play(bad_deployment(), PROPOSE)
    play.decided()
    play.live(1)
    (asked,) = [entry for entry in play.runs.entries if entry.kind is EntryKind.ASKED]
    assert "Needs a yes from ana@example.com by 12:25 UTC" in asked.sentence


def test_a_run_in_short_waits_only_when_it_undoes_later() -> None:
    play = Play(surge())
    run = play.decided()
    assert not run.past.waiting
    assert run.past.under_way
    play.live(12)
    undo = play.runs.runs[f"{run.id}:undo"]
    assert undo.past.waiting
    assert not undo.past.under_way
    assert not replace(undo, state=RunState.ACT).past.waiting


def test_an_incident_without_runs_or_that_is_over_stays_as_it_is() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    assert follow(incident(), []) == incident()
    over = replace(incident(), phase=Phase.RESOLVED)
    assert follow(over, [run]) == over
    assert follow(incident(), [run]).phase is Phase.ACTING


def test_a_measured_minimum_that_moves_is_the_same_intent_at_the_same_placement() -> None:
    one, other = (SetScalingMinimum(placement=IRELAND, minimum=count) for count in (20, 24))
    assert same_intent(one, other)
    assert not same_intent(one, replace(other, placement=SINGAPORE))
    assert not same_intent(one, RestoreRevision(placement=IRELAND, task_definition="x", revision_arn="y"))


def test_hot_tasks_are_scaled_out_by_their_cpu_where_no_more_requests_come() -> None:
    stage = Stage(cpu={IRELAND: 96})
    stage.fails(IRELAND, 1, ratio=0.05)
    situation = stage.situation(IRELAND, 10)
    plan = ScaleOut().plan(situation, diagnose(situation))
    assert isinstance(plan, Plan)
    assert plan.effect == SetScalingMinimum(placement=IRELAND, minimum=16)


def test_a_raised_minimum_stays_while_it_fails_or_cannot_be_seen() -> None:
    stage = Stage()
    assert ScaleOut().must_stay(stage.situation(IRELAND, 10)) is None
    stage.fails(IRELAND, 1)
    assert ScaleOut().must_stay(stage.situation(IRELAND, 10)) == "It is failing now."
    unseen = replace(stage.situation(IRELAND, 10), health={})
    assert ScaleOut().must_stay(unseen) == "How it serves cannot be seen now."


def test_what_does_not_use_spot_has_nothing_to_fall_back_from() -> None:
    situation = Stage().situation(IRELAND, 10)
    for blind in (situation, replace(situation, views={})):
        plan = SpotFallback().plan(blind, diagnose(blind))
        assert isinstance(plan, Refusal)
        assert plan.reason is Reason.NOT_APPLICABLE


def test_tasks_that_cannot_be_counted_are_no_recovery() -> None:
    unseen = replace(Stage().situation(IRELAND, 10), views={})
    assert SpotFallback().recovered(Before(at(1), None), unseen).recovery is Recovery.CANNOT_SEE


def test_an_event_without_a_time_says_nothing_about_now() -> None:
    stage = Stage()
    stage.change(IRELAND, strategy=SPOT_MIX)
    stage.refuses(IRELAND, 5)
    (event,) = stage.events
    assert isinstance(event, ServiceAction)
    assert spot_refused(stage.situation(IRELAND, 10)).yes
    stage.events = [replace(event, origin=replace(event.origin, at=None))]
    assert spot_refused(stage.situation(IRELAND, 10)).no


def test_without_a_view_nobody_knows_whether_spot_gave_anything_back() -> None:
    unseen = replace(Stage().situation(IRELAND, 10), views={})
    assert spot_not_replaced(unseen).unknown


@pytest.mark.parametrize(("lag", "age"), [(2, timedelta(minutes=2)), (100, None)])
def test_data_are_as_old_as_their_newest_minute(lag: int, age: timedelta | None) -> None:
    assert Stage(lag={IRELAND: lag}).situation(IRELAND, 10).data_age == age


def test_an_event_that_names_no_service_means_nothing_to_an_incident() -> None:
    origin = Origin(id="e", account="1", region="eu-west-1", at=at(0))
    assert (
        receive([incident()], InstanceWarning(origin=origin, instance="i-1", interrupted=True), at(0)) is None
    )


def test_an_event_without_an_id_is_known_by_its_content() -> None:
    named, one, other = (
        parse(json.dumps(body)).origin.id for body in ({"id": "7"}, {"source": "a"}, {"source": "b"})
    )
    assert named == "7"
    assert one.startswith("sha256-")
    assert one != other
    assert one == parse(json.dumps({"source": "a"})).origin.id


def test_what_shows_late_is_waited_for_from_the_act_on_and_not_from_the_decision() -> None:
    play = Play(bad_deployment(), PROPOSE)
    run = play.decided()
    play.stage.carry_out = lambda effect: None  # type: ignore[method-assign]  # noqa: ARG005
    play.live(10)
    play.runs.answers[run.id] = ("approve", "ana@example.com")
    play.runs.runs[run.id] = replace(play.runs.runs[run.id], wake=play.stage.now)
    play.live(1.5)
    assert play.runs.runs[run.id].state is RunState.VERIFY
    play.live(2)
    assert play.runs.runs[run.id].outcome is Outcome.UNCERTAIN
    assert "was accepted and does not show" in play.runs.entries[-1].sentence


def test_what_somebody_else_did_while_ours_was_refused_is_not_ours_to_undo() -> None:
    play = Play(spot_shortage())
    play.stage.deliveries = [Delivery.REFUSED]
    play.stage.on_apply = play.stage.carry_out
    run = play.decided()
    play.live(1)
    after = play.runs.runs[run.id]
    assert (after.state, after.inverse) == (RunState.VERIFY, None)
    assert "was in place already" in play.runs.entries[-1].sentence
