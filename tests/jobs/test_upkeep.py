from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fournines.jobs.upkeep import TamperedError, Upkeep
from fournines.store.books import Books
from remediation.journal import Entry, EntryKind

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_journal_that_was_changed_behind_our_back_is_found(tmp_path: Path) -> None:
    file = tmp_path / "fournines.db"
    with Books.open(str(file)) as books:
        books.append([Entry(EntryKind.SWITCHED, NOON, "Ana switched on paused.", actor="ana")])
        Upkeep(books).run(NOON)
    with sqlite3.connect(file) as meddler:
        for (name,) in meddler.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            meddler.execute(f"drop trigger {name}")
        meddler.execute("update entry set body = replace(body, 'Ana', 'Bob')")
    meddler.close()
    with Books.open(str(file)) as books, pytest.raises(TamperedError, match="entry 1 "):
        Upkeep(books).run(NOON)
