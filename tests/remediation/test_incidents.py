"""What opens an incident, what joins one, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from remediation.actions.effects import SetScalingMinimum
from remediation.events.event import (
    AlarmChanged,
    Answer,
    DeploymentChanged,
    DeploymentPhase,
    Origin,
    ServiceAction,
    TaskChanged,
    TaskEnd,
)
from remediation.incidents import Incident, Judgement, Phase
from remediation.journal import EntryKind
from remediation.receive import SIGNS_MAX, felt, quiet, receive
from remediation.vocabulary import ActionName, Cause, Reason, Verdict
from remediation.workflow.progress import busy, follow
from remediation.workflow.run import Run, RunState
from slo.burn import Alert, Severity, Tier
from slo.cells import Indicator
from slo.conditions import Condition, Op
from tests.remediation.stage import IRELAND, NOON, VIRGINIA, at

if TYPE_CHECKING:
    from remediation.events.event import Event
    from remediation.incidents import Change
    from slo.cells import Placement


CALLED = Judgement(
    placement=IRELAND, cause=Cause.UNKNOWN, verdict=Verdict.ESCALATE, reason=Reason.NO_ACTION_FOR_CAUSE
)


def alert(place: Placement = IRELAND, tier: Tier = Tier.PAGE_QUICK) -> Alert:
    return Alert(
        objective="catalog",
        placement=place,
        indicator=Indicator.AVAILABILITY,
        tier=tier,
        burn_long=Fraction(20),
        burn_short=Fraction(40),
        bad=120,
        total=60_000,
        at=NOON,
    )


def origin(minutes: float = 0) -> Origin:
    return Origin(id="e1", account=IRELAND.account, region=IRELAND.region, at=at(minutes))


def action(name: str, provider: str = "") -> ServiceAction:
    return ServiceAction(
        origin=origin(),
        placement=IRELAND,
        name=name,
        level="ERROR",
        reason="RESOURCE:FARGATE",
        providers=(provider,) if provider else (),
    )


def deployed(phase: DeploymentPhase) -> DeploymentChanged:
    return DeploymentChanged(
        origin=origin(), placement=IRELAND, deployment_id="ecs-svc/1", phase=phase, reason=""
    )


def ended(end: TaskEnd, place: Placement = IRELAND) -> TaskChanged:
    return TaskChanged(
        origin=origin(),
        placement=place,
        task_arn="task/1",
        version=1,
        last_status="STOPPED",
        desired_status="STOPPED",
        end=end,
        reason="",
    )


def alarm(
    name: str = "cart-5xx", metric: str = "HTTPCode_Target_5XX_Count", **fields: object
) -> AlarmChanged:
    known = AlarmChanged(
        origin=origin(),
        name=name,
        state="ALARM",
        previous="OK",
        suppressed=False,
        metrics=(metric,),
        placement=IRELAND,
    )
    return replace(known, **fields)  # type: ignore[arg-type]


def opened(signal: Alert | Event | None = None) -> Incident:
    change = receive((), signal or alert(), NOON)
    assert change is not None
    return change.incident


def test_an_alert_opens_an_incident_with_a_readable_name() -> None:
    change = receive((), alert(), NOON)
    assert change is not None
    assert change.incident.id == "course-catalog-20261001-1200"
    assert change.incident.severity is Severity.PAGE
    (entry,) = change.entries
    assert entry.kind is EntryKind.OPENED
    assert entry.data["burn_long"] == 20


def test_an_alert_of_a_written_condition_bears_its_name_and_says_what_it_asked() -> None:
    burns = Condition(name="twice-a-day", severity="ticket", op=Op.GT, threshold=Decimal(2), lookback=720)
    change = receive((), replace(alert(), tier=burns), NOON)
    assert change is not None
    (sign,) = change.incident.symptoms
    assert (sign.name, sign.severity) == ("catalog/twice-a-day", Severity.TICKET)
    assert "meets twice-a-day: its availability budget burns at 20.0, above 2" in sign.sentence


@pytest.mark.parametrize(
    ("signal", "severity"),
    [
        (action("SERVICE_TASK_PLACEMENT_FAILURE", "FARGATE_SPOT"), Severity.TICKET),
        (action("SERVICE_TASK_PLACEMENT_FAILURE", "FARGATE"), Severity.TICKET),
        (action("SERVICE_TASK_START_IMPAIRED"), Severity.TICKET),
        (deployed(DeploymentPhase.FAILED), Severity.TICKET),
        (alarm(), Severity.PAGE),
        (alarm(metric="CPUUtilization"), Severity.TICKET),
    ],
    ids=[
        "Spot refuses",
        "Fargate refuses",
        "start impaired",
        "deployment failed",
        "alarm of users",
        "any other alarm",
    ],
)
def test_these_events_open_an_incident_alone(signal: Event, severity: Severity) -> None:
    assert opened(signal).severity is severity


@pytest.mark.parametrize(
    "signal",
    [
        action("SERVICE_STEADY_STATE"),
        deployed(DeploymentPhase.STARTED),
        deployed(DeploymentPhase.COMPLETED),
        ended(TaskEnd.SCALED_IN),
        ended(TaskEnd.SPOT_INTERRUPTION),
        ended(TaskEnd.CRASHED),
        alarm(state="OK"),
        alarm(suppressed=True),
        alarm(placement=None),
        alarm(name="TargetTracking-service/mylearning/course-catalog-AlarmHigh"),
        replace(action("SERVICE_TASK_PLACEMENT_FAILURE", "FARGATE_SPOT"), origin=origin(-16)),
        Answer(origin=origin(), incident="none", choice="ack", actor="ana@example.com"),
    ],
    ids=[
        "steady state",
        "deployment starts",
        "deployment completes",
        "scale-in",
        "a Spot warning",
        "one crash",
        "an alarm that ends",
        "a suppressed alarm",
        "an alarm of nothing of ours",
        "an alarm of autoscaling",
        "a refusal of long ago",
        "an answer to nothing",
    ],
)
def test_these_events_open_nothing(signal: Event) -> None:
    assert receive((), signal, NOON) is None


def test_alerts_of_one_service_in_two_regions_are_one_incident() -> None:
    change = receive((opened(),), alert(VIRGINIA), at(1))
    assert change is not None
    assert change.incident.placements == (IRELAND, VIRGINIA)
    assert [entry.kind for entry in change.entries] == [EntryKind.JOINED]


def test_a_page_that_spreads_to_another_region_is_told_there_and_judged_there() -> None:
    incident = opened()
    for minute in (5, 10, 15):
        change = receive((incident,), alert(), at(minute))
        assert change is not None
        incident = change.incident
    elsewhere = replace(CALLED, placement=VIRGINIA)
    change = receive((replace(incident, judgements=(CALLED, elsewhere)),), alert(VIRGINIA), at(16))
    assert kinds(change) == [EntryKind.OPENED]
    assert change is not None
    assert change.incident.judgements == (CALLED,)
    assert kinds(receive((change.incident,), alert(VIRGINIA), at(17))) == []


def test_the_same_sign_again_only_says_that_it_lasts() -> None:
    change = receive((opened(),), alert(), at(4))
    assert change is not None
    assert change.entries == ()
    assert change.incident.symptoms[0].last_seen == at(4)


def test_a_deployment_joins_without_making_its_region_a_victim() -> None:
    elsewhere = replace(deployed(DeploymentPhase.STARTED), placement=VIRGINIA)
    change = receive((opened(),), elsewhere, at(1))
    assert change is not None
    assert change.incident.placements == (IRELAND,)
    assert len(change.entries) == 1


def test_task_ends_join_once_and_only_where_there_is_trouble() -> None:
    incident = opened()
    change = receive((incident,), ended(TaskEnd.SPOT_INTERRUPTION), at(1))
    assert change is not None
    assert len(change.entries) == 1
    again = receive((change.incident,), ended(TaskEnd.SPOT_INTERRUPTION), at(1))
    assert again is not None
    assert again.entries == ()
    assert receive((incident,), ended(TaskEnd.SPOT_INTERRUPTION, VIRGINIA), at(1)) is None


def test_an_incident_takes_in_a_hundred_signs_and_after_that_only_what_pages() -> None:
    incident = opened()
    for number in range(2 * SIGNS_MAX):
        failed = replace(deployed(DeploymentPhase.FAILED), deployment_id=f"ecs-svc/{number}")
        change = receive([incident], failed, at(1))
        assert change is not None
        incident = change.incident
    assert len(incident.symptoms) == SIGNS_MAX
    change = receive([incident], alert(VIRGINIA), at(1))
    assert change is not None
    assert len(change.incident.symptoms) == SIGNS_MAX + 1


def test_who_takes_an_incident_over_is_kept_once() -> None:
    incident = opened()
    ack = Answer(origin=origin(), incident=incident.id, choice="ack", actor="ana@example.com")
    change = receive((incident,), ack, at(2))
    assert change is not None
    assert change.incident.acknowledged_by == "ana@example.com"
    assert change.entries[0].sentence == "ana@example.com took it over after 2 min."
    assert receive((change.incident,), ack, at(3)) is None


def test_an_incident_is_over_ten_minutes_after_its_last_sign() -> None:
    incident = opened()
    assert quiet(incident, at(9), busy=False) is None
    change = quiet(incident, at(10), busy=False)
    assert change is not None
    assert (change.incident.phase, change.incident.resolved_at) == (Phase.RESOLVED, at(10))


def test_an_incident_is_not_over_while_a_change_of_ours_is_in_place() -> None:
    assert quiet(opened(), at(60), busy=True) is None


def run(state: RunState, *, undo: bool = False, incident: str = "course-catalog-20261001-1200") -> Run:
    return Run(
        id="r",
        incident=incident,
        placement=IRELAND,
        action=ActionName.SCALE_OUT,
        effect=SetScalingMinimum(placement=IRELAND, minimum=9),
        undo=undo,
        state=state,
        wake=NOON,
        created_at=NOON,
    )


@pytest.mark.parametrize(
    ("runs", "phase"),
    [
        ((), Phase.OPEN),
        ((run(RunState.ASK),), Phase.PENDING),
        ((run(RunState.ACT),), Phase.ACTING),
        ((run(RunState.VERIFY),), Phase.VERIFYING),
        ((run(RunState.CLOSED), run(RunState.QUEUED, undo=True)), Phase.VERIFYING),
        ((run(RunState.ESCALATED), run(RunState.QUEUED, undo=True)), Phase.ESCALATED),
        ((run(RunState.REJECTED),), Phase.ESCALATED),
        ((run(RunState.CLOSED),), Phase.OPEN),
        ((run(RunState.ACT, incident="another"),), Phase.OPEN),
    ],
    ids=["none", "asked", "acting", "verifying", "kept", "failed", "held", "done", "another's"],
)
def test_an_incident_stands_where_its_runs_do(runs: tuple[Run, ...], phase: Phase) -> None:
    assert follow(opened(), runs).phase is phase


def test_a_change_that_waits_to_be_undone_keeps_its_incident_busy() -> None:
    assert busy(opened(), [run(RunState.QUEUED, undo=True)])
    assert not busy(opened(), [run(RunState.CLOSED)])


def kinds(change: Change | None) -> list[EntryKind]:
    assert change is not None
    return [entry.kind for entry in change.entries]


def test_the_first_page_of_a_ticket_is_as_loud_as_a_new_incident() -> None:
    ticket = opened(alert(tier=Tier.TICKET_SLOW))
    assert kinds(receive((ticket,), alert(), at(1))) == [EntryKind.OPENED]


def test_a_page_that_comes_back_after_a_quiet_time_is_told_again_and_judged_anew() -> None:
    change = receive((opened(alert()),), alert(tier=Tier.TICKET_SLOW), at(9))
    assert change is not None
    noisy = replace(change.incident, judgements=(CALLED,))
    assert kinds(receive((noisy,), alert(), at(9.5))) == []
    back = receive((noisy,), alert(), at(11))
    assert kinds(back) == [EntryKind.OPENED]
    assert back is not None
    assert back.incident.judgements == ()


def test_tickets_that_ring_all_night_are_told_once() -> None:
    incident = opened(alert(tier=Tier.TICKET_SLOW))
    for minute in range(1, 600):
        change = receive((incident,), alert(tier=Tier.TICKET_SLOW), at(minute))
        assert kinds(change) == []
        assert change is not None
        incident = change.incident


def test_the_slow_tier_that_rings_on_does_not_hide_trouble_anew() -> None:
    incident = opened()
    for minute in range(1, 25):
        change = receive((incident,), alert(tier=Tier.PAGE_SLOW), at(minute))
        assert kinds(change) == ([EntryKind.JOINED] if minute == 1 else [])
        assert change is not None
        incident = change.incident
    assert kinds(receive((incident,), alert(), at(25))) == [EntryKind.OPENED]


def test_an_incident_is_not_over_while_its_alarm_rings() -> None:
    incident = opened(alarm())
    assert quiet(incident, at(100), busy=False) is None
    change = receive((incident,), alarm(state="OK"), at(100))
    assert kinds(change) == [EntryKind.JOINED]
    assert change is not None
    assert quiet(change.incident, at(109), busy=False) is None
    over = quiet(change.incident, at(110), busy=False)
    assert over is not None
    assert over.incident.sentence.endswith("over after 110 min, no sign of trouble for 10 min.")


def test_an_alarm_whose_end_is_lost_is_not_believed_for_ever() -> None:
    over = quiet(opened(alarm()), at(120), busy=False)
    assert over is not None
    assert over.incident.sentence.endswith("No end was told of alarm/cart-5xx for 120 min.")


def test_the_end_of_an_alarm_that_never_rang_is_no_news() -> None:
    assert receive((opened(),), alarm(state="OK"), at(1)) is None


def test_trouble_anew_after_a_short_calm_is_told_although_the_same_alert_still_rings() -> None:
    incident = opened()
    assert felt(incident, IRELAND, at(8), failing=True, calm=False) is None
    calm = felt(incident, IRELAND, at(9), failing=False, calm=True)
    assert kinds(calm) == []
    assert calm is not None
    ringing = receive((replace(calm.incident, judgements=(CALLED,)),), alert(), at(9))
    assert ringing is not None
    assert felt(ringing.incident, IRELAND, at(9.5), failing=True, calm=False) is None, "just told"
    again = receive((ringing.incident,), alert(), at(12))
    assert again is not None
    back = felt(again.incident, IRELAND, at(12), failing=True, calm=False)
    assert kinds(back) == [EntryKind.OPENED]
    assert back is not None
    assert (back.incident.judgements, back.incident.calm) == ((), ())
    assert felt(back.incident, IRELAND, at(13), failing=True, calm=False) is None
    assert kinds(receive((back.incident,), alert(), at(13))) == []
