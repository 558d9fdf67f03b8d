from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.bundle import Area, Front, Key
from collector.collect import unanswered
from collector.estate import RegionEstate, ServiceView
from collector.plan import Cadence
from collector.price import Thrift
from collector.scheme import Scheme
from collector.source import Batch, Gap, GapReason, Query
from collector.watermarks import Mark
from fournines.board import Board
from fournines.clock import Health, Record, Stepped
from fournines.jobs.watch import BLIND_AFTER, PASSING, TARDY, Watch
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
IRELAND = Placement("1", "eu-west-1", "main", "shop")
SHOP = ServiceView(
    placement=IRELAND, seen_at=NOON, status="ACTIVE", desired=1, running=1, pending=0, task_definition="td:1",
    target_groups=("targetgroup/shop/1",), load_balancers=("app/shop/1",),
)  # fmt: skip
ZERO, QUIET = np.zeros((1, 1), np.int64), np.full((1, 1), State.NO_TRAFFIC, np.uint8)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


class Night:
    """A watch over a service whose world stands still but for what a test changes."""

    def __init__(self, books: Books, scheme: Scheme | None = None) -> None:
        self.books, self.clock, self.record = books, Stepped(NOON), Record()
        books.save_estate(RegionEstate("1", "eu-west-1", NOON, (SHOP,)))
        self.known = Known(books, lambda _: 1.0, scheme)
        self.unheard: dict[str, str] = {}
        board = Board(
            clock=self.clock,
            books=books,
            known=self.known,
            objectives=(),
            policies=Policies(),
            shelf=shelf.shipped(),
            record=self.record,
            periods={"collect": MINUTE},
            unheard=lambda: self.unheard,
        )
        self.watch = Watch(books, self.known, board)

    def read_until(self, moment: datetime) -> None:
        minute = minute_of(moment)
        self.known.marks[Key(IRELAND, Front.LOAD_BALANCER)] = Mark(asked=minute, arrived=minute)
        told = Block((Sli(IRELAND, Indicator.AVAILABILITY),), minute - 1, ZERO, ZERO, QUIET)
        self.books.record(told, moment)

    def at(self, moment: datetime) -> tuple[Incident, ...]:
        self.clock.move(moment)
        self.watch.run(moment)
        return self.books.open_incidents()


def test_a_region_whose_minutes_stop_is_told_and_closed_when_they_come_again(books: Books) -> None:
    night = Night(books)
    night.read_until(NOON)
    assert night.at(NOON + MINUTE) == ()
    assert night.at(NOON + BLIND_AFTER) == ()
    first = NOON + BLIND_AFTER + 2 * MINUTE
    assert night.at(first) == ()
    (blind,) = night.at(first + PASSING)
    assert "blind in eu-west-1 of account 1" in blind.sentence
    assert "12:00 UTC" in blind.sentence
    assert len(night.at(first + PASSING + MINUTE)) == 1, "it is told once"
    night.read_until(first + PASSING)
    assert night.at(first + PASSING + 2 * MINUTE) == ()
    told = books.incident(blind.id)
    assert told is not None
    assert told.phase is Phase.RESOLVED


@pytest.mark.parametrize(
    ("scheme", "thrift", "turn"),
    [
        (Scheme(cadence=Cadence(sli_every=15)), Thrift.NONE, 15),
        (Scheme(), Thrift.SLI_RARELY, 10),
        (Scheme(cadence=Cadence(sli_every=15)), Thrift.SLI_RARELY, 30),
        (Scheme(settle_s=600), Thrift.NONE, 5),
    ],
)
def test_a_region_that_is_read_seldom_is_dark_only_when_its_turn_brought_nothing(
    books: Books, scheme: Scheme, thrift: Thrift, turn: int
) -> None:
    night = Night(books, scheme)
    night.known.thrift = thrift
    settle = timedelta(seconds=scheme.settle_s)
    for minute in range(4 * turn):
        if minute % turn == 0:
            night.read_until(NOON + minute * MINUTE - settle)
        assert night.at(NOON + minute * MINUTE) == ()
    last = NOON + 3 * turn * MINUTE - settle
    first = last + turn * MINUTE + settle + TARDY + MINUTE
    assert night.at(first - MINUTE) == ()
    night.at(first)
    (blind,) = night.at(first + PASSING)
    assert "blind in eu-west-1 of account 1" in blind.sentence


@pytest.mark.parametrize("counted", [Indicator.PROBE, Indicator.SCHEDULE])
def test_a_region_of_which_cloudwatch_alone_tells_nothing_is_dark_all_the_same(
    books: Books, counted: Indicator
) -> None:
    night = Night(books)
    night.read_until(NOON)
    place = Placement("1", "eu-west-1", "prod", "web-app")
    counts = np.full((20, 1), 6, np.int64)
    state = np.full((20, 1), State.OBSERVED, np.uint8)
    books.record(Block((Sli(place, counted),), minute_of(NOON), 0 * counts, counts, state), NOON)
    night.at(NOON)
    first = NOON + BLIND_AFTER + MINUTE
    night.at(first)
    (blind,) = night.at(first + PASSING)
    assert "blind in eu-west-1 of account 1" in blind.sentence


def test_a_region_that_was_never_answered_is_dark_and_says_what_cloudwatch_says(books: Books) -> None:
    night = Night(books)
    denied = Gap(GapReason.DENIED, "the role needs cloudwatch:GetMetricData")
    batch = Batch("1", "eu-west-1", (Query("AWS/ApplicationELB", "RequestCount", (), "Sum"),))
    night.known.gaps.heard(Area("1", "eu-west-1"), unanswered(batch, 0, 1, denied), NOON)
    night.at(NOON)
    first = NOON + BLIND_AFTER + MINUTE
    night.at(first)
    (blind,) = night.at(first + PASSING)
    assert "no minute has ever arrived" in blind.sentence
    assert "cloudwatch:GetMetricData" in blind.sentence


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
    assert books.outbox.backlog().pending == 1, "people are told"


def test_a_queue_that_cannot_be_heard_is_told(books: Books) -> None:
    night = Night(books)
    night.unheard["https://sqs/fournines"] = "access denied"
    night.at(NOON)
    (trouble,) = night.at(NOON + PASSING)
    assert "https://sqs/fournines cannot be heard: access denied" in trouble.sentence
