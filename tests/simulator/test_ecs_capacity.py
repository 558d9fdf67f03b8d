"""Where tasks go: strategies, shortages and what Spot takes back."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.ecs.capacity import allocate, missing
from simulator.scenario import Scenario, Share
from simulator.world import World

if TYPE_CHECKING:
    from simulator.ecs.service import Service

ME = {"region": "us-east-1", "account": "123456789012", "caller": "test"}
NAMED = {"cluster": "mylearning", "service": "search"}
MOSTLY_SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]
ON_DEMAND = [{"capacityProvider": "FARGATE", "weight": 1}]
SHORTAGE = {
    "kind": "capacity_shortage",
    "at": "1m",
    "duration": "20m",
    "reclaim": 1,
    "where": {"service": "search", "region": "us-east-1"},
}


def world(*faults: dict[str, Any], **aws: object) -> World:
    service = {"name": "search", "requests_per_minute": 2400, "strategy": MOSTLY_SPOT}
    document = {
        "name": "small",
        "duration": "2h",
        "estate": {"regions": ["us-east-1"], "traffic": {"shape": "flat"}, "services": [service]},
        "aws": aws,
        "faults": list(faults),
    }
    return World(Scenario.model_validate(document))


def wait(of: World, minutes: int) -> list[dict[str, Any]]:
    return [delivery.event for delivery in of.step(of.now + timedelta(minutes=minutes))]


def providers(of: World) -> Counter[str]:
    service: Service = of.service(0)
    return Counter(task.provider for task in service.tasks if not task.stopping)


def shares(*given: tuple[Any, int, int]) -> tuple[Share, ...]:
    return tuple(Share(provider=provider, weight=weight, base=base) for provider, weight, base in given)


@pytest.mark.parametrize(
    ("strategy", "tasks", "split"),
    [
        (shares(("FARGATE", 1, 0)), 5, {"FARGATE": 5}),
        (shares(("FARGATE", 1, 0), ("FARGATE_SPOT", 4, 0)), 10, {"FARGATE": 2, "FARGATE_SPOT": 8}),
        (shares(("FARGATE", 1, 2), ("FARGATE_SPOT", 3, 0)), 6, {"FARGATE": 3, "FARGATE_SPOT": 3}),
        (shares(("FARGATE", 0, 2), ("FARGATE_SPOT", 1, 0)), 1, {"FARGATE": 1}),
        (shares(("FARGATE", 0, 2)), 5, {"FARGATE": 2}),
    ],
)
def test_bases_come_first_and_weights_share_the_rest(
    strategy: tuple[Share, ...], tasks: int, split: dict[str, int]
) -> None:
    assert allocate(strategy, tasks) == split


@given(st.integers(0, 60), st.integers(0, 40), st.integers(0, 40))
def test_never_more_is_missing_than_is_missing_in_all(tasks: int, on_demand: int, spot: int) -> None:
    strategy = shares(("FARGATE", 1, 1), ("FARGATE_SPOT", 3, 0))
    lacking = missing(strategy, tasks, {"FARGATE": on_demand, "FARGATE_SPOT": spot})
    assert lacking.total() <= max(0, tasks - on_demand - spot)


def test_spot_warns_two_minutes_before_it_takes_a_task() -> None:
    estate = world(SHORTAGE)
    events = [e for e in wait(estate, 6) if e["detail"].get("stopCode") == "SpotInterruption"]
    warned = {e["detail"]["taskArn"]: e for e in events if e["detail"]["lastStatus"] == "RUNNING"}
    gone = {e["detail"]["taskArn"]: e for e in events if e["detail"]["lastStatus"] == "STOPPED"}
    assert warned.keys() == gone.keys()
    assert len(warned) == 7
    assert {e["detail"]["desiredStatus"] for e in warned.values()} == {"STOPPED"}
    assert {e["detail"]["stoppedReason"] for e in events} == {"Your Spot Task was interrupted."}
    for arn, event in warned.items():
        assert gone[arn]["detail"]["version"] > event["detail"]["version"]


def test_a_shortage_is_told_with_its_provider_and_tried_again() -> None:
    estate = world(SHORTAGE)
    events = [e for e in wait(estate, 10) if e["detail"].get("eventName") == "SERVICE_TASK_PLACEMENT_FAILURE"]
    assert len(events) > 5
    assert {e["detail"]["reason"] for e in events} == {"RESOURCE:FARGATE"}
    arns = {arn for e in events for arn in e["detail"]["capacityProviderArns"]}
    assert arns == {"arn:aws:ecs:us-east-1:123456789012:capacity-provider/FARGATE_SPOT"}


def test_fargate_itself_never_replaces_spot_by_on_demand() -> None:
    estate = world(SHORTAGE)
    wait(estate, 12)
    assert providers(estate) == {"FARGATE": 1}
    assert estate.service(0).desired == 8


def test_spot_tasks_come_back_by_themselves_once_there_is_capacity() -> None:
    estate = world(SHORTAGE)
    wait(estate, 30)
    assert providers(estate) == {"FARGATE": 1, "FARGATE_SPOT": 7}


def test_a_new_strategy_reaches_stuck_placements_and_moves_nothing_that_runs() -> None:
    estate = world(SHORTAGE)
    wait(estate, 6)
    before = {task.id for task in estate.service(0).tasks}
    estate.ecs.call("UpdateService", {**NAMED, "capacityProviderStrategy": ON_DEMAND}, **ME)
    wait(estate, 5)
    assert providers(estate) == {"FARGATE": 8}
    assert before <= {task.id for task in estate.service(0).tasks}
    spot = [{"capacityProvider": s["provider"], "weight": s["weight"]} for s in MOSTLY_SPOT]
    estate.ecs.call("UpdateService", {**NAMED, "capacityProviderStrategy": spot}, **ME)
    wait(estate, 30)
    assert providers(estate) == {"FARGATE": 8}, "the way back moves nothing either"


def test_where_a_strategy_waits_for_a_deployment_stuck_placements_stay_stuck() -> None:
    estate = world(SHORTAGE, strategy_reaches="new_deployments")
    wait(estate, 6)
    estate.ecs.call("UpdateService", {**NAMED, "capacityProviderStrategy": ON_DEMAND}, **ME)
    wait(estate, 5)
    assert providers(estate) == {"FARGATE": 1}
    estate.ecs.call("UpdateService", {**NAMED, "forceNewDeployment": True}, **ME)
    wait(estate, 8)
    assert providers(estate) == {"FARGATE": 8}


def test_a_zone_can_lose_its_spot_tasks_alone() -> None:
    where = {"service": "search", "region": "us-east-1", "zone": "us-east-1a"}
    estate = world({"kind": "spot_reclaim", "at": "1m", "share": 1, "where": where})
    events = [e for e in wait(estate, 6) if e["detail"].get("stopCode") == "SpotInterruption"]
    assert {e["detail"]["availabilityZone"] for e in events} == {"us-east-1a"}
