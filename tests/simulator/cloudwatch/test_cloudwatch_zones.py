from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cloudwatch.catalogue import ALB, Scope, dimensions, in_zone
from simulator.cloudwatch.reading import Series
from simulator.cloudwatch.values import listed
from simulator.cloudwatch.zones import divided
from simulator.scenario import Scenario
from simulator.world import World

if TYPE_CHECKING:
    from tests.simulator.cloudwatch.conftest import Bench

ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
LB = Scope.LOAD_BALANCER


def parts(bench: Bench, name: str, stat: str, scope: Scope = Scope.TARGET_GROUP) -> list[dict[float, float]]:
    """Return a metric's points by minutes after noon, zone by zone."""
    whole = dimensions(bench.places[0], scope)
    return [bench.points(name, stat, dimensions=listed(in_zone(whole, zone))) for zone in ZONES]


@pytest.mark.parametrize("scope", [Scope.TARGET_GROUP, LB])
def test_the_counts_of_zones_are_whole_and_add_up(bench: Bench, scope: Scope) -> None:
    bench.record(0, 10, tasks=4, target_5xx=7, target_2xx=993)
    for name in ("RequestCount", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_5XX_Count"):
        told = parts(bench, name, "Sum", scope)
        whole = bench.points(name, "Sum", scope)
        assert {at: sum(part.get(at, 0) for part in told) for at in whole} == whole
        assert all(value == int(value) for part in told for value in part.values())


def test_requests_are_where_the_healthy_tasks_are(bench: Bench) -> None:
    bench.record(0, 8, tasks=4)
    requests = [part[5] for part in parts(bench, "RequestCount", "Sum")]
    assert requests == pytest.approx([500, 250, 250], abs=1)
    assert [part[5] for part in parts(bench, "HealthyHostCount", "Average")] == [2, 1, 1]
    assert [part[5] for part in parts(bench, "TargetResponseTime", "SampleCount")] == pytest.approx(
        requests, abs=1
    )
    assert parts(bench, "TargetResponseTime", "p99")[0][5] == pytest.approx(
        bench.points("TargetResponseTime", "p99")[5], rel=0.1
    )


def test_single_errors_fall_into_all_zones_in_turn(bench: Bench) -> None:
    bench.record(0, 10, tasks=3, target_5xx=1)
    told = parts(bench, "HTTPCode_Target_5XX_Count", "Sum")
    assert sum(len(part) for part in told) == 10
    assert all(part and set(part.values()) == {1} for part in told)


def test_a_zone_without_targets_tells_nothing(bench: Bench) -> None:
    bench.record(0, 10, tasks=2)
    assert [len(part) for part in parts(bench, "HealthyHostCount", "Minimum")] == [10, 10, 0]
    assert [len(part) for part in parts(bench, "RequestCount", "Sum")] == [10, 10, 0]


def test_what_no_target_was_there_for_is_divided_evenly(bench: Bench) -> None:
    bench.record(0, 10, tasks=0, requests=0, target_2xx=0, elb_503=30)
    assert [part[5] for part in parts(bench, "HTTPCode_ELB_503_Count", "Sum", LB)] == [10, 10, 10]


def test_a_zone_that_is_not_there_is_empty(bench: Bench) -> None:
    bench.record(0, 10)
    dims = listed(in_zone(dimensions(bench.places[0], LB), "eu-west-1d"))
    assert bench.points("RequestCount", "Sum", dimensions=dims) == {}


@given(
    counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=5),
    weights=st.tuples(*[st.integers(0, 65_535)] * 3),
    shift=st.floats(0, 1, exclude_max=True),
)
def test_however_counts_are_divided_nothing_is_lost(
    counts: list[int], weights: tuple[int, ...], shift: float
) -> None:
    whole = np.array([counts], dtype=np.float64)
    shares = np.array(weights, dtype=np.float64)[:, None, None] * np.ones_like(whole)
    told = [divided(whole, shares, zone, np.full_like(whole, shift)) for zone in range(3)]
    assert (np.sum(told, axis=0) == whole).all()
    assert all((part >= 0).all() for part in told)


def test_a_zone_s_targets_are_those_that_really_run_there() -> None:
    story = {
        "name": "reclaimed",
        "duration": "20m",
        "lived_in": "0s",
        "estate": {
            "regions": ["eu-west-1"],
            "traffic": {"shape": "flat"},
            "services": [
                {"name": "web", "minimum": 9, "strategy": [{"provider": "FARGATE_SPOT", "weight": 1}]}
            ],
        },
        "faults": [
            {"kind": "capacity_shortage", "at": "4m", "duration": "16m", "where": {"region": "eu-west-1"}},
            {
                "kind": "spot_reclaim",
                "at": "5m",
                "where": {"service": "web", "zone": "eu-west-1b"},
                "share": 1,
            },
        ],
    }
    world = World(Scenario.model_validate(story))
    world.step(world.scenario.start + timedelta(minutes=20))
    place = world.estate.places[0]
    whole = dimensions(place, Scope.TARGET_GROUP)
    series = [
        Series(place.account, place.region, ALB, "HealthyHostCount", dims, stat)
        for stat in ("Minimum", "Average")
        for dims in (whole, *(in_zone(whole, zone) for zone in ZONES))
    ]
    start = world.truth.start
    plan = world.cloudwatch.plan(series)
    told = world.cloudwatch.columns(plan, range(start, start + 15), now=world.now, caller="reader").values
    assert np.nan_to_num(told[5:8]).sum(axis=0) == pytest.approx(told[4])
    assert np.nanmin(told[1:4], axis=1).tolist()[0::2] == [3, 3]
    assert np.nan_to_num(told[2]).min() == 0
