from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fournines.overriding import give, revoke
from fournines.store.books import Books
from slo.gate import Override

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORD = Override(
    service="payment", region="eu-west-1", who="ana", why="mends the leak", since=NOON, until=NOON + 2 * HOUR
)


@pytest.fixture
def books(store: str) -> Iterator[Books]:
    with Books.open(store) as opened:
        yield opened


def test_an_override_comes_back_as_it_was_while_it_holds_and_ends_by_itself(books: Books) -> None:
    give(books, WORD)
    assert books.overrides(NOON) == (WORD,)
    assert books.overrides(NOON + 2 * HOUR) == ()
    assert books.overrides(NOON - HOUR) == ()


def test_of_several_the_one_that_lasts_longest_comes_first(books: Books) -> None:
    longer = replace(WORD, who="bob", since=NOON + HOUR, until=NOON + 5 * HOUR)
    give(books, WORD)
    give(books, longer)
    assert books.overrides(NOON + HOUR) == (longer, WORD)


def test_who_takes_one_back_takes_back_all_of_that_service_and_region_and_no_other(books: Books) -> None:
    everywhere = replace(WORD, region=None)
    for word in (WORD, replace(WORD, since=NOON + HOUR), everywhere):
        give(books, word)
    told = revoke(books, "payment", "eu-west-1", "bob", NOON + HOUR)
    assert told == "The gate of payment in eu-west-1 is no more overridden: bob took it back."
    assert books.overrides(NOON + HOUR) == (everywhere,)
    assert revoke(books, "payment", "eu-west-1", "bob", NOON + HOUR).endswith("is not overridden.")


def test_without_an_incident_it_is_journaled_by_itself(books: Books) -> None:
    give(books, WORD)
    revoke(books, "payment", "eu-west-1", "bob", NOON + HOUR)
    first, second = (kept.entry for kept in books.entries())
    assert (first.actor, first.incident, second.actor) == ("ana", None, "bob")
    assert first.sentence == (
        "The gate of payment in eu-west-1 is overridden by ana until 2026-10-01 14:00 UTC: mends the leak."
    )
    assert second.sentence == "The gate of payment in eu-west-1 is no more overridden: bob took it back."
