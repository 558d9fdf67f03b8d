"""Repeatable noise: a minute draws the same numbers however time is cut, and whatever they are used for.

The numbers are drawn before anything is decided by them, so that a fault in one place leaves the noise of all
others as it was: two runs of a seed differ only where somebody acted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Below this mean counts are exact (Poisson by inversion); above it the normal approximation is close.
SMALL_MEAN = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Independent numbers for every kind of event, minute and column: float64 [kinds, minutes, columns]."""

    normal: NDArray[np.float64]
    uniform: NDArray[np.float64]


def draws(seed: int, stream: int, minutes: range, kinds: int, columns: int) -> Draws:
    """Draw for the minutes (since 1970); `stream` keeps users of the same seed apart."""
    philox = np.random.Philox(key=[seed % 2**64, stream])
    generator = np.random.Generator(philox)
    normal = np.empty((kinds, len(minutes), columns))
    uniform = np.empty_like(normal)
    state = philox.state
    for row, minute in enumerate(minutes):
        state["state"]["counter"][:] = (0, 0, 0, minute)
        state["buffer_pos"] = 4  # forget what was buffered for the minute before
        philox.state = state
        normal[:, row] = generator.standard_normal((kinds, columns))
        uniform[:, row] = generator.random((kinds, columns))
    return Draws(normal, uniform)


def poisson(
    mean: NDArray[np.float64], normal: NDArray[np.float64], uniform: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return how many of many rare events happened."""
    counts = np.maximum(np.rint(mean + np.sqrt(mean) * normal), 0.0)
    small = mean < SMALL_MEAN
    counts[small] = _inverted(mean[small], uniform[small])
    return counts.astype(np.int64)


def binomial(
    trials: NDArray[np.int64],
    ratio: NDArray[np.float64],
    normal: NDArray[np.float64],
    uniform: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return how many of `trials` met an event of probability `ratio`: exact at 0 and 1, at most all."""
    mean = trials * ratio
    counts = np.rint(mean + np.sqrt(mean * (1.0 - ratio)) * normal)
    few = mean < SMALL_MEAN
    counts[few] = _inverted(mean[few], uniform[few])
    all_but_few = ~few & (trials - mean < SMALL_MEAN)
    spared = _inverted((trials - mean)[all_but_few], uniform[all_but_few])
    counts[all_but_few] = trials[all_but_few] - spared
    return np.clip(counts.astype(np.int64), 0, trials)


def _inverted(mean: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert the Poisson distribution; 64 terms reach beyond what doubles tell from 1 for a small mean."""
    counts = np.zeros_like(mean)
    term = np.exp(-mean)
    reached = term.copy()
    for count in range(1, 64):
        beyond = uniform > reached
        if not beyond.any():
            break
        counts[beyond] = count
        term *= mean / count
        reached += term
    return counts
