"""The gate: what is spent says no, what is not known never says yes, and a word against it is always told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.budget_policies import DEFAULT, Answer, BudgetPolicy, BudgetScope, Threshold
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.gate import OVERRIDE_MAX, Finding, Override, Reason, Verdict, standings, verdict
from slo.ledger import Ledger
from slo.objectives import Objective, Rolling

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
IRELAND, VIRGINIA = (Placement("1", region, "prod", "payment") for region in ("eu-west-1", "us-east-1"))
BOTH = frozenset({IRELAND, VIRGINIA})
OBJECTIVE = Objective(
    name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
    target=Decimal("0.99"), window=Rolling(timedelta(hours=2)),
)  # fmt: skip
MINUTES = 120


def ledger(
    *bad: int, total: int = 1000, unknown: int = 0, ago: int = 0, places: Sequence[Placement] = ()
) -> Ledger:
    """Two hours until `ago` minutes before noon; `bad` of each place's requests failed, evenly."""
    slis = tuple(Sli(place, Indicator.AVAILABILITY) for place in places or (IRELAND, VIRGINIA)[: len(bad)])
    totals = np.full((MINUTES, len(slis)), total, np.int64)
    wrong = np.zeros_like(totals)
    known = MINUTES - unknown
    wrong[unknown:] = [[(n + row) // known for n in bad] for row in range(known)]
    state = np.full(totals.shape, State.OBSERVED, np.uint8)
    totals[:unknown], state[:unknown] = 0, State.UNKNOWN
    totals = np.maximum(totals, wrong)
    made = Ledger()
    made.put(Block(slis, minute_of(NOON) - MINUTES - ago, wrong, totals, state))
    return made


def asked(
    kept: Ledger,
    *policies: BudgetPolicy,
    overrides: Sequence[Override] = (),
    hindrances: Sequence[Finding] = (),
    region: str | None = None,
    places: frozenset[Placement] = BOTH,
) -> Verdict:
    here = {sli.placement for sli in kept.slis} & places if places is BOTH else places
    return verdict(
        "payment",
        region,
        placements={place for place in here if region in {None, place.region}},
        standings=standings([OBJECTIVE], policies, kept, NOON),
        hindrances=hindrances,
        overrides=overrides,
        now=NOON,
    )


def reasons(answer: Verdict) -> list[Reason]:
    return [finding.reason for finding in answer.findings]


def override(region: str | None = None) -> Override:
    return Override(
        service="payment",
        region=region,
        who="ana",
        why="mends the leak.",
        since=NOON - HOUR,
        until=NOON + HOUR,
    )


@pytest.mark.parametrize(
    ("bad", "answer"),
    [(0, Answer.ALLOW), (899, Answer.ALLOW), (900, Answer.WARN), (1199, Answer.WARN), (1200, Answer.FREEZE)],
)
def test_what_is_left_of_the_budget_decides(bad: int, answer: Answer) -> None:
    assert asked(ledger(bad, total=1000)).answer is answer


def test_the_worst_region_counts_and_each_can_be_asked_for_alone() -> None:
    kept = ledger(1200, 0)
    assert asked(kept).answer is Answer.FREEZE
    assert asked(kept, region="us-east-1").answer is Answer.ALLOW
    assert asked(kept).deciding.regions == ("eu-west-1",)


def test_what_is_pooled_is_judged_together() -> None:
    pool = replace(DEFAULT, name="pool", scope=BudgetScope.POOLED)
    answer = asked(ledger(1200, 0), pool)
    assert answer.answer is Answer.ALLOW
    assert len(answer.findings) == 1
    assert "Budget of availability, 2 placements in eu-west-1, us-east-1: 50.0 % left" in answer.sentence
    assert asked(ledger(1200, 1200), pool).answer is Answer.FREEZE


def test_a_pool_burns_as_fast_as_the_fastest_of_it() -> None:
    fast = Threshold(answer=Answer.FREEZE, spent=Decimal(0), burn=Decimal(2), window="2h", message="Stop.")
    pool = BudgetPolicy(name="pool", thresholds=(fast,), scope=BudgetScope.POOLED)
    assert asked(ledger(2400, 0), pool).answer is Answer.FREEZE
    assert asked(ledger(2399, 0), pool).answer is Answer.ALLOW


def test_too_little_that_is_known_is_no_answer_however_good_it_looks() -> None:
    answer = asked(ledger(0, unknown=60))
    assert (answer.answer, reasons(answer)) == (Answer.UNKNOWN, [Reason.LOW_COVERAGE])
    assert "50.0 % known" in answer.sentence
    assert asked(ledger(0, unknown=60), replace(DEFAULT, coverage_min=Decimal("0.5"))).answer is Answer.ALLOW


def test_minutes_that_may_still_come_are_no_lack() -> None:
    assert asked(ledger(0, ago=29)).answer is Answer.ALLOW


def test_what_is_too_old_is_no_answer() -> None:
    answer = asked(ledger(0, ago=31))
    assert (answer.answer, reasons(answer)) == (Answer.UNKNOWN, [Reason.STALE_DATA])
    assert "newest minute 31 min old" in answer.sentence


def test_a_placement_that_nothing_is_counted_of_is_no_answer() -> None:
    answer = asked(ledger(0), places=frozenset({IRELAND, VIRGINIA, replace(IRELAND, cluster="new")}))
    assert answer.answer is Answer.UNKNOWN
    assert reasons(answer) == [Reason.NOT_MEASURED, Reason.NOT_MEASURED, Reason.WITHIN_BUDGET]


def test_a_known_no_counts_more_than_what_nobody_knows() -> None:
    answer = asked(ledger(1200), places=BOTH | {VIRGINIA, replace(IRELAND, cluster="new")})
    assert answer.answer is Answer.FREEZE


def test_without_traffic_nothing_is_spent() -> None:
    assert asked(ledger(0, total=0)).answer is Answer.ALLOW


@pytest.mark.parametrize(("bad", "answer"), [(1, Answer.WARN), (2, Answer.WARN), (3, Answer.FREEZE)])
def test_of_a_quiet_service_a_failure_or_two_warn_since_they_may_be_chance(bad: int, answer: Answer) -> None:
    sparse = Ledger()
    slis = (Sli(IRELAND, Indicator.AVAILABILITY),)
    totals = np.zeros((MINUTES, 1), np.int64)
    totals[:5] = 1
    wrong = np.zeros_like(totals)
    wrong[:bad] = 1
    state = np.where(totals > 0, State.OBSERVED, State.NO_TRAFFIC).astype(np.uint8)
    sparse.put(Block(slis, minute_of(NOON) - MINUTES, wrong, totals, state))
    assert asked(sparse).answer is answer


@given(
    bad=st.integers(0, 3000),
    more=st.integers(1, 500),
    total=st.integers(0, 1000),
    unknown=st.integers(0, 119),
)
def test_one_more_bad_request_never_turns_a_no_into_a_yes(
    bad: int, more: int, total: int, unknown: int
) -> None:
    before = asked(ledger(bad, total=total, unknown=unknown)).answer
    after = asked(ledger(bad + more, total=total, unknown=unknown)).answer
    assert after.severity >= before.severity


def test_a_hindrance_refuses_whatever_is_left() -> None:
    page = Finding(
        answer=Answer.FREEZE, reason=Reason.PAGE_FIRING, sentence="A page is firing.", placements=(IRELAND,)
    )
    answer = asked(ledger(0), hindrances=[page])
    assert (answer.answer, answer.deciding) == (Answer.FREEZE, page)
    assert answer.sentence == "payment must not be deployed. A page is firing."


def test_an_override_turns_a_no_into_a_warning_that_names_who_until_when_and_why() -> None:
    answer = asked(ledger(1200), overrides=[override()])
    assert answer.answer is Answer.WARN
    assert answer.sentence.startswith(
        "payment may be deployed with care, overridden by ana until 2026-10-01 13:00 UTC: "
        "mends the leak. It would be refused: The budget is spent"
    )


def test_what_is_overridden_without_being_known_is_said_even_beside_a_known_no() -> None:
    places = BOTH | {replace(VIRGINIA, cluster="new")}
    answer = asked(ledger(1200, 0), overrides=[override()], places=places)
    assert answer.answer is Answer.WARN
    assert "It would be refused: The budget is spent" in answer.sentence
    assert "Nobody knows whether it should be: Nothing is counted there" in answer.sentence


def test_an_override_of_one_region_leaves_the_others_as_they_are() -> None:
    kept, here = ledger(1200, 1200), override("eu-west-1")
    assert asked(kept, overrides=[here]).answer is Answer.FREEZE
    assert asked(kept, overrides=[here]).deciding.regions == ("us-east-1",)
    assert asked(kept, overrides=[here], region="eu-west-1").answer is Answer.WARN
    assert asked(kept, overrides=[here], region="us-east-1").answer is Answer.FREEZE


def test_an_override_of_one_region_does_not_speak_of_what_is_pooled_with_others() -> None:
    pool = replace(DEFAULT, name="pool", scope=BudgetScope.POOLED)
    assert asked(ledger(1200, 1200), pool, overrides=[override("eu-west-1")]).answer is Answer.FREEZE


@pytest.mark.parametrize(
    "other",
    [
        {"service": "search"},
        {"since": NOON - 3 * HOUR, "until": NOON},
        {"since": NOON + timedelta(minutes=1)},
    ],
)
def test_an_override_of_another_service_or_time_is_none(other: dict[str, Any]) -> None:
    answer = asked(ledger(1200), overrides=[replace(override(), **other)])
    assert (answer.answer, answer.overrides) == (Answer.FREEZE, ())


def test_where_nothing_is_refused_an_override_changes_nothing() -> None:
    assert asked(ledger(0), overrides=[override()]).answer is Answer.ALLOW


@pytest.mark.parametrize(
    "wrong", [{"who": " "}, {"why": ""}, {"until": NOON - HOUR}, {"until": NOON - HOUR + OVERRIDE_MAX * 1.01}]
)
def test_an_override_says_who_and_why_and_lasts_a_day_at_most(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an override"):
        replace(override(), **wrong)


def test_looking_at_nothing_is_no_answer() -> None:
    with pytest.raises(ValueError, match="nothing was looked at"):
        Verdict(service="payment", region=None, at=NOON, findings=())
