"""Reading the past anew: what of it is still kept, how fine, and how coarse sums become minutes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backfill import COARSE_RETENTION, COARSE_S, Grain, Step, next_step, polls, remaining, spread
from collector.bundle import Area, Front
from collector.plan import DAY
from collector.source import POINTS_PER_CALL_MAX, RETENTION_MINUTES, Batch, Query, Readings
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from tests.collector.reading import ACCOUNT, MINUTE, NOON, laid_out, view

IRELAND = Area(ACCOUNT, "eu-west-1")


def test_up_to_fifteen_days_are_read_by_the_minute_a_day_at_a_time() -> None:
    assert next_step(MINUTE - 3 * DAY, MINUTE, NOON) == Step(
        MINUTE - 3 * DAY, MINUTE - 2 * DAY, Grain.MINUTES
    )
    assert next_step(MINUTE - 60, MINUTE, NOON) == Step(MINUTE - 60, MINUTE, Grain.MINUTES)


def test_what_is_older_is_read_by_five_minutes_until_minutes_begin() -> None:
    step = next_step(MINUTE - 20 * DAY + 2, MINUTE, NOON)
    assert step == Step(MINUTE - 20 * DAY, MINUTE - 19 * DAY, Grain.FIVE_MINUTES)
    last = next_step(MINUTE - RETENTION_MINUTES - 30, MINUTE, NOON)
    assert last == Step(MINUTE - RETENTION_MINUTES - 30, MINUTE - RETENTION_MINUTES, Grain.FIVE_MINUTES)


def test_what_cloudwatch_no_longer_keeps_is_passed_over() -> None:
    step = next_step(MINUTE - 100 * DAY, MINUTE, NOON)
    assert step is not None
    assert step.start == minute_of(NOON - COARSE_RETENTION) + 5
    assert next_step(MINUTE - 100 * DAY, MINUTE - 70 * DAY, NOON) is None


def test_nothing_is_left_at_the_end() -> None:
    assert next_step(MINUTE, MINUTE, NOON) is None


def test_every_minute_of_a_span_is_in_exactly_one_step() -> None:
    position, end = MINUTE - 20 * DAY, MINUTE - 7
    read: list[int] = []
    while (step := next_step(position, end, NOON)) is not None:
        read += range(step.start, step.end)
        position = step.end
    assert read == list(range(MINUTE - 20 * DAY, end))


def test_a_step_asks_for_all_that_counts_in_its_region_in_calls_that_hold() -> None:
    layout = laid_out(*(view(f"s{i:02}") for i in range(20)), view("shop", "us-east-1"))
    fine = list(polls(layout, IRELAND, Step(MINUTE - DAY, MINUTE, Grain.MINUTES)))
    assert {poll.batch.region for poll in fine} == {"eu-west-1"}
    assert all(DAY * len(poll.batch.queries) <= POINTS_PER_CALL_MAX for poll in fine)
    assert {line.service for poll in fine for line in poll.asked.lines} == {f"s{i:02}" for i in range(20)}
    coarse = list(polls(layout, IRELAND, Step(MINUTE - DAY, MINUTE, Grain.FIVE_MINUTES)))
    assert {poll.batch.period_s for poll in coarse} == {COARSE_S}
    assert all(poll.batch in poll.asked.batches for poll in coarse)
    assert {poll.asked.front for poll in coarse} == {Front.LOAD_BALANCER}


def coarse(stat: str, *sums: float) -> Readings:
    values = np.full((1, 5 * len(sums)), np.nan)
    values[0, ::5] = sums
    return Readings(Batch(ACCOUNT, "eu-west-1", (Query("N", "M", (), stat),), COARSE_S), MINUTE, values)


def test_sums_are_divided_and_levels_repeated() -> None:
    assert spread(coarse("Sum", 12, np.nan)).values[0].tolist()[:5] == [3, 3, 2, 2, 2]
    assert np.isnan(spread(coarse("Sum", 12, np.nan)).values[0, 5:]).all()
    assert spread(coarse("Average", 4.5)).values[0].tolist() == [4.5] * 5
    assert spread(coarse("TC(:0.3)", 7.5)).values[0].tolist() == pytest.approx([2.1, 2.1, 1.1, 1.1, 1.1])


@given(total=st.integers(0, 10**6), data=st.data())
def test_parts_add_up_and_never_exceed_their_whole(total: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, total))
    whole, some = spread(coarse("Sum", total)).values, spread(coarse("Sum", part)).values
    assert whole.sum() == total
    assert some.sum() == part
    assert (some <= whole).all()


def test_what_was_measured_of_five_minutes_is_not_counted_again() -> None:
    sli = Sli(Placement("1", "eu-west-1", "prod", "web"), Indicator.AVAILABILITY)
    column = np.array([[100]] * 10)
    shares = Block((sli,), 0, column, 2 * column, np.full((10, 1), State.OBSERVED, np.uint8))
    measured = np.array([[minute == 0] for minute in range(10)])
    bad, total = np.where(measured, 497, 0), np.where(measured, 600, 0)
    left = remaining(shares, bad, total, measured)
    assert left.total[1:5].sum() == 1000 - 600
    assert left.bad[1:5].ravel().tolist() == [1, 1, 1, 0]
    assert (left.total[5:] == 200).all(), "of the next five nothing was measured"


def test_minutes_for_which_nothing_is_left_had_no_traffic() -> None:
    sli = Sli(Placement("1", "eu-west-1", "prod", "web"), Indicator.AVAILABILITY)
    column = np.array([[10]] * 5)
    shares = Block((sli,), 0, 0 * column, column, np.full((5, 1), State.OBSERVED, np.uint8))
    measured = np.array([[minute == 0] for minute in range(5)])
    left = remaining(shares, 0 * column, np.where(measured, 50, 0), measured)
    assert left.state[1:].ravel().tolist() == [State.NO_TRAFFIC] * 4
