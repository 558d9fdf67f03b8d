"""What it costs to keep a minute, and to remember a month."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from bench.figure import Figure
from fournines.store.books import Books
from slo.cells import Block, Indicator, Placement, Sli, State, moment_of

LARGE, SMALL = 2100, 210
MINUTES, REWRITTEN = 120, 10
#: Of the minutes that are read again, few have changed.
CHANGED_SHARE = 0.01
START = 29_000_000 // 60 * 60
DAY = 1440


def figures() -> Iterator[Figure]:
    """Time a minute of the large estate, and the start with a month of the small one."""
    with tempfile.TemporaryDirectory() as folder:
        yield Figure(
            name="store.record_2100_ms",
            value=1000 * median(_minutes(Path(folder))),
            unit="ms",
            goal=10,  # 5 ms per 1,050 columns
            better="lower",
            how=f"median of {MINUTES}: a new minute and {REWRITTEN} rewritten ones of {LARGE} SLIs, durably",
        )
    with tempfile.TemporaryDirectory() as folder:
        yield Figure(
            name="store.load_30d_210_s",
            value=_restart(Path(folder)),
            unit="s",
            goal=3,
            better="lower",
            how=f"Books.open until the ledger holds 30 days of {SMALL} SLIs, hours sealed",
        )


def _minutes(folder: Path) -> Iterator[float]:
    chance = np.random.default_rng(1)
    slis, counts = _slis(LARGE), _block(_slis(LARGE), START, MINUTES + REWRITTEN)
    with Books.open(str(folder / "books.db")) as books:
        for minute in range(MINUTES):
            rows = slice(minute, minute + REWRITTEN + 1)
            counts.total[rows] += (chance.random((REWRITTEN + 1, LARGE)) < CHANGED_SHARE) & (
                counts.state[rows] == State.OBSERVED
            )
            block = Block(slis, START + minute, counts.bad[rows], counts.total[rows], counts.state[rows])
            read_at = moment_of(block.minutes.stop)
            started = perf_counter()
            books.record(block, read_at)
            yield perf_counter() - started


def _restart(folder: Path) -> float:
    url = str(folder / "books.db")
    with Books.open(url) as books:
        days = [_block(_slis(SMALL), START + day * DAY, DAY) for day in range(30)]
        books.import_cells(days, "bench", datetime(2026, 1, 1, tzinfo=UTC))
        while books.seal(START + 30 * DAY):
            pass
    started = perf_counter()
    with Books.open(url) as books, books.ledger():
        return perf_counter() - started


def _slis(count: int) -> tuple[Sli, ...]:
    return tuple(
        Sli(Placement("123456789012", "eu-west-1", "main", f"service-{number}"), indicator)
        for number in range(count // len(Indicator))
        for indicator in Indicator
    )


def _block(slis: tuple[Sli, ...], start: int, minutes: int) -> Block:
    chance = np.random.default_rng(start)
    total = chance.integers(0, 3000, (minutes, len(slis)))
    bad = np.minimum(total, chance.binomial(1, 0.02, total.shape))
    state = np.where(total > 0, State.OBSERVED, State.NO_TRAFFIC).astype(np.uint8)
    return Block(slis, start, bad, total, state)
