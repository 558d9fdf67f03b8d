"""A small estate and what is asked of it, for the tests of reading."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from collector.bundle import Front, Track
from collector.catalog import HEALTHY_HOSTS, METRICS, REQUESTS
from collector.estate import Insights, RegionEstate, ServiceView
from collector.layout import Asked, Layout, lay_out, line
from collector.metric import Metric, Tier
from collector.watermarks import Window
from slo.cells import Placement, minute_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE = minute_of(NOON)
ACCOUNT = "123456789012"


def place(service: str, region: str = "eu-west-1", cluster: str = "mylearning") -> Placement:
    return Placement(ACCOUNT, region, cluster, service)


def view(
    service: str, region: str = "eu-west-1", balancer: str = "own", cluster: str = "mylearning"
) -> ServiceView:
    """Describe a service behind a load balancer of its own, a shared one, or (empty) none."""
    return ServiceView(
        placement=place(service, region, cluster), seen_at=NOON, status="ACTIVE",
        desired=1, running=1, pending=0, task_definition="td:1",
        target_groups=(f"targetgroup/{service}/1",) if balancer else (),
        load_balancers=(f"app/{service if balancer == 'own' else balancer}/1",) if balancer else (),
        insights=Insights.ENABLED,
    )  # fmt: skip


def laid_out(
    *views: ServiceView, previous: Layout | None = None, metrics: Sequence[Metric] = METRICS
) -> Layout:
    regions = sorted({v.placement.region for v in views})
    estates = [
        RegionEstate(ACCOUNT, region, NOON, tuple(v for v in views if v.placement.region == region))
        for region in regions
    ]
    thresholds = {"slow": 1.0}
    return lay_out(estates, lambda v: line(v, thresholds.get(v.placement.service, 0.3)), metrics, previous)


def asked_of(layout: Layout, front: Front = Front.LOAD_BALANCER) -> Asked:
    """Ask for everything of a front of the only region."""
    places = [i for i, bundle in enumerate(layout.bundles) if bundle.front is front]
    return layout.asked(places, [frozenset[Metric]()] * len(places))


def counted(*views: ServiceView) -> Asked:
    return asked_of(laid_out(*views or (view("shop"),)))


def track(tier: Tier = Tier.SLI) -> Track:
    return Track(ACCOUNT, "eu-west-1", tier)


def window(asked: Asked, arrived: str, start: int = MINUTE) -> Window:
    """Answer the series that speak every minute, a character each: `x` both, `h` only hosts, `.` none."""
    values = np.full((asked.height, len(arrived)), np.nan)
    values[asked.rows[REQUESTS].rows] = [1.0 if told == "x" else np.nan for told in arrived]
    values[asked.rows[HEALTHY_HOSTS].rows] = [np.nan if told == "." else 1.0 for told in arrived]
    return Window(asked, start, values, np.zeros(asked.height, dtype=bool))


def gone(asked: Asked, width: int, start: int = MINUTE) -> Window:
    return Window(asked, start, np.full((asked.height, width), np.nan), np.ones(asked.height, dtype=bool))
