"""Who asks for what: requests offered per minute and placement, by a shape or by a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.noise import draws, poisson
from simulator.recording import Recording

STREAM = 1
MINUTES_PER_DAY = 1440
#: 1970-01-01 was a Thursday; Monday is day 0 of a week.
FIRST_WEEKDAY = 3
SATURDAY = 5


class Traffic(Protocol):
    """Requests offered: the same for any way to cut time.  Minutes since 1970 in UTC, `end` is exclusive."""

    def offered(self, start: int, end: int, surge: NDArray[np.float64] | float = 1.0) -> NDArray[np.int64]:
        """Return requests [minutes, placements]; `surge`, broadcast to them, multiplies what is usual."""
        ...

    def missing(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return for each minute whether nobody knows what was offered."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shaped:
    """Traffic by a formula: `peak_rpm` requests per minute and placement at the busiest minute of a weekday.

    `swing` is the share of the peak that goes away at night: 0 is flat. `utc_offset_h` moves each placement's
    day to its region; the busiest minute is `peak_hour` there. Weekends carry `weekend` of a weekday.
    """

    seed: int
    peak_rpm: NDArray[np.float64]
    utc_offset_h: NDArray[np.float64]
    swing: float = 0.0
    weekend: float = 1.0
    peak_hour: float = 14.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.swing <= 1.0 and self.weekend >= 0.0 and (self.peak_rpm >= 0).all()):
            raise ValueError("swing lies between 0 and 1; weekend and peak_rpm are not negative")

    def expected(self, start: int, end: int) -> NDArray[np.float64]:
        """Return the requests that are expected, before chance."""
        local = np.arange(start, end)[:, None] + self.utc_offset_h * 60.0
        hours = local % MINUTES_PER_DAY / 60.0
        nightly = (1.0 - np.cos(2.0 * np.pi * (hours - self.peak_hour) / 24.0)) / 2.0
        weekday = (local // MINUTES_PER_DAY + FIRST_WEEKDAY) % 7
        daily = np.where(weekday >= SATURDAY, self.weekend, 1.0)
        rates: NDArray[np.float64] = self.peak_rpm * daily * (1.0 - self.swing * nightly)
        return rates

    def offered(self, start: int, end: int, surge: NDArray[np.float64] | float = 1.0) -> NDArray[np.int64]:
        """Return the requests of each minute: Poisson around what is expected."""
        chance = draws(self.seed, STREAM, range(start, end), 1, len(self.peak_rpm))
        return poisson(self.expected(start, end) * surge, chance.normal[0], chance.uniform[0])

    def missing(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return that every minute is known."""
        return np.zeros(end - start, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """Traffic of a recording: each count, times `scale`, split over its minutes and placements without loss.

    Minute `start` of the world replays minute `recorded_start` of the recording. `weights` share the requests
    among placements. A minute without a row is missing: nothing is offered, and nobody knows.
    A recording is lulls and bursts, so a surge comes on top of the recorded requests, and what it multiplies
    is the busiest minute: multiplying a lull would surge nobody.
    """

    recording: Recording
    weights: NDArray[np.float64]
    scale: float
    start: int
    recorded_start: int
    _bounds: NDArray[np.float64] = field(init=False)
    _busiest: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        if self.scale <= 0 or not (self.weights >= 0).all() or not self.weights.sum() > 0:
            raise ValueError("scale and the sum of weights are positive, no weight is negative")
        cells = np.tile(self.weights / self.weights.sum() / self.recording.step, self.recording.step)
        bounds = np.concatenate([[0.0], np.cumsum(cells)])
        bounds[-1] = 1.0
        object.__setattr__(self, "_bounds", bounds)
        object.__setattr__(self, "_busiest", busiest(self.recording, self.weights, self.scale))

    def offered(self, start: int, end: int, surge: NDArray[np.float64] | float = 1.0) -> NDArray[np.int64]:
        """Return the requests of each minute; unsurged, a row's cells add up to its scaled count."""
        rows, places = self._places(start, end)
        counts = np.where(rows >= 0, self.recording.counts[rows], 0.0) * self.scale
        columns = len(self.weights)
        first = places[:, None] * columns + np.arange(columns)
        # Where the whole requests fall moves from row to row, or the first placement would get them all.
        turn = (np.maximum(rows, 0) * 0.6180339887498949 % 1.0)[:, None]
        upto = np.floor(counts[:, None] * self._bounds[first + 1] + turn)
        split = upto - np.floor(counts[:, None] * self._bounds[first] + turn)
        extra = np.where(rows >= 0, 1.0, 0.0)[:, None] * (np.asarray(surge) - 1.0) * self._busiest
        requests: NDArray[np.int64] = (split + np.rint(extra)).astype(np.int64)
        return requests

    def missing(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return for each minute whether no row of the recording covers it."""
        rows, _ = self._places(start, end)
        return rows < 0

    def _places(self, start: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.recording.locate(np.arange(start, end) - self.start + self.recorded_start)


def busiest(recording: Recording, weights: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Return the requests per minute that each placement gets in the recording's busiest minute."""
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares * recording.busiest * scale
