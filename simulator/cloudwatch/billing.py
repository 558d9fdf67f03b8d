"""What AWS would have billed: counts, by caller; prices are the reader's business."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulator.cloudwatch.reading import Series

#: Statistics of one metric in one call that are billed as one, by AWS's kinder text.
STATISTICS_PER_METRIC = 5


class Bill:
    """What was asked for so far.

    `metrics_requested` bills every statistic, and every page again; `metrics_grouped` up to five statistics
    of a metric in a call as one. AWS's texts allow both. What it bills of metric math is unverified: here
    nothing but the metrics.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def request(self, caller: str, operation: str) -> None:
        """Count a call."""
        self._counts.setdefault(caller, Counter())[f"{operation}_requests"] += 1

    def metrics(self, caller: str, series: Sequence[Series], *, first_page: bool = True) -> None:
        """Count what a GetMetricData call asks for."""
        counts = self._counts.setdefault(caller, Counter())
        counts["metrics_requested"] += len(series)
        if first_page:
            counts["metrics_grouped"] += grouped(series)

    def told(self, caller: str | None) -> dict[str, int]:
        """Return the counts of a caller, or of all of them."""
        counts = self._counts.values() if caller is None else [self._counts.get(caller, Counter())]
        return {"metrics_requested": 0, "metrics_grouped": 0} | dict(sum(counts, Counter[str]()))


def grouped(series: Iterable[Series]) -> int:
    """Return the metrics that a call bills when up to five statistics of one metric count once."""
    statistics: dict[object, set[str]] = {}
    for one in series:
        statistics.setdefault(one.identity, set()).add(one.stat)
    return sum(-(-len(names) // STATISTICS_PER_METRIC) for names in statistics.values())
