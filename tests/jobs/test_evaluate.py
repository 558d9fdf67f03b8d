"""What fires becomes an incident, whatever its objective counts in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import numpy as np
import pytest

from fournines.desk import Desk
from fournines.jobs.measure import Evaluate
from fournines.known import Known
from fournines.store.books import Books
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.conditions import Condition, Op
from slo.objectives import Budgeting, Objective, Rolling

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
SHOP = Sli(Placement("1", "eu-west-1", "main", "shop"), Indicator.AVAILABILITY)
DAY = 24 * 60


def in_slices(minutes: int) -> Objective:
    return Objective(
        name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
        target=Decimal("0.99"), window=Rolling(timedelta(days=30)), budgeting=Budgeting.TIMESLICES,
        time_slice_target=Decimal("0.9"), slice_minutes=minutes,
    )  # fmt: skip


def lived(books: Books, bad: int) -> None:
    """Half a day in which half of the requests fail, and then a night in which so many do."""
    failed = np.full((DAY, 1), 50, np.int64)
    failed[DAY // 2 :] = bad
    shape = failed.shape
    cells = Block(
        (SHOP,), minute_of(NOON) - DAY, failed, np.full(shape, 100), np.full(shape, State.OBSERVED, np.uint8)
    )
    books.record(cells, NOON)


@pytest.mark.parametrize("minutes", [1, 30, 60, 120, 360])
@pytest.mark.parametrize(("bad", "tickets"), [(50, 1), (0, 0)])
def test_slices_of_any_length_ring_while_they_are_spent_and_no_longer(
    minutes: int, bad: int, tickets: int
) -> None:
    with Books.open("sqlite://") as books:
        lived(books, bad)
        Evaluate([in_slices(minutes)], Known(books, lambda _: 1.0), books, Desk(books)).run(NOON)
        found = [one for one in books.open_incidents() if one.placements == (SHOP.placement,)]
        assert len(found) == tickets


@pytest.mark.parametrize("severity", ["page", "ticket"])
def test_a_written_condition_rings_for_as_long_as_it_holds(severity: Literal["page", "ticket"]) -> None:
    condition = Condition(
        name="any", severity=severity, op=Op.GT, threshold=Decimal("0.5"), lookback=DAY, after=120
    )
    written = replace(in_slices(1), conditions=(condition,))
    with Books.open("sqlite://") as books:
        lived(books, 0)
        Evaluate([written], Known(books, lambda _: 1.0), books, Desk(books)).run(NOON)
        (incident,) = books.open_incidents()
        assert incident.severity == severity, "it has held for two hours, though all is well since"
