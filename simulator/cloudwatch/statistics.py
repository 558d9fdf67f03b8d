"""The statistics of GetMetricData, computed from sample sets over buckets of several minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from simulator.refusal import Refusal

if TYPE_CHECKING:
    from simulator.cloudwatch.measures import Array, Parts

_TRIMMED = re.compile(r"TC\((?P<low>[0-9.eE+-]*):(?P<high>[0-9.eE+-]*)\)")


class Kind(StrEnum):
    """The statistics that are simulated."""

    SUM = "Sum"
    AVERAGE = "Average"
    MINIMUM = "Minimum"
    MAXIMUM = "Maximum"
    SAMPLE_COUNT = "SampleCount"
    TRIMMED_COUNT = "TC"


@dataclass(frozen=True, slots=True)
class Stat:
    """One statistic; a trimmed count takes the samples above `low` and at most `high`."""

    kind: Kind
    low: float = -np.inf
    high: float = np.inf


@lru_cache(maxsize=1024)
def parse(text: str) -> Stat:
    """Read `Sum`, `Average`, `Minimum`, `Maximum`, `SampleCount` or `TC(low:high)`.  Raises Refusal."""
    trimmed = _TRIMMED.fullmatch(text)
    if trimmed and (trimmed["low"] or trimmed["high"]):
        try:
            low, high = float(trimmed["low"] or "-inf"), float(trimmed["high"] or "inf")
        except ValueError:
            low, high = 0.0, 0.0
        if low < high:
            return Stat(Kind.TRIMMED_COUNT, low, high)
    try:
        return Stat(Kind(text))
    except ValueError:
        known = "Sum, Average, Minimum, Maximum, SampleCount and TC(low:high) with absolute bounds"
        message = f"The value {text} for parameter Stat is not simulated yet: {known} are."
        raise Refusal("ValidationError", message) from None


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
        case Kind.TRIMMED_COUNT:
            upto = parts.within(stat.high) if np.isfinite(stat.high) else parts.count()
            below = parts.within(stat.low) if stat.low > 0 else 0.0
            return _fold(upto - below, size, np.add)


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
