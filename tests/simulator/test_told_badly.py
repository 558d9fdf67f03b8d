"""Shared load balancers, Service Connect, queues and doors, by zones and while AWS tells badly."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.cloudwatch.catalogue import ALB, ECS, SQS, Dimensions, Scope, dimensions, in_zone
from simulator.cloudwatch.reading import Series
from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

HERE = "eu-west-1"
WEB, SEARCH, PRICING, GRADER = range(4)
SERVICES: list[dict[str, Any]] = [
    {"name": "web", "load_balancer": "public"},
    {"name": "search", "load_balancer": "public"},
    {"name": "pricing", "front": "service_connect"},
    {"name": "grader", "front": "none", "queue": {"name": "grades"}},
]
REVISED = {"kind": "metrics_revised", "at": "0s", "duration": "20m", "share": 0.5, "by": "10m"}
COUNTS = ("RequestCount", "HTTPCode_Target_2XX_Count", "NewConnectionCount", "ActiveConnectionCount")


def lived(minutes: float, *faults: dict[str, Any], **aws: Any) -> World:  # noqa: ANN401 - fields of a document
    estate = {"regions": [HERE], "services": SERVICES, "traffic": {"shape": "flat"}}
    world = World(
        Scenario.model_validate(
            {
                "name": "badly",
                "duration": "40m",
                "lived_in": "0s",
                "estate": estate,
                "faults": list(faults),
                "aws": aws,
            }
        )
    )
    world.step(world.scenario.start + timedelta(minutes=minutes))
    return world


def told(world: World, namespace: str, metric: str, stat: str, dims: Dimensions) -> Any:  # noqa: ANN401 - an array
    """Return a metric's first ten minutes."""
    plan = world.cloudwatch.plan([Series(world.estate.home, HERE, namespace, metric, dims, stat)])
    start = world.truth.start
    answer = world.cloudwatch.columns(plan, range(start, start + 10), now=world.now, caller="reader")
    return answer.values[0]


def about(world: World, place: int, scope: Scope) -> Dimensions:
    return dimensions(world.estate.places[place], scope)


@pytest.mark.parametrize("metric", COUNTS)
def test_the_zones_of_a_shared_load_balancer_add_up_to_all_who_share_it(metric: str) -> None:
    world = lived(15)
    balancer, zones = about(world, WEB, Scope.LOAD_BALANCER), world.estate.places[WEB].zones
    parts = [told(world, ALB, metric, "Sum", in_zone(balancer, zone)) for zone in zones]
    whole = told(world, ALB, metric, "Sum", balancer)
    bound = len(zones) if metric in COUNTS[2:] else 0  # each zone rounds its connections up
    assert (np.abs(sum(parts) - whole) <= bound).all()
    assert all(part.min() > 0 for part in parts)


def test_connections_of_a_shared_load_balancer_come_of_all_requests_together() -> None:
    world = lived(15)
    balancer = about(world, WEB, Scope.LOAD_BALANCER)
    requests = told(world, ALB, "RequestCount", "Sum", balancer)
    assert told(world, ALB, "NewConnectionCount", "Sum", balancer).tolist() == [
        math.ceil(each * 0.05) for each in requests
    ]
    assert (told(world, ALB, "NewConnectionCount", "SampleCount", balancer) == 2).all()


def test_a_shared_load_balancer_is_revised_by_the_share_of_whoever_is() -> None:
    revised = {**REVISED, "where": {"service": "web"}}
    early, late = lived(13, revised), lived(40, revised)
    parts = [told(early, ALB, "RequestCount", "Sum", about(early, p, Scope.TARGET_GROUP)) for p in (0, 1)]
    whole = told(early, ALB, "RequestCount", "Sum", about(early, WEB, Scope.LOAD_BALANCER))
    assert np.array_equal(whole, sum(parts))
    right = told(late, ALB, "RequestCount", "Sum", about(late, WEB, Scope.TARGET_GROUP))
    assert (parts[0][2:] / right[2:]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("lag", ["60s", "4m"])
@pytest.mark.parametrize(
    ("place", "scope", "namespace", "metric"),
    [
        (PRICING, Scope.DISCOVERY, ECS, "RequestCount"),
        (PRICING, Scope.TARGET_DISCOVERY, ECS, "HTTPCode_Target_2XX_Count"),
        (GRADER, Scope.QUEUE, SQS, "NumberOfMessagesSent"),
        (GRADER, Scope.QUEUE, SQS, "NumberOfMessagesDeleted"),
    ],
)
def test_counts_of_service_connect_and_of_queues_are_revised_as_well(
    place: int, scope: Scope, namespace: str, metric: str, lag: str
) -> None:
    early, late = (lived(at, REVISED, metric_lag={namespace: lag}) for at in (10, 39))
    wrong, right = (
        told(world, namespace, metric, "Sum", about(world, place, scope))[:4] for world in (early, late)
    )
    assert wrong / right == pytest.approx(0.5, abs=0.01)
    assert right.min() > 0


def test_what_waits_in_a_queue_is_no_count_and_never_revised() -> None:
    failing = {"kind": "dependency_failure", "at": "0s", "duration": "20m", "where": {"service": "grader"}}
    ages = [
        told(world, SQS, "ApproximateAgeOfOldestMessage", "Maximum", about(world, GRADER, Scope.QUEUE))
        for world in (lived(13, failing), lived(13, failing, REVISED))
    ]
    assert np.array_equal(ages[0], ages[1])


def test_doors_are_open_while_no_api_answers() -> None:
    dark = lived(5, {"kind": "api_outage", "at": "1m", "duration": "20m"})
    with pytest.raises(Refusal, match="ServiceUnavailable"):
        dark.balancing.call(
            "DescribeTargetGroups", {}, region=HERE, account=dark.estate.home, caller="reader"
        )
    assert dark.knock(WEB)[0] == 200


@pytest.mark.parametrize(
    "kind", ["api_outage", "api_errors", "api_throttling", "partial_data", "capacity_shortage"]
)
def test_what_befalls_a_region_spares_no_account(kind: str) -> None:
    fault = {"kind": kind, "at": "1m", "duration": "5m", "where": {"account": "123456789012"}}
    with pytest.raises(ValidationError, match=f"a {kind} befalls a region in all accounts"):
        lived(0, fault)
