"""The jobs together on a small world: discovered, collected, evaluated, looked at, mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from collector.source import DeniedError
from fournines.jobs.measure import STALE_AFTER, Collect, Discover, Evaluate
from fournines.jobs.respond import Remediate
from fournines.known import Known
from fournines.look import Looker
from fournines.store.books import Books
from remediation.incidents import Phase, Symptom
from remediation.journal import EntryKind
from slo.burn import Severity
from slo.cells import Indicator, Placement, Sli, State, minute_of
from tests.living import BAD_DEPLOYMENT, NOON, REGIONS, Life, Through, at, small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.estate import RegionEstate, ServiceView
    from collector.source import Source


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


class Half(Through):
    """A source that may not read one region."""

    def __init__(self, source: Source, denied: str) -> None:
        super().__init__(source)
        self.denied, self.looks = denied, list[Placement]()

    def estate(self, account: str, region: str) -> RegionEstate:
        if region == self.denied:
            raise DeniedError("ecs:ListClusters is missing")
        return super().estate(account, region)

    def service(self, placement: Placement) -> ServiceView:
        self.looks.append(placement)
        if placement.region == self.denied:
            raise DeniedError("ecs:DescribeServices is missing")
        return super().service(placement)


def life(books: Books, minutes: float = 0, *faults: dict[str, object]) -> Life:
    made = Life(small(*faults), books)
    made.until(minutes)
    return made


@pytest.mark.parametrize("workers", [1, 4])
def test_discovery_finds_every_region_and_one_that_is_denied_hides_no_other(
    books: Books, workers: int
) -> None:
    world, known = life(books), Known(books, lambda _: 1.0)
    scopes = [("123456789012", region) for region in REGIONS]
    Discover(Half(world.source, "us-east-1"), scopes, known, books, workers).run(NOON)
    assert sorted(known.services) == [at("course-catalog"), at("payment")]
    assert list(known.unreadable) == [("123456789012", "us-east-1")]
    Discover(Half(world.source, ""), scopes, known, books, workers).run(NOON)
    assert (len(known.services), known.unreadable) == (4, {})
    assert known.siblings("payment") == (at("payment"), at("payment", "us-east-1"))


def test_what_is_collected_is_what_the_world_served(books: Books) -> None:
    world = life(books, 30)
    first, end = minute_of(NOON) + 2, minute_of(NOON) + 20
    with books.ledger() as ledger:
        for place in world.world.estate.places:
            sli = Sli(
                Placement(place.account, place.region, place.cluster, place.service), Indicator.AVAILABILITY
            )
            bad, total, state = ledger.minutes(sli, first, end)
            rows = slice(first - world.world.truth.start, end - world.world.truth.start)
            assert (state == State.OBSERVED).all(), sli
            assert total.tolist() == world.world.truth.total[rows, place.index].tolist()
            assert bad.tolist() == world.world.truth.bad[rows, place.index].tolist()
    assert world.failures == {}


def test_collecting_counts_what_it_costs_and_goes_on_where_it_was_after_a_restart(books: Books) -> None:
    world = life(books, 12)
    again = Known(books, lambda _: 1.0)
    assert again.marks != {}
    collect = Collect(world.source, again, books, workers=1)
    collect.run(world.clock.now())
    assert sum(cost.calls for cost in again.spent.values()) <= 4, "nothing is read twice"


def test_a_calm_estate_opens_no_incident(books: Books) -> None:
    world = life(books, 40)
    assert (books.open_incidents(), books.entries()) == ((), ())
    assert world.service.board.trouble() == []


def test_a_bad_deployment_is_met_told_and_over(books: Books) -> None:
    world = life(books, 65, BAD_DEPLOYMENT)
    kinds = [kept.entry.kind for kept in books.entries()]
    for kind in (
        EntryKind.OPENED,
        EntryKind.DIAGNOSED,
        EntryKind.APPLIED,
        EntryKind.RECOVERED,
        EntryKind.RESOLVED,
    ):
        assert kinds.count(kind) >= 1, kind
    assert books.open_incidents() == ()
    assert world.ear.heard[0].text.startswith("PAGE · course-catalog · eu-west-1")
    assert books.outbox.backlog().pending <= 1, (
        "at most an edit, which is not sent more often than Slack likes"
    )
    assert books.verify_journal() is None
    assert world.failures == {}


def test_an_alert_stops_when_nothing_new_is_known_for_long(books: Books) -> None:
    world = life(books, 17, BAD_DEPLOYMENT)
    (incident,) = books.open_incidents()
    evaluate = Evaluate(world.objectives, Known(books, lambda _: 1.0), books, world.desk)
    later = world.clock.now() + STALE_AFTER + timedelta(hours=7)
    evaluate.run(later)
    (still,) = books.open_incidents()
    assert max(s.last_seen for s in still.symptoms) == max(s.last_seen for s in incident.symptoms)


def test_a_clock_that_leapt_ahead_and_came_back_leaves_no_window_in_the_future(books: Books) -> None:
    world = life(books, 17, BAD_DEPLOYMENT)
    (incident,) = books.open_incidents()
    evaluate = Evaluate(world.objectives, Known(books, lambda _: 1.0), books, world.desk)
    evaluate.run(world.clock.now() + timedelta(minutes=90))
    with books.ledger() as ledger:
        leapt = ledger.newest
    evaluate.run(world.clock.now() + timedelta(seconds=30))
    with books.ledger() as ledger:
        assert ledger.newest is not None
        assert leapt is not None
        assert ledger.newest <= minute_of(world.clock.now()) < leapt
    (ringing,) = books.open_incidents()
    assert max(s.last_seen for s in ringing.symptoms) > max(s.last_seen for s in incident.symptoms)


def test_what_cannot_be_seen_is_missing_from_the_situation_and_never_good(books: Books) -> None:
    world = life(books, 17, BAD_DEPLOYMENT)
    (incident,) = books.open_incidents()
    looker = world.looker(Half(world.source, "us-east-1"))
    situation = looker.situations(incident, [at("course-catalog")], world.clock.now())[at("course-catalog")]
    assert situation.siblings == (at("course-catalog"), at("course-catalog", "us-east-1"))
    assert list(situation.views) == [at("course-catalog")]
    assert situation.here is not None
    assert situation.here.failing
    assert all(event.origin.region in REGIONS for event in situation.events)


def test_siblings_are_looked_at_once_a_turn_and_the_focus_each_time(books: Books) -> None:
    world = life(books, 17, BAD_DEPLOYMENT)
    (incident,) = books.open_incidents()
    half = Half(world.source, "")
    looker = world.looker(half)
    for _ in range(3):
        looker.situations(incident, [at("course-catalog")], world.clock.now())
    assert half.looks.count(at("course-catalog")) == 3
    assert half.looks.count(at("course-catalog", "us-east-1")) == 1


def test_one_incident_that_cannot_be_looked_into_keeps_no_other_waiting(books: Books) -> None:
    twice = {**BAD_DEPLOYMENT, "where": {"service": "payment", "region": "eu-west-1"}}
    world = life(books, 17, BAD_DEPLOYMENT, twice)
    opened = {incident.service: incident for incident in books.open_incidents()}
    assert set(opened) == {"course-catalog", "payment"}

    class Poisoned(Looker):
        def situations(self, incident: object, *arguments: object) -> object:  # type: ignore[override]
            if incident.service == "course-catalog":  # type: ignore[attr-defined]
                raise RuntimeError("broken")
            return super().situations(incident, *arguments)  # type: ignore[arg-type]

    job = world.remediate(world.looker(world.source, Poisoned))
    with pytest.raises(ExceptionGroup, match="could not be looked into"):
        job.run(world.clock.now() + timedelta(hours=2))
    after = {incident.service: incident.phase for incident in books.open_incidents()}
    assert after["course-catalog"] is not Phase.RESOLVED, "what cannot be seen is not over"
    assert isinstance(job, Remediate)


class Short(Half):
    """A source that shows a task less than is wanted, while there is want."""

    def service(self, placement: Placement) -> ServiceView:
        view = super().service(placement)
        return replace(view, running=view.desired - 1)


def test_an_incident_is_not_over_while_tasks_are_missing(books: Books) -> None:
    world, later = life(books, 20), NOON + timedelta(minutes=20)
    sign = Symptom(
        placement=at("payment"),
        name="placement_failed",
        severity=Severity.TICKET,
        sentence="No room.",
        first_seen=NOON,
        last_seen=NOON,
    )
    world.desk.fold([sign], NOON)
    world.remediate(world.looker(Short(world.source, ""))).run(later)
    assert len(books.open_incidents()) == 1
    world.remediate(world.looker(world.source)).run(later)
    assert books.open_incidents() == ()
