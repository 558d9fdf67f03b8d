from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from simulator.cloudwatch.catalogue import METRICS, Scope, dimensions, scopes
from simulator.cloudwatch.values import listed
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from tests.simulator.cloudwatch.conftest import Bench


def names(bench: Bench, now: float = 60.0, **params: object) -> list[str]:
    return [one["MetricName"] for one in bench.call("ListMetrics", params, now)["Metrics"]]


def test_an_error_series_is_listed_from_its_first_error_on(bench: Bench) -> None:
    bench.record(0, 5)
    assert "HTTPCode_Target_5XX_Count" not in names(bench)
    bench.record(5, 1, target_5xx=1)
    assert "HTTPCode_Target_5XX_Count" not in names(bench, now=6)
    # Two services, with and without target group, whole and in three zones.
    assert names(bench).count("HTTPCode_Target_5XX_Count") == 2 * 2 * (1 + 3)


def test_a_dimension_filter_takes_a_name_or_a_name_and_a_value(bench: Bench) -> None:
    bench.record(0, 5)
    group = bench.places[0].target_group
    every = names(bench, MetricName="RequestCount")
    grouped = names(bench, MetricName="RequestCount", Dimensions=[{"Name": "TargetGroup"}])
    one = names(bench, MetricName="RequestCount", Dimensions=[{"Name": "TargetGroup", "Value": group}])
    assert (len(every), len(grouped), len(one)) == (16, 8, 4)
    assert set(names(bench, Namespace="AWS/ECS")) == {"CPUUtilization", "MemoryUtilization"}


def test_recently_active_leaves_out_what_is_silent_for_hours(bench: Bench) -> None:
    bench.record(0, 5)
    assert names(bench, now=200, RecentlyActive="PT3H") != []
    assert names(bench, now=300, RecentlyActive="PT3H") == []
    assert names(bench, now=300) != []
    with pytest.raises(Refusal, match="PT3H"):
        names(bench, RecentlyActive="PT1H")


def test_lists_come_in_pages_of_500(bench: Bench) -> None:
    entries = [{"MetricName": f"m{i}", "Value": 1.0} for i in range(700)]
    bench.call("PutMetricData", {"Namespace": "Fleet", "MetricData": entries})
    first = bench.call("ListMetrics", {"Namespace": "Fleet"})
    second = bench.call("ListMetrics", {"Namespace": "Fleet", "NextToken": first["NextToken"]})
    assert (len(first["Metrics"]), len(second["Metrics"])) == (500, 200)
    assert "NextToken" not in second


def test_every_metric_of_the_catalogue_can_be_read(make_bench: type[Bench]) -> None:
    worker = {"name": "worker", "front": "none", "queue": {"name": "jobs"}}
    bench = make_bench(
        {"name": "web"}, {"name": "search", "front": "service_connect"}, worker, insights="enhanced"
    )
    places = {scope: place for place in bench.places for scope in scopes(place)}
    errors = {"elb_4xx": 3, "elb_502": 3, "elb_503": 3, "elb_504": 3, "unconnected": 3}
    bench.record(0, 1, target_3xx=3, target_4xx=3, target_5xx=3, **errors)  # type: ignore[arg-type]  # all are counts
    for metric in METRICS:
        for scope in metric.scopes:
            dims = listed(dimensions(places[scope], scope))
            for stat in ("Sum", "Average", "Minimum", "Maximum", "SampleCount"):
                points = bench.points(
                    metric.name, stat, namespace=metric.namespace, dimensions=dims, unit=metric.unit
                )
                assert list(points) == [0], (metric.name, scope, stat)


def test_connections_and_bytes_come_with_requests_and_are_absent_without(bench: Bench) -> None:
    bench.record(0, 1, unconnected=4)
    bench.record(1, 1, requests=0, target_2xx=0)
    balancer = Scope.LOAD_BALANCER
    assert bench.points("NewConnectionCount", "Sum", balancer) == {0: 50}
    assert bench.points("ActiveConnectionCount", "Sum", balancer) == {0: 100}
    assert bench.points("ProcessedBytes", "Sum", balancer) == {0: 8_000_000}
    assert bench.points("TargetConnectionErrorCount", "Sum") == {0: 4}
    assert bench.points("RejectedConnectionCount", "Sum", balancer) == {}


def test_custom_metrics_are_kept_as_sample_sets(bench: Bench) -> None:
    dims = [{"Name": "Region", "Value": "eu-west-1"}]
    entries = [
        {"MetricName": "Queue", "Dimensions": dims, "Values": [1.0, 5.0], "Counts": [2.0, 1.0]},
        {"MetricName": "Queue", "Dimensions": dims, "Value": 3.0, "Unit": "Count"},
        {
            "MetricName": "Queue",
            "Dimensions": dims,
            "StatisticValues": {"SampleCount": 2.0, "Sum": 8.0, "Minimum": 2.0, "Maximum": 6.0},
        },
    ]
    bench.call("PutMetricData", {"Namespace": "Fleet", "MetricData": entries}, now=3)
    ask: dict[str, Any] = {"namespace": "Fleet", "dimensions": dims}
    stats = ("Sum", "SampleCount", "Minimum", "Maximum", "Average")
    told = [bench.points("Queue", stat, **ask) for stat in stats]
    assert told == [{3: 18.0}, {3: 6.0}, {3: 1.0}, {3: 6.0}, {3: 3.0}]
    assert bench.points("Queue", "Sum", period=300, **ask) == {0: 18.0}
    with pytest.raises(Refusal, match="not simulated yet"):
        bench.points("Queue", "TC(:2)", **ask)


@pytest.mark.parametrize(
    "params",
    [
        {"Namespace": "AWS/ECS", "MetricData": [{"MetricName": "m", "Value": 1.0}]},
        {"Namespace": "Fleet", "MetricData": [{"MetricName": "m"}]},
        {"Namespace": "Fleet", "MetricData": [{"Value": 1.0}]},
        {"Namespace": "Fleet", "MetricData": [{"MetricName": "m", "Value": 1.0, "Timestamp": 0.0}]},
        {"Namespace": "Fleet", "MetricData": [{"MetricName": "m", "Value": 1.0}] * 1001},
    ],
    ids=["reserved namespace", "no value", "no name", "too old", "too many"],
)
def test_custom_metrics_that_aws_refuses_are_refused_whole(bench: Bench, params: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        bench.call("PutMetricData", params)
    assert bench.cloudwatch.billed()["custom_metrics"] == 0


def test_the_bill_counts_both_readings(bench: Bench) -> None:
    bench.record(0, 10)
    stats = ["Average", "Sum", "Maximum", "SampleCount", "TC(:0.1)", "TC(:0.3)"]
    queries = [bench.query("TargetResponseTime", stat, id=f"q{i}") for i, stat in enumerate(stats)]
    page = bench.ask(*queries, bench.query("RequestCount", "Sum"), MaxDatapoints=35)
    bench.ask(*queries, bench.query("RequestCount", "Sum"), MaxDatapoints=35, NextToken=page["NextToken"])
    bench.call("ListMetrics", {})
    bench.alarm()
    assert bench.cloudwatch.billed("tester") == {
        "GetMetricData_requests": 2,
        "ListMetrics_requests": 1,
        "PutMetricAlarm_requests": 1,
        "metrics_requested": 14,
        "metrics_grouped": 3,
        "alarms": 1,
        "custom_metrics": 0,
    }
    assert bench.cloudwatch.billed("somebody else")["metrics_requested"] == 0
    assert bench.cloudwatch.billed()["metrics_requested"] == 14


def test_throttling_refuses_its_share_evenly_and_ends(bench: Bench) -> None:
    def answers(calls: int) -> list[str]:
        told = []
        for _ in range(calls):
            try:
                bench.call("ListMetrics", {})
                told.append("ok")
            except Refusal as refusal:
                told.append(refusal.code)
        return told

    bench.cloudwatch.throttle("eu-west-1", 0.5)
    assert answers(4) == ["ok", "Throttling", "ok", "Throttling"]
    bench.cloudwatch.throttle("eu-west-1", 0.0)
    assert answers(2) == ["ok", "ok"]
    assert bench.cloudwatch.billed("tester")["ListMetrics_requests"] == 4


def test_the_ring_forgets_what_is_older_than_it_keeps(bench: Bench) -> None:
    bench.record(0, 400)
    assert list(bench.points("RequestCount", "Sum", end=400, now=500)) == list(range(220, 400))


def test_an_operation_that_is_not_simulated_says_so(bench: Bench) -> None:
    with pytest.raises(Refusal, match="PutDashboard is not simulated yet"):
        bench.call("PutDashboard", {})
