"""What reading costs before it is spent, and what is saved when a month's budget comes near."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from collector.metric import Tier
from collector.plan import Cadence
from collector.price import (
    METRIC_USD,
    MONTH_MINUTES,
    Thrift,
    bill,
    grouped,
    hot_hour_usd,
    month_gone,
    naive,
    saving,
    shares,
    thrift,
)
from tests.collector.reading import asked_of, laid_out, view

D = Decimal


def test_a_month_is_priced_by_tier_and_service() -> None:
    layout = laid_out(view("shop"))
    told = {(share.tier, share.service): share for share in shares(layout, Cadence())}
    counting = told[Tier.SLI, "shop"]
    assert counting.metrics == 9 * MONTH_MINUTES // 5
    assert counting.usd == 9 * MONTH_MINUTES // 5 * METRIC_USD
    assert counting.grouped == 8 * MONTH_MINUTES // 5, "two statistics of response times may count once"
    assert (Tier.SLOW, "123456789012/eu-west-1") in told


def test_what_a_shared_load_balancer_tells_is_priced_once() -> None:
    apart = shares(laid_out(view("shop"), view("cart")), Cadence())
    shared = shares(laid_out(view("shop", balancer="all"), view("cart", balancer="all")), Cadence())
    assert (
        sum(s.metrics for s in apart if s.tier is Tier.SLI)
        - sum(s.metrics for s in shared if s.tier is Tier.SLI)
        == MONTH_MINUTES // 5
    )


def test_the_naive_way_asks_for_everything_every_minute() -> None:
    assert naive(laid_out(view("shop"), view("shop", "us-east-1"))) == 2 * naive(laid_out(view("shop")))
    layout = laid_out(view("shop"))
    assert naive(layout) == MONTH_MINUTES * (9 + 10 + 6 + 2), "counts, explains, ECS tells, quotas"


def test_five_statistics_of_a_metric_may_be_billed_as_one() -> None:
    queries = asked_of(laid_out(view("shop"))).queries
    assert grouped(queries) == len(queries) - 1


@pytest.mark.parametrize(
    ("spent", "gone", "expected"),
    [
        ("5", "0.01", Thrift.NONE),
        ("50", "0.5", Thrift.NONE),
        ("50.01", "0.5", Thrift.SLOW_RARELY),
        ("60", "0.5", Thrift.SLOW_HOURLY),
        ("66", "0.5", Thrift.SLI_RARELY),
        ("100", "1", Thrift.SLI_RARELY),
        ("120", "1", Thrift.SLI_RARELY),
    ],
    ids=["a month begins", "on pace", "just above", "15 % above", "30 % above", "spent", "overspent"],
)
def test_what_explains_slows_first_and_what_counts_last(spent: str, gone: str, expected: Thrift) -> None:
    assert thrift(D(spent), D(100), D(gone)) is expected


def test_without_a_budget_nothing_is_saved() -> None:
    assert thrift(D(10_000), None, D("0.1")) is Thrift.NONE


def test_saving_never_slows_what_burns() -> None:
    cadence = Cadence()
    for level in Thrift:
        saved = saving(cadence, level)
        assert saved.every(Tier.SLI, hot=True) == cadence.hot_every
        assert level.sentence.endswith(".")
    assert saving(cadence, Thrift.NONE) == cadence
    assert saving(cadence, Thrift.SLOW_RARELY).slow_every == 30
    assert saving(cadence, Thrift.SLOW_HOURLY) == Cadence(slow_every=60)
    assert saving(cadence, Thrift.SLI_RARELY) == Cadence(slow_every=60, sli_every=10)


def test_a_bill_names_all_that_is_paid_and_adds_up() -> None:
    layout = laid_out(view("shop"))
    whole = bill(layout, Cadence(), heartbeat_regions=2, probes=3)
    assert {one.name: one.usd for one in whole.standing} == {
        "heartbeat, written": D("0.864"),
        "heartbeat, kept": D("0.60"),
        "heartbeat, alarms": D("0.20"),
        "ListMetrics": 0,
        "probes": 0,
    }
    tiers = [whole.of_tier(tier) for tier in Tier]
    assert whole.usd == sum(usd for _, usd, _ in tiers) + D("1.664")
    assert whole.usd_grouped < whole.usd < whole.naive_usd / 4


def test_an_hour_of_a_burning_service_is_priced_in_all_its_regions() -> None:
    one = hot_hour_usd(laid_out(view("shop"), view("cart")), "shop", Cadence())
    two = hot_hour_usd(laid_out(view("shop"), view("shop", "us-east-1")), "shop", Cadence())
    assert one == (9 + 10 + 9) * 60 * METRIC_USD, "what counts of its neighbour is read as often"
    assert two == 2 * (9 + 10) * 60 * METRIC_USD


def test_a_month_is_that_of_the_bill() -> None:
    assert month_gone(datetime(2026, 2, 1, tzinfo=UTC)) == 0
    assert month_gone(datetime(2026, 2, 15, tzinfo=UTC)) == D("0.5")
