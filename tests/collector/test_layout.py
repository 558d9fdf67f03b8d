"""What is asked of an estate: each metric as AWS publishes it, in batches that part no bundle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.bundle import Area, Front, Line, Track
from collector.catalog import FAMILIES, FAST_RESPONSES, FAST_SHARE, METRICS, PERCENTILES, LatencyBy, metrics
from collector.estate import Abandoned, Route
from collector.layout import Layout, fits
from collector.metric import BY_QUEUE, Needs, Tier
from collector.source import QUERIES_PER_CALL_MAX
from tests.collector.reading import ACCOUNT, NOON, asked_of, counted, laid_out, place, view


def fronts(layout: Layout) -> list[tuple[Front, tuple[str, ...]]]:
    return [(bundle.front, tuple(line.service for line in bundle.lines)) for bundle in layout.bundles]


def test_a_service_is_asked_for_each_metric_with_the_dimensions_that_aws_publishes() -> None:
    asked = {(q.metric, q.stat): q.dimensions for q in counted(view("shop")).queries}
    assert asked["RequestCount", "Sum"] == (
        ("TargetGroup", "targetgroup/shop/1"),
        ("LoadBalancer", "app/shop/1"),
    )
    assert asked["HTTPCode_ELB_5XX_Count", "Sum"] == (("LoadBalancer", "app/shop/1"),)
    assert ("TargetResponseTime", "TC(:0.3)") in asked
    load = {q.metric: q.dimensions for q in asked_of(laid_out(view("shop")), Front.LOAD).queries}
    assert load["CPUUtilization"] == (("ClusterName", "mylearning"), ("ServiceName", "shop"))


def test_each_service_has_its_own_latency_threshold() -> None:
    asked = counted(view("shop"), view("slow"))
    assert [asked.queries[row].stat for row in asked.rows[FAST_RESPONSES].rows] == ["TC(:0.3)", "TC(:1)"]


def test_service_connect_is_asked_in_milliseconds_and_only_without_a_load_balancer() -> None:
    mesh = Line(owner=place("shop"), discoveries=("shop",))
    stats = {
        q.stat: q.dimensions for m in METRICS if m.needs is Needs.SERVICE_CONNECT for q in mesh.queries(m)
    }
    assert stats["TC(:1000)"] == (("TargetDiscoveryName", "shop"),)


def test_rows_lead_back_to_their_queries_across_batches() -> None:
    asked = counted(*(view(f"s{i:03}") for i in range(150)))
    assert len(asked.batches) == 3
    for metric, where in asked.rows.items():
        for row, owner in zip(where.rows, where.owners, strict=True):
            name = asked.lines[owner].service
            assert asked.queries[row].metric == metric.name
            assert any(name in value for _, value in asked.queries[row].dimensions)


def test_a_batch_holds_whole_services_so_that_a_lost_one_loses_no_halves() -> None:
    asked = counted(*(view(f"s{i:03}") for i in range(150)))
    services = [{q.dimensions[0][1].split("/")[1] for q in batch.queries} for batch in asked.batches]
    assert not services[0] & services[1]
    assert all(len(batch.queries) <= QUERIES_PER_CALL_MAX for batch in asked.batches)


def test_services_behind_one_load_balancer_are_one_bundle_and_it_is_asked_once() -> None:
    layout = laid_out(view("shop", balancer="all"), view("cart", balancer="all"), view("jobs"))
    assert fronts(layout)[:2] == [(Front.LOAD_BALANCER, ("cart", "shop")), (Front.LOAD_BALANCER, ("jobs",))]
    metrics_asked = [query.metric for query in asked_of(layout).queries]
    assert metrics_asked.count("HTTPCode_ELB_5XX_Count") == 2
    assert metrics_asked.count("RequestCount") == 3


def test_load_balancers_join_everybody_they_reach_through_one_another() -> None:
    bridge = replace(
        view("both"), target_groups=("targetgroup/both/1", "targetgroup/both/2"),
        load_balancers=("app/left/1", "app/right/1"),
    )  # fmt: skip
    layout = laid_out(view("a", balancer="left"), view("b", balancer="right"), bridge)
    assert fronts(layout)[0] == (Front.LOAD_BALANCER, ("a", "b", "both"))


def test_a_bundle_too_large_for_one_call_is_asked_in_several() -> None:
    asked = counted(*(view(f"s{i:03}", balancer="all") for i in range(70)))
    assert len(asked.bundles) == 1
    assert [len(batch.queries) for batch in asked.batches] == [500, len(asked.queries) - 500]


def test_a_service_without_load_balancer_is_explained_but_not_counted() -> None:
    assert fronts(laid_out(view("jobs", balancer=""))) == [(Front.LOAD, ("jobs",)), (Front.LOAD, ("",))]


def test_two_services_of_one_name_in_two_clusters_are_two() -> None:
    blue, green = view("shop"), view("shop", cluster="other", balancer="second")
    green = replace(green, target_groups=("targetgroup/shop/2",))
    layout = laid_out(blue, green)
    assert [bundle.keys[0].owner for bundle in layout.bundles if bundle.front is Front.LOAD_BALANCER] == [
        blue.placement,
        green.placement,
    ]
    assert len(set(asked_of(layout).queries)) == len(asked_of(layout).queries)


def test_a_load_balancer_replaced_under_a_service_is_followed_under_the_same_key() -> None:
    before = laid_out(view("shop"))
    after = laid_out(replace(view("shop"), load_balancers=("app/shop/2",)), previous=before)
    assert after.bundles[0].keys == before.bundles[0].keys
    assert {dict(q.dimensions)["LoadBalancer"] for q in asked_of(after).queries} == {"app/shop/2"}


def test_an_abandoned_load_balancer_is_asked_for_what_counts_and_explains_nothing() -> None:
    old = Abandoned(Route("targetgroup/shop/1", "app/shop/1"), NOON)
    layout = laid_out(replace(view("shop"), load_balancers=("app/shop/2",), abandoned=(old,)))
    counted_of = [dict(q.dimensions)["LoadBalancer"] for q in asked_of(layout).queries]
    assert counted_of.count("app/shop/1") == counted_of.count("app/shop/2") > 0
    explained = [dict(q.dimensions).get("LoadBalancer") for q in asked_of(layout, Front.LOAD).queries]
    assert "app/shop/1" not in explained


def test_an_unchanged_estate_keeps_the_very_same_batches() -> None:
    first = laid_out(view("shop"), view("shop", "us-east-1"))
    again = laid_out(view("shop"), view("shop", "us-east-1"), previous=first)
    assert again is first
    assert laid_out(view("shop"), previous=first) is not first


def test_what_was_asked_once_is_kept_for_the_next_time() -> None:
    layout = laid_out(view("shop"))
    assert asked_of(layout) is asked_of(layout)


def test_every_row_of_the_catalogue_is_asked_by_exactly_one_front_of_a_service_that_has_everything() -> None:
    for metric in METRICS:
        homes = [front for front in Front if fits(metric, front)]
        assert len(homes) == 1, f"{metric.name} {metric.stat} is read by {homes}"


def test_latency_is_counted_as_the_configuration_says() -> None:
    assert FAST_RESPONSES in metrics()
    by_share = metrics(LatencyBy.SHARE)
    assert FAST_SHARE in by_share
    assert FAST_RESPONSES not in by_share
    assert set(PERCENTILES.values()) <= set(metrics(LatencyBy.PERCENTILES))


def test_quotas_belong_to_a_region() -> None:
    layout = laid_out(view("shop"))
    area = layout.bundles[-1]
    assert area.keys[0].owner == Area(ACCOUNT, "eu-west-1")
    assert area.track == Track(ACCOUNT, "eu-west-1", Tier.SLOW)


def test_a_queue_is_asked_by_its_name() -> None:
    worker = Line(owner=place("jobs"), queue="jobs-queue")
    dimensions = {q.dimensions for m in METRICS if m.dimensions == BY_QUEUE for q in worker.queries(m)}
    assert dimensions == {(("QueueName", "jobs-queue"),)}


def test_a_row_of_ones_own_may_name_what_we_know_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="a dimension is made of account, cluster, discovery"):
        replace(METRICS[0], dimensions=(("Host", "{host}"),))


def test_every_family_is_told_once_and_every_counting_metric_hides_nothing() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    assert all(metric.exported or metric.tier is Tier.SLI for metric in METRICS)
