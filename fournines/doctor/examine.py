"""Looks at everything that the service needs, regions side by side; it changes nothing but a test message."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.metric import Tier
from collector.source import CollectError, DeniedError, ThrottledError
from fournines.clock import real_now
from fournines.doctor import judge
from fournines.doctor.finding import Finding, ok, warn, wrong
from fournines.slack.blocks import Message
from fournines.slack.chat import Granted, Label, Sent
from fournines.store.books import Books
from fournines.store.place import IN_MEMORY, StoreError, file_of, on_server
from fournines.template import alarm_name
from slo.cells import moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from collector.checkup import Checkup
    from fournines.config import Config
    from fournines.settings import Queue, Settings
    from fournines.slack.chat import Ambiguous, Later, Refused, SlackChat
    from fournines.stating import S3

#: So many things are asked of AWS at once; each is a few calls of a few seconds at most.
AT_ONCE = 8
#: How long the service itself is waited for.
HEALTH_TIMEOUT_S = 3
TEST_MESSAGE = "fournines doctor looks whether it can post here; this message goes away by itself."


def examine(config: Config, checkup: Checkup, chat: SlackChat | None, now: datetime) -> list[Finding]:
    """Return every finding; `chat` is left out when Slack is not to be asked."""
    settings = config.settings
    looks = [*_outside(settings, checkup), partial(_folder, settings), partial(_service, settings)]
    looks.append(partial(_store, settings, now))
    if chat is not None and settings.slack is not None:
        looks.append(partial(_slack, chat, settings.slack.channel, now))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        found = list(pool.map(lambda look: list(look()), looks))
    return [*_documents(config), *(one for findings in found for one in findings)]


def _documents(config: Config) -> Iterator[Finding]:
    for note in dict.fromkeys(config.notes):
        yield warn("documents", note, "mend the document, or leave it so if it is meant")
    if not config.notes:
        yield ok("documents", f"{config.file} and all that it names are sound")


def _outside(settings: Settings, checkup: Checkup) -> Iterator[Callable[[], Iterable[Finding]]]:
    """Yield what is to be looked at in AWS, each by itself, so that one that is dark hides no other."""
    aws = settings.aws
    home, first = aws.accounts[0].id, aws.regions[0]
    for known in aws.accounts:
        yield _guarded(f"credentials {known.id}", partial(_identity, checkup, known.id, first))
    for account, region in aws.scopes:
        yield _guarded(f"permissions {account}/{region}", partial(_permissions, checkup, account, region))
    for queue in aws.queues:
        yield _guarded(f"queue {queue.region}", partial(_queue, checkup, home, queue))
    if (s3 := settings.statements.s3) is not None:
        yield _guarded("statements s3", partial(_bucket, checkup, home, s3))
    name = alarm_name(settings.heartbeat.name)
    for region in settings.heartbeat_regions:
        yield _guarded(f"heartbeat {region}", partial(_alarm, checkup, home, region, name))


def _guarded(area: str, look: Callable[[], Iterable[Finding]]) -> Callable[[], Iterable[Finding]]:
    """Make what cannot be looked at a finding of its own."""

    def guarded() -> Iterable[Finding]:
        try:
            return list(look())
        except CollectError as problem:
            return [wrong(area, str(problem), _mends(problem))]

    return guarded


def _mends(problem: CollectError) -> str:
    match problem:
        case DeniedError():
            return f"check the credentials and the role's trust, or {judge.ATTACH}"
        case ThrottledError():
            return "look again in a minute; if it lasts, ask AWS for a higher quota or find the other reader"
        case _:
            return (
                "see that this machine reaches AWS there: network, DNS, proxy, aws.endpoint_url, the region"
            )


def _identity(checkup: Checkup, account: str, region: str) -> Iterator[Finding]:
    before = real_now()
    found = checkup.identity(account, region)
    yield judge.identity(account, found)
    if found.at is not None:
        yield judge.clock(found.at - before)


def _permissions(checkup: Checkup, account: str, region: str) -> Iterable[Finding]:
    return judge.permissions(account, region, checkup.denied(account, region))


def _queue(checkup: Checkup, account: str, queue: Queue) -> Iterator[Finding]:
    yield judge.queue(queue.region, checkup.queue(account, queue.region, queue.url))


def _bucket(checkup: Checkup, account: str, s3: S3) -> Iterator[Finding]:
    yield judge.bucket(s3.bucket, checkup.bucket(account, s3.region, s3.bucket))


def _folder(settings: Settings) -> Iterator[Finding]:
    """Look whether the folder of statements, or what it is to be made in, may be written."""
    if settings.statements.folder is None:
        return
    path = Path(settings.statements.folder)
    nearest = next(one for one in (path, *path.parents) if one.exists())
    yield judge.folder(str(path), may_write=nearest.is_dir() and os.access(nearest, os.W_OK))


def _alarm(checkup: Checkup, account: str, region: str, name: str) -> Iterator[Finding]:
    yield judge.heartbeat(region, name, checkup.alarm(account, region, name))


def _service(settings: Settings) -> Iterable[Finding]:
    """Ask the running service itself, as far as its port is known."""
    web = settings.web
    if not web.port:
        return []
    host = "127.0.0.1" if web.host in {"0.0.0.0", "::"} else web.host  # noqa: S104 - where it listens, not we
    url = f"http://{host}:{web.port}"
    return [
        *judge.service(_troubles(_said(f"{url}/healthz")), url),
        *_collecting(_said(f"{url}/api/collecting")),
    ]


def _collecting(said: Any) -> list[Finding]:  # noqa: ANN401 - JSON is anything
    """Judge how the service says that it reads; nothing where it is no fournines, or another version."""
    try:
        return [finding for row in said for finding in judge.collecting(row)]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def _said(url: str) -> Any:  # noqa: ANN401 - JSON is anything
    """Return what the service says; None where nobody answers like it."""
    try:
        with urllib.request.urlopen(url, timeout=HEALTH_TIMEOUT_S) as answer:  # noqa: S310 - http, as we wrote it
            return json.loads(answer.read())
    except urllib.error.HTTPError as unwell:
        with unwell:
            return _parsed(unwell.read())
    except (OSError, ValueError):
        return None


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(body)
    except ValueError:
        return None


def _troubles(said: Any) -> list[str] | None:  # noqa: ANN401 - JSON is anything
    try:
        return [str(one) for one in said["trouble"]]
    except (KeyError, TypeError):
        return None


def _store(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at the books beside their owner, and how new their newest minutes are."""
    if settings.store == IN_MEMORY:
        yield warn("store", "it is in memory: every restart forgets all", "name a file under store")
        return
    try:
        if not on_server(settings.store):
            place = file_of(settings.store)
            yield judge.disk(shutil.disk_usage(place.parent).free, str(place.parent))
            if not place.exists():
                yield judge.unborn(str(place), may_write=os.access(place.parent, os.W_OK))
                return
        with Books.visit(settings.books) as books:
            yield judge.journal(books.verify_journal())
            yield from judge.undelivered(books.statements.failing())
            yield from _minutes(settings, books, now)
    except StoreError as problem:
        yield wrong("store", str(problem), "do as it says")


def _minutes(settings: Settings, books: Books, now: datetime) -> Iterator[Finding]:
    newest: dict[tuple[str, str], int] = {}
    for key, mark in books.marks().items():
        if key.front.tier is Tier.SLI:
            where = key.owner.account, key.owner.region
            newest[where] = max(newest.get(where, 0), mark.arrived)
    lag_max = judge.lag_max(settings.collect.scheme)
    for scope in settings.aws.scopes:
        arrived = newest.get(scope)
        yield judge.lag(*scope, None if arrived is None else moment_of(arrived), now, lag_max)


def _slack(chat: SlackChat, channel: str, now: datetime) -> Iterator[Finding]:
    """Ask who we are there, then post, edit and take away a message."""
    who = chat.who()
    if not isinstance(who, Granted):
        yield _unsaid("auth.test", who)
        return
    yield ok("slack", f"the workspace {who.team} knows us as {who.user}")
    yield from judge.scopes(who.scopes)
    message, label = Message(TEST_MESSAGE, ()), Label("doctor", 0, now)
    posted = chat.post(channel, message, label)
    if not isinstance(posted, Sent):
        yield _unsaid(f"a post to {channel}", posted)
        return
    edited = chat.edit(posted.channel, posted.ts, message, label)
    if not isinstance(edited, Sent):
        yield _unsaid("an edit of it", edited)
    deleted = chat.delete(posted.channel, posted.ts)
    if not isinstance(deleted, Sent):
        yield _unsaid("taking it away", deleted)
    elif isinstance(edited, Sent):
        yield ok("slack", f"a message was posted to {channel}, edited and taken away")


def _unsaid(what: str, delivery: Later | Ambiguous | Refused) -> Finding:
    why, _, fix = delivery.why.partition(": ")
    return wrong(
        "slack", f"{what} was answered: {why}", fix or "see what Slack says of this error, and look again"
    )
