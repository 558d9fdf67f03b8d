"""Chance that can be repeated: a draw depends on the seed and its purpose, never on what was drawn before."""

from __future__ import annotations

import random
from hashlib import blake2b
from uuid import UUID


def digest(*words: object, size: int = 8) -> bytes:
    """Return bytes that belong to these words alone."""
    return blake2b("\x1f".join(map(str, words)).encode(), digest_size=size).digest()


def generator(*words: object) -> random.Random:
    """Return a generator of its own for these words."""
    return random.Random(digest(*words))


def fraction(*words: object) -> float:
    """Return a number in [0, 1) that belongs to these words."""
    return int.from_bytes(digest(*words), "big") / 2**64


def hexadecimal(length: int, *words: object) -> str:
    """Return a lower-case identifier of the given length, as AWS puts into ARNs."""
    return digest(*words, size=(length + 1) // 2).hex()[:length]


def uuid(*words: object) -> str:
    """Return an identifier in the shape of a version 4 UUID."""
    return str(UUID(bytes=digest(*words, size=16), version=4))
