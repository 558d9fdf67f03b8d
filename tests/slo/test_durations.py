"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slo.durations import parse


def test_a_duration_is_a_number_and_a_unit() -> None:
    assert [parse(text) for text in ("90s", "30m", "2h", "1d", "0s")] == [
        timedelta(seconds=90),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(days=1),
        timedelta(0),
    ]


@pytest.mark.parametrize("text", ["", "30", "m", "1.5h", "-5m", "5 m", "1h30m", "5M", "1234567d", 5.0, None])
def test_anything_else_is_none(text: object) -> None:
    assert parse(text) is None


def test_a_document_chooses_its_units() -> None:
    assert parse("4w") is None
    assert parse("4w", "mhdw") == timedelta(weeks=4)
    assert parse("90s", "mhdw") is None
