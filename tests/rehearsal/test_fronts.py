"""Whatever stands before a service, in whichever account: what is collected is what the world served."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.bundle import Area
from collector.catalog import CPU, ELB_502, OLDEST_MESSAGE, TASK_CPU, VCPUS, ZONES
from collector.scheme import Queue, Scheme
from fournines.rehearsal.collecting import Collecting, wrong_cells
from fournines.store.books import Books
from slo.cells import Indicator, Placement, Sli, State, minute_of
from tests.living import ACCOUNT, CLUSTER, NOON, small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.load import Latest
    from collector.metric import Metric

OTHER = "210987654321"
HOME = "eu-west-1"
MINUTE = timedelta(minutes=1)
END, SETTLED = NOON + 130 * MINUTE, NOON + 118 * MINUTE
MAX_AGE_S = 300.0
SERVICES: list[dict[str, Any]] = [
    {"name": "web"},
    {"name": "cart", "load_balancer": "edge"},
    {"name": "search", "load_balancer": "edge", "requests_per_minute": 700},
    {"name": "pricing", "front": "service_connect"},
    {"name": "grader", "front": "none", "queue": {"name": "grades"}},
    {"name": "legacy", "launch": "ec2"},
]
SHARING = ("cart", "search")
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "alb_errors", "at": "10m", "error_ratio": 0.2, "where": {"service": "web", "account": OTHER}},
    {"kind": "alb_errors", "at": "20m", "error_ratio": 0.3, "where": {"service": "search"}},
    {"kind": "dependency_failure", "at": "10m", "error_ratio": 0.3, "where": {"service": "pricing"}},
    {"kind": "dependency_failure", "at": "30m", "error_ratio": 0.99, "where": {"service": "grader"}},
    {"kind": "latency", "at": "40m", "factor": 20, "where": {"service": "pricing", "account": OTHER}},
    {"kind": "metrics_revised", "at": "15m", "share": 0.5, "by": "20m"},
)


@pytest.fixture(scope="module")
def life() -> Iterator[Collecting]:
    """Two accounts with the same services, lived through; a service was hot towards the end."""
    scenario = small(
        *({"duration": "15m", **fault} for fault in FAULTS),
        duration="130m",
        estate={
            "accounts": [ACCOUNT, OTHER], "regions": [HOME], "insights": "enhanced",
            "traffic": {"shape": "flat"}, "services": SERVICES,
        },
    )  # fmt: skip
    with Books.open("sqlite://") as books:
        lived = Collecting(scenario, books, Scheme(queues=(Queue(service="grader", name="grades"),)))
        lived.until(END - 10 * MINUTE)
        lived.known.heat.sign("web", lived.clock.now())
        lived.until(END)
        yield lived


def there(service: str, account: str = ACCOUNT) -> Placement:
    return Placement(account, HOME, CLUSTER, service)


def cells(life: Collecting, service: str, indicator: Indicator, account: str = ACCOUNT) -> Any:  # noqa: ANN401 - arrays
    """Return bad, total and state of the minutes that have settled."""
    with life.books.ledger() as ledger:
        return ledger.minutes(Sli(there(service, account), indicator), minute_of(NOON), minute_of(SETTLED))


def truth(life: Collecting, what: str, service: str, account: str = ACCOUNT) -> Any:  # noqa: ANN401 - an array
    place = life.world.estate.find(HOME, service, account)
    assert place is not None
    return getattr(life.world.truth, what)[: minute_of(SETTLED) - minute_of(NOON), place.index]


def latest(life: Collecting, service: str, metric: Metric, label: str = "") -> Latest:
    return life.known.loads[there(service)].latest[metric, label]


def test_every_cell_is_what_was_served_save_those_of_who_shared_a_failing_load_balancer(
    life: Collecting,
) -> None:
    wrong = wrong_cells(life.world, life.books, NOON, SETTLED)
    assert {line.split("/")[3] for line in wrong} == {*SHARING}
    failing = {minute_of(NOON + minute * MINUTE) for minute in range(20, 35)}
    assert {int(line.split("minute ")[1].split(":")[0]) for line in wrong} <= failing
    assert life.record.health()["collect"].failures == 0


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_what_a_shared_load_balancer_failed_is_charged_to_those_behind_it_once(
    life: Collecting, account: str
) -> None:
    """Which of them failed is not told by CloudWatch: the shares follow the written rule, the sum is true."""
    for number, what in enumerate(("bad", "total")):
        charged = sum(cells(life, service, Indicator.AVAILABILITY, account)[number] for service in SHARING)
        assert np.array_equal(charged, sum(truth(life, what, service, account) for service in SHARING)), what
    assert cells(life, "cart", Indicator.AVAILABILITY, account)[0].sum() > 100


def test_failures_that_a_neighbour_bears_too_cast_no_doubt_on_what_was_read(life: Collecting) -> None:
    assert dict(life.known.doubts) == {}


def test_the_same_service_of_two_accounts_is_counted_apart(life: Collecting) -> None:
    assert cells(life, "web", Indicator.AVAILABILITY)[0].sum() < 20
    assert cells(life, "web", Indicator.AVAILABILITY, OTHER)[0].sum() > 1000
    assert (
        cells(life, "pricing", Indicator.LATENCY)[0].sum()
        < cells(life, "pricing", Indicator.LATENCY, OTHER)[0].sum()
    )


@pytest.mark.parametrize("account", [ACCOUNT, OTHER])
def test_a_worker_is_fresh_while_no_message_waits_for_long(life: Collecting, account: str) -> None:
    bad, total, state = cells(life, "grader", Indicator.FRESHNESS, account)
    late = truth(life, "age_s", "grader", account) > MAX_AGE_S
    assert late.any()
    assert np.array_equal(bad, late)
    assert (total == 1).all()
    assert (state == State.OBSERVED).all()


def test_a_worker_without_requests_has_no_availability(life: Collecting) -> None:
    with life.books.ledger() as ledger:
        indicators = {sli.indicator for sli in ledger.slis if sli.placement == there("grader")}
    assert indicators == {Indicator.FRESHNESS}


def test_while_a_service_is_hot_its_zones_add_up_to_what_it_served(life: Collecting) -> None:
    place = life.world.estate.places[0]
    requests, failures, refused, healthy = (
        [latest(life, "web", metric, zone) for zone in place.zones] for metric in ZONES
    )
    (minute,) = {point.minute for point in (*requests, *failures)}
    row = minute - life.world.truth.start
    assert sum(point.value for point in requests) == life.world.truth.total[row, place.index]
    failed = sum(point.value for point in (*failures, *refused))
    assert failed == life.world.truth.bad[row, place.index]
    assert sum(point.value for point in healthy) == life.world.service(place.index).running
    cold = life.known.loads[there("cart")].latest
    assert not any(metric in ZONES for metric, _ in cold)


def test_what_fargate_gives_is_what_its_tasks_reserve(life: Collecting) -> None:
    for account in (ACCOUNT, OTHER):
        (on_demand, spot) = (
            life.known.loads[Area(account, HOME)].latest[metric, metric.label].value for metric in VCPUS
        )
        reserved = [
            view.running * (view.definition.cpu_units or 0) / 1024
            for place, view in life.known.services.items()
            if place.account == account and place.service != "legacy" and view.definition
        ]
        assert (on_demand, spot) == (sum(reserved), 0)


def test_an_error_counter_of_a_load_balancer_is_back_at_zero_when_it_is_over(life: Collecting) -> None:
    assert truth(life, "bad", "web", OTHER).sum() > 1000
    (failed,) = (p for (m, _), p in life.known.loads[there("web", OTHER)].latest.items() if m is ELB_502)
    assert failed.value == 0
    assert minute_of(END) - failed.minute <= 60


def test_enhanced_insights_tell_of_each_task_and_a_queue_of_its_messages(life: Collecting) -> None:
    assert 0 < latest(life, "web", TASK_CPU).value < 1
    assert latest(life, "web", TASK_CPU).value >= latest(life, "web", CPU).value * 0.9
    assert latest(life, "grader", OLDEST_MESSAGE).value == truth(life, "age_s", "grader")[-1]
