"""The inbox: every event as it came, once, kept before it is acted on.

An event is new until `folded` says that what follows from it has been kept too: a crash in between loses
nothing.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, or_, select, update

from fournines.store.database import insert_into
from fournines.store.tables import heard, inbox
from fournines.store.values import EVENTS
from remediation.events.event import TaskChanged, Unrecognised
from remediation.events.fields import clean
from remediation.events.parse import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from remediation.events.event import Event
    from slo.cells import Placement

#: `recent` answers with the newest events, no more than these.
RECENT_MAX = 5000
#: One statement names no more events, and one transaction drops no more [SQLite: 32,766 parameters].
PARAMETERS_MAX = 1000
DROPPED_MAX = 20_000
#: What is kept of a body that is too long to be an event.
RAW_KEPT = 4096
#: Attribution of a budget asks for deployments as long as cells are kept; they are few.
KEPT_LONG = ("deployment_changed",)


def keep(connection: Connection, arrived: Sequence[tuple[str, Event]], now: datetime) -> tuple[Event, ...]:
    """Keep raw bodies with what they mean, and return the events that were not here before, in order."""
    told: dict[str, tuple[str, Event]] = {}
    for raw, event in arrived:
        told.setdefault(event.origin.id, (raw, event))
    for part in _parts(tuple(told)):
        for known in connection.execute(select(inbox.c.event).where(inbox.c.event.in_(part))).scalars():
            del told[known]
    if told:
        rows = [_row(raw, event, now) for raw, event in told.values()]
        kept = insert_into(connection, inbox).on_conflict_do_nothing(index_elements=["event"])
        connection.execute(kept, rows)
        _count(connection, Counter(_kind(event) for _, event in told.values()))
    return tuple(event for _, event in told.values())


def _row(raw: str, event: Event, now: datetime) -> dict[str, object]:
    about = _about(event)
    return {
        "event": event.origin.id,
        "kind": event.kind,
        "region": event.origin.region,
        "placement": None if about is None else str(about),
        "at": event.origin.at or now,
        "received_at": now,
        "folded": False,
        "raw": _bounded(raw),
        "body": EVENTS.dump(event),
    }


def _bounded(raw: str) -> str:
    """Return a body as it came; of one that no event of AWS is as long as, the beginning."""
    if len(raw) <= BODY_MAX:
        return clean(raw)
    return f"{clean(raw[:RAW_KEPT])}... {len(raw)} characters, of which these are the first {RAW_KEPT}"


def _kind(event: Event) -> str:
    """Return what an event is counted as: what is not recognised by the reason."""
    return f"{event.kind}/{event.doubt}" if isinstance(event, Unrecognised) else event.kind


def _count(connection: Connection, kinds: Mapping[str, int]) -> None:
    statement = insert_into(connection, heard)
    more = {"events": heard.c.events + statement.excluded.events}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["kind"], set_=more),
        [{"kind": kind, "events": number} for kind, number in kinds.items()],
    )


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield ids in parts that one statement takes."""
    return (ids[start : start + PARAMETERS_MAX] for start in range(0, len(ids), PARAMETERS_MAX))


def _about(event: Event) -> Placement | None:
    """Return what an event is found by: its placement, or the family of a task outside any service."""
    if isinstance(event, TaskChanged) and event.run is not None:
        return event.run.of
    return getattr(event, "placement", None)


def unfolded(connection: Connection) -> tuple[Event, ...]:
    """Return the events that nothing has been made of yet, in the order of arrival."""
    rows = connection.execute(select(inbox.c.body).where(~inbox.c.folded).order_by(inbox.c.n)).scalars()
    return tuple(_read(body) for body in rows)


def folded(connection: Connection, events: Sequence[Event]) -> None:
    """Note that all that follows from the events is kept, in the transaction that keeps it."""
    for part in _parts([event.origin.id for event in events]):
        connection.execute(update(inbox).where(inbox.c.event.in_(part)).values(folded=True))


def recent(
    connection: Connection,
    since: datetime,
    *,
    placements: Mapping[str, Collection[Placement]] | None = None,
    regions: Mapping[str, Collection[str]] | None = None,
) -> tuple[Event, ...]:
    """Return the events since the moment, oldest first.

    `placements` and `regions` name by kind whose events are wanted; without both it is all of them.
    """
    query = select(inbox.c.body).where(inbox.c.at >= since).order_by(inbox.c.at.desc(), inbox.c.n.desc())
    wanted = [
        and_(inbox.c.kind == kind, inbox.c.placement.in_([str(placement) for placement in places]))
        for kind, places in (placements or {}).items()
    ]
    wanted += [
        and_(inbox.c.kind == kind, inbox.c.region.in_(names)) for kind, names in (regions or {}).items()
    ]
    if wanted:
        query = query.where(or_(*wanted))
    bodies = connection.execute(query.limit(RECENT_MAX)).scalars().all()
    return tuple(_read(body) for body in reversed(bodies))


def of_kind(connection: Connection, kind: str, since: datetime) -> tuple[Event, ...]:
    """Return every event of a kind since the moment, oldest first."""
    query = select(inbox.c.body).where(inbox.c.kind == kind, inbox.c.at >= since)
    return tuple(_read(body) for body in connection.execute(query.order_by(inbox.c.at, inbox.c.n)).scalars())


@lru_cache(maxsize=RECENT_MAX)
def _read(body: str) -> Event:
    """Read an event once, however often it is looked at: it is frozen."""
    return EVENTS.load(body)


def counts(connection: Connection) -> Mapping[str, int]:
    """Return how many events of each kind were ever kept."""
    return {row.kind: row.events for row in connection.execute(select(heard))}


def forget(connection: Connection, before: datetime, long_before: datetime) -> int:
    """Drop what was received before the moments, deployments by the second; return how many.

    What nothing was made of yet stays.
    """
    short = and_(inbox.c.received_at < before, inbox.c.kind.not_in(KEPT_LONG))
    old = and_(inbox.c.folded, or_(short, inbox.c.received_at < long_before))
    oldest = select(inbox.c.n).where(old).order_by(inbox.c.n).limit(DROPPED_MAX)
    return connection.execute(delete(inbox).where(inbox.c.n.in_(oldest))).rowcount
