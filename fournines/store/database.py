"""The one module that knows which database this is: opening, transactions, and what SQL differs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, create_engine, event, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from fournines.store import tables
from fournines.store.place import ELSEWHERE, IN_MEMORY, StoreError, file_of, on_server, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine, Table

    Fence = Callable[[Connection], None]

#: How long a statement waits for another process' transaction to end.
BUSY_WAIT_MAX_S = 10
#: As many threads may use the store at once; the next waits for one to end.
CONNECTIONS_MAX = 32
#: How long a server may take to be reached, and to answer what was sent.
REACHED_WITHIN_S, ANSWERED_WITHIN_S = 5, 15
#: A writer that stalls in the middle keeps the line waiting no longer: the server ends its transaction.
STALLED_MAX_S = 8

#: The lock that writers of one database stand in line for; any number that nobody else uses.
_LINE = 4_999_909_999

_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

#: Milliseconds since 1970 by the database's own clock: leases must not depend on a process' idea of time.
_REAL_MS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
}


class UnusableError(StoreError):
    """The database itself refuses: full, locked by another process, unreachable or damaged."""


@contextmanager
def _said() -> Iterator[None]:
    """Say in our words what the database raises."""
    try:
        yield
    except DatabaseError as error:
        raise UnusableError(f"the store cannot be used: {_words(error)}") from error.orig


def _words(error: DatabaseError) -> str:
    """Return what the database says, in one line."""
    return " ".join(str(error.orig).split())


class Database:
    """A database and its transactions; safe to share among threads.

    Writers stand in line, in this process by a lock and among processes by the database.  Readers of a file
    or of a server do not wait; in memory there is one connection for all.  `shared` is whether others may
    work on it at the same time as we do; with a `fence` every transaction that writes asks it first.
    """

    def __init__(self, engine: Engine, *, fence: Fence | None = None) -> None:
        self._engine = engine
        self._writing = threading.RLock()
        self._alone = isinstance(engine.pool, StaticPool)
        self._fence = fence
        self.shared = engine.dialect.name == "postgresql"

    def fenced(self, fence: Fence) -> Database:
        """Return the same database, whose writers must pass the fence."""
        found = Database(self._engine, fence=fence)
        found._writing = self._writing  # one line for both
        return found

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; it is committed at the end, or nothing of it is kept."""
        with _said(), self._writing, self._engine.connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                if self._fence is not None:
                    self._fence(connection)
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads one state of everything."""
        if self._alone:
            with _said(), self._writing, self._engine.begin() as connection:
                yield connection
        else:
            with _said(), self._engine.connect() as connection:
                if self.shared:
                    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                with connection.begin():
                    yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def open_database(url: str) -> Database:
    """Open a file, a database of PostgreSQL or `sqlite://` (in memory), and make its tables.

    Raises StoreError.
    """
    database = Database(_engine(url))
    try:
        with database.write() as connection:
            _agree(connection, shown(url))
    except UnusableError as error:
        database.close()
        fix = "see that the server runs and knows this user" if on_server(url) else ELSEWHERE
        told = " ".join(str(error.__cause__).split())
        raise StoreError(f"the store {shown(url)} cannot be used: {told}; {fix}") from None
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


def _engine(url: str) -> Engine:
    if on_server(url):
        return _server(url)
    if url == IN_MEMORY:
        return _file(create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False}))
    address = URL.create("sqlite", database=str(file_of(url)))
    wait = {"timeout": BUSY_WAIT_MAX_S}
    return _file(create_engine(address, pool_size=CONNECTIONS_MAX, max_overflow=0, connect_args=wait))


def _file(engine: Engine) -> Engine:
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


def _server(url: str) -> Engine:
    """Have writers of PostgreSQL stand in line: what they read is then what they change.

    A connection is tried before it is used, so that a server may be started anew at any time.
    """
    try:
        engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "application_name": "fournines",
                "connect_timeout": REACHED_WITHIN_S,
                "tcp_user_timeout": ANSWERED_WITHIN_S * 1000,
            },
        )
    except ModuleNotFoundError as error:
        raise StoreError(f"PostgreSQL needs {error.name}: pip install 'fournines[postgres]'") from None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(
                f"SELECT set_config('lock_timeout', '{BUSY_WAIT_MAX_S}s', true), "
                f"set_config('idle_in_transaction_session_timeout', '{STALLED_MAX_S}s', true)"
            )
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LINE})")

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
