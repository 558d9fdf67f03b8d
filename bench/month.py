"""A month of minutes as the large estate brings them, and the store that keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fournines.store.books import Books
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of, moment_of
from slo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
FIRST, AFTER = minute_of(START), minute_of(END)
MONTH, DAY = "2026-11", 1440
REGIONS, SERVICES = 5, 210
#: As fournines' own upkeep seals.
SEALED_AFTER = timedelta(days=2)
FAILS = {Indicator.AVAILABILITY: 5e-6, Indicator.LATENCY: 1e-3}


def slis(services: int, indicators: Sequence[Indicator]) -> tuple[Sli, ...]:
    """Return every indicator of so many services in five regions."""
    return tuple(
        Sli(Placement("111122223333", f"region-{region}", "prod", f"service-{service}"), indicator)
        for service in range(services)
        for region in range(REGIONS)
        for indicator in indicators
    )


#: The large size: 1,050 placements, two indicators each.
LARGE = slis(SERVICES, (Indicator.AVAILABILITY, Indicator.LATENCY))


def block(columns: tuple[Sli, ...], start: int, minutes: int) -> Block:
    """Return minutes of traffic between 10 and 2,000 requests, more by day; the same for the same start.

    A few requests fail; those that are slow are estimates, in thousandths.
    """
    chance = np.random.default_rng(start)
    scale = np.array([sli.indicator.scale for sli in columns])
    usual = 10 ** np.random.default_rng(1).uniform(1, 3.3, len(columns))
    hours = 1 + 0.8 * np.sin(2 * np.pi * np.arange(start, start + minutes) / DAY)
    total = chance.poisson(usual * hours[:, None])
    bad = chance.binomial(total, [FAILS[sli.indicator] for sli in columns]) * scale
    bad -= (bad > 0) * chance.integers(0, scale, bad.shape)
    state = np.where(total > 0, State.OBSERVED, State.NO_TRAFFIC).astype(np.uint8)
    return Block(columns, start, bad, total * scale, state)


def days(columns: tuple[Sli, ...]) -> Iterator[Block]:
    """Yield the month, day by day."""
    return (block(columns, start, DAY) for start in range(FIRST, AFTER, DAY))


def ledger(columns: tuple[Sli, ...], blocks: Sequence[Block]) -> Ledger:
    """Return a ledger that holds the month."""
    whole = Ledger(capacity=len(columns))
    whole.load(columns, blocks)
    return whole


def keep(url: str, columns: tuple[Sli, ...]) -> None:
    """Write the month into a new store, and seal what fournines would have sealed by its end.

    Writing is not what is measured: every day is like the first, memory follows for an hour only, and hours
    are sealed with a single column first, so that the others go into them at once.
    """
    whole = block(columns, FIRST, DAY)
    first = Block(columns[:1], FIRST, whole.bad[:, :1], whole.total[:, :1], whole.state[:, :1])
    with Books.open(url, partial(Ledger, ring=60, windows=(60,), capacity=len(columns))) as books:
        for day in (first, whole):
            for start in range(FIRST, AFTER, DAY):
                books.record(replace(day, start=start), moment_of(start + DAY))
            while books.seal(minute_of(END - SEALED_AFTER)):
                pass
