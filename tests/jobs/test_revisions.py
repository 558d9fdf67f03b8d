"""Who served is kept, what was turned back goes into quarantine, and what comes back from there is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collector.estate import DeploymentStatus
from fournines.quarantining import convicted, redeployments, turned_back
from fournines.store.books import Books
from remediation.actions.effects import RestoreRevision
from remediation.events.event import Origin, ServiceAction
from remediation.history import PastAction
from remediation.journal import EntryKind
from remediation.vocabulary import ActionName
from remediation.workflow.run import Run
from slo.burn import Severity
from tests.living import BAD_DEPLOYMENT, Life, small
from tests.living import at as place
from tests.remediation.stage import IRELAND, NOON, VIRGINIA, Stage, at, definition, deployment, revision
from tests.remediation.test_known_good import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.estate import Deployment, ServiceView

HERE = place("course-catalog")
BROKEN = {
    "kind": "broken_deployment",
    "at": "2m",
    "where": {"service": "course-catalog", "region": "eu-west-1"},
}
AGAIN = {
    "kind": "redeployment",
    "at": "40m",
    "where": {"service": "course-catalog", "region": "eu-west-1"},
    "expect": "escalate",
}


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def test_what_ecs_gave_up_goes_into_quarantine_with_its_digest(books: Books) -> None:
    life = Life(small(BROKEN), books)
    life.until(20)
    (one,) = books.revisions.quarantined()
    assert (one.short, one.who, one.placement, len(one.digests)) == ("course-catalog:3", "ECS", HERE, 1)
    assert "deployment circuit breaker" in one.why
    (entry,) = books.entries_of(EntryKind.QUARANTINED, NOON)
    assert (entry.actor, entry.data["task_definition"]) == ("ECS", one.task_definition)
    assert life.failures == {}


def test_what_is_deployed_out_of_quarantine_pages_once_and_tells_ci(books: Books) -> None:
    life = Life(small(BAD_DEPLOYMENT, AGAIN), books)
    life.until(46)
    (mine,) = [one for one in books.revisions.quarantined() if one.who == "fournines"]
    assert (mine.short, mine.incident) == ("course-catalog:3", books.incidents_since(NOON)[0].id)
    signs = [s for i in books.incidents_since(NOON) for s in i.symptoms if s.name.startswith("redeployed/")]
    assert [(sign.name, sign.severity) for sign in signs] == [("redeployed/course-catalog:3", Severity.PAGE)]
    told = [message.text for message in life.ear.heard if "It is being deployed again" in message.text]
    assert len(told) == 1
    kinds = [one.id.partition(":")[0] for one in books.revisions.due(life.clock.now())]
    assert kinds == ["quarantined"], "of one revision CI is told one thing after the other"
    rollbacks = [c for c in life.world.calls if c.caller == "fournines" and c.operation == "UpdateService"]
    assert len(rollbacks) == 1, "nothing is undone twice"


def test_who_served_is_known_after_a_restart_without_asking_ecs(books: Books) -> None:
    life = Life(small(), books)
    life.until(16)
    newest = books.revisions.tenures(HERE)[-1]
    assert newest.revision.task_definition.endswith("/course-catalog:2")
    assert newest.streak >= 30
    assert (newest.until, newest.bad) == (None, 0)


# -- what belongs into quarantine


def given_up(**changes: object) -> Deployment:
    one = replace(
        deployment(2, -20, DeploymentStatus.ROLLBACK_SUCCESSFUL, finished=-10),
        triggered=("catalog-5xx",),
        target=replace(revision(2), images=(("app", "sha256:2"), ("agent", "sha256:agent"))),
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def view(*deployments: Deployment) -> ServiceView:
    return replace(Stage().views[IRELAND], deployments=deployments)


def short_of_room(minute: float) -> ServiceAction:
    return ServiceAction(
        origin=Origin(id="e", account="1", region="eu-west-1", at=at(minute)),
        placement=IRELAND,
        name="SERVICE_TASK_PLACEMENT_FAILURE",
        level="ERROR",
        reason="RESOURCE:FARGATE",
        providers=("FARGATE",),
    )


def test_what_ecs_turned_back_because_it_failed_is_convicted() -> None:
    (one,) = turned_back(view(given_up()), (), (), (), NOON)
    assert (one.task_definition, one.at, one.why) == (
        definition(2),
        at(-10),
        "ECS turned it back: catalog-5xx.",
    )


def test_what_was_not_its_fault_is_spared() -> None:
    asked_for = given_up(triggered=())
    assert [*turned_back(view(asked_for), (), (), (), NOON)] == []
    assert [*turned_back(view(given_up()), (), (), (short_of_room(-15),), NOON)] == []
    assert [*turned_back(view(given_up()), (), (), (short_of_room(-25),), NOON)] != []
    proven = replace(served(2, 30), revision=given_up().target)
    assert [*turned_back(view(given_up()), (proven,), (), (), NOON)] == []
    ours = PastAction(
        run="r",
        incident="i",
        placement=IRELAND,
        action=ActionName.ROLLBACK,
        started_at=at(-21),
        target=definition(2),
    )
    assert [*turned_back(view(given_up()), (), (ours,), (), NOON)] == []


def test_an_image_that_others_run_or_that_was_proven_here_is_not_what_was_bad() -> None:
    sidecar = replace(
        served(1, 500),
        placement=replace(IRELAND, service="payment"),
        revision=replace(revision(1), images=(("agent", "sha256:agent"),)),
    )
    (one,) = turned_back(view(given_up()), (sidecar,), (), (), NOON)
    assert one.digests == ("sha256:2",)
    same_image = replace(served(1, 500), revision=replace(revision(1), images=(("app", "sha256:2"),)))
    (one,) = turned_back(view(given_up()), (same_image, sidecar), (), (), NOON)
    assert one.digests == ()
    elsewhere = replace(same_image, placement=VIRGINIA)
    (one,) = turned_back(view(given_up()), (elsewhere, sidecar), (), (), NOON)
    assert one.digests == ("sha256:2",), "the same release serves there as well, and may fail yet"


def test_what_we_left_is_convicted_with_who_when_and_why() -> None:
    run = Run(
        id="run",
        incident="catalog-1",
        placement=IRELAND,
        action=ActionName.ROLLBACK,
        effect=RestoreRevision(placement=IRELAND, task_definition=definition(1), revision_arn="arn"),
        suspect=definition(2),
        wake=NOON,
        created_at=NOON,
        acted_at=at(1),
    )
    one = convicted(run, view(given_up()), ())
    assert (one.id, one.at, one.who, one.incident) == ("run", at(1), "fournines", "catalog-1")
    assert one.digests == ("sha256:2", "sha256:agent")


def test_only_what_is_being_deployed_now_comes_back_from_quarantine() -> None:
    (one,) = turned_back(view(given_up()), (), (), (), NOON)
    again = given_up(
        arn="arn:again", status=DeploymentStatus.IN_PROGRESS, created_at=at(-5), finished_at=None
    )
    assert [*redeployments(view(again, given_up()), [one], NOON)] == [("arn:again", one)]
    assert [*redeployments(view(given_up()), [one], NOON)] == []
    assert [*redeployments(view(again), [one], at(60))] == [], "an hour later it is no news"
    assert [*redeployments(view(again), [replace(one, released_at=at(-6))], NOON)] == []
