"""Whether a region's APIs answer at all: some calls fail inside AWS, and in an outage none is answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from simulator import fate
from simulator.refusal import Refusal

INTERNAL = ("InternalFailure", "The request processing has failed because of an unknown error.", 500)
UNAVAILABLE = ("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503)


@dataclass(slots=True, eq=False)
class Reach:
    """What stands between callers and the APIs of each region: a share that fails, and how many outages.

    Calls are counted only while some of them fail, so that how often was asked before changes nothing.
    """

    seed: int
    failing: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    dark: Counter[str] = field(default_factory=Counter)
    asked: int = 0

    def admit(self, region: str) -> None:
        """Let a call through.  Raises Refusal for what AWS itself fails [common errors of every API]."""
        if self.dark[region]:
            raise Refusal(*UNAVAILABLE)
        if share := self.failing[region]:
            self.asked += 1
            drawn = fate.fraction(self.seed, "fails", self.asked)
            if drawn < share:
                raise Refusal(*(INTERNAL if drawn < share / 2 else UNAVAILABLE))
