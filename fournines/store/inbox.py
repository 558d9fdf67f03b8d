"""The inbox: every event as it came, once, kept before it is acted on.

An event is new until `folded` says that what follows from it has been kept too: a crash in between loses
nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, insert, or_, select, update

from fournines.store.tables import inbox
from fournines.store.values import EVENTS
from remediation.events.event import TaskChanged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from remediation.events.event import Event
    from slo.cells import Placement

#: `recent` answers with the newest events, no more than these.
RECENT_MAX = 5000


def keep(connection: Connection, arrived: Sequence[tuple[str, Event]], now: datetime) -> tuple[Event, ...]:
    """Keep raw bodies with what they mean, and return the events that were not here before, in order."""
    ids = {event.origin.id for _, event in arrived}
    seen = set(connection.execute(select(inbox.c.event).where(inbox.c.event.in_(ids))).scalars())
    new: list[Event] = []
    for raw, event in arrived:
        if event.origin.id in seen:
            continue
        seen.add(event.origin.id)
        new.append(event)
        about = _about(event)
        connection.execute(
            insert(inbox).values(
                event=event.origin.id,
                kind=event.kind,
                region=event.origin.region,
                placement=None if about is None else str(about),
                at=event.origin.at or now,
                received_at=now,
                folded=False,
                raw=raw,
                body=EVENTS.dump(event),
            )
        )
    return tuple(new)


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
    ids = [event.origin.id for event in events]
    connection.execute(update(inbox).where(inbox.c.event.in_(ids)).values(folded=True))


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
    """Return how many events of each kind were kept."""
    rows = connection.execute(select(inbox.c.kind, func.count()).group_by(inbox.c.kind)).all()
    return {row[0]: row[1] for row in rows}
