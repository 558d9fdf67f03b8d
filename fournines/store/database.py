"""The one module that knows which database this is: opening, transactions, and what SQL differs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, create_engine, event, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from fournines.store import tables
from fournines.store.place import ELSEWHERE, IN_MEMORY, StoreError, file_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine, Table

#: How long a statement waits for another process' transaction to end.
BUSY_WAIT_MAX_S = 10
#: As many threads may use the store at once; the next waits for one to end.
CONNECTIONS_MAX = 32

_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

#: Milliseconds since 1970 by the database's own clock: leases must not depend on a process' idea of time.
_REAL_MS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
}


class UnusableError(StoreError):
    """The database itself refuses: full, locked by another process, or damaged."""


@contextmanager
def _said() -> Iterator[None]:
    """Say in our words what the database raises."""
    try:
        yield
    except DatabaseError as error:
        raise UnusableError(f"the store cannot be used: {error.orig}") from error.orig


class Database:
    """A database and its transactions; safe to share among threads.

    Writers stand in line, in this process by a lock and among processes by the database.  Readers of a file
    do not wait; in memory there is one connection for all.
    """

    def __init__(self, engine: Engine, *, shared_connection: bool) -> None:
        self._engine = engine
        self._writing = threading.RLock()
        self._shared = shared_connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; it is committed at the end, or nothing of it is kept."""
        with _said(), self._writing, self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads one state of everything."""
        if self._shared:
            with _said(), self._writing, self._engine.begin() as connection:
                yield connection
        else:
            with _said(), self._engine.begin() as connection:
                yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open `sqlite://` (in memory) or a file, and make its tables.  Raises StoreError."""
    if url == IN_MEMORY:
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        database = Database(_prepared(engine), shared_connection=True)
    else:
        place = file_of(url)
        address = URL.create("sqlite", database=str(place))
        engine = create_engine(
            address, pool_size=CONNECTIONS_MAX, max_overflow=0, connect_args={"timeout": BUSY_WAIT_MAX_S}
        )
        database = Database(_prepared(engine), shared_connection=False)
    try:
        with database.write() as connection:
            _agree(connection, url)
    except UnusableError as error:
        database.close()
        raise StoreError(f"the store {url} cannot be used: {error.__cause__}; {ELSEWHERE}") from None
    except StoreError:
        database.close()
        raise
    return database


def insert_into(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - two dialects, no common type
    """Return an INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return _INSERTS[connection.dialect.name](table)


def real_ms(connection: Connection) -> int:
    """Return the database's own time, in milliseconds since 1970."""
    return int(connection.execute(text(f"SELECT {_REAL_MS[connection.dialect.name]}")).scalar_one())


def _prepared(engine: Engine) -> Engine:
    """Have SQLite begin transactions when we say so, and survive a power cut."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
        connection.isolation_level = None
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _agree(connection: Connection, url: str) -> None:
    """Make the tables that the store lacks; refuse one that a newer fournines has written."""
    found = 0
    if inspect(connection).has_table(tables.meta.name):
        held = select(tables.meta.c.value).where(tables.meta.c.name == "schema")
        found = int(connection.execute(held).scalar_one())
    if found > tables.SCHEMA:
        raise StoreError(
            f"the store {url} was written by a newer fournines "
            f"(schema {found}, this one knows {tables.SCHEMA}): run that version, or {ELSEWHERE}"
        )
    if 0 < found < tables.SCHEMA_MIN:
        raise StoreError(
            f"the store {url} was written by an older fournines (schema {found}, this one reads from "
            f"{tables.SCHEMA_MIN} on): export its cells with that version, and import them into a new store"
        )
    tables.metadata.create_all(connection)
    for index in tables.inbox.indexes:  # a table that was there keeps the indexes that it had
        index.create(connection, checkfirst=True)
    if found < tables.SCHEMA:
        statement = insert_into(connection, tables.meta).values(name="schema", value=str(tables.SCHEMA))
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
        )
