"""Which metrics told nothing lately: what only explains is then bought once an hour instead of every time.

Every answer looks back for some minutes, so a metric falls idle as much later than it fell silent.  What
counts is never left out: an error counter appears with its first error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from collector.bundle import Key
from collector.metric import Metric

if TYPE_CHECKING:
    from collector.bundle import Bundle
    from collector.watermarks import Window

#: A metric of which no answer of so many minutes told anything is idle, and asked for once in so many.
IDLE_AFTER, IDLE_EVERY = 60, 60


@dataclass(slots=True)
class _Speech:
    """Where the newest window ends that told anything, or the first where none did, and the newest of all."""

    told: int
    asked: int

    def idle(self, end: int) -> bool:
        return end - self.told >= IDLE_AFTER and end - self.asked < IDLE_EVERY


@dataclass(frozen=True, slots=True)
class Idle:
    """When each metric of each owner last told anything, and when it was last asked for.

    It is known since this process began: until a metric has been asked for an hour it is never idle.  What
    counts is heard as well; whoever asks leaves out only what explains.
    """

    _of: dict[Key, dict[Metric, _Speech]] = field(default_factory=dict)

    def heard(self, window: Window) -> None:
        """Take in what a window told."""
        told = ~np.isnan(window.values)
        keys = [key for bundle in window.asked.bundles for key in bundle.keys]
        for metric, where in window.asked.rows.items():
            spoke = np.any(told[where.rows], axis=1).tolist()
            for owner, anything in zip(where.owners.tolist(), spoke, strict=True):
                speech = self._of.setdefault(keys[owner], {}).setdefault(metric, _Speech(window.end, 0))
                speech.asked = window.end
                if anything:
                    speech.told = window.end

    def metrics(self, bundle: Bundle, end: int) -> frozenset[Metric]:
        """Return the metrics of a bundle that are idle at this minute, for any of its owners.

        What explains is bundled owner by owner, so that nobody loses what another did not tell.
        """
        return frozenset(
            metric
            for key in bundle.keys
            for metric, speech in self._of.get(key, {}).items()
            if speech.idle(end)
        )
