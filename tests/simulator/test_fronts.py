"""What stands before a service: a load balancer of its own or a shared one, Service Connect, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError

from simulator.cloudwatch.catalogue import ALB, ECS, ZONE, Scope, dimensions
from simulator.cloudwatch.reading import Series
from simulator.scenario import Scenario
from simulator.world import World

if TYPE_CHECKING:
    from simulator.estate import Place

SERVICES: list[dict[str, Any]] = [
    {"name": "web", "load_balancer": "public"},
    {"name": "search", "load_balancer": "public", "latency_ms": 200},
    {"name": "payment"},
    {"name": "pricing", "front": "service_connect"},
]


def lived(*faults: dict[str, Any], services: list[dict[str, Any]] = SERVICES) -> World:
    estate = {"regions": ["eu-west-1", "us-east-1"], "services": services, "traffic": {"shape": "flat"}}
    world = World(
        Scenario.model_validate(
            {
                "name": "fronts",
                "duration": "20m",
                "lived_in": "0s",
                "estate": estate,
                "faults": list(faults),
            }
        )
    )
    world.step(world.scenario.end)
    return world


def place(world: World, service: str) -> Place:
    found = world.estate.find("eu-west-1", service)
    assert found is not None
    return found


def told(world: World, metric: str, stat: str, about: Place, scope: Scope) -> Any:  # noqa: ANN401 - an array
    """Return a metric's first quarter of an hour, NaN where nothing was told."""
    namespace = ALB if about.balanced else ECS
    series = Series(*about.site, namespace, metric, dimensions(about, scope), stat)
    start = world.truth.start
    plan = world.cloudwatch.plan([series])
    return world.cloudwatch.columns(plan, range(start, start + 15), now=world.now, caller="test").values[0]


def test_services_share_a_load_balancer_by_its_name_in_their_own_region() -> None:
    places = lived().estate.places
    assert place(lived(), "web").load_balancer == place(lived(), "search").load_balancer
    assert place(lived(), "web").target_group != place(lived(), "search").target_group
    assert len({each.load_balancer_arn for each in places if each.balanced}) == 4


@pytest.mark.parametrize(
    ("metric", "stat"),
    [
        ("RequestCount", "Sum"),
        ("HTTPCode_Target_2XX_Count", "Sum"),
        ("TargetResponseTime", "SampleCount"),
        ("TargetResponseTime", "TC(:0.5)"),
    ],
)
def test_a_shared_load_balancer_tells_the_sum_of_those_behind_it(metric: str, stat: str) -> None:
    world = lived()
    each = [told(world, metric, stat, place(world, name), Scope.TARGET_GROUP) for name in ("web", "search")]
    both = told(world, metric, stat, place(world, "web"), Scope.LOAD_BALANCER)
    assert both == pytest.approx(sum(each), nan_ok=True)
    assert both.min() > 0


def test_an_average_over_a_shared_load_balancer_is_that_of_all_answers() -> None:
    world = lived()
    web, search = (place(world, name) for name in ("web", "search"))
    sums = [told(world, "TargetResponseTime", "Sum", each, Scope.TARGET_GROUP) for each in (web, search)]
    counts = [
        told(world, "TargetResponseTime", "SampleCount", each, Scope.TARGET_GROUP) for each in (web, search)
    ]
    average = told(world, "TargetResponseTime", "Average", web, Scope.LOAD_BALANCER)
    assert average == pytest.approx(sum(sums) / sum(counts))


def test_the_errors_of_a_shared_load_balancer_add_up_to_what_really_failed() -> None:
    troubles = [
        {"kind": "alb_errors", "at": "3m", "duration": "5m", "where": {"service": name}, "error_ratio": ratio}
        for name, ratio in (("web", 0.05), ("search", 0.2))
    ]
    world = lived(*troubles)
    web, search = (place(world, name) for name in ("web", "search"))
    elb = told(world, "HTTPCode_ELB_5XX_Count", "Sum", web, Scope.LOAD_BALANCER)
    targets = [
        told(world, "HTTPCode_Target_5XX_Count", "Sum", each, Scope.TARGET_GROUP) for each in (web, search)
    ]
    failed = world.truth.bad[:15, [web.index, search.index]].sum(axis=1)
    assert np.array_equal(np.nan_to_num(elb) + sum(np.nan_to_num(each) for each in targets), failed)
    assert failed[4] > 100


def test_a_shared_load_balancer_tells_no_minute_before_all_of_it_is_known() -> None:
    world = lived({"kind": "metrics_outage", "at": "5m", "duration": "2m", "where": {"service": "search"}})
    whole = told(world, "RequestCount", "Sum", place(world, "web"), Scope.LOAD_BALANCER)
    assert np.flatnonzero(np.isnan(whole)).tolist() == [5, 6]
    alone = told(world, "RequestCount", "Sum", place(world, "web"), Scope.TARGET_GROUP)
    assert not np.isnan(alone).any()


def test_a_metric_that_several_services_tell_is_listed_once() -> None:
    world = lived()
    shared = place(world, "web").load_balancer
    listed = world.cloudwatch.call(
        "ListMetrics",
        {
            "Namespace": ALB,
            "MetricName": "RequestCount",
            "Dimensions": [{"Name": "LoadBalancer", "Value": shared}],
        },
        region="eu-west-1",
        account=world.estate.home,
        now=world.now,
        caller="test",
    )["Metrics"]
    whole = [each for each in listed if ZONE not in {one["Name"] for one in each["Dimensions"]}]
    assert sorted(len(each["Dimensions"]) for each in whole) == [1, 2, 2]
    assert len(listed) == len(whole) * 4  # and once for each zone


def balancing(world: World, operation: str, **params: object) -> Any:  # noqa: ANN401 - an answer
    return world.balancing.call(
        operation, params, region="eu-west-1", account=world.estate.home, caller="test"
    )


def test_a_listener_leads_to_each_target_group_by_a_host_of_its_own() -> None:
    world = lived()
    web = place(world, "web")
    (listener,) = balancing(world, "DescribeListeners", LoadBalancerArn=web.load_balancer_arn)["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    rules = balancing(world, "DescribeRules", ListenerArn=listener["ListenerArn"])["Rules"]
    hosts = {
        rule["Actions"][0]["TargetGroupArn"]: rule["Conditions"][0]["HostHeaderConfig"]["Values"]
        for rule in rules
        if not rule["IsDefault"]
    }
    assert hosts == {
        web.target_group_arn: ["web.mylearning.example"],
        place(world, "search").target_group_arn: ["search.mylearning.example"],
    }


def test_service_connect_tells_requests_by_discovery_name_and_answers_by_target() -> None:
    world = lived()
    pricing = place(world, "pricing")
    requests = told(world, "RequestCount", "Sum", pricing, Scope.DISCOVERED)
    assert np.array_equal(requests, told(world, "RequestCount", "Sum", pricing, Scope.DISCOVERY))
    codes = [
        told(world, f"HTTPCode_Target_{code}_Count", "Sum", pricing, Scope.TARGET_DISCOVERY)
        for code in ("2XX", "3XX", "4XX", "5XX")
    ]
    total = world.truth.total[:15, pricing.index]
    assert np.array_equal(sum(np.nan_to_num(each) for each in codes), total)
    assert dimensions(pricing, Scope.DISCOVERED) == (
        ("ClusterName", "mylearning"),
        ("DiscoveryName", "pricing"),
        ("ServiceName", "pricing"),
    )


def test_service_connect_tells_response_times_in_milliseconds() -> None:
    world = lived()
    average = told(world, "TargetResponseTime", "Average", place(world, "pricing"), Scope.TARGET_DISCOVERY)
    assert 60 < average.min() < average.max() < 200
    count, quick = (
        told(world, "TargetResponseTime", stat, place(world, "pricing"), Scope.TARGET_DISCOVERY)
        for stat in ("SampleCount", "TC(:500)")
    )
    slow = world.truth.slow[:15, place(world, "pricing").index]
    assert count - quick == pytest.approx(slow)


def test_a_percentile_over_a_shared_load_balancer_agrees_with_the_counts_of_both() -> None:
    world = lived()
    web = place(world, "web")
    p95 = told(world, "TargetResponseTime", "p95", web, Scope.LOAD_BALANCER)[5]
    count, within = (
        told(world, "TargetResponseTime", stat, web, Scope.LOAD_BALANCER)[5]
        for stat in ("SampleCount", f"TC(:{p95})")
    )
    assert within / count == pytest.approx(0.95, abs=1e-4)


def test_percentiles_of_service_connect_are_milliseconds_too() -> None:
    world = lived()
    pricing = place(world, "pricing")
    median = told(world, "TargetResponseTime", "p50", pricing, Scope.TARGET_DISCOVERY)
    assert median == pytest.approx(80, rel=0.01)


def test_proxies_count_what_no_task_answers() -> None:
    where = {"service": "pricing", "region": "eu-west-1"}
    trouble = {"kind": "alb_errors", "at": "3m", "duration": "5m", "error_ratio": 0.2, "where": where}
    world = lived(trouble)
    pricing = place(world, "pricing")
    failed = told(world, "HTTPCode_Target_5XX_Count", "Sum", pricing, Scope.TARGET_DISCOVERY)
    assert np.array_equal(np.nan_to_num(failed), world.truth.bad[:15, pricing.index])
    assert failed[4] > 100


def described(world: World, service: str) -> dict[str, Any]:
    params = {"cluster": "mylearning", "services": [service]}
    answer = world.ecs.call(
        "DescribeServices", params, region="eu-west-1", account=world.estate.home, caller="test"
    )
    found: dict[str, Any] = answer["services"][0]
    return found


def test_a_connected_service_has_no_target_group_and_tells_its_discovery_name() -> None:
    world = lived()
    pricing = described(world, "pricing")
    assert pricing["loadBalancers"] == []
    configured = pricing["deployments"][0]["serviceConnectConfiguration"]
    assert (configured["enabled"], configured["services"][0]["discoveryName"]) == (True, "pricing")
    assert "serviceConnectConfiguration" not in described(world, "web")["deployments"][0]


def test_a_connected_service_is_guarded_by_an_alarm_on_what_its_clients_are_told() -> None:
    bad = {
        "kind": "bad_deployment",
        "at": "1m",
        "fails": "once_serving",
        "error_ratio": 0.5,
        "where": {"service": "pricing"},
    }
    world = lived(bad)
    newest = world.service(place(world, "pricing").index).deployments[-1]
    assert newest.triggered_alarms == [place(world, "pricing").alarm]


@pytest.mark.parametrize(
    ("service", "complaint"),
    [
        (
            {"front": "service_connect", "load_balancer": "public"},
            "a service with front service_connect has none",
        ),
        ({"load_balancer": "-public"}, "should match pattern"),
        ({"queue": {"name": "jobs"}}, "has front none"),
    ],
)
def test_what_cannot_stand_before_a_service_is_refused(service: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        lived(services=[{"name": "web", **service}])
