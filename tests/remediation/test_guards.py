"""Every guard, and what a decision makes of the first that refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import Controller, DeploymentStatus, Revision, ScalingRange
from remediation.actions.action import Plan, Refusal
from remediation.actions.effects import RestoreRevision, SetScalingMinimum
from remediation.actions.rollback import Rollback
from remediation.decision.decide import Decision, decide
from remediation.decision.guards import GUARDS, Switches
from remediation.decision.policy import Freeze, Policies, Policy
from remediation.decision.record import record
from remediation.diagnosis.diagnose import diagnose
from remediation.history import PastAction
from remediation.incidents import Phase
from remediation.journal import EntryKind
from remediation.vocabulary import ActionName, Cause, Mode, Outcome, Reason, Verdict
from remediation.workflow.start import run_for
from tests.remediation.stage import (
    IRELAND,
    MINUTE,
    PLACES,
    SINGAPORE,
    VIRGINIA,
    Stage,
    at,
    definition,
    deployment,
    incident,
    revision,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from remediation.journal import Entry

POLICY = Policy(name="rollbacks", cause=Cause.DEPLOYMENT, mode=Mode.ACT)


def past(**fields: object) -> PastAction:
    """An action that ended well, half a day ago."""
    known = PastAction(
        run="earlier",
        incident="another",
        placement=IRELAND,
        action=ActionName.ROLLBACK,
        started_at=at(-700),
        acted_at=at(-700),
        ended_at=at(-690),
        outcome=Outcome.RECOVERED,
    )
    return replace(known, **fields)  # type: ignore[arg-type]


def bad_deployment() -> Stage:
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, -10, finished=-2))
    stage.fails(IRELAND, 1)
    return stage


def decided(
    stage: Stage, policy: Policy | None = POLICY, *, paused: bool = False, freezes: tuple[Freeze, ...] = ()
) -> Decision:
    situation = stage.situation(IRELAND, 10)
    policies = Policies((policy,) if policy else (), freezes)
    return decide(situation, diagnose(situation), policies, Switches(paused=paused), stage.now)


def nothing(stage: Stage) -> None:
    """Leave everything as it is."""


def dark(stage: Stage) -> None:
    stage.lag = {IRELAND: 15}
    (last, *rest) = stage.views[IRELAND].deployments
    stage.change(IRELAND, deployments=(replace(last, created_at=at(-20), finished_at=at(-15)), *rest))
    stage.troubles[0].start = -12


def unsettled(stage: Stage) -> None:
    stage.lag = dict.fromkeys((VIRGINIA, SINGAPORE), 30)
    stage.troubles[0].start = 6


def other_regions_dark(stage: Stage) -> None:
    stage.lag = dict.fromkeys((VIRGINIA, SINGAPORE), 30)


def under_way(stage: Stage) -> None:
    stage.history.append(past(ended_at=None, outcome=None))


def still_in_force(stage: Stage) -> None:
    stage.history.append(past(undo=True, waiting=True, ended_at=None, outcome=None))


def tried(stage: Stage) -> None:
    stage.history.append(past(incident=incident().id))


def another_did_not_help(stage: Stage) -> None:
    stage.history.append(
        past(incident=incident().id, action=ActionName.SCALE_OUT, outcome=Outcome.NOT_RECOVERED)
    )


def cooling(stage: Stage) -> None:
    stage.history.append(past(ended_at=at(10) - timedelta(minutes=29)))


def often(stage: Stage) -> None:
    stage.history += [past(run=str(number), placement=VIRGINIA) for number in range(3)]


def wide(stage: Stage) -> None:
    places = [replace(VIRGINIA, service=f"service-{number}") for number in range(10)]
    stage.history += [past(placement=place, ended_at=None, outcome=None) for place in places]


def code_deploy(stage: Stage) -> None:
    stage.change(IRELAND, controller=Controller.CODE_DEPLOY)


def first_ever(stage: Stage) -> None:
    (last, _) = stage.views[IRELAND].deployments
    stage.change(IRELAND, deployments=(replace(last, sources=()),))


def native(stage: Stage) -> None:
    (last, *rest) = stage.views[IRELAND].deployments
    turned = replace(last, status=DeploymentStatus.ROLLBACK_IN_PROGRESS, finished_at=None)
    stage.change(IRELAND, deployments=(turned, *rest))


def newer(stage: Stage) -> None:
    stage.deploys(IRELAND, deployment(3, 8, DeploymentStatus.IN_PROGRESS))


CASES: list[tuple[Callable[[Stage], None], Verdict, Reason]] = [
    (nothing, Verdict.ACT, Reason.ALLOWED),
    (dark, Verdict.ESCALATE, Reason.STALE_DATA),
    (unsettled, Verdict.WAIT, Reason.GATHERING_EVIDENCE),
    (other_regions_dark, Verdict.ESCALATE, Reason.LOW_CONFIDENCE),
    (under_way, Verdict.WAIT, Reason.ALREADY_ACTING),
    (still_in_force, Verdict.ESCALATE, Reason.TRIED_BEFORE),
    (tried, Verdict.ESCALATE, Reason.TRIED_BEFORE),
    (another_did_not_help, Verdict.ESCALATE, Reason.TRIED_BEFORE),
    (cooling, Verdict.ESCALATE, Reason.COOLING_DOWN),
    (often, Verdict.ESCALATE, Reason.TOO_MANY_ACTIONS),
    (wide, Verdict.WAIT, Reason.BLAST_RADIUS),
    (code_deploy, Verdict.ESCALATE, Reason.NOT_APPLICABLE),
    (first_ever, Verdict.ESCALATE, Reason.NO_KNOWN_GOOD),
    (native, Verdict.WAIT, Reason.NATIVE_ROLLBACK),
    (newer, Verdict.WAIT, Reason.NEWER_DEPLOYMENT),
]


@pytest.mark.parametrize(("disturb", "verdict", "reason"), CASES, ids=[case[0].__name__ for case in CASES])
def test_the_first_guard_that_refuses_names_the_reason(
    disturb: Callable[[Stage], None], verdict: Verdict, reason: Reason
) -> None:
    stage = bad_deployment()
    disturb(stage)
    decision = decided(stage)
    assert (decision.verdict, decision.reason) == (verdict, reason)
    assert [check.guard for check in decision.checks] == [guard.__name__ for guard in GUARDS]
    assert all(check.sentence for check in decision.checks)


def test_the_kill_switch_and_the_freeze_calendar_leave_it_to_people() -> None:
    assert decided(bad_deployment(), paused=True).reason is Reason.PAUSED
    freeze = Freeze(start=at(0), end=at(60), reason="the feast")
    decision = decided(bad_deployment(), freezes=(freeze,))
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.FROZEN)
    assert "the feast" in decision.sentence


def test_every_reason_of_the_vocabulary_is_a_sentence_once() -> None:
    assert len({reason.sentence for reason in Reason}) == len(Reason)


def test_without_a_policy_it_is_recorded_what_would_have_been_done() -> None:
    decision = decided(bad_deployment(), policy=None)
    assert (decision.verdict, decision.reason) == (Verdict.OBSERVE, Reason.NO_POLICY)
    assert decision.sentence == (
        "Would have: Go back from course-catalog:2 to course-catalog:1, which served 10,000 known minutes, "
        "0 of them in trouble, the last 10,000 in a row within its objective. "
        "Looked for and found: 1 task definition, 1 image."
    )


def test_an_observing_policy_says_why_it_would_not_have_acted() -> None:
    stage = bad_deployment()
    cooling(stage)
    decision = decided(stage, POLICY.model_copy(update={"mode": Mode.OBSERVE}))
    assert (decision.verdict, decision.reason) == (Verdict.OBSERVE, Reason.OBSERVE_ONLY)
    assert decision.sentence.startswith("Would not have acted: The last action ended 29 min ago")


def test_a_proposing_policy_asks_and_its_run_knows_whom() -> None:
    policy = POLICY.model_copy(update={"mode": Mode.PROPOSE, "approvers": ("ana@example.com",)})
    decision = decided(bad_deployment(), policy)
    assert (decision.verdict, decision.reason) == (Verdict.PROPOSE, Reason.NEEDS_APPROVAL)
    run = run_for(incident(), decision, at(10))
    assert run is not None
    assert (run.asks, run.approvers) == (15 * MINUTE, ("ana@example.com",))


@pytest.mark.parametrize("verdict", [Verdict.OBSERVE, Verdict.WAIT, Verdict.ESCALATE])
def test_only_acting_and_proposing_start_a_run(verdict: Verdict) -> None:
    decision = replace(decided(bad_deployment()), verdict=verdict)
    assert run_for(incident(), decision, at(10)) is None


def test_one_placement_may_always_be_changed_however_small_the_estate() -> None:
    stage = bad_deployment()
    situation = replace(stage.situation(IRELAND, 10), estate_placements=2)
    decision = decide(situation, diagnose(situation), Policies((POLICY,)), Switches(), at(10))
    assert decision.verdict is Verdict.ACT


def test_the_policy_may_keep_a_temporary_change_for_longer() -> None:
    stage = Stage(demand={IRELAND: (0, 2.4)}, cpu={IRELAND: 96})
    stage.fails(IRELAND, 1, ratio=0.05)
    decision = decided(stage, Policy(name="s", cause=Cause.SURGE, mode=Mode.ACT, keep_for=90 * MINUTE))
    assert decision.plan
    assert decision.plan.keep_for == 90 * MINUTE


def test_a_decision_is_recorded_with_its_evidence_and_every_guard() -> None:
    change = record(incident(), decided(bad_deployment()))
    assert change is not None
    assert [entry.kind for entry in change.entries] == [EntryKind.DIAGNOSED, EntryKind.DECIDED]
    diagnosed, told = change.entries
    assert {"name": "deployed_before", "holds": "yes"}.items() <= diagnosed.data["findings"][2].items()
    assert [check["name"] for check in told.data["checks"]] == [guard.__name__ for guard in GUARDS]
    assert (change.incident.cause, change.incident.action) == (Cause.DEPLOYMENT, ActionName.ROLLBACK)


def test_a_decision_that_says_the_same_again_is_no_news() -> None:
    change = record(incident(), decided(bad_deployment()))
    assert change is not None
    assert record(change.incident, decided(bad_deployment())) is None


def test_that_nothing_is_wrong_any_more_is_no_news_either() -> None:
    assert record(incident(), decided(Stage())) is None


def test_a_person_is_called_once_for_a_cause_that_shows_in_five_places() -> None:
    stage = Stage()
    for place in PLACES:
        stage.fails(place, 1)
    state = incident()
    told: list[Entry] = []
    for place in PLACES:
        situation = stage.situation(place, 10)
        decision = decide(situation, diagnose(situation), Policies(), Switches(), stage.now)
        change = record(state, decision)
        assert change is not None
        state, told = change.incident, [*told, *change.entries]
    assert state.phase is Phase.ESCALATED
    assert len(state.judgements) == len(PLACES)
    assert [entry.kind for entry in told] == [EntryKind.DIAGNOSED, EntryKind.DECIDED, EntryKind.ESCALATED]


def test_a_cause_once_named_is_not_forgotten_when_the_evidence_fades() -> None:
    change = record(incident(), decided(bad_deployment()))
    assert change is not None
    stage = Stage()
    stage.fails(IRELAND, 1)
    faded = record(change.incident, decided(stage))
    assert faded is not None
    assert faded.incident.cause is Cause.DEPLOYMENT


def plan_for(stage: Stage) -> Plan | Refusal:
    situation = stage.situation(IRELAND, 10)
    return Rollback().plan(situation, diagnose(situation))


OLDER, OLDEST = deployment(1, -5000, finished=-4990), deployment(0, -9000, finished=-8990)
TURNED = deployment(7, -50, DeploymentStatus.ROLLBACK_SUCCESSFUL, finished=-45)


@pytest.mark.parametrize(
    ("older", "good"),
    [
        ([OLDER], 1),
        ([OLDER, OLDEST], 1),
        ([replace(OLDER, status=DeploymentStatus.STOPPED), OLDEST], 0),
        ([replace(TURNED, rolled_back_to=None), OLDER], 1),
        ([replace(TURNED, rolled_back_to=revision(3)), OLDER], 3),
    ],
    ids=[
        "the last",
        "the newest of two",
        "not one that was stopped",
        "not one that was turned back",
        "but what that one went back to",
    ],
)
def test_the_way_back_leads_to_the_newest_revision_that_served(older: list[object], good: int) -> None:
    stage = bad_deployment()
    last = stage.views[IRELAND].deployments[0]
    stage.change(IRELAND, deployments=(last, *older))
    plan = plan_for(stage)
    assert isinstance(plan, Plan)
    assert isinstance(plan.effect, RestoreRevision)
    assert plan.effect.task_definition == definition(good)


def test_a_revision_that_we_left_before_is_not_gone_back_to() -> None:
    stage = bad_deployment()
    stage.history.append(past(suspect=definition(1)))
    plan = plan_for(stage)
    assert isinstance(plan, Refusal)
    assert plan.reason is Reason.NO_KNOWN_GOOD


def test_what_we_left_is_not_gone_back_to_although_somebody_deployed_it_again() -> None:
    stage = bad_deployment()
    last = stage.views[IRELAND].deployments[0]
    again = replace(deployment(8, -300, finished=-290), target=Revision("arn:revision/8", definition(3)))
    stage.change(IRELAND, deployments=(last, again, deployment(1, -900, finished=-890)))
    stage.history.append(past(suspect=definition(3), acted_at=at(-5000), ended_at=at(-4990)))
    plan = plan_for(stage)
    assert isinstance(plan, Plan)
    assert isinstance(plan.effect, RestoreRevision)
    assert plan.effect.task_definition == definition(1)


def test_a_rollback_of_ecs_that_does_not_end_is_given_to_a_person() -> None:
    stage = bad_deployment()
    native(stage)
    (last, *rest) = stage.views[IRELAND].deployments
    stage.change(IRELAND, deployments=(replace(last, created_at=at(-40)), *rest))
    decision = decided(stage)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NOT_APPLICABLE)


@pytest.mark.parametrize(
    ("scaling", "reason"),
    [(None, Reason.NOT_APPLICABLE), (ScalingRange(4, 10), Reason.NO_HEADROOM)],
    ids=["nobody scales it", "it is at its maximum"],
)
def test_there_is_not_always_room_to_scale_out(scaling: ScalingRange | None, reason: Reason) -> None:
    stage = Stage(demand={IRELAND: (0, 2.4)}, cpu={IRELAND: 96})
    stage.fails(IRELAND, 1, ratio=0.05)
    stage.change(IRELAND, scaling=scaling)
    decision = decided(stage, Policy(name="s", cause=Cause.SURGE, mode=Mode.ACT))
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, reason)


def test_a_step_is_bounded_however_large_the_surge() -> None:
    stage = Stage(demand={IRELAND: (0, 20)}, cpu={IRELAND: 100})
    stage.fails(IRELAND, 1, ratio=0.05)
    stage.change(IRELAND, scaling=ScalingRange(4, 400))
    decision = decided(stage, Policy(name="s", cause=Cause.SURGE, mode=Mode.ACT))
    assert decision.plan
    assert decision.plan.effect == SetScalingMinimum(placement=IRELAND, minimum=30)
