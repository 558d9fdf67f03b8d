"""Whether what a revision is made of is still there: without it, nobody can return to the revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Presence(StrEnum):
    """What is known of a part; `not_known` is nobody's to ask, `unanswered` was asked in vain for now."""

    THERE = "there"
    GONE = "gone"
    NOT_KNOWN = "not_known"
    UNANSWERED = "unanswered"
    DENIED = "denied"


class PartKind(StrEnum):
    """What a part is."""

    TASK_DEFINITION = "task definition"
    IMAGE = "image"
    SECRET = "secret"  # noqa: S105 - the word itself
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a revision needs in order to start, and why it is gone or not known."""

    kind: PartKind
    name: str
    presence: Presence = Presence.THERE
    why: str = ""

    def __str__(self) -> str:
        told = f"{self.kind} {self.name}"
        return f"{told} ({self.why})" if self.why else told


@dataclass(frozen=True, slots=True)
class Remains:
    """All that a revision is made of, as it was found at `seen_at`."""

    seen_at: datetime
    parts: tuple[Part, ...]

    def those(self, presence: Presence) -> tuple[Part, ...]:
        """Return the parts that are so."""
        return tuple(part for part in self.parts if part.presence is presence)
