"""Composites: judged by what each member spends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.composites import Composite, CompositeBudget, Member, composite_budgets
from slo.ledger import Ledger
from slo.objectives import Budgeting, Objective, Rolling

NOW = datetime(2026, 10, 20, tzinfo=UTC)
CHECKOUT = Objective(
    name="checkout",
    display_name="Checkout",
    service="checkout",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.99"),
    window=Rolling(timedelta(hours=1)),
)
PAYMENT = replace(CHECKOUT, name="payment", service="payment")


def numbers(*values: object) -> tuple[object, ...]:
    return values


def composite(weights: tuple[str, str] = ("1", "1"), **changes: object) -> Composite:
    members = zip((CHECKOUT, PAYMENT), weights, strict=True)
    return Composite(
        name="buying",
        display_name="Buying",
        members=tuple(Member(replace(one, **changes), Decimal(weight)) for one, weight in members),  # type: ignore[arg-type]
    )


def kept(**bad: list[int]) -> Ledger:
    """Return an hour of a hundred requests a minute, of which so many were bad in the first ones."""
    ledger = Ledger(capacity=4)
    for service, counts in bad.items():
        name, _, region = service.partition("_in_")
        sli = Sli(Placement("1", region or "eu", "c", name), Indicator.AVAILABILITY)
        column = np.zeros((60, 1), np.int64)
        column[: len(counts), 0] = counts
        state = np.full((60, 1), State.OBSERVED, np.uint8)
        state[column[:, 0] < 0] = State.UNKNOWN
        total = np.where(column < 0, 0, 100)
        ledger.put(Block((sli,), minute_of(NOW) - 60, np.maximum(column, 0), total, state))
    return ledger


def only(asked: Composite, ledger: Ledger) -> CompositeBudget:
    (found,) = composite_budgets([asked], ledger, NOW)
    return found


def test_weights_multiply_what_members_spend() -> None:
    ledger = kept(checkout=[30], payment=[6])
    assert only(composite(), ledger).spent_ratio == Fraction(1, 2) + Fraction(1, 10)
    heavier = only(composite(("1", "3")), ledger)
    assert (heavier.spent_ratio, heavier.left_ratio, heavier.met) == (Fraction(8, 10), Fraction(2, 10), True)
    assert numbers(heavier.ratio, heavier.coverage) == (None, 1)
    assert [one.objective for one in heavier.members] == ["checkout", "payment"]


def test_any_bad_member_makes_the_slice_bad() -> None:
    slices = composite(budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95"))
    found = only(slices, kept(checkout=[6, 6, 0], payment=[0, 6, 6]))
    assert (found.ratio, found.met) == (Fraction(57, 60), False)
    assert found.spent_ratio == 5


def test_what_is_unknown_of_a_member_is_unknown_unless_another_was_bad() -> None:
    slices = composite(budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95"))
    found = only(slices, kept(checkout=[-1, -1, 0], payment=[0, 6, 0]))
    assert found.ratio == 1 - Fraction(1, 59)


def test_shortfalls_of_ratio_timeslices_add_up_so_that_twice_95_percent_is_90() -> None:
    ratios = composite(budgeting=Budgeting.RATIO_TIMESLICES)
    found = only(ratios, kept(checkout=[5] * 60, payment=[5] * 60))
    assert numbers(found.ratio, found.spent_ratio) == (Fraction(90, 100), 10)


def test_a_composite_is_judged_in_each_region_by_the_members_that_are_there() -> None:
    ledger = kept(checkout=[30], payment=[6], checkout_in_us=[60])
    found = {one.region: one.spent_ratio for one in composite_budgets([composite()], ledger, NOW)}
    assert found == {"eu": Fraction(6, 10), "us": 1}


@pytest.mark.parametrize("budgeting", [Budgeting.TIMESLICES, Budgeting.RATIO_TIMESLICES])
def test_where_nothing_is_known_nothing_is_spent_and_no_ratio_is_told(budgeting: Budgeting) -> None:
    target = Decimal("0.95") if budgeting is Budgeting.TIMESLICES else None
    found = only(composite(budgeting=budgeting, time_slice_target=target), kept(checkout=[-1] * 60))
    assert numbers(found.ratio, found.spent_ratio, found.coverage) == (None, 0, 0)


def test_the_strictest_target_of_its_members_is_that_of_a_composite() -> None:
    members = (Member(CHECKOUT), Member(replace(PAYMENT, target=Decimal("0.999"))))
    assert Composite(name="b", display_name="B", members=members).target == Fraction("0.999")


def test_a_composite_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="has members"):
        Composite(name="b", display_name="B", members=())
    with pytest.raises(ValueError, match="above 0"):
        Member(CHECKOUT, Decimal(0))
    other = replace(PAYMENT, window=Rolling(timedelta(hours=2)))
    with pytest.raises(ValueError, match="one window"):
        Composite(name="b", display_name="B", members=(Member(CHECKOUT), Member(other)))
