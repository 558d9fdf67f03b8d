"""What a finding is: one question about a situation, answered yes, no or unknown, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slo.cells import Placement


class Holds(StrEnum):
    """An answer that may be missing."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def holds(*, truth: bool | None) -> Holds:
    """Return the answer for a truth value that may be missing."""
    return Holds.UNKNOWN if truth is None else Holds.YES if truth else Holds.NO


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question, with the numbers that it rests on."""

    name: str
    holds: Holds
    sentence: str
    numbers: Mapping[str, int | float | str] = field(default_factory=dict)

    @property
    def yes(self) -> bool:
        """Whether it is known to be so."""
        return self.holds is Holds.YES

    @property
    def no(self) -> bool:
        """Whether it is known not to be so."""
        return self.holds is Holds.NO

    @property
    def unknown(self) -> bool:
        """Whether it cannot be said, or not yet."""
        return self.holds is Holds.UNKNOWN


def regions(placements: Iterable[Placement]) -> str:
    """Return where placements are, in words."""
    return ", ".join(sorted({placement.region for placement in placements})) or "none"
