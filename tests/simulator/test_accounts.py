"""Several accounts: the same services in each, and none that sees, or is touched by, another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

HOME, OTHER = "123456789012", "210987654321"
BALANCER = "LoadBalancer"
WHERE = {"service": "web", "region": "eu-west-1"}


def lived(*faults: dict[str, Any]) -> World:
    estate = {
        "accounts": [HOME, OTHER],
        "regions": ["eu-west-1", "us-east-1"],
        "services": [{"name": "web"}, {"name": "payment"}],
        "traffic": {"shape": "flat"},
    }
    world = World(
        Scenario.model_validate(
            {"name": "two", "duration": "20m", "lived_in": "1h", "estate": estate, "faults": list(faults)}
        )
    )
    world.step(world.scenario.end)
    return world


def bad(world: World, account: str) -> int:
    place = world.estate.find("eu-west-1", "web", account)
    assert place is not None
    return int(world.truth.bad[: world.truth.length, place.index].sum())


def test_every_account_has_every_service_in_every_region() -> None:
    estate = lived().estate
    assert len(estate.places) == len({str(place) for place in estate.places}) == 8
    assert len({place.load_balancer_arn for place in estate.places}) == 8
    assert [place.account for place in estate.places] == [HOME] * 4 + [OTHER] * 4
    assert estate.home == HOME


def test_a_fault_may_befall_one_account_alone() -> None:
    trouble = {"kind": "dependency_failure", "at": "5m", "duration": "5m"}
    world = lived({**trouble, "where": {**WHERE, "account": OTHER}})
    assert bad(world, OTHER) > 100
    assert bad(world, HOME) < 5
    both = lived({**trouble, "where": WHERE})
    assert min(bad(both, HOME), bad(both, OTHER)) > 100


def test_a_call_reaches_the_account_that_it_was_made_in() -> None:
    world = lived()
    params = {"cluster": "mylearning", "service": "web", "desiredCount": 7}
    world.ecs.call("UpdateService", params, region="eu-west-1", account=OTHER, caller="person")
    (call,) = world.calls
    assert (call.account, str(world.estate.places[call.placement or 0])) == (
        OTHER,
        f"{OTHER}/eu-west-1/mylearning/web",
    )
    mine, theirs = (world.estate.find("eu-west-1", "web", account) for account in (HOME, OTHER))
    assert mine is not None
    assert theirs is not None
    assert world.service(theirs.index).desired == 7
    assert world.service(mine.index).desired != 7


def test_scaling_bounds_are_those_of_the_account() -> None:
    world = lived()
    params = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/mylearning/web",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 9,
    }
    world.scaling.call("RegisterScalableTarget", params, region="eu-west-1", account=OTHER, caller="person")
    minima = np.array([target.minimum for target in world.scaling.targets])
    assert [str(world.estate.places[i]) for i in np.flatnonzero(minima == 9)] == [
        f"{OTHER}/eu-west-1/mylearning/web"
    ]


def test_metrics_and_alarms_are_told_to_their_own_account() -> None:
    world = lived()
    for account in (HOME, OTHER):
        told = world.cloudwatch.call(
            "ListMetrics",
            {"Namespace": "AWS/ApplicationELB", "MetricName": "HealthyHostCount"},
            region="eu-west-1",
            account=account,
            now=world.now,
            caller="test",
        )
        mine = [place for place in world.estate.places if place.site == (account, "eu-west-1")]
        listed = {one["Value"] for m in told["Metrics"] for one in m["Dimensions"] if one["Name"] == BALANCER}
        assert listed == {place.load_balancer for place in mine}
        assert world.cloudwatch.alarm_state(account, "eu-west-1", mine[0].alarm) == "OK"


def test_an_account_outside_the_estate_is_refused() -> None:
    with pytest.raises(Refusal, match="belongs to 123456789012, 210987654321, not to 999999999999"):
        lived().ecs.call("ListClusters", {}, region="eu-west-1", account="999999999999", caller="x")


def test_a_fault_in_an_account_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"where.account\n  the estate has no '9'"):
        lived({"kind": "deployment", "at": "1m", "where": {**WHERE, "account": "9"}})
