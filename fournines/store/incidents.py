"""Incidents on disk: each change with its journal entries and what is told of it, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from fournines.store import journal
from fournines.store.database import insert_into
from fournines.store.tables import incident
from fournines.store.values import INCIDENTS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from remediation.incidents import Change, Incident


def save(connection: Connection, change: Change) -> None:
    """Keep the incident as it is now, and journal how it came to be so."""
    now = change.incident
    kept = {
        "service": now.service,
        "opened_at": now.opened_at,
        "resolved_at": now.resolved_at,
        "body": INCIDENTS.dump(now),
    }
    statement = insert_into(connection, incident).values(id=now.id, **kept)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=kept))
    journal.append(connection, change.entries)


def unresolved(connection: Connection) -> tuple[Incident, ...]:
    """Return the incidents that are not over, oldest first."""
    query = select(incident.c.body).where(incident.c.resolved_at.is_(None)).order_by(incident.c.opened_at)
    return tuple(INCIDENTS.load(body) for body in connection.execute(query).scalars())


def get(connection: Connection, name: str) -> Incident | None:
    """Return an incident by its id."""
    body = connection.execute(select(incident.c.body).where(incident.c.id == name)).scalar()
    return None if body is None else INCIDENTS.load(body)


def since(connection: Connection, moment: datetime) -> tuple[Incident, ...]:
    """Return the incidents that were open at any time since the moment, oldest first."""
    over = incident.c.resolved_at < moment
    query = (
        select(incident.c.body).where(incident.c.resolved_at.is_(None) | ~over).order_by(incident.c.opened_at)
    )
    return tuple(INCIDENTS.load(body) for body in connection.execute(query).scalars())
