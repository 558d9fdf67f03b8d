"""What no event told is found where services are described, kept like an event, and told once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collector.estate import Plight, RegionEstate, Said
from fournines.jobs.missed import Missed
from fournines.store.books import Books
from tests.jobs.test_listen import CART, NOON, Room, view

if TYPE_CHECKING:
    from collections.abc import Iterator

IMPAIRED = Said("one", NOON, Plight.IMPAIRED, "is unable to consistently start tasks successfully.")


@pytest.fixture
def room() -> Iterator[Room]:
    with Books.open("sqlite://") as books:
        yield Room(books, view(CART))


def discovered(room: Room, *said: Said) -> None:
    """Let a look at the region tell this, and everybody hear of it."""
    room.known.saw(RegionEstate(CART.account, CART.region, NOON, (view(CART, said=said),)))
    Missed(room.known, room.books).run(NOON)
    room.job.run(NOON)


def test_a_plight_of_which_no_event_came_opens_its_incident(room: Room) -> None:
    discovered(room)
    assert room.books.open_incidents() == ()
    discovered(room, IMPAIRED)
    (incident,) = room.books.open_incidents()
    assert [symptom.name for symptom in incident.symptoms] == ["start_impaired"]


def test_it_is_told_once_however_often_it_is_seen(room: Room) -> None:
    for _ in range(3):
        discovered(room, IMPAIRED)
    assert room.books.event_counts() == {"service_action": 1}
    discovered(room, replace(IMPAIRED, id="two"), IMPAIRED)
    assert room.books.event_counts() == {"service_action": 1}, "within two minutes it is the same"


def test_what_an_event_told_is_not_told_again(room: Room) -> None:
    room.hears("deployment_failed")
    failed = Said("ecs-svc/1/failed", NOON, Plight.NOT_DEPLOYED, "", about="ecs-svc/1")
    discovered(room, failed)
    assert room.books.event_counts() == {"deployment_changed": 1}


def test_the_same_look_is_gone_through_once(room: Room) -> None:
    job = Missed(room.known, room.books)
    room.known.saw(RegionEstate(CART.account, CART.region, NOON, (view(CART, said=(IMPAIRED,)),)))
    job.run(NOON)
    room.books.save([], room.books.unfolded_events())
    room.books.keep_events = lambda *_: pytest.fail("there was no other look")  # type: ignore[method-assign]
    job.run(NOON)
