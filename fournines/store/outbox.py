"""What people must be told: rows that commit with what happened, and stay until Slack has them.

Replies of an incident go out in their order, each after the one before.  The parent message shows the
incident as it is when it is sent, so that pending edits are one.  Sending is real time: `now` is the wall's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, or_, select, update

from fournines.slack.told import manner
from fournines.store.tables import entry as entries
from fournines.store.tables import outbox
from remediation.journal import EntryKind
from remediation.vocabulary import Verdict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

    from remediation.journal import Entry

#: Edits of one message follow each other no faster [chat.update is Tier 3: 50 a minute and workspace].
EDIT_EVERY = timedelta(seconds=5)
#: What did not arrive in so many attempts, or was refused, is told as trouble.
STUCK_ATTEMPTS = 3


class Kind(StrEnum):
    """How something is told."""

    PARENT = "parent"
    REPLY = "reply"
    EDIT = "edit"


class Sending(StrEnum):
    """Where a row stands.

    SENDING after a restart, or when no answer came, means that Slack may have it.  REFUSED is tried again
    until somebody mends what is wrong.  Only an edit is ever DROPPED: the next one says the same and more.
    """

    PENDING = "pending"
    SENDING = "sending"
    REFUSED = "refused"
    SENT = "sent"
    DROPPED = "dropped"


_OPEN = (Sending.PENDING, Sending.SENDING, Sending.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One thing to be told; `entry` is its journal entry, `parent_ts` the thread once it has begun."""

    n: int
    incident: str
    seq: int
    kind: Kind
    entry: int
    attempts: int
    ambiguous: bool
    channel: str | None
    parent_ts: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many tellings stand where; those that are stuck are pending too, the newest because of `why`."""

    pending: int
    sent: int
    stuck: int
    why: str = ""


def tell(connection: Connection, n: int, entry: Entry) -> None:
    """Put what must be told of an entry into the outbox: the first of an incident begins its thread."""
    if entry.incident is None:
        return
    begun = connection.execute(
        select(outbox.c.n).where(_of(entry.incident), outbox.c.kind == Kind.PARENT)
    ).first()
    if begun is None:
        _put(connection, entry.incident, Kind.PARENT, n)
        return
    if manner(entry) is not None and not _repeats(connection, entry, entry.incident):
        _put(connection, entry.incident, Kind.REPLY, n)
    _edit(connection, entry.incident, n)


def _repeats(connection: Connection, entry: Entry, incident: str) -> bool:
    """Whether a diagnosis, or a decision that acts on nothing, says again what the thread heard last."""
    if entry.kind not in {EntryKind.DIAGNOSED, EntryKind.DECIDED} or entry.data.get("verdict") == Verdict.ACT:
        return False
    before = connection.execute(
        select(entries.c.body)
        .join(outbox, outbox.c.entry == entries.c.n)
        .where(_of(incident), outbox.c.kind == Kind.REPLY, entries.c.kind == entry.kind)
        .order_by(outbox.c.n.desc())
        .limit(1)
    ).scalar()
    return before is not None and json.loads(before)["sentence"] == entry.sentence


def due(connection: Connection, now: datetime) -> tuple[Telling, ...]:
    """Return what may be sent now: of each incident the first that is not sent yet, and its edit."""
    rows = connection.execute(select(outbox).where(outbox.c.state.in_(_OPEN)).order_by(outbox.c.n)).all()
    heads: dict[str, Row[tuple[object, ...]]] = {}
    for row in rows:
        if row.kind != Kind.EDIT:
            heads.setdefault(row.incident, row)
    parents = _parents(connection, {row.incident for row in rows})
    ready = []
    for row in rows:
        parent = parents.get(row.incident)
        first = heads.get(row.incident) is row or (row.kind == Kind.EDIT and parent is not None)
        if first and (row.not_before is None or row.not_before <= now):
            ready.append(_telling(row, parent))
    return tuple(ready)


def sending(connection: Connection, telling: Telling) -> None:
    """Note, before anything is sent, that it may have been sent."""
    _set(connection, telling, state=Sending.SENDING, attempts=telling.attempts + 1)


def sent(connection: Connection, telling: Telling, channel: str, ts: str, now: datetime) -> None:
    """Note that Slack has it; what happened since it was rendered becomes an edit."""
    latest = connection.execute(select(outbox.c.entry).where(outbox.c.n == telling.n)).scalar_one()
    _set(connection, telling, state=Sending.SENT, channel=channel, ts=ts, sent_at=now)
    if telling.kind is not Kind.REPLY and latest != telling.entry:
        _edit(connection, telling.incident, latest)
    connection.execute(
        update(outbox)
        .where(_of(telling.incident), outbox.c.kind == Kind.EDIT, outbox.c.state == Sending.PENDING)
        .values(not_before=now + EDIT_EVERY)
    )


def retry(connection: Connection, telling: Telling, at: datetime, why: str, *, ambiguous: bool) -> None:
    """Have it sent again at the moment; ambiguous when Slack may have it already: look first."""
    state = Sending.SENDING if ambiguous else Sending.PENDING
    _set(connection, telling, state=state, not_before=at, why=why)


def refused(connection: Connection, telling: Telling, at: datetime, why: str) -> None:
    """Have it sent again at the moment although Slack said no: somebody may have mended the reason by then.

    An edit is dropped instead: nobody is waiting for it, and the next one covers it.
    """
    if telling.kind is Kind.EDIT:
        _set(connection, telling, state=Sending.DROPPED, why=why)
    else:
        _set(connection, telling, state=Sending.REFUSED, not_before=at, why=why)


def move_thread(connection: Connection, telling: Telling, why: str) -> None:
    """Have the parent posted anew, and the telling after it: their channel takes nothing any more."""
    _set(connection, telling, state=Sending.PENDING, why=why)
    connection.execute(
        update(outbox)
        .where(_of(telling.incident), outbox.c.kind == Kind.PARENT)
        .values(state=Sending.PENDING, channel=None, ts=None, not_before=None, attempts=0, why=why)
    )


def backlog(connection: Connection) -> Backlog:
    """Return how much is told and how much is not."""
    rows = connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
    count: dict[str, int] = {row[0]: row[1] for row in rows}
    stuck = connection.execute(
        select(outbox.c.why)
        .where(outbox.c.state.in_(_OPEN), outbox.c.why != "")
        .where(or_(outbox.c.state == Sending.REFUSED, outbox.c.attempts >= STUCK_ATTEMPTS))
        .order_by(outbox.c.n.desc())
    ).scalars().all()  # fmt: skip
    waiting = sum(count.get(state, 0) for state in _OPEN)
    return Backlog(waiting, count.get(Sending.SENT, 0), len(stuck), stuck[0] if stuck else "")


def waiting_since(connection: Connection) -> datetime | None:
    """Return when the oldest message that Slack does not have came up; nobody waits for an edit."""
    oldest: datetime | None = connection.execute(
        select(func.min(entries.c.at))
        .join(outbox, outbox.c.entry == entries.c.n)
        .where(outbox.c.state.in_(_OPEN), outbox.c.kind != Kind.EDIT)
    ).scalar()
    return oldest


def _of(incident: str) -> ColumnElement[bool]:
    return outbox.c.incident == incident


def _parents(connection: Connection, incidents: set[str]) -> dict[str, Row[tuple[object, ...]]]:
    rows = connection.execute(
        select(outbox).where(
            outbox.c.incident.in_(incidents), outbox.c.kind == Kind.PARENT, outbox.c.state == Sending.SENT
        )
    ).all()
    return {row.incident: row for row in rows}


def _telling(row: Row[tuple[object, ...]], parent: Row[tuple[object, ...]] | None) -> Telling:
    return Telling(
        n=row.n,
        incident=row.incident,
        seq=row.seq,
        kind=Kind(row.kind),
        entry=row.entry,
        attempts=row.attempts,
        ambiguous=row.state == Sending.SENDING,
        channel=parent.channel if parent else None,
        parent_ts=parent.ts if parent else None,
    )


def _put(
    connection: Connection, incident: str, kind: Kind, n: int, not_before: datetime | None = None
) -> None:
    last = connection.execute(select(func.max(outbox.c.seq)).where(_of(incident))).scalar()
    connection.execute(
        insert(outbox).values(
            incident=incident, seq=(last or 0) + 1, kind=kind, entry=n,
            state=Sending.PENDING, not_before=not_before, attempts=0, why="",
        )
    )  # fmt: skip


def _edit(connection: Connection, incident: str, n: int) -> None:
    """Have the parent shown as it is now: by what is still to be sent, else by one new edit."""
    covered = connection.execute(
        update(outbox)
        .where(_of(incident), outbox.c.kind.in_((Kind.PARENT, Kind.EDIT)), outbox.c.state.in_(_OPEN))
        .values(entry=n)
    )
    if not covered.rowcount:
        last = connection.execute(
            select(func.max(outbox.c.sent_at)).where(_of(incident), outbox.c.kind != Kind.REPLY)
        ).scalar()
        _put(connection, incident, Kind.EDIT, n, None if last is None else last + EDIT_EVERY)


def _set(connection: Connection, telling: Telling, **values: object) -> None:
    connection.execute(update(outbox).where(outbox.c.n == telling.n).values(**values))
