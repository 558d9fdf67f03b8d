"""Where each revision of a statement has to go, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select

from fournines.store.database import insert_into
from fournines.store.tables import dispatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One revision on its way to one place; `why` it is not there yet, empty once it is."""

    contract: str
    month: str
    revision: int
    place: str
    at: datetime
    why: str = ""

    @property
    def arrived(self) -> bool:
        """Whether it is there."""
        return not self.why


def note(connection: Connection, one: Dispatch) -> None:
    """Keep how a dispatch stands."""
    changed = {"at": one.at, "why": one.why}
    statement = insert_into(connection, dispatch).values(
        contract=one.contract, month=one.month, revision=one.revision, place=one.place, **changed
    )
    keys = ["contract", "month", "revision", "place"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def of(connection: Connection, contract: str, month: str, revision: int) -> tuple[Dispatch, ...]:
    """Return how a revision stands with each place that it was sent to."""
    table = dispatch.c
    mine = (table.contract == contract, table.month == month, table.revision == revision)
    return tuple(_read(row) for row in connection.execute(select(dispatch).where(*mine)))


def retain(connection: Connection, contracts: Sequence[str], places: Sequence[str]) -> None:
    """Give up what nobody wants to have anywhere any more: its contract or place is no longer configured."""
    unwanted = or_(dispatch.c.contract.not_in(contracts), dispatch.c.place.not_in(places))
    connection.execute(delete(dispatch).where(dispatch.c.why != "", unwanted))


def failing(connection: Connection) -> tuple[Dispatch, ...]:
    """Return what is not where it belongs; a revision that was replaced meanwhile need not go any more."""
    rows = connection.execute(select(dispatch).order_by(dispatch.c.month, dispatch.c.revision))
    found = [_read(row) for row in rows]
    newest = {(one.contract, one.month): one.revision for one in found}
    return tuple(one for one in found if not one.arrived and newest[one.contract, one.month] == one.revision)


def _read(row: object) -> Dispatch:
    return Dispatch(**row._mapping)  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's name for it
