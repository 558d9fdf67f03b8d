"""Minutes that are easily lost, doubled or taken for good: what is collected is what the world served."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fournines import staging
from fournines.issuing import close
from fournines.rehearsal.collecting import Collecting, wrong_cells
from fournines.store.books import Books
from remediation.journal import EntryKind
from slo.cells import Indicator, Placement, Sli, State, minute_of
from slo.contracts import read
from slo.months import Month
from slo.statement import Verdict
from tests.living import ACCOUNT, CLUSTER, NOON, REGIONS, Through, at, small

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from collector.estate import RegionEstate, ServiceView
    from collector.source import Batch, Query, Readings, Source
    from simulator.scenario import Scenario

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SETTLED = 12 * MINUTE
HOME = REGIONS[0]


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def one_region(
    *services: dict[str, Any], start: datetime = NOON, hours: int = 2, faults: Iterable[dict[str, Any]] = ()
) -> Scenario:
    return small(
        *faults,
        start=start,
        duration=f"{hours}h",
        lived_in="0s",
        estate={"regions": [HOME], "traffic": {"shape": "flat"}, "services": services},
    )


def served(life: Collecting, service: str, start: datetime, end: datetime) -> tuple[int, int]:
    """Return bad and total of a service as the world knows them."""
    place = life.world.estate.find(HOME, service)
    assert place is not None
    return life.world.truth.pooled(minute_of(start), minute_of(end), [place.index])


def cells(
    books: Books, service: str, start: datetime, end: datetime, indicator: Indicator = Indicator.AVAILABILITY
) -> Any:  # noqa: ANN401 - arrays
    with books.ledger() as ledger:
        return ledger.minutes(Sli(at(service), indicator), minute_of(start), minute_of(end))


# nobody there


def test_a_service_that_is_scaled_to_nothing_and_back_is_never_good_meanwhile(books: Books) -> None:
    life = Collecting(one_region({"name": "web"}, {"name": "pricing", "front": "service_connect"}), books)

    def scale(service: str, tasks: int) -> None:
        where = {"region": HOME, "account": ACCOUNT, "caller": "person"}
        params = {"cluster": CLUSTER, "service": service, "desiredCount": tasks}
        life.world.ecs.call("UpdateService", params, **where)

    life.until(NOON + 30 * MINUTE)
    for service in ("web", "pricing"):
        scale(service, 0)
    life.until(NOON + 60 * MINUTE)
    for service in ("web", "pricing"):
        scale(service, 3)
    life.until(NOON + 2 * HOUR)
    for service in ("web", "pricing"):
        bad, total, state = cells(books, service, NOON + 35 * MINUTE, NOON + 60 * MINUTE)
        assert (bad == total).all()
        assert (state == State.OBSERVED).all()
    assert wrong_cells(life.world, books, NOON, NOON + 2 * HOUR - SETTLED) == []
    assert not life.known.doubts


# what stands before it changes


class Replaced(Through):
    """A source that knows a service behind another load balancer until a moment; each tells its minutes."""

    OLD = "app/older/0123456789abcdef"

    def __init__(self, source: Source, service: str, until: datetime) -> None:
        super().__init__(source)
        self._service, self._until = service, minute_of(until)
        self._asked: dict[int, tuple[Batch, Batch]] = {}
        self._new = ""

    def estate(self, account: str, region: str) -> RegionEstate:
        told = self._source.estate(account, region)
        return replace(told, services=tuple(self._seen(view, told.seen_at) for view in told.services))

    def _seen(self, view: ServiceView, now: datetime) -> ServiceView:
        if view.placement.service != self._service:
            return view
        (self._new,) = view.load_balancers
        return replace(view, load_balancers=(self.OLD,)) if minute_of(now) < self._until else view

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        _, asked = self._asked.setdefault(id(batch), (batch, self._renamed(batch)))
        told = self._source.metrics(asked, start, end)
        before, values = np.arange(start, end) < self._until, told.values.copy()
        for row, query in enumerate(batch.queries):
            balancer = dict(query.dimensions).get("LoadBalancer")
            if balancer in {self.OLD, self._new}:
                values[row, before == (balancer == self._new)] = np.nan
        return replace(told, batch=batch, values=values)

    def _renamed(self, batch: Batch) -> Batch:
        return replace(batch, queries=tuple(self._real(query) for query in batch.queries))

    def _real(self, query: Query) -> Query:
        names = ((name, self._new if value == self.OLD else value) for name, value in query.dimensions)
        return replace(query, dimensions=tuple(names))


def test_a_load_balancer_replaced_under_a_service_costs_no_minute(books: Books) -> None:
    moment = NOON + 33 * MINUTE
    life = Collecting(
        one_region({"name": "web"}, {"name": "payment"}), books, None, lambda s: Replaced(s, "web", moment)
    )
    life.until(NOON + 2 * HOUR)
    assert wrong_cells(life.world, books, NOON, NOON + 2 * HOUR - SETTLED) == []


class TwoClusters(Through):
    """A source in which one of two services bears the other's name, in a cluster of its own."""

    def estate(self, account: str, region: str) -> RegionEstate:
        told = self._source.estate(account, region)
        return replace(told, services=tuple(map(self._moved, told.services)))

    @staticmethod
    def _moved(view: ServiceView) -> ServiceView:
        place = view.placement
        return replace(view, placement=SECOND) if place.service == "payment" else view


SECOND = Placement(ACCOUNT, HOME, "second", "web")


def test_two_services_of_one_name_in_two_clusters_are_counted_apart(books: Books) -> None:
    trouble = {"kind": "alb_errors", "at": "10m", "duration": "20m", "where": {"service": "payment"}}
    life = Collecting(
        one_region({"name": "web"}, {"name": "payment"}, faults=[trouble]), books, None, TwoClusters
    )
    life.until(NOON + HOUR)
    start, end = minute_of(NOON), minute_of(NOON + HOUR - SETTLED)
    with books.ledger() as ledger:
        sums = [
            ledger.minutes(Sli(place, Indicator.AVAILABILITY), start, end) for place in (at("web"), SECOND)
        ]
    found = [(int(bad.sum()), int(total.sum())) for bad, total, _ in sums]
    assert found == [served(life, name, NOON, NOON + HOUR - SETTLED) for name in ("web", "payment")]
    assert found[1][0] > found[0][0]


# told otherwise


def test_a_rewritten_minute_is_restated_once_in_ledger_journal_and_metrics(books: Books) -> None:
    revised = {"kind": "metrics_revised", "at": "10m", "duration": "15m", "share": 0.5, "by": "40m"}
    life = Collecting(one_region({"name": "web"}, hours=4, faults=[revised]), books)
    life.until(NOON + 40 * MINUTE)
    half = served(life, "web", NOON + 10 * MINUTE, NOON + 25 * MINUTE)[1]
    assert cells(books, "web", NOON + 10 * MINUTE, NOON + 25 * MINUTE)[1].sum() < half * 0.6
    told: list[tuple[int, int]] = []
    for hours in (2, 4):
        life.until(NOON + hours * HOUR)
        entries = [kept.entry for kept in books.entries() if kept.entry.kind is EntryKind.RESTATED]
        told.append((sum(entry.data["cells"] for entry in entries), life.known.restated.total()))
    assert told == [(2 * 15, 2 * 15)] * 2, "two indicators of fifteen minutes, and never again"
    assert wrong_cells(life.world, books, NOON, NOON + 4 * HOUR - SETTLED) == []


# calendars


def berlin(service: str) -> Any:  # noqa: ANN401 - a contract
    (made,) = read([{**staging.contract("acme", [service], []), "zone": "Europe/Berlin"}]).contracts
    return made


def test_a_month_ends_for_the_statement_at_its_zone_s_midnight_and_for_the_ledger_never(books: Books) -> None:
    start, midnight = datetime(2026, 10, 31, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    life = Collecting(one_region({"name": "web"}, start=start, hours=3), books)
    life.until(start + 3 * HOUR)
    end = start + 3 * HOUR - SETTLED
    assert wrong_cells(life.world, books, start, end) == []
    old, new = (close(books, berlin("web"), Month(2026, number), end) for number in (10, 11))
    assert (old.totals.bad.exact, old.totals.total.exact) == served(life, "web", start, midnight)
    assert (new.totals.bad.exact, new.totals.total.exact) == served(life, "web", midnight, end)
    assert new.verdict is Verdict.NOT_FINAL


def test_the_hour_that_a_clock_shows_twice_is_counted_twice_and_belongs_to_one_day(books: Books) -> None:
    start = datetime(2026, 10, 25, tzinfo=UTC)
    life = Collecting(one_region({"name": "web"}, start=start, hours=3), books)
    life.until(start + 3 * HOUR)
    end = start + 3 * HOUR - SETTLED
    assert wrong_cells(life.world, books, start, end) == []
    day = close(books, berlin("web"), Month(2026, 10), end).days[24]
    assert (day.bad.exact, day.total.exact) == served(life, "web", start, end)
