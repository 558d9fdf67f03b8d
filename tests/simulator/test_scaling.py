"""Application Auto Scaling: bounds move the count at once, target tracking moves it by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

ME = {"region": "eu-west-1", "account": "123456789012", "caller": "test"}
TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/mylearning/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}
SURGE = {
    "kind": "traffic_surge",
    "at": "2m",
    "duration": "20m",
    "factor": 3,
    "where": {"service": "web", "region": "eu-west-1"},
}


def world(*faults: dict[str, Any]) -> World:
    service = {"name": "web", "requests_per_minute": 2400, "maximum": 30}
    estate = {"regions": ["eu-west-1"], "traffic": {"shape": "flat"}, "services": [service]}
    document = {"name": "small", "duration": "2h", "estate": estate, "faults": list(faults)}
    return World(Scenario.model_validate(document))


def wait(of: World, minutes: int) -> list[str]:
    told = of.step(of.now + timedelta(minutes=minutes))
    return [d.event["detail"].get("eventName", "") for d in told]


def described(of: World) -> dict[str, Any]:
    told = of.scaling.call("DescribeScalableTargets", {"ServiceNamespace": "ecs"}, **ME)
    target: dict[str, Any] = told["ScalableTargets"][0]
    return target


def test_raising_the_minimum_moves_the_running_count() -> None:
    estate = world()
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 12}, **ME)
    assert estate.service(0).desired == 12
    assert "SERVICE_DESIRED_COUNT_UPDATED" in wait(estate, 4)
    assert estate.service(0).serving == 12
    assert (described(estate)["MinCapacity"], described(estate)["MaxCapacity"]) == (12, 30)


def test_lowering_the_minimum_leaves_the_count_to_target_tracking() -> None:
    estate = world()
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 16}, **ME)
    wait(estate, 4)
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 2}, **ME)
    assert estate.service(0).desired == 16
    wait(estate, 30)
    assert estate.service(0).desired < 12


def test_lowering_the_maximum_stops_tasks_as_ordinary_scaling() -> None:
    estate = world()
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MaxCapacity": 6}, **ME)
    told = [d.event["detail"] for d in estate.step(estate.now + timedelta(minutes=3))]
    reasons = {d["stoppedReason"] for d in told if d.get("stopCode") == "ServiceSchedulerInitiated"}
    assert len(reasons) == 1
    assert reasons.pop().startswith("Scaling activity initiated by (deployment ecs-svc/")
    assert estate.service(0).running == 6


@pytest.mark.parametrize(
    "params",
    [
        {**TARGET, "MinCapacity": 31},
        {**TARGET, "MinCapacity": -1},
        {**TARGET, "ResourceId": "service/mylearning/nobody"},
        {**TARGET, "ServiceNamespace": "dynamodb"},
    ],
)
def test_wrong_bounds_are_refused_and_recorded(params: dict[str, Any]) -> None:
    estate = world()
    with pytest.raises(Refusal) as refused:
        estate.scaling.call("RegisterScalableTarget", params, **ME)
    assert refused.value.code == "ValidationException"
    assert estate.calls[-1].outcome == "ValidationException"
    assert estate.service(0).desired == 8


def test_target_tracking_needs_minutes_to_see_a_surge_and_steps_to_follow_it() -> None:
    estate = world(SURGE)
    assert "SERVICE_DESIRED_COUNT_UPDATED" not in wait(estate, 6), "three late points come first"
    wait(estate, 10)
    assert estate.service(0).desired > 18
    wait(estate, 60)
    assert estate.service(0).desired < 12


def test_a_suspended_target_does_not_scale_by_itself() -> None:
    estate = world(SURGE)
    suspended = {"SuspendedState": {"DynamicScalingOutSuspended": True}}
    estate.scaling.call("RegisterScalableTarget", {**TARGET, **suspended}, **ME)
    wait(estate, 15)
    assert estate.service(0).desired == 8


def test_scaling_in_waits_while_a_deployment_is_under_way() -> None:
    estate = world()
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 20}, **ME)
    wait(estate, 13)
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 2}, **ME)
    slow = {"cluster": "mylearning", "service": "web", "forceNewDeployment": True}
    estate.ecs.call("UpdateService", slow, **ME)
    wait(estate, 5)
    assert estate.service(0).deployment is not None
    assert estate.service(0).desired == 20
    wait(estate, 20)
    assert estate.service(0).desired < 20


def test_policies_and_activities_can_be_read() -> None:
    estate = world()
    estate.scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 12}, **ME)
    policies = estate.scaling.call("DescribeScalingPolicies", {"ServiceNamespace": "ecs"}, **ME)[
        "ScalingPolicies"
    ]
    assert policies[0]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 60.0
    asked = {"ServiceNamespace": "ecs"}
    activities = estate.scaling.call("DescribeScalingActivities", asked, **ME)["ScalingActivities"]
    assert activities[0]["Description"] == "Setting desired count to 12."
