"""What people read in Slack, as files; and that Slack would take each of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.slack import blocks, messages
from fournines.slack.told import TOLD
from fournines.views.budget import rows
from fournines.views.impact import impacts
from fournines.views.incident import IncidentView
from remediation.incidents import Incident, Phase, Symptom
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import ActionName, Cause
from simulator.slack.limits import complaints
from slo.burn import Severity
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.ledger import Ledger
from slo.objectives import Objective, Rolling

if TYPE_CHECKING:
    from fournines.slack.blocks import Message
    from fournines.views.impact import Impact
    from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLACES = tuple(
    Placement("123456789012", region, "mylearning", "checkout-api")
    for region in ("eu-west-1", "us-east-1", "ap-southeast-1")
)
IRELAND = PLACES[0]
OBJECTIVE = Objective(
    name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"), window=Rolling(timedelta(days=30)),
)  # fmt: skip


def burning(*bad: int) -> tuple[Impact, ...]:
    """13,290 requests in five minutes at each place, so many bad ones; a month of calm before that."""
    slis = tuple(Sli(place, Indicator.AVAILABILITY) for place in PLACES[: len(bad)])
    ledger, end = Ledger(), minute_of(NOON)
    for minutes, failed in ((43_195, [0] * len(bad)), (5, list(bad))):
        total = np.full((minutes, len(slis)), 2658, np.int64)
        wrong = np.zeros_like(total)
        wrong[-1] = failed
        state = np.full(total.shape, State.OBSERVED, np.uint8)
        ledger.put(Block(slis, end - (5 if minutes > 5 else 0) - minutes, wrong, total, state))
    return impacts(rows([OBJECTIVE], ledger, (), NOON), ledger)


def symptom(place: Placement, name: str = "availability/page_quick", sentence: str = "It burns.") -> Symptom:
    return Symptom(
        placement=place, name=name, severity=Severity.PAGE, sentence=sentence, first_seen=NOON, last_seen=NOON
    )


def incident(*places: Placement, **changes: object) -> Incident:
    made = Incident(
        id="checkout-api-20261001-1200",
        service="checkout-api",
        opened_at=NOON,
        symptoms=tuple(symptom(place) for place in places or (IRELAND,)),
        sentence="checkout-api in eu-west-1: it fails since a deployment of this placement, nowhere else.",
        cause=Cause.DEPLOYMENT,
        action=ActionName.ROLLBACK,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def entry(kind: EntryKind, sentence: str, **data: object) -> Entry:
    return Entry(
        kind,
        NOON + MINUTE,
        sentence,
        incident="checkout-api-20261001-1200",
        placement=str(IRELAND),
        data=data,
    )


FINDINGS = [
    {"name": "failing_here", "holds": "yes", "sentence": "0.21% of requests fail in the newest minutes."},
    {"name": "failing_elsewhere", "holds": "no", "sentence": "In the same minutes it is fine in us-east-1."},
    {
        "name": "deployed_before",
        "holds": "yes",
        "sentence": "A deployment of checkout-api:418 began 4 min before.",
    },
    {"name": "overloaded", "holds": "no", "sentence": "The tasks use 41 % of their CPU."},
]
CHECKS = [
    {"name": "paused", "holds": "yes", "sentence": "The kill switch is off."},
    {"name": "frozen", "holds": "no", "sentence": "Frozen until Monday & <later>."},
]
DIAGNOSED = entry(EntryKind.DIAGNOSED, "It fails since a deployment.", findings=FINDINGS)
APPLIED = entry(
    EntryKind.APPLIED, "UpdateService(taskDefinition=checkout-api:417): done.", action="rollback", undo=False
)
LINKS = {"Runbook: deployment": "https://fournines/runbooks/deployment", "Incident": "https://fournines/i"}

PARENTS = {
    "opened": IncidentView(
        incident=incident(cause=None, action=None, sentence="checkout-api in eu-west-1 burns."),
        entries=(entry(EntryKind.OPENED, "It burns."),),
        links=LINKS,
        impacts=burning(28),
    ),
    "acting": IncidentView(
        incident=incident(phase=Phase.ACTING), entries=(DIAGNOSED, APPLIED), links=LINKS, impacts=burning(28)
    ),
    "everywhere": IncidentView(
        incident=incident(
            *PLACES,
            cause=Cause.DEPENDENCY,
            action=None,
            phase=Phase.ESCALATED,
            sentence="checkout-api in us-east-1: it fails in several regions at once.",
            symptoms=(
                *(symptom(place) for place in PLACES),
                *(symptom(place, "alarm/5xx", "Alarm 5xx went from OK to ALARM.") for place in PLACES),
            ),
        ),
        entries=(entry(EntryKind.ESCALATED, "A long sentence.", reason="no_action_for_cause"),),
        links=LINKS,
        impacts=burning(28, 1329, 0),
    ),
    "over": IncidentView(
        incident=incident(
            phase=Phase.RESOLVED, resolved_at=NOON + 19 * MINUTE, acknowledged_by="Ana & Bo",
            sentence="checkout-api in eu-west-1: over after 19 min, no sign of trouble for 10 min.",
        ),
        entries=(DIAGNOSED, APPLIED, entry(EntryKind.RECOVERED, "The objective recovered.")),
        links=LINKS,
    ),
}  # fmt: skip

REPLIES = {
    "diagnosed": DIAGNOSED,
    "refused": entry(EntryKind.DECIDED, "The freeze calendar forbids actions now.", checks=CHECKS),
    "decided": entry(EntryKind.DECIDED, "Go back to checkout-api:417.", checks=CHECKS[:1]),
    "applied": APPLIED,
    "undone": entry(
        EntryKind.APPLIED, "RegisterScalableTarget(MinCapacity=2): done.", action="scale_out", undo=True
    ),
    "escalated": entry(EntryKind.ESCALATED, "Nobody can undo this: <!channel> & friends."),
}


def text(message: Message) -> str:
    shown = {"text": message.text, "broadcast": message.broadcast, "blocks": list(message.blocks)}
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", PARENTS)
def test_the_parent_of_an_incident(name: str, golden: Golden) -> None:
    golden(GOLDEN / f"parent-{name}.json", text(messages.parent(PARENTS[name])))


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_in_its_thread(name: str, golden: Golden) -> None:
    golden(GOLDEN / f"reply-{name}.json", text(messages.reply(REPLIES[name])))


def test_slack_would_take_each_of_them_and_no_limit_of_ours_is_broken() -> None:
    every = [*map(messages.parent, PARENTS.values()), *map(messages.reply, REPLIES.values())]
    for message in every:
        assert complaints(message.blocks) == []
        assert blocks.faults(message.blocks) == []
        assert 0 < len(message.text) <= blocks.TEXT_MAX


def test_the_numbers_close() -> None:
    (impact,) = burning(28)
    assert (int(impact.bad), int(impact.total)) == (28, 13_290)
    assert impact.ratio == Fraction(28, 13_290)
    assert impact.burn == impact.ratio / Fraction(1, 10_000)
    assert impact.sentence == (
        "eu-west-1: 28 of 13,290 requests failed in the last 5 min: 0.211 %, 21.1 times what 99.99 % allows."
    )
    left = impact.row.budget.left_ratio
    assert impact.row.budget.exhausted_in(impact.burn) == left * 30 * 24 * 60 / impact.burn


def test_every_kind_of_entry_can_be_told() -> None:
    for kind in TOLD:
        told = messages.reply(entry(kind, ""))
        assert told.text == f"checkout-api in eu-west-1: {kind.sentence}"
        assert complaints(told.blocks) == []


def test_what_has_no_numbers_yet_is_told_all_the_same() -> None:
    told = messages.parent(IncidentView(incident=incident(symptoms=(), sentence=""), entries=()))
    assert "No symptom is known any more." in told.text
    assert complaints(told.blocks) == []


def test_a_mention_in_a_log_line_pings_nobody() -> None:
    told = messages.reply(REPLIES["escalated"])
    assert "<!channel>" not in json.dumps(told.blocks) + told.text
    assert told.broadcast
