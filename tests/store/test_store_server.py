"""What only a server does: several owners, passwords, and going away in the middle."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from fournines.store.books import Books
from fournines.store.database import open_database
from fournines.store.place import StoreError, shown, with_password
from remediation.journal import Entry, EntryKind

if TYPE_CHECKING:
    from tests.conftest import Schemas

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
OPENED = Entry(EntryKind.OPENED, NOON, "It fails.", incident="i")
APPEND = """
import sys
from datetime import UTC, datetime
from fournines.store.books import Books
from remediation.journal import Entry, EntryKind

with Books.open(sys.argv[1]) as books:
    for _ in range(20):
        books.append([Entry(EntryKind.OPENED, datetime(2026, 10, 1, 12, tzinfo=UTC), "x", incident="i")])
"""


@pytest.fixture
def url(schemas: Schemas) -> str:
    return schemas()


def end_connections(url: str) -> None:
    """End every connection to the server, as when it is started anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fournines'"
        )


def test_several_owners_write_one_journal(url: str) -> None:
    with Books.open(url) as books:
        others = [subprocess.Popen([sys.executable, "-c", APPEND, url]) for _ in range(2)]
        for _ in range(20):
            books.append([OPENED])
        assert [other.wait(60) for other in others] == [0, 0]
        assert len(books.entries()) == 60
        assert books.verify_journal() is None


@pytest.mark.parametrize("tamper", ["UPDATE entry SET body = 'x'", "DELETE FROM entry", "TRUNCATE entry"])
def test_the_journal_can_only_be_added_to(url: str, tamper: str) -> None:
    with Books.open(url) as books:
        books.append([OPENED])
        database = open_database(url)
        with pytest.raises(StoreError, match="the journal is append-only"), database.write() as connection:
            connection.exec_driver_sql(tamper)
        database.close()
        assert books.verify_journal() is None
        assert len(books.entries()) == 1


def test_a_server_that_was_started_anew_is_used_again_without_a_word(url: str) -> None:
    with Books.open(url) as books:
        books.append([OPENED])
        end_connections(url)
        books.append([OPENED])
        assert len(books.entries()) == 2


def test_a_connection_that_ends_in_the_middle_is_one_sentence_and_leaves_nothing(url: str) -> None:
    database = open_database(url)

    def interrupted() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
            end_connections(url)
            connection.exec_driver_sql("INSERT INTO meta VALUES ('c', 'd')")

    with pytest.raises(StoreError, match="the store cannot be used: terminating connection") as problem:
        interrupted()
    assert "\n" not in str(problem.value)
    with database.write() as connection:
        names = connection.exec_driver_sql("SELECT name FROM meta").scalars().all()
    database.close()
    assert names == ["schema"]


def test_a_writer_that_stalls_in_the_middle_keeps_the_line_waiting_no_longer_than_is_said(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fournines.store.database.STALLED_MAX_S", 1)
    stalled, other = open_database(url), open_database(url)

    def stalling() -> None:
        with stalled.write() as connection:
            with other.write() as waited:
                waited.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')")
            connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'c')")

    with pytest.raises(StoreError, match="idle-in-transaction timeout"):
        stalling()
    stalled.close()
    other.close()


def test_no_message_holds_a_password(url: str) -> None:
    address = with_password("postgresql://ann@nowhere.invalid/books", "hush")
    assert "hush" in address
    assert shown(address) == "postgresql://ann:***@nowhere.invalid/books"
    with pytest.raises(
        StoreError, match=r"the store postgresql://ann:.*@nowhere\.invalid/books cannot"
    ) as told:
        Books.open(address)
    assert "hush" not in str(told.value)
    assert "\n" not in str(told.value)
    assert shown(url) == url


def test_a_visitor_reads_and_answers_beside_the_owners(url: str) -> None:
    with Books.open(url) as owner, Books.visit(url) as visitor:
        visitor.runs.set_switch("paused", on=True, actor="Ann", at=NOON)
        assert owner.runs.paused()
        with pytest.raises(StoreError, match="only the owner of the store records cells"):
            visitor.seal(0)
