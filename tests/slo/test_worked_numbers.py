"""The arithmetic of four nines, worked by hand: each number is what the code must come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from slo import figures
from slo.budget import Budget, budgets, pooled
from slo.burn import RULES, Severity
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.forecast import Pace, forecasts
from slo.ledger import Ledger
from slo.objectives import Budgeting, CalendarMonth, Objective

WEB = Placement("1", "eu-west-1", "prod", "web-app")
FOUR_NINES = Fraction("0.9999")
MONTHS = Objective(
    name="minutes",
    display_name="Minutes",
    service="*",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    window=CalendarMonth("UTC"),
    budgeting=Budgeting.TIMESLICES,
    time_slice_target=Decimal("0.95"),
)


def numbers(*values: object) -> tuple[object, ...]:
    return values


def budget(bad: int, total: int, *, days: int = 30, elapsed: int | None = None) -> Budget:
    period = days * 1440
    return Budget(
        objective="o",
        indicator=Indicator.AVAILABILITY,
        placements=(WEB,),
        target=FOUR_NINES,
        unit="requests",
        period=period,
        rest=period if elapsed is None else period - elapsed,
        bad=Fraction(bad),
        total=Fraction(total),
        elapsed=period if elapsed is None else elapsed,
        unknown=0,
        excluded=0,
    )


@pytest.mark.parametrize(
    ("days", "minutes"),
    [
        (28, "4.032"), (29, "4.176"), (30, "4.320"), (31, "4.464"), (90, "12.96"), (365, "52.56"),
    ],
)  # fmt: skip
def test_minutes_that_a_budget_is_worth(days: int, minutes: str) -> None:
    assert budget(0, 1, days=days).left_minutes == Fraction(minutes)


@pytest.mark.parametrize("month", [(2026, 2), (2028, 2), (2026, 4), (2026, 1)])
def test_of_any_month_four_bad_minutes_pass_and_the_fifth_breaches(month: tuple[int, int]) -> None:
    start = minute_of(datetime(*month, 1, tzinfo=UTC))
    length = len(MONTHS.window.stretch(datetime(*month, 1, tzinfo=UTC)))
    met = []
    for bad in (4, 5):
        column = np.zeros((length, 1), np.int64)
        column[:bad] = 100
        state = np.full((length, 1), State.OBSERVED, np.uint8)
        ledger = Ledger(capacity=1)
        ledger.put(Block((Sli(WEB, MONTHS.indicator),), start, column, np.full_like(column, 100), state))
        last = datetime.fromtimestamp((start + length) * 60, UTC) - timedelta(seconds=1)
        (one,) = budgets([MONTHS], ledger, last)
        met.append(one.met)
    assert met == [True, False]


def test_four_and_five_bad_minutes_of_thirty_days_read_as_they_are() -> None:
    told = [figures.attained(1 - Fraction(bad, 43_200), 5).text for bad in (4, 5)]
    assert told == ["99.99074 %", "99.98842 %"]


def test_a_budget_burns_ten_thousand_times_too_fast_at_most() -> None:
    assert 1 / (1 - FOUR_NINES) == 10_000


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (7, (3.36, 1.4, 1, 1)),
        (28, (13.44, 5.6, 2.8, 1)),
        (29, (13.92, 5.8, 2.9, 1)),
        (30, (14.4, 6, 3, 1)),
        (31, (14.88, 6.2, 3.1, 1.0333)),
        (90, (43.2, 18, 9, 3)),
        (5, (2.4, None, 1, 1)),
        (2, (None, None, 1, 1)),
    ],
)
def test_factors_of_each_period_and_no_page_while_the_budget_lasts(
    days: int, factors: tuple[float | None, ...]
) -> None:
    found = [rule.factor(days * 1440) for rule in RULES]
    told = [None if factor is None else round(float(factor), 4) for factor in found]
    assert told == list(factors)


def test_a_page_with_a_factor_of_one_or_less_does_not_exist_at_any_length() -> None:
    pages = [rule for rule in RULES if rule.tier.severity is Severity.PAGE]
    factors = [rule.factor(minutes) for rule in pages for minutes in range(60, 10 * 1440, 60)]
    assert all(factor is None or factor > 1 for factor in factors)


@pytest.mark.parametrize(
    ("factor", "percent"), [("14.4", "0.144"), ("6", "0.06"), ("3", "0.03"), ("1", "0.01")]
)
def test_ratios_of_failures_at_which_the_tiers_fire(factor: str, percent: str) -> None:
    assert Fraction(factor) * (1 - FOUR_NINES) * 100 == Fraction(percent)


REGIONS = ((5_000, 50_000_000), (1_000, 20_000_000), (200, 5_000_000), (400, 500_000), (100, 50_000))


def test_five_regions_are_kept_pooled_and_lost_by_the_mean_of_their_ratios() -> None:
    parts = [budget(bad, total) for bad, total in REGIONS]
    pool = pooled(parts)
    mean = sum((part.ratio or Fraction(0) for part in parts), Fraction(0)) / len(parts)
    assert figures.attained(pool.ratio, 5).text == "99.99113 %"
    assert figures.attained(mean).text == "99.9402 %"
    assert (pool.met, mean >= FOUR_NINES) == (True, False)
    assert float(pool.spent_ratio) == pytest.approx(0.887, abs=5e-4)


def test_the_worst_of_them_burns_twenty_times_too_fast() -> None:
    worst = min((budget(bad, total) for bad, total in REGIONS), key=lambda part: part.ratio or 0)
    assert numbers(figures.attained(worst.ratio, 2).text, worst.spent_ratio) == ("99.80 %", 20)


def test_twenty_one_services_in_series_at_four_nines_are_not_four_nines() -> None:
    assert figures.attained(FOUR_NINES**21, 3).text == "99.790 %"
    each = Decimal("0.9999") ** (Decimal(1) / 21)
    assert round(each * 100, 5) == Decimal("99.99952")


def test_overspend_stays_negative() -> None:
    assert budget(3, 10_000).left_ratio == -2


def test_a_target_is_what_was_written_and_no_float() -> None:
    assert 100 - 99.99 != 0.01
    assert Decimal(100) - Decimal("99.99") == Decimal("0.01")
    assert budget(1, 10_000).met


def test_a_forecast_says_what_it_assumes() -> None:
    half = budget(500, 10_000_000)
    quick, slow = forecasts(half, {"1h": Fraction("14.4"), "1d": Fraction(1, 4)})
    assert numbers(quick.pace, quick.minutes, slow.minutes) == (Pace.LAST_HOUR, 25 * 60, None)
    assert quick.sentence == (
        "At the pace of the last hour and with even traffic the budget is spent in 25 h."
    )
    assert (
        slow.sentence == "At the pace of the last day and with even traffic the budget outlasts its period."
    )


def test_a_calendar_month_s_budget_outlasts_it_where_less_of_the_month_is_left() -> None:
    late = budget(500, 10_000_000, elapsed=29 * 1440 + 60)
    assert [one.minutes for one in forecasts(late, {"1h": Fraction("14.4")})] == [None, None]


def test_a_spent_budget_and_an_unknown_pace_are_said_too() -> None:
    spent, gone = forecasts(budget(2, 10_000), {"1h": Fraction(2)})
    assert spent.sentence == gone.sentence == "The budget is spent already."
    (_, unknown) = forecasts(budget(1, 20_000), {"1h": Fraction(2)})
    assert unknown.sentence == "Nothing is known of the last day, so that nothing can be forecast by it."
