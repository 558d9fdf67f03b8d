"""What somebody who knocks at a service now is answered, and after how long.

Whoever knocks is no user: nothing that is counted changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

#: The answers of a service, and of the load balancer or the proxy before it [RFC 9110].
OK, FAILED, BAD_GATEWAY, UNAVAILABLE, TIMEOUT = 200, 500, 502, 503, 504
#: How far response times spread around their median, as for users.
SIGMA = 0.4
#: What a load balancer answers at once, without asking a task.
AT_ONCE_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorway:
    """How a service fares now: the shares of requests that fail, by whose fault, and its median answer."""

    healthy: int
    failing: float
    cut_off: float
    too_many: float
    median_s: float

    def answer(self, chance: float, pace: float) -> tuple[int, float]:
        """Return status and seconds; `chance` and `pace` are numbers in [0, 1) that decide."""
        if not self.healthy:
            return UNAVAILABLE, AT_ONCE_S
        taken = self.median_s * math.exp(SIGMA * NormalDist().inv_cdf(max(pace, 1e-12)))
        if chance < self.cut_off:
            return BAD_GATEWAY, AT_ONCE_S
        if chance < self.cut_off + (1 - self.cut_off) * self.too_many:
            return TIMEOUT, taken
        passed = (1 - self.cut_off) * (1 - self.too_many)
        if chance < 1 - passed * (1 - self.failing):
            return FAILED, taken
        return OK, taken
