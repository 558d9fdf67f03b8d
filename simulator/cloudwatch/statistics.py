"""The statistics of GetMetricData, computed from sample sets over buckets of several minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from simulator.cloudwatch.measures import Latency
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from simulator.cloudwatch.measures import Array, Parts

_BETWEEN = re.compile(r"(?P<kind>TC|PR)\((?P<low>[0-9.eE+-]*):(?P<high>[0-9.eE+-]*)\)")
_PERCENTILE = re.compile(r"p(?P<percent>\d{1,2}(?:\.\d{1,10})?)")
#: A percentile over several minutes is searched for until this share of the samples is in doubt.
SEARCH_PRECISION, SEARCH_STEPS_MAX = 1e-8, 40


class Kind(StrEnum):
    """The statistics that are simulated."""

    SUM = "Sum"
    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    SAMPLE_COUNT = "SampleCount"
    TRIMMED_COUNT = "TC"
    PERCENTILE_RANK = "PR"
    PERCENTILE = "p"


#: Statistics that need single samples, not only their sum, number and extremes.
SAMPLED = frozenset({Kind.TRIMMED_COUNT, Kind.PERCENTILE_RANK, Kind.PERCENTILE})


@dataclass(frozen=True, slots=True)
class Stat:
    """One statistic; TC and PR take the samples above `low` and at most `high`, a percentile is `share`."""

    kind: Kind
    low: float = -np.inf
    high: float = np.inf
    share: float = 0.0

    @property
    def sampled(self) -> bool:
        """Whether it can only be told of metrics whose single samples are kept."""
        return self.kind in SAMPLED


PLAIN = {kind.value: Stat(kind) for kind in Kind if kind not in SAMPLED}


@lru_cache(maxsize=1024)
def parse(text: str) -> Stat:
    """Read `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount`, `pNN.N`, `TC(low:high)` or `PR(low:high)`.

    Raises Refusal.
    """
    stat = _between(text) or _percentile(text) or PLAIN.get(text)
    if stat is None:
        known = (
            "Sum, Average, Minimum, Maximum, SampleCount, pNN, and TC or PR(low:high) with absolute bounds"
        )
        message = f"The value {text} for parameter Stat is not simulated yet: {known} are."
        raise Refusal("ValidationError", message)
    return stat


def _between(text: str) -> Stat | None:
    found = _BETWEEN.fullmatch(text)
    if found is None or not (found["low"] or found["high"]):
        return None
    try:
        low, high = float(found["low"] or "-inf"), float(found["high"] or "inf")
    except ValueError:
        return None
    return Stat(Kind(found["kind"]), low, high) if low < high else None


def _percentile(text: str) -> Stat | None:
    found = _PERCENTILE.fullmatch(text)
    share = float(found["percent"]) / 100.0 if found else 0.0
    return Stat(Kind.PERCENTILE, share=share) if share > 0 else None


def compute(stat: Stat, parts: Parts, size: int) -> Array:
    """Return float64 [rows, buckets] of `size` minutes; NaN where no minute of the bucket has a sample."""
    match stat.kind:
        case Kind.SUM:
            return _fold(parts.total(), size, np.add)
        case Kind.SAMPLE_COUNT:
            return _fold(parts.count(), size, np.add)
        case Kind.AVERAGE:
            average: Array = _fold(parts.total(), size, np.add) / _fold(parts.count(), size, np.add)
            return average
        case Kind.MINIMUM:
            return _fold(parts.least(), size, np.fmin)
        case Kind.MAXIMUM:
            return _fold(parts.most(), size, np.fmax)
        case _:
            assert isinstance(parts, Latency)  # plans refuse them for all others
            return _of_samples(stat, parts, size)


def _of_samples(stat: Stat, parts: Latency, size: int) -> Array:
    if stat.kind is Kind.PERCENTILE:
        return _searched(stat.share, parts, size)
    inside = _fold(_inside(stat, parts), size, np.add)
    if stat.kind is Kind.TRIMMED_COUNT:
        return inside
    share: Array = 100.0 * inside / _fold(parts.count(), size, np.add)
    return share


def _inside(stat: Stat, parts: Latency) -> Array:
    """Return how many samples lie above the lower bound and at most at the upper one."""
    upto = parts.within(stat.high) if np.isfinite(stat.high) else parts.count()
    below = parts.within(stat.low) if stat.low > 0 else 0.0
    inside: Array = upto - below
    return inside


def _searched(share: float, parts: Latency, size: int) -> Array:
    """Return a percentile: that of a bucket lies between those of its minutes [regula falsi, Illinois]."""
    each = parts.quantile(share)
    low, high = _fold(each, size, np.fmin), _fold(each, size, np.fmax)
    if size == 1:
        return low
    count = _fold(parts.count(), size, np.add)

    def off(bound: Array) -> Array:
        return _fold(parts.within(bound.repeat(size, axis=1)), size, np.add) - share * count

    found, below, above, before = low, off(low), off(high), np.zeros_like(low)
    for _ in range(SEARCH_STEPS_MAX):
        apart = above - below
        found = np.where(apart > 0, (low * above - high * below) / np.where(apart > 0, apart, 1.0), low)
        miss = off(found)
        if not (np.abs(miss) > SEARCH_PRECISION * count).any():
            break
        side = np.sign(miss)
        stale = np.where(side == before, 0.5, 1.0)  # an end that stays twice weighs half
        low, below = np.where(side < 0, found, low), np.where(side < 0, miss, below * stale)
        high, above = np.where(side < 0, high, found), np.where(side < 0, above * stale, miss)
        before = side
    return found


def _fold(minutes: Array, size: int, ufunc: np.ufunc) -> Array:
    """Fold [rows, minutes] into buckets; a bucket is absent only where all of its minutes are."""
    if size == 1:
        return minutes
    buckets = minutes.reshape(len(minutes), -1, size)
    if ufunc is not np.add:
        folded: Array = ufunc.reduce(buckets, axis=2)
        return folded
    present = ~np.isnan(buckets)
    return np.where(present.any(axis=2), np.where(present, buckets, 0.0).sum(axis=2), np.nan)
