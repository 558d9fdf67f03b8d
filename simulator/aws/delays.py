"""Calls that land late, and answers that come late or never reach who asked: in real time, as on a wire."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.calls import changes

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A delay holds a thread of the server, so none is longer.
SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Delay:
    """How long a call waits before it is carried out, and its answer afterwards."""

    before_s: float = 0.0
    after_s: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.before_s <= SECONDS_MAX and 0 <= self.after_s <= SECONDS_MAX):
            raise ValueError(f"a delay is 0 to {SECONDS_MAX:g} seconds")


@dataclass(slots=True)
class Delays:
    """What the next calls that change something will meet, one each."""

    _next: deque[Delay] = field(default_factory=deque)

    def arm(self, document: Mapping[str, Any]) -> int:
        """Delay one more call as a document says, by `before_s` and `after_s`; return how many are armed."""
        self._next.append(Delay(float(document.get("before_s", 0)), float(document.get("after_s", 0))))
        return len(self._next)

    def take(self, operation: str) -> Delay:
        """Return what this call meets."""
        try:
            return self._next.popleft() if changes(operation) else Delay()
        except IndexError:
            return Delay()


def pause(seconds: float) -> None:
    """Let so much real time pass."""
    if seconds:
        time.sleep(seconds)
