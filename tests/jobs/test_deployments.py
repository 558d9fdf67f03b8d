"""Deployments are asked for when something moved, and whoever was down learns of them later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import Controller, Deployed, DeploymentStatus, RegionEstate, ServiceView
from collector.presence import Sighting
from collector.source import DeniedError
from fournines.jobs.deployments import ASKED_EVERY, ASKED_PER_TURN_MAX, OVERLAP, TOLD_FOR, Deployments
from fournines.known import Known
from fournines.operating import facts
from fournines.store.books import Books
from remediation.events.event import DeploymentChanged, DeploymentPhase, Origin
from slo.cells import Placement, minute_of
from slo.months import Stretch
from slo.operations import Outcome
from tests.living import ACCOUNT, NOON, Life, Through, at, small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.source import Source

TURN = timedelta(minutes=5)
PAYMENT, CATALOG = at("payment"), at("course-catalog")


class Told(Through):
    """A source that tells scripted deployments, and remembers whom it was asked about, and since when."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.asked, self.tells, self.refuses = dict[Placement, datetime](), list[Deployed](), False

    def deployed(self, placement: Placement, since: datetime) -> tuple[Deployed, ...]:
        if self.refuses:
            raise DeniedError("ecs:ListServiceDeployments is missing")
        self.asked[placement] = since
        return tuple(one for one in self.tells if one.placement == placement and one.created_at > since)


class Scene:
    """A region as known, and the job."""

    def __init__(self, books: Books, *services: str, **more: object) -> None:
        self.books, self.known = books, Known(books, lambda _: 1.0)
        self.source = Told(Life(small(), books).source)
        self.services, self.more = services or ("payment", "course-catalog"), more
        self.job = Deployments(self.source, self.known, books)
        self.look(NOON)

    def look(self, now: datetime, **more: object) -> None:
        views = tuple(
            ServiceView(
                placement=at(name), seen_at=now, status="ACTIVE", desired=1, running=1, pending=0,
                task_definition="a:1", **(self.more | more),  # type: ignore[arg-type]
            )
            for name in self.services
        )  # fmt: skip
        self.known.saw(RegionEstate(ACCOUNT, "eu-west-1", now, views))

    def turn(self, now: datetime) -> set[Placement]:
        self.source.asked.clear()
        self.job.run(now)
        return set(self.source.asked)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def told(status: DeploymentStatus, placement: Placement = PAYMENT, **more: object) -> Deployed:
    made = Deployed(placement, f"arn:{status}", status, NOON + timedelta(minutes=1))
    return replace(made, **more)  # type: ignore[arg-type]


def test_at_the_start_all_that_ecs_still_knows_is_asked_for_and_then_nothing(books: Books) -> None:
    scene = Scene(books)
    assert scene.turn(NOON) == {PAYMENT, CATALOG}
    assert set(scene.source.asked.values()) == {NOON - TOLD_FOR}
    assert scene.turn(NOON + TURN) == set()
    assert scene.turn(NOON + ASKED_EVERY) == {PAYMENT, CATALOG}


def test_a_look_that_tells_a_newer_deployment_has_it_asked_for(books: Books) -> None:
    scene = Scene(books)
    scene.turn(NOON)
    scene.look(NOON + TURN, deployed_at=NOON + TURN / 2)
    assert scene.turn(NOON + TURN) == {PAYMENT, CATALOG}
    assert set(scene.source.asked.values()) == {NOON - OVERLAP}


def test_an_event_has_its_service_asked_for(books: Books) -> None:
    scene = Scene(books)
    scene.turn(NOON)
    event = DeploymentChanged(
        origin=Origin(id="e1", account=ACCOUNT, region="eu-west-1", at=NOON + TURN / 2),
        placement=PAYMENT, deployment_id="ecs-svc/1", phase=DeploymentPhase.STARTED, reason="",
    )  # fmt: skip
    books.keep_events([("{}", event)], NOON + TURN)
    assert scene.turn(NOON + TURN) == {PAYMENT}


def test_what_is_open_is_followed_until_it_has_ended(books: Books) -> None:
    scene = Scene(books)
    scene.source.tells = [told(DeploymentStatus.IN_PROGRESS)]
    scene.turn(NOON)
    assert scene.turn(NOON + TURN) == {PAYMENT}
    scene.source.tells = [replace(scene.source.tells[0], status=DeploymentStatus.SUCCESSFUL)]
    assert scene.turn(NOON + 2 * TURN) == {PAYMENT}
    assert scene.turn(NOON + 3 * TURN) == set()
    (kept,) = books.deployed(NOON, NOON + TURN)
    assert kept.status is DeploymentStatus.SUCCESSFUL


def test_whoever_was_down_for_days_learns_what_was_deployed_meanwhile(books: Books) -> None:
    Scene(books).turn(NOON)
    back = Scene(books)
    back.source.tells = [told(DeploymentStatus.ROLLBACK_SUCCESSFUL)]
    back.turn(NOON + timedelta(days=9))
    span = Stretch(minute_of(NOON), minute_of(NOON) + 10)
    (kept,) = facts(books, lambda _: True, span).deployments
    assert (kept.outcome, kept.started_at) == (Outcome.ROLLED_BACK, NOON + timedelta(minutes=1))


def test_who_is_refused_is_asked_again_and_hides_nothing(books: Books) -> None:
    scene = Scene(books)
    scene.source.refuses = True
    assert scene.turn(NOON) == set()
    scene.source.refuses = False
    assert scene.turn(NOON + TURN) == {PAYMENT, CATALOG}


def test_a_large_region_is_asked_about_over_several_turns(books: Books) -> None:
    scene = Scene(books, *(f"s{number:03}" for number in range(2 * ASKED_PER_TURN_MAX)))
    first, second = scene.turn(NOON), scene.turn(NOON + TURN)
    assert len(first) == len(second) == ASKED_PER_TURN_MAX
    assert not first & second
    assert scene.turn(NOON + 2 * TURN) == set()


def test_of_what_codedeploy_deploys_ecs_keeps_nothing(books: Books) -> None:
    assert Scene(books, controller=Controller.CODE_DEPLOY).turn(NOON) == set()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (DeploymentStatus.SUCCESSFUL, Outcome.SUCCEEDED),
        (DeploymentStatus.STOPPED, Outcome.FAILED),
        (DeploymentStatus.ROLLBACK_FAILED, Outcome.FAILED),
        (DeploymentStatus.ROLLBACK_IN_PROGRESS, Outcome.ROLLED_BACK),
        (DeploymentStatus.ROLLBACK_SUCCESSFUL, Outcome.ROLLED_BACK),
        (DeploymentStatus.IN_PROGRESS, Outcome.UNDER_WAY),
        (DeploymentStatus.UNRECOGNISED, Outcome.UNDER_WAY),
    ],
)
def test_every_status_of_ecs_has_its_word(books: Books, status: DeploymentStatus, outcome: Outcome) -> None:
    books.save_deployed([told(status)])
    span = Stretch(minute_of(NOON), minute_of(NOON) + 10)
    (kept,) = facts(books, lambda _: True, span).deployments
    assert kept.outcome is outcome


def test_a_service_is_due_from_when_it_came_until_it_went(books: Books) -> None:
    span = Stretch(minute_of(NOON), minute_of(NOON) + 240)
    hour = timedelta(hours=1)
    first = NOON + hour
    sightings = [
        Sighting(CATALOG, first, NOON + 4 * hour),
        Sighting(PAYMENT, NOON + 2 * hour, NOON + 4 * hour),
        Sighting(at("old"), first, NOON + 3 * hour, 2, NOON + 3 * hour + TURN),
        Sighting(at("doubted"), first, NOON + 3 * hour, 1, NOON + 3 * hour + TURN),
        Sighting(at("gone"), NOON - 9 * hour, NOON - hour, 2, NOON - hour + TURN),
    ]
    with Books.open("sqlite://") as others:
        others.save_estate(RegionEstate(ACCOUNT, "eu-west-1", NOON, ()), sightings[:4])
        lived = {r.placement.service: len(r.lived) for r in facts(others, lambda _: True, span).records}
    assert lived == {"course-catalog": 240, "doubted": 240, "old": 180, "payment": 120}
    books.save_estate(RegionEstate(ACCOUNT, "eu-west-1", NOON, ()), sightings)
    assert at("gone") not in [record.placement for record in facts(books, lambda _: True, span).records]
