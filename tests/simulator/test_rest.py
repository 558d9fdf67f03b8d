"""Quiet minutes lived through at once: the world is then as if every one of them had been stepped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from simulator.scenario import Scenario
from simulator.world import World

if TYPE_CHECKING:
    from simulator.bus import Delivery
    from simulator.lived import Lived

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
REGION = "eu-west-1"
HOURS = 5
SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]
REGIONS = (REGION, "us-east-1")
ESTATE = {
    "regions": REGIONS,
    "services": [
        {"name": "web", "requests_per_minute": 3000},
        {"name": "search", "requests_per_minute": 1200, "strategy": SPOT},
        {"name": "pricing", "front": "service_connect"},
        {"name": "grader", "front": "none", "queue": {"name": "grades"}},
    ],
}
HERE = {"service": "web", "region": REGION}
FAULTS: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "a deployment that fails some": [
        {
            "kind": "bad_deployment",
            "at": "50m",
            "where": HERE,
            "error_ratio": 0.02,
            "fails": "once_successful",
        }
    ],
    "errors that alarm": [
        {"kind": "dependency_failure", "at": "70m", "duration": "90m", "where": HERE, "error_ratio": 0.3}
    ],
    "a surge": [{"kind": "traffic_surge", "at": "65m", "duration": "80m", "where": HERE, "factor": 3}],
    "a queue that fills": [
        {"kind": "dependency_failure", "at": "65m", "duration": "80m", "where": {"service": "grader"}}
    ],
    "tasks that hang": [{"kind": "stuck_tasks", "at": "65m", "where": HERE, "error_ratio": 0.37}],
    "half a zone": [
        {
            "kind": "zone_outage",
            "at": "65m",
            "duration": "80m",
            "where": {"region": REGION, "zone": f"{REGION}b"},
            "error_ratio": 0.23,
            "balancer_error_ratio": 0.11,
        }
    ],
    "a leak": [{"kind": "out_of_memory", "at": "65m", "duration": "80m", "where": HERE}],
    "Spot taken": [{"kind": "spot_reclaim", "at": "95m", "where": {"service": "search"}}],
    "late and revised metrics": [
        {"kind": "metrics_delay", "at": "61m", "duration": "30m", "where": HERE},
        {"kind": "metrics_revised", "at": "130m", "duration": "30m", "where": HERE, "share": 1.5},
        {"kind": "metrics_outage", "at": "3h", "duration": "30m", "where": HERE},
    ],
}


def lived(
    faults: list[dict[str, Any]], *, rests: bool, shape: str = "flat"
) -> tuple[World, list[Delivery], int]:
    """Return the world after some hours, the events meanwhile, and how many minutes were rested."""
    document = {
        "name": "rest",
        "duration": f"{HOURS}h",
        "lived_in": "30m",
        "estate": {**ESTATE, "traffic": {"shape": shape}},
        "faults": faults,
    }
    world = World(Scenario.model_validate(document))
    events: list[Delivery] = []
    rested = 0
    while world.now < world.scenario.end:
        if rests:
            before = world.now
            world.rest(min(world.scenario.end, before + HOUR))
            rested += (world.now - before) // MINUTE
        events += world.step(min(world.scenario.end, world.now + MINUTE))
    return world, events, rested


@pytest.mark.parametrize("shape", ["flat", "daily"])
@pytest.mark.parametrize("faults", list(FAULTS.values()), ids=list(FAULTS))
def test_a_rested_world_is_the_stepped_one(faults: list[dict[str, Any]], shape: str) -> None:
    stepped, told, _ = lived(faults, rests=False, shape=shape)
    rested, heard, minutes = lived(faults, rests=True, shape=shape)
    assert minutes > (60 if shape == "flat" else 20)
    for name in ("total", "bad", "slow", "answered", "age_s", "known"):
        assert np.array_equal(getattr(stepped.truth, name), getattr(rested.truth, name)), name
    assert [delivery.event for delivery in told] == [delivery.event for delivery in heard]
    assert metrics(stepped) == metrics(rested)
    assert alarms(stepped) == alarms(rested)
    for place in stepped.estate.places:
        one, other = stepped.service(place.index), rested.service(place.index)
        assert (one.desired, [task.id for task in one.tasks]) == (
            other.desired,
            [task.id for task in other.tasks],
        )


def test_whoever_heeds_what_would_be_lets_only_so_many_minutes_pass() -> None:
    world, told = World(Scenario.model_validate({"name": "rest", "duration": "2h", "estate": ESTATE})), []

    def heed(minutes: Lived) -> int:
        told.append(len(minutes))
        return 7

    world.rest(world.now + HOUR, heed)
    assert told == [60]
    assert world.now == world.scenario.start + 7 * MINUTE
    assert world.truth.length == 7


def test_nothing_rests_while_tasks_move_or_an_act_is_due() -> None:
    fault = {"kind": "deployment", "at": "10m", "where": HERE}
    scenario = Scenario.model_validate(
        {"name": "rest", "duration": "2h", "estate": ESTATE, "faults": [fault]}
    )
    world = World(scenario)
    world.rest(world.now + HOUR)
    assert world.now == scenario.start + 9 * MINUTE, "the minute in which it begins is stepped"
    world.step(scenario.start + 11 * MINUTE)
    world.rest(world.now + HOUR)
    assert world.now == scenario.start + 11 * MINUTE


def test_who_is_knocked_at_answers_alike_however_often_anybody_knocked_before() -> None:
    one, other = (
        World(Scenario.model_validate({"name": "door", "duration": "1h", "estate": ESTATE})) for _ in "ab"
    )
    for _ in range(5):
        one.knock(0)
    for world in (one, other):
        world.step(world.scenario.start + 3 * MINUTE)
    assert [one.knock(0) for _ in range(3)] == [other.knock(0) for _ in range(3)]


def metrics(world: World) -> list[object]:
    """Return what CloudWatch tells of the last three hours."""
    told = []
    for region in REGIONS:
        listed = world.cloudwatch.call(
            "ListMetrics", {}, region=region, account="123456789012", now=world.now, caller="test"
        )["Metrics"]
        stat = {"Period": 60, "Stat": "Average"}
        queries = [
            {"Id": f"m{n}", "MetricStat": {"Metric": metric, **stat}} for n, metric in enumerate(listed[:400])
        ]
        request = {
            "MetricDataQueries": queries,
            "StartTime": world.now - 3 * HOUR,
            "EndTime": world.now,
        }
        told.append(
            world.cloudwatch.call(
                "GetMetricData", request, region=region, account="123456789012", now=world.now, caller="test"
            )["MetricDataResults"]
        )
    return told


def alarms(world: World) -> list[object]:
    """Return what every alarm says, since when and why."""
    return [
        world.cloudwatch.call(
            "DescribeAlarms", {}, region=region, account="123456789012", now=world.now, caller="test"
        )
        for region in REGIONS
    ]
