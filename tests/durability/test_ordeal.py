"""The real service, killed and stopped while it remediates, on both databases: judged by the world's record.

`make bench ONLY=remediation` does it a hundred times on each; here it is done as often as there is time for.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.ordeal import Ordeal, Plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Schemas

PLAN = Plan(seed=3, kills=8, stops=1, troubles=4, speed=45, first=6)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_nothing_is_lost_stuck_or_done_twice_whenever_processes_die_or_stand_still(
    tmp_path: Path, schemas: Schemas
) -> None:
    def undergo(name: str, plan: Plan, store: str) -> Ordeal:
        folder = tmp_path / name
        folder.mkdir()
        ordeal = Ordeal(plan, store or str(folder / "books.db"), folder)
        verdict = ordeal.undergo()
        assert verdict.spotless, verdict
        assert verdict.acts > 0, "something was done meanwhile"
        return ordeal

    with ThreadPoolExecutor(2) as pool:
        lives = [
            pool.submit(undergo, "file", PLAN, ""),
            pool.submit(undergo, "server", replace(PLAN, seed=4, replicas=2), schemas()),
        ]
    assert [(one.kills, one.stops) for one in (life.result() for life in lives)] == 2 * [(8, 1)]
