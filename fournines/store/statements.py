"""Statements that were issued: a new one never overwrites, it is the next revision."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from fournines.store.tables import statement

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Issued:
    """A statement as it was issued: its canonical JSON and that text's SHA-256."""

    contract: str
    month: str
    revision: int
    issued_at: datetime
    digest: str
    body: str


def issue(  # noqa: PLR0913 - a statement, and what it comes after
    connection: Connection, contract: str, month: str, body: str, now: datetime, *, after: int
) -> Issued | None:
    """Keep a statement that comes after a revision (0: none), and return it; None where another came first.

    The latest revision stays when it says the same.
    """
    digest = hashlib.sha256(body.encode()).hexdigest()
    earlier = issued(connection, contract, month)
    if earlier and earlier[-1].digest == digest:
        return earlier[-1]
    if len(earlier) != after:
        return None
    new = Issued(contract, month, len(earlier) + 1, now, digest, body)
    connection.execute(
        insert(statement).values(
            contract=contract, month=month, revision=new.revision, issued_at=now, hash=digest, body=body
        )
    )
    return new


def issued(connection: Connection, contract: str, month: str) -> tuple[Issued, ...]:
    """Return every revision of a month's statement, oldest first."""
    table = statement.c
    query = select(statement).where(table.contract == contract, table.month == month).order_by(table.revision)
    return tuple(Issued(*row) for row in connection.execute(query))
