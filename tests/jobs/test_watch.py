from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.catalog import Tier
from collector.layout import Track
from collector.watermarks import Mark
from fournines.board import Board
from fournines.clock import Health, Record, Stepped
from fournines.jobs.watch import PASSING, Watch
from fournines.known import Known
from fournines.store.books import Books
from remediation.decision.policy import Policies
from remediation.incidents import Incident, Phase
from runbooks import shelf
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IRELAND = Track("1", "eu-west-1", Tier.SLI)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


class Night:
    """A watch over a service whose world stands still but for what a test changes."""

    def __init__(self, books: Books) -> None:
        self.books, self.clock, self.record = books, Stepped(NOON), Record()
        self.known = Known(books, lambda _: 1.0)
        self.unheard: dict[str, str] = {}
        board = Board(
            clock=self.clock,
            books=books,
            known=self.known,
            objectives=(),
            policies=Policies(),
            shelf=shelf.library(),
            record=self.record,
            periods={"collect": MINUTE},
            unheard=lambda: self.unheard,
        )
        self.watch = Watch(books, self.known, board)

    def read_until(self, moment: datetime) -> None:
        minute = minute_of(moment)
        self.known.marks[IRELAND] = Mark(asked=minute, arrived=minute)

    def at(self, moment: datetime) -> tuple[Incident, ...]:
        self.clock.move(moment)
        self.watch.run(moment)
        return self.books.open_incidents()


def test_a_region_whose_minutes_stop_is_told_and_closed_when_they_come_again(books: Books) -> None:
    night = Night(books)
    night.read_until(NOON)
    assert night.at(NOON + 9 * MINUTE) == ()
    assert night.at(NOON + 11 * MINUTE) == ()
    (blind,) = night.at(NOON + 11 * MINUTE + PASSING)
    assert "blind in eu-west-1" in blind.sentence
    assert "12:00 UTC" in blind.sentence
    assert len(night.at(NOON + 15 * MINUTE)) == 1, "it is told once"
    night.read_until(NOON + 16 * MINUTE)
    assert night.at(NOON + 18 * MINUTE) == ()
    told = books.incident(blind.id)
    assert told is not None
    assert told.phase is Phase.RESOLVED


def test_a_region_whose_probes_alone_are_counted_is_dark_all_the_same(books: Books) -> None:
    night = Night(books)
    night.read_until(NOON)
    place = Placement("1", "eu-west-1", "prod", "web-app")
    counts = np.full((20, 1), 6, np.int64)
    state = np.full((20, 1), State.OBSERVED, np.uint8)
    books.record(Block((Sli(place, Indicator.PROBE),), minute_of(NOON), 0 * counts, counts, state), NOON)
    night.at(NOON + 11 * MINUTE)
    (blind,) = night.at(NOON + 11 * MINUTE + PASSING)
    assert "blind in eu-west-1" in blind.sentence


def test_a_region_that_cannot_be_discovered_is_told_with_the_reason(books: Books) -> None:
    night = Night(books)
    night.known.could_not_read("1", "us-east-1", "the role may not ecs:ListServices")
    night.at(NOON)
    (blind,) = night.at(NOON + PASSING)
    assert "us-east-1" in blind.sentence
    assert "ecs:ListServices" in blind.sentence


def test_one_failed_answer_is_no_news(books: Books) -> None:
    night = Night(books)
    night.known.could_not_read("1", "us-east-1", "a time-out")
    night.at(NOON)
    night.known.unreadable.clear()
    assert night.at(NOON + PASSING) == ()


def test_a_job_that_fails_again_and_again_is_told(books: Books) -> None:
    night = Night(books)
    night.record.note("collect", lambda _: Health(runs=9, failures=9, last_error="the disk is full"))
    night.at(NOON)
    (trouble,) = night.at(NOON + PASSING)
    assert "collect" in trouble.sentence
    assert "the disk is full" in trouble.sentence
    assert books.backlog().pending == 1, "people are told"


def test_a_queue_that_cannot_be_heard_is_told(books: Books) -> None:
    night = Night(books)
    night.unheard["https://sqs/fournines"] = "access denied"
    night.at(NOON)
    (trouble,) = night.at(NOON + PASSING)
    assert "https://sqs/fournines cannot be heard: access denied" in trouble.sentence
