"""The deployment circuit breaker's arithmetic [botocore's ECS model]."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

THRESHOLD = "thresholdConfiguration"
#: A bounded share of the desired count lies within these bounds [ECS guide].
LEAST, MOST = 3, 200
SHARE_PERCENT = 50


class Kind(StrEnum):
    """What a threshold's value means: failures, or a share of the desired count."""

    COUNT = "COUNT"
    BOUNDED_PERCENT = "BOUNDED_PERCENT"
    UNBOUNDED_PERCENT = "UNBOUNDED_PERCENT"


def threshold(breaker: Mapping[str, Any], desired: int) -> int:
    """Return how many failures in a row trip the breaker: by default half of the desired count, bounded.

    A share is rounded up, and no share is less than one failure; AWS says neither.
    """
    given = breaker.get(THRESHOLD) or {}
    kind, value = Kind(given.get("type", Kind.BOUNDED_PERCENT)), int(given.get("value", SHARE_PERCENT))
    if kind is Kind.COUNT:
        return value
    share = math.ceil(desired * value / 100)
    return max(1, share) if kind is Kind.UNBOUNDED_PERCENT else max(LEAST, min(MOST, share))


def resets(breaker: Mapping[str, Any]) -> bool:
    """Whether a healthy task makes it forget the failures before."""
    return bool(breaker.get("resetOnHealthyTask", True))
