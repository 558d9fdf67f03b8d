from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import Revision
from fournines.quarantining import release
from fournines.store.books import Books
from fournines.store.tables import SCHEMA
from remediation.journal import Entry, EntryKind
from remediation.quarantine import Quarantined
from remediation.tenure import Tenure
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = Placement("123456789012", "eu-west-1", "prod", "payment")
SERVED = Tenure(
    placement=HERE,
    revision=Revision(
        "arn:r/1", "arn:td/payment:1", rest=(("loadBalancers", "ab"),), images=(("app", "sha256:a"),)
    ),
    since=NOON,
    last_seen=NOON,
    counted_until=5,
    good=3,
    bad=2,
    streak=1,
)
BAD = Quarantined(
    id="run-1",
    placement=HERE,
    task_definition="arn:aws:ecs:eu-west-1:123456789012:task-definition/payment:2",
    digests=("sha256:b",),
    at=NOON,
    who="fournines",
    why="it was rolled back.",
    incident="payment-1",
)
TOLD = Entry(EntryKind.QUARANTINED, NOON, BAD.sentence, incident="payment-1")


@pytest.fixture
def books(store: str) -> Iterator[Books]:
    with Books.open(store) as opened:
        yield opened


def test_who_served_comes_back_as_it_was_and_replaces_what_was_kept(books: Books) -> None:
    later = replace(SERVED, since=NOON + MINUTE, until=NOON + 2 * MINUTE)
    books.revisions.save_tenures({HERE: [SERVED, later]})
    elsewhere = replace(SERVED, placement=replace(HERE, region="us-east-1"))
    books.revisions.save_tenures({elsewhere.placement: [elsewhere]})
    assert books.revisions.tenures(HERE) == (SERVED, later)
    assert set(books.revisions.tenures()) == {SERVED, later, elsewhere}
    books.revisions.save_tenures({HERE: [later]})
    assert books.revisions.tenures(HERE) == (later,)


def test_the_record_outlives_a_restart_and_a_store_of_before_gets_its_tables(tmp_path: Path) -> None:
    file = str(tmp_path / "books.db")
    with Books.open(file) as books:
        books.revisions.save_tenures({HERE: [SERVED]})
        books.revisions.quarantine(BAD, [TOLD])
    with Books.open(file) as books:
        assert books.revisions.tenures() == (SERVED,)
        assert books.revisions.quarantined() == (BAD,)
    assert SCHEMA >= 5


def test_the_same_rollback_puts_a_revision_into_quarantine_once(books: Books) -> None:
    assert books.revisions.quarantine(BAD, [TOLD])
    assert not books.revisions.quarantine(replace(BAD, why="again"), [TOLD])
    assert books.revisions.quarantined() == (BAD,)
    assert [kept.entry.kind for kept in books.entries()] == [EntryKind.QUARANTINED]
    assert len(books.revisions.due(NOON)) == 1


def test_a_release_says_who_and_why_and_is_not_forgotten(books: Books) -> None:
    books.revisions.quarantine(BAD, [TOLD])
    told = release(books, books.revisions.quarantined(), "ana", "it was the cache", NOON + MINUTE)
    assert told == "payment:2 is released from quarantine by ana: it was the cache"
    (freed,) = books.revisions.quarantined()
    assert (freed.held, freed.released_by, freed.released_at) == (False, "ana", NOON + MINUTE)
    *_, last = books.entries("payment-1")
    assert (last.entry.actor, last.entry.sentence) == ("ana", told)
    assert not books.revisions.quarantine(BAD, [TOLD]), "the same rollback convicts it only once"
    assert release(books, [], "ana", "so", NOON) == "Nothing of this name is in quarantine."


# -- what CI is told


def test_of_one_revision_ci_is_told_one_thing_after_the_other(books: Books) -> None:
    books.revisions.quarantine(BAD, [])
    books.revisions.release([BAD], "ana", "so", NOON + MINUTE, [])
    other = replace(BAD, id="run-2", task_definition="arn:td/web:7")
    books.revisions.quarantine(other, [])
    first, second = books.revisions.due(NOON)
    assert (first.id, second.id) == ("quarantined:run-1", "quarantined:run-2")
    assert json.loads(first.body)["event"] == "quarantined"
    books.revisions.again(first, NOON + MINUTE, "it answered 500")
    assert [one.id for one in books.revisions.due(NOON)] == ["quarantined:run-2"]
    assert books.revisions.untaken() == (1, "it answered 500")
    (again,) = [one for one in books.revisions.due(NOON + MINUTE) if one.id == first.id]
    assert again.attempts == 1
    books.revisions.taken(again, NOON + MINUTE)
    freed = books.revisions.due(NOON + MINUTE)[0]
    assert freed.id == "released:run-1"
    assert (json.loads(freed.body)["who"], json.loads(freed.body)["why"]) == ("ana", "so")
    assert books.revisions.untaken() == (0, "")


def test_a_deployment_out_of_quarantine_is_noted_once(books: Books) -> None:
    assert not books.revisions.told("arn:d/9")
    assert books.revisions.redeployed("arn:d/9", BAD, NOON)
    assert not books.revisions.redeployed("arn:d/9", BAD, NOON)
    assert books.revisions.told("arn:d/9")
