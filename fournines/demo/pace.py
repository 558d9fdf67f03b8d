"""How fast the story can be told: as fast as this machine keeps up with, and whether it did."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, Self

from prometheus_client.parser import text_string_to_metric_families

from fournines import telemetry
from simulator.world import World

if TYPE_CHECKING:
    from simulator.recording import Recording
    from simulator.scenario import Scenario

#: At 45 the shipped story lasts 100 s; below 28 it could not end within three minutes.
SPEED_MAX, SPEED_MIN = 45.0, 28.0
#: What is lived through, so often, by as many processes at once as the demo has: how fast is this machine?
SAMPLE, LIVES, PROCESSES = timedelta(hours=1), 2, 3
#: Each of them takes 0.7 s on two idle cores.  The demo needs 72 of the 200 s of CPU that those have while it
#: lasts (measured), so that half as fast is fast enough.
SAMPLE_S = 1.4
#: A machine that misses more of the service's turns than this tells another story.
MISSED_MAX = 0.15


def affordable(scenario: Scenario, recording: Recording | None) -> float:
    """Return how many times as fast as the wall three busy processes keep up with here, now."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        took = [pool.submit(_live, scenario, recording) for _ in range(PROCESSES)]
        return slowed(max(one.result() for one in took))


def slowed(sample_s: float) -> float:
    """Return the speed for a machine on which the slowest takes so long for the sample."""
    return max(SPEED_MIN, min(SPEED_MAX, SPEED_MAX * SAMPLE_S / sample_s))


def _live(scenario: Scenario, recording: Recording | None) -> float:
    began = time.perf_counter()
    for _ in range(LIVES):
        World(scenario, recording).step(min(scenario.start + SAMPLE, scenario.end))
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Turns:
    """How often the service's jobs ran, and how often their turn was missed because they took too long."""

    run: int
    missed: int

    @classmethod
    def told(cls, metrics: str) -> Self:
        """Read what `/metrics` says."""
        sums: Counter[str] = Counter()
        for family in text_string_to_metric_families(metrics):
            for sample in family.samples:
                sums[sample.name] += int(sample.value)
        return cls(sums[telemetry.JOB_RUNS.name], sums[telemetry.JOB_SKIPPED.name])

    def remark(self, speed: float) -> str | None:
        """Say that the machine was too busy, and what helps; None if it kept up."""
        if self.missed <= MISSED_MAX * (self.run + self.missed):
            return None
        told = f"This machine was too busy ({self.missed:,} of {self.run + self.missed:,} turns missed)"
        if speed > SPEED_MIN:
            return f"{told}: try SPEED={SPEED_MIN:.0f} (--speed {SPEED_MIN:.0f})."
        return f"{told}: try again when it has less to do."
