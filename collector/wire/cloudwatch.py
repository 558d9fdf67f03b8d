"""GetMetricData into a matrix: every page appended, every status read, what failed left as a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from collector.source import Gap, GapReason, Readings, UnreachableError
from collector.wire.failures import FAILURES, gap
from slo.cells import MINUTE_S, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_cloudwatch import CloudWatchClient

    from collector.source import Batch

#: 100,800 points are one page; more pages than this are no answer to a question of ours.
PAGES_MAX = 50

_REASONS = {
    "PartialData": GapReason.PARTIAL,
    "InternalError": GapReason.INTERNAL,
    "Forbidden": GapReason.DENIED,
}
_UNTOLD = Gap(GapReason.INTERNAL, "cloudwatch:GetMetricData did not answer this series")


def read(client: CloudWatchClient, batch: Batch, start: int, end: int) -> Readings:
    """Read the minutes `[start, end)` of a batch.  Never raises for what CloudWatch or the network does."""
    values = np.full((len(batch.queries), end - start), np.nan)
    gaps = dict.fromkeys(range(len(batch.queries)), _UNTOLD)
    try:
        for page in _pages(client, batch, start, end):
            for result in page["MetricDataResults"]:
                row = int(result["Id"][1:])
                _place(values[row], start, result)
                _settle(gaps, row, result)
    except (*FAILURES, UnreachableError) as error:
        lost = gap(error, "cloudwatch")
        gaps = dict.fromkeys(gaps, lost)
    return Readings(batch, start, values, gaps)


def request(batch: Batch, start: int, end: int) -> dict[str, Any]:
    """Return the parameters of GetMetricData for the minutes `[start, end)` of a batch."""
    return {
        "MetricDataQueries": [
            {
                "Id": f"q{row}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": query.namespace,
                        "MetricName": query.metric,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
                    },
                    "Period": batch.period_s,
                    "Stat": query.stat,
                },
            }
            for row, query in enumerate(batch.queries)
        ],
        "StartTime": moment_of(start),
        "EndTime": moment_of(end),
        "ScanBy": "TimestampAscending",
    }


def _pages(client: CloudWatchClient, batch: Batch, start: int, end: int) -> Iterator[Mapping[str, Any]]:
    asked = request(batch, start, end)
    for _ in range(PAGES_MAX):
        page = cast("Mapping[str, Any]", client.get_metric_data(**asked))
        yield page
        if not page.get("NextToken"):
            return
        asked["NextToken"] = page["NextToken"]
    raise UnreachableError(f"cloudwatch:GetMetricData does not end after {PAGES_MAX} pages")


def _place(row: np.ndarray, start: int, result: Mapping[str, Any]) -> None:
    """Write a series' points where they belong; the client tells times as seconds since 1970."""
    minutes = np.array(result["Timestamps"], dtype=np.int64) // MINUTE_S - start
    inside = (minutes >= 0) & (minutes < len(row))
    row[minutes[inside]] = np.array(result["Values"], dtype=np.float64)[inside]


def _settle(gaps: dict[int, Gap], row: int, result: Mapping[str, Any]) -> None:
    """Note the status of a series; that of its last page counts."""
    status = result.get("StatusCode", "Complete")
    if status == "Complete":
        gaps.pop(row, None)
        return
    told = "; ".join(f"{message['Code']}: {message['Value']}" for message in result.get("Messages", ()))
    gaps[row] = Gap(
        _REASONS.get(status, GapReason.INTERNAL), f"cloudwatch:GetMetricData {status} {told}".strip()
    )
