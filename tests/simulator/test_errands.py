"""Scheduled tasks: started in time, told like any task, and what they left is kept as the truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.judge import Message, judge
from simulator.scenario import Scenario, ScheduleSpec
from simulator.world import World

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
REPORTS = {"name": "reports", "family": "nightly-reports", "every": "15m", "lasts": "3m"}
BACKUP = {"name": "backup", "family": "db-backup", "at": "12:40"}


def world_of(*faults: dict[str, Any], schedules: tuple[dict[str, Any], ...] = (REPORTS, BACKUP)) -> World:
    estate = {
        "regions": ["eu-west-1", "us-east-1"],
        "services": [{"name": "web"}],
        "traffic": {"shape": "flat"},
        "schedules": list(schedules),
    }
    return World(
        Scenario.model_validate(
            {"name": "errands", "start": NOON, "duration": "70m", "estate": estate, "faults": list(faults)}
        )
    )


def lived(*faults: dict[str, Any]) -> World:
    world = world_of(*faults)
    world.step(world.scenario.end)
    return world


def runs(world: World, schedule: str, region: str = "eu-west-1") -> list[tuple[int, int | None]]:
    """Return the minutes after noon at which a schedule was due, with the exit codes."""
    return [
        ((run.due - int(NOON.timestamp())) // 60, run.exit_code)
        for run in world.truth.runs
        if (run.schedule, run.region) == (schedule, region)
    ]


def ask(world: World, operation: str, **params: object) -> Any:  # noqa: ANN401 - an answer
    whole = {"cluster": "mylearning", **params}
    return world.ecs.call(operation, whole, region="eu-west-1", account=world.estate.home, caller="test")


def test_schedules_start_their_tasks_in_every_region() -> None:
    world = lived()
    assert runs(world, "reports") == [(0, 0), (15, 0), (30, 0), (45, 0), (60, 0)]
    assert runs(world, "backup") == runs(world, "backup", "us-east-1") == [(40, 0)]
    assert all(run.ended and 240 <= run.ended - run.due + 60 <= 360 for run in world.truth.runs if run.task)


def test_runs_are_the_same_however_the_world_is_stepped() -> None:
    whole, stepped = lived(), world_of()
    while stepped.now < stepped.scenario.end:
        stepped.step(min(stepped.scenario.end, stepped.now + timedelta(seconds=7)))
    told = [[(r.schedule, r.region, r.due, r.task, r.ended) for r in w.truth.runs] for w in (whole, stepped)]
    assert told[0] == told[1]


def test_a_missed_run_leaves_nothing_but_its_time() -> None:
    world = lived(
        {
            "kind": "schedule_missed",
            "schedule": "reports",
            "at": "10m",
            "duration": "25m",
            "where": {"region": "eu-west-1"},
        }
    )
    assert runs(world, "reports") == [(0, 0), (15, None), (30, None), (45, 0), (60, 0)]
    assert [run.task is None for run in world.truth.runs if run.exit_code is None] == [True, True]
    assert runs(world, "reports", "us-east-1") == [(0, 0), (15, 0), (30, 0), (45, 0), (60, 0)]


def test_a_failing_run_exits_with_1_and_ecs_says_so() -> None:
    trouble = {"kind": "schedule_failing", "schedule": "reports", "at": "10m", "duration": "15m"}
    world = world_of(trouble)
    told = world.step(NOON + timedelta(minutes=25))
    assert runs(world, "reports") == [(0, 0), (15, 1)]
    stopped = ask(world, "ListTasks", family="nightly-reports", desiredStatus="STOPPED")["taskArns"]
    tasks = ask(world, "DescribeTasks", tasks=stopped)["tasks"]
    assert [task["containers"][0]["exitCode"] for task in tasks] == [0, 1]
    assert {task["stopCode"] for task in tasks} == {"EssentialContainerExited"}
    last = [each.event["detail"] for each in told if each.event["detail"]["taskArn"] == stopped[1]][-1]
    assert (last["lastStatus"], last["containers"][0]["exitCode"]) == ("STOPPED", 1)


def test_a_scheduled_task_names_its_rule_and_its_family() -> None:
    world = world_of()
    told = world.step(NOON + timedelta(minutes=2))
    (arn,) = ask(world, "ListTasks", family="nightly-reports")["taskArns"]
    (task,) = ask(world, "DescribeTasks", tasks=[arn])["tasks"]
    assert (task["startedBy"], task["group"]) == ("events-rule/reports", "family:nightly-reports")
    assert (task["lastStatus"], task["desiredStatus"]) == ("RUNNING", "RUNNING")
    assert ask(world, "ListTasks", startedBy="events-rule/reports")["taskArns"] == [arn]
    assert arn not in ask(world, "ListTasks", serviceName="web")["taskArns"]
    statuses = [each.event["detail"]["lastStatus"] for each in told if each.region == "eu-west-1"]
    assert statuses == ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]
    definition = ask(world, "DescribeTaskDefinition", taskDefinition="nightly-reports")["taskDefinition"]
    assert definition["taskDefinitionArn"] == task["taskDefinitionArn"]


def test_a_stopped_task_is_told_for_an_hour() -> None:
    world = world_of(schedules=(BACKUP | {"at": "12:00"},))
    for minutes, known in ((30, 1), (59, 1), (69, 0)):
        world.step(NOON + timedelta(minutes=minutes))
        assert len(ask(world, "ListTasks", family="db-backup", desiredStatus="STOPPED")["taskArns"]) == known


def test_people_must_hear_of_a_schedule_by_its_name() -> None:
    world = lived(
        {
            "kind": "schedule_missed",
            "schedule": "backup",
            "at": "30m",
            "duration": "20m",
            "expect": "escalate",
        }
    )
    unheard = judge(world)
    assert (unheard["faults"][0]["right"], unheard["alerts"]["lost"]) == (False, 1)
    heard = judge(world, messages=[Message(NOON + timedelta(minutes=45), "backup did not run")])
    assert (heard["faults"][0]["right"], heard["alerts"]["delivered"]) == (True, 1)
    assert heard["faults"][0]["detected_after_s"] == 900


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        ({"every": "1h"}, 1, 3_600),
        ({"every": "1h"}, 3_600, 3_600),
        ({"at": "02:30"}, 0, 9_000),
        ({"at": "02:30"}, 9_001, 95_400),
    ],
)
def test_a_schedule_knows_when_it_is_due_next(schedule: dict[str, str], after: int, due: int) -> None:
    spec = ScheduleSpec.model_validate({"name": "s", "family": "f", **schedule})
    assert spec.next(after) == due


@pytest.mark.parametrize(
    ("schedule", "complaint"),
    [
        ({}, "either every or at"),
        ({"every": "1h", "at": "02:30"}, "either every or at"),
        ({"every": "90s"}, "whole minutes"),
        ({"at": "24:00"}, "should match pattern"),
        ({"at": "02:30", "family": "web"}, "web is a service"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(schedule: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        world_of(schedules=({"name": "s", "family": "f", **schedule},))


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"schedule": "lunch"}, "the estate has no 'lunch'"),
        ({"schedule": "backup", "where": {"service": "web"}}, "befalls a schedule"),
    ],
)
def test_a_schedule_fault_befalls_a_schedule_that_is_there(fault: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        world_of({"kind": "schedule_missed", "at": "1m", "duration": "5m", **fault})
