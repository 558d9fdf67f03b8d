"""What hinders a reader and harms no service: what is told wrongly, in part or not at all, then right."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from simulator.cloudwatch.amiss import Status
from simulator.cloudwatch.catalogue import ALB, Scope, dimensions
from simulator.cloudwatch.reading import Series
from simulator.cloudwatch.values import listed
from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

HERE, THERE = "eu-west-1", "us-east-1"
MEANWHILE = {"at": "5m", "duration": "10m", "where": {"region": HERE}}


def world(*faults: dict[str, Any], duration: str = "40m", **parts: object) -> World:
    estate = {
        "regions": [HERE, THERE],
        "traffic": {"shape": "flat"},
        "services": [{"name": "web"}, {"name": "search"}],
    }
    document = {"name": "hindered", "duration": duration, "estate": estate, "faults": list(faults), **parts}
    return World(Scenario.model_validate(document))


def live(world: World, minutes: float) -> list[Any]:
    """Move on to so many minutes after the start."""
    return [told.event for told in world.step(world.scenario.start + timedelta(minutes=minutes))]


def series(world: World, *metrics: tuple[str, str]) -> list[Series]:
    places = world.estate.places
    return [
        Series(p.account, p.region, ALB, metric, dimensions(p, Scope.TARGET_GROUP), stat)
        for p in places
        for metric, stat in metrics
    ]


def minutes(world: World, first: int, last: int, wanted: list[Series] | None = None) -> Any:  # noqa: ANN401 - told
    """Return how many answers are told of some minutes of the scenario, place by place."""
    plan = world.cloudwatch.plan(wanted or series(world, ("TargetResponseTime", "SampleCount")))
    start = world.truth.start
    return world.cloudwatch.columns(plan, range(start + first, start + last), now=world.now, caller="reader")


def call(world: World, operation: str, region: str = HERE, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own
    ecs = world.ecs.call
    return ecs(operation, params, region=region, account=world.estate.home, caller="reader")


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_revised_counts_are_told_wrongly_at_first_and_right_in_the_end(share: float) -> None:
    revised = world({**MEANWHILE, "kind": "metrics_revised", "share": share, "by": "10m"})
    live(revised, 16.5)
    early = minutes(revised, 0, 15).values
    live(revised, 27)
    right = minutes(revised, 0, 15).values
    here, there = early / right, (early / right)[2:]
    assert (there[:, :14] == 1).all()
    assert (here[:2, :5] == 1).all()
    assert here[:2, 5:14] == pytest.approx(share, abs=0.01)
    assert (right == revised.truth.answered[:15].T).all()


def test_a_newest_minute_that_is_revised_is_provisional_too() -> None:
    revised = world({**MEANWHILE, "kind": "metrics_revised", "share": 0.5, "by": "10m"})
    live(revised, 12)
    newest = minutes(revised, 10, 11).values[:, 0] / revised.truth.answered[10]
    assert newest[:2] == pytest.approx(0.4, abs=0.01)
    assert newest[2:] == pytest.approx(0.8, abs=0.01)


def test_a_share_of_the_series_is_left_out_of_each_answer_anew() -> None:
    partial = world({**MEANWHILE, "kind": "partial_data", "share": 0.5})
    live(partial, 10)
    metrics = [("RequestCount", "Sum"), ("TargetResponseTime", "Average"), ("HealthyHostCount", "Minimum")]
    answers = [minutes(partial, 0, 8, series(partial, *metrics)) for _ in range(40)]
    rows = Counter((row, status) for answer in answers for row, status in answer.amiss.items())
    assert {row for row, _ in rows} == set(range(6)), "the six series of that region, each now and then"
    assert 80 < rows.total() < 160
    for answer in answers:
        for row, status in answer.amiss.items():
            told = np.flatnonzero(~np.isnan(answer.values[row])).tolist()
            assert told == ([0, 1, 2, 3] if status is Status.PARTIAL else [])
    live(partial, 15)
    assert not any(minutes(partial, 0, 8).amiss for _ in range(20))


def test_a_series_that_is_left_out_says_so_in_its_status() -> None:
    partial = world({**MEANWHILE, "kind": "partial_data", "share": 1})
    live(partial, 10)
    place = partial.estate.places[0]
    balancer = listed(dimensions(place, Scope.LOAD_BALANCER))
    asked = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {"Namespace": ALB, "MetricName": "RequestCount", "Dimensions": balancer},
                "Period": 60,
                "Stat": stat,
            },
        }
        for number, stat in enumerate(("Sum", "Average", "Minimum", "Maximum", "SampleCount"))
    ]
    answer = partial.cloudwatch.call(
        "GetMetricData",
        {
            "MetricDataQueries": [*asked, {"Id": "e", "Expression": "SUM(METRICS())"}],
            "StartTime": partial.scenario.start,
            "EndTime": partial.scenario.start + timedelta(minutes=4),
        },
        region=HERE,
        account=place.account,
        now=partial.now,
        caller="reader",
    )
    assert "NextToken" not in answer
    told = {result["Id"]: result for result in answer["MetricDataResults"]}
    lengths = {"PartialData": 2, "InternalError": 0}
    for result in told.values():
        assert len(result["Values"]) == lengths[result["StatusCode"]]
        assert result["Messages"][0]["Code"] == result["StatusCode"]
    newest = partial.scenario.start + timedelta(minutes=3)
    assert all(result["Timestamps"][0] == newest for result in told.values() if result["Values"])
    assert {told[f"q{number}"]["StatusCode"] for number in range(5)} == set(lengths)
    assert told["e"]["StatusCode"] == "InternalError", "as badly told as the worst that it is made of"


def test_a_share_of_all_calls_fails_inside_aws() -> None:
    failing = world({**MEANWHILE, "kind": "api_errors", "share": 0.5})
    live(failing, 6)
    codes: Counter[tuple[str, int]] = Counter()
    for _ in range(100):
        for ask in (lambda: call(failing, "ListClusters"), lambda: minutes(failing, 0, 1)):
            try:
                ask()
            except Refusal as refusal:
                codes[refusal.code, refusal.status] += 1
    assert codes.keys() == {("InternalFailure", 500), ("ServiceUnavailable", 503)}
    assert 70 < codes.total() < 130
    assert all(call(failing, "ListClusters", THERE) for _ in range(20))
    live(failing, 15)
    assert all(call(failing, "ListClusters") for _ in range(20))


def test_in_an_outage_nothing_answers_and_afterwards_every_minute_can_be_read() -> None:
    dark = world({**MEANWHILE, "kind": "api_outage"})
    live(dark, 10)
    for ask in (lambda: call(dark, "ListClusters"), lambda: minutes(dark, 0, 1), lambda: dark.admit(HERE)):
        with pytest.raises(Refusal, match="ServiceUnavailable") as caught:
            ask()
        assert caught.value.status == 503
    assert call(dark, "ListClusters", THERE)["clusterArns"]
    live(dark, 20)
    assert (minutes(dark, 0, 15).values == dark.truth.answered[:15].T).all()


@pytest.mark.parametrize("step_s", [5, 60, 1200])
def test_the_events_of_an_outage_wait_for_its_end_in_their_order(step_s: int) -> None:
    deployment = {"kind": "deployment", "at": "6m", "where": {"service": "web"}}
    dark = world({**MEANWHILE, "kind": "api_outage"}, deployment, aws={"event_lag": "0s"})
    heard = []
    while dark.now < dark.scenario.start + timedelta(minutes=20):
        arrived = dark.step(dark.now + timedelta(seconds=step_s))
        heard += [(delivery.region, delivery.event["time"], dark.now) for delivery in arrived]
    begun, over = (dark.scenario.start + timedelta(minutes=n) for n in (5, 15))
    here = [(time, at) for region, time, at in heard if region == HERE]
    assert len(here) == sum(region == THERE for region, _, _ in heard) > 5
    assert all(at >= over for _, at in here)
    assert [time for time, _ in here] == sorted(time for time, _ in here)
    meanwhile = any(begun <= at < over for region, _, at in heard if region == THERE)
    assert meanwhile == (step_s < 1200), "one step of 20 minutes hears all at its end"


def test_outages_that_overlap_end_with_the_last() -> None:
    dark = world(
        {**MEANWHILE, "kind": "api_outage"},
        {**MEANWHILE, "kind": "api_outage", "at": "8m"},
        {"kind": "deployment", "at": "6m", "where": {"service": "web", "region": HERE}},
    )
    assert live(dark, 17) == []
    with pytest.raises(Refusal):
        call(dark, "ListClusters")
    assert live(dark, 18) != []
    assert call(dark, "ListClusters")


def test_a_fault_that_ends_leaves_the_next_of_its_kind_running() -> None:
    failing = {"kind": "api_errors", "share": 1, "duration": "10m"}
    sick = world({**failing, "at": "5m"}, {**failing, "at": "15m"})
    live(sick, 20)
    with pytest.raises(Refusal):
        call(sick, "ListClusters")
    live(sick, 26)
    assert call(sick, "ListClusters")


def test_minutes_can_be_kept_for_longer_than_an_outage_of_a_day() -> None:
    kept = world(duration="26h", lived_in="0s", aws={"metric_retention": "2d"})
    kept.step(kept.scenario.end)
    assert (minutes(kept, 0, 1500).values == kept.truth.answered[:1500].T).all()
