"""The judge: truth and recorded calls decide; it can say no, and the life without us is worse."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from simulator.judge import Message, judge
from simulator.scenario import shipped
from simulator.without import live_without
from simulator.world import World

ACCOUNT = "123456789012"


def world(name: str) -> World:
    return World(shipped(name))


def wait(of: World, minutes: float) -> None:
    of.step(of.now + timedelta(minutes=minutes))


def finish(of: World) -> None:
    of.step(of.scenario.end)


def ecs(of: World, operation: str, region: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's params
    whole = params if "serviceDeploymentArn" in params else {"cluster": "mylearning", **params}
    return of.ecs.call(operation, whole, region=region, account=ACCOUNT, caller="fournines")


def minimum(of: World, service: str, region: str, tasks: int) -> None:
    params = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/mylearning/{service}",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": tasks,
    }
    of.scaling.call("RegisterScalableTarget", params, region=region, account=ACCOUNT, caller="fournines")


def about(service: str, at: datetime) -> list[Message]:
    return [Message(at, f"*{service}* in eu-west-1 is failing")]


def only(judgement: dict[str, Any]) -> dict[str, Any]:
    faults: list[dict[str, Any]] = judgement["faults"]
    assert len(faults) == 1
    return faults[0]


def test_a_rollback_that_removes_the_bad_revision_is_right() -> None:
    lived = world("bad-deployment")
    wait(lived, 18)
    ecs(lived, "UpdateService", "eu-west-1", service="course-catalog", taskDefinition="course-catalog:2")
    alert = about("course-catalog", lived.now)
    finish(lived)
    told = judge(lived, without=live_without(lived.scenario), messages=alert, causes={0: "deployment"})
    fault = only(told)
    assert fault["right"]
    assert fault["cause"] == "deployment"
    assert 0 < fault["detected_after_s"] < 300
    assert 120 < fault["recovered_after_s"] < 600
    assert fault["budget_minutes"] < fault["budget_minutes_without"]
    assert fault["actions"][0]["what"] == "taskDefinition=course-catalog:2"
    assert told["wrong_actions"] == []
    assert told["alerts"] == {"delivered": 1, "lost": 0, "duplicated": 0, "needless": 0}
    assert told["availability_with"]["pooled"] > told["availability_without"]["pooled"]


def test_doing_nothing_about_a_bad_deployment_is_wrong() -> None:
    lived = world("bad-deployment")
    finish(lived)
    told = judge(lived)
    assert not only(told)["right"]
    assert only(told)["recovered_after_s"] is None
    assert told["alerts"] == {"delivered": 0, "lost": 1, "duplicated": 0, "needless": 0}


@pytest.mark.parametrize(("after", "right"), [(45, True), (52, False)])
def test_what_comes_later_than_a_person_would_have_acted_is_wrong(*, after: float, right: bool) -> None:
    lived = World(shipped("bad-deployment").model_copy(update={"duration": timedelta(hours=2)}))
    wait(lived, after)
    ecs(lived, "UpdateService", "eu-west-1", service="course-catalog", taskDefinition="course-catalog:2")
    finish(lived)
    assert only(judge(lived))["right"] is right


def test_people_who_are_told_too_late_were_not_told() -> None:
    lived = World(shipped("dependency").model_copy(update={"duration": timedelta(hours=2)}))
    finish(lived)
    late = about("payment", lived.now - timedelta(minutes=30))
    assert not judge(lived, messages=late)["faults"][1]["right"]


def test_rolling_back_to_another_bad_try_is_wrong() -> None:
    lived = world("bad-deployment")
    wait(lived, 18)
    ecs(lived, "UpdateService", "eu-west-1", service="course-catalog", taskDefinition="course-catalog:2")
    wait(lived, 5)
    ecs(lived, "UpdateService", "eu-west-1", service="course-catalog", taskDefinition="course-catalog:3")
    finish(lived)
    assert not only(judge(lived))["right"]


def test_the_right_action_on_the_wrong_placement_is_wrong_and_named() -> None:
    lived = world("bad-deployment")
    wait(lived, 18)
    ecs(lived, "UpdateService", "us-east-1", service="course-catalog", taskDefinition="course-catalog:1")
    finish(lived)
    told = judge(lived)
    assert not only(told)["right"]
    assert [wrong["where"] for wrong in told["wrong_actions"]] == [
        "123456789012/us-east-1/mylearning/course-catalog"
    ]


def test_an_extra_action_beside_the_right_one_is_wrong() -> None:
    lived = world("bad-deployment")
    wait(lived, 18)
    ecs(lived, "UpdateService", "eu-west-1", service="course-catalog", taskDefinition="course-catalog:2")
    minimum(lived, "course-catalog", "eu-west-1", 12)
    finish(lived)
    told = judge(lived)
    assert not only(told)["right"]
    assert [wrong["operation"] for wrong in told["wrong_actions"]] == ["RegisterScalableTarget"]


@pytest.mark.parametrize("restored", [True, False])
def test_scaling_out_is_right_only_if_it_is_undone(restored: bool) -> None:  # noqa: FBT001 - a case of its table
    lived = world("surge")
    usual = 2
    wait(lived, 11)
    minimum(lived, "mobile-api-gateway", "ap-southeast-1", 36)
    wait(lived, 30)
    if restored:
        minimum(lived, "mobile-api-gateway", "ap-southeast-1", usual)
    finish(lived)
    fault = only(judge(lived, without=live_without(lived.scenario)))
    assert fault["right"] is restored
    assert fault["budget_minutes"] < fault["budget_minutes_without"]


@pytest.mark.parametrize("returned", [True, False])
def test_leaving_spot_is_right_only_with_the_way_back(returned: bool) -> None:  # noqa: FBT001 - a case of its table
    lived = world("spot-shortage")
    named = {"service": "search-indexing"}
    wait(lived, 12)
    on_demand = [{"capacityProvider": "FARGATE", "weight": 1}]
    ecs(lived, "UpdateService", "us-east-1", **named, capacityProviderStrategy=on_demand)
    wait(lived, 40)
    if returned:
        usual = [
            {"capacityProvider": "FARGATE_SPOT", "weight": 4},
            {"capacityProvider": "FARGATE", "weight": 1},
        ]
        ecs(lived, "UpdateService", "us-east-1", **named, capacityProviderStrategy=usual)
    finish(lived)
    fault = only(judge(lived, without=live_without(lived.scenario)))
    assert fault["right"] is returned
    assert fault["budget_minutes"] < fault["budget_minutes_without"] / 2


def test_a_failing_dependency_asks_for_an_alert_and_for_no_rollback() -> None:
    lived = world("dependency")
    wait(lived, 20)
    alert = about("payment", lived.now)
    finish(lived)
    innocent, outside = judge(lived, messages=alert)["faults"]
    assert innocent["right"]
    assert innocent["detected_after_s"] is None
    assert outside["right"]
    assert outside["detected_after_s"] == 240.0
    assert not judge(lived)["faults"][1]["right"], "nobody was told"


def test_rolling_back_an_innocent_deployment_is_wrong() -> None:
    lived = world("dependency")
    wait(lived, 20)
    alert = about("payment", lived.now)
    ecs(lived, "UpdateService", "eu-central-1", service="payment", taskDefinition="payment:2")
    finish(lived)
    told = judge(lived, messages=alert)
    assert [fault["right"] for fault in told["faults"]] == [True, False]
    assert len(told["wrong_actions"]) == 1


def test_a_quiet_hour_asks_for_nothing() -> None:
    lived = world("quiet-hour")
    finish(lived)
    told = judge(lived)
    assert all(fault["right"] for fault in told["faults"])
    assert told["alerts"]["lost"] == 0
    ecs(lived, "UpdateService", "eu-west-1", service="web-app", desiredCount=3)
    assert not judge(lived)["faults"][3]["right"]


def test_a_refused_wrong_action_still_counts_as_tried() -> None:
    lived = world("quiet-hour")
    wait(lived, 30)
    with pytest.raises(Exception, match="not found"):
        ecs(lived, "UpdateService", "eu-west-1", service="nobody", desiredCount=3)
    told = judge(lived)
    assert [wrong["outcome"] for wrong in told["wrong_actions"]] == ["ServiceNotFoundException"]


def test_a_message_told_twice_is_counted() -> None:
    lived = world("quiet-hour")
    message = Message(lived.now, "web-app is failing")
    assert judge(lived, messages=[message, message])["alerts"]["duplicated"] == 1


def calling(service: str, at: datetime) -> Message:
    return Message(at, f"A person is needed. {service} in eu-west-1: nothing of ours undoes this.")


def test_a_call_for_a_person_is_needless_where_another_answer_was_asked_for() -> None:
    lived = world("dependency")
    wait(lived, 20)
    called = [calling(service, lived.now) for service in ("payment", "web-app", "the watcher itself")]
    told = judge(lived, messages=[*called, *about("web-app", lived.now)])
    assert told["alerts"]["needless"] == 1, "web-app has no fault; what is no service may need a person"
    assert told["faults"][1]["called_after_s"] == told["faults"][1]["detected_after_s"]
    assert judge(lived, messages=about("payment", lived.now))["faults"][1]["called_after_s"] is None
    surging = world("surge")
    wait(surging, 30)
    message = calling("mobile-api-gateway", surging.now)
    assert judge(surging, messages=[message])["alerts"]["needless"] == 1


def test_a_service_whose_name_begins_alike_is_not_meant() -> None:
    lived = world("dependency")
    wait(lived, 20)
    finish(lived)
    at = lived.scenario.start + timedelta(minutes=20)
    other = [Message(at, "payment-gateway is failing"), Message(at, "my-payment is failing")]
    assert judge(lived, messages=other)["faults"][1]["detected_after_s"] is None


def test_the_person_acts_half_an_hour_after_the_page() -> None:
    alone = live_without(shipped("mylearning"))
    calls = [call for call in alone.calls if call.caller == "person"]
    assert next(call.operation for call in calls) == "UpdateService"
    onset = alone.ordeals[0].onset
    assert onset is not None
    waited = calls[0].at.timestamp() - onset
    assert 33 * 60 <= waited <= 37 * 60


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_every_story_of_the_demo_really_hurts_without_us(seed: int) -> None:
    told = judge(live_without(shipped("mylearning").seeded(seed)))
    harmed = {fault["kind"]: fault for fault in told["faults"] if fault["expected"] != "none"}
    assert set(harmed) == {"bad_deployment", "capacity_shortage", "traffic_surge", "dependency_failure"}
    for fault in harmed.values():
        assert fault["budget_minutes"] > 1, fault
    calm = [f for f in told["faults"] if f["expected"] == "none" and f["budget_minutes"] is not None]
    assert all(fault["budget_minutes"] < 0.01 for fault in calm)


def stop(of: World, number: int, *, hanging: bool = True, region: str = "eu-west-1") -> None:
    """Stop one of the tasks that hang, the protected one first, or one that does not."""
    place = of.estate.find(region, "assessment-grading")
    assert place is not None
    here = [task for task in of.service(place.index).tasks if not task.stopping]
    tasks = [task for task in here if (task.ails > 0) is hanging]
    tasks.sort(key=lambda task: task.protected_until is None)
    ecs(of, "StopTask", region, task=tasks[number].id)


@pytest.mark.parametrize(
    ("early", "late", "healthy", "right"),
    [
        ((1, 1), (0,), False, True),
        ((1, 1), (), False, False),
        ((0, 0, 0), (), False, False),
        ((1, 1), (0,), True, False),
    ],
    ids=["all in their time", "one left", "the protected one too soon", "a healthy one as well"],
)
def test_replacing_tasks_is_right_only_for_all_that_hang_and_none_that_is_protected(
    *, early: tuple[int, ...], late: tuple[int, ...], healthy: bool, right: bool
) -> None:
    lived = world("stuck-tasks")
    wait(lived, 14)
    for number in early:
        stop(lived, number)
    if healthy:
        stop(lived, 0, hanging=False)
    wait(lived, 10)
    for number in late:
        stop(lived, number)
    finish(lived)
    assert only(judge(lived))["right"] is right


def arc(of: World, operation: str, **params: str) -> dict[str, Any]:
    return of.shifting.call(operation, params, region="eu-west-1", account=ACCOUNT, caller="fournines")


@pytest.mark.parametrize(
    ("zone", "ended", "services", "right"),
    [
        ("eu-west-1b", True, 3, True),
        ("eu-west-1b", False, 3, False),
        ("eu-west-1a", True, 3, False),
        ("eu-west-1b", True, 2, False),
    ],
    ids=["left and returned to", "not returned to", "another zone", "one service forgotten"],
)
def test_leaving_a_zone_is_right_for_every_service_and_with_the_way_back(
    *, zone: str, ended: bool, services: int, right: bool
) -> None:
    lived = world("zone-outage")
    wait(lived, 14)
    zones = lived.network.call(
        "DescribeAvailabilityZones",
        {"ZoneNames": [zone]},
        region="eu-west-1",
        account=ACCOUNT,
        caller="fournines",
    )["AvailabilityZones"]
    left = [place for place in lived.estate.places if place.region == "eu-west-1"][:services]
    started = [
        arc(
            lived,
            "StartZonalShift",
            resourceIdentifier=place.load_balancer_arn,
            awayFrom=zones[0]["ZoneId"],
            expiresIn="3h",
            comment="fournines",
        )
        for place in left
    ]
    wait(lived, 25)
    if ended:
        for shift in started:
            arc(lived, "CancelZonalShift", zonalShiftId=shift["zonalShiftId"])
    finish(lived)
    assert only(judge(lived))["right"] is right


@pytest.mark.parametrize("name", ["stuck-tasks", "zone-outage"])
def test_a_person_replaces_what_hangs_and_leaves_a_zone_too_but_late(name: str) -> None:
    alone = live_without(shipped(name))
    assert {call.operation for call in alone.calls if call.caller == "person"} <= {
        "StopTask",
        "StartZonalShift",
    }
    assert not judge(alone)["faults"][0]["right"]
