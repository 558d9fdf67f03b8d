"""Alert conditions that somebody wrote: literal, exact, and beside our own tiers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.burn import RULES, Alert, Answer, Judgement, explain, firing
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.conditions import Condition, Op
from slo.ledger import RING_MINUTES, Ledger
from slo.objectives import Budgeting, Objective, Rolling

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
WEB = Placement("1", "eu-west-1", "prod", "web-app")
SLI = Sli(WEB, Indicator.AVAILABILITY)
TWICE = Condition(name="twice", severity="page", op=Op.GT, threshold=Decimal(2), lookback=60)
OBJECTIVE = Objective(
    name="availability",
    display_name="Availability",
    service="*",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.99"),
    window=Rolling(timedelta(days=30)),
    conditions=(TWICE,),
)


def numbers(*values: object) -> tuple[object, ...]:
    return values


def kept(*bad: int, total: int = 100, ago: int = 0) -> Ledger:
    """Return a ledger of these minutes, the last of which is `ago` before the newest."""
    ledger = Ledger(capacity=1)
    column = np.array([bad], np.int64).T
    state = np.full(column.shape, State.OBSERVED if total else State.NO_TRAFFIC, np.uint8)
    ledger.put(Block((SLI,), minute_of(NOW) - len(bad) - ago, column, np.full_like(column, total), state))
    ledger.advance(minute_of(NOW) - 1)
    return ledger


def asked(condition: Condition, ledger: Ledger) -> Judgement:
    return explain(replace(OBJECTIVE, conditions=(condition,)), WEB, ledger, NOW)[-1]


def fired(condition: Condition, ledger: Ledger, **changes: object) -> list[Alert]:
    objective = replace(OBJECTIVE, conditions=(condition,), **changes)  # type: ignore[arg-type]
    return [alert for alert in firing([objective], ledger, NOW) if isinstance(alert.tier, Condition)]


@pytest.mark.parametrize(
    ("op", "bad", "answer"),
    [
        (Op.GT, 120, Answer.NOT_MET), (Op.GT, 121, Answer.FIRING),
        (Op.GTE, 119, Answer.NOT_MET), (Op.GTE, 120, Answer.FIRING),
        (Op.LT, 120, Answer.NOT_MET), (Op.LT, 119, Answer.FIRING),
        (Op.LTE, 121, Answer.NOT_MET), (Op.LTE, 120, Answer.FIRING),
    ],
)  # fmt: skip
def test_a_burn_rate_is_compared_exactly_as_written(op: Op, bad: int, answer: Answer) -> None:
    condition = replace(TWICE, op=op)
    ledger = kept(*[bad // 2] * 2, *[0] * 57, bad % 2)
    assert asked(condition, ledger).answer is answer
    assert bool(fired(condition, ledger)) is (answer is Answer.FIRING)


def test_an_alert_says_which_condition_fired_and_by_which_numbers() -> None:
    (alert,) = fired(TWICE, kept(*[0] * 55, *[30] * 5))
    assert (alert.tier, alert.severity, str(alert.tier)) == (TWICE, "page", "twice")
    assert (alert.burn_long, alert.bad, alert.total) == (Fraction(5, 2), 150, 6000)
    assert alert.sentence == (
        "web-app in eu-west-1 meets twice: its availability budget burns at 2.5, above 2; "
        "150 of 6,000 requests were bad in 1 h"
    )


def test_explain_answers_for_our_tiers_first_and_then_for_what_was_written() -> None:
    told = explain(OBJECTIVE, WEB, kept(*[5] * 60), NOW)
    assert [one.tier for one in told] == [*(rule.tier for rule in RULES), TWICE]
    assert numbers(told[-1].factor, told[-1].burn_long) == (2, 5)


def test_it_holds_for_every_window_that_ended_in_the_minutes_after_which_it_alerts() -> None:
    patient = replace(TWICE, lookback=5, after=10)
    held = [kept(*[0] * 30, *[100] * minutes) for minutes in (10, 11, 12, 15)]
    assert [asked(patient, ledger).answer for ledger in held] == [
        Answer.NOT_FOR_LONG, Answer.FIRING, Answer.FIRING, Answer.FIRING,
    ]  # fmt: skip
    interrupted = kept(*[100] * 20, *[0] * 6, *[100] * 8)
    assert asked(patient, interrupted).answer is Answer.NOT_FOR_LONG
    (alert,) = fired(patient, held[1])
    assert numbers(alert.burn_long, alert.burn_short) == (100, 20)


def test_no_failures_are_too_few_for_what_somebody_asked_for() -> None:
    assert fired(replace(TWICE, threshold=Decimal(1)), kept(*[0] * 59, 1, total=1))[0].bad == 1


def test_what_is_unknown_or_without_traffic_meets_no_condition() -> None:
    below = replace(TWICE, op=Op.LT)
    assert asked(below, Ledger(capacity=1)).answer is Answer.NO_DATA
    assert asked(below, kept(*[0] * 60, total=0)).answer is Answer.NO_TRAFFIC
    assert fired(below, kept(*[0] * 60, total=0)) == []
    assert fired(below, kept(*[0] * 60))[0].burn_long == 0


def test_a_burn_rate_of_nothing_at_all_meets_at_or_above_nothing() -> None:
    assert fired(replace(TWICE, op=Op.GTE, threshold=Decimal(0)), kept(*[0] * 60))


def test_what_is_read_later_than_others_is_judged_by_its_own_newest_minutes() -> None:
    quick = replace(TWICE, lookback=5)
    assert fired(quick, kept(*[0] * 55, *[100] * 5, ago=8))
    assert not fired(quick, kept(*[0] * 55, *[100] * 5, ago=11))


def test_a_condition_may_look_back_further_than_the_longest_window_with_sums() -> None:
    whole = replace(TWICE, lookback=31 * 1440)
    ledger = kept(*[100] * 1000, *[0] * 43_600)
    assert asked(whole, ledger).answer is Answer.FIRING
    assert [alert.bad for alert in fired(whole, ledger)] == [asked(whole, ledger).bad]


def test_slices_are_looked_at_whole() -> None:
    slices = {"budgeting": Budgeting.TIMESLICES, "time_slice_target": Decimal("0.95"), "slice_minutes": 5}
    (alert,) = fired(TWICE, kept(*[0] * 50, *[6] * 5, *[0] * 5), **slices)
    assert (alert.bad, alert.total, alert.unit) == (5, 60, "minutes")
    with pytest.raises(ValueError, match="whole slices"):
        replace(OBJECTIVE, conditions=(replace(TWICE, lookback=7),), **slices)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(
    bad=st.lists(st.integers(0, 100), min_size=40, max_size=150),
    op=st.sampled_from(Op),
    threshold=st.sampled_from(["0", "0.5", "2", "40"]),
    lookback=st.sampled_from([1, 3, 5, 12, 30, 61]),
    after=st.sampled_from([0, 1, 7]),
    ago=st.integers(0, 12),
)
def test_sorting_out_by_columns_never_loses_what_fires(  # noqa: PLR0913, PLR0917 - each is a property of a condition
    bad: list[int], op: Op, threshold: str, lookback: int, after: int, ago: int
) -> None:
    condition = Condition(
        name="c", severity="ticket", op=op, threshold=Decimal(threshold), lookback=lookback, after=after
    )
    ledger = kept(*bad, ago=ago)
    assert bool(fired(condition, ledger)) is (asked(condition, ledger).answer is Answer.FIRING)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"name": ""}, "has a name"),
        ({"threshold": Decimal(-1)}, "0 or more"),
        ({"lookback": 0}, "the ledger holds"),
        ({"lookback": RING_MINUTES, "after": 1}, "the ledger holds 44,700 minutes"),
        ({"after": -1}, "the ledger holds"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(wrong: dict[str, object], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        replace(TWICE, **wrong)  # type: ignore[arg-type]
