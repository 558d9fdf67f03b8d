"""A service that vanishes is no outage and is not forgotten; an answer that has nothing is doubted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.presence import ASKED_AFTER
from collector.source import DeniedError
from fournines.jobs.measure import Discover, Evaluate
from fournines.jobs.watch import BLIND_AFTER, PASSING, Watch
from fournines.known import Known
from fournines.store.books import Books
from slo.cells import Indicator, Sli
from tests.living import ACCOUNT, BAD_DEPLOYMENT, NOON, REGIONS, Life, Through, at, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from collector.estate import RegionEstate, ServiceView
    from collector.source import Source
    from slo.cells import Placement

LOOK = timedelta(minutes=5)
HOME = REGIONS[0]
CATALOG, PAYMENT = at("course-catalog"), at("payment")


class Thinned(Through):
    """A source that tells only the services that are left, at the moment of the test."""

    def __init__(self, source: Source, now: datetime) -> None:
        super().__init__(source)
        self.now = now
        self.left: Sequence[Placement] = ()
        self.change: Callable[[ServiceView], ServiceView] = lambda view: view

    def estate(self, account: str, region: str) -> RegionEstate:
        told = self._source.estate(account, region)
        views = (replace(self.change(v), seen_at=self.now) for v in told.services if v.placement in self.left)
        return replace(told, seen_at=self.now, services=tuple(views))


class Watched:
    """One region that is looked at every five minutes, and what is known of it."""

    def __init__(self, world: Life, books: Books) -> None:
        self.world, self.books, self.known = world, books, Known(books, lambda _: 1.0)
        self.source = Thinned(world.source, world.clock.now())

    @property
    def now(self) -> datetime:
        return self.source.now

    def look(self, *left: Placement, after: timedelta = LOOK) -> None:
        self.source.left, self.source.now = left, self.source.now + after
        Discover(self.source, [(ACCOUNT, HOME)], self.known, self.books, 1).run(self.now)

    def asked(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return the services of the region that are asked for, and their routes."""
        lines = (line for bundle in self.known.layout.bundles for line in bundle.lines)
        return {line.service: line.routes for line in lines if line.service and line.owner.region == HOME}

    def dark(self) -> list[str]:
        """Return what a watch says of the region after it has waited for minutes that nobody told."""
        with Books.open("sqlite://") as others:
            watch = Watch(others, self.known, self.world.service.board)
            for wait in (timedelta(), BLIND_AFTER + LOOK, BLIND_AFTER + LOOK + PASSING):
                watch.run(self.now + wait)
            return [incident.sentence for incident in others.open_incidents()]


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def watched(books: Books) -> Watched:
    made = Watched(Life(small(), books), books)
    made.look(CATALOG, PAYMENT, after=timedelta())
    return made


def test_one_empty_answer_is_doubted(watched: Watched) -> None:
    watched.look()
    assert set(watched.known.services) == {CATALOG, PAYMENT}
    assert set(watched.asked()) == {"course-catalog", "payment"}
    watched.look(CATALOG, PAYMENT)
    assert not watched.known.vanished(CATALOG)


def test_a_vanished_service_is_listed_and_after_a_while_nothing_is_asked_of_it(watched: Watched) -> None:
    watched.look(PAYMENT)
    watched.look(PAYMENT)
    assert set(watched.known.services) == {PAYMENT}
    assert watched.known.sightings[CATALOG].vanished_since == NOON + LOOK
    assert set(watched.asked()) == {"course-catalog", "payment"}, "its last minutes may still come"
    watched.look(PAYMENT, after=ASKED_AFTER)
    assert set(watched.asked()) == {"payment"}
    assert watched.known.sightings[CATALOG].first_seen == NOON


def test_it_is_known_as_vanished_after_a_restart_and_goes_on_when_it_comes_back(watched: Watched) -> None:
    watched.look(PAYMENT)
    watched.look(PAYMENT)
    watched.known = Known(watched.books, lambda _: 1.0)
    assert watched.known.vanished(CATALOG)
    assert set(watched.known.services) == {PAYMENT}
    watched.look(CATALOG, PAYMENT)
    assert not watched.known.vanished(CATALOG)
    assert watched.known.sightings[CATALOG].first_seen == NOON


def test_a_store_from_before_there_were_sightings_forgets_no_service(watched: Watched) -> None:
    with Books.open("sqlite://") as old:
        for estate in watched.books.estates():
            old.save_estate(estate)
        known = Known(old, lambda _: 1.0)
    assert known.sightings[CATALOG].last_seen == NOON


def test_a_region_that_cannot_be_read_loses_nothing(watched: Watched) -> None:
    class Denied(Thinned):
        def estate(self, account: str, region: str) -> RegionEstate:
            raise DeniedError(f"{account}/{region}: ecs:ListClusters is missing")

    watched.source = Denied(watched.world.source, watched.now)
    watched.look()
    watched.look()
    assert set(watched.known.services) == {CATALOG, PAYMENT}
    assert "ecs:ListClusters" in watched.known.unreadable[ACCOUNT, HOME]


def test_a_region_where_all_has_vanished_is_not_dark(watched: Watched) -> None:
    (told,) = watched.dark()
    assert f"blind in {HOME} of account {ACCOUNT}" in told
    watched.look()
    watched.look()
    assert watched.dark() == []


def test_a_service_that_burnt_when_it_vanished_rings_no_more_and_keeps_its_cells(books: Books) -> None:
    world = Life(small(BAD_DEPLOYMENT), books)
    world.until(17)
    watched = Watched(world, books)
    watched.look(CATALOG, PAYMENT, after=timedelta())
    (incident,) = books.open_incidents()
    evaluate = Evaluate(world.objectives, watched.known, books, world.desk)
    evaluate.run(watched.now + timedelta(seconds=30))
    (ringing,) = books.open_incidents()
    assert max(s.last_seen for s in ringing.symptoms) > max(s.last_seen for s in incident.symptoms)
    watched.look(PAYMENT, after=timedelta(seconds=1))
    watched.look(PAYMENT, after=timedelta(seconds=1))
    evaluate.run(watched.now + timedelta(seconds=60))
    (silent,) = books.open_incidents()
    assert silent.symptoms == ringing.symptoms
    with books.ledger() as ledger:
        assert Sli(CATALOG, Indicator.AVAILABILITY) in ledger


def test_a_balancer_replaced_under_a_service_is_the_one_that_is_asked(watched: Watched) -> None:
    (old,) = watched.known.services[CATALOG].load_balancers
    watched.source.change = lambda view: (
        replace(view, load_balancers=("app/new/8",)) if view.placement == CATALOG else view
    )
    watched.look(CATALOG, PAYMENT)
    assert watched.known.placement_behind([("LoadBalancer", "app/new/8")]) == CATALOG
    assert watched.known.placement_behind([("LoadBalancer", old)]) is None
    assert [balancer for _, balancer in watched.asked()["course-catalog"]] == ["app/new/8"]
    after_a_restart = Known(watched.books, lambda _: 1.0).services[CATALOG]
    assert [one.route.load_balancer for one in after_a_restart.abandoned] == [old]
