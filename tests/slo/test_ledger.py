"""The ledger against brute force: whatever arrives, late, twice or never, sums are those of the minutes."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.cells import Block, Cell, Indicator, Placement, Sli, State, moment_of
from slo.exclusions import Exclusion, Exclusions
from slo.ledger import COUNT_MAX, Ledger

WEB = Sli(Placement("1", "eu-west-1", "prod", "web-app"), Indicator.AVAILABILITY)
PAY = Sli(Placement("1", "us-east-1", "prod", "payment"), Indicator.AVAILABILITY)
SLIS = (WEB, PAY)

START = 29_000_000
RING = 40
WINDOWS = (1, 5, 12, 40)

Reading = tuple[int, Sli, Cell]

known_cells = st.one_of(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
        lambda pair: Cell(min(pair), max(pair) or 1, State.OBSERVED)
    ),
    st.sampled_from([Cell(0, 0, State.NO_TRAFFIC), Cell(0, 0, State.EXCLUDED)]),
)


def block(minute: int, sli: Sli, *cells: Cell) -> Block:
    return Block(
        (sli,),
        minute,
        np.array([[cell.bad] for cell in cells], np.int64),
        np.array([[cell.total] for cell in cells], np.int64),
        np.array([[cell.state] for cell in cells], np.uint8),
    )


def observed(bad: int, total: int) -> Cell:
    return Cell(bad, total, State.OBSERVED)


def small() -> Ledger:
    ledger = Ledger(ring=RING, windows=WINDOWS, capacity=1)
    for sli in SLIS:
        ledger.add(sli)
    return ledger


def brute(
    cells: dict[tuple[int, Sli], Cell], newest: int, sli: Sli, window: int
) -> tuple[int, int, int, int]:
    nothing = Cell(0, 0, State.UNKNOWN)
    held = [cells.get((minute, sli), nothing) for minute in range(newest - window + 1, newest + 1)]
    return (
        sum(cell.bad for cell in held),
        sum(cell.total for cell in held),
        sum(cell.state is State.UNKNOWN for cell in held),
        sum(cell.state is State.EXCLUDED for cell in held),
    )


def sums(ledger: Ledger, sli: Sli, window: int) -> tuple[int, ...]:
    column, held = ledger.column(sli), ledger.sums(window)
    return tuple(int(field[column]) for field in (held.bad, held.total, held.unknown, held.excluded))


def test_gaps_rewrites_and_late_minutes_over_many_wraps_equal_brute_force() -> None:
    chance = random.Random(4)  # noqa: S311 - a repeatable story
    ledger, newest = small(), START
    cells: dict[tuple[int, Sli], Cell] = {}
    ledger.advance(START)
    for _ in range(3_000):
        newest += chance.choice((0, 0, 1, 1, 1, 3, 11, 60) if chance.random() < 0.1 else (0, 1))
        ledger.advance(newest)
        sli = chance.choice(SLIS)
        first = newest - chance.randrange(RING + 3)
        told = [
            chance.choice([observed(bad, bad + chance.randrange(1, 9)), Cell(0, 0, State.NO_TRAFFIC)])
            for bad in (chance.randrange(5) for _ in range(min(newest - first + 1, chance.randrange(1, 4))))
        ]
        put = ledger.put(block(first, sli, *told))
        cells |= {
            (minute, sli): cell
            for minute, cell in enumerate(told, first)
            if minute > newest - RING and minute not in put.refused
        }
        for other in SLIS:
            for window in WINDOWS:
                assert sums(ledger, other, window) == brute(cells, newest, other, window)
    assert ledger.self_check() == ()


def test_a_late_minute_corrects_every_window_that_holds_it() -> None:
    ledger = small()
    ledger.put(block(START + 10, WEB, observed(0, 10)))
    ledger.put(block(START, WEB, observed(4, 10)))
    assert [sums(ledger, WEB, window)[:2] for window in WINDOWS] == [(0, 10), (0, 10), (4, 20), (4, 20)]


def test_a_corrected_minute_takes_its_old_value_out_when_it_leaves() -> None:
    ledger = small()
    ledger.put(block(START, WEB, observed(3, 10)))
    put = ledger.put(block(START, WEB, observed(5, 12)))
    assert [(r.sli, r.minute, r.before, r.after) for r in put.restated] == [
        (WEB, START, observed(3, 10), observed(5, 12))
    ]
    ledger.advance(START + 5)
    assert sums(ledger, WEB, 5) == (0, 0, 5, 0)
    assert sums(ledger, WEB, 12) == (5, 12, 11, 0)


def test_the_same_reading_twice_restates_nothing() -> None:
    ledger = small()
    ledger.put(block(START, WEB, observed(3, 10)))
    assert ledger.put(block(START, WEB, observed(3, 10))).restated == ()


def test_a_minute_that_nobody_told_is_unknown_and_its_first_value_no_restatement() -> None:
    ledger = small()
    ledger.advance(START)
    assert sums(ledger, WEB, 40) == (0, 0, 40, 0)
    assert ledger.put(block(START, WEB, observed(0, 1))).restated == ()
    assert sums(ledger, WEB, 40) == (0, 1, 39, 0)


def test_a_reading_that_failed_takes_nothing_away() -> None:
    ledger = small()
    ledger.put(block(START, WEB, observed(3, 10)))
    assert ledger.put(block(START, WEB, Cell(0, 0, State.UNKNOWN))).restated == ()
    assert sums(ledger, WEB, 5) == (3, 10, 4, 0)


def test_minutes_older_than_the_ring_are_refused_aloud() -> None:
    ledger = small()
    ledger.advance(START + RING)
    put = ledger.put(block(START - 1, WEB, observed(1, 1), observed(1, 1), observed(1, 1)))
    assert put.refused == range(START - 1, START + 1)
    assert sums(ledger, WEB, 40)[:2] == (1, 1)


def test_a_leap_beyond_the_ring_forgets_everything() -> None:
    ledger = small()
    ledger.put(block(START, WEB, observed(3, 10)))
    ledger.advance(START + 10 * RING)
    assert sums(ledger, WEB, 40) == (0, 0, 40, 0)
    assert ledger.self_check() == ()


def test_a_new_column_begins_unknown_and_disturbs_no_other() -> None:
    ledger = small()
    ledger.put(block(START, WEB, observed(3, 10)))
    late = Sli(WEB.placement, Indicator.LATENCY)
    assert ledger.add(late) == 2
    assert ledger.add(late) == 2
    assert sums(ledger, late, 12) == (0, 0, 12, 0)
    assert sums(ledger, WEB, 12) == (3, 10, 11, 0)
    assert ledger.slis == (WEB, PAY, late)


def test_the_self_check_finds_a_corrupted_sum_and_a_resum_heals_it() -> None:
    ledger = small()
    ledger.put(block(START, PAY, observed(3, 10)))
    ledger.sums(12).bad[ledger.column(PAY)] += 1
    (mismatch,) = ledger.self_check()
    assert (mismatch.sli, mismatch.window, mismatch.field, mismatch.held, mismatch.counted) == (
        PAY,
        12,
        "bad",
        4,
        3,
    )
    ledger.resum()
    assert ledger.self_check() == ()


def test_counts_are_pooled_and_minutes_outside_the_ring_are_unknown() -> None:
    ledger = small()
    ledger.put(block(START, WEB, observed(3, 10), Cell(0, 0, State.NO_TRAFFIC), Cell(0, 0, State.EXCLUDED)))
    ledger.put(block(START + 2, PAY, observed(1, 5)))
    counts = ledger.counts(SLIS, START - 100, START + 100)
    assert (counts.bad, counts.total, counts.known) == (4, 15, 3)
    assert counts.minutes == {
        State.UNKNOWN: 396, State.NO_TRAFFIC: 1, State.OBSERVED: 2, State.EXCLUDED: 1,
    }  # fmt: skip


def test_an_sli_that_the_ledger_never_saw_is_unknown_all_along() -> None:
    bad, total, state = Ledger(ring=5, windows=(5,)).minutes(WEB, START, START + 3)
    assert (bad.sum(), total.sum(), state.tolist()) == (0, 0, [State.UNKNOWN] * 3)


def test_a_count_that_does_not_fit_is_refused_before_anything_changes() -> None:
    ledger = small()
    with pytest.raises(ValueError, match="at most"):
        ledger.put(block(START, WEB, observed(0, COUNT_MAX + 1)))
    assert ledger.newest is None


def test_a_block_that_names_an_sli_twice_is_refused() -> None:
    cells = np.zeros((1, 2), np.int64)
    with pytest.raises(ValueError, match="each SLI once"):
        small().put(Block((WEB, WEB), START, cells, cells, cells.astype(np.uint8)))


def test_windows_longer_than_the_ring_are_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and"):
        Ledger(ring=10, windows=(11,))


@settings(max_examples=60)
@given(
    readings=st.dictionaries(
        st.tuples(st.integers(START, START + RING - 1), st.sampled_from(SLIS)), known_cells, min_size=1
    ),
    order=st.randoms(use_true_random=False),
)
def test_the_same_readings_in_any_order_give_the_same_ledger(
    readings: dict[tuple[int, Sli], Cell], order: random.Random
) -> None:
    shuffled = list(readings.items())
    order.shuffle(shuffled)
    ledgers = []
    for sequence in (list(readings.items()), shuffled):
        ledger = small()
        ledger.advance(START)
        for (minute, sli), cell in sequence:
            ledger.put(block(minute, sli, cell))
        ledger.advance(START + RING - 1)
        ledgers.append(ledger)
    one, other = ledgers
    assert [[sums(one, s, w) for w in WINDOWS] for s in SLIS] == [
        [sums(other, s, w) for w in WINDOWS] for s in SLIS
    ]
    assert other.self_check() == ()


@settings(max_examples=60)
@given(cells=st.lists(known_cells, min_size=2, max_size=RING), cut=st.integers(0, RING))
def test_splitting_a_stretch_never_changes_its_sum(cells: list[Cell], cut: int) -> None:
    ledger = small()
    ledger.put(block(START, WEB, *cells))
    end, middle = START + len(cells), START + min(cut, len(cells))
    whole, left, right = (
        ledger.counts((WEB,), *stretch) for stretch in ((START, end), (START, middle), (middle, end))
    )
    assert (whole.bad, whole.total) == (left.bad + right.bad, left.total + right.total)
    assert all(whole.minutes[s] == left.minutes[s] + right.minutes[s] for s in State)


@settings(max_examples=60)
@given(web=st.lists(known_cells, min_size=1, max_size=9), pay=st.lists(known_cells, min_size=1, max_size=9))
def test_a_pool_is_the_sum_of_its_parts(web: list[Cell], pay: list[Cell]) -> None:
    ledger = small()
    ledger.put(block(START, WEB, *web))
    ledger.put(block(START, PAY, *pay))
    pooled, *parts = (ledger.counts(slis, START, START + 9) for slis in (SLIS, (WEB,), (PAY,)))
    assert (pooled.bad, pooled.total) == (sum(p.bad for p in parts), sum(p.total for p in parts))


def window(first: int, minutes: int, service: str = "web-app", name: str = "x") -> Exclusion:
    """An exclusion of some minutes after START."""
    return Exclusion(
        id=name, reason="patches", approver="ana", clause="4.2", created_at=moment_of(START - 9_000),
        services=(service,), regions=("*",), zone="UTC", length=timedelta(minutes=minutes),
        start=moment_of(START + first).replace(tzinfo=None),
    )  # fmt: skip


def test_an_exclusion_leaves_minutes_out_of_every_sum_and_raw_still_tells_them() -> None:
    ledger = small()
    ledger.put(block(START, WEB, *[observed(3, 10)] * 10))
    ledger.exclude(Exclusions((window(4, 4),)))
    assert [sums(ledger, WEB, one) for one in (5, 12)] == [(6, 20, 0, 3), (18, 60, 2, 4)]
    assert [sums(ledger.raw(), WEB, one) for one in (5, 12)] == [(15, 50, 0, 0), (30, 100, 2, 0)]
    assert ledger.counts((WEB,), START, START + 6).minutes[State.EXCLUDED] == 2
    assert [part.tolist() for part in ledger.minutes(WEB, START + 3, START + 5)] == [[3, 0], [10, 0], [2, 3]]
    assert [part.tolist() for part in ledger.raw().minutes(WEB, START + 3, START + 5)] == [
        [3, 3], [10, 10], [2, 2],
    ]  # fmt: skip
    assert int(ledger.over(START + 2, START + 9).bad[0]) == 9
    assert int(ledger.raw().over(START + 2, START + 9).bad[0]) == 21


@given(st.integers(-3, 14), st.integers(0, 20), st.sampled_from([1, 7, 10, 13]))
def test_any_stretch_is_the_sum_of_its_minutes_whichever_running_sum_it_is_made_of(
    start: int, length: int, minutes: int
) -> None:
    ledger = small()
    ledger.put(block(START, WEB, *[observed(one, 10 + one) for one in range(minutes)]))
    ledger.exclude(Exclusions((window(4, 4),)))
    begin, end = START + start, START + start + length
    for told in (ledger, ledger.raw()):
        found, counted = told.over(begin, end), told.counts((WEB,), begin, end)
        assert (int(found.bad[0]), int(found.total[0])) == (counted.bad, counted.total)
        assert int(found.unknown[0]) == counted.minutes[State.UNKNOWN]
        assert int(found.excluded[0]) == counted.minutes[State.EXCLUDED]


def test_minutes_that_arrive_within_an_exclusion_are_left_out_at_once() -> None:
    ledger = Ledger(ring=RING, windows=WINDOWS, capacity=1)
    ledger.exclude(Exclusions((window(-2, 4),)))
    ledger.put(block(START - 1, WEB, observed(1, 10), observed(1, 10)))
    assert sums(ledger, WEB, 5) == (0, 0, 2, 3)
    ledger.put(block(START + 1, WEB, observed(1, 10), observed(1, 10)))
    assert sums(ledger, WEB, 5) == (1, 10, 0, 4)
    assert sums(ledger.raw(), WEB, 5) == (4, 40, 1, 0)


def test_a_late_correction_within_an_exclusion_changes_only_what_is_raw() -> None:
    ledger = small()
    ledger.put(block(START, WEB, *[observed(3, 10)] * 5))
    ledger.exclude(Exclusions((window(1, 2),)))
    (restated,) = ledger.put(block(START + 1, WEB, observed(9, 10))).restated
    assert (restated.before, restated.after) == (observed(3, 10), observed(9, 10))
    assert sums(ledger, WEB, 5) == (9, 30, 0, 2)
    assert sums(ledger.raw(), WEB, 5) == (21, 50, 0, 0)


def test_an_exclusion_that_is_taken_back_leaves_no_trace() -> None:
    ledger, bare = small(), small()
    for one in (ledger, bare):
        one.put(block(START, WEB, *[observed(3, 10)] * 10))
    ledger.exclude(Exclusions((window(2, 5),)))
    ledger.exclude(Exclusions())
    assert [sums(ledger, WEB, one) for one in WINDOWS] == [sums(bare, WEB, one) for one in WINDOWS]


def test_cells_that_were_imported_as_excluded_stay_so_beneath_an_exclusion() -> None:
    ledger = small()
    ledger.put(block(START, WEB, Cell(0, 0, State.EXCLUDED), observed(1, 10)))
    ledger.exclude(Exclusions((window(0, 1),)))
    assert sums(ledger, WEB, 5) == sums(ledger.raw(), WEB, 5) == (1, 10, 3, 1)


windows = st.builds(
    window, st.integers(-50, 120), st.integers(1, 70), st.sampled_from(["web-app", "payment", "*"]),
    st.integers(0, 10**9).map(str),
)  # fmt: skip


@settings(max_examples=80)
@given(
    steps=st.lists(
        st.one_of(
            st.lists(windows, max_size=3).map(lambda each: Exclusions(tuple(each))),
            st.tuples(
                st.integers(0, 90), st.sampled_from(SLIS), st.lists(known_cells, min_size=1, max_size=9)
            ),
        ),
        max_size=8,
    )
)
def test_whenever_exclusions_come_the_sums_are_those_of_the_minutes_they_leave(
    steps: list[Exclusions | tuple[int, Sli, list[Cell]]],
) -> None:
    ledger, excluded = Ledger(ring=RING, windows=WINDOWS, capacity=1), Exclusions()
    cells: dict[tuple[int, Sli], Cell] = {}
    for step in steps:
        if isinstance(step, Exclusions):
            excluded = step
            ledger.exclude(excluded)
            continue
        first, sli, told = step
        refused = ledger.put(block(START + first, sli, *told)).refused
        taken = {(START + first + n, sli): cell for n, cell in enumerate(told)}
        cells |= {key: cell for key, cell in taken.items() if key[0] not in refused}
    assert ledger.self_check() == ()
    newest = START if ledger.newest is None else ledger.newest
    for sli in ledger.slis:
        mask = excluded.mask(sli.placement, newest - RING + 1, newest + 1)
        laid = {
            (minute, sli): Cell(0, 0, State.EXCLUDED)
            for minute, out in enumerate(mask.tolist(), newest - RING + 1)
            if out
        }
        for one in WINDOWS:
            assert sums(ledger, sli, one) == brute(cells | laid, newest, sli, one)
            assert sums(ledger.raw(), sli, one) == brute(cells, newest, sli, one)


def test_what_a_store_kept_is_loaded_as_if_it_had_been_put() -> None:
    chance = np.random.default_rng(3)
    state = chance.integers(0, 4, (RING, len(SLIS))).astype(np.uint8)
    total = np.where(state == State.OBSERVED, chance.integers(1, 9, state.shape), 0)
    whole = Block(SLIS, START, total // 2, total, state)
    pieces = [
        Block(SLIS, START + at, total[at : at + 7] // 2, total[at : at + 7], state[at : at + 7])
        for at in range(0, RING, 7)
    ]
    loaded, put = Ledger(ring=RING, windows=WINDOWS, capacity=1), small()
    loaded.load(SLIS, pieces)
    put.put(whole)
    assert (loaded.slis, loaded.newest, loaded.self_check()) == (put.slis, put.newest, ())
    assert loaded.lags(np.arange(2)).tolist() == put.lags(np.arange(2)).tolist()
    for sli in SLIS:
        assert [sums(loaded, sli, window) for window in WINDOWS] == [
            sums(put, sli, window) for window in WINDOWS
        ]


def test_nothing_that_was_kept_is_an_empty_ledger_of_known_slis() -> None:
    ledger = Ledger(ring=RING, windows=WINDOWS, capacity=1)
    ledger.load(SLIS, [])
    assert (ledger.slis, ledger.newest) == (SLIS, None)
    assert sums(ledger, PAY, 12) == (0, 0, 12, 0)
