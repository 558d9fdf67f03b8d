"""Where a store is, and who owns it.

Trouble
└── StoreError
    ├── StoreBusyError    another fournines owns the store
    └── DeposedError      another replica leads now
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from fournines.trouble import Trouble

IN_MEMORY = "sqlite://"
SERVER = "postgresql://"

ELSEWHERE = "name another file under `store`"


class StoreError(Trouble):
    """The store cannot be used; the message says why and what to do."""


class DeposedError(StoreError):
    """Another replica does this now: what we were about to write is dropped."""


class StoreBusyError(StoreError):
    """Another fournines owns the store."""


def on_server(url: str) -> bool:
    """Whether a store's address names a database of PostgreSQL, which several processes may share."""
    return url.startswith(SERVER)


def with_password(url: str, password: str) -> str:
    """Return the address of a database with its password.  Raises ValueError where it is none."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"expected {SERVER}USER@HOST/DATABASE") from None
    if password:
        found = found.set(password=password)
    return found.render_as_string(hide_password=False)


def shown(url: str) -> str:
    """Return a store's address as people may see it: without its password."""
    return make_url(url).render_as_string(hide_password=True) if on_server(url) else url


def file_of(url: str) -> Path:
    """Return the file that a store's address names.  Raises StoreError."""
    name = url.removeprefix("sqlite:///")
    if "://" in name:
        raise StoreError(
            f"the store {url!r} is not understood: expected a file, {SERVER}USER@HOST/DATABASE, "
            f"or {IN_MEMORY} for memory"
        )
    path = Path(name).absolute()
    if not path.parent.is_dir():
        raise StoreError(f"the store {path} cannot be made: make its folder first (mkdir -p {path.parent})")
    return path


def own(path: Path) -> IO[str]:
    """Make this process the file's owner until the returned lock is closed.  Raises StoreError."""
    lock = path.with_name(path.name + ".lock")
    try:
        handle = lock.open("a", encoding="ascii")
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be written: {error.strerror}; "
            f"let this user write {path.parent}, or {ELSEWHERE}"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise StoreBusyError(
            f"the store {path} is in use by another fournines: stop that one, or {ELSEWHERE}"
        ) from None
    return handle
