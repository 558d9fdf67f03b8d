"""How a number may be said: cut off where it would flatter, and never rounded towards the promise."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

#: What stands where there is no number.
NOTHING = "-"

#: 99.9912 % shows a hundredth of a 99.99 % budget; fewer places would hide how it was met.
PERCENT_PLACES = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with the text that says it; `exact` is None where nothing can be said."""

    exact: int | Fraction | None
    text: str

    def __str__(self) -> str:
        return self.text
