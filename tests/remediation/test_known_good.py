from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from collector.estate import DeploymentStatus
from collector.remains import Part, PartKind, Presence
from remediation.actions.action import Plan, Refusal
from remediation.actions.effects import RestoreRevision, StopDeployment
from remediation.actions.rollback import Rollback
from remediation.diagnosis.diagnose import diagnose
from remediation.floor import FLOOR_TAG, Floor
from remediation.quarantine import Quarantined
from remediation.tenure import Tenure
from remediation.vocabulary import Reason
from slo.cells import minute_of
from tests.remediation.stage import IRELAND, VIRGINIA, Stage, at, definition, deployment, revision, whole
from tests.remediation.test_engine import bad_deployment
from tests.remediation.test_guards import past, plan_for


def served(version: int, streak: int, bad: int = 0, *, since: float = -900) -> Tenure:
    return Tenure(
        placement=IRELAND,
        revision=revision(version),
        since=at(since),
        until=at(since + 60),
        last_seen=at(0),
        counted_until=minute_of(at(since + 60)),
        good=streak,
        bad=bad,
        streak=streak,
    )


def under_way() -> Stage:
    """Version 2 replaces version 1 and fails as it does."""
    stage = Stage()
    stage.deploys(IRELAND, deployment(2, 0, DeploymentStatus.IN_PROGRESS))
    stage.fails(IRELAND, 1)
    return stage


def refused(stage: Stage) -> tuple[Reason, str]:
    plan = plan_for(stage)
    assert isinstance(plan, Refusal)
    return plan.reason, plan.sentence


def back_to(stage: Stage) -> str:
    plan = plan_for(stage)
    assert isinstance(plan, Plan)
    assert plan.back_to is not None
    return plan.back_to


# -- proven


def test_why_it_goes_there_is_said_with_the_numbers() -> None:
    stage = under_way()
    stage.tenures[1] = served(1, 300, 7)
    plan = plan_for(stage)
    assert isinstance(plan, Plan)
    assert isinstance(plan.effect, StopDeployment)
    assert plan.sentence == (
        "Have ECS roll the deployment under way back to course-catalog:1, which served 307 known minutes, "
        "7 of them in trouble, the last 300 in a row within its objective. "
        "Looked for and found: 1 task definition, 1 image."
    )


@pytest.mark.parametrize("stage", [bad_deployment(), under_way()], ids=["after", "under way"])
def test_a_revision_that_has_not_served_well_for_long_enough_is_not_gone_back_to(stage: Stage) -> None:
    stage.tenures[1] = served(1, 29)
    reason, told = refused(stage)
    assert reason is Reason.NO_KNOWN_GOOD
    assert "the last 29 in a row within its objective: 30 in a row prove a revision" in told
    stage.tenures[1] = served(1, 30)
    assert back_to(stage) == definition(1)


def three(unproven: int) -> Stage:
    """The bad one, as many that are not proven, and one that is."""
    stage = Stage()
    for version in range(2, 2 + unproven):
        stage.deploys(IRELAND, deployment(version, -900 + 10 * version, finished=-895 + 10 * version))
        stage.tenures[version] = served(version, 5, 1, since=-895 + 10 * version)
    stage.deploys(IRELAND, deployment(9, -10, finished=-2))
    stage.fails(IRELAND, 1)
    return stage


def test_what_is_not_proven_is_passed_over_but_not_without_end() -> None:
    assert back_to(three(1)) == definition(1)
    assert back_to(three(3)) == definition(1)
    assert refused(three(4))[0] is Reason.NO_KNOWN_GOOD


def test_a_target_that_is_also_bad_is_passed_over() -> None:
    stage = three(1)
    stage.tenures[2] = served(2, 0, 15, since=-870)
    assert back_to(stage) == definition(1)


def test_the_same_content_under_another_name_has_the_same_record() -> None:
    stage = bad_deployment()
    last = stage.views[IRELAND].deployments[0]
    again = replace(deployment(7, -40, finished=-35), target=replace(revision(1), arn="arn:revision/back"))
    stage.change(IRELAND, deployments=(last, again))
    stage.tenures[1] = None
    situation = stage.situation(IRELAND, 10)
    kept = (served(1, 25), replace(served(1, 10, since=-35), revision=again.target))
    situation = replace(situation, tenures=kept, remains={definition(1): whole(1)})
    plan = Rollback().plan(situation, diagnose(situation))
    assert isinstance(plan, Plan)
    assert "the last 35 in a row" in plan.sentence


def test_what_ecs_has_forgotten_is_known_from_the_record() -> None:
    stage = bad_deployment()
    last = stage.views[IRELAND].deployments[0]
    stage.change(IRELAND, deployments=(last,))
    assert refused(stage)[0] is Reason.NO_KNOWN_GOOD
    situation = stage.situation(IRELAND, 10)
    situation = replace(
        situation, tenures=(served(1, 500, since=-200_000),), remains={definition(1): whole(1)}
    )
    plan = Rollback().plan(situation, diagnose(situation))
    assert isinstance(plan, Plan)
    assert isinstance(plan.effect, RestoreRevision)


def test_several_sources_are_a_question_for_a_person() -> None:
    stage = under_way()
    (new, *rest) = stage.views[IRELAND].deployments
    stage.change(IRELAND, deployments=(replace(new, sources=(revision(1), revision(7))), *rest))
    assert refused(stage) == (
        Reason.SEVERAL_SOURCES,
        "course-catalog:1 and course-catalog:7 serve beside the new tasks: which was good?",
    )


def test_a_first_deployment_has_nothing_to_return_to() -> None:
    stage = under_way()
    (new, *rest) = stage.views[IRELAND].deployments
    stage.change(IRELAND, deployments=(replace(new, sources=()), *rest))
    assert refused(stage)[0] is Reason.NO_KNOWN_GOOD


# -- the floor


@pytest.mark.parametrize("mark", ["2", "course-catalog:2", definition(2), "v2", "another:1"])
@pytest.mark.parametrize("how", ["tag", "policies"])
def test_nobody_goes_below_the_floor_nor_below_one_that_cannot_be_compared(mark: str, how: str) -> None:
    stage = bad_deployment()
    if how == "tag":
        stage.change(IRELAND, tags={FLOOR_TAG: mark})
    else:
        stage.floors.append(Floor(mark, "floors of the policies", "orders were split"))
    reason, told = refused(stage)
    assert reason is Reason.BELOW_FLOOR
    assert mark in told
    assert how == "tag" or "orders were split" in told


def test_at_the_floor_itself_one_may_return() -> None:
    stage = under_way()
    stage.change(IRELAND, tags={FLOOR_TAG: "course-catalog:1"})
    assert back_to(stage) == definition(1)


# -- what it is made of


@pytest.mark.parametrize(
    ("presence", "minutes", "reason"),
    [
        (Presence.GONE, 10, Reason.TARGET_GONE),
        (Presence.DENIED, 8, Reason.TARGET_NOT_KNOWN),
        (Presence.UNANSWERED, 9, Reason.GATHERING_EVIDENCE),
        (Presence.UNANSWERED, 10, Reason.TARGET_NOT_KNOWN),
    ],
)
def test_what_is_gone_or_cannot_be_looked_up_is_not_gone_back_to(
    presence: Presence, minutes: float, reason: Reason
) -> None:
    stage = bad_deployment()
    lost = Part(PartKind.SECRET, "catalog-db", presence, "so it is")
    stage.remains[1] = whole(1, lost)
    situation = stage.situation(IRELAND, minutes)
    plan = Rollback().plan(situation, diagnose(situation))
    assert isinstance(plan, Refusal)
    assert plan.reason is reason
    assert "secret catalog-db (so it is)" in plan.sentence


def test_what_nobody_can_be_asked_about_is_said_and_forbids_nothing() -> None:
    stage = bad_deployment()
    elsewhere = Part(PartKind.IMAGE, "docker.io/nginx", Presence.NOT_KNOWN, "its registry is not ECR")
    stage.remains[1] = whole(1, elsewhere)
    plan = plan_for(stage)
    assert isinstance(plan, Plan)
    assert plan.sentence.endswith("; not known: image docker.io/nginx (its registry is not ECR).")


def test_without_a_look_at_what_it_is_made_of_nothing_is_done_yet() -> None:
    situation = replace(bad_deployment().situation(IRELAND, 10), remains={})
    plan = Rollback().plan(situation, diagnose(situation))
    assert isinstance(plan, Refusal)
    assert plan.reason is Reason.GATHERING_EVIDENCE


# -- quarantine


def quarantined(version: int, minute: float, **changes: object) -> Quarantined:
    one = Quarantined(
        id=f"run/{version}",
        placement=IRELAND,
        task_definition=definition(version),
        digests=(),
        at=at(minute),
        who="fournines",
        why="it was rolled back.",
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def test_what_is_in_quarantine_is_not_gone_back_to_until_it_is_released() -> None:
    stage = three(0)
    stage.quarantine.append(quarantined(1, -500, placement=VIRGINIA))
    assert refused(stage)[0] is Reason.NO_KNOWN_GOOD
    stage.quarantine[0] = replace(stage.quarantine[0], released_at=at(-100))
    assert back_to(stage) == definition(1)


def test_what_comes_back_from_quarantine_is_not_rolled_back_a_second_time() -> None:
    stage = bad_deployment()
    stage.quarantine.append(quarantined(2, -60))
    reason, told = refused(stage)
    assert reason is Reason.REDEPLOYED
    assert "It was deployed again at 11:50 UTC." in told
    stage.quarantine[0] = quarantined(2, -60, released_at=at(-30))
    assert back_to(stage) == definition(1)


def test_a_digest_is_known_again_under_another_name() -> None:
    stage = bad_deployment()
    (last, *rest) = stage.views[IRELAND].deployments
    digest = replace(last, target=replace(last.target, images=(("app", "sha256:bad"),)))
    stage.change(IRELAND, deployments=(digest, *rest))
    stage.quarantine.append(quarantined(5, -60, digests=("sha256:bad",)))
    assert refused(stage)[0] is Reason.REDEPLOYED


def test_where_it_was_never_turned_back_it_is_rolled_back_once() -> None:
    stage = bad_deployment()
    stage.quarantine.append(quarantined(2, -60, placement=VIRGINIA))
    assert back_to(stage) == definition(1)


def test_a_rollback_of_what_is_put_into_quarantine_by_it_is_not_undone_by_that() -> None:
    stage = bad_deployment()
    stage.quarantine.append(quarantined(2, 5))
    assert back_to(stage) == definition(1)


def test_a_run_that_somebody_released_convicts_no_revision_any_more() -> None:
    stage = bad_deployment()
    stage.history.append(past(suspect=definition(1)))
    assert refused(stage)[0] is Reason.NO_KNOWN_GOOD
    freed = quarantined(1, -600, id=stage.history[0].run, released_at=at(-300))
    stage.quarantine.append(freed)
    assert back_to(stage) == definition(1)
    assert freed.at + timedelta(minutes=300) == freed.released_at
