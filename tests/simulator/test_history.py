"""The days before: as much as the estate would have served, with small mishaps, the same for every cut."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from simulator.history import history
from simulator.scenario import shipped

START = datetime(2026, 11, 20, tzinfo=UTC)
END = datetime(2026, 11, 22, tzinfo=UTC)


def test_history_keeps_the_promise_nearly_always_and_is_not_spotless() -> None:
    past = history(shipped("mylearning"), START, END)
    rows = slice(0, past.truth.length)
    assert past.truth.total[rows].shape == (2880, 105)
    assert past.truth.known[rows].all()
    ratio = past.truth.bad[rows].sum() / past.truth.total[rows].sum()
    assert 0 < ratio < 1e-4 / 2
    assert (past.truth.slow[rows] <= past.truth.answered[rows]).all()


def test_history_follows_day_and_night_of_each_region() -> None:
    past = history(shipped("mylearning"), START, END)
    first_day = past.truth.total[:1440]
    ireland, singapore = (past.estate.find(region, "web-app") for region in ("eu-west-1", "ap-southeast-1"))
    assert ireland is not None
    assert singapore is not None
    hours = [
        int(np.argmax(first_day[:, place.index].reshape(24, 60).sum(axis=1)))
        for place in (ireland, singapore)
    ]
    assert abs(hours[0] - hours[1]) > 4


def test_another_seed_has_another_past() -> None:
    scenario = shipped("bad-deployment")
    one, same, other = (history(scenario.seeded(seed), START, END) for seed in (1, 1, 2))
    assert np.array_equal(one.truth.total, same.truth.total)
    assert not np.array_equal(one.truth.total, other.truth.total)
