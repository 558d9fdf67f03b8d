"""Nights on which automation could do harm or keep silent: each test is one of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import DeploymentStatus
from remediation.actions.effects import RestoreRevision
from remediation.decision.decide import Decision, decide
from remediation.decision.guards import Switches
from remediation.decision.policy import Policies, Policy
from remediation.diagnosis.diagnose import diagnose
from remediation.history import PastAction
from remediation.incidents import Judgement, Phase
from remediation.vocabulary import ActionName, Cause, Mode, Outcome, Reason, Verdict
from remediation.workflow.engine import Engine
from remediation.workflow.progress import follow
from remediation.workflow.start import run_for
from tests.remediation.stage import (
    IRELAND,
    MINUTE,
    VIRGINIA,
    MemoryRuns,
    Stage,
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
