"""Deployments that move traffic: blamed for no more than their share, turned back as their state allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from collector.estate import Deployment, DeploymentStatus, PauseHook, Strategy
from remediation.actions.effects import Delivery, RestoreRevision, StopDeployment, TurnBackAtHook
from remediation.decision.decide import Decision, decide
from remediation.decision.guards import Switches
from remediation.decision.policy import Policies, Policy
from remediation.diagnosis.diagnose import Confidence, Diagnosis, diagnose
from remediation.vocabulary import Cause, Mode, Outcome, Reason, Verdict
from slo.cells import Placement
from tests.remediation.stage import IRELAND, SINGAPORE, VIRGINIA, Stage, at, definition, deployment
from tests.remediation.test_engine import Play

ACT = Policies((Policy(name="rollback", cause=Cause.DEPLOYMENT, mode=Mode.ACT),))
HOOK = PauseHook("ecs-pause-1", at(600), "ROLLBACK")
UNDER_WAY = DeploymentStatus.IN_PROGRESS
BESIDE = Placement("123456789012", "eu-west-1", "mylearning", "web-app")


def moving(weight: float | None, strategy: Strategy = Strategy.CANARY, created: float = -5) -> Deployment:
    stage = "BAKE_TIME" if weight == 100 else "PRODUCTION_TRAFFIC_SHIFT" if weight else "POST_SCALE_UP"
    return replace(deployment(2, created, UNDER_WAY), strategy=strategy, weight=weight, stage=stage)


def stands(new: Deployment, ratio: float = 0.04) -> Stage:
    stage = Stage()
    stage.deploys(IRELAND, new)
    stage.fails(IRELAND, 1, ratio)
    return stage


def judged(stage: Stage, minutes: float = 10) -> tuple[Diagnosis, Decision]:
    situation = stage.situation(IRELAND, minutes)
    diagnosis = diagnose(situation)
    return diagnosis, decide(situation, diagnosis, ACT, Switches(), stage.now)


# -- who is to blame


def test_a_canary_that_fails_only_its_share_is_blamed_and_turned_back() -> None:
    diagnosis, decision = judged(stands(moving(5), ratio=0.04))
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.DEPLOYMENT, Confidence.HIGH)
    assert decision.verdict is Verdict.ACT
    assert decision.plan
    assert decision.plan.effect == StopDeployment(placement=IRELAND, deployment_arn="arn:deployment/2")


def test_a_canary_that_fails_every_request_it_gets_is_blamed_whatever_chance_adds() -> None:
    _, decision = judged(stands(moving(5), ratio=0.054))
    assert decision.verdict is Verdict.ACT


def test_more_than_its_share_a_canary_cannot_have_failed_so_a_person_is_asked() -> None:
    diagnosis, decision = judged(stands(moving(5), ratio=0.3))
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.DEPLOYMENT, Confidence.LOW)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.LOW_CONFIDENCE)
    finding = next(f for f in diagnosis.findings if f.name == "more_than_its_share")
    assert finding.yes
    assert finding.numbers["weight_ratio"] == pytest.approx(0.05)


def test_a_share_that_is_not_told_asks_a_person() -> None:
    _, decision = judged(stands(moving(None)))
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.LOW_CONFIDENCE)


def test_what_fails_everywhere_beyond_a_canary_s_share_is_a_dependency() -> None:
    stage = stands(moving(5), ratio=0.3)
    for place in (VIRGINIA, SINGAPORE):
        stage.fails(place, 1, 0.3)
    assert judged(stage)[0].cause is Cause.DEPENDENCY


def test_what_has_got_no_request_yet_is_not_blamed() -> None:
    diagnosis, decision = judged(stands(moving(0), ratio=0.3))
    assert diagnosis.cause is Cause.UNKNOWN
    assert decision.plan is None


def test_hours_after_it_began_a_deployment_is_blamed_when_traffic_reaches_it() -> None:
    stage = stands(moving(100, Strategy.BLUE_GREEN, created=-300), ratio=0.3)
    diagnosis, decision = judged(stage)
    assert diagnosis.confidence is Confidence.HIGH
    assert decision.verdict is Verdict.ACT


def test_what_failed_before_as_well_is_left_to_a_person() -> None:
    stage = stands(moving(100, Strategy.BLUE_GREEN, created=-30), ratio=0.3)
    stage.troubles.append(replace(stage.troubles[0], start=-20, end=-12))
    assert judged(stage)[1].verdict is Verdict.ESCALATE


def test_callers_that_fail_when_traffic_moves_do_not_acquit_it() -> None:
    stage = Stage(neighbours=(BESIDE,))
    stage.views.pop(BESIDE, None)
    stage.deploys(IRELAND, moving(100, Strategy.BLUE_GREEN, created=-20))
    stage.fails(IRELAND, 1)
    stage.fails(BESIDE, 1)
    assert judged(stage)[1].verdict is Verdict.ACT


# -- the way back


@pytest.mark.parametrize("strategy", [Strategy.BLUE_GREEN, Strategy.LINEAR, Strategy.CANARY])
def test_at_a_pause_hook_the_hook_is_answered_with_rollback(strategy: Strategy) -> None:
    _, decision = judged(stands(replace(moving(100, strategy), hook=HOOK), ratio=0.3))
    assert decision.plan
    assert decision.plan.effect == TurnBackAtHook(
        placement=IRELAND, deployment_arn="arn:deployment/2", hook_id=HOOK.id
    )


def test_after_clean_up_the_earlier_revision_is_deployed_anew_and_the_plan_says_that_it_is_slow() -> None:
    done = replace(deployment(2, -20, finished=-2), strategy=Strategy.CANARY, weight=100.0, stage="CLEAN_UP")
    _, decision = judged(stands(done, ratio=0.3))
    assert decision.plan
    assert isinstance(decision.plan.effect, RestoreRevision)
    assert decision.plan.effect.task_definition == definition(1)
    assert "slowly" in decision.plan.sentence


@pytest.mark.parametrize(
    "status", [DeploymentStatus.ROLLBACK_REQUESTED, DeploymentStatus.ROLLBACK_IN_PROGRESS]
)
def test_while_ecs_turns_it_back_it_is_watched(status: DeploymentStatus) -> None:
    _, decision = judged(stands(replace(moving(0), status=status), ratio=0.3))
    assert (decision.verdict, decision.reason) == (Verdict.WAIT, Reason.NATIVE_ROLLBACK)


@pytest.mark.parametrize(
    "status",
    [DeploymentStatus.STOP_REQUESTED, DeploymentStatus.STOPPED, DeploymentStatus.ROLLBACK_FAILED],
)
def test_where_nobody_knows_what_serves_a_person_is_called(status: DeploymentStatus) -> None:
    _, decision = judged(stands(replace(moving(100), status=status), ratio=0.3))
    assert (decision.verdict, decision.plan) == (Verdict.ESCALATE, None)


def test_where_a_newer_deployment_took_over_that_is_judged() -> None:
    stage = stands(replace(moving(100), status=DeploymentStatus.STOPPED, finished_at=at(0)), ratio=0.3)
    stage.deploys(IRELAND, replace(moving(0), arn="arn:deployment/3", created_at=at(5)))
    _, decision = judged(stage)
    assert (decision.verdict, decision.reason) == (Verdict.WAIT, Reason.NEWER_DEPLOYMENT)


# -- carried out and proven


def play(new: Deployment, ratio: float = 0.3) -> Play:
    return Play(stands(new, ratio))


def newest(on: Play, **fields: object) -> None:
    """Let the newest deployment stand otherwise."""
    first, *rest = on.stage.views[IRELAND].deployments
    on.stage.change(IRELAND, deployments=(replace(first, **fields), *rest))  # type: ignore[arg-type]


def test_a_hook_that_is_reached_just_before_the_act_is_answered_instead() -> None:
    played = play(moving(100, Strategy.BLUE_GREEN))
    run = played.decided()
    assert isinstance(run.effect, StopDeployment)
    newest(played, hook=HOOK)
    played.live(12)
    assert [type(effect) for effect in played.stage.sent] == [TurnBackAtHook]
    assert played.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_a_stop_that_is_refused_since_a_hook_was_reached_becomes_an_answer_to_it() -> None:
    played = play(moving(100, Strategy.BLUE_GREEN))
    run = played.decided()
    played.stage.deliveries = [Delivery.REFUSED]
    played.stage.on_apply = lambda effect: (
        newest(played, hook=HOOK) if isinstance(effect, StopDeployment) else None
    )
    played.live(12)
    assert [type(effect) for effect in played.stage.sent] == [StopDeployment, TurnBackAtHook]
    assert played.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_a_refusal_that_changed_nothing_is_told_a_person_and_not_repeated() -> None:
    played = play(moving(100, Strategy.BLUE_GREEN))
    run = played.decided()
    played.stage.deliveries = [Delivery.REFUSED]
    played.live(12)
    assert len(played.stage.sent) == 1
    assert played.runs.runs[run.id].outcome is Outcome.REFUSED


@pytest.mark.parametrize(("weight", "minutes"), [(0.0, 10), (100.0, 30)])
def test_once_traffic_is_back_nobody_waits_for_tasks(weight: float, minutes: int) -> None:
    played = play(moving(100, Strategy.BLUE_GREEN))
    run = played.decided()
    played.live(1)
    newest(played, status=DeploymentStatus.ROLLBACK_IN_PROGRESS, weight=weight)
    played.stage.troubles = [replace(played.stage.troubles[0], end=1e9)]
    played.live(minutes - 3)
    assert played.runs.runs[run.id].ended_at is None
    played.live(4)
    after = played.runs.runs[run.id]
    assert after.outcome is Outcome.NOT_RECOVERED
    assert after.ended_at
    assert after.acted_at
    assert after.ended_at - after.acted_at <= timedelta(minutes=minutes + 1)


def test_our_own_way_back_that_waits_at_a_hook_calls_a_person_at_once() -> None:
    done = replace(deployment(2, -20, finished=-2), strategy=Strategy.BLUE_GREEN, weight=100.0)
    played = play(done)
    run = played.decided()
    played.stage.on_apply = lambda _effect: None
    played.engine.advance(played.stage.now)
    played.engine.advance(played.stage.now)
    assert [type(effect) for effect in played.stage.sent] == [RestoreRevision]
    newest(played, status=UNDER_WAY, finished_at=None, hook=HOOK)
    played.live(3)
    after = played.runs.runs[run.id]
    assert after.outcome is Outcome.PAUSED
    told = played.runs.entries[-1].sentence
    assert HOOK.id in told
    assert "then ECS chooses ROLLBACK" in told


def test_a_slow_way_back_is_watched_until_minutes_after_its_end_are_known() -> None:
    done = replace(deployment(2, -20, finished=-2), strategy=Strategy.CANARY, weight=100.0)
    played = play(done)
    run = played.decided()
    played.live(1)
    trouble = played.stage.troubles[0]
    newest(played, status=UNDER_WAY, finished_at=None, weight=10.0, strategy=Strategy.CANARY)
    played.stage.troubles = [replace(trouble, end=1e9)]
    played.live(12)
    assert played.runs.runs[run.id].ended_at is None
    newest(played, status=DeploymentStatus.SUCCESSFUL, finished_at=played.stage.now, weight=100.0)
    played.stage.troubles = [replace(trouble, end=(played.stage.now - at(0)) / timedelta(minutes=1))]
    played.live(8)
    assert played.runs.runs[run.id].outcome is Outcome.RECOVERED
