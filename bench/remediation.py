"""What fournines promises of acting by itself.  Each part measures in a module of its own, listed here."""

from collections.abc import Iterator
from importlib import import_module

from bench.figure import Figure

PARTS = ("storm", "overhead", "fuzz", "durability")


def figures() -> Iterator[Figure]:
    """Yield the figures of every part."""
    for part in PARTS:
        yield from import_module(f"bench.{part}").figures()
