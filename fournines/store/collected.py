"""What the collector remembers: how far each bundle was read, the estate as last seen, and all ever seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from collector.bundle import Front, Key
from collector.presence import Sighting
from collector.watermarks import Mark
from fournines.store.database import insert_into
from fournines.store.tables import estate, read_until, sighting, spending
from fournines.store.values import ESTATES
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from collector.estate import RegionEstate


def save_marks(connection: Connection, marks: Mapping[Key, Mark]) -> None:
    """Keep how far bundles were read: no earlier than the transaction that keeps what was read."""
    rows = [
        {
            "owner": str(key.owner),
            "front": str(key.front),
            "asked": mark.asked,
            "arrived": mark.arrived,
            "silent": mark.silent,
        }
        for key, mark in marks.items()
    ]
    if not rows:
        return
    statement = insert_into(connection, read_until)
    replaced = {name: statement.excluded[name] for name in ("asked", "arrived", "silent")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["owner", "front"], set_=replaced), rows
    )


def marks(connection: Connection) -> dict[Key, Mark]:
    """Return how far each bundle was read."""
    return {
        Key(Placement.parse(row.owner), Front(row.front)): Mark(row.asked, row.arrived, row.silent)
        for row in connection.execute(select(read_until))
    }


def spend(connection: Connection, month: str, metrics: int) -> None:
    """Add what was asked of CloudWatch in a month."""
    statement = insert_into(connection, spending).values(month=month, metrics=metrics)
    more = {"metrics": spending.c.metrics + statement.excluded.metrics}
    connection.execute(statement.on_conflict_do_update(index_elements=["month"], set_=more))


def spent(connection: Connection, month: str) -> int:
    """Return how many metrics were asked of CloudWatch in a month."""
    query = select(spending.c.metrics).where(spending.c.month == month)
    return connection.execute(query).scalar_one_or_none() or 0


def save_estate(connection: Connection, seen: RegionEstate) -> None:
    """Keep a region as it was just discovered."""
    kept = {"seen_at": seen.seen_at, "body": ESTATES.dump(seen)}
    statement = insert_into(connection, estate).values(account=seen.account, region=seen.region, **kept)
    connection.execute(statement.on_conflict_do_update(index_elements=["account", "region"], set_=kept))


def estates(connection: Connection) -> tuple[RegionEstate, ...]:
    """Return every region as it was last seen."""
    query = select(estate.c.body).order_by(estate.c.account, estate.c.region)
    return tuple(ESTATES.load(body) for body in connection.execute(query).scalars())


def save_sightings(connection: Connection, sightings: Iterable[Sighting]) -> None:
    """Keep when placements were seen."""
    rows = [
        {
            "placement": str(one.placement),
            "first_seen": one.first_seen,
            "last_seen": one.last_seen,
            "missed": one.missed,
            "missing_since": one.missing_since,
        }
        for one in sightings
    ]
    if rows:
        statement = insert_into(connection, sighting)
        changed = {name: statement.excluded[name] for name in rows[0] if name != "placement"}
        connection.execute(statement.on_conflict_do_update(index_elements=["placement"], set_=changed), rows)


def sightings(connection: Connection) -> tuple[Sighting, ...]:
    """Return when each placement that ever was there was seen."""
    return tuple(
        Sighting(Placement.parse(row.placement), row.first_seen, row.last_seen, row.missed, row.missing_since)
        for row in connection.execute(select(sighting).order_by(sighting.c.placement))
    )
