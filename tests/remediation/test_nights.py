"""Nights on which automation could do harm or keep silent: each test is one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import Controller, DeploymentStatus, ScalingRange
from remediation.actions.effects import Delivery, RestoreRevision, SetScalingMinimum
from remediation.decision.decide import Decision, decide
from remediation.decision.guards import Switches
from remediation.decision.policy import Policies, Policy
from remediation.decision.record import record
from remediation.diagnosis.diagnose import Confidence, diagnose
from remediation.events.event import TaskEnd
from remediation.history import PastAction
from remediation.incidents import PROBED, Judgement, Phase, Symptom
from remediation.journal import EntryKind
from remediation.vocabulary import ActionName, Cause, Mode, Outcome, Reason, Verdict
from remediation.workflow.engine import Engine
from remediation.workflow.progress import follow
from remediation.workflow.start import run_for
from slo.burn import Severity
from tests.remediation.stage import (
    IRELAND,
    MINUTE,
    SINGAPORE,
    VIRGINIA,
    MemoryRuns,
    Stage,
    Trouble,
    at,
    definition,
    deployment,
    incident,
)

if TYPE_CHECKING:
    from remediation.diagnosis.situation import Situation
    from remediation.workflow.run import Run
    from slo.cells import Placement

ACT = Policies(
    tuple(
        Policy(name=cause, cause=cause, mode=Mode.ACT)
        for cause in (Cause.DEPLOYMENT, Cause.SPOT_SHORTAGE, Cause.SURGE)
    )
)


class Night:
    """An engine on a stage, whose runs are the history that everybody sees."""

    def __init__(self, stage: Stage, policies: Policies = ACT) -> None:
        self.stage, self.runs = stage, MemoryRuns()
        self.engine = Engine(runs=self.runs, look=self.look, actuator=stage, policies=policies)
        stage.now = at(10)

    def look(self, run: Run) -> Situation:
        self.stage.history = [each.past for each in self.runs.runs.values()]
        return self.stage.look(run)

    def decided(self, place: Placement = IRELAND) -> Decision:
        """Decide now, and start the run if there is one."""
        self.stage.history = [each.past for each in self.runs.runs.values()]
        situation = self.stage.situation(place)
        decision = decide(situation, diagnose(situation), self.engine.policies, Switches(), self.stage.now)
        if (run := run_for(incident(place), decision, self.stage.now)) is not None:
            self.runs.start(run, ())
        return decision

    def live(self, minutes: float) -> None:
        end = self.stage.now + minutes * MINUTE
        while self.stage.now < end:
            for _ in range(5):
                if self.engine.advance(self.stage.now) is None:
                    break
            self.stage.now += timedelta(seconds=10)


def bad_in(*places: Placement) -> Stage:
    stage = Stage()
    for place in places:
        stage.deploys(place, deployment(2, -10, finished=-2))
        stage.fails(place, 1)
    return stage


def test_two_regions_that_wait_for_each_other_are_mended_one_after_the_other() -> None:
    narrow = Policies((ACT.policies[0].model_copy(update={"services_max_percent": 1}),))
    night = Night(bad_in(IRELAND, VIRGINIA), narrow)
    first, second = (night.stage.situation(place) for place in (IRELAND, VIRGINIA))
    for situation in (first, second):  # decided in one turn: neither sees the other's run
        decision = decide(situation, diagnose(situation), narrow, Switches(), night.stage.now)
        run = run_for(incident(situation.placement), decision, night.stage.now)
        assert run is not None
        night.runs.start(run, ())
    night.live(25)
    assert [effect.placement for effect in night.stage.sent] == [IRELAND, VIRGINIA]
    assert [run.outcome for run in night.runs.runs.values()] == [Outcome.RECOVERED] * 2


def test_a_region_that_our_rollback_has_mended_does_not_acquit_the_same_release_elsewhere() -> None:
    stage = bad_in(IRELAND, VIRGINIA)
    night = Night(stage)
    assert night.decided(VIRGINIA).verdict is Verdict.ACT
    night.live(15)
    decision = night.decided(IRELAND)
    assert (decision.diagnosis.cause, decision.verdict) == (Cause.DEPLOYMENT, Verdict.ACT)


def test_trouble_while_the_temporary_change_is_in_force_calls_a_person() -> None:
    stage = Stage()
    stage.demand[IRELAND], stage.cpu[IRELAND] = (1, 4.0), 95.0
    stage.fails(IRELAND, 1)
    stage.now = at(10)
    in_force = PastAction(
        run="r",
        incident=incident().id,
        placement=IRELAND,
        action=ActionName.SCALE_OUT,
        started_at=at(-20),
        undo=True,
        waiting=True,
    )
    stage.history.append(in_force)
    situation = stage.situation()
    decision = decide(situation, diagnose(situation), ACT, Switches(), stage.now)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.TRIED_BEFORE)


def test_an_incident_that_called_a_person_says_so_while_a_change_waits_to_be_undone() -> None:
    night = Night(Stage())
    night.stage.demand[IRELAND], night.stage.cpu[IRELAND] = (1, 4.0), 95.0
    night.stage.fails(IRELAND, 1)
    night.decided()
    night.live(10)
    undo = next(run for run in night.runs.runs.values() if run.undo)
    called = Judgement(
        placement=IRELAND, cause=Cause.SURGE, verdict=Verdict.ESCALATE, reason=Reason.TRIED_BEFORE
    )
    assert follow(incident(), [undo]).phase is Phase.VERIFYING
    assert follow(replace(incident(), judgements=(called,)), [undo]).phase is Phase.ESCALATED


def test_a_rollback_that_ecs_is_slow_to_take_back_is_still_carried_out_once_more() -> None:
    night = Night(bad_in(IRELAND))
    night.decided()
    night.live(1)
    ours, *rest = night.stage.views[IRELAND].deployments
    turning = replace(ours, status=DeploymentStatus.ROLLBACK_IN_PROGRESS, finished_at=None)
    night.stage.change(IRELAND, deployments=(turning, *rest), task_definition=definition(2))
    night.stage.fails(IRELAND, 11)
    night.live(3)
    turned = replace(turning, status=DeploymentStatus.ROLLBACK_SUCCESSFUL, finished_at=night.stage.now)
    night.stage.change(IRELAND, deployments=(turned, *rest))
    night.live(12)
    assert [type(effect) for effect in night.stage.sent] == [RestoreRevision] * 2
    assert [run.outcome for run in night.runs.runs.values()] == [Outcome.RECOVERED]


def rolled_back_by_ecs(finished: float) -> Stage:
    stage = Stage()
    turned = replace(
        deployment(2, 0, DeploymentStatus.ROLLBACK_SUCCESSFUL, finished),
        rolled_back_to=deployment(1, -99).target,
    )
    stage.deploys(IRELAND, turned)
    stage.change(IRELAND, task_definition=definition(1))
    stage.fails(IRELAND, 1)
    return stage


def test_what_ecs_has_rolled_back_in_vain_calls_a_person_after_three_failing_minutes() -> None:
    night = Night(rolled_back_by_ecs(finished=6))
    assert night.decided().reason is Reason.NATIVE_ROLLBACK
    night.stage.now = at(14)
    decision = night.decided()
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NOT_APPLICABLE)


def test_a_newer_deployment_that_fails_as_well_calls_a_person() -> None:
    stage = bad_in(IRELAND)
    stage.deploys(IRELAND, deployment(3, 5, finished=8))
    night = Night(stage)
    assert night.decided().reason is Reason.NEWER_DEPLOYMENT
    stage.now = at(16)
    decision = night.decided()
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NOT_APPLICABLE)


def test_a_deployment_of_the_same_task_definition_is_never_answered_with_an_ancient_one() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -4000, finished=-3990))
    again = replace(deployment(2, -10, finished=-2), arn="arn:deployment/again")
    again = replace(again, target=replace(again.target, arn="arn:revision/again"))
    stage.deploys(IRELAND, again)
    stage.fails(IRELAND, 1)
    decision = Night(stage).decided()
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NO_KNOWN_GOOD)


def test_a_rollback_that_was_only_planned_convicts_no_revision() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -400, finished=-390))
    stage.deploys(IRELAND, deployment(3, -8, finished=-1))
    stage.fails(IRELAND, 1)
    stage.now = at(10)
    held = PastAction(
        run="held",
        incident="last month",
        placement=IRELAND,
        action=ActionName.ROLLBACK,
        started_at=at(-4000),
        ended_at=at(-3990),
        outcome=Outcome.REJECTED,
        suspect=definition(2),
    )
    stage.history.append(held)
    situation = stage.situation()
    decision = decide(situation, diagnose(situation), ACT, Switches(), stage.now)
    assert decision.plan
    assert isinstance(decision.plan.effect, RestoreRevision)
    assert decision.plan.effect.task_definition == definition(2)


def test_silence_after_a_rollback_is_not_called_recovery() -> None:
    stage = bad_in(IRELAND)
    night = Night(stage)
    night.decided()
    stage.demand[IRELAND] = (10, 0.0)
    night.live(14)
    assert [run.outcome for run in night.runs.runs.values()] == [Outcome.UNCERTAIN]


def test_a_policy_that_begins_to_ask_stops_a_run_that_nobody_was_asked_about() -> None:
    night = Night(bad_in(IRELAND))
    night.decided()
    asks = ACT.policies[0].model_copy(update={"mode": Mode.PROPOSE, "approvers": ("*",)})
    night.engine = replace(night.engine, policies=Policies((asks,)))
    night.live(1)
    assert night.stage.sent == []
    assert [run.outcome for run in night.runs.runs.values()] == [Outcome.CANCELLED]


def test_a_minimum_that_somebody_raised_meanwhile_is_what_is_gone_back_to() -> None:
    stage = Stage()
    stage.demand[IRELAND], stage.cpu[IRELAND] = (1, 4.0), 95.0
    stage.fails(IRELAND, 1)
    night = Night(stage)
    night.decided()
    stage.change(IRELAND, scaling=ScalingRange(9, 40))
    night.live(8)
    undo = next(run for run in night.runs.runs.values() if run.undo)
    assert undo.effect == SetScalingMinimum(placement=IRELAND, minimum=9)


def test_a_temporary_change_outlives_a_region_that_cannot_be_asked_and_is_undone_then() -> None:
    stage = Stage()
    stage.demand[IRELAND], stage.cpu[IRELAND] = (1, 4.0), 95.0
    stage.fails(IRELAND, 1)
    night = Night(stage)
    night.decided()
    night.live(12)
    stage.demand.clear()
    stage.cpu.clear()
    stage.unreachable = True
    night.live(60)
    stage.unreachable = False
    stage.deliveries = [Delivery.THROTTLED] * 7
    night.live(100)
    assert stage.views[IRELAND].scaling == ScalingRange(4, 40)
    assert [run.outcome for run in night.runs.runs.values()] == [Outcome.RECOVERED, Outcome.RESTORED]


def idle_elsewhere(requests_share: float = 0.0) -> Stage:
    stage = bad_in(IRELAND)
    for place in (VIRGINIA, SINGAPORE):
        stage.demand[place] = (-1000, requests_share)
    return stage


def test_regions_that_nobody_asks_are_no_proof_that_it_fails_only_here() -> None:
    stage = idle_elsewhere()
    stage.now = at(10)
    diagnosis = diagnose(stage.situation())
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.DEPLOYMENT, Confidence.MEDIUM)
    compared = next(f for f in diagnosis.findings if f.name == "failing_elsewhere")
    assert compared.numbers == {"others": 0}


def test_what_ecs_turned_back_because_its_tasks_crash_is_not_called_a_loop_without_a_cause() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, 0, DeploymentStatus.ROLLBACK_SUCCESSFUL, finished=2))
    stage.change(IRELAND, task_definition=definition(1))
    for minute in (0.5, 1, 1.5):
        stage.ends(IRELAND, TaskEnd.FAILED_TO_START, minute, version=2)
    night = Night(stage)
    stage.now = at(4)
    decision = night.decided()
    assert (decision.diagnosis.cause, decision.reason) == (Cause.DEPLOYMENT, Reason.NATIVE_ROLLBACK)


def test_a_second_region_in_need_is_called_for_although_somebody_was_called_for_the_first() -> None:
    stage = bad_in(VIRGINIA)
    stage.change(VIRGINIA, controller=Controller.EXTERNAL)
    for minute in (5, 6, 7):
        stage.ends(IRELAND, TaskEnd.CRASHED, minute)
    night = Night(stage)
    first = record(incident(), night.decided(IRELAND))
    assert first is not None
    second = record(first.incident, night.decided(VIRGINIA))
    assert second is not None
    assert first.entries[-1].kind is second.entries[-1].kind is EntryKind.ESCALATED


def probed(stage: Stage, *, last_seen: float, minutes: float) -> Decision:
    """Decide about a placement whose checks from outside fail, and that has no other sign of trouble."""
    sign = Symptom(
        placement=IRELAND,
        name=f"{PROBED}https://shop.example/health",
        severity=Severity.PAGE,
        sentence="It fails its checks from outside.",
        first_seen=at(0),
        last_seen=at(last_seen),
    )
    alone = replace(stage.situation(IRELAND, minutes), incident=replace(incident(), symptoms=(sign,)))
    return decide(alone, diagnose(alone), ACT, Switches(), alone.at)


def test_checks_from_outside_that_fail_alone_call_a_person_and_never_act() -> None:
    stage = Stage()
    early = probed(stage, last_seen=2, minutes=2)
    assert (early.verdict, early.reason) == (Verdict.WAIT, Reason.GATHERING_EVIDENCE)
    late = probed(stage, last_seen=9, minutes=9)
    assert (late.verdict, late.reason) == (Verdict.ESCALATE, Reason.NO_ACTION_FOR_CAUSE)
    assert "checks from outside fail, but no request that arrives" in late.diagnosis.sentence
    assert (early.plan, late.plan) == (None, None)


def test_checks_from_outside_convict_no_deployment_that_came_before_them() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -1, finished=1))
    decision = probed(stage, last_seen=9, minutes=9)
    assert (decision.diagnosis.cause, decision.verdict) == (Cause.UNKNOWN, Verdict.ESCALATE)
    assert decision.plan is None


def test_checks_from_outside_of_a_service_that_counts_no_requests_call_a_person() -> None:
    decision = probed(Stage(places=()), last_seen=9, minutes=9)
    assert (decision.verdict, decision.plan) == (Verdict.ESCALATE, None)


def test_checks_from_outside_that_succeed_again_are_no_trouble() -> None:
    decision = probed(Stage(), last_seen=3, minutes=9)
    assert not decision.diagnosis.in_trouble
    assert decision.verdict is Verdict.WAIT


def test_trouble_that_comes_and_goes_is_left_to_a_person_however_recent_the_deployment() -> None:
    stage = Stage()
    stage.troubles += [Trouble(IRELAND, -40, 0.3, end=-30), Trouble(IRELAND, -25, 0.3, end=-15)]
    stage.deploys(IRELAND, deployment(2, -4, finished=-1))
    stage.fails(IRELAND, 1)
    decision = Night(stage).decided()
    assert (decision.diagnosis.cause, decision.verdict) == (Cause.DEPLOYMENT, Verdict.ESCALATE)
    assert decision.reason is Reason.LOW_CONFIDENCE


def test_a_blip_an_hour_ago_does_not_protect_a_bad_deployment() -> None:
    stage = bad_in(IRELAND)
    stage.troubles.append(Trouble(IRELAND, -45, 0.01, end=-44))
    assert Night(stage).decided().verdict is Verdict.ACT


def test_an_incident_that_paged_before_the_deployment_is_not_its_doing_although_the_minutes_are_gone() -> (
    None
):
    stage = bad_in(IRELAND)
    stage.now = at(10)
    situation = stage.situation()
    older = replace(incident().symptoms[0], first_seen=at(-120))
    situation = replace(situation, incident=replace(incident(), symptoms=(older,)))
    assert diagnose(situation).confidence is Confidence.LOW


def test_a_deployment_whose_tasks_crash_is_acquitted_by_regions_that_crash_without_one() -> None:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -25, DeploymentStatus.IN_PROGRESS))
    for place, version in ((IRELAND, 2), (VIRGINIA, 1), (SINGAPORE, 1)):
        stage.fails(place, 4)
        for task in range(4):
            stage.ends(place, TaskEnd.CRASHED, 1.5 + task / 2, version)
    night = Night(stage)
    stage.now = at(4)
    assert night.decided().diagnosis.cause is Cause.CRASH_LOOP
    stage.now = at(8)
    assert night.decided().diagnosis.cause is Cause.DEPENDENCY
    assert night.runs.runs == {}


def test_the_first_crashes_do_not_convict_a_deployment_that_left_no_earlier_task_to_compare_with() -> None:
    stage = Stage()
    stage.deploys(IRELAND, replace(deployment(2, -9, DeploymentStatus.IN_PROGRESS), sources_running=0))
    for task in range(3):
        stage.ends(IRELAND, TaskEnd.CRASHED, task / 2, version=2)
    night = Night(stage)
    stage.now = at(2)
    assert night.decided().verdict is Verdict.WAIT
    stage.now = at(9)
    decision = night.decided()
    assert (decision.diagnosis.cause, decision.verdict) == (Cause.CRASH_LOOP, Verdict.ESCALATE)


def test_a_deployment_of_the_same_task_definition_is_not_known_by_the_tasks_that_crash() -> None:
    stage = Stage()
    forced = replace(deployment(1, -3, DeploymentStatus.IN_PROGRESS), sources=(deployment(1, 0).target,))
    stage.deploys(IRELAND, forced)
    for task in range(3):
        stage.ends(IRELAND, TaskEnd.CRASHED, task / 2)
    night = Night(stage)
    stage.now = at(9)
    assert night.decided().diagnosis.cause is Cause.CRASH_LOOP


@pytest.mark.parametrize("a_minute", [1, 2, 4, 10])
def test_a_quiet_region_that_fails_every_request_is_not_called_fine(a_minute: int) -> None:
    stage = bad_in(IRELAND)
    for place in (VIRGINIA, SINGAPORE):
        stage.demand[place] = (-1000, a_minute / stage.rate)
        stage.fails(place, 1, ratio=1.0)
    night = Night(stage)
    stage.now = at(12)
    assert night.decided().diagnosis.cause is Cause.DEPENDENCY


def test_a_region_too_quiet_to_show_what_fails_here_does_not_make_a_deployment_certain() -> None:
    stage = idle_elsewhere(requests_share=3 / 6000)
    stage.now = at(8)
    diagnosis = diagnose(stage.situation())
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.DEPLOYMENT, Confidence.MEDIUM)


def test_a_surge_that_lasts_for_hours_does_not_become_usual_while_it_is_met() -> None:
    stage = Stage()
    stage.demand[IRELAND], stage.cpu[IRELAND] = (1, 4.0), 95.0
    stage.fails(IRELAND, 1)
    night = Night(stage)
    night.decided()
    night.live(150)
    assert [run.outcome for run in night.runs.runs.values()] == [Outcome.RECOVERED, None]
    assert stage.views[IRELAND].scaling != ScalingRange(4, 40)
    stage.demand.clear()
    night.live(30)
    assert stage.views[IRELAND].scaling == ScalingRange(4, 40)


def test_a_deployment_that_changed_more_than_the_task_definition_is_left_to_a_person() -> None:
    stage = bad_in(IRELAND)
    last, *older = stage.views[IRELAND].deployments
    moved = replace(
        last, target=replace(last.target, rest=(("networkConfiguration", "b"), ("loadBalancers", "l")))
    )
    before = replace(
        older[0],
        target=replace(older[0].target, rest=(("networkConfiguration", "a"), ("loadBalancers", "l"))),
    )
    stage.change(IRELAND, deployments=(moved, before))
    decision = Night(stage).decided()
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.MORE_CHANGED)
    assert "different networkConfiguration." in decision.sentence
