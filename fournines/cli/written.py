"""Files, each written whole or not at all: beside its place first, then moved there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def files(folder: Path, contents: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write files into a folder, which is made where there is none, and return their paths."""
    return tuple(_whole(folder / name, [content])[0] for name, content in contents.items())


def lines(path: Path, texts: Iterable[str]) -> int:
    """Write lines into a file, and return how many there were."""
    return _whole(path, (text.encode() for text in texts))[1]


def _whole(path: Path, parts: Iterable[bytes]) -> tuple[Path, int]:
    beside, count = path.with_name(f"{path.name}.part"), 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            for part in parts:
                file.write(part)
                count += 1
        beside.replace(path)
    except OSError as problem:
        with suppress(OSError):
            beside.unlink()
        raise Trouble(
            f"{path} cannot be written: {problem.strerror}; name another place with --out"
        ) from None
    return path, count
