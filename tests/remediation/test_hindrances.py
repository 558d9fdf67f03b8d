from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from remediation.decision.hindrances import Scene, hindrances
from remediation.decision.policy import Freeze
from remediation.incidents import Incident, Phase, Symptom
from remediation.quarantine import Quarantined
from slo.budget_policies import Answer
from slo.burn import Alert, Severity, Tier
from slo.cells import Indicator, Placement
from slo.gate import Reason

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE = Placement("1", "eu-west-1", "prod", "payment")
THERE = replace(HERE, region="us-east-1")
SCENE = Scene(placements=frozenset({HERE}), alerts=(), incidents=(), freezes=(), now=NOON)
PAGE = Alert(
    objective="availability", placement=HERE, indicator=Indicator.AVAILABILITY, tier=Tier.PAGE_QUICK,
    burn_long=Fraction(20), burn_short=Fraction(30), bad=20, total=1000, at=NOON,
)  # fmt: skip


def incident(phase: Phase, where: Placement = HERE) -> Incident:
    sign = Symptom(
        placement=where, name="it", severity=Severity.PAGE, sentence="It burns.", first_seen=NOON,
        last_seen=NOON,
    )  # fmt: skip
    return Incident(id="payment-1", service="payment", opened_at=NOON, phase=phase, symptoms=(sign,))


def told(scene: Scene) -> list[tuple[Answer, Reason]]:
    return [(finding.answer, finding.reason) for finding in hindrances(scene)]


BAD = Quarantined(
    id="run-1",
    placement=HERE,
    task_definition="arn:aws:ecs:eu-west-1:123456789012:task-definition/payment:2",
    digests=("sha256:" + "b" * 64,),
    at=NOON,
    who="fournines",
    why="it was rolled back.",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "where", "refused"),
    [
        ("payment:2", HERE, True),
        ("payment:2", THERE, False),
        (BAD.task_definition, THERE, True),
        (BAD.digests[0], replace(THERE, service="another"), True),
        ("payment:3", HERE, False),
        ("sha256:" + "c" * 64, HERE, False),
    ],
)
def test_what_is_in_quarantine_is_refused_by_name_here_and_by_digest_everywhere(
    name: str,
    where: Placement,
    refused: bool,  # noqa: FBT001 - a case of its table
) -> None:
    scene = replace(SCENE, placements=frozenset({where}), quarantine=(BAD,), names=frozenset({name}))
    assert told(scene) == ([(Answer.FREEZE, Reason.QUARANTINED)] if refused else [])
    assert told(replace(scene, quarantine=(replace(BAD, released_at=NOON),))) == []


def test_who_does_not_say_what_is_deployed_is_told_of_what_is_in_quarantine() -> None:
    scene = replace(SCENE, quarantine=(BAD,))
    (finding,) = hindrances(scene)
    assert (finding.answer, finding.reason) == (Answer.WARN, Reason.QUARANTINE_NEARBY)
    assert "payment:2 of payment in eu-west-1 is in quarantine since 2026-10-01 12:00 UTC" in finding.sentence
    assert told(replace(scene, placements=frozenset({replace(HERE, service="another")}))) == []


def test_where_nothing_goes_on_nothing_hinders() -> None:
    assert hindrances(SCENE) == ()


def test_a_page_refuses_once_for_a_placement_and_a_ticket_never() -> None:
    slow, ticket = replace(PAGE, tier=Tier.PAGE_SLOW), replace(PAGE, tier=Tier.TICKET_SLOW)
    (finding,) = hindrances(replace(SCENE, alerts=(ticket, PAGE, slow)))
    assert (finding.answer, finding.reason) == (Answer.FREEZE, Reason.PAGE_FIRING)
    assert finding.sentence == (
        "A page is firing there. payment in eu-west-1 burns its availability budget 20.0 times too fast: "
        "20 of 1,000 requests were bad in 1h."
    )
    assert told(replace(SCENE, alerts=(ticket,))) == []


@pytest.mark.parametrize(
    ("phase", "answer"),
    [
        (Phase.OPEN, Answer.WARN),
        (Phase.ESCALATED, Answer.WARN),
        (Phase.PENDING, Answer.FREEZE),
        (Phase.ACTING, Answer.FREEZE),
        (Phase.VERIFYING, Answer.FREEZE),
    ],
)
def test_what_is_being_remediated_refuses_and_what_is_only_open_warns(phase: Phase, answer: Answer) -> None:
    (found,) = hindrances(replace(SCENE, incidents=(incident(phase),)))
    assert found.answer is answer
    assert found.sentence.endswith(f"payment-1: {phase.sentence}")


def test_the_freeze_calendar_refuses_with_its_end_and_reason_while_it_lasts() -> None:
    freeze = Freeze(start=NOON - HOUR, end=NOON + HOUR, reason="exams", services=("pay*",))
    (found,) = hindrances(replace(SCENE, freezes=(freeze,)))
    assert (found.answer, found.reason) == (Answer.FREEZE, Reason.CALENDAR_FREEZE)
    assert found.sentence == "Frozen until 2026-10-01 13:00 UTC: exams."
    assert told(replace(SCENE, freezes=(freeze,), now=NOON + HOUR)) == []


def test_what_goes_on_elsewhere_hinders_nobody_here() -> None:
    search = Freeze(start=NOON - HOUR, end=NOON + HOUR, reason="exams", services=("search",))
    scene = replace(
        SCENE,
        alerts=(replace(PAGE, placement=THERE),),
        incidents=(incident(Phase.ACTING, THERE),),
        freezes=(search,),
    )
    assert told(scene) == []


def test_the_calendar_is_told_first_and_pages_last() -> None:
    freeze = Freeze(start=NOON - HOUR, end=NOON + HOUR, reason="exams")
    scene = replace(SCENE, alerts=(PAGE,), incidents=(incident(Phase.ACTING),), freezes=(freeze,))
    reasons = [reason for _, reason in told(scene)]
    assert reasons == [Reason.CALENDAR_FREEZE, Reason.BEING_REMEDIATED, Reason.PAGE_FIRING]
