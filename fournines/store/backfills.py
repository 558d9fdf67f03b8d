"""What was asked to be read anew: a region and its minutes, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from collector.bundle import Area
from fournines.store.tables import backfill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Backfill:
    """The minutes `[start, end)` of a region, read anew below `position`."""

    number: int
    area: Area
    start: int
    end: int
    position: int

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self.position >= self.end


def ask(connection: Connection, areas: Sequence[Area], start: int, end: int, at: datetime) -> tuple[int, ...]:
    """Note what is to be read anew, and return the numbers."""
    return tuple(
        connection.execute(
            insert(backfill)
            .values(account=a.account, region=a.region, start=start, end=end, position=start, asked_at=at)
            .returning(backfill.c.n)
        ).scalar_one()
        for a in areas
    )


def every(connection: Connection) -> tuple[Backfill, ...]:
    """Return what was asked, oldest first."""
    rows = connection.execute(select(backfill).order_by(backfill.c.n))
    return tuple(
        Backfill(row.n, Area(row.account, row.region), row.start, row.end, row.position) for row in rows
    )


def moved(connection: Connection, number: int, position: int) -> None:
    """Note until when a region was read."""
    connection.execute(update(backfill).where(backfill.c.n == number).values(position=position))
