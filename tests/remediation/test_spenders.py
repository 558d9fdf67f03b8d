"""Incidents and deployments as what may have spent a budget: from when until when each answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from remediation.events.event import DeploymentChanged, DeploymentPhase, Origin
from remediation.incidents import Incident, Symptom
from remediation.spenders import LASTS_MAX, NOTICED_WITHIN, spenders
from remediation.vocabulary import Cause
from slo.attribution import Kind
from slo.burn import Severity
from slo.cells import Placement, minute_of

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=5)
HERE = Placement("1", "eu-west-1", "main", "search")


def incident(resolved_at: datetime | None = None) -> Incident:
    sign = Symptom(
        placement=HERE, name="s", severity=Severity.PAGE, sentence="", first_seen=NOON, last_seen=NOON
    )
    return Incident(
        id="search-1", service="search", opened_at=NOON, symptoms=(sign,), cause=Cause.DEPENDENCY,
        resolved_at=resolved_at,
    )  # fmt: skip


def told(phase: DeploymentPhase, minutes: float, where: Placement | None = HERE) -> DeploymentChanged:
    origin = Origin(
        id=f"{phase}{minutes}", account="1", region="eu-west-1", at=NOON + timedelta(minutes=minutes)
    )
    return DeploymentChanged(
        origin=origin, placement=where, deployment_id="ecs-svc/1", phase=phase, reason=""
    )


def minutes(moment: datetime) -> int:
    return minute_of(moment) - minute_of(NOON)


def test_an_incident_answers_from_before_it_was_noticed_until_it_was_over() -> None:
    (one,) = spenders([incident(NOON + timedelta(minutes=30))], (), NOW)
    assert (one.kind, one.name, one.placements) == (Kind.INCIDENT, "search-1", (HERE,))
    assert one.start == minute_of(NOON - NOTICED_WITHIN)
    assert one.end == minute_of(NOON) + 31
    assert one.sentence == "incident search-1 (dependency)"


def test_an_open_incident_answers_until_now() -> None:
    (one,) = spenders([incident()], (), NOW)
    assert one.end == minute_of(NOW) + 1


def test_a_deployment_answers_until_half_an_hour_after_its_last_end() -> None:
    phases = (DeploymentPhase.COMPLETED, DeploymentPhase.STARTED, DeploymentPhase.FAILED)
    events = [told(phase, after) for phase, after in zip(phases, (20, 0, 10), strict=True)]
    (one,) = spenders((), events, NOW)
    assert (one.kind, one.name, one.placements) == (Kind.DEPLOYMENT, "ecs-svc/1", (HERE,))
    assert (one.start, one.end) == (minute_of(NOON), minute_of(NOON) + 51)


def test_a_deployment_whose_end_nobody_told_is_not_believed_for_ever() -> None:
    started = [told(DeploymentPhase.STARTED, 0)]
    (now,) = spenders((), started, NOON + timedelta(minutes=5))
    (later,) = spenders((), started, NOW)
    assert now.end - now.start == 6
    assert later.end - later.start == minutes(NOON + LASTS_MAX) + 1


def test_a_deployment_of_nothing_that_we_know_answers_for_nothing() -> None:
    assert spenders((), [told(DeploymentPhase.STARTED, 0, None)], NOW) == ()
