"""Whether so few failures prove anything: a binomial test against the pace that a tier tolerates.

With little traffic one failed request is a high ratio by chance.  A tier has evidence when so many failures
had less than SIGNIFICANCE chance, were the service failing at just the tolerated ratio.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, floor, lgamma, log, log1p, sqrt

SIGNIFICANCE = 0.05

#: Cantelli's inequality: beyond this many standard deviations a tail holds less than SIGNIFICANCE.
_CANTELLI = sqrt(1 / SIGNIFICANCE - 1)

#: Terms of a tail that no longer change it.
_NEGLIGIBLE = 1e-12


def tail(n: int, k: int, ratio: float) -> float:
    """Return P(X >= k) for X ~ Binomial(n, ratio), by log-gamma and the recurrence of its terms."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(ratio) + (n - k) * log1p(-ratio))
    total, odds = 0.0, ratio / (1 - ratio)
    while k <= n and (term > _NEGLIGIBLE * total or k < n * ratio):
        total += term
        term *= (n - k) / (k + 1) * odds
        k += 1
    return min(1.0, total)


@lru_cache(maxsize=4096)
def failures_needed(n: int, ratio: float) -> int:
    """Return the least k with P(X >= k) < SIGNIFICANCE; n + 1 where even n failures prove nothing."""
    if not 0 < ratio < 1:
        return n + 1 if ratio >= 1 else 1
    mean = n * ratio
    low, high = floor(mean) + 1, min(n + 1, floor(mean + _CANTELLI * sqrt(mean * (1 - ratio))) + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if tail(n, middle, ratio) < SIGNIFICANCE else (middle + 1, high)
    return low
