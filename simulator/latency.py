"""How response times spread: lognormal, by median and sigma, in seconds."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_erfc = np.frompyfunc(math.erfc, 1, 1)
_deviation = np.frompyfunc(NormalDist().inv_cdf, 1, 1)
#: Shares nearer to 0 or 1 than this have no finite deviation.
_TINY, _EPSILON = np.finfo(np.float64).tiny, np.finfo(np.float64).epsneg


def slower(
    limit_s: NDArray[np.float64] | float, median_s: NDArray[np.float64], sigma: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of responses that take longer than the limit (0 to infinity)."""
    with np.errstate(divide="ignore"):  # nothing is faster than 0 s: its logarithm is minus infinity
        distance = (np.log(limit_s) - np.log(median_s)) / (sigma * math.sqrt(2.0))
    return 0.5 * np.asarray(_erfc(distance), dtype=np.float64)


def exceeded(
    share: NDArray[np.float64], median_s: NDArray[np.float64], sigma: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the time that this share of responses exceeds: what `slower` answers, the other way round."""
    with np.errstate(invalid="ignore"):  # of no answers there is no share
        deviation = np.asarray(_deviation(np.clip(share, _TINY, 1.0 - _EPSILON)), dtype=np.float64)
    limit_s: NDArray[np.float64] = median_s * np.exp(-sigma * deviation)
    return limit_s


def mean(median_s: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean response time."""
    average: NDArray[np.float64] = median_s * np.exp(sigma * sigma / 2.0)
    return average
