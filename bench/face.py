"""What asking the simulated AWS costs over HTTP: a full call of CloudWatch, from request to last byte."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.figure import Figure
from fournines.demo.process import Process
from simulator.cloudwatch.catalogue import ALB, Scope, dimensions
from simulator.cloudwatch.values import listed
from simulator.estate import Place, build
from simulator.scenario import shipped

SCENARIO, HERE = "mylearning", "eu-west-1"
QUERIES, MINUTES, RUNS = 500, 60, 20
ASKED = (
    ("RequestCount", "Sum"),
    ("HTTPCode_Target_2XX_Count", "Sum"),
    ("TargetResponseTime", "p99"),
    ("TargetResponseTime", "TC(:0.3)"),
    ("HealthyHostCount", "Minimum"),
)
HEADERS = {
    "X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData",
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": f"AWS4-HMAC-SHA256 Credential=bench/20261123/{HERE}/monitoring/aws4_request",
}


def figures() -> Iterator[Figure]:
    """Ask for 500 metrics over an hour, of a simulated AWS in a process of its own."""
    with TemporaryDirectory() as folder:
        process = Process(
            "simulated AWS", ("simulate", "--port", "0", "--scenario", SCENARIO), Path(folder) / "log"
        )
        try:
            ready = process.start()
            body = _request(datetime.fromisoformat(ready["start"]))
            best = min(_asked_ms(ready["port"], body) for _ in range(RUNS))
        finally:
            process.stop()
    yield Figure(
        name="simulator.get_metric_data_http_ms",
        value=best,
        unit="ms",
        goal=100.0,
        better="lower",
        how=f"GetMetricData over HTTP, best of {RUNS}: {QUERIES} counts and percentiles x {MINUTES} minutes",
    )


def _request(end: datetime) -> bytes:
    places = [place for place in build(shipped(SCENARIO).estate).places if place.region == HERE]
    queries = [
        _query(f"q{number}", places[number % len(places)], *ASKED[number % len(ASKED)])
        for number in range(QUERIES)
    ]
    start = end - timedelta(minutes=MINUTES)
    asked = {"MetricDataQueries": queries, "StartTime": start.timestamp(), "EndTime": end.timestamp()}
    return json.dumps(asked).encode()


def _query(name: str, place: Place, metric: str, stat: str) -> dict[str, Any]:
    group = listed(dimensions(place, Scope.TARGET_GROUP))
    measured = {"Namespace": ALB, "MetricName": metric, "Dimensions": group}
    return {"Id": name, "MetricStat": {"Metric": measured, "Period": 60, "Stat": stat}}


def _asked_ms(port: int, body: bytes) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    began = perf_counter()
    connection.request("POST", "/", body, HEADERS)
    answer = connection.getresponse()
    told = answer.read()
    took = (perf_counter() - began) * 1000
    connection.close()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"the simulated CloudWatch answered {answer.status}: {told[:200]!r}")
    return took
