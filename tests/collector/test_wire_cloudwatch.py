"""GetMetricData over a real connection: pages, statuses, refusals, silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from collector.source import Batch, Gap, GapReason, Query, Readings
from collector.wire.cloudwatch import PAGES_MAX, read
from collector.wire.session import Access, Sessions
from slo.cells import minute_of

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE = minute_of(NOON)
SECOND = NOON.timestamp()

Reply = tuple[int, dict[str, Any]]
Script = Callable[[dict[str, Any], int], Reply]


def batch(rows: int = 2) -> Batch:
    queries = tuple(Query("AWS/X", f"M{i}", (("TargetGroup", "tg"),), "Sum") for i in range(rows))
    return Batch("123456789012", "eu-west-1", queries)


def series(row: int, points: dict[float, float], status: str = "Complete", **more: object) -> dict[str, Any]:
    return {"Id": f"q{row}", "Label": "x", "Timestamps": list(points), "Values": list(points.values()),
            "StatusCode": status, **more}  # fmt: skip


@contextmanager
def cloudwatch(script: Script) -> Iterator[tuple[Sessions, list[dict[str, Any]]]]:
    """Answer each request by a script of (request, how many came before); yield what was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(request | {"target": self.headers["X-Amz-Target"]})
            status, body = script(request, len(asked) - 1)
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    sessions = Sessions(
        Access(
            endpoint_url=f"http://127.0.0.1:{server.server_port}", access_key_id="a", secret_access_key="b"
        )
    )
    try:
        yield sessions, asked
    finally:
        sessions.close()
        server.shutdown()
        server.server_close()


def reading(script: Script, rows: int = 2, minutes: int = 3) -> tuple[Readings, list[dict[str, Any]]]:
    with cloudwatch(script) as (sessions, asked):
        client = sessions.cloudwatch("123456789012", "eu-west-1")
        return read(client, batch(rows), MINUTE, MINUTE + minutes), asked


def test_points_stand_in_their_minutes_and_absent_ones_are_nan() -> None:
    points = {SECOND: 5, SECOND + 120.0: 7.5, SECOND + 600: 1, SECOND - 60: 1}
    found, asked = reading(lambda *_: (200, {"MetricDataResults": [series(0, points), series(1, {})]}))
    np.testing.assert_array_equal(found.values, [[5, np.nan, 7.5], [np.nan] * 3])
    assert found.gaps == {}
    assert asked[0]["target"] == "GraniteServiceVersion20100801.GetMetricData"
    assert (asked[0]["StartTime"], asked[0]["EndTime"]) == (SECOND, SECOND + 180)
    assert asked[0]["MetricDataQueries"][1] == {
        "Id": "q1",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/X",
                "MetricName": "M1",
                "Dimensions": [{"Name": "TargetGroup", "Value": "tg"}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }  # fmt: skip


def test_pages_are_appended_and_the_last_status_counts() -> None:
    def script(request: dict[str, Any], _: int) -> Reply:
        if "NextToken" not in request:
            return 200, {"MetricDataResults": [series(0, {SECOND: 1}, "PartialData"), series(1, {SECOND: 3})],
                         "NextToken": "more"}  # fmt: skip
        return 200, {"MetricDataResults": [series(0, {SECOND + 60: 2})]}

    found, asked = reading(script, minutes=2)
    np.testing.assert_array_equal(found.values, [[1, 2], [3, np.nan]])
    assert found.gaps == {}
    assert [request.get("NextToken") for request in asked] == [None, "more"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("PartialData", GapReason.PARTIAL),
        ("InternalError", GapReason.INTERNAL),
        ("Forbidden", GapReason.DENIED),
        ("NeverHeardOf", GapReason.INTERNAL),
    ],
)
def test_a_series_that_is_not_complete_is_a_gap(status: str, reason: GapReason) -> None:
    told = series(1, {SECOND: 1}, status, Messages=[{"Code": "Why", "Value": "so"}])
    found, _ = reading(lambda *_: (200, {"MetricDataResults": [series(0, {SECOND: 1}), told]}))
    assert found.gaps == {1: Gap(reason, f"cloudwatch:GetMetricData {status} Why: so")}


def test_a_series_that_is_not_mentioned_is_a_gap() -> None:
    found, _ = reading(lambda *_: (200, {"MetricDataResults": [series(1, {SECOND: 1})]}))
    assert {row: gap.reason for row, gap in found.gaps.items()} == {0: GapReason.INTERNAL}


def test_a_page_that_fails_loses_only_what_was_not_complete() -> None:
    def script(_: dict[str, Any], before: int) -> Reply:
        if not before:
            results = [series(0, {SECOND: 1}, "PartialData"), series(1, {SECOND: 3})]
            return 200, {"MetricDataResults": results, "NextToken": "more"}
        return 400, {"__type": "AccessDeniedException", "message": "no"}

    found, _ = reading(script)
    assert {row: gap.reason for row, gap in found.gaps.items()} == {0: GapReason.DENIED}
    assert found.values[1, 0] == 3


@pytest.mark.parametrize(
    ("status", "code", "reason", "sent"),
    [
        (400, "AccessDeniedException", GapReason.DENIED, 1),
        (400, "ExpiredTokenException", GapReason.DENIED, 1),
        (400, "ThrottlingException", GapReason.THROTTLED, 3),
        (400, "ValidationError", GapReason.UNREACHABLE, 1),
        (500, "InternalServiceFault", GapReason.UNREACHABLE, 3),
    ],
)
def test_a_refused_call_is_a_gap_of_every_series(
    status: int, code: str, reason: GapReason, sent: int
) -> None:
    found, asked = reading(lambda *_: (status, {"__type": code, "message": "no"}))
    assert {gap.reason for gap in found.gaps.values()} == {reason}
    assert len(found.gaps) == 2
    assert "cloudwatch:GetMetricData" in found.gaps[0].detail
    assert np.isnan(found.values).all()
    assert len(asked) == sent


def test_a_denial_names_the_permission() -> None:
    found, _ = reading(lambda *_: (400, {"__type": "AccessDeniedException", "message": "not you"}))
    assert found.gaps[0].detail.endswith("not you - the role needs cloudwatch:GetMetricData")


def test_an_answer_that_makes_no_sense_is_a_gap() -> None:
    found, _ = reading(lambda *_: (200, {"MetricDataResults": [series(0, {SECOND: 1})], "NextToken": "x"}))
    assert {gap.reason for gap in found.gaps.values()} == {GapReason.UNREACHABLE}
    assert str(PAGES_MAX) in found.gaps[1].detail


def test_nobody_listening_is_a_gap() -> None:
    with cloudwatch(lambda *_: (200, {})) as (sessions, _):
        client = sessions.cloudwatch("123456789012", "eu-west-1")
    found = read(client, batch(), MINUTE, MINUTE + 1)
    assert {gap.reason for gap in found.gaps.values()} == {GapReason.UNREACHABLE}
