"""Knocking at a service: answered as its users are, and leaving no trace."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from simulator.scenario import Scenario
from simulator.world import World

SERVICES = [
    {"name": "web", "latency_ms": 100},
    {"name": "pricing", "front": "service_connect"},
    {"name": "grader", "front": "none", "queue": {"name": "grades"}},
]


def world_at(minutes: int, *faults: dict[str, Any]) -> World:
    estate = {"regions": ["eu-west-1"], "services": SERVICES, "traffic": {"shape": "flat"}}
    world = World(
        Scenario.model_validate(
            {"name": "door", "duration": "30m", "lived_in": "0s", "estate": estate, "faults": list(faults)}
        )
    )
    world.step(world.scenario.start + timedelta(minutes=minutes))
    return world


def knocks(world: World, times: int = 400) -> tuple[Counter[int], float]:
    """Return how often each status came, and the median time."""
    told = [world.knock(0) for _ in range(times)]
    return Counter(status for status, _ in told), float(np.median([seconds for _, seconds in told]))


def test_a_healthy_service_answers_in_its_usual_time() -> None:
    statuses, median_s = knocks(world_at(2))
    assert statuses == {200: 400}
    assert median_s == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("fault", "status"),
    [({"kind": "dependency_failure"}, 500), ({"kind": "alb_errors"}, 502)],
)
def test_failures_come_as_often_as_users_meet_them(fault: dict[str, Any], status: int) -> None:
    where = {"where": {"service": "web"}, "at": "1m", "duration": "10m", "error_ratio": 0.25}
    statuses, _ = knocks(world_at(2, {**fault, **where}))
    assert statuses.keys() == {200, status}
    assert statuses[status] / 400 == pytest.approx(0.25, abs=0.07)


def test_what_no_task_has_room_for_times_out() -> None:
    surge = {
        "kind": "traffic_surge",
        "at": "1m",
        "duration": "10m",
        "factor": 10,
        "ramp": "15s",
        "where": {"service": "web"},
    }
    statuses, _ = knocks(world_at(2, surge))
    assert statuses[504] > 100


def test_slow_answers_are_slow_for_whoever_knocks() -> None:
    slow = {"kind": "latency", "at": "1m", "duration": "10m", "factor": 5, "where": {"service": "web"}}
    assert knocks(world_at(2, slow))[1] == pytest.approx(0.5, rel=0.1)


def test_nobody_answers_when_no_task_is_healthy() -> None:
    world = world_at(2)
    for task in world.service(0).tasks:
        arn = {"cluster": "mylearning", "task": task.id}
        world.ecs.call("StopTask", arn, region="eu-west-1", account=world.estate.home, caller="chaos")
    world.step(world.now + timedelta(seconds=10))
    assert knocks(world)[0] == {503: 400}


def test_a_worker_has_no_door() -> None:
    with pytest.raises(ValueError, match=r"nobody can reach .*/grader"):
        world_at(1).knock(2)


def test_a_seed_answers_the_same_and_truth_does_not_count_it() -> None:
    knocked, alone = world_at(5), world_at(5)
    assert knocks(knocked) == knocks(world_at(5))
    for world in (knocked, alone):
        world.step(world.scenario.end)
    assert np.array_equal(knocked.truth.total, alone.truth.total)
    assert np.array_equal(knocked.truth.bad, alone.truth.bad)
