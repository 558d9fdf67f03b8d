"""Dead letters are counted and told, once, and never taken away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.bundle import Area
from collector.checkup import QueueLook
from fournines.board import Board
from fournines.clock import Record, Stepped
from fournines.jobs.letters import DeadLetters
from fournines.jobs.watch import Watch, about_us
from fournines.known import Known
from fournines.store.books import Books
from remediation.decision.policy import Policies
from remediation.incidents import Phase
from runbooks import shelf
from slo.burn import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IRELAND, VIRGINIA = Area("1", "eu-west-1"), Area("1", "us-east-1")


class Room:
    """Two queues, and the jobs that watch over them."""

    def __init__(self, books: Books) -> None:
        self.books, self.known = books, Known(books, lambda _: 1.0)
        self.queues = {IRELAND: QueueLook(3, 0), VIRGINIA: QueueLook(0, None)}
        self.job = DeadLetters(lambda: self.queues, self.known, books)

    def holds(self, area: Area, dead: int | None, minute: float = 0) -> None:
        self.queues = {**self.queues, area: QueueLook(0, dead)}
        self.job.run(NOON + minute * MINUTE)


@pytest.fixture
def room() -> Iterator[Room]:
    with Books.open("sqlite://") as books:
        yield Room(books)


def test_dead_letters_are_a_ticket_about_ourselves_until_they_are_gone(room: Room) -> None:
    room.holds(IRELAND, 0)
    assert room.books.open_incidents() == ()
    room.holds(IRELAND, 2, 5)
    room.holds(IRELAND, 3, 10)
    (ticket,) = room.books.open_incidents()
    assert (ticket.severity, about_us(ticket)) == (Severity.TICKET, True)
    assert ticket.sentence.startswith("2 events lie among the dead letters of eu-west-1")
    room.holds(IRELAND, 0, 15)
    assert room.books.open_incidents() == ()
    over = room.books.incident(ticket.id)
    assert over is not None
    assert over.phase is Phase.RESOLVED
    room.holds(IRELAND, 1, 20)
    assert len(room.books.open_incidents()) == 1


def test_regions_have_their_own_and_a_queue_without_any_place_for_them_has_none(room: Room) -> None:
    room.holds(IRELAND, 1)
    room.holds(VIRGINIA, None)
    assert len(room.books.open_incidents()) == 1
    room.holds(VIRGINIA, 4)
    assert len(room.books.open_incidents()) == 2


def test_a_queue_that_cannot_be_looked_at_closes_nothing(room: Room) -> None:
    room.holds(IRELAND, 1)
    room.queues = {}
    room.job.run(NOON + MINUTE)
    assert len(room.books.open_incidents()) == 1


def test_who_watches_for_darkness_leaves_these_tickets_alone(room: Room) -> None:
    room.holds(IRELAND, 1)
    board = Board(
        clock=Stepped(NOON),
        books=room.books,
        known=room.known,
        objectives=(),
        policies=Policies(),
        shelf=shelf.shipped(),
        record=Record(),
        periods={},
    )
    Watch(room.books, room.known, board).run(NOON + 5 * MINUTE)
    assert len(room.books.open_incidents()) == 1
