"""Where tasks run, and what a cluster's settings and an account's usage tell of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.cloudwatch.catalogue import Scope, dimensions
from simulator.cloudwatch.reading import Series
from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

SPOT = [{"provider": "FARGATE_SPOT", "weight": 1}]
SERVICES: list[dict[str, Any]] = [
    {"name": "web", "minimum": 4},
    {"name": "search", "minimum": 6, "strategy": SPOT},
    {"name": "cache", "launch": "ec2"},
    {"name": "printer", "launch": "external"},
]


def lived(*faults: dict[str, Any], services: list[dict[str, Any]] = SERVICES, **more: object) -> World:
    estate = {"regions": ["eu-west-1"], "services": services, "traffic": {"shape": "flat"}, **more}
    world = World(
        Scenario.model_validate(
            {"name": "launch", "duration": "20m", "lived_in": "1h", "estate": estate, "faults": list(faults)}
        )
    )
    world.step(world.scenario.end)
    return world


def ask(world: World, operation: str, **params: object) -> Any:  # noqa: ANN401 - an answer
    return world.ecs.call(operation, params, region="eu-west-1", account=world.estate.home, caller="test")


def described(world: World, service: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(world, "DescribeServices", cluster="mylearning", services=[service])[
        "services"
    ][0]
    return found


def test_a_service_says_what_it_was_launched_on() -> None:
    world = lived()
    assert [described(world, each["name"]).get("launchType") for each in SERVICES] == [
        None,
        None,
        "EC2",
        "EXTERNAL",
    ]
    assert [
        share["capacityProvider"] for share in described(world, "search")["capacityProviderStrategy"]
    ] == ["FARGATE_SPOT"]
    assert described(world, "cache")["capacityProviderStrategy"] == []


def test_a_task_definition_tells_what_its_tasks_are() -> None:
    world = lived()
    definitions = {
        name: ask(world, "DescribeTaskDefinition", taskDefinition=described(world, name)["taskDefinition"])[
            "taskDefinition"
        ]
        for name in ("web", "cache")
    }
    web = definitions["web"]
    assert (web["family"], web["revision"], web["cpu"], web["memory"]) == ("web", 2, "1024", "2048")
    assert web["containerDefinitions"][0]["image"].endswith("/web:1.2.0")
    assert web["requiresCompatibilities"] == ["FARGATE"]
    assert definitions["cache"]["requiresCompatibilities"] == ["EC2"]
    assert "EC2" in web["compatibilities"]


def test_a_task_names_what_runs_it() -> None:
    world = lived()
    arn = ask(world, "ListTasks", cluster="mylearning", serviceName="printer")["taskArns"][0]
    (task,) = ask(world, "DescribeTasks", cluster="mylearning", tasks=[arn])["tasks"]
    assert task["launchType"] == "EXTERNAL"
    assert "capacityProviderName" not in task


def test_hosts_of_one_s_own_have_room_when_fargate_has_none() -> None:
    short = {"kind": "capacity_shortage", "at": "1m", "duration": "15m", "provider": "FARGATE"}
    crash = {"kind": "crash_loop", "at": "2m", "duration": "2m", "lives": "10s"}
    world = lived(short, {**crash, "where": {"service": "web"}}, {**crash, "where": {"service": "cache"}})
    web, cache = world.service(0), world.service(2)
    assert any("unable to place" in message.text for message in web.messages)
    assert not any("unable to place" in message.text for message in cache.messages)


def test_a_service_on_hosts_of_one_s_own_takes_no_strategy() -> None:
    world = lived()
    with pytest.raises(Refusal, match="launched on EC2"):
        ask(
            world,
            "UpdateService",
            cluster="mylearning",
            service="cache",
            capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        )
    with pytest.raises(ValidationError, match="launched on ec2 has none"):
        lived(services=[{"name": "web", "launch": "ec2", "strategy": SPOT}])


def told(world: World, metric: str, scope: Scope) -> Any:  # noqa: ANN401 - an array
    place = world.estate.places[0]
    namespace = "AWS/Usage" if metric == "ResourceCount" else "ECS/ContainerInsights"
    series = Series(*place.site, namespace, metric, dimensions(place, scope), "Maximum")
    start = world.truth.start
    plan = world.cloudwatch.plan([series])
    return world.cloudwatch.columns(plan, range(start, start + 15), now=world.now, caller="test").values[0]


def test_an_account_s_use_of_fargate_is_that_of_its_running_tasks() -> None:
    world = lived()
    assert told(world, "ResourceCount", Scope.ON_DEMAND).tolist() == [4.0] * 15
    assert told(world, "ResourceCount", Scope.SPOT).tolist() == [6.0] * 15


@pytest.mark.parametrize(
    ("insights", "standard", "enhanced"),
    [("disabled", False, False), ("enabled", True, False), ("enhanced", True, True)],
)
def test_container_insights_tell_what_the_cluster_is_set_to(
    insights: str, *, standard: bool, enhanced: bool
) -> None:
    world = lived(insights=insights)
    (cluster,) = ask(world, "DescribeClusters", clusters=["mylearning"], include=["SETTINGS"])["clusters"]
    assert cluster["settings"] == [{"name": "containerInsights", "value": insights}]
    assert np.isfinite(told(world, "RunningTaskCount", Scope.INSIGHTS)).all() == standard
    assert np.isfinite(told(world, "TaskCpuUtilization", Scope.ENHANCED)).all() == enhanced
