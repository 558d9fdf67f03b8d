"""What a minute costs the promise: counting it, checking it, asking what burns, and bringing history in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter

import numpy as np

from bench.figure import Figure
from slo.burn import firing
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.exchange import read, write
from slo.ledger import Ledger
from slo.objectives import Objective, Rolling

PLACEMENTS = 1_050
REGIONS = 5
DAYS = 4
REWRITTEN = 10
CHANGED_SHARE = 0.01
RUNS = 50
NOW = datetime(2026, 10, 20, tzinfo=UTC)
NEWEST = minute_of(NOW) - 1

SLIS = tuple(
    Sli(Placement("111122223333", f"region-{number % REGIONS}", "prod", f"service-{number // REGIONS}"), one)
    for number in range(PLACEMENTS)
    for one in Indicator
)
SCALE = np.array([sli.indicator.scale for sli in SLIS])
OBJECTIVES = tuple(
    Objective(
        name=f"{service}-{indicator}",
        display_name=service,
        service=service,
        indicator=indicator,
        target=Decimal(target),
        window=Rolling(timedelta(days=30)),
        threshold_s=Decimal(1) if indicator is Indicator.LATENCY else None,
    )
    for service in (f"service-{number}" for number in range(21))
    for indicator, target in ((Indicator.AVAILABILITY, "0.9999"), (Indicator.LATENCY, "0.99"))
)


def figures() -> Iterator[Figure]:
    """Measure the large size: 2,100 SLIs, four quiet days of history."""
    chance, ledger = np.random.default_rng(1), Ledger(capacity=len(SLIS))
    for hour in range(DAYS * 24, 0, -1):
        ledger.put(_block(chance, NEWEST - 60 * hour + 1, 60))
    quiet = _ms(lambda: firing(OBJECTIVES, ledger, NOW))
    blocks = iter(list(_minutes(chance)))
    for name, value, goal, how in (
        ("slo.burn_ms", quiet, 1.0, f"firing(): {len(OBJECTIVES)} objectives, 2,100 SLIs, nothing fires"),
        (
            "slo.put_ms",
            _ms(lambda: ledger.put(next(blocks))),
            10.0,
            "put(): a new minute and 10 read again, 1 % of them changed",
        ),
        (
            "slo.self_check_ms",
            _ms(ledger.self_check, runs=5),
            250.0,
            "self_check(): every window summed again",
        ),
    ):
        yield Figure(name=name, value=value, unit="ms", goal=goal, better="lower", how=f"median of {how}")
    yield _reading(chance)


def _minutes(chance: np.random.Generator) -> Iterator[Block]:
    """Yield what each minute brings: itself, and those before it read again, of which few have changed."""
    whole = _block(chance, NEWEST + 1, RUNS + REWRITTEN)
    for at in range(RUNS):
        rows = slice(at, at + REWRITTEN + 1)
        whole.total[rows] += (chance.random(whole.total[rows].shape) < CHANGED_SHARE) * SCALE
        yield Block(SLIS, whole.start + at, whole.bad[rows], whole.total[rows].copy(), whole.state[rows])


def _reading(chance: np.random.Generator) -> Figure:
    lines = list(write([_block(chance, NEWEST - 240, 240)]))
    seconds = _ms(lambda: read(lines, now=NOW), runs=3) / 1000
    return Figure(
        name="slo.csv_rows_per_s",
        value=(len(lines) - 1) / seconds,
        unit="rows/s",
        goal=300_000,
        better="higher",
        how=f"exchange.read() of {len(lines) - 1:,} rows, median of 3",
    )


def _block(chance: np.random.Generator, start: int, minutes: int) -> Block:
    total = chance.integers(100, 1000, (minutes, len(SLIS))) * SCALE
    bad = chance.binomial(total, np.where(SCALE > 1, 1e-3, 5e-6))
    bad -= bad % SCALE
    return Block(SLIS, start, bad, total, np.full(total.shape, State.OBSERVED, np.uint8))


def _ms(act: Callable[[], object], *, runs: int = RUNS) -> float:
    def once() -> float:
        started = perf_counter()
        act()
        return (perf_counter() - started) * 1000

    return median(once() for _ in range(runs))
