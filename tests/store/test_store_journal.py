import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fournines.store.books import Books
from fournines.store.place import StoreError
from remediation.journal import Entry, EntryKind, first_break

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
ENTRIES = [
    Entry(
        EntryKind.OPENED,
        NOON,
        "Bad requests.",
        incident="a",
        placement="1/r/c/s",
        data={"burn": "21", "n": [1]},
    ),
    Entry(EntryKind.SWITCHED, NOON, "Ann paused us.", actor="Ann"),
    Entry(EntryKind.RESOLVED, NOON, "Vorüber.", incident="a", run="r1"),
]


def test_entries_come_back_as_they_were_in_one_chain(store: str) -> None:
    with Books.open(store) as books:
        books.append(ENTRIES[:1])
        books.append(ENTRIES[1:])
        kept = books.entries()
        assert [one.entry for one in kept] == ENTRIES
        assert first_break((one.entry, one.digest) for one in kept) is None
        assert [one.n for one in books.entries("a")] == [1, 3]
        assert [one.n for one in books.entries(after=2)] == [3]
        assert books.entry(2).entry == ENTRIES[1]
        assert books.verify_journal() is None


def test_the_journal_is_exported_as_lines_that_can_be_checked(store: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with Books.open(store) as books:
        books.append(ENTRIES)
        assert books.export_journal(folder / "journal.jsonl") == 3
        digests = [one.digest for one in books.entries()]
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["n"], line["hash"], line["kind"]) for line in lines] == [
        (1, digests[0], "opened"),
        (2, digests[1], "switched"),
        (3, digests[2], "resolved"),
    ]
    assert [path.name for path in folder.iterdir()] == ["journal.jsonl"]


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        ("UPDATE entry SET body = replace(body, 'Ann', 'Bob') WHERE n = 2", 2),
        ("DELETE FROM entry WHERE n = 2", 2),
        ("DELETE FROM entry WHERE n = 1", 1),
    ],
)
def test_tampering_is_forbidden_and_found_all_the_same(tmp_path: Path, tamper: str, found: int) -> None:
    path = tmp_path / "books.db"
    with Books.open(str(path)) as books:
        books.append(ENTRIES)
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="the journal is append-only"):
        raw.execute(tamper)
    raw.executescript(f"DROP TRIGGER entry_no_update; DROP TRIGGER entry_no_delete; {tamper};")
    raw.close()
    with Books.open(str(path)) as books:
        assert books.verify_journal() == found


def test_what_the_database_itself_refuses_is_said_in_our_words(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with Books.open(str(path)) as books:
        raw = sqlite3.connect(path)
        raw.execute("DROP TABLE entry")
        raw.close()
        with pytest.raises(StoreError, match="the store cannot be used: no such table: entry"):
            books.append(ENTRIES)


def test_a_transaction_that_fails_leaves_the_chain_as_it_was(store: str) -> None:
    with Books.open(store) as books:
        books.append(ENTRIES[:1])
        with pytest.raises((TypeError, StoreError)):
            books.append([ENTRIES[1], Entry(EntryKind.JOINED, NOON, "x", data={"a": object()})])
        books.append(ENTRIES[1:])
        assert [one.n for one in books.entries()] == [1, 2, 3]
        assert books.verify_journal() is None
