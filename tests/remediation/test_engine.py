"""A run from decision to proof, also when answers are lost, people are slow, or processes die."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import DeploymentStatus, ProviderShare, ScalingRange
from remediation.actions.effects import (
    Delivery,
    Effect,
    Receipt,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StopDeployment,
)
from remediation.decision.decide import decide
from remediation.decision.guards import Switches
from remediation.decision.policy import OnTimeout, Policies, Policy
from remediation.diagnosis.deployments import ours
from remediation.diagnosis.diagnose import diagnose
from remediation.journal import EntryKind
from remediation.vocabulary import Cause, Mode, Outcome
from remediation.workflow.engine import Engine
from remediation.workflow.run import Claim, Leave, Run, RunState
from remediation.workflow.start import run_for
from tests.remediation.stage import (
    IRELAND,
    MINUTE,
    SPOT_MIX,
    Killed,
    MemoryRuns,
    Stage,
    at,
    definition,
    deployment,
    incident,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from remediation.diagnosis.situation import Situation

CAUSES = (Cause.DEPLOYMENT, Cause.SPOT_SHORTAGE, Cause.SURGE)
ACT = Policies(tuple(Policy(name=cause, cause=cause, mode=Mode.ACT) for cause in CAUSES))
PROPOSE = Policies(
    tuple(
        Policy(name=cause, cause=cause, mode=Mode.PROPOSE, approvers=("ana@example.com",), on_timeout=timeout)
        for cause, timeout in zip(CAUSES, OnTimeout, strict=True)
    )
)


class Play:
    """An engine on a stage, from the tenth minute on."""

    def __init__(self, stage: Stage, policies: Policies = ACT) -> None:
        self.stage, self.runs = stage, MemoryRuns()
        self.engine = Engine(runs=self.runs, look=stage.look, actuator=stage, policies=policies)
        stage.now = at(10)

    def decided(self) -> Run:
        """Decide now, and start the run."""
        situation = self.stage.situation(IRELAND)
        decision = decide(situation, diagnose(situation), self.engine.policies, Switches(), self.stage.now)
        run = run_for(incident(), decision, self.stage.now)
        assert run is not None, decision
        assert self.runs.start(run, ())
        assert not self.runs.start(run, ()), "the same decision made twice is one run"
        return run

    def live(self, minutes: float, every: timedelta = timedelta(seconds=10)) -> None:
        """Let the service run for so many minutes."""
        end = self.stage.now + minutes * MINUTE
        while self.stage.now < end:
            for _ in range(5):
                if self.engine.advance(self.stage.now) is None:
                    break
            self.stage.now += every

    def told(self) -> list[str]:
        return [str(entry.kind) for entry in self.runs.entries if entry.kind is not EntryKind.VERIFYING]


def bad_deployment() -> Stage:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -10, finished=-2))
    stage.fails(IRELAND, 1)
    return stage


def deploying() -> Stage:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, 0, DeploymentStatus.IN_PROGRESS))
    stage.fails(IRELAND, 1)
    return stage


def spot_shortage() -> Stage:
    stage = Stage()
    stage.change(IRELAND, strategy=SPOT_MIX, running=6)
    stage.refuses(IRELAND, 5, 8)
    return stage


def surge() -> Stage:
    stage = Stage(demand={IRELAND: (5, 2.4)}, cpu={IRELAND: 96})
    stage.fails(IRELAND, 5, ratio=0.05)
    return stage


BOUNDARIES = ("after the claim", "before the effect", "after the effect", "in the move")
STORIES = (bad_deployment, deploying, spot_shortage, surge)


def test_a_bad_deployment_is_rolled_back_and_proven_to_serve_again() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.live(12)
    assert [type(effect) for effect in play.stage.sent] == [RestoreRevision]
    after = play.runs.runs[run.id]
    assert (after.state, after.outcome) == (RunState.CLOSED, Outcome.RECOVERED)
    assert play.told() == ["intended", "applied", "recovered"]
    assert play.runs.locks == {}


def test_a_temporary_change_is_taken_back_at_its_expiry() -> None:
    play = Play(surge())
    run = play.decided()
    play.live(12)
    assert play.stage.views[IRELAND].scaling == ScalingRange(24, 40)
    play.stage.demand.clear()
    play.stage.cpu.clear()
    play.live(40)
    assert play.stage.views[IRELAND].scaling == ScalingRange(4, 40)
    assert play.runs.runs[f"{run.id}:undo"].outcome is Outcome.RESTORED
    assert [type(effect) for effect in play.stage.sent] == [SetScalingMinimum] * 2
    assert play.told() == ["intended", "applied", "recovered", "intended", "applied", "restored"]


def test_spot_is_not_returned_to_while_anybody_in_the_region_is_refused() -> None:
    play = Play(spot_shortage())
    play.decided()
    play.live(12)
    play.stage.refuses(IRELAND, 30, 38, 45, 52)
    play.live(45)
    assert [s.provider for s in play.stage.views[IRELAND].strategy] == ["FARGATE"]
    play.live(20)
    assert frozenset(play.stage.views[IRELAND].strategy) == frozenset(SPOT_MIX)
    assert [type(effect) for effect in play.stage.sent] == [SetStrategy] * 2


def test_what_does_not_help_is_escalated_and_not_repeated() -> None:
    play = Play(bad_deployment())
    play.stage.heals = lambda place, after=1: None  # type: ignore[method-assign]  # noqa: ARG005
    run = play.decided()
    play.live(40)
    assert len(play.stage.sent) == 1
    after = play.runs.runs[run.id]
    assert (after.state, after.outcome) == (RunState.ESCALATED, Outcome.NOT_RECOVERED)


def test_trouble_that_grows_while_tasks_are_added_is_not_their_doing() -> None:
    play = Play(surge())
    run = play.decided()
    play.stage.heals = lambda place, after=1: play.stage.fails(place, 11, 0.9)  # type: ignore[method-assign]  # noqa: ARG005
    play.live(8)
    assert play.runs.runs[run.id].state is RunState.VERIFY
    play.live(8)
    undo = play.runs.runs[f"{run.id}:undo"]
    assert play.runs.runs[run.id].outcome is Outcome.NOT_RECOVERED
    assert undo.wake >= at(40), (
        "what helps nobody harms nobody either, and is not one more change in an outage"
    )


def take_back(play: Play) -> None:
    """ECS rolls our rollback back, as a deployment alarm may have it do."""
    ours, *rest = play.stage.views[IRELAND].deployments
    turned = replace(ours, status=DeploymentStatus.ROLLBACK_SUCCESSFUL, arn=f"{ours.arn}/{play.stage.now}")
    play.stage.change(IRELAND, deployments=(turned, *rest), task_definition=definition(2))
    play.stage.fails(IRELAND, (play.stage.now - at(0)) / MINUTE - 1)


def test_a_rollback_that_a_deployment_alarm_takes_back_is_carried_out_once_more() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.live(2)
    take_back(play)
    play.live(15)
    assert [type(effect) for effect in play.stage.sent] == [RestoreRevision] * 2
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_a_rollback_that_is_taken_back_twice_is_given_to_a_person() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.live(2)
    take_back(play)
    play.live(2)
    take_back(play)
    play.live(3)
    assert len(play.stage.sent) == 2
    assert play.runs.runs[run.id].state is RunState.ESCALATED


def test_a_change_that_is_in_place_already_is_neither_sent_nor_undone_by_us() -> None:
    play = Play(surge())
    run = play.decided()
    play.stage.carry_out(run.effect)
    play.live(45)
    assert play.stage.sent == []
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED
    assert list(play.runs.runs) == [run.id]


def test_a_lost_answer_is_looked_up_and_not_sent_again() -> None:
    play = Play(bad_deployment())
    play.stage.deliveries = [Delivery.AMBIGUOUS]
    run = play.decided()
    play.live(15)
    assert len(play.stage.sent) == 1
    after = play.runs.runs[run.id]
    restored = play.stage.views[IRELAND].deployments[0]
    assert (after.outcome, after.acted_at) == (Outcome.RECOVERED, restored.created_at)
    play.stage.history = [after.past]
    assert ours(play.stage.situation(), IRELAND, restored)


def test_what_a_lost_answer_may_still_do_is_waited_for_from_when_it_was_given_up() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.engine.advance(play.stage.now)
    play.stage.deliveries = [Delivery.AMBIGUOUS]
    given_up = play.stage.now + 2 * play.engine.settle
    replace(play.engine, clock=lambda: given_up).advance(play.stage.now)
    assert play.runs.runs[run.id].wake == given_up + play.engine.settle


def test_too_fast_is_tried_again_and_then_given_to_a_person() -> None:
    play = Play(bad_deployment())
    play.stage.deliveries = [Delivery.THROTTLED] * 9
    run = play.decided()
    play.live(10)
    assert len(play.stage.sent) == 5
    assert play.runs.runs[run.id].state is RunState.ESCALATED


def test_a_refusal_is_told_in_the_words_of_aws() -> None:
    play = Play(bad_deployment())
    play.stage.deliveries = [Delivery.REFUSED]
    run = play.decided()
    play.live(2)
    assert play.runs.runs[run.id].outcome is Outcome.REFUSED
    assert "as the test wants it" in play.runs.entries[-1].sentence


def test_a_refusal_because_ecs_turned_it_back_a_moment_before_is_no_failure() -> None:
    play = Play(deploying())
    play.stage.deliveries = [Delivery.REFUSED]
    play.stage.on_apply = play.stage.carry_out
    run = play.decided()
    play.live(12)
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_a_newer_deployment_cancels_a_rollback_that_was_not_sent_yet() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.engine.advance(play.stage.now)
    play.stage.deploys(IRELAND, deployment(3, 9.9, DeploymentStatus.IN_PROGRESS))
    play.live(2)
    assert play.stage.sent == []
    assert play.runs.runs[run.id].state is RunState.CANCELLED


def test_a_deployment_that_completes_meanwhile_is_planned_for_anew() -> None:
    play = Play(deploying())
    run = play.decided()
    assert isinstance(run.effect, StopDeployment)
    play.engine.advance(play.stage.now)
    bad, *rest = play.stage.views[IRELAND].deployments
    done = replace(bad, status=DeploymentStatus.SUCCESSFUL, finished_at=play.stage.now)
    play.stage.change(IRELAND, deployments=(done, *rest))
    play.live(12)
    assert [type(effect) for effect in play.stage.sent] == [RestoreRevision]
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_trouble_that_went_away_by_itself_is_left_alone() -> None:
    play = Play(surge())
    run = play.decided()
    play.stage.heals(IRELAND, after=-5)
    play.live(2)
    assert (play.stage.sent, play.runs.runs[run.id].state) == ([], RunState.CANCELLED)


def test_what_a_person_changed_since_is_theirs_and_not_undone() -> None:
    play = Play(surge())
    run = play.decided()
    play.live(12)
    play.stage.demand.clear()
    play.stage.change(IRELAND, scaling=ScalingRange(12, 40))
    play.live(40)
    assert play.runs.runs[f"{run.id}:undo"].state is RunState.CANCELLED
    assert play.stage.views[IRELAND].scaling == ScalingRange(12, 40)


def test_the_kill_switch_holds_a_run_before_its_effect() -> None:
    play = Play(bad_deployment())
    play.decided()
    play.engine.advance(play.stage.now)
    play.runs.switched = Leave.PAUSED
    play.live(3)
    assert play.stage.sent == []
    play.runs.switched = Leave.GRANTED
    play.live(3)
    assert len(play.stage.sent) == 1


def test_a_switch_thrown_during_the_last_look_still_stops_the_effect() -> None:
    play = Play(bad_deployment())
    play.decided()
    play.engine.advance(play.stage.now)

    def look_while_it_is_thrown(run: Run) -> Situation:
        play.runs.switched = Leave.PAUSED
        return play.stage.look(run)

    engine = replace(play.engine, look=look_while_it_is_thrown)
    engine.advance(play.stage.now)
    assert play.stage.sent == []


def test_nothing_is_sent_into_the_dark() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.stage.unreachable = True
    play.live(15)
    assert (play.stage.sent, play.runs.runs[run.id].state) == ([], RunState.ESCALATED)


def test_success_that_cannot_be_seen_is_called_uncertain() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.live(1)
    play.stage.unreachable = True
    play.live(20)
    assert play.runs.runs[run.id].outcome is Outcome.UNCERTAIN


def test_a_deadline_that_passed_while_the_service_was_down_is_not_held_against_the_action() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.live(1)
    play.stage.now = at(120)
    play.live(1)
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_an_approved_action_is_done_and_says_who_approved() -> None:
    play = Play(bad_deployment(), PROPOSE)
    run = play.decided()
    play.live(1)
    assert (play.stage.sent, play.runs.runs[run.id].state) == ([], RunState.ASK)
    answer(play, run, "approve", "ana@example.com")
    play.live(12)
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED
    assert [e.actor for e in play.runs.entries if e.kind is EntryKind.ANSWERED] == ["ana@example.com"]


@pytest.mark.parametrize(
    ("choice", "actor", "state", "outcome"),
    [
        ("hold", "bo@example.com", RunState.REJECTED, Outcome.REJECTED),
        ("approve", "bo@example.com", RunState.ESCALATED, Outcome.UNANSWERED),
    ],
    ids=["anybody may hold", "not everybody may approve"],
)
def test_no_other_answer_does_anything(choice: str, actor: str, state: RunState, outcome: Outcome) -> None:
    play = Play(bad_deployment(), PROPOSE)
    run = play.decided()
    play.live(1)
    answer(play, run, choice, actor)
    play.live(5)
    assert play.stage.sent == []
    assert (play.runs.runs[run.id].state, play.runs.runs[run.id].outcome) == (state, outcome)


def test_an_approval_is_only_for_what_was_approved() -> None:
    play = Play(deploying(), PROPOSE)
    run = play.decided()
    play.live(1)
    bad, *rest = play.stage.views[IRELAND].deployments
    done = replace(bad, status=DeploymentStatus.SUCCESSFUL, finished_at=play.stage.now)
    play.stage.change(IRELAND, deployments=(done, *rest))
    answer(play, run, "approve", "ana@example.com")
    play.live(2)
    asked_anew = play.runs.runs[run.id]
    assert (play.stage.sent, asked_anew.state) == ([], RunState.ASK)
    assert asked_anew.question != run.question
    assert play.told()[-2:] == ["not_applied", "asked"]
    answer(play, asked_anew, "approve", "ana@example.com")
    play.live(2)
    assert play.stage.sent == [asked_anew.effect]


def test_what_nobody_was_asked_about_can_be_called_off_until_it_is_sent() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.engine.advance(play.stage.now)
    assert play.runs.runs[run.id].state is RunState.ACT
    play.stage.unreachable = True
    answer(play, run, "hold", "bo@example.com")
    play.live(2)
    assert (play.stage.sent, play.runs.runs[run.id].outcome) == ([], Outcome.REJECTED)


def test_what_may_have_been_sent_is_looked_at_before_it_is_called_off() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.engine.advance(play.stage.now)
    play.stage.deliveries.append(Delivery.AMBIGUOUS)
    play.engine.advance(play.stage.now)
    answer(play, run, "hold", "bo@example.com")
    play.live(12)
    assert len(play.stage.sent) == 1
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_what_was_switched_to_observing_only_is_not_sent() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.runs.switched = Leave.OBSERVE_ONLY
    play.live(3)
    assert (play.stage.sent, play.runs.runs[run.id].state) == ([], RunState.CANCELLED)


def test_a_leave_that_came_late_is_asked_for_again() -> None:
    play = Play(bad_deployment())
    play.decided()
    play.runs.switched = Leave.LATE
    play.live(2)
    assert play.stage.sent == []
    play.runs.switched = Leave.GRANTED
    play.live(2)
    assert len(play.stage.sent) == 1


@pytest.mark.parametrize(
    ("on_timeout", "down_until", "sends", "state"),
    [
        (OnTimeout.CANCEL, 0, 0, RunState.CANCELLED),
        (OnTimeout.ESCALATE, 0, 0, RunState.ESCALATED),
        (OnTimeout.RUN, 0, 1, RunState.CLOSED),
        (OnTimeout.RUN, 40, 0, RunState.ESCALATED),
    ],
    ids=["cancel", "escalate", "run", "never by a deadline that passed while we were down"],
)
def test_silence_means_what_the_policy_says(
    on_timeout: OnTimeout, down_until: float, sends: int, state: RunState
) -> None:
    policies = Policies(
        tuple(policy.model_copy(update={"on_timeout": on_timeout}) for policy in PROPOSE.policies)
    )
    play = Play(bad_deployment(), policies)
    run = play.decided()
    play.live(1)
    play.stage.now = max(play.stage.now, at(down_until))
    play.live(30)
    assert len(play.stage.sent) == sends
    assert play.runs.runs[run.id].state is state


def answer(play: Play, run: Run, choice: str, actor: str) -> None:
    """What the store does with an answer: keep it, and wake the run."""
    about = run.id if choice == "hold" else run.question
    play.runs.answers[about] = (choice, actor)
    play.runs.runs[run.id] = replace(play.runs.runs[run.id], wake=play.stage.now)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("death", range(6))
def test_a_process_that_dies_at_any_boundary_of_any_state_never_acts_twice(
    story: Callable[[], Stage], boundary: str, death: int
) -> None:
    play = Play(story())
    run = play.decided()
    deaths = Deaths(play, boundary, death)
    for _ in range(90 * 6):
        deaths.step()
        play.stage.now += timedelta(seconds=10)
        if play.stage.now > at(30):
            play.stage.demand.clear()
            play.stage.cpu.clear()
    once = 1 if story in {bad_deployment, deploying} else 2
    assert len(play.stage.sent) == once
    assert {r.outcome for r in play.runs.runs.values()} <= {Outcome.RECOVERED, Outcome.RESTORED}
    assert play.runs.runs[run.id].state is RunState.CLOSED
    assert play.runs.locks == {}


class Deaths:
    """Lets the process die once: at the given boundary of the given advance that reaches it."""

    def __init__(self, play: Play, boundary: str, death: int) -> None:
        self.play, self.boundary, self.left = play, boundary, death
        self.dead_until = play.stage.now

    def step(self) -> None:
        stage, runs = self.play.stage, self.play.runs
        if stage.now < self.dead_until:
            return
        engine = replace(self.play.engine, look=self._look, actuator=self)
        runs.die_in_move = self.boundary == "in the move" and self._now()
        try:
            engine.advance(stage.now)
        except Killed:
            self.dead_until = stage.now + timedelta(seconds=40)
            runs.restart()
        runs.die_in_move = False

    def _look(self, run: Run) -> Situation:
        if self.boundary == "after the claim" and self._now():
            raise Killed
        return self.play.stage.look(run)

    def apply(self, effect: Effect) -> Receipt:
        if self.boundary == "before the effect" and self._now():
            raise Killed
        receipt = self.play.stage.apply(effect)
        if self.boundary == "after the effect" and self._now():
            raise Killed
        return receipt

    def _now(self) -> bool:
        self.left -= 1
        return self.left == -1


def test_an_effect_that_lands_late_is_waited_for_and_not_doubled() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    play.engine.advance(play.stage.now)
    landing: list[Effect] = []

    class Dying:
        def apply(self, effect: Effect) -> Receipt:
            landing.append(effect)
            raise Killed

    with pytest.raises(Killed):
        replace(play.engine, actuator=Dying()).advance(play.stage.now)
    play.runs.restart()
    play.engine.advance(play.stage.now)
    play.stage.carry_out(landing[0])
    play.live(12)
    assert play.stage.sent == []
    assert play.stage.views[IRELAND].task_definition == definition(1)
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_a_worker_that_wakes_up_after_another_took_over_changes_nothing_in_the_books() -> None:
    play = Play(bad_deployment())
    run = play.decided()
    stale = play.runs.claim(play.stage.now)
    assert stale is not None
    play.runs.restart()
    play.live(12)

    class Stale(MemoryRuns):
        def claim(self, now: datetime) -> Claim | None:  # noqa: ARG002 - it holds its claim already
            return stale

    late = Stale()
    late.runs, late.numbers, late.held = play.runs.runs, play.runs.numbers, play.runs.held
    assert replace(play.engine, runs=late).advance(play.stage.now) is None
    assert play.runs.runs[run.id].outcome is Outcome.RECOVERED


def test_one_action_at_a_time_on_a_placement() -> None:
    play = Play(surge())
    run = play.decided()
    other = replace(
        run,
        id="other",
        effect=SetStrategy(placement=IRELAND, strategy=(ProviderShare("FARGATE", 2),)),
        created_at=play.stage.now,
    )
    play.runs.start(other, ())
    play.engine.advance(play.stage.now)
    play.engine.advance(play.stage.now)
    assert play.runs.runs["other"].state is RunState.QUEUED
