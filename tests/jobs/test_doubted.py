"""Numbers that do not add up become a ticket after ten minutes, and are read no more often for it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import RegionEstate
from collector.indicators import Doubt, DoubtName
from fournines.desk import Desk
from fournines.jobs.measure import Evaluate
from fournines.known import Known
from fournines.store.books import Books
from slo.burn import Severity
from tests.collector.reading import ACCOUNT, view
from tests.collector.test_indicators import MINUTE, NOON, place, read

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = place("shop")
WINDOW = read("shop", told={"shop": {}})
DOUBT = Doubt(DoubtName.COUNTED_TOO_FEW, SHOP, MINUTE, MINUTE + 1, 1100, 985)


class Desked:
    """What was read, the job that asks it, and the incidents that come of it."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.start()
        self.discover("own")

    def start(self) -> None:
        """Begin to know, or begin anew."""
        self.known = Known(self.books, lambda _: 1.0)
        self.evaluate = Evaluate((), self.known, self.books, Desk(self.books, self.known.heat))

    def discover(self, balancer: str) -> None:
        """See the service behind a load balancer, or (empty) behind none."""
        self.known.saw(RegionEstate(ACCOUNT, "eu-west-1", NOON, (view("shop", balancer=balancer),)))

    def read(self, minute: int, *doubts: Doubt) -> None:
        """Read the window at a minute after noon, and ask."""
        now = NOON + timedelta(minutes=minute)
        self.known.weigh(WINDOW, doubts, now)
        self.evaluate.run(now)


@pytest.fixture
def desked() -> Iterator[Desked]:
    with Books.open("sqlite://") as books:
        yield Desked(books)


def test_a_doubt_of_ten_minutes_is_a_ticket_that_says_so(desked: Desked) -> None:
    for minute in (0, 5):
        desked.read(minute, DOUBT)
    assert desked.books.open_incidents() == ()
    desked.read(10, DOUBT)
    (incident,) = desked.books.open_incidents()
    assert (incident.severity, incident.placements) == (Severity.TICKET, (SHOP,))
    assert "its numbers do not add up" in incident.sentence
    assert incident.sentence.endswith("for 10 min.")


def test_what_adds_up_again_opens_nothing(desked: Desked) -> None:
    desked.read(0, DOUBT)
    desked.read(9)
    desked.read(11, DOUBT)
    assert desked.books.open_incidents() == ()
    assert sum(desked.known.doubts.values()) == 2


def test_what_was_told_goes_on_over_a_restart_and_over_one_reading_that_adds_up(desked: Desked) -> None:
    for minute in (0, 10):
        desked.read(minute, DOUBT)
    desked.read(12)
    desked.start()
    desked.discover("own")
    desked.read(17, DOUBT)
    (incident,) = desked.books.open_incidents()
    assert [sign.last_seen for sign in incident.symptoms] == [NOON + timedelta(minutes=17)]
    desked.read(27)
    desked.read(28, DOUBT)
    assert desked.books.open_incidents() == (incident,), "ten minutes added up"


def test_a_doubt_ends_with_what_counted_the_requests(desked: Desked) -> None:
    for minute in (0, 10):
        desked.read(minute, DOUBT)
    assert desked.known.doubtful(NOON + timedelta(minutes=10))
    desked.discover("")
    assert desked.known.doubtful(NOON + timedelta(minutes=11)) == ()


def test_nothing_is_read_more_often_for_it(desked: Desked) -> None:
    for minute in (0, 10):
        desked.read(minute, DOUBT)
    now = NOON + timedelta(minutes=10)
    assert "shop" not in desked.known.heat.hot(now)
