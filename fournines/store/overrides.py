"""Overrides of the gate on disk: none is deleted, one that is revoked says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from fournines.store.tables import override as table
from slo.gate import Override

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def keep(connection: Connection, override: Override) -> None:
    """Keep an override."""
    connection.execute(
        insert(table).values(
            service=override.service,
            region=override.region,
            who=override.who,
            why=override.why,
            since=override.since,
            until=override.until,
            revoked=False,
        )
    )


def revoke(connection: Connection, override: Override) -> None:
    """End an override before its time."""
    connection.execute(
        update(table)
        .where(table.c.service == override.service, table.c.region.is_not_distinct_from(override.region))
        .where(table.c.since == override.since)
        .values(revoked=True)
    )


def holding(connection: Connection, now: datetime) -> tuple[Override, ...]:
    """Return the overrides that hold, the one that lasts longest first."""
    rows = connection.execute(
        select(table)
        .where(~table.c.revoked, table.c.since <= now, table.c.until > now)
        .order_by(table.c.until.desc(), table.c.n)
    )
    return tuple(
        Override(
            service=row.service,
            region=row.region,
            who=row.who,
            why=row.why,
            since=row.since,
            until=row.until,
        )
        for row in rows
    )
