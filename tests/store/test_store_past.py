"""Sums of long ago against brute force: days, both ends, and what is late, sealed or forgotten."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fournines.store.books import Books
from fournines.store.place import StoreError
from remediation.journal import EntryKind
from slo.cells import DAY_MINUTES, Block, Indicator, Placement, Sli, State, moment_of
from slo.exclusions import Exclusion, Exclusions, Recurrence
from slo.ledger import KEPT, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 20_138
START = DAY * DAY_MINUTES
SMALL = partial(Ledger, ring=240, windows=(1, 5, 60))
SLIS = tuple(Sli(Placement("1", "eu-west-1", "main", name), Indicator.AVAILABILITY) for name in "abc")
NOON = 12 * 60
at = moment_of


def block(start: int, minutes: int, width: int = 3, seed: int = 1) -> Block:
    """Minutes of every state."""
    chance = np.random.default_rng(seed)
    state = chance.integers(0, 4, (minutes, width)).astype(np.uint8)
    total = chance.integers(1, 100, state.shape) * (state == State.OBSERVED)
    return Block(SLIS[:width], start, chance.integers(0, total + 1), total, state)


def kept(books: Books, start: int, end: int, sli: Sli) -> tuple[int, int, dict[State, int]]:
    """The cells of an SLI, added up one by one."""
    bad, total, state = books.history(SLIS, start, end).minutes(sli, start, end)
    return int(bad.sum()), int(total.sum()), {one: int((state == one).sum()) for one in State}


def told(books: Books, start: int, end: int, sli: Sli, *, raw: bool = False) -> tuple[int, int, object]:
    counts = books.past(start, end, raw=raw).counts([sli])
    return counts.bad, counts.total, dict(counts.minutes)


def seal_all(books: Books, before: int) -> None:
    while books.seal(before):
        pass


@settings(max_examples=15)
@given(
    writes=st.lists(
        st.tuples(st.integers(0, 4_000), st.integers(1, 900), st.integers(1, 3), st.integers(0, 5_000)),
        min_size=1,
        max_size=6,
    ),
    stretch=st.tuples(st.integers(-100, 5_000), st.integers(-100, 5_000)).map(sorted),
)
def test_sums_of_the_past_are_those_of_its_cells_whenever_hours_were_sealed_and_corrected(
    writes: list[tuple[int, int, int, int]], stretch: list[int]
) -> None:
    first, last = (START + offset for offset in stretch)
    with Books.open("sqlite://", SMALL) as books:
        for seed, (offset, length, width, sealed) in enumerate(writes):
            books.record(block(START + offset, length, width, seed), at(START + 6_000 + seed))
            seal_all(books, START + sealed)
        for sli in SLIS:
            assert told(books, first, last, sli) == kept(books, first, last, sli)
        assert [books.prove_day(DAY + one) for one in range(4)] == [()] * 4


def test_a_late_minute_corrects_its_hour_and_its_day_and_the_correction_is_told(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, 3 * DAY_MINUTES), at(START + 3 * DAY_MINUTES))
        seal_all(books, START + 3 * DAY_MINUTES)
        late = block(START + NOON, 1, 1, seed=4)
        assert late.state.item() == State.OBSERVED
        put = books.record(late, at(START + 9 * DAY_MINUTES))
        assert len(put.refused) == 1
        for sli in SLIS:
            assert told(books, START, START + 2880, sli) == kept(books, START, START + 2880, sli)
        assert books.prove_day(DAY) == ()
        (entry,) = books.entries()
    assert entry.entry.kind is EntryKind.RESTATED
    assert entry.entry.data["slis"] == [str(SLIS[0])]


def test_excluded_minutes_are_left_out_of_the_past_too_and_raw_has_them(store: str) -> None:
    nightly = Exclusion(
        id="nightly", reason="patches", approver="ana", clause="4.2", created_at=at(START),
        services=("a", "b"), regions=("*",), zone="UTC", start=at(START + NOON).replace(tzinfo=None),
        length=timedelta(minutes=90), recurrence=Recurrence("DAILY", interval=2),
    )  # fmt: skip
    end = START + 6 * DAY_MINUTES
    with Books.open(store, SMALL) as books:
        books.exclude(Exclusions((nightly, nightly)))
        books.record(block(START, 6 * DAY_MINUTES - 700), at(end))
        seal_all(books, end - 2 * DAY_MINUTES)
        history = books.history(SLIS, START, end)
        for sli in SLIS:
            bad, total, state = history.minutes(sli, START, end)
            mask = Exclusions((nightly,)).mask(sli.placement, START, end)
            state[mask & (np.arange(START, end) < books.extent().stop)] = State.EXCLUDED
            want = int(bad[~mask].sum()), int(total[~mask].sum()), {s: int((state == s).sum()) for s in State}
            assert told(books, START, end, sli) == want
            adjusted = books.history([sli], START, end, raw=False).minutes(sli, START, end)
            assert (int(adjusted[0].sum()), int(adjusted[1].sum())) == want[:2]
            assert told(books, START, end, sli, raw=True) == kept(books, START, end, sli)


def test_by_column_the_past_tells_the_same_as_by_sli(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, DAY_MINUTES + 10, 2), at(START + DAY_MINUTES))
        past = books.past(START - 5, START + DAY_MINUTES + 10)
    assert past.slis == SLIS[:2]
    for column, sli in enumerate(past.slis):
        counts = past.counts([sli])
        assert (past.sums.bad[column], past.sums.total[column]) == (counts.bad, counts.total)
        assert past.sums.unknown[column] == counts.minutes[State.UNKNOWN]
        assert past.sums.excluded[column] == counts.minutes[State.EXCLUDED]
    assert past.counts([SLIS[2]]).minutes[State.UNKNOWN] == DAY_MINUTES + 15


def test_what_is_forgotten_leaves_its_sums_and_takes_no_correction_any_more(store: str) -> None:
    end = START + 20 * DAY_MINUTES
    with Books.open(store, SMALL) as books:
        books.record(block(START, 20 * DAY_MINUTES), at(end))
        seal_all(books, end)
        before = [told(books, START, end, sli) for sli in SLIS]
        assert [books.forget(START + 15 * DAY_MINUTES + NOON) for _ in range(4)] == [168, 168, 24, 0]
        assert books.extent() == range(START + 15 * DAY_MINUTES, end)
        assert [told(books, START, end, sli) for sli in SLIS] == before
        assert books.prove_day(DAY) == ()
        today = START + KEPT // timedelta(minutes=1) + 120
        books.record(block(START, 120, seed=2), at(today))
        books.import_cells([block(START, 60, seed=2)], "old.csv", at(today))
        assert books.extent() == range(START + 15 * DAY_MINUTES, end)


def test_the_self_check_finds_a_corrupted_day_and_mends_it(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    with Books.open(str(file), SMALL) as books:
        books.record(block(START, DAY_MINUTES), at(START + DAY_MINUTES))
        seal_all(books, START + DAY_MINUTES)
        want = told(books, START, START + DAY_MINUTES, SLIS[1])
    with sqlite3.connect(file) as meddler:
        (blob,) = meddler.execute("select sums from day").fetchone()
        numbers = np.frombuffer(blob, np.int64).reshape(5, -1).copy()
        numbers[1, 1] += 3
        meddler.execute("update day set sums = ?", (numbers.tobytes(),))
    meddler.close()
    with Books.open(str(file), SMALL) as books:
        (wrong,) = books.prove_day(DAY)
        assert (wrong.day, wrong.column, wrong.field, wrong.held - wrong.counted) == (DAY, 1, "total", 3)
        assert books.prove_day(DAY) == ()
        assert told(books, START, START + DAY_MINUTES, SLIS[1]) == want


def test_a_day_without_its_row_is_summed_anew(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    with Books.open(str(file), SMALL) as books:
        books.record(block(START, DAY_MINUTES), at(START + DAY_MINUTES))
        seal_all(books, START + DAY_MINUTES)
    with sqlite3.connect(file) as meddler:
        meddler.execute("delete from day")
    meddler.close()
    with Books.open(str(file), SMALL) as books:
        assert books.prove_day(DAY)
        assert told(books, START, START + 1440, SLIS[0]) == kept(books, START, START + 1440, SLIS[0])


def test_what_dies_while_an_hour_is_sealed_has_changed_no_day(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, 180), at(START + 180))
        before = [told(books, START, START + DAY_MINUTES, sli) for sli in SLIS]
        with monkeypatch.context() as patch:
            patch.setattr("fournines.store.ledger.pack_hour", _dying(2))
            with pytest.raises(MemoryError):
                books.seal(START + 180)
        assert [told(books, START, START + DAY_MINUTES, sli) for sli in SLIS] == before
        seal_all(books, START + 180)
        assert [told(books, START, START + DAY_MINUTES, sli) for sli in SLIS] == before


def _dying(after: int) -> Callable[[object], bytes]:
    calls = iter(range(after))

    def dies(_: object) -> bytes:
        if next(calls, None) is None:
            raise MemoryError
        return b""

    return dies


def test_a_store_of_an_older_form_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "books.db"
    Books.open(str(file), SMALL).close()
    with sqlite3.connect(file) as meddler:
        meddler.execute("update meta set value = '3' where name = 'schema'")
    meddler.close()
    with pytest.raises(StoreError, match=r"an older fournines \(schema 3, this one reads from 4 on\)"):
        Books.open(str(file), SMALL)


def test_fifteen_months_are_kept_at_their_longest() -> None:
    assert datetime(2028, 3, 1, tzinfo=UTC) - datetime(2026, 12, 1, tzinfo=UTC) <= KEPT


DYING = """
import os, signal, sys
import numpy as np
from fournines.store import ledger
from fournines.store.books import Books
from slo.cells import Block, Indicator, Placement, Sli, moment_of

def dying(*arguments, keep=ledger._keep, kept=[]):
    keep(*arguments)
    kept.append(arguments)
    if len(kept) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

ledger._keep = dying
sli = Sli(Placement("1", "eu-west-1", "main", "a"), Indicator.AVAILABILITY)
ones = np.ones((1440, 1), np.int64)
start = int(sys.argv[2])
days = [Block((sli,), start + 1440 * day, ones, ones, 2 * ones.astype(np.uint8)) for day in range(4)]
Books.open(sys.argv[1]).import_cells(days, "history.csv", moment_of(start + 9000))
"""


def test_an_import_that_is_killed_in_the_middle_leaves_nothing(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, 60), at(START + 60))
        seal_all(books, START + 60)
        before = [kept(books, START, START + 6_000, sli) for sli in SLIS]
    died = subprocess.run(
        [sys.executable, "-c", DYING, store, str(START)], check=False, timeout=60, capture_output=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    with Books.open(store, SMALL) as books:
        assert books.imports() == ()
        assert [kept(books, START, START + 6_000, sli) for sli in SLIS] == before
        assert [told(books, START, START + 6_000, sli) for sli in SLIS] == before
        assert books.extent() == range(START, START + 60)
