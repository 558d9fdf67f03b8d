"""ECS and scaling answer in AWS's own shapes, page by page, and count what they are asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, Shape, StructureShape
from botocore.validate import ParamValidator

from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

ME = {"region": "eu-west-1", "account": "123456789012", "caller": "test"}
CLUSTER = {"cluster": "mylearning"}


@pytest.fixture(scope="module")
def world() -> World:
    services = [{"name": f"service-{number:02}"} for number in range(12)]
    estate = {"regions": ["eu-west-1"], "traffic": {"shape": "flat"}, "services": services}
    where = {"service": "service-00", "region": "eu-west-1"}
    faults = [
        {"kind": "broken_deployment", "at": "1m", "where": where},
        {"kind": "deployment", "at": "9m", "where": {**where, "service": "service-01"}},
    ]
    document = {"name": "small", "duration": "1h", "estate": estate, "faults": faults}
    world = World(Scenario.model_validate(document))
    world.step(world.now + timedelta(minutes=10))
    return world


def strangers(shape: Shape, value: Any, path: str = "") -> list[str]:  # noqa: ANN401 - any AWS answer
    """Members that botocore's model does not know: a client would never see them."""
    if isinstance(shape, StructureShape):
        unknown = [f"{path}.{name}" for name in value if name not in shape.members]
        known = [(name, part) for name, part in value.items() if name in shape.members]
        return unknown + [
            s for name, part in known for s in strangers(shape.members[name], part, f"{path}.{name}")
        ]
    if isinstance(shape, ListShape):
        return [s for part in value for s in strangers(shape.member, part, f"{path}[]")]
    return []


def check(api: str, operation: str, answer: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model(api).operation_model(operation)
    shape = model.output_shape
    assert shape is not None
    assert strangers(shape, answer) == []
    assert not ParamValidator().validate(answer, shape).has_errors()


def arns(world: World, service: str) -> list[str]:
    told = world.ecs.call("ListServiceDeployments", {**CLUSTER, "service": service}, **ME)
    return [brief["serviceDeploymentArn"] for brief in told["serviceDeployments"]]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("ListClusters", {}),
        ("DescribeClusters", {"clusters": ["mylearning", "nowhere"]}),
        ("ListServices", CLUSTER),
        ("DescribeServices", {**CLUSTER, "services": ["service-00", "service-01"], "include": ["TAGS"]}),
        ("ListTasks", CLUSTER),
        ("DescribeTaskDefinition", {"taskDefinition": "service-00"}),
        ("ListServiceDeployments", {**CLUSTER, "service": "service-00"}),
    ],
)
def test_answers_have_the_shape_of_the_model(world: World, operation: str, params: dict[str, Any]) -> None:
    check("ecs", operation, world.ecs.call(operation, params, **ME))


def test_deployments_revisions_and_tasks_have_it_too(world: World) -> None:
    wanted = arns(world, "service-00") + arns(world, "service-01")
    told = world.ecs.call("DescribeServiceDeployments", {"serviceDeploymentArns": wanted}, **ME)
    check("ecs", "DescribeServiceDeployments", told)
    assert told["failures"] == []
    revisions = [d["targetServiceRevision"]["arn"] for d in told["serviceDeployments"]]
    shown = world.ecs.call("DescribeServiceRevisions", {"serviceRevisionArns": revisions}, **ME)
    check("ecs", "DescribeServiceRevisions", shown)
    assert len({r["taskDefinition"] for r in shown["serviceRevisions"]}) == len(revisions)
    tasks = world.ecs.call("ListTasks", {**CLUSTER, "serviceName": "service-01"}, **ME)["taskArns"]
    described = world.ecs.call("DescribeTasks", {**CLUSTER, "tasks": tasks}, **ME)
    check("ecs", "DescribeTasks", described)


@pytest.mark.parametrize(
    "operation", ["DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScalingActivities"]
)
def test_scaling_answers_have_the_shape_of_the_model(world: World, operation: str) -> None:
    check(
        "application-autoscaling", operation, world.scaling.call(operation, {"ServiceNamespace": "ecs"}, **ME)
    )


def test_deployments_are_listed_newest_first_and_by_status(world: World) -> None:
    named = {**CLUSTER, "service": "service-00"}
    told = world.ecs.call("ListServiceDeployments", named, **ME)["serviceDeployments"]
    created = [brief["createdAt"] for brief in told]
    assert created == sorted(created, reverse=True)
    assert all(isinstance(at, datetime) and at.tzinfo is not None for at in created)
    asked = {**named, "status": ["SUCCESSFUL"]}
    good = world.ecs.call("ListServiceDeployments", asked, **ME)["serviceDeployments"]
    assert {brief["status"] for brief in good} == {"SUCCESSFUL"}
    assert len(good) == len(told) - 1


def test_services_come_ten_to_a_page_unless_asked_otherwise(world: World) -> None:
    first = world.ecs.call("ListServices", CLUSTER, **ME)
    rest = world.ecs.call("ListServices", {**CLUSTER, "nextToken": first["nextToken"]}, **ME)
    assert (len(first["serviceArns"]), len(rest["serviceArns"])) == (10, 2)
    assert "nextToken" not in rest
    whole = world.ecs.call("ListServices", {**CLUSTER, "maxResults": 100}, **ME)
    assert whole["serviceArns"] == first["serviceArns"] + rest["serviceArns"]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("DescribeServices", {**CLUSTER, "services": ["x"] * 11}, "InvalidParameterException"),
        ("ListServices", {**CLUSTER, "maxResults": 101}, "InvalidParameterException"),
        ("ListServices", {**CLUSTER, "nextToken": "nonsense"}, "InvalidParameterException"),
        ("ListServices", {}, "ClusterNotFoundException"),
        ("ListServiceDeployments", {**CLUSTER, "service": "x"}, "ServiceNotFoundException"),
        ("StopTask", {**CLUSTER, "task": "x"}, "InvalidParameterException"),
        ("StopServiceDeployment", {"serviceDeploymentArn": "x"}, "ServiceDeploymentNotFoundException"),
        (
            "StopServiceDeployment",
            {"serviceDeploymentArn": "x", "stopType": "ABORT"},
            "UnsupportedFeatureException",
        ),
        ("CreateService", {}, "UnknownOperationException"),
    ],
)
def test_what_ecs_would_refuse_is_refused(
    world: World, operation: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        world.ecs.call(operation, params, **ME)
    assert refused.value.code == code


def test_a_missing_service_is_a_failure_and_no_error(world: World) -> None:
    told = world.ecs.call("DescribeServices", {**CLUSTER, "services": ["service-03", "gone"]}, **ME)
    assert [s["serviceName"] for s in told["services"]] == ["service-03"]
    assert told["failures"] == [{"arn": "gone", "reason": "MISSING"}]


def test_another_account_sees_nothing(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        world.ecs.call("ListClusters", {}, region="eu-west-1", account="000000000000", caller="test")
    assert refused.value.code == "AccessDeniedException"


def outcome(of: World) -> str:
    try:
        of.ecs.call("ListServices", CLUSTER, **ME)
    except Refusal as refusal:
        return refusal.code
    return "answered"


def test_a_throttled_region_refuses_a_share_of_the_calls() -> None:
    estate = {"regions": ["eu-west-1"], "services": [{"name": "web"}]}
    fault = {"kind": "api_throttling", "at": "0s", "duration": "1m", "share": 0.5}
    throttled = World(
        Scenario.model_validate({"name": "s", "duration": "5m", "estate": estate, "faults": [fault]})
    )
    outcomes = [outcome(throttled) for _ in range(100)]
    assert set(outcomes) == {"answered", "ThrottlingException"}
    assert 30 < outcomes.count("answered") < 70
    throttled.step(throttled.now + timedelta(minutes=2))
    throttled.ecs.call("ListServices", CLUSTER, **ME)


def test_protection_and_zonal_shifts_have_it_too() -> None:
    estate = {"regions": ["eu-west-1"], "services": [{"name": "web", "zonal_shift": True}]}
    world = World(Scenario.model_validate({"name": "small", "duration": "1h", "estate": estate}))
    tasks = world.ecs.call("ListTasks", CLUSTER, **ME)["taskArns"]
    protect = {**CLUSTER, "tasks": tasks[:1], "protectionEnabled": True}
    check("ecs", "UpdateTaskProtection", world.ecs.call("UpdateTaskProtection", protect, **ME))
    check("ecs", "GetTaskProtection", world.ecs.call("GetTaskProtection", {**CLUSTER, "tasks": tasks}, **ME))
    zones = world.network.call("DescribeAvailabilityZones", {}, **ME)
    check("ec2", "DescribeAvailabilityZones", zones)
    balancer = {"resourceIdentifier": world.estate.places[0].load_balancer_arn}
    away = {"awayFrom": zones["AvailabilityZones"][0]["ZoneId"], "expiresIn": "1h", "comment": "try"}
    started = world.shifting.call("StartZonalShift", {**balancer, **away}, **ME)
    check("arc-zonal-shift", "StartZonalShift", started)
    named = {"zonalShiftId": started["zonalShiftId"]}
    for operation, params in (
        ("UpdateZonalShift", {**named, "comment": "longer"}),
        ("GetManagedResource", balancer),
        ("ListManagedResources", {}),
        ("ListZonalShifts", {}),
        ("CancelZonalShift", named),
    ):
        check("arc-zonal-shift", operation, world.shifting.call(operation, params, **ME))
