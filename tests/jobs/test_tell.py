"""What must be told arrives: against the fake Slack, over HTTP, through slack_sdk."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fournines.board import Board
from fournines.clock import Record, Stepped
from fournines.desk import Desk
from fournines.jobs.tell import REFUSED_EVERY, Tell
from fournines.known import Known
from fournines.slack.chat import SlackChat
from fournines.store.books import Books
from remediation.decision.policy import Policies
from remediation.incidents import Symptom
from remediation.journal import Entry, EntryKind
from runbooks.shelf import Shelf
from simulator.slack.server import SlackServer, plan_fault
from simulator.slack.workspace import Message, Workspace
from slo.burn import Severity
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from wsgiref.types import WSGIApplication

    from fournines.slack.blocks import Message as Rendered
    from fournines.slack.chat import Delivery, Found, Label

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
TOKEN = "xoxb-1"
SEARCH, PAYMENT = "search-indexing-20261001-1200", "payment-20261001-1200"


class Scene:
    """Books, a job that tells, and a workspace; `at` is the wall's time for all of them."""

    def __init__(
        self,
        serve: Callable[[WSGIApplication], str],
        books: Books,
        token: str = TOKEN,
        channels: Sequence[str] = ("incidents",),
    ) -> None:
        self.at, self.books = NOON, books
        self.workspace = Workspace(channels)
        server = SlackServer(self.workspace, lambda: self.at)
        board = Board(
            clock=Stepped(NOON),
            books=books,
            known=Known(books, lambda _: 1.0),
            objectives=(),
            policies=Policies(()),
            shelf=Shelf({}),
            record=Record(),
            periods={},
        )
        chat = SlackChat(token, f"{serve(server)}/api/")
        self.board, self.server = board, server
        self.tell = Tell(books, chat, board, "incidents", wall=lambda: self.at)

    def opens(self, service: str) -> None:
        """Open an incident: its first entry is in the outbox."""
        place = Placement("123456789012", "eu-west-1", "mylearning", service)
        sign = Symptom(
            placement=place, name="it", severity=Severity.PAGE, sentence=f"{service} burns.", first_seen=NOON,
            last_seen=NOON,
        )  # fmt: skip
        Desk(self.books).fold([sign], NOON)

    def happens(self, incident: str, *sentences: str) -> None:
        """Journal what needs attention."""
        self.books.append(
            [Entry(EntryKind.APPLIED, NOON, sentence, incident=incident) for sentence in sentences]
        )

    def breaks(self, kind: str, **figures: object) -> None:
        plan_fault(self.workspace, {"kind": kind, **figures}, self.at)

    def lives(self, seconds: float = 0, turns: int = 1) -> None:
        """Let real time pass before each turn of the job."""
        for _ in range(turns):
            self.at += timedelta(seconds=seconds)
            self.tell.run(NOON)

    @property
    def parents(self) -> list[Message]:
        return [message for message in self.workspace.messages.values() if not message.thread]

    @property
    def replies(self) -> list[str]:
        return [message.text for message in self.workspace.messages.values() if message.thread]


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def scene(serve: Callable[[WSGIApplication], str], books: Books) -> Scene:
    return Scene(serve, books)


def test_an_incident_is_told_in_one_turn_its_parent_first_then_its_thread_in_order(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.happens(SEARCH, "one", "two", "three")
    scene.lives()
    assert [message.metadata["event_payload"]["incident"] for message in scene.parents] == [SEARCH]
    assert scene.replies == ["one", "two", "three"]
    assert scene.books.outbox.backlog().pending == 0


def test_a_rate_limit_is_waited_for_as_slack_asks_and_nothing_is_lost_or_said_twice(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.opens("payment")
    for incident in (SEARCH, PAYMENT):
        scene.happens(incident, *(f"{incident} {n}" for n in range(10)))
    scene.lives(seconds=0.5, turns=60)
    told = scene.replies
    for incident in (SEARCH, PAYMENT):
        assert [text for text in told if text.startswith(incident)] == [f"{incident} {n}" for n in range(10)]
    assert len(scene.workspace.accepted) == len(set(scene.workspace.accepted))


def test_a_rate_limit_of_one_holds_back_all_since_it_is_the_channel_s(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.opens("payment")
    scene.breaks("ratelimited", retry_after_s=30)
    scene.lives(seconds=0.5, turns=10)
    assert scene.parents == []
    assert scene.workspace.faults.throttles == 0, "it was asked once, and then left in peace"
    scene.lives(seconds=30)
    assert len(scene.parents) == 2


def test_an_answer_that_was_lost_is_looked_for_and_the_message_is_not_said_twice(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.breaks("drop_after_accept")
    scene.lives()
    assert (len(scene.parents), scene.books.outbox.backlog().sent) == (1, 0)
    scene.happens(SEARCH, "one")
    scene.lives(seconds=3)
    scene.breaks("drop_after_accept")
    scene.happens(SEARCH, "two", "three")
    scene.lives(seconds=3, turns=4)
    assert len(scene.parents) == 1
    assert scene.replies == ["one", "two", "three"]
    assert scene.books.outbox.backlog().pending == 0


def test_a_lost_answer_followed_by_an_outage_is_not_said_twice_either(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.breaks("drop_after_accept")
    scene.lives()
    scene.breaks("outage", seconds=60)
    scene.lives(seconds=5, turns=4)
    scene.lives(seconds=30, turns=6)
    assert len(scene.parents) == 1
    assert scene.books.outbox.backlog().pending == 0


def test_blocks_that_are_refused_go_as_a_sentence(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.opens("search-indexing")
    scene.breaks("refusal", error="invalid_blocks")
    with caplog.at_level(logging.WARNING):
        scene.lives()
    (parent,) = scene.parents
    assert (parent.blocks, "search-indexing burns." in parent.text) == ((), True)
    assert "the sentence goes alone" in caplog.text


def test_what_happened_during_an_outage_arrives_afterwards_in_its_order(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.lives()
    scene.breaks("outage", seconds=300)
    for minute in range(5):
        scene.happens(SEARCH, f"minute {minute}")
        scene.lives(seconds=50)
    assert scene.replies == []
    assert scene.board.trouble() != []
    scene.lives(seconds=60, turns=4)
    assert scene.replies == [f"minute {minute}" for minute in range(5)]
    assert scene.board.trouble() == []


def test_a_refusal_for_good_loses_nothing_and_says_what_mends_it(
    serve: Callable[[WSGIApplication], str], books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(serve, books, token="xoxp-of-somebody")
    scene.opens("search-indexing")
    scene.happens(SEARCH, "one", "two")
    with caplog.at_level(logging.ERROR):
        scene.lives(seconds=10, turns=30)
    told = "Slack has not taken 1 messages, which are tried again: invalid_auth: put a valid bot token into"
    assert [line for line in scene.board.trouble() if line.startswith(told)]
    assert caplog.text.count("Slack refuses a message of search-indexing") == 5, "once a minute"
    mended = SlackChat("xoxb-1", f"{serve(scene.server)}/api/")
    Tell(books, mended, scene.board, "incidents", wall=lambda: scene.at + REFUSED_EVERY).run(NOON)
    assert (len(scene.parents), scene.replies) == (1, ["one", "two"])
    assert scene.board.trouble() == []


def test_a_channel_that_is_not_there_keeps_the_alert_until_it_is(scene: Scene) -> None:
    scene.workspace.channels.clear()
    scene.opens("search-indexing")
    scene.lives(seconds=30, turns=10)
    assert scene.books.outbox.backlog().stuck == 1
    scene.workspace.channels.update(Workspace(["incidents"]).channels)
    scene.lives(seconds=60)
    assert len(scene.parents) == 1


def test_a_thread_that_somebody_deleted_does_not_swallow_what_follows(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.lives()
    scene.workspace.messages.clear()
    scene.happens(SEARCH, "it got worse")
    scene.lives(seconds=10)
    assert [message.text for message in scene.parents] == ["it got worse"]
    assert scene.books.outbox.backlog().stuck == 0


def test_an_incident_moves_when_its_channel_is_gone_and_another_is_named(
    serve: Callable[[WSGIApplication], str], books: Books
) -> None:
    scene = Scene(serve, books, channels=("incidents", "on-call"))
    scene.opens("search-indexing")
    scene.lives()
    gone = next(key for key, name in scene.workspace.channels.items() if name == "incidents")
    del scene.workspace.channels[gone]
    scene.happens(SEARCH, "one")
    scene.lives(seconds=10)
    assert (scene.replies, scene.books.outbox.backlog().stuck) == ([], 1)
    scene.tell = replace(scene.tell, channel="on-call")
    scene.happens(SEARCH, "two")
    scene.lives(seconds=60, turns=2)
    assert scene.replies == ["one", "two"]
    assert {message.channel for message in scene.parents} == {gone, *scene.workspace.channels}
    assert scene.books.outbox.backlog().stuck == 0


def test_one_message_that_fails_keeps_no_other_waiting_and_is_tried_again(scene: Scene) -> None:
    class Broken:
        """A chat in which one incident makes trouble of a kind that nobody foresaw."""

        def find(self, channel: str, label: Label, thread: str | None = None) -> Found:
            return scene.tell.chat.find(channel, label, thread)

        def edit(self, channel: str, ts: str, message: Rendered, label: Label) -> Delivery:
            return scene.tell.chat.edit(channel, ts, message, label)

        def post(self, channel: str, message: Rendered, label: Label, thread: str | None = None) -> Delivery:
            if label.incident == SEARCH:
                raise KeyError("ts")
            return scene.tell.chat.post(channel, message, label, thread)

    scene.opens("search-indexing")
    scene.opens("payment")
    broken = replace(scene.tell, chat=Broken())
    for _ in range(3):
        with pytest.raises(ExceptionGroup, match="1 messages could not be told"):
            broken.run(NOON)
        scene.at += REFUSED_EVERY
    assert [message.metadata["event_payload"]["incident"] for message in scene.parents] == [PAYMENT]
    assert scene.books.outbox.backlog().why == "KeyError: 'ts'"
    scene.lives()
    assert len(scene.parents) == 2


def test_edits_are_one_a_while_and_show_the_incident_as_it_is(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.lives()
    scene.happens(SEARCH, *(f"{n}" for n in range(3)))
    scene.lives(seconds=6, turns=2)
    (parent,) = scene.parents
    assert parent.edits == 1


def test_a_message_says_the_time_of_the_clock_that_decides(scene: Scene) -> None:
    scene.opens("search-indexing")
    scene.lives(seconds=500)
    assert scene.parents[0].metadata["event_payload"]["at"] == NOON.isoformat()


def test_nobody_at_the_address_is_waited_for(books: Books, serve: Callable[[WSGIApplication], str]) -> None:
    scene = Scene(serve, books)
    away = Tell(books, SlackChat("xoxb-1", "http://127.0.0.1:9/api/"), scene.board, "incidents")
    scene.opens("search-indexing")
    away.run(NOON)
    assert books.outbox.backlog().pending == 1
    scene.lives(seconds=10_000_000)
    assert len(scene.parents) == 1


def test_a_message_that_cannot_be_rendered_goes_as_its_sentence(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"findings": [{"not": "a finding"}]}
    scene.opens("search-indexing")
    scene.books.append(
        [Entry(EntryKind.DIAGNOSED, NOON, "it fails", incident=SEARCH, data=broken)],
    )
    with caplog.at_level(logging.ERROR):
        scene.lives()
    assert scene.replies == [f"{SEARCH}: it fails"]
    assert "cannot be rendered" in caplog.text


def test_it_tells_on_the_wall_s_own_time(
    scene: Scene, books: Books, serve: Callable[[WSGIApplication], str]
) -> None:
    scene.opens("search-indexing")
    Tell(books, SlackChat(TOKEN, f"{serve(scene.server)}/api/"), scene.board, "incidents").run(NOON)
    assert len(scene.parents) == 1


def test_what_belongs_to_an_unknown_incident_is_told_all_the_same(scene: Scene) -> None:
    scene.happens("nobody-knows", "a run stands still")
    scene.lives()
    assert [message.text for message in scene.parents] == ["a run stands still"]
