"""The five stories that diagnosis must tell apart, and the traps between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collector.estate import DeploymentStatus, ServiceView
from remediation.actions.effects import RestoreRevision, SetScalingMinimum, SetStrategy, StopDeployment
from remediation.decision.decide import Decision, decide
from remediation.decision.guards import Switches
from remediation.decision.policy import Policies, Policy
from remediation.diagnosis.diagnose import Confidence, Diagnosis, diagnose
from remediation.events.event import DeploymentChanged, DeploymentPhase, Origin, TaskEnd
from remediation.history import PastAction
from remediation.vocabulary import ActionName, Cause, Mode, Outcome, Reason, Verdict
from tests.remediation.stage import (
    IRELAND,
    SINGAPORE,
    SPOT_MIX,
    VIRGINIA,
    Stage,
    at,
    definition,
    deployment,
)

if TYPE_CHECKING:
    from slo.cells import Placement

ALL_ACT = Policies(
    tuple(
        Policy(name=f"{cause}", cause=cause, mode=Mode.ACT)
        for cause in (Cause.DEPLOYMENT, Cause.SPOT_SHORTAGE, Cause.SURGE)
    )
)


def judged(stage: Stage, place: Placement = IRELAND, minutes: float = 10) -> tuple[Diagnosis, Decision]:
    situation = stage.situation(place, minutes)
    diagnosis = diagnose(situation)
    return diagnosis, decide(situation, diagnosis, ALL_ACT, Switches(), stage.now)


def bad_deployment(finished: float = -2, failing_from: float = 1) -> Stage:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -10, finished=finished))
    stage.fails(IRELAND, failing_from)
    return stage


def test_a_deployment_that_succeeded_and_then_fails_here_alone_is_rolled_back() -> None:
    diagnosis, decision = judged(bad_deployment())
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.DEPLOYMENT, Confidence.HIGH)
    assert decision.verdict is Verdict.ACT
    assert decision.plan
    assert isinstance(decision.plan.effect, RestoreRevision)
    assert decision.plan.effect.task_definition == definition(1)


def test_a_deployment_under_way_is_turned_back_by_ecs_itself() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -1, DeploymentStatus.IN_PROGRESS))
    stage.fails(IRELAND, 1, ratio=0.1)
    _, decision = judged(stage, minutes=6)
    assert decision.plan
    assert decision.plan.effect == StopDeployment(placement=IRELAND, deployment_arn="arn:deployment/2")


def test_a_dependency_that_fails_everywhere_is_not_blamed_on_an_innocent_deployment() -> None:
    stage = bad_deployment()
    stage.fails(VIRGINIA, 1)
    stage.fails(SINGAPORE, 1)
    for place in (IRELAND, VIRGINIA, SINGAPORE):
        diagnosis, decision = judged(stage, place)
        assert (diagnosis.cause, diagnosis.confidence) == (Cause.DEPENDENCY, Confidence.HIGH)
        assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NO_ACTION_FOR_CAUSE)


def test_the_deployed_region_waits_while_the_others_minutes_are_not_known_yet() -> None:
    stage = bad_deployment()
    stage.lag = {VIRGINIA: 4, SINGAPORE: 4}
    _, decision = judged(stage, minutes=5)
    assert (decision.verdict, decision.reason) == (Verdict.WAIT, Reason.GATHERING_EVIDENCE)
    stage.fails(VIRGINIA, 1)
    stage.fails(SINGAPORE, 1)
    diagnosis, decision = judged(stage, minutes=8)
    assert diagnosis.cause is Cause.DEPENDENCY
    assert decision.plan is None


def test_at_no_minute_of_an_outage_everywhere_is_anything_rolled_back() -> None:
    stage = bad_deployment()
    stage.lag = {IRELAND: 1, VIRGINIA: 4, SINGAPORE: 5}
    stage.fails(VIRGINIA, 1)
    stage.fails(SINGAPORE, 1)
    verdicts = {judged(stage, minutes=minute / 2)[1].verdict for minute in range(2, 60)}
    assert verdicts == {Verdict.WAIT, Verdict.ESCALATE}


def test_when_the_other_regions_stay_dark_the_evidence_is_too_thin_to_act_on() -> None:
    stage = bad_deployment()
    stage.lag = {VIRGINIA: 60, SINGAPORE: 60}
    diagnosis, decision = judged(stage, minutes=10)
    assert (diagnosis.cause, diagnosis.complete) == (Cause.DEPLOYMENT, True)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.LOW_CONFIDENCE)


def test_one_dark_region_does_not_protect_a_bad_deployment() -> None:
    stage = bad_deployment()
    stage.lag = {SINGAPORE: 60}
    assert judged(stage, minutes=3)[1].verdict is Verdict.WAIT
    diagnosis, decision = judged(stage, minutes=10)
    assert (diagnosis.confidence, decision.verdict) == (Confidence.MEDIUM, Verdict.ACT)


@pytest.mark.parametrize(
    ("failing_from", "created", "verdict"),
    [(1.0, -10.0, Verdict.ACT), (-12.0, -10.0, Verdict.ESCALATE), (1.0, -55.0, Verdict.ESCALATE)],
    ids=["errors follow it", "errors came before it", "it is long ago"],
)
def test_in_a_single_region_the_onset_must_match(
    failing_from: float, created: float, verdict: Verdict
) -> None:
    stage = Stage(places=(IRELAND,))
    stage.deploys(IRELAND, deployment(2, created, finished=created + 5))
    stage.fails(IRELAND, failing_from)
    assert judged(stage)[1].verdict is verdict


@pytest.mark.parametrize(
    ("created", "ran", "blamed"),
    [(1.8, None, False), (0.9, None, True), (-1.5, 3.5, False), (-1.5, 1.5, True)],
    ids=["in the same minute", "the minute before", "its tasks ran later", "its tasks ran by then"],
)
def test_what_fails_before_a_task_of_a_deployment_ran_is_not_its_doing(
    created: float, ran: float | None, *, blamed: bool
) -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, created, DeploymentStatus.IN_PROGRESS))
    if ran is not None:
        stage.starts(IRELAND, ran, version=2)
    stage.fails(IRELAND, 1)
    assert (judged(stage)[0].cause is Cause.DEPLOYMENT) is blamed


def test_a_release_that_breaks_every_region_that_got_it_is_rolled_back() -> None:
    stage = bad_deployment()
    stage.deploys(VIRGINIA, deployment(2, -5, finished=-2))
    stage.fails(VIRGINIA, 3)
    diagnosis, decision = judged(stage)
    assert (diagnosis.cause, diagnosis.confidence, decision.verdict) == (
        Cause.DEPLOYMENT,
        Confidence.MEDIUM,
        Verdict.ACT,
    )


def test_regions_that_were_deployed_apart_and_fail_together_share_a_dependency() -> None:
    stage = bad_deployment()
    stage.deploys(VIRGINIA, deployment(2, -25, finished=-20))
    stage.fails(VIRGINIA, 1)
    assert judged(stage)[0].cause is Cause.DEPENDENCY


def spot_shortage() -> Stage:
    stage = Stage()
    stage.change(IRELAND, strategy=SPOT_MIX, running=6)
    stage.refuses(IRELAND, 3, 5)
    return stage


def test_spot_that_refuses_while_tasks_are_missing_is_replaced_by_on_demand() -> None:
    diagnosis, decision = judged(spot_shortage())
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.SPOT_SHORTAGE, Confidence.HIGH)
    assert decision.plan
    assert isinstance(decision.plan.effect, SetStrategy)
    assert [(s.provider, s.weight, s.base) for s in decision.plan.effect.strategy] == [("FARGATE", 4, 2)]
    assert decision.plan.inverse == SetStrategy(placement=IRELAND, strategy=SPOT_MIX)


def test_tasks_that_spot_took_and_does_not_replace_are_a_shortage_even_if_the_refusal_is_lost() -> None:
    stage = spot_shortage()
    stage.events.clear()
    stage.ends(IRELAND, TaskEnd.SPOT_INTERRUPTION, 8)
    assert judged(stage)[0].cause is Cause.UNKNOWN
    assert judged(stage, minutes=11)[0].cause is Cause.SPOT_SHORTAGE


@pytest.mark.parametrize(
    "fields",
    [{"running": 10}, {"strategy": ServiceView.__dataclass_fields__["strategy"].default}],
    ids=["all tasks run", "it does not use Spot"],
)
def test_a_refusal_alone_is_no_shortage(fields: dict[str, object]) -> None:
    stage = spot_shortage()
    stage.change(IRELAND, **fields)
    assert judged(stage)[0].cause is Cause.UNKNOWN


def surge() -> Stage:
    stage = Stage(demand={IRELAND: (0, 2.4)}, cpu={IRELAND: 96})
    stage.fails(IRELAND, 1, ratio=0.05)
    return stage


def test_more_requests_than_usual_on_busy_tasks_are_met_by_more_tasks() -> None:
    diagnosis, decision = judged(surge(), minutes=8)
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.SURGE, Confidence.HIGH)
    assert decision.plan
    assert decision.plan.effect == SetScalingMinimum(placement=IRELAND, minimum=24)
    assert decision.plan.inverse == SetScalingMinimum(placement=IRELAND, minimum=4)


def test_retries_on_idle_tasks_are_no_surge() -> None:
    stage = surge()
    stage.cpu[IRELAND] = 20
    assert judged(stage, minutes=8)[0].cause is Cause.UNKNOWN


def test_a_surge_right_after_a_deployment_is_left_to_a_person() -> None:
    stage = surge()
    stage.deploys(IRELAND, deployment(2, -3, finished=-1))
    _, decision = judged(stage, minutes=8)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.LOW_CONFIDENCE)


def test_retries_of_a_failing_dependency_are_no_surge_elsewhere_that_would_acquit_it() -> None:
    stage = bad_deployment()
    for place in (VIRGINIA, SINGAPORE):
        stage.fails(place, 1)
        stage.demand[place] = (0, 2.0)
    assert judged(stage)[0].cause is Cause.DEPENDENCY


def test_a_healthy_deployment_and_a_scale_in_mean_nothing() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -3, finished=2))
    stage.change(IRELAND, desired=8, running=8)
    for task in range(4):
        stage.ends(IRELAND, TaskEnd.SCALED_IN, 3 + task)
    diagnosis, decision = judged(stage)
    assert not diagnosis.in_trouble
    assert (decision.verdict, decision.plan) == (Verdict.WAIT, None)


def test_tasks_of_a_new_deployment_that_crash_are_stopped_before_a_user_is_hurt() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, 0, DeploymentStatus.IN_PROGRESS))
    for task in range(3):
        stage.ends(IRELAND, TaskEnd.CRASHED, 2 + task, version=2)
    diagnosis, decision = judged(stage, minutes=6)
    assert (diagnosis.cause, decision.verdict) == (Cause.DEPLOYMENT, Verdict.ACT)


def test_crashes_with_nothing_deployed_are_a_loop_for_a_person() -> None:
    stage = Stage()
    stage.fails(IRELAND, 1)
    for task in range(3):
        stage.ends(IRELAND, TaskEnd.CRASHED, 2 + task)
    diagnosis, decision = judged(stage, minutes=8)
    assert (diagnosis.cause, decision.verdict) == (Cause.CRASH_LOOP, Verdict.ESCALATE)


def test_trouble_without_a_known_cause_waits_for_evidence_and_then_calls_a_person() -> None:
    stage = Stage()
    stage.fails(IRELAND, 1)
    assert judged(stage, minutes=5)[1].verdict is Verdict.WAIT
    assert judged(stage, minutes=9)[1].verdict is Verdict.ESCALATE


def test_a_rollback_of_our_own_is_never_the_next_suspect() -> None:
    stage = bad_deployment()
    restored = stage.situation(IRELAND, 10)
    decision = decide(restored, diagnose(restored), ALL_ACT, Switches(), stage.now)
    assert decision.plan
    stage.carry_out(decision.plan.effect)
    stage.fails(IRELAND, 14)
    stage.history.append(
        PastAction(
            run="r",
            incident="earlier",
            placement=IRELAND,
            action=ActionName.ROLLBACK,
            started_at=stage.now,
            acted_at=stage.now,
            ended_at=stage.now,
            outcome=Outcome.RECOVERED,
            target=definition(1),
        )
    )
    assert judged(stage, minutes=25)[0].cause is not Cause.DEPLOYMENT
    stage.history[0] = replace(stage.history[0], target=definition(3))
    assert judged(stage, minutes=25)[0].cause is Cause.DEPLOYMENT, "somebody else deployed this one"


def test_tasks_on_notice_that_spot_does_not_replace_are_missed_before_they_are_gone() -> None:
    stage = spot_shortage()
    stage.change(IRELAND, running=10)
    assert judged(stage)[0].cause is Cause.UNKNOWN
    stage.warns(IRELAND, 9)
    diagnosis, decision = judged(stage)
    assert (diagnosis.cause, decision.verdict) == (Cause.SPOT_SHORTAGE, Verdict.ACT)


def test_cpu_of_before_the_surge_says_nothing_against_it() -> None:
    stage = surge()
    stage.cpu[IRELAND] = 20
    stage.cpu_minute[IRELAND] = -2
    diagnosis, decision = judged(stage, minutes=8)
    assert (diagnosis.cause, diagnosis.confidence, decision.verdict) == (
        Cause.SURGE,
        Confidence.MEDIUM,
        Verdict.ACT,
    )


def test_repeated_requests_to_a_failing_dependency_are_no_surge_while_cpu_is_not_known() -> None:
    stage = surge()
    stage.cpu_minute[IRELAND] = -2
    stage.fails(VIRGINIA, 1)
    assert judged(stage, minutes=8)[0].cause is Cause.DEPENDENCY


def test_a_surge_without_cpu_waits_until_other_regions_can_be_compared() -> None:
    stage = surge()
    stage.cpu_minute[IRELAND] = -2
    stage.lag = {VIRGINIA: 6}
    assert judged(stage, minutes=5)[1].verdict is Verdict.WAIT


BESIDE = tuple(replace(IRELAND, service=name) for name in ("web-app", "payment", "lms-integration"))


def beside(*failing: Placement, created: float = -20) -> Stage:
    """A deployment that was in force long before the trouble, and services beside it, some failing along."""
    stage = Stage(neighbours=BESIDE)
    stage.deploys(IRELAND, deployment(2, created, finished=created + 2))
    for place in (IRELAND, *failing):
        stage.fails(place, 1)
    return stage


def test_an_innocent_deployment_is_not_taken_back_when_its_region_begins_to_fail() -> None:
    diagnosis, decision = judged(beside(*BESIDE))
    assert (diagnosis.cause, decision.verdict) == (Cause.UNKNOWN, Verdict.ESCALATE)
    assert judged(beside(BESIDE[0]))[0].cause is Cause.UNKNOWN
    assert judged(beside())[1].verdict is Verdict.ACT


def test_callers_that_fail_as_soon_as_a_deployment_takes_hold_do_not_acquit_it() -> None:
    assert judged(beside(BESIDE[0], created=-3))[1].verdict is Verdict.ACT
    assert judged(beside(*BESIDE, created=-3))[0].cause is Cause.UNKNOWN


def test_what_is_deployed_together_and_fails_together_is_taken_back_together() -> None:
    stage = beside(BESIDE[0])
    stage.events.append(
        DeploymentChanged(
            origin=Origin(id="d", account="1", region="eu-west-1", at=at(-18)),
            placement=BESIDE[0],
            deployment_id="ecs-svc/1",
            phase=DeploymentPhase.STARTED,
            reason="",
        )
    )
    assert judged(stage)[1].verdict is Verdict.ACT


def test_a_deployment_waits_until_the_services_beside_it_are_known() -> None:
    stage = beside()
    stage.lag = dict.fromkeys(BESIDE, 4)
    assert judged(stage, minutes=5)[1].verdict is Verdict.WAIT
    assert judged(stage, minutes=8)[1].verdict is Verdict.ACT


def test_requests_that_are_repeated_to_a_failing_region_are_no_surge() -> None:
    stage = surge()
    stage.neighbours = BESIDE
    for place in BESIDE:
        stage.fails(place, 1)
    assert judged(stage, minutes=8)[0].cause is Cause.UNKNOWN
    stage.demand |= dict.fromkeys(BESIDE, (0, 2.4))
    stage.cpu |= dict.fromkeys(BESIDE, 96.0)
    assert judged(stage, minutes=8)[0].cause is Cause.SURGE
