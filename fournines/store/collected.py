"""What the collector remembers: how far each track was read, and the estate as it was last seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from collector.layout import Track
from collector.watermarks import Mark
from fournines.store.database import insert_into
from fournines.store.tables import estate, watermark
from fournines.store.values import ESTATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from collector.estate import RegionEstate


def save_marks(connection: Connection, marks: Mapping[Track, Mark]) -> None:
    """Keep how far tracks were read: no earlier than the transaction that keeps what was read."""
    for track, mark in marks.items():
        kept = {"asked": mark.asked, "arrived": mark.arrived}
        statement = insert_into(connection, watermark).values(track=str(track), **kept)
        connection.execute(statement.on_conflict_do_update(index_elements=["track"], set_=kept))


def marks(connection: Connection) -> dict[Track, Mark]:
    """Return how far each track was read."""
    return {
        Track.parse(row.track): Mark(row.asked, row.arrived) for row in connection.execute(select(watermark))
    }


def save_estate(connection: Connection, seen: RegionEstate) -> None:
    """Keep a region as it was just discovered."""
    kept = {"seen_at": seen.seen_at, "body": ESTATES.dump(seen)}
    statement = insert_into(connection, estate).values(account=seen.account, region=seen.region, **kept)
    connection.execute(statement.on_conflict_do_update(index_elements=["account", "region"], set_=kept))


def estates(connection: Connection) -> tuple[RegionEstate, ...]:
    """Return every region as it was last seen."""
    query = select(estate.c.body).order_by(estate.c.account, estate.c.region)
    return tuple(ESTATES.load(body) for body in connection.execute(query).scalars())
