from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fournines.views.gate import GateView
from slo.budget_policies import Answer
from slo.cells import Placement
from slo.gate import Finding, Override, Reason, Verdict

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HERE = Placement("1", "eu-west-1", "prod", "payment")


def found(answer: Answer, reason: Reason = Reason.BUDGET_POLICY) -> Finding:
    return Finding(answer=answer, reason=reason, sentence=f"It says {answer}.", placements=(HERE,))


def view(*answers: Answer, overrides: tuple[Override, ...] = ()) -> GateView:
    findings = tuple(map(found, answers))
    return GateView(Verdict(service="payment", region=None, at=NOON, findings=findings, overrides=overrides))


@pytest.mark.parametrize(
    ("answer", "exit_status", "tone"),
    [
        (Answer.ALLOW, 0, "good"),
        (Answer.WARN, 0, "warn"),
        (Answer.FREEZE, 1, "bad"),
        (Answer.UNKNOWN, 2, "quiet"),
    ],
)
def test_an_answer_has_a_status_for_pipelines_and_a_look_for_people(
    answer: Answer, exit_status: int, tone: str
) -> None:
    shown = view(answer)
    assert (shown.exit_status, shown.tone, shown.rows[0].tone) == (exit_status, tone, tone)


def test_what_keeps_from_deploying_comes_first() -> None:
    shown = view(Answer.ALLOW, Answer.UNKNOWN, Answer.FREEZE, Answer.WARN)
    assert [row.answer for row in shown.rows] == ["freeze", "unknown", "warn", "allow"]
    assert shown.sentence == "payment must not be deployed. It says freeze."


def test_what_is_overridden_says_so_in_its_row_and_in_json() -> None:
    word = Override(
        service="payment", region=None, who="ana", why="so", since=NOON, until=NOON + timedelta(hours=1)
    )
    shown = view(Answer.FREEZE, Answer.ALLOW, overrides=(word,))
    assert [row.answer for row in shown.rows] == ["freeze, overridden", "allow"]
    told = shown.as_json()
    assert [one["overridden"] for one in told["findings"]] == [True, False]
    assert told["overrides"] == [
        {
            "region": None,
            "who": "ana",
            "why": "so",
            "since": "2026-10-01T12:00:00+00:00",
            "until": "2026-10-01T13:00:00+00:00",
        }
    ]
