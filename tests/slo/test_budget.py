"""Budgets: exact, pooled by sums, and never better for one more failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.budget import Budget, bad_minutes, budgets, in_minutes, pooled
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.ledger import Ledger
from slo.objectives import Budgeting, CalendarMonth, Objective, Rolling

WEB = Placement("1", "eu-west-1", "prod", "web-app")
SLI = Sli(WEB, Indicator.AVAILABILITY)
NOW = datetime(2026, 10, 11, tzinfo=UTC)
OCTOBER = Objective(
    name="availability",
    display_name="Availability",
    service="web-app",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    window=CalendarMonth("UTC"),
)


def budget(bad: int, total: int, *, placements: int = 1, period: int = 43_200) -> Budget:
    return Budget(
        objective="availability",
        indicator=Indicator.AVAILABILITY,
        placements=(WEB,) * placements,
        target=Fraction("0.9999"),
        unit="requests",
        period=period,
        rest=period,
        bad=Fraction(bad),
        total=Fraction(total),
        elapsed=period,
        unknown=0,
        excluded=0,
    )


def numbers(*values: object) -> tuple[object, ...]:
    return values


def told(*cells: tuple[int, int, State], end: datetime = NOW) -> Ledger:
    ledger = Ledger(capacity=1)
    bad, total, state = (np.array([column], np.int64).T for column in zip(*cells, strict=True))
    ledger.put(Block((SLI,), minute_of(end) - len(cells), bad, total, state.astype(np.uint8)))
    return ledger


@pytest.mark.parametrize(
    ("days", "minutes"), [(28, "4.032"), (29, "4.176"), (30, "4.320"), (31, "4.464"), (365, "52.56")]
)
def test_minutes_that_99_99_percent_allows(days: int, minutes: str) -> None:
    assert budget(0, 1, period=days * 1440).left_minutes == Fraction(minutes)


def test_six_hundred_bad_of_ten_million_leave_forty_percent() -> None:
    one = budget(600, 10_000_000)
    assert numbers(one.ratio, one.left_ratio) == (Fraction("0.99994"), Fraction("0.4"))
    assert numbers(one.left_minutes, one.left) == (Fraction("1.728"), 400)


def test_regions_are_pooled_by_sums_and_never_by_a_mean_of_ratios() -> None:
    parts = [
        budget(bad, total)
        for bad, total in (
            (5_000, 50_000_000), (1_000, 20_000_000), (200, 5_000_000), (400, 500_000), (100, 50_000),
        )
    ]  # fmt: skip
    pool = pooled(parts)
    assert pool.met
    assert float(pool.spent_ratio) == pytest.approx(0.887, abs=5e-4)
    assert pool.ratio is not None
    assert f"{float(pool.ratio):.7f}" == "0.9999113"
    assert min(part.ratio or 0 for part in parts) == Fraction("0.998")


def test_equality_is_met_and_one_more_is_not() -> None:
    assert budget(1, 10_000).met
    assert not budget(2, 10_000).met
    assert budget(2, 10_000).left_ratio == -1


def test_at_fourteen_point_four_half_a_budget_lasts_twenty_five_hours() -> None:
    half = budget(500, 10_000_000)
    assert half.exhausted_in(Fraction("14.4")) == 25 * 60
    assert half.exhausted_in(Fraction(0)) is None
    assert half.exhausted_in(None) is None
    assert budget(2_000, 10_000_000).exhausted_in(Fraction(1)) == 0


def test_under_ten_thousand_requests_a_period_the_volume_is_insufficient() -> None:
    assert not budget(0, 9_999).sufficient
    assert budget(0, 10_000).sufficient


def test_no_traffic_spends_nothing_and_has_no_ratio() -> None:
    assert numbers(budget(0, 0).ratio, budget(0, 0).spent_ratio, budget(0, 0).met) == (None, 0, True)


@given(bad=st.integers(0, 1000), good=st.integers(0, 10**7))
def test_one_more_bad_request_never_raises_the_budget(bad: int, good: int) -> None:
    assert budget(bad + 1, bad + good + 1).left_ratio <= budget(bad, bad + good).left_ratio


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 10**6)), min_size=1, max_size=5))
def test_a_pool_is_the_sum_of_its_parts(counts: list[tuple[int, int]]) -> None:
    pool = pooled([budget(bad, bad + good) for bad, good in counts])
    assert numbers(pool.bad, pool.total) == (sum(b for b, _ in counts), sum(b + g for b, g in counts))
    assert len(pool.placements) == len(counts)


def test_a_month_to_date_knows_what_it_did_not_see() -> None:
    ledger = told((1, 10, State.OBSERVED), (0, 0, State.NO_TRAFFIC), (0, 0, State.EXCLUDED))
    (one,) = budgets([OCTOBER], ledger, NOW)
    assert numbers(one.bad, one.total, one.elapsed, one.period) == (1, 10, 14_400, 44_640)
    assert numbers(one.unknown, one.excluded) == (14_397, 1)
    assert one.coverage == Fraction(2, 14_399)


def test_minutes_that_the_ledger_has_not_reached_are_unknown() -> None:
    ledger = told((0, 10, State.OBSERVED), end=NOW - timedelta(minutes=9))
    (one,) = budgets([OCTOBER], ledger, NOW)
    assert one.unknown == one.elapsed - 1


def test_a_rolling_window_and_its_running_sums_agree() -> None:
    ledger = told((1, 10, State.OBSERVED), (0, 10, State.OBSERVED))
    window = minute_of(NOW) - 43_200, minute_of(NOW)
    rolling = Objective(
        name="r",
        display_name="r",
        service="*",
        indicator=Indicator.AVAILABILITY,
        target=Decimal("0.999"),
        window=Rolling(timedelta(days=30)),
    )
    (one,) = budgets([rolling], ledger, NOW)
    counts = ledger.counts((SLI,), *window)
    assert numbers(one.bad, one.total, one.unknown) == (
        counts.bad,
        counts.total,
        counts.minutes[State.UNKNOWN],
    )
    (later,) = budgets([rolling], ledger, NOW + timedelta(minutes=1))
    assert (later.bad, later.unknown) == (one.bad, one.unknown)


def test_minutes_stand_beside_requests() -> None:
    ledger = told((6, 100, State.OBSERVED), (5, 100, State.OBSERVED), (0, 0, State.NO_TRAFFIC))
    one = in_minutes(OCTOBER, (SLI,), ledger, NOW)
    assert numbers(one.unit, one.bad, one.total) == ("minutes", 1, 3)


def test_timeslices_are_budgeted_in_minutes() -> None:
    slices = Objective(
        name="s",
        display_name="s",
        service="*",
        indicator=Indicator.AVAILABILITY,
        target=Decimal("0.999"),
        window=CalendarMonth("UTC"),
        budgeting=Budgeting.TIMESLICES,
        time_slice_target=Decimal("0.9"),
    )
    ledger = told((11, 100, State.OBSERVED), (10, 100, State.OBSERVED))
    (one,) = budgets([slices], ledger, NOW)
    assert numbers(one.unit, one.bad, one.total) == ("minutes", 1, 2)


def test_a_minute_exactly_at_the_slice_target_is_good() -> None:
    bad, total = np.array([5, 6, 0], np.int64), np.array([100, 100, 0], np.int64)
    assert bad_minutes(bad, total, Fraction("0.95")).tolist() == [False, True, False]


@pytest.mark.parametrize("wrong", [{"target": Fraction(1)}, {"bad": Fraction(2)}, {"unknown": 43_201}])
def test_a_wrong_budget_cannot_exist(wrong: dict[str, Fraction | int]) -> None:
    fields = {name: getattr(budget(0, 1), name) for name in Budget.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"got|part of"):
        Budget(**(fields | wrong))
