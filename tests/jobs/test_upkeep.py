from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.jobs.upkeep import FORGET_AFTER, TURN, TURNS, TamperedError, Upkeep
from fournines.known import Known
from fournines.store.books import Books
from remediation.journal import Entry, EntryKind
from slo.cells import DAY_MINUTES, Block, Indicator, Placement, Sli, State, minute_of
from slo.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SMALL = partial(Ledger, ring=240, windows=(60,))


def known(books: Books) -> Known:
    return Known(books, lambda _: 1.0)


def test_a_journal_that_was_changed_behind_our_back_is_found(tmp_path: Path) -> None:
    file = tmp_path / "fournines.db"
    with Books.open(str(file)) as books:
        books.append([Entry(EntryKind.SWITCHED, NOON, "Ana switched on paused.", actor="ana")])
        Upkeep(books, known(books)).run(NOON)
    with sqlite3.connect(file) as meddler:
        for (name,) in meddler.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            meddler.execute(f"drop trigger {name}")
        meddler.execute("update entry set body = replace(body, 'Ana', 'Bob')")
    meddler.close()
    with Books.open(str(file)) as books, pytest.raises(TamperedError, match="entry 1 "):
        Upkeep(books, known(books)).run(NOON)


def minutes(start: datetime, count: int) -> Block:
    """Minutes in which one of ten requests failed."""
    counts = np.ones((count, 1), np.int64)
    sli = Sli(Placement("1", "eu-west-1", "main", "web-app"), Indicator.AVAILABILITY)
    return Block((sli,), minute_of(start), counts, 10 * counts, np.full((count, 1), State.OBSERVED, np.uint8))


def test_every_day_is_proven_within_three_days_and_a_wrong_one_is_mended_and_counted(
    tmp_path: Path,
) -> None:
    file, days = tmp_path / "fournines.db", 4
    with Books.open(str(file), SMALL) as books:
        books.record(minutes(NOON - timedelta(days=10), days * DAY_MINUTES), NOON - timedelta(days=6))
        Upkeep(books, known(books)).run(NOON)
    with sqlite3.connect(file) as meddler:
        assert meddler.execute("select count(*) from day").fetchone() == (days + 1,)
        meddler.execute("update day set sums = zeroblob(40)")
    meddler.close()
    with Books.open(str(file), SMALL) as books:
        found = known(books)
        for hour in range(TURNS):
            Upkeep(books, found).run(NOON + hour * TURN)
        assert found.mismatches == {"window": 0, "day": 3 * (days + 1)}
        start = minute_of(NOON - timedelta(days=10))
        assert int(books.past(start, start + days * DAY_MINUTES).sums.total[0]) == 10 * days * DAY_MINUTES


def test_a_running_sum_that_is_wrong_is_mended_and_counted() -> None:
    with Books.open("sqlite://") as books:
        books.record(minutes(NOON - timedelta(minutes=10), 10), NOON)
        with books.ledger() as ledger:
            ledger.sums(60).bad[0] += 1
        found = known(books)
        Upkeep(books, found).run(NOON)
        assert found.mismatches["window"] == 1
        with books.ledger() as ledger:
            assert int(ledger.sums(60).bad[0]) == 10


def test_a_clock_that_leapt_ahead_by_years_costs_no_cell() -> None:
    with Books.open("sqlite://") as books:
        books.record(minutes(NOON - timedelta(days=2), 60), NOON)
        kept = books.extent()
        Upkeep(books, known(books)).run(NOON + timedelta(days=2_000))
        assert books.extent().start == kept.start


def test_cells_are_dropped_after_fifteen_months_and_their_sums_stay() -> None:
    then = NOON - FORGET_AFTER - timedelta(days=3)
    with Books.open("sqlite://") as books:
        books.record(minutes(then, 5 * DAY_MINUTES), then + timedelta(days=5))
        books.record(minutes(NOON - timedelta(minutes=1), 1), NOON)
        Upkeep(books, known(books)).run(NOON)
        assert books.extent().start == minute_of(NOON - FORGET_AFTER) // DAY_MINUTES * DAY_MINUTES
        first = minute_of(then)
        assert int(books.past(first - 720, first + 720).sums.bad[0]) == 720
