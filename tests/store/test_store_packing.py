"""Cells as bytes, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fournines.store.packing import HOUR_MINUTES, Cells, pack_hour, unpack_hour

COUNTS = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 4_294_967).map(lambda number: number * 1000))


@given(st.integers(0, 3).flatmap(lambda width: arrays(np.uint32, (HOUR_MINUTES, width), elements=COUNTS)))
def test_an_hour_is_unpacked_as_it_was_packed(total: np.ndarray) -> None:
    cells = Cells(total // 3, total, (total % 251).astype(np.uint8))
    again = unpack_hour(pack_hour(cells))
    assert (again.bad == cells.bad).all()
    assert (again.total == cells.total).all()
    assert (again.mark == cells.mark).all()
    assert again.total.dtype == np.uint32


def test_thousands_of_a_request_take_no_more_room_than_requests() -> None:
    total = np.random.default_rng(1).poisson(500, (HOUR_MINUTES, 100)).astype(np.uint32)
    plain, scaled = (
        len(pack_hour(Cells(np.zeros_like(total), counts, np.ones(total.shape, np.uint8))))
        for counts in (total, total * 1000)
    )
    assert scaled <= plain + 100
