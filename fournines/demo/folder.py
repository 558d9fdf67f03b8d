"""The folder that a demo leaves everything in: its own, empty at the start, one demo at a time."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Marks a folder as a demo's, so that the next one may empty it; held while one plays.
MARK = ".fournines-demo"


@contextmanager
def taken(folder: Path) -> Iterator[Path]:
    """Take the folder: what an earlier demo left is gone.  Raises Trouble if it is anybody else's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MARK).exists() and any(folder.iterdir()):
            raise Trouble(f"{folder} holds something that is no demo's: name another folder with --out")
        mark = (folder / MARK).open("a", encoding="ascii")
    except OSError as problem:
        raise _unfit(folder, problem) from None
    with mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(f"another demo plays in {folder}: name another folder with --out") from None
        try:
            _empty(folder)
        except OSError as problem:
            raise _unfit(folder, problem) from None
        yield folder


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()


def _unfit(folder: Path, problem: OSError) -> Trouble:
    return Trouble(f"{folder} cannot be written to: {problem.strerror}; name another folder with --out")
