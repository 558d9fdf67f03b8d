"""What a promise may say, and what happens just at its bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from slo.burn import Answer, Tier, explain, firing
from slo.cells import Indicator, Placement, Sli, State
from slo.contracts import CreditTier, Measure, read
from slo.evidence import failures_needed
from slo.months import Month
from slo.objectives import Budgeting, Objective, Rolling
from tests.slo.test_budget import NOW, OCTOBER, WEB, budget, told
from tests.slo.test_statement import closed, contract, history


@pytest.mark.parametrize("target", ["0", "1", "-0.1", "1.1"])
def test_a_promise_of_nothing_or_of_perfection_does_not_exist(target: str) -> None:
    with pytest.raises(ValueError, match="between 0 and 1, exclusive"):
        replace(OCTOBER, target=Decimal(target))
    with pytest.raises(ValueError, match="between 0 and 1, exclusive"):
        contract(target=Decimal(target))


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold_s": Decimal("0.5")},
        {"indicator": Indicator.LATENCY},
        {"indicator": Indicator.LATENCY, "threshold_s": Decimal(0)},
        {"time_slice_target": Decimal("0.95")},
        {"budgeting": Budgeting.TIMESLICES},
        {"budgeting": Budgeting.TIMESLICES, "time_slice_target": Decimal("-0.1")},
        {"budgeting": Budgeting.TIMESLICES, "time_slice_target": Decimal("1.1")},
        {"window": timedelta(minutes=59)},
    ],
    ids=str,
)
def test_an_objective_that_contradicts_itself_does_not_exist(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"belongs to|above 0|is 0 to 1|1 h to 455 d"):
        replace(OCTOBER, **({"window": Rolling(changes["window"])} if "window" in changes else changes))


def test_an_objective_speaks_of_its_own_indicator_and_service_alone() -> None:
    other = Placement("1", "eu-west-1", "prod", "search")
    known = [Sli(place, indicator) for place in (WEB, other) for indicator in Indicator]
    assert OCTOBER.slis(known) == (Sli(WEB, Indicator.AVAILABILITY),)
    abroad = replace(OCTOBER, regions=("us-east-1",))
    assert abroad.slis(known) == ()


@pytest.mark.parametrize(
    ("tiers", "sound"),
    [
        ([("0.9999", "0.1"), ("0.99", "0.3")], True),
        ([("0.9999", "0.1"), ("0.99", "0.1")], False),
        ([("0.99", "0.1"), ("0.99", "0.3")], False),
        ([("0.99995", "0.1")], False),
    ],
    ids=["down and up", "no more credit", "no lower", "above the target"],
)
def test_credit_tiers_go_down_in_what_was_attained_and_up_in_credit(
    tiers: list[tuple[str, str]],
    sound: bool,  # noqa: FBT001 - what is expected
) -> None:
    wanted = tuple(CreditTier(Decimal(below), Decimal(credit)) for below, credit in tiers)
    if sound:
        assert contract(tiers=wanted).tier(Fraction("0.99")) == wanted[0]
        assert contract(tiers=wanted).tier(Fraction("0.9999")) is None
        return
    with pytest.raises(ValueError, match=r"tiers? (go|lies)|below the target"):
        contract(tiers=wanted)


def test_a_tier_that_says_half_is_a_problem_and_no_tier() -> None:
    document = {
        "id": "x", "tenant": "x", "services": ["*"], "regions": ["*"], "indicator": "availability",
        "target": "0.9999", "zone": "UTC", "tiers": [{"below": "0.99"}],
    }  # fmt: skip
    (problem,) = read([document]).problems
    assert str(problem) == "0.tiers.0.credit: is missing; expected a part of the fee such as 0.1, at most 1"


@pytest.mark.parametrize(("events", "down"), [(100, "1 min"), (101, "0 s")])
def test_a_minute_is_down_from_just_as_many_requests_as_the_contract_says(events: int, down: str) -> None:
    made = closed(history(bad=100, total=100), contract(bad_minute_events=events, measure=Measure.MINUTES))
    assert made.totals.downtime.text == down


def test_a_budget_that_is_just_spent_lasts_no_longer() -> None:
    spent = budget(bad=1, total=10_000)
    assert spent.left_ratio == 0
    assert spent.met
    assert spent.exhausted_in(Fraction(2)) == 0
    assert budget(bad=0, total=10_000).exhausted_in(Fraction(0)) is None


def test_what_is_wholly_unknown_suffices_for_nothing() -> None:
    assert not replace(budget(bad=0, total=0), unknown=43_200).sufficient


@pytest.mark.parametrize(("ratio", "needed"), [(0.0, 1), (1.0, 11), (2.0, 11)])
def test_where_everything_or_nothing_may_fail_no_statistics_are_needed(ratio: float, needed: int) -> None:
    assert failures_needed(10, ratio) == needed


@pytest.mark.parametrize("number", [0, 13])
def test_a_year_has_twelve_months(number: int) -> None:
    with pytest.raises(ValueError, match="1 to 12"):
        Month(2026, number)


def test_an_objective_of_every_service_is_one_objective() -> None:
    every = Objective(
        name="all",
        display_name="All",
        service="*",
        indicator=Indicator.AVAILABILITY,
        target=Decimal("0.999"),
        window=Rolling(timedelta(days=31)),
    )
    assert every.covers(WEB)
    assert every.budget == Fraction(1, 1000)


def test_a_period_that_is_too_short_for_a_page_says_so_and_still_makes_tickets() -> None:
    hour = replace(OCTOBER, window=Rolling(timedelta(hours=1)))
    ledger = told(*((50, 100, State.OBSERVED),) * 60)
    answers = {judged.tier.severity: judged.answer for judged in explain(hour, WEB, ledger, NOW)}
    assert answers == {"page": Answer.PERIOD_TOO_SHORT, "ticket": Answer.FIRING}
    assert {alert.severity for alert in firing([hour], ledger, NOW)} == {"ticket"}


def test_minutes_that_are_bad_by_a_few_requests_each_page_an_objective_in_timeslices() -> None:
    slices = replace(
        OCTOBER,
        target=Decimal("0.99"),
        window=Rolling(timedelta(days=30)),
        budgeting=Budgeting.TIMESLICES,
        time_slice_target=Decimal("0.9999"),
    )
    alerts = firing([slices], told(*((1, 1000, State.OBSERVED),) * 60), NOW)
    assert {(alert.tier, alert.unit) for alert in alerts} >= {(Tier.PAGE_QUICK, "minutes")}
    assert (
        firing([replace(OCTOBER, target=Decimal("0.99"))], told(*((1, 1000, State.OBSERVED),) * 60), NOW)
        == ()
    )
