"""How fast the story can be told: as fast as this machine keeps up with."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.world import World

if TYPE_CHECKING:
    from simulator.recording import Recording
    from simulator.scenario import Scenario

#: At 45 the shipped story lasts 100 s; below 28 it could not end within three minutes.
SPEED_MAX, SPEED_MIN = 45.0, 28.0
#: What is lived through to see how fast this machine is, and how long two idle cores of 2020 take for it.
SAMPLE = timedelta(minutes=20)
SAMPLE_S = 0.6


def affordable(scenario: Scenario, recording: Recording | None) -> float:
    """Return how many times as fast as the wall three busy processes keep up with here, now."""
    began = time.perf_counter()
    world = World(scenario, recording)
    world.step(min(scenario.start + SAMPLE, scenario.end))
    return slowed(time.perf_counter() - began)


def slowed(sample_s: float) -> float:
    """Return the speed for a machine that takes so long for the sample."""
    return max(SPEED_MIN, min(SPEED_MAX, SPEED_MAX * SAMPLE_S / sample_s))
