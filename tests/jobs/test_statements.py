"""A month's statement by itself: once, at the right time, laid up and told, whatever fails meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.source import DeniedError
from fournines.board import Board
from fournines.clock import Record, Stepped
from fournines.jobs.statements import MONTHS_BACK_MAX, Issuance, Statements, due
from fournines.jobs.tell import REFUSED_EVERY, Tell
from fournines.known import Known
from fournines.slack import blocks, messages
from fournines.slack.chat import SlackChat
from fournines.store.books import Books
from remediation.decision.policy import Policies
from remediation.journal import EntryKind
from runbooks.shelf import Shelf
from simulator.slack.server import SlackServer, plan_fault
from simulator.slack.workspace import Workspace
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.contracts import Contract
from slo.months import Month

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from collector.archive import Archive
    from remediation.journal import Entry

HERE = Placement("123456789012", "eu-west-1", "main", "web-app")
SLI = Sli(HERE, Indicator.AVAILABILITY)
CONTRACT = Contract(
    id="acme-sla",
    tenant="acme",
    display_name="Acme Learning",
    services=("web-app",),
    regions=("eu-west-1",),
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    zone="UTC",
)
SEPTEMBER = datetime(2026, 9, 20, tzinfo=UTC)
#: October is over and settled.
SETTLED = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONLY_JSON = Issuance(formats=("json",))


@dataclass
class Cupboard:
    """An archive in memory, which may refuse or be killed at."""

    refuses: bool = False
    dies: bool = False
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        assert content_type
        if self.dies:
            raise KeyboardInterrupt
        if self.refuses:
            raise DeniedError("s3:PutObject answered AccessDenied")
        self.kept[key] = content

    def where(self, key: str) -> str:
        return f"s3://statements/{key}"


def counted(moment: datetime, bad: int = 0) -> Block:
    """An hour of requests from a moment on."""
    shape = (60, 1)
    counts, state = np.full(shape, 100, np.int64), np.full(shape, State.OBSERVED, np.uint8)
    return Block((SLI,), minute_of(moment), np.full(shape, bad, np.int64), counts, state)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        opened.record(counted(datetime(2026, 10, 1, tzinfo=UTC)), SETTLED)
        yield opened


def job(
    books: Books, places: Mapping[str, Archive] | None = None, issuance: Issuance = ONLY_JSON
) -> Statements:
    return Statements([CONTRACT], books, places or {}, issuance)


def stated(books: Books) -> list[Entry]:
    return [kept.entry for kept in books.entries() if kept.entry.kind is EntryKind.STATED]


@pytest.mark.parametrize(
    ("zone", "over"),
    [
        ("America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 10, 31, 18, 30, tzinfo=UTC)),
        ("UTC", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_a_month_is_due_a_day_and_a_half_after_it_ended_by_the_contract_s_clocks(
    zone: str, over: datetime
) -> None:
    contract, kept = replace(CONTRACT, zone=zone), range(minute_of(SEPTEMBER) + 60 * 24 * 14, 10**9)
    settled = over + Issuance().settle
    assert due(contract, kept, Issuance(), settled - timedelta(seconds=1)) == ()
    assert due(contract, kept, Issuance(), settled) == (Month(2026, 10),)


def test_november_in_new_york_is_an_hour_longer_and_is_waited_for() -> None:
    contract, kept = replace(CONTRACT, zone="America/New_York"), range(minute_of(SETTLED), 10**9)
    over = datetime(2026, 12, 1, 5, tzinfo=UTC) + Issuance().settle
    assert due(contract, kept, Issuance(), over - timedelta(minutes=1)) == ()
    assert due(contract, kept, Issuance(), over) == (Month(2026, 11),)


def test_no_month_is_due_before_anything_was_kept_nor_before_the_configured_one() -> None:
    kept = range(minute_of(SEPTEMBER), 10**9)
    assert due(CONTRACT, range(0), Issuance(), SETTLED) == ()
    assert due(CONTRACT, kept, Issuance(), SETTLED) == (Month(2026, 9), Month(2026, 10))
    assert due(CONTRACT, kept, Issuance(since=Month(2026, 10)), SETTLED) == (Month(2026, 10),)
    years = range(minute_of(datetime(2020, 1, 1, tzinfo=UTC)), 10**9)
    assert len(due(CONTRACT, years, Issuance(), SETTLED)) == MONTHS_BACK_MAX


def test_a_statement_is_issued_laid_up_and_told_once(books: Books) -> None:
    shelf = Cupboard()
    made = job(books, {"s3": shelf}, Issuance())
    made.run(SETTLED - timedelta(minutes=1))
    assert books.statements.issued("acme-sla", "2026-10") == ()
    for hours in range(4):
        made.run(SETTLED + hours * HOUR)
    (issued,) = books.statements.issued("acme-sla", "2026-10")
    assert sorted(shelf.kept) == [
        f"acme-sla/2026-10/acme-sla-2026-10-r1.{kind}" for kind in ("csv", "html", "json", "pdf")
    ]
    assert shelf.kept["acme-sla/2026-10/acme-sla-2026-10-r1.json"].decode().strip() == issued.body
    (entry,) = stated(books)
    assert entry.data["files"][0] == "s3://statements/acme-sla/2026-10/acme-sla-2026-10-r1.html"
    assert books.outbox.backlog().pending == 1


def test_the_message_says_the_verdict_its_numbers_and_where_the_files_are(books: Books) -> None:
    job(books, {"s3": Cupboard()}).run(SETTLED)
    message = messages.reply(stated(books)[0])
    assert message.text.startswith("Statement 2026-10 · Acme Learning · incomplete. Incomplete: ")
    assert blocks.faults(message.blocks) == []
    said = json.dumps(message.blocks, ensure_ascii=False)
    for part in ("*Attained*\\n100.0000 %", "*Promised*\\n99.99 %", "*Tasks on Spot*", "-r1.json"):
        assert part in said


def test_a_process_that_was_down_over_the_month_s_end_issues_it_when_it_is_back(tmp_path: Path) -> None:
    url = str(tmp_path / "books.db")
    with Books.open(url) as before:
        before.record(counted(datetime(2026, 10, 1, tzinfo=UTC)), SEPTEMBER)
        job(before).run(datetime(2026, 10, 30, tzinfo=UTC))
    for days in (9, 10):
        with Books.open(url) as again:
            job(again).run(SETTLED + timedelta(days=days))
            assert len(again.statements.issued("acme-sla", "2026-10")) == 1
            assert len(stated(again)) == 1


def test_two_months_that_were_missed_are_issued_in_their_order(books: Books) -> None:
    books.record(counted(SEPTEMBER), SETTLED)
    job(books).run(SETTLED)
    assert [entry.data["month"] for entry in stated(books)] == ["2026-09", "2026-10"]


def test_what_is_restated_later_is_a_new_revision_that_says_what_it_replaces(books: Books) -> None:
    shelf = Cupboard()
    made = job(books, {"s3": shelf})
    made.run(SETTLED)
    first = dict(shelf.kept)
    books.record(counted(datetime(2026, 10, 1, tzinfo=UTC), bad=3), SETTLED + HOUR)
    made.run(SETTLED + HOUR)
    assert len(books.statements.issued("acme-sla", "2026-10")) == 1, "it is looked over once a day"
    made.run(SETTLED + timedelta(days=1))
    assert [one.revision for one in books.statements.issued("acme-sla", "2026-10")] == [1, 2]
    assert first.items() < shelf.kept.items(), "no revision overwrites another"
    told = stated(books)[-1].sentence
    assert told.startswith("Breached: 97.0000 %")
    assert told.endswith("Revision 2 replaces revision 1 (100.0000 % attained, incomplete).")


def test_what_did_not_change_is_never_issued_again(books: Books) -> None:
    made = job(books)
    for days in range(20):
        made.run(SETTLED + timedelta(days=days))
    assert len(books.statements.issued("acme-sla", "2026-10")) == len(stated(books)) == 1


def test_a_bucket_that_refuses_loses_nothing_holds_up_nobody_and_is_tried_again(books: Books) -> None:
    refusing, folder = Cupboard(refuses=True), Cupboard()
    made = job(books, {"s3": refusing, "folder": folder})
    made.run(SETTLED)
    assert len(folder.kept) == 1
    (entry,) = stated(books)
    assert "Not there yet, and tried again: s3:PutObject answered AccessDenied" in entry.data["files"]
    (failing,) = books.statements.failing()
    assert (failing.place, failing.why) == ("s3", "s3:PutObject answered AccessDenied")
    assert board(books).trouble() == [
        "the statement of acme-sla for 2026-10 is not in s3 yet: s3:PutObject answered AccessDenied"
    ]
    refusing.refuses = False
    made.run(SETTLED + HOUR)
    assert refusing.kept == folder.kept
    assert (books.statements.failing(), board(books).trouble()) == ((), [])
    assert len(stated(books)) == 1, "it was told"


def test_a_revision_that_was_replaced_before_it_was_laid_up_is_no_trouble(books: Books) -> None:
    refusing = Cupboard(refuses=True)
    made = job(books, {"s3": refusing})
    made.run(SETTLED)
    books.record(counted(datetime(2026, 10, 1, tzinfo=UTC), bad=3), SETTLED + HOUR)
    refusing.refuses = False
    made.run(SETTLED + timedelta(days=1))
    assert books.statements.failing() == ()
    assert len(books.statements.issued("acme-sla", "2026-10")) == 2


def test_a_process_that_is_killed_half_way_tells_once_and_lays_up_the_same_bytes(books: Books) -> None:
    shelf = Cupboard(dies=True)
    with pytest.raises(KeyboardInterrupt):
        job(books, {"s3": shelf}).run(SETTLED)
    shelf.dies = False
    job(books, {"s3": shelf}).run(SETTLED + HOUR)
    (issued,) = books.statements.issued("acme-sla", "2026-10")
    assert list(shelf.kept.values()) == [f"{issued.body}\n".encode()]
    assert len(stated(books)) == 1


def test_a_bucket_that_refuses_for_half_a_year_has_it_in_the_end(books: Books) -> None:
    refusing = Cupboard(refuses=True)
    made = job(books, {"s3": refusing})
    made.run(SETTLED)
    refusing.refuses = False
    made.run(SETTLED + timedelta(days=180))
    assert "acme-sla/2026-10/acme-sla-2026-10-r1.json" in refusing.kept


def test_a_clock_that_is_set_back_lays_up_no_unfinished_month_as_what_was_issued(books: Books) -> None:
    refusing = Cupboard(refuses=True)
    made = job(books, {"s3": refusing})
    made.run(SETTLED)
    refusing.refuses = False
    made.run(datetime(2026, 10, 31, tzinfo=UTC))
    (issued,) = books.statements.issued("acme-sla", "2026-10")
    assert list(refusing.kept.values()) == [f"{issued.body}\n".encode()]


def test_a_place_that_is_no_longer_configured_is_no_trouble(books: Books) -> None:
    job(books, {"s3": Cupboard(refuses=True)}).run(SETTLED)
    assert len(books.statements.failing()) == 1
    job(books).run(SETTLED + HOUR)
    assert books.statements.failing() == ()


def test_a_file_that_cannot_be_made_keeps_nobody_from_hearing_of_the_statement(books: Books) -> None:
    job(books, {"s3": Cupboard()}, Issuance(formats=("json", "nonsense"))).run(SETTLED)
    (failing,) = books.statements.failing()
    assert failing.why == "KeyError: 'nonsense'"
    assert len(books.statements.issued("acme-sla", "2026-10")) == len(stated(books)) == 1


def test_one_contract_that_cannot_be_closed_keeps_no_other_waiting(books: Books) -> None:
    class Poisoned(Statements):
        def _look(self, contract: Contract, month: Month, now: datetime) -> None:
            if contract.id == "broken":
                raise RuntimeError("broken")
            super()._look(contract, month, now)

    made = Poisoned([replace(CONTRACT, id="broken"), CONTRACT], books, {}, ONLY_JSON)
    with pytest.raises(ExceptionGroup, match="1 statements could not be issued"):
        made.run(SETTLED)
    assert len(books.statements.issued("acme-sla", "2026-10")) == 1


def board(books: Books) -> Board:
    return Board(
        clock=Stepped(SETTLED),
        books=books,
        known=Known(books, lambda _: 1.0),
        objectives=(),
        policies=Policies(()),
        shelf=Shelf({}),
        record=Record(),
        periods={},
    )


def test_slack_that_is_down_is_told_when_it_is_back(
    serve: Callable[[WSGIApplication], str], books: Books
) -> None:
    workspace, wall = Workspace(("incidents",)), [SETTLED]
    chat = SlackChat("xoxb-1", f"{serve(SlackServer(workspace, lambda: wall[0]))}/api/")
    tell = Tell(books, chat, board(books), "incidents", wall=lambda: wall[0])
    plan_fault(workspace, {"kind": "refusal", "error": "channel_not_found", "count": 2}, SETTLED)
    job(books).run(SETTLED)
    tell.run(SETTLED)
    assert books.outbox.backlog().stuck == 1
    wall[0] += REFUSED_EVERY
    tell.run(SETTLED)
    (message,) = workspace.messages.values()
    assert message.text.startswith("Statement 2026-10 · Acme Learning")
    assert books.outbox.backlog().pending == 0
