"""A line of the doctor: where, how it is, what was found, and, if it is not well, what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.  What is not well names its fix, and nothing else does."""

    area: str
    mark: Mark
    what: str
    fix: str = ""

    def __post_init__(self) -> None:
        if bool(self.fix) is (self.mark is Mark.OK):
            raise ValueError(f"what is not well needs a fix, what is well has none: {self.area}, {self.what}")


def ok(area: str, what: str) -> Finding:
    """Say that something is well."""
    return Finding(area, Mark.OK, what)


def warn(area: str, what: str, fix: str) -> Finding:
    """Say that something is not as it should be, though the service works."""
    return Finding(area, Mark.WARN, what, fix)


def wrong(area: str, what: str, fix: str) -> Finding:
    """Say that something keeps the service from its work."""
    return Finding(area, Mark.WRONG, what, fix)
