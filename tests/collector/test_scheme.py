"""How an estate is read: queues by placement, and metrics of the user's own."""

from __future__ import annotations

import pytest

from collector.bundle import Area, Front, Line
from collector.layout import fits
from collector.metric import Metric, Needs
from collector.scheme import Queue, Scheme, own
from tests.collector.reading import ACCOUNT, place, view


def mine(**dimensions: str) -> Metric:
    return own(
        namespace="Shop", name="Orders", statistic="Sum", unit="Count", dimensions=dimensions,
        exported="shop_orders", help_text="Orders taken.",
    )  # fmt: skip


def test_a_queue_belongs_to_the_placements_that_it_names() -> None:
    queue = Queue(service="jobs", name="jobs-eu", region="eu-*", fresh_s=60)
    scheme = Scheme(queues=(queue,))
    line = scheme.line(view("jobs"), 1.0)
    assert (line.queue, line.fresh_s) == ("jobs-eu", 60)
    assert scheme.line(view("jobs", "us-east-1"), 1.0).queue == ""
    assert scheme.line(view("shop"), 1.0).queue == ""


def test_a_metric_of_ones_own_is_read_of_every_service_that_has_what_it_names() -> None:
    metric = mine(Service="{service}", Balancer="{load_balancer}")
    assert metric.needs is Needs.LOAD_BALANCER
    assert fits(metric, Front.LOAD)
    behind = Scheme().line(view("shop"), 1.0)
    (query,) = behind.queries(metric)
    assert query.dimensions == (("Service", "shop"), ("Balancer", "app/shop/1"))
    assert Scheme().line(view("jobs", balancer=""), 1.0).queries(metric) == ()


def test_a_metric_that_names_nothing_of_a_service_is_read_once_a_region() -> None:
    metric = mine(Stage="production")
    assert metric.exported is not None
    assert metric.exported.labels == ("account", "region")
    assert Line(owner=place("shop")).queries(metric) == ()
    (query,) = Line(owner=Area(ACCOUNT, "eu-west-1")).queries(metric)
    assert query.dimensions == (("Stage", "production"),)


def test_a_metric_may_be_of_some_services_only() -> None:
    metric = own(
        namespace="Shop", name="Orders", statistic="Sum", unit="", dimensions={"Service": "{service}"},
        exported="shop_orders", help_text="Orders taken.", services=("payment",),
    )  # fmt: skip
    assert Line(owner=place("shop")).queries(metric) == ()
    assert len(Line(owner=place("payment")).queries(metric)) == 1


def test_what_is_not_known_makes_no_dimension() -> None:
    with pytest.raises(ValueError, match="a dimension is made of account, cluster"):
        mine(Host="{host}")


def test_a_name_that_prometheus_would_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="lower case"):
        own(
            namespace="Shop", name="Orders", statistic="Sum", unit="", dimensions={}, exported="Shop-Orders",
            help_text="Orders taken.",
        )  # fmt: skip


def test_what_is_ones_own_is_bought_besides_the_catalogue() -> None:
    metric = mine(Stage="production")
    assert Scheme(extra=(metric,)).metrics == (*Scheme().metrics, metric)
