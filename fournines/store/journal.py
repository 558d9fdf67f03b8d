"""The journal on disk: entries in one chain, and beside each what people must be told of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from fournines.store import outbox
from fournines.store.tables import entry as entries_table
from remediation.journal import GENESIS, Entry, EntryKind, canonical, chain_hash, first_break

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry in its place: `n` counts from 1, `digest` chains it to the one before."""

    n: int
    entry: Entry
    digest: str

    def line(self) -> str:
        """Return it as one line of JSON."""
        body = {"n": self.n, "hash": self.digest, **json.loads(canonical(self.entry))}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def append(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add entries to the chain, and put what must be told into the outbox, in the caller's transaction."""
    if not entries:
        return
    table = entries_table.c
    last = connection.execute(select(table.n, table.hash).order_by(table.n.desc()).limit(1)).one_or_none()
    n, digest = (last.n, last.hash) if last else (0, GENESIS)
    for entry in entries:
        n, digest = n + 1, chain_hash(digest, entry)
        connection.execute(
            insert(entries_table).values(
                n=n, at=entry.at, kind=entry.kind, incident=entry.incident, hash=digest, body=canonical(entry)
            )
        )
        outbox.tell(connection, n, entry)


def read(connection: Connection, incident: str | None = None, after: int = 0) -> Iterator[Kept]:
    """Yield entries in order, of one incident or all, from the one after `after` on."""
    query = select(entries_table).where(entries_table.c.n > after).order_by(entries_table.c.n)
    if incident is not None:
        query = query.where(entries_table.c.incident == incident)
    for row in connection.execute(query):
        yield Kept(row.n, _entry(row.body), row.hash)


def of_kind(connection: Connection, kind: EntryKind, since: datetime) -> Iterator[Entry]:
    """Yield the entries of a kind since the moment, in order."""
    table = entries_table.c
    query = select(table.body).where(table.kind == kind, table.at >= since).order_by(table.n)
    yield from map(_entry, connection.execute(query).scalars())


def one(connection: Connection, n: int) -> Kept:
    """Return the entry with this number."""
    return next(read(connection, after=n - 1))


def verify(connection: Connection) -> int | None:
    """Return the number of the first entry that was changed, left out or put in unseen, or None."""
    rows = connection.execute(select(entries_table).order_by(entries_table.c.n)).all()
    gap = next((place + 1 for place, row in enumerate(rows) if row.n != place + 1), None)
    broken = first_break((_entry(row.body), row.hash) for row in rows)
    return gap if broken is None else broken + 1


def _entry(body: str) -> Entry:
    data = json.loads(body)
    kind = EntryKind(data["kind"])  # type: ignore[call-arg]  # looks a word up, makes none
    return Entry(**{**data, "kind": kind, "at": datetime.fromisoformat(data["at"])})
