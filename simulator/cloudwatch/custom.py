"""Custom metrics: what PutMetricData wrote, kept as one sample set per minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from simulator.cloudwatch.catalogue import Dimensions
from simulator.cloudwatch.store import MINUTE_S
from simulator.cloudwatch.values import dimensions_of, seconds
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from simulator.cloudwatch.measures import Array

#: account, region, namespace, metric, dimensions
Key: TypeAlias = tuple[str, str, str, str, Dimensions]

ENTRIES_MAX = 1000
PAST_MAX_S, FUTURE_MAX_S = 14 * 86_400, 2 * 3_600


@dataclass(slots=True)
class SampleSet:
    """The samples of a minute, and when the first of them could be read."""

    told: float
    count: float = 0.0
    total: float = 0.0
    least: float = np.inf
    most: float = -np.inf

    def add(self, count: float, total: float, least: float, most: float) -> None:
        """Join more samples of the same minute."""
        self.count += count
        self.total += total
        self.least = min(self.least, least)
        self.most = max(self.most, most)


class Custom:
    """Every custom series; minutes older than `retention` go when their series is written to."""

    def __init__(self, retention: int) -> None:
        self.retention = retention
        self.series: dict[Key, dict[int, SampleSet]] = {}
        self.units: dict[Key, str] = {}

    def put(self, params: Mapping[str, Any], account: str, region: str, *, now: float, lag_s: float) -> None:
        """Take a PutMetricData call whole, or refuse it whole."""
        namespace, entries = params.get("Namespace", ""), params.get("MetricData", [])
        if not namespace or namespace.startswith("AWS/"):
            raise Refusal(
                "InvalidParameterValue", f"The value {namespace} for parameter Namespace is invalid."
            )
        if len(entries) > ENTRIES_MAX:
            message = f"The collection MetricData must not have a size greater than {ENTRIES_MAX}."
            raise Refusal("ValidationError", message)
        read = [(_key(account, region, namespace, e), _minute(e, now), _samples(e), e) for e in entries]
        for key, minute, samples, entry in read:
            minutes = self.series.setdefault(key, {})
            self.units.setdefault(key, entry.get("Unit", "None"))
            minutes.setdefault(minute, SampleSet(now + lag_s)).add(*samples)
            for old in [m for m in minutes if m < now // MINUTE_S - self.retention]:
                del minutes[old]


@dataclass(frozen=True, slots=True)
class CustomParts:
    """The sample sets of one custom series, as arrays [1, minutes]."""

    sets: Mapping[int, SampleSet]
    minutes: range
    now: float

    def total(self) -> Array:
        """Return the sum of the samples."""
        return self._each(lambda samples: samples.total)

    def count(self) -> Array:
        """Return how many samples there are."""
        return self._each(lambda samples: samples.count)

    def least(self) -> Array:
        """Return the smallest sample."""
        return self._each(lambda samples: samples.least)

    def most(self) -> Array:
        """Return the largest sample."""
        return self._each(lambda samples: samples.most)

    def _each(self, figure: Callable[[SampleSet], float]) -> Array:
        sets = (self.sets.get(minute) for minute in self.minutes)
        return np.array([[figure(s) if s is not None and s.told <= self.now else np.nan for s in sets]])


def _key(account: str, region: str, namespace: str, entry: Mapping[str, Any]) -> Key:
    name = entry.get("MetricName", "")
    if not name:
        raise Refusal("MissingParameter", "The parameter MetricData.member.1.MetricName is required.")
    return (account, region, namespace, name, dimensions_of(entry.get("Dimensions", ())))


def _minute(entry: Mapping[str, Any], now: float) -> int:
    at = seconds(entry.get("Timestamp", now), "Timestamp")
    if not now - PAST_MAX_S <= at <= now + FUTURE_MAX_S:
        message = "The parameter Timestamp must lie within the past two weeks or the next two hours."
        raise Refusal("InvalidParameterValue", message)
    return int(at // MINUTE_S)


def _samples(entry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return count, sum, smallest and largest of an entry's samples."""
    if "StatisticValues" in entry:
        stats = entry["StatisticValues"]
        return (stats["SampleCount"], stats["Sum"], stats["Minimum"], stats["Maximum"])
    values = entry.get("Values") or ([entry["Value"]] if "Value" in entry else [])
    counts = entry.get("Counts") or [1.0] * len(values)
    if not values or len(values) != len(counts):
        message = "Each entry of MetricData needs Value, StatisticValues, or as many Counts as Values."
        raise Refusal("InvalidParameterCombination", message)
    total = sum(value * count for value, count in zip(values, counts, strict=True))
    return (sum(counts), total, min(values), max(values))
