"""What asking the simulated CloudWatch costs: a full call, with the statistics dearest to compute."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

from bench.figure import Figure
from simulator.cloudwatch.catalogue import ALB, Scope, dimensions
from simulator.cloudwatch.values import listed
from simulator.estate import Place
from simulator.scenario import shipped
from simulator.world import World

STATISTICS = ("p50", "p90", "p95", "p99", "p99.9", "PR(:0.1)", "PR(:0.3)", "PR(:0.5)", "TC(:0.1)", "TC(:0.3)")
QUERIES, MINUTES, RUNS = 500, 60, 20
HERE = "eu-west-1"


def figures() -> Iterator[Figure]:
    """Ask for 500 statistics of response times over an hour, as the whole estate's region has them."""
    world = World(shipped("mylearning"))
    places = [place for place in world.estate.places if place.region == HERE]
    queries = [
        _query(f"q{number}", places[number % len(places)], STATISTICS[number % len(STATISTICS)])
        for number in range(QUERIES)
    ]
    asked = {
        "MetricDataQueries": queries,
        "StartTime": world.now.timestamp() - MINUTES * 60,
        "EndTime": world.now.timestamp(),
    }
    yield Figure(
        name="simulator.get_metric_data_ms",
        value=min(_asked_ms(world, asked) for _ in range(RUNS)),
        unit="ms",
        goal=100.0,
        better="lower",
        how=f"GetMetricData in process: {QUERIES} percentiles, ranks and trimmed counts x {MINUTES} minutes",
    )


def _query(name: str, place: Place, stat: str) -> dict[str, Any]:
    group = listed(dimensions(place, Scope.TARGET_GROUP))
    metric = {"Namespace": ALB, "MetricName": "TargetResponseTime", "Dimensions": group}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}


def _asked_ms(world: World, asked: dict[str, Any]) -> float:
    began = perf_counter()
    world.cloudwatch.call(
        "GetMetricData",
        asked,
        region=HERE,
        account=world.estate.home,
        now=world.now,
        caller="bench",
    )
    return (perf_counter() - began) * 1000
