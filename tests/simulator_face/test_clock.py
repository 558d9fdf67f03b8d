from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulator.clock import FastClock

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
EPOCH = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)


def test_a_fast_clock_shows_its_start_at_its_epoch_and_then_runs() -> None:
    clock = FastClock(start=START, epoch=EPOCH, speed=30)
    assert clock.at(EPOCH) == START
    assert clock.at(EPOCH + timedelta(seconds=2)) == START + timedelta(minutes=1)


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_time_does_not_stand_still_or_run_backwards(speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        FastClock(start=START, epoch=EPOCH, speed=speed)
