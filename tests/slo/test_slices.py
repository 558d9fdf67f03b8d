"""Slices of time: good or bad as a whole, averaged where somebody asks for it, never from half a slice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.beside import beside
from slo.budget import Part, budgets, counted, in_minutes
from slo.burn import Answer, Tier, burns, explain, firing
from slo.calendars import Calendar, Unit
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.forecast import forecasts
from slo.ledger import Ledger
from slo.objectives import Budgeting, CalendarMonth, Objective, Rolling

WEB = Placement("1", "eu-west-1", "prod", "web-app")
SLI = Sli(WEB, Indicator.AVAILABILITY)
NOW = datetime(2026, 10, 20, tzinfo=UTC)
OCCURRENCES = Objective(
    name="o",
    display_name="O",
    service="*",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    window=Rolling(timedelta(days=30)),
)
FIVE = replace(
    OCCURRENCES, budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95"), slice_minutes=5
)
MEAN = replace(OCCURRENCES, budgeting=Budgeting.RATIO_TIMESLICES, slice_minutes=5)


def numbers(*values: object) -> tuple[object, ...]:
    return values


def part(objective: Objective, *cells: tuple[int, int, State]) -> Part:
    bad, total, state = (np.array(column, np.int64) for column in zip(*cells, strict=True))
    return counted(objective, bad, total, state.astype(np.uint8))


def minutes(bad: int, total: int, count: int = 5) -> list[tuple[int, int, State]]:
    return [(bad, total, State.OBSERVED)] * count


def kept(cells: list[tuple[int, int, State]], end: datetime = NOW) -> Ledger:
    ledger = Ledger(capacity=1)
    bad, total, state = (np.array([column], np.int64).T for column in zip(*cells, strict=True))
    ledger.put(Block((SLI,), minute_of(end) - len(cells), bad, total, state.astype(np.uint8)))
    return ledger


def test_thirty_days_of_99_99_percent_afford_not_one_bad_slice_of_five_minutes() -> None:
    assert 8640 * OCCURRENCES.budget == Fraction("0.864")
    cells = minutes(0, 100, 43_195) + minutes(6, 100)
    (one,) = budgets([FIVE], kept(cells), NOW)
    assert numbers(one.bad, one.total, one.unit, one.met) == (5, 43_200, "minutes", False)


def test_a_night_and_a_day_weigh_the_same_in_ratio_timeslices_and_not_in_requests() -> None:
    # Half a day at 6,000 and half at 3 requests in five minutes: a slice of it, or two, are so many budgets.
    budget = 288 * MEAN.budget
    night = part(MEAN, *[(1, 1, State.OBSERVED)] * 3, *[(0, 0, State.NO_TRAFFIC)] * 2)
    day = part(MEAN, *minutes(600, 1200)), part(MEAN, *minutes(600, 1200))
    assert float(night.bad / 5 / budget) == pytest.approx(34.7, abs=0.05)
    assert float((day[0] + day[1]).bad / 5 / budget) == pytest.approx(34.7, abs=0.05)
    whole = 144 * 6000 + 144 * 3
    requests = Fraction(3), Fraction(6000)
    in_budgets = [float(bad / (whole * MEAN.budget)) for bad in requests]
    assert in_budgets == [pytest.approx(0.035, abs=5e-4), pytest.approx(69.4, abs=0.05)]


def test_a_share_of_a_ratio_is_rounded_up_so_that_the_sum_never_flatters() -> None:
    thirds = part(MEAN, *minutes(1, 3))
    assert Fraction(5, 3) < thirds.bad < Fraction(5, 3) + Fraction(1, 10**11)


def test_one_unknown_minute_makes_its_slice_unknown() -> None:
    cells = [(0, 0, State.UNKNOWN), *minutes(100, 100, 4), *minutes(6, 100)]
    assert part(FIVE, *cells) == Part(Fraction(5), Fraction(5), 10, 5, 0)


def test_excluded_minutes_are_left_out_of_their_slice() -> None:
    out = (0, 0, State.EXCLUDED)
    assert part(FIVE, out, *minutes(5, 100, 4)) == Part(Fraction(0), Fraction(5), 5, 0, 0)
    assert part(FIVE, *[out] * 5) == Part(Fraction(0), Fraction(0), 5, 0, 5)


def test_a_slice_without_traffic_is_good() -> None:
    quiet = [(0, 0, State.NO_TRAFFIC)] * 5
    for objective in (FIVE, MEAN):
        assert part(objective, *quiet) == Part(Fraction(0), Fraction(5), 5, 0, 0)


def test_a_slice_that_has_not_ended_is_not_counted_yet() -> None:
    ledger = kept(minutes(100, 100, 7), NOW + timedelta(minutes=7))
    (one,) = budgets([replace(FIVE, window=Rolling(timedelta(hours=1)))], ledger, NOW + timedelta(minutes=7))
    assert numbers(one.bad, one.elapsed) == (5, 55)


@pytest.mark.parametrize("minute", [0, 3])
def test_a_window_that_rolls_never_ends_also_while_a_slice_is_under_way(minute: int) -> None:
    now = NOW + timedelta(minutes=minute)
    (one,) = budgets([FIVE], kept(minutes(0, 100, 43_200), now), now)
    assert forecasts(one, {"1h": Fraction(2)})[0].minutes == 21_600


def test_slices_of_a_calendar_period_are_counted_from_its_start() -> None:
    hours = replace(FIVE, slice_minutes=60, window=CalendarMonth("Asia/Kolkata"))
    begin = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
    ledger = kept(
        minutes(100, 100, 30) + minutes(0, 100, 30) + minutes(0, 100, 60), begin + timedelta(hours=2)
    )
    (one,) = budgets([hours], ledger, begin + timedelta(hours=2))
    assert numbers(one.bad, one.total, one.period) == (60, 120, 44_640)


def test_requests_and_minutes_stand_side_by_side_from_the_same_cells() -> None:
    ledger = kept(minutes(6, 100, 1) + minutes(1, 1000, 9))
    sides, slices = beside([OCCURRENCES, FIVE], ledger, NOW)
    assert numbers(sides.requests.unit, sides.requests.bad, sides.requests.total) == ("requests", 15, 9100)
    assert numbers(sides.minutes.unit, sides.minutes.bad, sides.minutes.total) == ("minutes", 1, 10)
    assert in_minutes(FIVE, (SLI,), ledger, NOW) == slices.minutes
    assert slices.requests.bad == 15


@given(
    first=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=5, max_size=5),
    rest=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=10, max_size=10),
    objective=st.sampled_from([OCCURRENCES, FIVE, MEAN]),
)
def test_splitting_a_window_never_changes_its_sum(
    first: list[tuple[int, int]], rest: list[tuple[int, int]], objective: Objective
) -> None:
    one, two = ([(bad, bad + good, State.OBSERVED) for bad, good in cells] for cells in (first, rest))
    assert part(objective, *one) + part(objective, *two) == part(objective, *one, *two)


@given(
    cells=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 99)), min_size=5, max_size=5),
    objective=st.sampled_from([OCCURRENCES, FIVE, MEAN]),
)
def test_one_more_bad_request_never_makes_slices_better(
    cells: list[tuple[int, int]], objective: Objective
) -> None:
    before = [(bad, bad + good, State.OBSERVED) for bad, good in cells]
    after = [(before[0][0] + 1, before[0][1] + 1, State.OBSERVED), *before[1:]]
    (worse, was) = part(objective, *after), part(objective, *before)
    assert worse.bad / worse.total >= was.bad / was.total


def test_slices_that_are_longer_than_a_tier_s_window_have_no_such_tier() -> None:
    hours = replace(FIVE, slice_minutes=60)
    answers = {
        judged.tier: judged.answer for judged in explain(hours, WEB, kept(minutes(100, 100, 7200)), NOW)
    }
    assert answers == {
        Tier.PAGE_QUICK: Answer.SLICE_TOO_LONG, Tier.PAGE_SLOW: Answer.SLICE_TOO_LONG,
        Tier.TICKET_QUICK: Answer.FIRING, Tier.TICKET_SLOW: Answer.FIRING,
    }  # fmt: skip
    assert burns(hours, WEB, kept(minutes(100, 100, 60)))["5m"] is None


def test_slices_of_five_minutes_burn_by_whole_slices_even_as_the_newest_is_under_way() -> None:
    ledger = kept(
        minutes(0, 100, 7200) + minutes(100, 100, 20) + minutes(0, 100, 3), NOW + timedelta(minutes=3)
    )
    alerts = {alert.tier: alert for alert in firing([FIVE], ledger, NOW)}
    assert (alerts[Tier.PAGE_QUICK].bad, alerts[Tier.PAGE_QUICK].total) == (20, 60)
    assert alerts[Tier.PAGE_QUICK].unit == "minutes"


def test_ratio_timeslices_burn_by_the_average_of_their_ratios() -> None:
    ledger = kept(minutes(0, 100, 55) + minutes(50, 100))
    assert burns(MEAN, WEB, ledger)["1h"] == Fraction(1, 24) / MEAN.budget
    assert Tier.PAGE_QUICK in {
        alert.tier for alert in firing([MEAN], kept(minutes(0, 100, 43_000) + minutes(99, 100, 30)), NOW)
    }


def test_ratio_timeslices_have_their_evidence_in_the_requests_that_failed() -> None:
    ledger = kept(minutes(0, 1000, 43_170) + minutes(20, 1000, 30))
    assert {alert.tier for alert in firing([MEAN], ledger, NOW)} >= {Tier.PAGE_QUICK, Tier.PAGE_SLOW}
    few, many = (kept(minutes(0, 100, 43_199) + minutes(bad, 100, 1)) for bad in (12, 16))
    assert explain(MEAN, WEB, few, NOW)[0].answer is Answer.TOO_FEW_FAILURES
    assert explain(MEAN, WEB, many, NOW)[0].answer is Answer.FIRING


@pytest.mark.parametrize("length", [5, 30])
@pytest.mark.parametrize(("failures", "answer"), [(2, Answer.TOO_FEW_FAILURES), (3, Answer.FIRING)])
def test_a_slice_that_a_request_or_two_failed_wakes_nobody(
    length: int, failures: int, answer: Answer
) -> None:
    quiet = [(0, 0, State.NO_TRAFFIC)] * (43_200 - failures)
    ledger = kept(quiet + minutes(1, 1, failures))
    for objective in (FIVE, MEAN):
        slow = explain(replace(objective, slice_minutes=length), WEB, ledger, NOW)[1]
        assert numbers(slow.tier, slow.answer) == (Tier.PAGE_SLOW, answer)


def test_the_slice_of_what_is_read_late_may_have_failed_more_than_an_hour_ago() -> None:
    cells = minutes(0, 100, 7200) + minutes(100, 100, 9) + minutes(0, 100, 50)
    ledger, now = kept(cells, NOW + timedelta(minutes=29)), NOW + timedelta(minutes=39)
    ledger.advance(minute_of(now) - 1)
    half = replace(FIVE, slice_minutes=30)
    assert Tier.PAGE_SLOW in {alert.tier for alert in firing([half], ledger, now)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"slice_minutes": 5},
        {"budgeting": Budgeting.RATIO_TIMESLICES, "slice_minutes": 7},
        {"budgeting": Budgeting.RATIO_TIMESLICES, "slice_minutes": 0},
        {"budgeting": Budgeting.RATIO_TIMESLICES, "time_slice_target": Decimal("0.9")},
    ],
)
def test_slices_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"slices|Timeslices"):
        replace(OCCURRENCES, **wrong)  # type: ignore[arg-type]


class Told:
    """A past that tells what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def part(self, objective: Objective, sli: Sli, start: int, end: int) -> Part:
        del objective, sli
        self.asked.append((start, end))
        return Part(Fraction(7), Fraction(70), end - start, 0, 0)


def test_what_the_ring_has_let_go_of_is_told_by_the_past() -> None:
    year = replace(OCCURRENCES, window=Calendar(1, Unit.YEAR, datetime(2026, 1, 1), "Asia/Kolkata"))  # noqa: DTZ001
    ledger, past = kept(minutes(1, 10, 5)), Told()
    (one,) = budgets([year], ledger, NOW, past)
    ((start, end),) = past.asked
    assert start == minute_of(datetime(2025, 12, 31, 18, 30, tzinfo=UTC))
    assert (end - start) % 1440 == 0
    assert ledger.oldest is not None
    assert 0 <= end - ledger.oldest < 1440
    assert numbers(one.bad, one.total, one.elapsed) == (12, 120, minute_of(NOW) - start)
    (without,) = budgets([year], ledger, NOW)
    assert numbers(without.bad, without.total, without.elapsed) == (5, 50, one.elapsed)
    assert without.unknown == without.elapsed - 5


def test_what_the_ring_still_holds_is_asked_of_nobody() -> None:
    past = Told()
    list(budgets([OCCURRENCES], kept(minutes(1, 10)), NOW, past))
    assert past.asked == []
