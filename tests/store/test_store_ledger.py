import random
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.bundle import Front, Key
from collector.watermarks import Mark
from fournines.store.books import Books
from fournines.store.place import StoreError
from remediation.journal import EntryKind
from slo.cells import Block, Indicator, Placement, Sli, State
from slo.exclusions import Exclusion, Exclusions
from slo.ledger import Ledger
from slo.months import Stretch
from slo.sums import Put

START = 29_000_000 // 60 * 60
SMALL = partial(Ledger, ring=240, windows=(1, 5, 60))
SLIS = tuple(Sli(Placement("1", "eu-west-1", "main", name), Indicator.AVAILABILITY) for name in "abc")


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def block(
    start: int,
    bad: list[list[int]],
    total: int = 100,
    slis: tuple[Sli, ...] = SLIS,
    state: State = State.OBSERVED,
) -> Block:
    """One row of bad counts a minute."""
    counts = np.array(bad, np.int64)
    states = np.full(counts.shape, state, np.uint8)
    observed = state is State.OBSERVED
    return Block(
        slis[: counts.shape[1]], start, counts * observed, np.full_like(counts, total * observed), states
    )


def held(books: Books) -> dict[Sli, list[tuple[int, ...]]]:
    """What memory holds of each SLI, minute by minute: bad, total, state."""
    with books.ledger() as ledger:
        assert ledger.self_check() == ()
        columns = {sli: ledger.minutes(sli, START - 10, START + 300) for sli in SLIS}
    return {sli: list(zip(*(part.tolist() for part in parts), strict=True)) for sli, parts in columns.items()}


def test_a_restart_remembers_exactly_what_memory_knew(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[1, 2], [3, 4]]), at(START + 2))
        books.record(block(START + 1, [[0, 9, 5], [1, 1, 1]]), at(START + 3))
        books.record(block(START + 2, [[7]], slis=SLIS[2:]), at(START + 3))
        before = held(books)
    with Books.open(store, SMALL) as books:
        assert held(books) == before
        assert before[SLIS[2]][10:13] == [(0, 0, 0), (5, 100, 2), (7, 100, 2)]


def test_the_ring_forgets_what_the_store_remembers(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[1]]), at(START))
        books.record(block(START + 1000, [[2]]), at(START + 1000))
        put = books.record(block(START + 1, [[5]]), at(START + 1001))
        assert put.refused == range(START + 1, START + 2)
    with Books.open(store, SMALL) as books, books.ledger() as ledger:
        assert ledger.counts(SLIS[:1], START, START + 1001).bad == 2
        bad, _, _ = books.history(SLIS[:1], START, START + 1001).minutes(SLIS[0], START, START + 1001)
        assert (bad[0], bad[1], bad[1000], bad.sum()) == (1, 5, 2, 8)


class DyingLedger(Ledger):
    """Dies once, between the commit and memory."""

    dead = False

    def put(self, block: Block) -> Put:
        if block.start == START + 7 and not DyingLedger.dead:
            DyingLedger.dead = True
            raise MemoryError
        return super().put(block)


def test_what_was_committed_before_memory_failed_is_read_again(store: str) -> None:
    DyingLedger.dead = False
    with Books.open(store, partial(DyingLedger, ring=240, windows=(1, 5, 60))) as books:
        books.record(block(START + 6, [[1]]), at(START + 7))
        with pytest.raises(MemoryError):
            books.record(block(START + 7, [[2]]), at(START + 8))
        with books.ledger() as ledger:
            assert ledger.newest == START + 7
            assert ledger.counts(SLIS[:1], START, START + 8).bad == 3


def test_a_block_that_cannot_be_kept_changes_nothing(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[1]]), at(START))
        with pytest.raises(StoreError, match="a minute counts at most 4294967295, got 4294967296"):
            books.record(block(START, [[0, 0]], total=2**32), at(START))
        with books.ledger() as ledger:
            assert ledger.slis == SLIS[:1]
        books.record(block(START + 1, [[3]], slis=SLIS[2:]), at(START))
        assert [sum(cell[0] for cell in cells) for cells in held(books).values()] == [1, 0, 3]


def test_unknown_cells_take_nothing_away(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[1, 2]]), at(START))
        books.record(block(START, [[0, 0]], state=State.UNKNOWN), at(START))
        history = books.history(SLIS, START, START + 1)
        assert [int(history.minutes(sli, START, START + 1)[0][0]) for sli in SLIS] == [1, 2, 0]


def test_a_correction_of_settled_minutes_is_one_entry_and_fresh_rewrites_are_none(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[1, 1]] * 20), at(START + 20))
        books.record(block(START + 10, [[2, 2]] * 10), at(START + 20))
        assert books.entries() == ()
        books.record(block(START, [[1, 3], [4, 1], [1, 1]]), at(START + 20))
        (kept,) = books.entries()
    assert kept.entry.kind is EntryKind.RESTATED
    assert kept.entry.sentence.startswith("2 settled cells of 2 indicators between ")
    assert kept.entry.data["slis"] == [str(SLIS[0]), str(SLIS[1])]


def test_how_far_was_read_is_kept_with_the_cells(store: str) -> None:
    key = Key(SLIS[0].placement, Front.LOAD_BALANCER)
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[1]]), at(START), {key: Mark(START + 1, START)})
        assert books.marks() == {key: Mark(START + 1, START)}
        books.record(
            block(START, [[1]], state=State.UNKNOWN).told(),
            at(START),
            {key: Mark(START + 2, START + 1, START)},
        )
        assert books.marks() == {key: Mark(START + 2, START + 1, START)}


def imported(books: Books, sli: Sli, count: int) -> int:
    """Return how many of the first minutes of an SLI were imported."""
    return sum(int(page.imported[0]) for page in books.pages([sli], Stretch(START, START + count)))


def test_an_import_is_labelled_and_never_replaces_what_was_measured(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START + 1, [[9]]), at(START))
        turned = block(START, [[7, 1], [7, 1], [7, 1]], slis=(SLIS[2], SLIS[0]))
        done = books.import_cells([turned], "history.csv", at(START + 60))
        assert (done.cells, done.kept, books.imports()) == (5, 1, (done,))
        history = books.history(SLIS, START, START + 3)
        assert history.minutes(SLIS[0], START, START + 3)[0].tolist() == [1, 9, 1]
        assert imported(books, SLIS[0], 3) == 2
        assert imported(books, SLIS[1], 3) == 0
        books.record(block(START + 2, [[4]]), at(START))
        assert imported(books, SLIS[0], 3) == 1
        assert [cell[0] for cell in held(books)[SLIS[0]][10:13]] == [1, 9, 4]


def test_an_import_that_fails_in_the_middle_leaves_nothing(store: str) -> None:
    with Books.open(store, SMALL) as books:
        with pytest.raises(StoreError):
            books.import_cells([block(START, [[1]]), block(START + 1, [[1]], total=2**33)], "x", at(START))
        assert books.imports() == ()
        assert books.history(SLIS, START, START + 1).minutes(SLIS[0], START, START + 1)[2].tolist() == [0]


def test_sealing_changes_no_number_and_late_minutes_still_correct_a_sealed_hour(store: str) -> None:
    chance = np.random.default_rng(7)
    with Books.open(store, SMALL) as books:
        rows = chance.integers(0, 100, (200, 3)).tolist()
        books.record(block(START + 30, rows), at(START + 230))
        before = held(books)
        assert books.seal(START + 179) == 2
        assert books.seal(START + 179) == 0
        books.record(block(START + 59, [[5, 50, 0]] * 3), at(START + 231))
    with Books.open(store, SMALL) as books:
        after = held(books)
    for column, sli in enumerate(SLIS):
        before[sli][69:72] = [([5, 50, 0][column], 100, 2)] * 3
    assert after == before


def test_sealing_takes_small_steps_over_a_long_past(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.import_cells([block(START, [[1]] * 60 * 50)], "history.csv", at(START))
        assert [books.seal(START + 60 * 50) for _ in range(4)] == [24, 24, 2, 0]
        assert imported(books, SLIS[0], 60 * 50) == 60 * 50


@settings(max_examples=25)
@given(
    writes=st.lists(
        st.tuples(
            st.integers(0, 150), st.integers(1, 70), st.integers(0, 100), st.integers(1, 3), st.booleans()
        ),
        max_size=12,
    )
)
def test_any_order_of_writes_and_seals_equals_the_last_write_per_cell(
    writes: list[tuple[int, int, int, int, bool]],
) -> None:
    want = np.zeros((250, 3), np.int64)
    with Books.open("sqlite://", SMALL) as books:
        for offset, length, bad, width, seal in writes:
            books.record(block(START + offset, [[bad] * width] * length), at(START + 300))
            want[offset : offset + length, :width] = bad
            if seal:
                books.seal(START + 120)
        history = books.history(SLIS, START, START + 250)
    got = np.stack([history.minutes(sli, START, START + 250)[0] for sli in SLIS], axis=1)
    assert (got == want).all()


def test_exclusions_lie_over_the_ledger_after_a_restart_too_and_never_over_what_is_kept(store: str) -> None:
    patching = Exclusion(
        id="patching", reason="patches", approver="ana", clause="4.2", created_at=at(START),
        services=("a",), regions=("*",), zone="UTC",
        start=at(START + 1).replace(tzinfo=None), length=timedelta(minutes=2),
    )  # fmt: skip
    with Books.open(store, SMALL) as books:
        books.exclude(Exclusions((patching,)))
        books.record(block(START, [[1, 1]] * 2), at(START + 2))
        books.record(block(START + 2, [[1, 1]] * 2), at(START + 4))
        before = held(books)
        assert [cell[0] for cell in before[SLIS[0]][10:14]] == [1, 0, 0, 1]
        assert [cell[2] for cell in before[SLIS[0]][10:14]] == [2, State.EXCLUDED, State.EXCLUDED, 2]
        assert [cell[0] for cell in before[SLIS[1]][10:14]] == [1, 1, 1, 1]
    with Books.open(store, SMALL) as books:
        books.exclude(Exclusions((patching,)))
        assert held(books) == before
        with books.ledger() as ledger:
            assert ledger.raw().counts(SLIS[:1], START, START + 4).bad == 4
        assert books.history(SLIS, START, START + 4).minutes(SLIS[0], START, START + 4)[0].tolist() == [1] * 4
        books.exclude(Exclusions())
        assert [cell[0] for cell in held(books)[SLIS[0]][10:14]] == [1, 1, 1, 1]


def test_an_older_reading_that_arrives_late_changes_nothing_that_was_read_since(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[5], [5]]), at(START + 9))
        put = books.record(block(START - 1, [[1, 1]] * 3), at(START + 8))
        assert put.restated == ()
        assert [cell[0] for cell in held(books)[SLIS[0]][9:12]] == [1, 5, 5]
        assert [cell[0] for cell in held(books)[SLIS[1]][9:12]] == [1, 1, 1]
        assert books.history(SLIS, START, START + 1).minutes(SLIS[0], START, START + 1)[0].tolist() == [5]


def test_what_was_read_by_a_clock_that_had_leapt_ahead_is_corrected_when_it_is_back(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[5]]), at(START + 2000))
        books.record(block(START, [[1]]), at(START + 2))
        assert held(books)[SLIS[0]][10][0] == 1


def test_of_two_readings_within_a_second_the_higher_sequence_counts(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.record(block(START, [[5]]), at(START + 9), sequence=2)
        books.record(block(START, [[1]]), at(START + 9), sequence=1)
        assert held(books)[SLIS[0]][10][0] == 5


def test_what_was_imported_or_shared_out_gives_way_to_any_reading(store: str) -> None:
    with Books.open(store, SMALL) as books:
        books.import_cells([block(START, [[9]])], "history.csv", at(START + 99))
        books.fill(block(START + 5, [[9]] * 5))
        books.record(block(START, [[1]] * 10), at(START))
        assert [cell[0] for cell in held(books)[SLIS[0]][10:20]] == [1] * 10


readings = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.lists(
            st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=1, max_size=3), min_size=1, max_size=6
        ).map(lambda rows: [row[: len(rows[0])] + [None] * (len(rows[0]) - len(row)) for row in rows]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(readings=readings, order=st.randoms(use_true_random=False))
def test_any_order_of_arrival_of_the_same_readings_gives_the_same_ledger(
    readings: list[tuple[int, list[list[int | None]]]], order: random.Random
) -> None:
    """Each carries when it was read, three within a second told apart by their sequence."""
    want: dict[Sli, list[tuple[int, ...]]] = {}
    numbered = [(number // 3, number % 3, *reading) for number, reading in enumerate(readings)]
    for _ in range(2):
        with Books.open("sqlite://", SMALL) as books:
            for second, sequence, offset, rows in numbered:
                counts = np.array([[0 if bad is None else bad for bad in row] for row in rows])
                known = np.array([[bad is not None for bad in row] for row in rows])
                state = np.where(known, State.OBSERVED, State.UNKNOWN).astype(np.uint8)
                told = Block(SLIS[: counts.shape[1]], START + offset, counts, known * 100, state)
                books.record(told, at(START + 60) + timedelta(seconds=second), sequence=sequence)
            got = held(books)
            history = books.history(SLIS, START, START + 30)
            assert all(
                [cell[0] for cell in got[sli][10:40]] == history.minutes(sli, START, START + 30)[0].tolist()
                for sli in SLIS
            )
        want = want or got
        assert got == want
        order.shuffle(numbered)
