"""What ECS tells: EventBridge events in AWS's shapes, and the bus that loses, repeats and delays them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    """An EventBridge event that reaches the default bus of a region."""

    region: str
    account: str
    event: dict[str, Any]
