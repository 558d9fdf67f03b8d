"""The record of calls that change the world: what the judge goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Params = Mapping[str, Any]

ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Call:
    """One mutating call, also a refused one.

    `service` is the API (`ecs`, `application-autoscaling`), `placement` the index of the placement that it
    names, `outcome` is `accepted` or the code of the refusal.
    """

    at: datetime
    caller: str
    region: str
    service: str
    operation: str
    params: Params
    outcome: str
    placement: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the world did as it was told."""
        return self.outcome == ACCEPTED
