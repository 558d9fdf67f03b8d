"""Workers and their queues: depth and age follow from what arrives and from the tasks that run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cloudwatch.catalogue import Scope, dimensions
from simulator.cloudwatch.reading import Series
from simulator.queues import Queue
from simulator.scenario import Scenario
from simulator.world import World

WORKER = {
    "name": "grader",
    "front": "none",
    "queue": {"name": "grades", "arrivals_per_minute": 600, "handled_per_task_per_minute": 300},
    "maximum": 6,
}
WHERE = {"service": "grader"}


def lived(*faults: dict[str, Any]) -> World:
    estate = {
        "regions": ["eu-west-1"],
        "services": [{"name": "web"}, WORKER],
        "traffic": {"shape": "flat"},
    }
    world = World(
        Scenario.model_validate(
            {"name": "queues", "duration": "40m", "lived_in": "1h", "estate": estate, "faults": list(faults)}
        )
    )
    world.step(world.scenario.end)
    return world


def ages(world: World) -> Any:  # noqa: ANN401 - an array
    return world.truth.age_s[: world.truth.length, 1]


def told(world: World, metric: str, stat: str, minutes: int = 35) -> Any:  # noqa: ANN401 - an array
    place = world.estate.places[1]
    series = Series(*place.site, "AWS/SQS", metric, dimensions(place, Scope.QUEUE), stat)
    start = world.truth.start
    plan = world.cloudwatch.plan([series])
    told = world.cloudwatch.columns(plan, range(start, start + minutes), now=world.now, caller="test")
    return told.values[0]


def test_a_queue_that_is_worked_off_holds_nothing_and_serves_nobody() -> None:
    world = lived()
    assert ages(world).max() == 0
    assert world.truth.total[: world.truth.length, 1].sum() == 0
    assert np.array_equal(
        told(world, "NumberOfMessagesSent", "Sum"), told(world, "NumberOfMessagesDeleted", "Sum")
    )
    assert 500 < told(world, "NumberOfMessagesSent", "Sum").mean() < 700
    assert told(world, "ApproximateNumberOfMessagesVisible", "Maximum").max() == 0


def test_messages_grow_old_while_workers_fail_them_and_are_caught_up_with() -> None:
    world = lived(
        {"kind": "dependency_failure", "at": "5m", "duration": "10m", "error_ratio": 1, "where": WHERE}
    )
    assert ages(world)[4] == 0
    assert ages(world)[14] == pytest.approx(600, abs=2)
    assert ages(world)[-1] == 0
    assert told(world, "NumberOfMessagesDeleted", "Sum")[10] == 0
    assert told(world, "NumberOfMessagesReceived", "Sum")[10] > 0


def test_what_sqs_tells_of_age_is_the_truth() -> None:
    world = lived(
        {"kind": "dependency_failure", "at": "5m", "duration": "10m", "error_ratio": 1, "where": WHERE}
    )
    assert np.array_equal(told(world, "ApproximateAgeOfOldestMessage", "Maximum"), ages(world)[:35])


def test_no_message_is_lost() -> None:
    world = lived(
        {"kind": "dependency_failure", "at": "5m", "duration": "10m", "error_ratio": 1, "where": WHERE}
    )
    sent, deleted = (told(world, f"NumberOfMessages{what}", "Sum") for what in ("Sent", "Deleted"))
    waiting = told(world, "ApproximateNumberOfMessagesVisible", "Maximum")
    assert np.array_equal((sent - deleted).cumsum(), waiting)


def test_busy_workers_are_scaled_out() -> None:
    world = lived({"kind": "traffic_surge", "at": "2m", "duration": "30m", "factor": 2.5, "where": WHERE})
    assert world.service(1).desired > 4


def test_a_worker_has_no_target_group_and_no_alarm() -> None:
    world = lived()
    service = world.service(1)
    assert "alarms" not in service.configuration
    params = {"cluster": "mylearning", "services": ["grader"]}
    answer = world.ecs.call(
        "DescribeServices", params, region="eu-west-1", account=world.estate.home, caller="test"
    )
    assert answer["services"][0]["loadBalancers"] == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30))
def test_the_oldest_message_is_the_first_that_came(minutes: list[tuple[int, int]]) -> None:
    queue, came = Queue(), []
    for minute, (arrive, done) in enumerate(minutes):
        queue.put(minute, arrive)
        came += [60 * (minute + each / arrive) for each in range(arrive)]
        taken = min(done, len(came))
        queue.take(done)
        came = came[taken:]
        at = 60 * (minute + 1)
        assert queue.depth == len(came)
        assert abs(queue.age_s(at) - (at - came[0] if came else 0)) < 1.001
