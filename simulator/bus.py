"""The event bus: at least once, in no order, sometimes twice, late or never, as the scenario says."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from simulator import fate
from simulator.moment import written

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """An EventBridge event that reaches the default bus of a region."""

    region: str
    account: str
    event: Event


#: When it is due, its number among all that was told, and what is delivered.
Due: TypeAlias = tuple[float, int, Delivery]


@dataclass(slots=True, eq=False)
class Bus:
    """Events on their way.  Times are seconds since 1970.

    `lag_s` is the longest ordinary delay, `lost_ratio` and `twice_ratio` are shares of the events; `held_s`
    is how long an event may be held back while order is disturbed. What would arrive in a region after it was
    held arrives when it is released.
    """

    seed: int
    lag_s: float
    lost_ratio: float = 0.0
    twice_ratio: float = 0.0
    held_s: float = 0.0
    serial: int = 0
    _due: list[Due] = field(default_factory=list)
    _held: dict[str, list[int]] = field(default_factory=dict)
    _waiting: list[Due] = field(default_factory=list)

    def tell(self, at: int, region: str, account: str, event: Event) -> None:
        """Send an event (`source`, `detail-type`, `resources`, `detail`) on its way."""
        self.serial += 1
        identity = fate.uuid(self.seed, "event", self.serial)
        if self._chance("lost", self.lost_ratio):
            return
        envelope = {
            "version": "0",
            "id": identity,
            "detail-type": event["detail-type"],
            "source": event["source"],
            "account": account,
            "time": written(at, milliseconds=False),
            "region": region,
            "resources": event["resources"],
            "detail": event["detail"],
        }
        delivery = Delivery(region, account, envelope)
        for copy in range(2 if self._chance("twice", self.twice_ratio) else 1):
            delay = (self.lag_s + self.held_s + 30.0 * copy) * self._fraction("delay", copy)
            heapq.heappush(self._due, (at + delay, 2 * self.serial + copy, delivery))

    @property
    def next(self) -> float | None:
        """When the next event is due to arrive."""
        return self._due[0][0] if self._due else None

    def deliver(self, until: float) -> list[Delivery]:
        """Return what has arrived, in the order of arrival."""
        arrived = []
        while self._due and self._due[0][0] <= until:
            one = heapq.heappop(self._due)
            if self._kept_back(one):
                self._waiting.append(one)
            else:
                arrived.append(one[2])
        return arrived

    def hold(self, region: str, at: int) -> None:
        """Let nothing arrive in a region from now on."""
        self._held.setdefault(region, []).append(at)

    def release(self, region: str, at: int) -> None:
        """End a hold: with the last of them all that waits arrives, in the order in which it was told."""
        if len(self._held[region]) > 1:
            self._held[region].pop()
            return
        for one in [
            o for o in (*self._waiting, *self._due) if o[2].region == region and self._kept_back(o, at)
        ]:
            (self._due if one in self._due else self._waiting).remove(one)
            self._due.append((float(at), *one[1:]))
        heapq.heapify(self._due)
        del self._held[region]

    def _kept_back(self, one: Due, until: float = math.inf) -> bool:
        """Whether an event is due between the beginning of its region's hold and `until`."""
        holds = self._held.get(one[2].region)
        return holds is not None and holds[0] <= one[0] < until

    def _chance(self, purpose: str, ratio: float) -> bool:
        return ratio > 0 and self._fraction(purpose) < ratio

    def _fraction(self, *purpose: object) -> float:
        return fate.fraction(self.seed, "event", self.serial, *purpose)
