"""Readings become cells: every row of the data-state table, late minutes, gaps, shared load balancers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.blame import share_failures
from collector.bundle import Bundle, Front
from collector.catalog import (
    ELB_5XX,
    FAST_RESPONSES,
    HEALTHY_HOSTS,
    METRICS,
    REQUESTS,
    RESPONSES,
    TARGET_2XX,
    TARGET_3XX,
    TARGET_4XX,
    TARGET_5XX,
)
from collector.estate import Abandoned, RegionEstate, Route, ServiceView
from collector.indicators import Doubt, DoubtName, cells
from collector.layout import Layout, lay_out, line
from collector.metric import Metric
from collector.watermarks import Window
from slo.cells import Indicator, Placement, Sli, State, minute_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE = minute_of(NOON)
SETTLE_S = 120
SETTLED = NOON + timedelta(minutes=3)
ARRIVING = NOON + timedelta(minutes=1, seconds=30)

Told = dict[Metric, float]


def place(service: str) -> Placement:
    return Placement("123456789012", "eu-west-1", "mylearning", service)


def read(
    *services: str,
    told: Mapping[str, Told],
    gaps: Mapping[str, Metric] | None = None,
    shared: bool = False,
    groups: int = 1,
) -> Window:
    """Answer one minute of services behind load balancers of their own, or behind a shared one."""
    views = tuple(
        ServiceView(
            placement=place(service), seen_at=NOON, status="ACTIVE", desired=1, running=1, pending=0,
            task_definition="td:1",
            target_groups=tuple(f"targetgroup/{service}/{i}" for i in range(groups)),
            load_balancers=("app/all/1",) if shared else (f"app/{service}/1",),
        )
        for service in services
    )  # fmt: skip
    estates = [RegionEstate("123456789012", "eu-west-1", NOON, views)]
    layout = lay_out(estates, lambda view: line(view, 0.3), METRICS)
    counting = [place for place, one in enumerate(layout.bundles) if one.front is Front.LOAD_BALANCER]
    asked = layout.asked(counting, [frozenset[Metric]()] * len(counting))
    values = np.full((asked.height, 1), np.nan)
    gap = np.zeros(asked.height, dtype=bool)
    for metric, where in asked.rows.items():
        for row, owner in zip(where.rows, where.owners, strict=True):
            service = asked.lines[owner].service
            if metric in told.get(service, {}):
                values[row] = told[service][metric]
            gap[row] |= gaps is not None and gaps.get(service) is metric
    return Window(asked, MINUTE, values, gap)


def cell(
    window: Window,
    indicator: Indicator = Indicator.AVAILABILITY,
    *,
    service: str = "shop",
    now: datetime = SETTLED,
) -> tuple[State, int, int]:
    block, _ = cells(window, now, SETTLE_S)
    column = block.slis.index(Sli(place(service), indicator))
    return State(block.state[0, column]), int(block.bad[0, column]), int(block.total[0, column])


BUSY: Told = {REQUESTS: 985, TARGET_2XX: 980, TARGET_5XX: 5, HEALTHY_HOSTS: 4}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({**BUSY, ELB_5XX: 15}, (State.OBSERVED, 20, 1000)),
        (BUSY, (State.OBSERVED, 5, 985)),
        ({REQUESTS: 10, TARGET_2XX: 7, TARGET_3XX: 2, TARGET_4XX: 1}, (State.OBSERVED, 0, 10)),
        ({REQUESTS: 0, HEALTHY_HOSTS: 4}, (State.NO_TRAFFIC, 0, 0)),
        ({HEALTHY_HOSTS: 4}, (State.NO_TRAFFIC, 0, 0)),
        ({HEALTHY_HOSTS: 0}, (State.NO_TRAFFIC, 0, 0)),
        ({ELB_5XX: 600}, (State.OBSERVED, 600, 600)),
        ({ELB_5XX: 600, HEALTHY_HOSTS: 0}, (State.OBSERVED, 600, 600)),
        ({}, (State.UNKNOWN, 0, 0)),
        ({REQUESTS: 100, HEALTHY_HOSTS: 4}, (State.UNKNOWN, 0, 0)),
    ],
    ids=[
        "failures of target and load balancer add up",
        "an absent error series is zero while requests are told",
        "4xx and 3xx are answers",
        "zero requests told",
        "requests absent, hosts report",
        "nobody asked a service without healthy hosts",
        "a total outage counts no request",
        "a total outage with hosts",
        "nothing told",
        "requests without any code",
    ],
)
def test_what_a_settled_minute_means(told: Told, expected: tuple[State, int, int]) -> None:
    assert cell(read("shop", told={"shop": told})) == expected


@pytest.mark.parametrize("metric", [REQUESTS, TARGET_2XX, TARGET_5XX, ELB_5XX])
def test_a_gap_is_unknown_and_never_a_zero(metric: Metric) -> None:
    window = read("shop", told={"shop": {**BUSY, ELB_5XX: 15}}, gaps={"shop": metric})
    assert cell(window) == (State.UNKNOWN, 0, 0)


def test_a_gap_of_one_service_leaves_the_others_alone() -> None:
    window = read("shop", "cart", told={"shop": BUSY, "cart": BUSY}, gaps={"cart": REQUESTS})
    assert cell(window) == (State.OBSERVED, 5, 985)
    assert cell(window, service="cart") == (State.UNKNOWN, 0, 0)


def test_no_requests_is_not_quiet_while_the_hosts_are_unanswered() -> None:
    assert cell(read("shop", told={"shop": {}}, gaps={"shop": HEALTHY_HOSTS}))[0] is State.UNKNOWN


def test_a_minute_that_is_still_arriving_is_not_judged() -> None:
    assert cell(read("shop", told={"shop": {}}), now=ARRIVING)[0] is State.UNKNOWN
    assert cell(read("shop", told={"shop": {HEALTHY_HOSTS: 4}}), now=ARRIVING)[0] is State.UNKNOWN
    assert cell(read("shop", told={"shop": {REQUESTS: 10, TARGET_2XX: 10}}), now=ARRIVING)[0] is State.UNKNOWN


def test_failures_are_told_before_the_minute_has_settled() -> None:
    assert cell(read("shop", told={"shop": {ELB_5XX: 600}}), now=ARRIVING) == (State.OBSERVED, 600, 600)
    assert cell(read("shop", told={"shop": BUSY}), now=ARRIVING) == (State.OBSERVED, 5, 985)


def test_a_minute_settles_exactly_when_its_time_has_passed() -> None:
    window = read("shop", told={"shop": {HEALTHY_HOSTS: 4}})
    settled = NOON + timedelta(minutes=1, seconds=SETTLE_S)
    assert cell(window, now=settled)[0] is State.NO_TRAFFIC
    assert cell(window, now=settled - timedelta(seconds=1))[0] is State.UNKNOWN


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({**BUSY, RESPONSES: 985, FAST_RESPONSES: 980.25}, (State.OBSERVED, 4_750, 985_000)),
        ({**BUSY, RESPONSES: 985, FAST_RESPONSES: 985.4}, (State.OBSERVED, 0, 985_000)),
        ({**BUSY, RESPONSES: 985, FAST_RESPONSES: 0}, (State.OBSERVED, 985_000, 985_000)),
        ({**BUSY, RESPONSES: 985}, (State.UNKNOWN, 0, 0)),
        (BUSY, (State.UNKNOWN, 0, 0)),
        ({ELB_5XX: 600}, (State.OBSERVED, 600_000, 600_000)),
        ({**BUSY, ELB_5XX: 15, RESPONSES: 985, FAST_RESPONSES: 985}, (State.OBSERVED, 15_000, 1_000_000)),
        ({HEALTHY_HOSTS: 4}, (State.NO_TRAFFIC, 0, 0)),
    ],
    ids=[
        "fractions of requests are kept",
        "an estimate never exceeds what was answered",
        "all slow",
        "no estimate is unknown, not slow",
        "requests without response times",
        "what the load balancer failed is slow",
        "it adds to what was answered",
        "quiet",
    ],
)
def test_what_latency_means(told: Told, expected: tuple[State, int, int]) -> None:
    assert cell(read("shop", told={"shop": told}), Indicator.LATENCY) == expected


def test_a_latency_gap_leaves_availability_known() -> None:
    window = read("shop", told={"shop": {**BUSY, RESPONSES: 985}}, gaps={"shop": FAST_RESPONSES})
    assert cell(window)[0] is State.OBSERVED
    assert cell(window, Indicator.LATENCY)[0] is State.UNKNOWN


def test_both_target_groups_of_a_blue_green_deployment_are_summed() -> None:
    window = read("shop", told={"shop": {**BUSY, ELB_5XX: 15}}, groups=2)
    assert cell(window) == (State.OBSERVED, 25, 1985)


def test_a_shared_load_balancer_charges_the_service_without_hosts() -> None:
    up: Told = {REQUESTS: 1000, TARGET_2XX: 1000, HEALTHY_HOSTS: 4, ELB_5XX: 600}
    down: Told = {HEALTHY_HOSTS: 0, ELB_5XX: 600}
    window = read("shop", "cart", told={"shop": up, "cart": down}, shared=True)
    assert cell(window) == (State.OBSERVED, 0, 1000)
    assert cell(window, service="cart") == (State.OBSERVED, 600, 600)


@pytest.mark.parametrize(
    "absent", [{"until": MINUTE}, {"since": MINUTE + 1}], ids=["vanished", "not yet there"]
)
def test_who_is_not_there_hides_no_failures_of_a_shared_load_balancer(absent: dict[str, Any]) -> None:
    up: Told = {REQUESTS: 1000, TARGET_2XX: 400, HEALTHY_HOSTS: 4, ELB_5XX: 600}
    window = read("shop", "cart", told={"shop": up, "cart": {ELB_5XX: 600}}, shared=True)
    shop, cart = sorted(window.asked.lines, key=lambda line: line.service != "shop")
    lines = tuple(sorted((shop, replace(cart, **absent)), key=lambda line: line.service))
    asked = Layout((Bundle(Front.LOAD_BALANCER, lines),), METRICS).asked([0], [frozenset()])
    judged = replace(window, asked=asked)
    assert cell(judged) == (State.OBSERVED, 600, 1000)
    assert cell(judged, service="cart")[1] == 0


def test_a_service_that_was_deleted_later_still_bears_what_it_failed_before() -> None:
    up: Told = {REQUESTS: 1000, TARGET_2XX: 1000, HEALTHY_HOSTS: 4, ELB_5XX: 600}
    window = read("shop", "cart", told={"shop": up, "cart": {ELB_5XX: 600}}, shared=True)
    lines = tuple(
        replace(one, until=MINUTE + 1) if one.service == "cart" else one for one in window.asked.lines
    )
    asked = Layout((Bundle(Front.LOAD_BALANCER, lines),), METRICS).asked([0], [frozenset()])
    judged = replace(window, asked=asked)
    assert (cell(judged)[1], cell(judged, service="cart")[1]) == (0, 600)


def test_a_shared_load_balancer_divides_by_requests_and_counts_once() -> None:
    busy: Told = {REQUESTS: 900, TARGET_2XX: 900, HEALTHY_HOSTS: 4, ELB_5XX: 7}
    calm: Told = {REQUESTS: 100, TARGET_2XX: 100, HEALTHY_HOSTS: 4, ELB_5XX: 7}
    window = read("shop", "cart", told={"shop": busy, "cart": calm}, shared=True)
    assert (cell(window)[1], cell(window, service="cart")[1]) == (6, 1)


@given(
    failures=st.integers(0, 10**6),
    services=st.lists(st.tuples(st.integers(0, 10**6), st.booleans(), st.booleans()), min_size=2, max_size=9),
)
def test_shares_are_whole_and_add_up_to_what_failed(
    failures: int, services: list[tuple[int, bool, bool]]
) -> None:
    requests = np.array([[float(count) for count, _, _ in services]])
    healthy = np.array([[up for _, up, _ in services]])
    there = np.array([[stays for _, _, stays in services]])
    shares = share_failures(np.array([failures]), requests, healthy, there)
    assert shares.sum() == failures
    assert (shares >= 0).all()
    there |= not there.any()
    assert not shares[~there].any()
    assert healthy[there].all() or not shares[healthy].any()


@pytest.mark.parametrize(
    ("told", "doubts"),
    [
        ({**BUSY, ELB_5XX: 15}, ()),
        ({**BUSY, REQUESTS: 1000}, ()),
        (
            {**BUSY, REQUESTS: 1100},
            (Doubt(DoubtName.COUNTED_TOO_FEW, place("shop"), MINUTE, MINUTE + 1, 1100, 985),),
        ),
        (
            {**BUSY, REQUESTS: 900},
            (Doubt(DoubtName.COUNTED_TOO_MANY, place("shop"), MINUTE, MINUTE + 1, 900, 985),),
        ),
        ({ELB_5XX: 600}, ()),
        ({}, ()),
    ],
    ids=["agrees", "within the slack", "too few", "too many", "a total outage adds up", "nothing to doubt"],
)
def test_codes_that_contradict_the_requests_are_doubted(told: Told, doubts: tuple[Doubt, ...]) -> None:
    window = read("shop", told={"shop": told})
    assert cells(window, SETTLED, SETTLE_S)[1] == doubts
    assert cells(window, ARRIVING, SETTLE_S)[1] == ()


def test_failures_of_a_shared_load_balancer_that_a_neighbour_bears_too_are_no_contradiction() -> None:
    failing: Told = {REQUESTS: 1000, TARGET_2XX: 700, HEALTHY_HOSTS: 4, ELB_5XX: 300}
    calm: Told = {REQUESTS: 1000, TARGET_2XX: 1000, HEALTHY_HOSTS: 4, ELB_5XX: 300}
    window = read("shop", "cart", told={"shop": failing, "cart": calm}, shared=True)
    assert (cell(window), cell(window, service="cart")) == (
        (State.OBSERVED, 150, 850),
        (State.OBSERVED, 150, 1150),
    )
    assert cells(window, SETTLED, SETTLE_S)[1] == ()


@pytest.mark.parametrize(
    ("left_at", "shares"), [(SETTLED, (10, 0)), (NOON, (0, 10))], ids=["before", "since"]
)
def test_who_has_left_a_shared_load_balancer_bears_nothing_of_the_minutes_since(
    left_at: datetime, shares: tuple[int, int]
) -> None:
    """It was down until it was seen elsewhere: what it failed then must not be its neighbour's later."""
    cart, shop = read("shop", "cart", told={}, shared=True).asked.lines
    elsewhere = (("targetgroup/cart/9", "app/cart/9"),)
    moved = replace(cart, routes=elsewhere, abandoned=(Abandoned(Route(*cart.routes[0]), left_at),))
    asked = Layout((Bundle(Front.LOAD_BALANCER, (moved, shop)),), METRICS).asked([0], [frozenset()])
    values = np.full((asked.height, 1), np.nan)
    for metric, count in {REQUESTS: 100, TARGET_2XX: 100, HEALTHY_HOSTS: 2, ELB_5XX: 10}.items():
        for row, owner in zip(asked.rows[metric].rows, asked.rows[metric].owners, strict=True):
            if asked.lines[owner] is shop:
                values[row] = count
    window = Window(asked, MINUTE, values, np.zeros(asked.height, dtype=bool))
    assert (cell(window, service="cart")[1], cell(window)[1]) == shares
