"""The seam to where finished documents are laid up: a place that keeps bytes under a key."""

from __future__ import annotations

from typing import Protocol


class Archive(Protocol):
    """A bucket, a folder, or that of the simulated world."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep the bytes under the key; the same bytes again change nothing.  Raises CollectError."""
        ...

    def where(self, key: str) -> str:
        """Return how people name what is kept under the key."""
        ...
