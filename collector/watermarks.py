"""How far each track has been read: until when it was asked, and until when its minutes have arrived.

CloudWatch answers at once and tells late: an answer without points is no proof that there are none.  So a
minute has arrived when the series that speak every minute have spoken; until then it is asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collector.catalog import HEALTHY_HOSTS, REQUESTS, Tier
from collector.layout import Asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from collector.source import Readings

#: A minute has arrived when this share of the steady series has spoken; a few may have fallen silent.
ARRIVED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Mark:
    """Minutes below `asked` were answered, whatever the answer; those below `arrived` need no second look."""

    asked: int
    arrived: int

    def __post_init__(self) -> None:
        if self.arrived > self.asked:
            raise ValueError(f"nothing arrives before it is asked for: {self.arrived} > {self.asked}")


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The answers to all batches of a track over the same minutes, stacked.

    `values` is float64 [rows, minutes] from minute `start`, NaN where CloudWatch told no point; `gap` marks
    the rows that were not answered.
    """

    asked: Asked
    start: int
    values: NDArray[np.float64]
    gap: NDArray[np.bool_]

    @property
    def end(self) -> int:
        """The first minute after the window."""
        return self.start + int(self.values.shape[1])


def windows(asked: Asked, readings: Iterable[Readings]) -> tuple[Window, ...]:
    """Stack a track's readings by window, oldest first; a batch without reading is a gap."""
    by_window: dict[tuple[int, int], dict[int, Readings]] = {}
    for reading in readings:
        window = (reading.start, reading.values.shape[1])
        by_window.setdefault(window, {})[id(reading.batch)] = reading
    return tuple(_stack(asked, start, width, by_window[start, width]) for start, width in sorted(by_window))


def _stack(asked: Asked, start: int, width: int, answers: Mapping[int, Readings]) -> Window:
    values = np.full((asked.height, width), np.nan)
    gap = np.ones(asked.height, dtype=bool)
    top = 0
    for batch in asked.batches:
        rows = slice(top, top + len(batch.queries))
        if answer := answers.get(id(batch)):
            values[rows] = answer.values
            gap[rows] = False
            gap[[top + row for row in answer.gaps]] = True
        top = rows.stop
    return Window(asked, start, values, gap)


def moved(previous: Mark | None, answers: Sequence[Window], late_max: int) -> Mark | None:
    """Return where a track stands after its windows (oldest first) were answered.

    What has not arrived is waited for, but no longer than `late_max` minutes once CloudWatch answers; while
    it does not answer at all the track stays where it is.
    """
    asked = max((window.end for window in answers if not window.gap.all()), default=None)
    if asked is None:
        return previous
    position = _begins(answers[0]) if previous is None else previous.arrived
    for window in answers:
        if window.gap.all():
            break
        if window.start <= position < window.end:
            arrived = _arrived(window)[position - window.start :]
            complete = len(arrived) if arrived.all() else int(arrived.argmin())
            position = max(position + complete, min(window.end, asked - late_max))
    return Mark(max(asked, previous.asked if previous else asked), min(position, asked))


def _begins(first_look: Window) -> int:
    """Return where a track's history begins; what it was silent about before is not waited for."""
    return first_look.start + int(_arrived(first_look).argmax())


def _arrived(window: Window) -> NDArray[np.bool_]:
    """Return which minutes of the window have arrived.  What only explains is never waited for."""
    width = window.values.shape[1]
    if window.asked.track.tier is not Tier.SLI:
        return np.ones(width, dtype=bool)
    if window.gap.any():
        return np.zeros(width, dtype=bool)
    steady = np.concatenate([window.asked.rows[metric].rows for metric in (REQUESTS, HEALTHY_HOSTS)])
    spoke = (~np.isnan(window.values[steady])).sum(axis=0)
    return np.asarray(spoke > ARRIVED_SHARE * spoke.max(initial=0))
