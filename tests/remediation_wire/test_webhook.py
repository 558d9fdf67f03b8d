"""Notices over HTTP on loopback: signed, sent once, and kept until they were taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Request, Response

from fournines.jobs.revisions import RETRY_WAIT, RETRY_WAIT_MAX, Hooks
from fournines.store.books import Books
from remediation.wire.webhook import HttpHook
from tests.store.test_store_revisions import BAD, NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Pipeline:
    """A CI that verifies who speaks, and answers what a test wants."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, object]]] = []
        self.answers: list[int] = []

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        signed = f"{request.headers['X-Fournines-Timestamp']}.{request.get_data(as_text=True)}"
        wanted = hmac.new(b"hush", signed.encode(), hashlib.sha256).hexdigest()
        if request.headers["X-Fournines-Signature"] != f"sha256={wanted}":
            return Response(status=401)(environ, start)
        self.heard.append((request.headers["X-Fournines-Id"], json.loads(request.get_data())))
        status = self.answers.pop(0) if self.answers else 204
        return Response(status=status, headers={"Location": "/elsewhere"})(environ, start)


class Ci:
    """A pipeline with its address, and the job that tells it, on a clock of its own."""

    def __init__(self, books: Books, serve: Callable[[WSGIApplication], str], key: str = "hush") -> None:
        self.pipeline, self.now, self.books = Pipeline(), NOON, books
        self.url = f"{serve(self.pipeline)}/hooks/fournines?from=night"
        self.job = Hooks(books, HttpHook(self.url, key), lambda: self.now)

    def turn(self, after: timedelta = timedelta()) -> list[str]:
        self.now += after
        self.job.run(datetime.now(UTC))
        return [name for name, _ in self.pipeline.heard]


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        opened.revisions.quarantine(BAD, [])
        yield opened


def test_ci_hears_a_signed_notice_once(books: Books, serve: Callable[[WSGIApplication], str]) -> None:
    ci = Ci(books, serve)
    assert ci.turn() == ["quarantined:run-1"]
    assert ci.turn(timedelta(hours=1)) == ["quarantined:run-1"]
    ((_, told),) = ci.pipeline.heard
    assert told == {
        "id": "quarantined:run-1",
        "event": "quarantined",
        "at": "2026-10-01T12:00:00+00:00",
        "service": "payment",
        "account": "123456789012",
        "region": "eu-west-1",
        "cluster": "prod",
        "task_definition": BAD.task_definition,
        "digests": ["sha256:b"],
        "incident": "payment-1",
        "who": "fournines",
        "why": "it was rolled back.",
    }


@pytest.mark.parametrize("status", [302, 400, 429, 500, 503])
def test_what_is_not_taken_is_sent_again_until_it_is(
    books: Books, serve: Callable[[WSGIApplication], str], status: int
) -> None:
    ci = Ci(books, serve)
    ci.pipeline.answers = [status, status]
    assert len(ci.turn()) == 1
    assert books.revisions.untaken() == (1, f"it answered {status}")
    assert len(ci.turn(RETRY_WAIT / 2)) == 1, "not at once"
    assert len(ci.turn(RETRY_WAIT)) == 2
    assert len(ci.turn(2 * RETRY_WAIT)) == 3
    assert books.revisions.untaken() == (0, "")
    assert len({name for name, _ in ci.pipeline.heard}) == 1, "a receiver can tell the repetition"


def test_a_ci_that_is_away_for_long_is_asked_every_five_minutes_and_loses_nothing(books: Books) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    now = [NOON]
    job = Hooks(books, HttpHook(url, "hush"), lambda: now[0])
    for _ in range(12):
        job.run(NOON)
        now[0] += RETRY_WAIT_MAX
    (notice,) = books.revisions.due(now[0])
    assert notice.attempts == 12
    assert "no answer" in books.revisions.untaken()[1]


def test_who_does_not_know_the_secret_is_not_believed(
    books: Books, serve: Callable[[WSGIApplication], str]
) -> None:
    ci = Ci(books, serve, "guessed")
    assert ci.turn() == []
    assert books.revisions.untaken() == (1, "it answered 401")
