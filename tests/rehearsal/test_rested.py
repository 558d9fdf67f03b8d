"""A rehearsal that rests where nothing happens ends as one that steps through every minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fournines.rehearsal import scenarios
from fournines.rehearsal.rehearse import rehearse
from simulator.scenario import Scenario
from slo.cells import minute_of

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.store.books import Books

#: So long nothing happens first; what was before the scenario is read whole by the first look.
QUIET, LASTS, LIVED_IN = timedelta(minutes=52), timedelta(hours=3, minutes=5), timedelta(hours=1)


def long(name: str, *, shape: str = "flat") -> Scenario:
    """Return a shipped scenario with quiet hours around its faults."""
    shipped = scenarios.read(name)
    document = shipped.model_dump(by_alias=True)
    document["estate"]["traffic"] = {"shape": shape}
    faults = [
        {**written, "at": fault.at + QUIET}
        for written, fault in zip(document["faults"], shipped.faults, strict=True)
    ]
    return Scenario.model_validate({**document, "faults": faults, "duration": LASTS, "lived_in": LIVED_IN})


class Life:
    """What is left of a rehearsal: the judgement, the incidents, the runs and every cell."""

    def __init__(self, scenario: Scenario, *, probed: bool, stepped: bool) -> None:
        self._end, self.moments = scenario.end, 0
        self.summary: dict[str, Any] = rehearse(scenario, attend=self._attend, probed=probed, stepped=stepped)

    def _attend(self, books: Books, now: datetime) -> None:
        self.moments += 1
        if now == self._end:
            self.incidents, self.runs = books.incidents_since(now - LASTS), books.runs.every()
            self.journal = [kept.entry for kept in books.entries()]
            span = range(minute_of(now - LASTS), minute_of(now))
            self.blocks = list(books.blocks(span))


@pytest.mark.parametrize(
    ("name", "shape", "probed"),
    [("bad-deployment", "flat", True), ("surge", "flat", False), ("spot-shortage", "daily", False)],
)
def test_resting_changes_nothing_but_the_time_it_takes(name: str, shape: str, *, probed: bool) -> None:
    scenario = long(name, shape=shape)
    stepped, rested = (Life(scenario, probed=probed, stepped=stepped) for stepped in (True, False))
    assert rested.moments < 0.9 * stepped.moments
    assert rested.summary.pop("metrics_billed") < stepped.summary.pop("metrics_billed")
    assert rested.summary == stepped.summary
    assert rested.incidents == stepped.incidents
    assert len(stepped.incidents) > 0
    assert rested.runs == stepped.runs
    assert rested.journal == stepped.journal
    for block, other in zip(rested.blocks, stepped.blocks, strict=True):
        assert (block.slis, block.start) == (other.slis, other.start)
        assert np.array_equal(block.bad, other.bad)
        assert np.array_equal(block.total, other.total)
        assert np.array_equal(block.state, other.state)
