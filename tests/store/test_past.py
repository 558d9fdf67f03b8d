"""Periods that are longer than the ring: days of the store, read once, and exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.past import DAYS_KEPT_MINUTES, Past
from fournines.store.books import Books
from slo.beside import beside
from slo.budget import Budget, Part, budgets, by_request, in_minutes
from slo.calendars import Calendar, Unit
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.ledger import Ledger
from slo.objectives import Budgeting, Objective, Rolling, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


NOW = datetime(2026, 10, 20, 12, 7, tzinfo=UTC)
SLI = Sli(Placement("1", "eu-west-1", "prod", "web-app"), Indicator.AVAILABILITY)
OTHER = Sli(Placement("1", "us-east-1", "prod", "web-app"), Indicator.AVAILABILITY)
DAYS = 5
RING = 1500


def objective(window: Window, budgeting: Budgeting = Budgeting.OCCURRENCES) -> Objective:
    sliced = budgeting is Budgeting.TIMESLICES
    return Objective(
        name="long",
        display_name="Long",
        service="*",
        indicator=Indicator.AVAILABILITY,
        target=Decimal("0.99"),
        window=window,
        budgeting=budgeting,
        time_slice_target=Decimal("0.9") if sliced else None,
        slice_minutes=1 if budgeting is Budgeting.OCCURRENCES else 30,
    )


def cells(start: int, minutes: int, sli: Sli = SLI) -> Block:
    chance = np.random.default_rng(start)
    total = chance.integers(1, 50, (minutes, 1))
    bad = chance.binomial(total, 0.05)
    return Block((sli,), start, bad, total, np.full(total.shape, State.OBSERVED, np.uint8))


@pytest.fixture
def books() -> Iterator[Books]:
    def make() -> Ledger:
        return Ledger(ring=RING, windows=(1, 5, 60, 1440))

    with Books.open("sqlite://", make) as opened:
        start = minute_of(NOW) - DAYS * 1440
        for day in range(DAYS):
            opened.record(cells(start + day * 1440, 1440), NOW)
        yield opened


def only(books: Books, asked: Objective, past: Past | None) -> Budget:
    with books.ledger() as ledger:
        read = past.prepare([asked], ledger, NOW) if past else None
    if read:
        read()
    with books.ledger() as ledger:
        return next(budgets([asked], ledger, NOW, past))


WINDOWS = (
    Rolling(timedelta(days=4, minutes=17)),
    Rolling(timedelta(days=30)),
    Calendar(1, Unit.WEEK, datetime(2026, 1, 3, 5, 30), "Asia/Kolkata"),  # noqa: DTZ001 - a local time
    Calendar(1, Unit.QUARTER, datetime(2026, 1, 1), "America/New_York"),  # noqa: DTZ001
)


@pytest.mark.parametrize("budgeting", list(Budgeting))
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_ring_and_past_together_are_what_a_ring_of_all_minutes_would_be(
    books: Books, window: Window, budgeting: Budgeting
) -> None:
    asked, whole = objective(window, budgeting), Ledger(ring=200_000, windows=(1,))
    for block in books.blocks(books.extent()):
        whole.put(block)
    assert only(books, asked, Past(books)) == next(budgets([asked], whole, NOW))
    assert only(books, asked, None) != only(books, asked, Past(books))
    with books.ledger() as ledger:
        (both,) = beside([asked], ledger, NOW, Past(books))
    assert both.requests == next(budgets([by_request(asked)], whole, NOW))
    assert both.minutes == in_minutes(asked, [SLI], whole, NOW)


@pytest.mark.parametrize(("budgeting", "reads"), [(Budgeting.OCCURRENCES, 5), (Budgeting.TIMESLICES, 5)])
def test_days_are_read_once_until_something_old_changes(
    books: Books, monkeypatch: pytest.MonkeyPatch, budgeting: Budgeting, reads: int
) -> None:
    """By requests the sums of days tell, by minutes the cells of each; both are read, and the first day."""
    past, asked, read = Past(books), objective(Rolling(timedelta(days=4)), budgeting), list[str]()
    for name in ("history", "past"):
        told: Callable[..., object] = getattr(books, name)

        def noted(
            *place: object, told: Callable[..., object] = told, name: str = name, **how: object
        ) -> object:
            read.append(name)
            return told(*place, **how)

        monkeypatch.setattr(books, name, noted)
    first = only(books, asked, past)
    assert only(books, asked, past) == first
    assert len(read) == reads
    books.record(cells(minute_of(NOW) - 3, 3), NOW)
    only(books, asked, past)
    assert len(read) == reads
    old = minute_of(NOW) - 2 * 1440
    worse = Block((SLI,), old, np.array([[5000]]), np.array([[5000]]), np.array([[State.OBSERVED]], np.uint8))
    books.record(worse, NOW)
    assert only(books, asked, past).bad > first.bad
    assert len(read) == 2 * reads


def test_a_late_minute_of_the_day_in_which_the_ring_begins_is_added_up_too(books: Books) -> None:
    """The ring still takes it, and the past begins at the next whole day: both have to know."""
    past, asked = Past(books), objective(Rolling(timedelta(days=4)))
    with books.ledger() as ledger:
        assert ledger.oldest is not None
        late = ledger.oldest + 5
    before = only(books, asked, past)
    worse = Block(
        (SLI,), late, np.array([[5000]]), np.array([[5000]]), np.array([[State.OBSERVED]], np.uint8)
    )
    books.record(worse, NOW)
    told = only(books, asked, past)
    assert told == only(books, asked, Past(books))
    assert told.bad > before.bad + 4900


def test_what_is_imported_is_added_up_too(books: Books) -> None:
    past, asked = Past(books), objective(Rolling(timedelta(days=30)))
    before = only(books, asked, past)
    books.import_cells([cells(minute_of(NOW) - 20 * 1440, 60)], "elsewhere", NOW)
    assert only(books, asked, past).total > before.total


def test_who_was_not_known_when_a_day_was_read_is_unknown_of_that_day(books: Books) -> None:
    past, asked = Past(books), objective(Rolling(timedelta(days=4)))
    only(books, asked, past)
    books.record(cells(minute_of(NOW) - 3, 3, OTHER), NOW)
    with books.ledger() as ledger:
        new = {one.placements[0]: one for one in budgets([asked], ledger, NOW, past)}[OTHER.placement]
    assert (new.elapsed, new.unknown) == (4 * 1440, 4 * 1440 - 3)


def test_days_that_no_window_reaches_are_forgotten(books: Books) -> None:
    past, asked, end = (
        Past(books),
        objective(Rolling(timedelta(days=4)), Budgeting.TIMESLICES),
        minute_of(NOW),
    )
    past.part(asked, SLI, end - 1440, end)
    far = end + DAYS_KEPT_MINUTES + 1440
    assert past.part(asked, SLI, far - 1440, far) == Part(Fraction(0), Fraction(0), 1440, 1440, 0)
    assert [begin for _, begin in past._kept._days] == [far - 1440]  # noqa: SLF001 - what it keeps is the point


def test_nothing_is_read_while_the_ledger_is_held_once_it_was_read_ahead(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, asked = Past(books), objective(Rolling(timedelta(days=4, minutes=17)))
    first = only(books, asked, past)
    books.import_cells([cells(minute_of(NOW) - 20 * 1440, 60)], "elsewhere", NOW)
    monkeypatch.setattr(books, "history", None)
    monkeypatch.setattr(books, "past", None)
    with books.ledger() as ledger:
        assert next(budgets([asked], ledger, NOW, past)) == first
        assert in_minutes(asked, [SLI], ledger, NOW, past).total == first.elapsed
