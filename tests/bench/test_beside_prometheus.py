"""The ledger and a real Prometheus, asked for the same sums of the same minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench import month, prometheus
from slo.cells import MINUTE_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Peer

MINUTES, COUNT = 400, 6


def test_both_are_exact_on_the_grid_and_prometheus_is_not_half_a_minute_off_it(
    tmp_path: Path, peer: Peer
) -> None:
    for program in prometheus.PROGRAMS:
        peer(program)
    slis = month.LARGE[:COUNT]
    block = month.block(slis, month.FIRST, MINUTES)
    truth = prometheus.exact(block.bad, [5, 60])
    prometheus.load(tmp_path, "sli_bad_total", month.FIRST, block.bad)
    end = (month.FIRST + MINUTES) * MINUTE_S
    with prometheus.serving(tmp_path) as asked:
        on, off = (
            np.array([asked.increase("sli_bad_total", window, at, COUNT) for window in ("5m", "1h")])
            for at in (end, end + MINUTE_S / 2)
        )
    ledger = month.ledger(slis, [block])
    assert (np.array([ledger.sums(window).bad for window in (5, 60)]) == truth).all()
    assert (on == truth).all()
    assert (off != truth).any()
