"""The inbox: every event as it came, once, kept before it is acted on.

An event is new until `folded` says that what follows from it has been kept too: a crash in between loses
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, or_, select, update

from fournines.store.tables import inbox
from fournines.store.values import EVENTS

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
        placement = getattr(event, "placement", None)
        connection.execute(
            insert(inbox).values(
                event=event.origin.id,
                kind=event.kind,
                region=event.origin.region,
                placement=None if placement is None else str(placement),
                at=event.origin.at or now,
                received_at=now,
                folded=False,
                raw=raw,
                body=EVENTS.dump(event),
            )
        )
    return tuple(new)


def unfolded(connection: Connection) -> tuple[Event, ...]:
    """Return the events that nothing has been made of yet, in the order of arrival."""
    rows = connection.execute(select(inbox.c.body).where(~inbox.c.folded).order_by(inbox.c.n)).scalars()
    return tuple(EVENTS.load(body) for body in rows)


def folded(connection: Connection, events: Sequence[Event]) -> None:
    """Note that all that follows from the events is kept, in the transaction that keeps it."""
    ids = [event.origin.id for event in events]
    connection.execute(update(inbox).where(inbox.c.event.in_(ids)).values(folded=True))


def recent(
    connection: Connection,
    since: datetime,
    *,
    placements: Collection[Placement] = (),
    regions: Collection[str] = (),
) -> tuple[Event, ...]:
    """Return the events since the moment, of these placements or regions or all, oldest first."""
    query = select(inbox.c.body).where(inbox.c.at >= since).order_by(inbox.c.at.desc(), inbox.c.n.desc())
    if placements or regions:
        names = [str(placement) for placement in placements]
        query = query.where(or_(inbox.c.placement.in_(names), inbox.c.region.in_(regions)))
    bodies = connection.execute(query.limit(RECENT_MAX)).scalars().all()
    return tuple(EVENTS.load(body) for body in reversed(bodies))


def counts(connection: Connection) -> Mapping[str, int]:
    """Return how many events of each kind were kept."""
    rows = connection.execute(select(inbox.c.kind, func.count()).group_by(inbox.c.kind)).all()
    return {row[0]: row[1] for row in rows}
