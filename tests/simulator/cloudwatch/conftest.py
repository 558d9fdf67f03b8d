# ruff: noqa: ANN401 - keywords stand for as many shapes as AWS has parameters
"""A small estate whose minutes are written by hand, so that every number can be computed in the head."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simulator import estate
from simulator.cloudwatch.catalogue import ALB, Dimensions, Scope, dimensions
from simulator.cloudwatch.evaluation import Transition
from simulator.cloudwatch.reading import Series
from simulator.cloudwatch.service import CloudWatch
from simulator.cloudwatch.store import PUNCTUAL, Arrival, Tasks, Telling
from simulator.cloudwatch.values import listed
from simulator.queues import Backlog
from simulator.scenario import EstateSpec
from simulator.serving import Outcome

NOON = 29_732_400  # 2026-07-13 12:00 UTC in minutes
ACCOUNT = "123456789012"
REGION = "eu-west-1"


def quiet(minutes: int, placements: int = 2, **counts: int) -> Outcome:
    """Minutes in which all placements answer 1,000 requests each, but for the counts that are given."""
    none, full = np.zeros((minutes, placements), dtype=np.int64), np.ones((minutes, placements))
    outcome = Outcome(
        requests=none + 1_000,
        target_2xx=none + 1_000,
        target_3xx=none,
        target_4xx=none,
        target_5xx=none,
        elb_4xx=none,
        elb_502=none,
        elb_503=none,
        elb_504=none,
        unconnected=none,
        slow=none,
        slow_s=full * 0.3,
        median_s=full * 0.1,
        sigma=full * 0.5,
        cpu_average=full * 40.0,
        cpu_maximum=full * 50.0,
        memory_average=full * 60.0,
    )
    changed: dict[str, Any] = {name: none + count for name, count in counts.items()}
    return replace(outcome, **changed)


class Bench:
    """Two services in one region, seen through CloudWatch; `now` is in minutes after noon."""

    def __init__(self, *services: Mapping[str, Any], insights: str = "enabled", **telling: Any) -> None:
        there = services or ({"name": "web"}, {"name": "search"})
        spec = EstateSpec.model_validate({"regions": [REGION], "services": there, "insights": insights})
        self.places = estate.build(spec).places
        self.cloudwatch = CloudWatch(self.places, Telling(**telling))

    def record(
        self, minute: int, minutes: int = 1, *, tasks: float = 4.0, arrival: Arrival = PUNCTUAL, **counts: int
    ) -> None:
        """Write minutes from `minute` after noon on."""
        placements = len(self.places)
        steady = Tasks.steady(np.full((minutes, placements), tasks))
        outcome = quiet(minutes, placements, **counts)
        backlog = Backlog.steady(outcome.requests)
        self.cloudwatch.record(NOON + minute, outcome, steady, arrival, backlog)

    def call(self, operation: str, params: Mapping[str, Any], now: float = 60.0) -> dict[str, Any]:
        return self.cloudwatch.call(
            operation,
            params,
            region=REGION,
            account=ACCOUNT,
            now=(NOON + now) * 60,
            caller="tester",
        )

    def query(self, name: str, stat: str, scope: Scope = Scope.TARGET_GROUP, **more: Any) -> dict[str, Any]:
        """Return one entry of MetricDataQueries, about the first service."""
        namespace = more.pop("namespace", ALB)
        dims = more.pop("dimensions", listed(dimensions(self.places[0], scope)))
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dims}
        asked = {"Metric": metric, "Period": more.pop("period", 60), "Stat": stat}
        if "unit" in more:
            asked["Unit"] = more.pop("unit")
        return {"Id": more.pop("id", "q"), "MetricStat": asked, **more}

    def ask(
        self, *queries: dict[str, Any], start: float = 0, end: float = 10, now: float = 60, **more: Any
    ) -> dict[str, Any]:
        """Call GetMetricData, oldest first, for minutes after noon."""
        params = {
            "MetricDataQueries": list(queries),
            "StartTime": (NOON + start) * 60,
            "EndTime": (NOON + end) * 60,
            "ScanBy": "TimestampAscending",
            **more,
        }
        return self.call("GetMetricData", params, now)

    def points(
        self, name: str, stat: str, scope: Scope = Scope.TARGET_GROUP, **more: Any
    ) -> dict[float, float]:
        """Return the points of one metric by minutes after noon."""
        told = {key: more.pop(key) for key in ("start", "end", "now") if key in more}
        result = self.ask(self.query(name, stat, scope, **more), **told)["MetricDataResults"][0]
        stamps = [at.timestamp() / 60 - NOON for at in result["Timestamps"]]
        return dict(zip(stamps, result["Values"], strict=True))

    def alarm(self, name: str = "errors", **more: Any) -> None:
        """Watch server errors of the first service: more than 5 a minute, 2 of 3 minutes."""
        params = {
            "AlarmName": name,
            "Namespace": ALB,
            "MetricName": "HTTPCode_Target_5XX_Count",
            "Dimensions": listed(dimensions(self.places[0], Scope.TARGET_GROUP)),
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            **more,
        }
        self.call("PutMetricAlarm", params, now=0)

    def evaluate(self, now: float) -> list[Transition]:
        return self.cloudwatch.evaluate((NOON + now) * 60)

    def series(self, metric: str, stat: str, dims: Dimensions | None = None) -> Series:
        where = dims if dims is not None else dimensions(self.places[0], Scope.TARGET_GROUP)
        return Series(ACCOUNT, REGION, ALB, metric, where, stat)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_bench() -> type[Bench]:
    return Bench
