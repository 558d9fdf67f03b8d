"""What a fault did, by the truth: when it hurt, when that was over, and how much of the promise it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.truth import Truth

#: As long as this a placement keeps its objective before it counts as recovered.
CALM_MINUTES = 3
#: Ratios are cut, never rounded up, after this many places.
PLACES = 10**7


def hurt(truth: Truth, placements: list[int], start: int, end: int, objective: float) -> NDArray[np.bool_]:
    """Return for each minute whether any placement missed its objective by more than one request."""
    rows = truth.rows(start, end)
    bad, total = truth.bad[rows][:, placements], truth.total[rows][:, placements]
    allowed = np.maximum(1.0, total * (1.0 - objective))
    misses: NDArray[np.bool_] = (bad > allowed).any(axis=1)
    return misses


def recovered(truth: Truth, placements: list[int], start: int, end: int, objective: float) -> int | None:
    """Return the minute in which calm began after the harm: `start` without harm, None if it never ended."""
    misses = hurt(truth, placements, start, end, objective)
    if not misses.any():
        return start
    first = int(np.argmax(misses))
    for minute in range(first + 1, len(misses) - CALM_MINUTES + 1):
        if not misses[minute : minute + CALM_MINUTES].any():
            return start + minute
    return None


def outage_minutes(truth: Truth, placement: int, start: int, end: int) -> float:
    """Return how many minutes of complete outage would have failed the same shares of requests."""
    rows = truth.rows(start, end)
    bad, total = truth.bad[rows, placement], truth.total[rows, placement]
    shares = np.divide(bad, total, out=np.zeros(len(bad)), where=total > 0)
    return float(shares.sum())


def availability(truth: Truth, placements: list[int], start: int, end: int) -> float | None:
    """Return the share of requests that did not fail, cut to seven places; None if there were none."""
    bad, total = truth.pooled(start, end, placements)
    return (total - bad) * PLACES // total / PLACES if total else None
