"""What the estate is asked for, and what its tasks can give: the document's figures as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.moment import MINUTE_S, seconds
from simulator.traffic import Replayed, Shaped, Traffic

if TYPE_CHECKING:
    from simulator.estate import Estate
    from simulator.recording import Recording
    from simulator.scenario import Scenario

Row = NDArray[np.float64]

#: Where the users of a region live: hours from UTC, without summer time.
UTC_OFFSET_H = {
    "us-west": -8.0,
    "us-east": -5.0,
    "sa-east": -3.0,
    "eu-west": 0.0,
    "eu-central": 1.0,
    "eu-north": 1.0,
    "ap-south": 5.5,
    "ap-southeast": 8.0,
    "ap-northeast": 9.0,
}
NIGHTLY_SWING, WEEKEND = 0.6, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Traffic and the figures that meet it, per placement; `requested` are those that users can reach."""

    traffic: Traffic
    usual: Row
    task_capacity: Row
    median_s: Row
    slow_s: float
    requested: NDArray[np.bool_]

    def offered(self, start: int, end: int, surge: Row | float = 1.0) -> NDArray[np.int64]:
        """Return the requests and messages of the minutes `[start, end)`, int64 [minutes, placements]."""
        return self.traffic.offered(start, end, surge)

    def requests(self, offered: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what of the work that was offered are requests: all but what waits in queues."""
        return np.where(self.requested, offered, 0)

    def missing(self, start: int, end: int) -> NDArray[np.bool_]:
        """Return of which minutes nobody knows what was offered."""
        return self.traffic.missing(start, end)

    def expected(self, minute: int) -> Row:
        """Return what is expected of a minute."""
        return (
            self.traffic.expected(minute, minute + 1)[0] if isinstance(self.traffic, Shaped) else self.usual
        )


def demand(scenario: Scenario, estate: Estate, recording: Recording | None) -> Demand:
    """Read a scenario's traffic; a recording that the document names is handed in, already read."""
    places, traffic = estate.places, scenario.estate.traffic
    peak = np.array([float(place.spec.work_per_minute) for place in places])
    start = seconds(scenario.start) // MINUTE_S
    source: Traffic
    if recording is not None:
        source = Replayed(recording, peak, traffic.scale, start, recorded_start(scenario, recording))
        usual = peak / peak.sum() * float(recording.counts.mean()) / recording.step * traffic.scale
    else:
        daily = traffic.shape == "daily"
        offsets = np.array([offset(place.region) for place in places])
        swing, weekend = (NIGHTLY_SWING, WEEKEND) if daily else (0.0, 1.0)
        source, usual = Shaped(scenario.seed, peak, offsets, swing, weekend), peak
    return Demand(
        traffic=source,
        usual=usual,
        task_capacity=np.array([float(place.spec.work_per_task) for place in places]),
        median_s=np.array([place.spec.latency_ms / 1000 for place in places]),
        slow_s=scenario.estate.slow_ms / 1000,
        requested=np.array([place.spec.front != "none" for place in places]),
    )


def recorded_start(scenario: Scenario, recording: Recording) -> int:
    """Return the recorded minute that the scenario starts at: the one it names.

    Else the first whose past is recorded as far back as the estate's metrics reach, if a whole scenario
    follows it, else the first of all.
    """
    named = scenario.estate.traffic.from_
    if named is not None:
        return seconds(named) // MINUTE_S
    first, after = int(recording.starts[0]), int(recording.starts[-1]) + recording.step
    lived_in, lasts = (
        int(span.total_seconds()) // MINUTE_S for span in (scenario.lived_in, scenario.duration)
    )
    return first + lived_in if first + lived_in + lasts <= after else first


def offset(region: str) -> float:
    """Return a region's hours from UTC."""
    return UTC_OFFSET_H.get(region.rsplit("-", 1)[0], 0.0)
