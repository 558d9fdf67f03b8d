"""An upgrade with runs in each state: what earlier versions wrote goes on, what cannot be read is parked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fournines.store.books import Books
from fournines.store.database import open_database
from fournines.store.values import RUNS
from remediation.journal import EntryKind
from remediation.workflow.run import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Schemas

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
PLACEMENT = {"account": "1", "region": "eu-west-1", "cluster": "main", "service": "search"}
#: As the first version with replicas wrote it; never to be changed.
WRITTEN = {
    "id": "r1", "incident": "search-1", "placement": PLACEMENT, "action": "rollback",
    "effect": {"kind": "stop_deployment", "placement": PLACEMENT, "deployment_arn": "arn:d"},
    "inverse": None, "keep_for": None, "undo": False, "asks": "PT15M", "approvers": ["ann"],
    "on_timeout": "escalate", "suspect": "arn:td:2", "state": "queued", "wake": "2026-10-01T12:00:00Z",
    "deadline": "2026-10-01T12:15:00Z", "created_at": "2026-10-01T12:00:00Z", "acted_at": None, "looks": 0,
    "ended_at": None, "outcome": None, "notes": {"why": "It fails.", "moved_by": "1"},
}  # fmt: skip


def put(store: str, state: str) -> None:
    """Leave a run as another version has written it."""
    body = json.dumps(WRITTEN)
    database = open_database(store)
    with Books.open(store) as books:
        books.runs.start(RUNS.load(body), [])
    with database.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE run SET state = '{state}', body = replace(body, '\"queued\"', '\"{state}\"')"  # noqa: S608
        )
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "books.db")
    schemas: Schemas = request.getfixturevalue("schemas")
    return schemas()


@pytest.mark.parametrize("state", [state for state in RunState if not state.final])
def test_a_run_that_an_earlier_version_left_in_any_state_is_taken_up(store: str, state: RunState) -> None:
    put(store, state)
    with Books.open(store) as books:
        claim = books.runs.claim(NOON)
        assert claim is not None
        assert (claim.run.id, claim.run.state) == ("r1", state)
        assert claim.run.question.startswith("r1@")


def test_a_state_of_a_later_version_is_parked_until_one_starts_that_knows_it(store: str) -> None:
    put(store, "teleporting")
    with Books.open(store) as books:
        assert books.runs.claim(NOON) is None
        (told,) = books.entries("search-1")
        assert told.entry.kind is EntryKind.ESCALATED
        assert "stands still" in told.entry.sentence
        assert books.runs.claim(NOON) is None, "it is told once"
    database = open_database(store)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'act', body = replace(body, 'teleporting', 'act')")
    database.close()
    with Books.open(store) as books:
        claim = books.runs.claim(NOON)
        assert claim is not None
        assert claim.run.state is RunState.ACT
