"""Where a store is, and who owns it.

Trouble
└── StoreError
    └── StoreBusyError    another fournines owns the store
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from fournines.trouble import Trouble

IN_MEMORY = "sqlite://"

ELSEWHERE = "name another file under `store`"


class StoreError(Trouble):
    """The store cannot be used; the message says why and what to do."""


class StoreBusyError(StoreError):
    """Another fournines owns the store."""


def file_of(url: str) -> Path:
    """Return the file that a store's address names.  Raises StoreError."""
    name = url.removeprefix("sqlite:///")
    if "://" in name:
        raise StoreError(f"the store {url!r} is not understood: expected a file or {IN_MEMORY} for memory")
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
