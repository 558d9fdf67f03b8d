"""Which objectives burn their budget too fast: tiers, burn rates, and what so few requests can prove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from slo.cells import Indicator, Placement


class Tier(StrEnum):
    """A pair of burn-rate windows."""

    PAGE_QUICK = "page_quick"
    PAGE_SLOW = "page_slow"
    TICKET_QUICK = "ticket_quick"
    TICKET_SLOW = "ticket_slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A tier that fires for an objective at a placement; `bad` and `total` are the long window's requests."""

    objective: str
    placement: Placement
    indicator: Indicator
    tier: Tier
    burn_long: Fraction
    burn_short: Fraction
    bad: int
    total: int
    at: datetime

    @property
    def severity(self) -> Literal["page", "ticket"]:
        """Whether somebody is woken, or finds it in the morning."""
        return "page" if self.tier in (Tier.PAGE_QUICK, Tier.PAGE_SLOW) else "ticket"

    @property
    def sentence(self) -> str:
        """What an engineer reads first."""
        where = f"{self.placement.service} in {self.placement.region}"
        return f"{self.indicator} of {where} burns its budget {float(self.burn_long):.1f} times too fast"
