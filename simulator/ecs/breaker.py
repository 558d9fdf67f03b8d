"""The deployment circuit breaker's arithmetic."""

from __future__ import annotations

import math

#: Failures in a row that trip it: half of the desired count, within these bounds [ECS guide].
SHARE = 0.5
LEAST, MOST = 3, 200


def threshold(desired: int) -> int:
    """Return how many failures in a row trip the circuit breaker."""
    return max(LEAST, min(MOST, math.ceil(desired * SHARE)))
