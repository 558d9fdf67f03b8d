"""Pages of the store: a month hour by hour, sealed or not, says exactly what its history says."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.store.books import Books
from slo.cells import Block, Indicator, Placement, Sli, State
from slo.ledger import Ledger
from slo.months import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

START = 29_000_000 // 60 * 60
SMALL = partial(Ledger, ring=240, windows=(1, 5, 60))
SLIS = tuple(Sli(Placement("1", "eu-west-1", "main", name), Indicator.AVAILABILITY) for name in "abc")
ABSENT = Sli(Placement("1", "eu-west-1", "main", "never"), Indicator.AVAILABILITY)
LATER = Sli(Placement("1", "eu-west-1", "main", "later"), Indicator.AVAILABILITY)
#: Half an hour into an hour, as months of Kolkata begin.
SPAN = Stretch(START - 30, START + 200)


@pytest.fixture
def books(store: str) -> Iterator[Books]:
    """Three hours of three SLIs, two of them sealed; an SLI came in the third, and some was imported."""
    opened = Books.open(store, SMALL)
    chance = np.random.default_rng(7)
    total = chance.integers(1, 100_000, (180, 3))
    bad = np.where(chance.random((180, 3)) < 0.2, chance.integers(0, total + 1), 0)
    state = np.full((180, 3), State.OBSERVED, np.uint8)
    state[40:50, 1], state[60:70, 2] = State.UNKNOWN, State.NO_TRAFFIC
    bad, total = (np.where(state == State.OBSERVED, column, 0) for column in (bad, total))
    read_at = datetime.fromtimestamp((START + 180) * 60, UTC)
    opened.record(Block(SLIS, START, bad, total, state), read_at)
    opened.import_cells([_one(SLIS[1], 45)], "file", read_at)
    opened.seal(START + 120)
    opened.record(_one(LATER, 150), read_at)
    yield opened
    opened.close()


def _one(sli: Sli, minute: int) -> Block:
    return Block(
        (sli,), START + minute, np.array([[1]]), np.array([[9]]), np.array([[State.OBSERVED]], np.uint8)
    )


@pytest.mark.parametrize("slis", [SLIS, (SLIS[2], SLIS[0]), (LATER, ABSENT, SLIS[1])])
def test_pages_say_what_the_history_says(books: Books, slis: tuple[Sli, ...]) -> None:
    pages = list(books.pages(slis, SPAN))
    history = books.history(slis, SPAN.start, SPAN.end)
    assert [page.start for page in pages] == [SPAN.start, START, START + 60, START + 120, START + 180]
    for row, sli in enumerate(slis):
        bad, total, state = history.minutes(sli, SPAN.start, SPAN.end)
        assert np.concatenate([page.bad[row] for page in pages]).tolist() == bad.tolist()
        assert np.concatenate([page.total[row] for page in pages]).tolist() == total.tolist()
        assert np.concatenate([page.state[row] for page in pages]).tolist() == state.tolist()


def test_a_page_is_cut_where_the_stretch_begins_and_ends(books: Books) -> None:
    (page,) = books.pages(SLIS, Stretch(START + 10, START + 15))
    assert (page.start, page.bad.shape) == (START + 10, (3, 5))
