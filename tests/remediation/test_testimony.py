"""What an event tells of tasks counts once ECS says the same; what no event told is found by asking."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collector.estate import Plight, ProviderShare, Said
from remediation.diagnosis.diagnose import diagnose
from remediation.diagnosis.finding import Holds
from remediation.diagnosis.testimony import proven, said, worth_asking
from remediation.events.event import DeploymentChanged, DeploymentPhase, ServiceAction, TaskChanged, TaskEnd
from remediation.events.witness import Ends
from remediation.vocabulary import Cause
from tests.remediation.stage import IRELAND, SPOT_MIX, VIRGINIA, Stage, at

if TYPE_CHECKING:
    from remediation.diagnosis.situation import Situation

REFUSED = Said("r", at(2), Plight.UNPLACED, "was unable to place a task.", capacity=True)


def tasks(stage: Stage) -> tuple[TaskChanged, ...]:
    return tuple(event for event in stage.events if isinstance(event, TaskChanged))


def asked(stage: Stage, ends: Ends, minute: float = 3) -> Situation:
    """The situation after ECS was asked how tasks ended."""
    told = stage.situation(IRELAND, minute)
    return replace(told, events=proven(told.events, IRELAND, ends, stage.now))


def crashing(stage: Stage, place: object = IRELAND) -> None:
    for minute in (0, 1, 2):
        stage.ends(IRELAND if place is IRELAND else VIRGINIA, TaskEnd.CRASHED, minute)


def holds(situation: Situation, name: str) -> Holds:
    return next(f.holds for f in diagnose(situation).findings if f.name == name)


def test_crashes_that_only_events_tell_of_are_none_once_ecs_was_asked() -> None:
    stage = Stage()
    crashing(stage)
    assert holds(stage.situation(IRELAND, 3), "crashing") is Holds.YES
    assert holds(asked(stage, Ends(())), "crashing") is Holds.NO


def test_crashes_that_no_event_told_are_found() -> None:
    heard, deaf = Stage(), Stage()
    crashing(heard)
    assert diagnose(asked(deaf, Ends(tasks(heard)))).cause is Cause.CRASH_LOOP


def test_crashes_of_which_ecs_could_not_be_asked_are_not_known() -> None:
    stage = Stage()
    crashing(stage)
    unasked = replace(stage.situation(IRELAND, 3), testified=False)
    assert holds(unasked, "crashing") is Holds.UNKNOWN
    assert diagnose(unasked).cause is Cause.UNKNOWN


def test_a_lack_of_memory_of_which_ecs_could_not_be_asked_is_not_known() -> None:
    stage = Stage()
    for minute in (0, 1, 2):
        stage.ends(IRELAND, TaskEnd.OUT_OF_MEMORY, minute)
    told = stage.situation(IRELAND, 3)
    assert holds(told, "out_of_memory") is Holds.YES
    assert holds(replace(told, testified=False), "out_of_memory") is Holds.UNKNOWN


def test_spot_warnings_and_refusals_that_somebody_made_up_take_no_task_away() -> None:
    stage = Stage()
    stage.change(IRELAND, strategy=SPOT_MIX)
    stage.warns(IRELAND, 2.5)
    stage.refuses(IRELAND, 2.6)
    assert diagnose(stage.situation(IRELAND, 3)).cause is Cause.SPOT_SHORTAGE
    forged = asked(stage, Ends(()))
    assert (holds(forged, "short_of_tasks"), diagnose(forged).cause) == (Holds.NO, Cause.UNKNOWN)
    unasked = replace(stage.situation(IRELAND, 3), testified=False)
    assert diagnose(unasked).cause is Cause.UNKNOWN


def test_what_spot_took_long_ago_is_unknown_while_ecs_cannot_be_asked() -> None:
    stage = Stage()
    stage.change(IRELAND, strategy=SPOT_MIX, running=7)
    stage.ends(IRELAND, TaskEnd.SPOT_INTERRUPTION, 0)
    told = stage.situation(IRELAND, 5)
    assert holds(told, "spot_not_replaced") is Holds.YES
    assert holds(replace(told, testified=False), "spot_not_replaced") is Holds.UNKNOWN


def test_a_list_that_is_cut_off_takes_no_word_from_an_event() -> None:
    stage = Stage()
    crashing(stage)
    assert holds(asked(stage, Ends((), whole=False)), "crashing") is Holds.YES


def test_events_of_other_places_and_of_tasks_that_start_stay() -> None:
    stage = Stage()
    crashing(stage, VIRGINIA)
    stage.starts(IRELAND, 1, 1)
    assert len(asked(stage, Ends(())).events) == 4


def test_ends_that_are_long_past_are_past() -> None:
    stage = Stage()
    crashing(stage)
    assert asked(Stage(), Ends(tasks(stage)), minute=60).events == ()


def test_ecs_is_asked_where_tasks_are_missing_or_may_have_ended() -> None:
    stage = Stage()
    view = stage.views[IRELAND]
    assert not worth_asking(view, ())
    assert worth_asking(replace(view, running=9), ())
    assert worth_asking(replace(view, pending=1), ())
    assert worth_asking(replace(view, said=(REFUSED,)), ())
    crashing(stage)
    assert worth_asking(view, stage.events)
    assert not worth_asking(stage.views[VIRGINIA], stage.events)


def test_a_refusal_that_no_event_told_is_told_without_the_provider_where_several_are_used() -> None:
    view = replace(Stage().views[IRELAND], said=(REFUSED,), strategy=SPOT_MIX)
    (mixed,) = said(view, ())
    (alone,) = said(replace(view, strategy=(ProviderShare("FARGATE_SPOT", 1),)), ())
    assert isinstance(mixed, ServiceAction)
    assert isinstance(alone, ServiceAction)
    assert (mixed.spot_refused, alone.spot_refused) == (False, True)
    assert (mixed.name, mixed.origin.at) == ("SERVICE_TASK_PLACEMENT_FAILURE", at(2))


@pytest.mark.parametrize(("minute", "known"), [(1, True), (3.5, True), (4.5, False)])
def test_a_plight_that_an_event_told_is_not_told_again(minute: float, known: bool) -> None:  # noqa: FBT001 - a column of the table
    stage = Stage()
    stage.refuses(IRELAND, minute)
    view = replace(stage.views[IRELAND], said=(REFUSED,))
    assert (said(view, stage.events) == ()) is known


def test_a_deployment_that_failed_unheard_is_told_by_its_own_name() -> None:
    failed = Said("ecs-svc/2/failed", at(2), Plight.NOT_DEPLOYED, "tasks failed to start", about="ecs-svc/2")
    view = replace(Stage().views[IRELAND], said=(failed,))
    (event,) = said(view, ())
    assert isinstance(event, DeploymentChanged)
    assert (event.phase, event.deployment_id) == (DeploymentPhase.FAILED, "ecs-svc/2")
    assert said(view, (event,)) == ()
