"""The life without us: the person on call does the right thing through the same API, half an hour late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from simulator.moment import MINUTE_S
from simulator.scenario import Scenario, shipped
from simulator.without import Person
from simulator.world import World

if TYPE_CHECKING:
    from simulator.calls import Call


def lasting(name: str, minutes: int) -> Scenario:
    document = shipped(name).model_dump(by_alias=True)
    document["duration"] = timedelta(minutes=minutes + 30)
    document["faults"][0]["duration"] = timedelta(minutes=minutes)
    return Scenario.model_validate(document)


def watched(world: World, minutes: int) -> list[Call]:
    person = Person(world)
    for _ in range(minutes):
        world.step(world.now + timedelta(minutes=1))
        person.look(int(world.now.timestamp()) // MINUTE_S)
    return [call for call in world.calls if call.caller == "person"]


def suspend(world: World) -> None:
    params: dict[str, Any] = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/mylearning/mobile-api-gateway",
        "ScalableDimension": "ecs:service:DesiredCount",
        "SuspendedState": {"DynamicScalingOutSuspended": True},
    }
    where = {"region": "ap-southeast-1", "account": "123456789012", "caller": "owner"}
    world.scaling.call("RegisterScalableTarget", params, **where)


def test_a_person_leaves_spot_by_a_forced_deployment() -> None:
    world = World(lasting("spot-shortage", 70))
    calls = watched(world, 60)
    assert [call.params.get("forceNewDeployment") for call in calls] == [True]
    assert world.service(world.ordeals[0].placements[0]).serving == 8


def test_a_person_scales_out_where_nothing_does_it_by_itself() -> None:
    world = World(lasting("surge", 70))
    suspend(world)
    calls = watched(world, 60)
    assert [call.params["MinCapacity"] for call in calls] == [20]


def test_a_person_does_nothing_about_what_was_over_before_they_looked() -> None:
    world = World(shipped("surge"))
    assert watched(world, 70) == []


@pytest.mark.parametrize("name", ["quiet-hour", "dependency"])
def test_a_person_has_nothing_to_do_where_nothing_can_be_done(name: str) -> None:
    assert watched(World(shipped(name)), 40) == []
