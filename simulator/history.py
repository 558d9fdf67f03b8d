"""The days before a scenario: what the same estate served, with the small mishaps that any month has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator import fate
from simulator.demand import Demand, demand
from simulator.estate import Estate, build, tasks_for
from simulator.moment import MINUTE_S, seconds
from simulator.serving import Load, Outcome, serve
from simulator.truth import Truth

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from simulator.recording import Recording
    from simulator.scenario import Scenario

MINUTES_PER_DAY = 1440
#: Mishaps of an ordinary day in the whole estate: at most so many, so long, failing at most so much.
MISHAPS_MAX, MISHAP_MINUTES_MAX, MISHAP_ERROR_MAX = 2, 4, 0.15


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Truth of the minutes `[start, end)` (since 1970) for the places of an estate."""

    estate: Estate
    start: int
    end: int
    truth: Truth


def history(
    scenario: Scenario, start: datetime, end: datetime, recording: Recording | None = None
) -> History:
    """Return what was served between two whole minutes; tasks follow the load, as if autoscaled."""
    estate = build(scenario.estate, recording)
    asked = demand(scenario, estate, recording)
    first, last = seconds(start) // MINUTE_S, seconds(end) // MINUTE_S
    truth = Truth(first, len(estate.places))
    for begin in range(first, last, MINUTES_PER_DAY):
        stop = min(last, begin + MINUTES_PER_DAY)
        truth.add(serve_day(scenario.seed, estate, asked, begin, stop), ~asked.missing(begin, stop))
    return History(estate, first, last, truth)


def serve_day(seed: int, estate: Estate, asked: Demand, start: int, end: int) -> Outcome:
    """Serve the minutes of at most a day."""
    busiest = asked.traffic.offered(start, end).max(axis=0)
    tasks = np.array([float(tasks_for(place.spec, float(busiest[place.index]))) for place in estate.places])
    load = Load(
        offered=asked.requests(asked.offered(start, end)),
        healthy=tasks,
        task_capacity=asked.task_capacity,
        error_ratio=mishaps(seed, start, end, len(estate.places)),
        median_s=asked.median_s,
        slow_s=asked.slow_s,
    )
    return serve(load, seed, start)


def mishaps(seed: int, start: int, end: int, placements: int) -> NDArray[np.float64]:
    """Return the share of requests that failed in small mishaps, [minutes, placements]."""
    ratios = np.zeros((end - start, placements))
    dice = fate.generator(seed, "mishaps", start // MINUTES_PER_DAY)
    for _ in range(dice.randint(0, MISHAPS_MAX)):
        at, column = dice.randrange(end - start), dice.randrange(placements)
        ratios[at : at + dice.randint(1, MISHAP_MINUTES_MAX), column] = dice.uniform(0.01, MISHAP_ERROR_MAX)
    return ratios
