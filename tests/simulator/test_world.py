"""The world: the same for every way of stepping it, cheap while quiet, and true to what was set up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from simulator.recording import parse
from simulator.scenario import Scenario, shipped
from simulator.world import World

SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]


def scenario(*faults: dict[str, Any], duration: str = "40m", **parts: object) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "small",
            "duration": duration,
            "estate": {
                "regions": ["eu-west-1", "us-east-1"],
                "traffic": {"shape": "flat"},
                "services": [
                    {"name": "web", "requests_per_minute": 2400},
                    {"name": "search", "requests_per_minute": 2400, "strategy": SPOT},
                ],
            },
            "faults": list(faults),
            **parts,
        }
    )


def lived(*faults: dict[str, Any], **parts: Any) -> World:  # noqa: ANN401 - parts of a document
    world = World(scenario(*faults, **parts))
    world.step(world.scenario.end)
    return world


def bad_minutes(world: World, service: str, region: str) -> list[int]:
    place = world.estate.find(region, service)
    assert place is not None
    return np.flatnonzero(world.truth.bad[: world.truth.length, place.index] > 5).tolist()


@pytest.mark.parametrize("step_s", [1, 7, 300])
def test_a_seed_gives_the_same_world_however_it_is_stepped(step_s: int) -> None:
    small = shipped("spot-shortage").model_copy(update={"duration": timedelta(minutes=20)})
    whole, stepped = World(small), World(small)
    told = whole.step(small.end)
    heard = []
    while stepped.now < small.end:
        heard += stepped.step(min(small.end, stepped.now + timedelta(seconds=step_s)))
    assert heard == told
    assert np.array_equal(stepped.truth.bad[: stepped.truth.length], whole.truth.bad[: whole.truth.length])
    assert np.array_equal(stepped.truth.total[: whole.truth.length], whole.truth.total[: whole.truth.length])


def test_time_does_not_run_backwards() -> None:
    world = World(scenario())
    world.step(world.now + timedelta(minutes=1))
    with pytest.raises(ValueError, match="does not run backwards"):
        world.step(world.now - timedelta(seconds=1))


def test_a_quiet_hour_keeps_the_promise_and_tells_nothing() -> None:
    world = World(scenario(duration="60m"))
    assert world.step(world.scenario.end) == []
    rows = world.truth.rows(world.truth.start, world.truth.end)
    assert world.truth.bad[rows].sum() / world.truth.total[rows].sum() < 1e-4 / 3
    assert world.calls == []


def test_a_bad_deployment_fails_only_once_it_was_successful() -> None:
    world = lived(
        {"kind": "bad_deployment", "at": "5m", "where": {"service": "web", "region": "eu-west-1"}},
        duration="30m",
    )
    ordeal = world.ordeals[0]
    service = world.service(ordeal.placements[0])
    assert [d.status for d in service.deployments][-1] == "SUCCESSFUL"
    finished = service.deployments[-1].finished_at
    assert finished is not None
    assert ordeal.onset == finished + 60
    first = bad_minutes(world, "web", "eu-west-1")[0]
    assert (world.truth.start + first) * 60 >= finished
    assert bad_minutes(world, "web", "us-east-1") == []


def test_a_dependency_fails_wherever_its_service_runs_and_only_there() -> None:
    world = lived({"kind": "dependency_failure", "at": "5m", "duration": "4m", "where": {"service": "web"}})
    assert bad_minutes(world, "web", "eu-west-1") == bad_minutes(world, "web", "us-east-1") == [5, 6, 7, 8]
    assert bad_minutes(world, "search", "eu-west-1") == []


def test_errors_of_the_load_balancer_begin_and_end_with_their_fault() -> None:
    where = {"service": "web", "region": "us-east-1"}
    world = lived({"kind": "alb_errors", "at": "5m", "duration": "3m", "where": where})
    assert bad_minutes(world, "web", "us-east-1") == [5, 6, 7]


def test_latency_makes_slow_and_not_bad() -> None:
    where = {"service": "web", "region": "us-east-1"}
    world = lived({"kind": "latency", "at": "5m", "duration": "3m", "factor": 8, "where": where})
    place = world.estate.find("us-east-1", "web")
    assert place is not None
    slow = world.truth.slow[: world.truth.length, place.index]
    assert np.flatnonzero(slow > 1000).tolist() == [5, 6, 7]
    assert bad_minutes(world, "web", "us-east-1") == []


def test_a_crash_loop_keeps_tasks_dying_until_it_ends() -> None:
    where = {"service": "web", "region": "us-east-1"}
    world = World(
        scenario({"kind": "crash_loop", "at": "5m", "duration": "15m", "where": where}, duration="40m")
    )
    told = world.step(world.scenario.end)
    exits = [d.event for d in told if d.event["detail"].get("stopCode") == "EssentialContainerExited"]
    impaired = [d for d in told if d.event["detail"].get("eventName") == "SERVICE_TASK_START_IMPAIRED"]
    assert len(exits) > 10
    assert impaired
    service = world.service(world.ordeals[0].placements[0])
    assert service.serving == service.desired
    assert bad_minutes(world, "web", "us-east-1")[-1] < 24


def test_minutes_that_a_recording_lacks_are_unknown_and_never_told() -> None:
    rows = [f"2014-04-10 00:{minute:02}:00,{5000}" for minute in (0, 5, 15, 20, 25)]
    recording = parse("timestamp,value\n" + "\n".join(rows) + "\n")
    world = World(scenario(duration="25m", lived_in="0s"), recording)
    world.step(world.scenario.end)
    known = world.truth.known[: world.truth.length]
    assert np.flatnonzero(~known).tolist() == [10, 11, 12, 13, 14]
    place = world.estate.places[0]
    dimensions = [{"Name": "LoadBalancer", "Value": place.load_balancer}]
    stat = {
        "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Dimensions": dimensions},
        "Period": 60,
        "Stat": "Sum",
    }
    told = world.cloudwatch.call(
        "GetMetricData",
        {
            "MetricDataQueries": [{"Id": "requests", "MetricStat": stat}],
            "StartTime": world.scenario.start,
            "EndTime": world.scenario.start + timedelta(minutes=20),
            "ScanBy": "TimestampAscending",
        },
        region=place.region,
        account=place.account,
        now=world.now,
        caller="test",
    )
    assert len(told["MetricDataResults"][0]["Values"]) == 15


@pytest.mark.parametrize("kind", ["metrics_outage", "metrics_delay"])
def test_metrics_can_be_lost_or_late(kind: str) -> None:
    where = {"region": "eu-west-1"}
    world = World(
        scenario({"kind": kind, "at": "5m", "duration": "5m", "where": where}, duration="20m", lived_in="0s")
    )
    world.step(world.scenario.start + timedelta(minutes=13 if kind == "metrics_delay" else 20))
    place = world.estate.places[0]
    query = {
        "Id": "tasks",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ECS",
                "MetricName": "CPUUtilization",
                "Dimensions": [
                    {"Name": "ClusterName", "Value": place.cluster},
                    {"Name": "ServiceName", "Value": place.service},
                ],
            },
            "Period": 60,
            "Stat": "Average",
        },
    }
    told = world.cloudwatch.call(
        "GetMetricData",
        {"MetricDataQueries": [query], "StartTime": world.scenario.start, "EndTime": world.now},
        region=place.region,
        account=place.account,
        now=world.now,
        caller="test",
    )
    stamps = {
        int(t.timestamp()) // 60 - world.truth.start for t in told["MetricDataResults"][0]["Timestamps"]
    }
    gap = {5, 6, 7, 8, 9}
    if kind == "metrics_outage":
        assert not stamps & gap
        assert {4, 10} <= stamps
    else:
        assert 8 not in stamps, "eight minutes in, told five minutes late, it is not there yet"
        assert {4, 5, 6} <= stamps


def test_alarms_that_were_calm_tell_nothing_at_the_start() -> None:
    world = World(scenario(duration="5m"))
    assert world.step(world.scenario.end) == []
    state = world.cloudwatch.alarm_state("123456789012", "eu-west-1", world.estate.places[0].alarm)
    assert state == "OK"
