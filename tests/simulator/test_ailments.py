"""What befalls single tasks and whole zones: leaks, tasks that hang, protection, a zone that half works."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

if TYPE_CHECKING:
    from simulator.ecs.task import Task

REGION = "eu-west-1"
ME = {"region": REGION, "account": "123456789012", "caller": "test"}
CLUSTER = {"cluster": "mylearning"}
WEB = {"service": "web", "region": REGION}


def world(*faults: dict[str, Any], **aws: Any) -> World:  # noqa: ANN401 - a document
    services = [
        {"name": name, "requests_per_minute": 2400, "zonal_shift": True} for name in ("web", "search")
    ]
    estate = {"regions": [REGION], "traffic": {"shape": "flat"}, "services": services}
    document = {"name": "small", "duration": "2h", "estate": estate, "faults": faults, "aws": aws}
    return World(Scenario.model_validate(document))


def lived(made: World, minutes: float) -> list[dict[str, Any]]:
    return [delivery.event for delivery in made.step(made.now + timedelta(minutes=minutes))]


def bad(made: World, minute: int, column: int = 0) -> float:
    return float(made.truth.bad[minute, column] / made.truth.total[minute, column])


def tasks(made: World, column: int = 0) -> list[Task]:
    return made.service(column).tasks


def name(task: Task) -> str:
    return f"arn:aws:ecs:{REGION}:123456789012:task/mylearning/{task.id}"


def read(made: World, metric: str, zone: str, minutes: int, *, of_group: bool = True) -> list[float]:
    place = made.estate.places[0]
    group = [{"Name": "TargetGroup", "Value": place.target_group}] if of_group else []
    dimensions = [
        {"Name": "AvailabilityZone", "Value": zone},
        {"Name": "LoadBalancer", "Value": place.load_balancer},
        *group,
    ]
    stat = {"Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}}
    query = {"Id": "q", "MetricStat": {**stat, "Period": 60, "Stat": "Sum"}}
    end = made.now - timedelta(minutes=2)
    asked = {"MetricDataQueries": [query], "StartTime": end - timedelta(minutes=minutes), "EndTime": end}
    told = made.cloudwatch.call("GetMetricData", asked, now=made.now, **ME)
    values: list[float] = told["MetricDataResults"][0]["Values"]
    return values


# -- memory


def test_a_leak_fills_memory_until_tasks_are_killed_with_exit_137_and_so_again() -> None:
    made = world({"kind": "out_of_memory", "at": "1m", "duration": "1h", "where": WEB, "fills": "10m"})
    events = lived(made, 30)
    ends = [
        event["detail"]
        for event in events
        if event["detail-type"] == "ECS Task State Change" and event["detail"]["lastStatus"] == "STOPPED"
    ]
    assert len(ends) > len(tasks(made))
    assert {end["stopCode"] for end in ends} == {"EssentialContainerExited"}
    assert {end["containers"][0]["exitCode"] for end in ends} == {137}
    assert {end["containers"][0]["reason"].split(":")[0] for end in ends} == {"OutOfMemoryError"}


def test_memory_is_seen_to_grow_before_anything_is_killed() -> None:
    made = world({"kind": "out_of_memory", "at": "1m", "duration": "1h", "where": WEB, "fills": "20m"})
    lived(made, 12)
    dimensions = [{"Name": "ClusterName", "Value": "mylearning"}, {"Name": "ServiceName", "Value": "web"}]
    stat = {"Metric": {"Namespace": "AWS/ECS", "MetricName": "MemoryUtilization", "Dimensions": dimensions}}
    query = {"Id": "q", "MetricStat": {**stat, "Period": 60, "Stat": "Maximum"}}
    asked = {"MetricDataQueries": [query], "StartTime": made.now - timedelta(minutes=10), "EndTime": made.now}
    told = made.cloudwatch.call(
        "GetMetricData", {**asked, "ScanBy": "TimestampAscending"}, now=made.now, **ME
    )
    values = told["MetricDataResults"][0]["Values"]
    assert values == sorted(values)
    assert values[-1] > values[0] + 20


def test_a_revision_that_leaks_is_deployed_well_and_ends_leaking_with_the_fault() -> None:
    made = world(
        {
            "kind": "out_of_memory",
            "at": "1m",
            "duration": "40m",
            "where": WEB,
            "fills": "8m",
            "revision": "new",
        }
    )
    lived(made, 35)
    deployed = made.service(0).deployments[-1]
    assert deployed.status == "SUCCESSFUL"
    assert deployed.target.task_definition in made.ordeals[0].definitions
    assert any(task.exit_code == 137 for task in made.service(0).stopped)
    lived(made, 20)
    before = sum(task.exit_code == 137 for task in made.service(0).stopped)
    lived(made, 20)
    assert sum(task.exit_code == 137 for task in made.service(0).stopped) <= before


# -- tasks that hang


def test_tasks_that_hang_fail_requests_and_say_so_while_ecs_calls_them_running() -> None:
    made = world({"kind": "stuck_tasks", "at": "2m", "where": WEB, "tasks": 2, "error_ratio": 0.9})
    lived(made, 10)
    count = len(tasks(made))
    assert bad(made, 5) == pytest.approx(2 * 0.9 / count, rel=0.1)
    listed = made.ecs.call("ListTasks", {**CLUSTER, "serviceName": "web"}, **ME)["taskArns"]
    told = made.ecs.call("DescribeTasks", {**CLUSTER, "tasks": listed}, **ME)["tasks"]
    assert [each["lastStatus"] for each in told] == ["RUNNING"] * count
    assert sorted(each["healthStatus"] for each in told) == ["HEALTHY"] * (count - 2) + ["UNHEALTHY"] * 2


def test_one_that_hangs_without_a_health_check_looks_healthy() -> None:
    made = world({"kind": "stuck_tasks", "at": "2m", "where": WEB, "shows": False})
    lived(made, 5)
    listed = made.ecs.call("ListTasks", {**CLUSTER, "serviceName": "web"}, **ME)["taskArns"]
    told = made.ecs.call("DescribeTasks", {**CLUSTER, "tasks": listed}, **ME)["tasks"]
    assert {each["healthStatus"] for each in told} == {"HEALTHY"}


def test_a_task_that_hangs_is_gone_for_good_once_it_is_stopped() -> None:
    made = world({"kind": "stuck_tasks", "at": "2m", "where": WEB})
    lived(made, 4)
    for each in [task for task in tasks(made) if task.ails]:
        made.ecs.call("StopTask", {**CLUSTER, "task": name(each), "reason": "it hangs"}, **ME)
    lived(made, 5)
    assert not any(task.ails for task in tasks(made))
    assert bad(made, 8) < 1e-3


@pytest.mark.parametrize(("after", "left"), [(None, 2), ("3m", 0)])
def test_whether_ecs_replaces_what_hangs_is_a_setting(after: str | None, left: int) -> None:
    made = world({"kind": "stuck_tasks", "at": "2m", "where": WEB}, sick_replaced_after=after)
    lived(made, 10)
    assert sum(task.ails > 0 for task in tasks(made)) == left


# -- protection


def protect(made: World, *names: str, minutes: int = 10, on: bool = True) -> dict[str, Any]:
    params = {**CLUSTER, "tasks": list(names), "protectionEnabled": on, "expiresInMinutes": minutes}
    return made.ecs.call("UpdateTaskProtection", params, **ME)


def test_a_protected_task_outlives_a_deployment_until_its_protection_ends() -> None:
    made = world({"kind": "deployment", "at": "1m", "where": WEB})
    kept = tasks(made)[0]
    assert protect(made, name(kept), minutes=15)["protectedTasks"][0]["protectionEnabled"]
    lived(made, 12)
    assert kept in tasks(made)
    assert made.service(0).deployments[-1].status == "IN_PROGRESS"
    lived(made, 20)
    assert kept not in tasks(made)
    assert made.service(0).deployments[-1].status == "SUCCESSFUL"


def test_a_protected_task_is_no_candidate_for_a_scale_in() -> None:
    made = world()
    count = len(tasks(made))
    protect(made, *(name(task) for task in tasks(made)[:10]))
    made.ecs.call("UpdateService", {**CLUSTER, "service": "web", "desiredCount": count - 1}, **ME)
    lived(made, 3)
    assert len(tasks(made)) == max(count - 1, min(count, 10))


def test_protection_is_told_and_let_go_and_a_stranger_is_missing() -> None:
    made = world()
    first = name(tasks(made)[0])
    protect(made, first)
    told = made.ecs.call("GetTaskProtection", {**CLUSTER, "tasks": [first, "nobody"]}, **ME)
    assert [each["protectionEnabled"] for each in told["protectedTasks"]] == [True]
    assert told["failures"] == [{"arn": "nobody", "reason": "MISSING"}]
    assert not protect(made, first, on=False)["protectedTasks"][0]["protectionEnabled"]
    with pytest.raises(Refusal, match="1 to 2880"):
        protect(made, first, minutes=5000)


@pytest.mark.parametrize("minds", [True, False])
def test_whether_stop_task_minds_protection_is_a_setting(minds: bool) -> None:  # noqa: FBT001 - the setting
    made = world(stop_task_minds_protection=minds)
    first = tasks(made)[0]
    protect(made, name(first))
    if minds:
        with pytest.raises(Refusal, match="protected"):
            made.ecs.call("StopTask", {**CLUSTER, "task": name(first)}, **ME)
    else:
        made.ecs.call("StopTask", {**CLUSTER, "task": name(first)}, **ME)
    assert first.stopping is not minds


# -- zones


OUT = {
    "kind": "zone_outage",
    "at": "2m",
    "duration": "20m",
    "where": {"region": REGION, "zone": "eu-west-1b"},
    "error_ratio": 0.6,
    "lost": 0.5,
}


def shift(made: World, **changes: str) -> dict[str, Any]:
    ids = {zone["ZoneName"]: zone["ZoneId"] for zone in zones(made)}
    asked = {
        "resourceIdentifier": made.estate.places[0].load_balancer_arn,
        "awayFrom": ids["eu-west-1b"],
        "expiresIn": "1h",
        "comment": "incident",
    }
    return made.shifting.call("StartZonalShift", asked | changes, **ME)


def zones(made: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made.network.call("DescribeAvailabilityZones", {}, **ME)[
        "AvailabilityZones"
    ]
    return found


def test_a_zone_that_half_works_loses_tasks_fails_in_that_zone_alone_and_gets_no_new_ones() -> None:
    made = world(OUT)
    lived(made, 12)
    assert bad(made, 5) > 0.05
    assert bad(made, 5, column=1) > 0.05
    created = [task for task in tasks(made) if task.created_at > made.truth.start * 60 + 100]
    assert created
    assert "eu-west-1b" not in {task.zone for task in created}
    failing = {
        zone: sum(read(made, "HTTPCode_Target_5XX_Count", zone, 5)) for zone in made.estate.places[0].zones
    }
    assert failing["eu-west-1b"] > 100 * max(failing["eu-west-1a"], failing["eu-west-1c"], 1)
    lived(made, 20)
    assert bad(made, 28) < 1e-3


def test_a_shift_takes_the_requests_out_of_the_zone_after_a_while_and_ends_by_itself() -> None:
    made = world({**OUT, "duration": "100m"})
    lived(made, 5)
    assert shift(made, expiresIn="30m")["status"] == "ACTIVE"
    lived(made, 5)
    assert bad(made, 8) < 1e-3
    assert bad(made, 8, column=1) > 0.05
    assert sum(read(made, "RequestCount", "eu-west-1b", 2)) == 0
    lived(made, 31)
    assert bad(made, 38) > 0.05
    arn = made.estate.places[0].load_balancer_arn
    told = made.shifting.call("ListZonalShifts", {"resourceIdentifier": arn}, **ME)["items"]
    assert [each["status"] for each in told] == ["EXPIRED"]


def test_a_node_of_the_load_balancer_may_fail_in_its_zone_until_it_is_left() -> None:
    made = world({**OUT, "duration": "60m", "error_ratio": 0, "lost": 0, "balancer_error_ratio": 0.6})
    lived(made, 9)
    assert bad(made, 5) == pytest.approx(0.2, rel=0.1)
    told = [sum(read(made, "HTTPCode_Target_5XX_Count", zone, 5)) for zone in made.estate.places[0].zones]
    assert max(told) < 10
    nodes = [
        sum(read(made, "HTTPCode_ELB_5XX_Count", zone, 5, of_group=False))
        for zone in made.estate.places[0].zones
    ]
    assert nodes[1] > 100 * max(nodes[0], nodes[2], 1)
    shift(made)
    lived(made, 4)
    assert bad(made, 11) < 1e-3


def test_a_shift_is_one_for_each_balancer_lasts_longer_when_updated_and_ends_when_cancelled() -> None:
    made = world()
    started = shift(made)
    with pytest.raises(Refusal) as caught:
        shift(made)
    assert (caught.value.code, caught.value.status) == ("ConflictException", 409)
    assert caught.value.details == {
        "reason": "ZonalShiftAlreadyExists",
        "zonalShiftId": started["zonalShiftId"],
    }
    named = {"zonalShiftId": started["zonalShiftId"]}
    later = made.shifting.call("UpdateZonalShift", {**named, "expiresIn": "2h"}, **ME)
    assert later["expiryTime"] - started["expiryTime"] == timedelta(hours=1)
    resource = made.shifting.call(
        "GetManagedResource", {"resourceIdentifier": made.estate.places[0].load_balancer_arn}, **ME
    )
    assert sorted(resource["appliedWeights"].values()) == [0.0, 1.0, 1.0]
    assert made.shifting.call("CancelZonalShift", named, **ME)["status"] == "CANCELED"
    with pytest.raises(Refusal, match="CANCELED"):
        made.shifting.call("UpdateZonalShift", {**named, "expiresIn": "2h"}, **ME)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expiresIn": "73h"}, "ValidationException"),
        ({"expiresIn": "soon"}, "ValidationException"),
        ({"awayFrom": "usw2-az1"}, "ValidationException"),
        ({"resourceIdentifier": "arn:aws:elasticloadbalancing:nobody"}, "ResourceNotFoundException"),
    ],
)
def test_a_shift_that_makes_no_sense_is_refused(changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        shift(world(), **changes)
    assert caught.value.code == code


def test_a_balancer_without_the_integration_is_not_managed() -> None:
    made = world()
    document = made.scenario.model_dump(by_alias=True)
    for service in document["estate"]["services"]:
        service["zonal_shift"] = False
    bare = World(Scenario.model_validate(document))
    with pytest.raises(Refusal, match="No managed resource"):
        shift(bare)
    assert bare.shifting.call("ListManagedResources", {}, **ME)["items"] == []


def test_accounts_call_the_same_zones_by_other_names() -> None:
    found = [
        {
            zone["ZoneName"]: zone["ZoneId"]
            for zone in world().network.call("DescribeAvailabilityZones", {}, **{**ME, "account": account})[
                "AvailabilityZones"
            ]
        }
        for account in ("123456789012", "210987654321", "333333333333")
    ]
    assert {frozenset(each.values()) for each in found} == {frozenset({f"euw1-az{n}" for n in (1, 2, 3)})}
    assert len({tuple(each.values()) for each in found}) > 1
