"""Alert conditions that somebody wrote for an objective: a burn rate, over how long, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from slo.ledger import RING_MINUTES

if TYPE_CHECKING:
    from collections.abc import Mapping


class Op(StrEnum):
    """How a burn rate is compared with the threshold, in OpenSLO's words."""

    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"

    @property
    def rises(self) -> bool:
        """Whether more burn makes it hold."""
        return self in (Op.GT, Op.GTE)

    @property
    def words(self) -> str:
        """How people say it."""
        return _WORDS[self]


_WORDS: Mapping[Op, str] = {
    Op.GT: "above",
    Op.GTE: "at or above",
    Op.LT: "below",
    Op.LTE: "at or below",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A burn rate over the last `lookback` minutes, compared; it fires once that held for `after` minutes."""

    name: str
    severity: Literal["page", "ticket"]
    op: Op
    threshold: Decimal
    lookback: int
    after: int = 0

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a condition has a name")
        if self.threshold < 0:
            raise ValueError(f"a burn rate is 0 or more, got {self.threshold}")
        if not 0 < self.lookback <= self.lookback + self.after <= RING_MINUTES:
            raise ValueError(
                f"the ledger holds {RING_MINUTES:,} minutes, got {self.lookback} and {self.after} before them"
            )

    def __str__(self) -> str:
        return self.name

    def holds(self, burn: Fraction) -> bool:
        """Whether a burn rate meets it, compared exactly."""
        limit = Fraction(self.threshold)
        match self.op:
            case Op.GT:
                return burn > limit
            case Op.GTE:
                return burn >= limit
            case Op.LT:
                return burn < limit
            case Op.LTE:
                return burn <= limit
