"""Cells as CSV: read whole or not at all, and written so that they can be read again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.exchange import COLUMNS, read, write

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 10, 2, tzinfo=UTC)
START = minute_of(datetime(2026, 10, 1, tzinfo=UTC))
HEADER = ",".join(COLUMNS) + "\n"
WEB = Placement("123456789012", "eu-west-1", "prod", "web-app")
AVAILABLE, FAST = Sli(WEB, Indicator.AVAILABILITY), Sli(WEB, Indicator.LATENCY)


def rejected(*lines: str) -> list[str]:
    reading = read([HEADER, *(f"{line}\n" for line in lines)], now=NOW)
    assert reading.blocks == () or not reading.rejections
    return [str(rejection) for rejection in reading.rejections]


def row(
    minute: str = "2026-10-01T00:00:00Z", indicator: str = "availability", counts: str = "9,1,10,observed"
) -> str:
    return f"{minute},123456789012,eu-west-1,prod,web-app,{indicator},{counts}"


def test_an_observed_minute() -> None:
    reading = read([HEADER, row()], now=NOW)
    (block,) = reading.blocks
    assert (block.slis, block.start, reading.rows) == ((AVAILABLE,), START, 1)
    assert [part.tolist() for part in (block.bad, block.total, block.state)] == [[[1]], [[10]], [[2]]]


def test_latency_keeps_thousandths_of_a_request() -> None:
    (block,) = read([HEADER, row(indicator="latency", counts="9.5,0.5,10,observed")], now=NOW).blocks
    assert (block.bad.item(), block.total.item()) == (500, 10_000)


def test_minutes_that_no_line_tells_are_unknown_and_days_are_apart() -> None:
    lines = [
        row("2026-10-01T00:02:00+00:00"),
        row("2026-09-29T00:00:00Z", counts=",,,unknown"),
        row("2026-10-01T00:00:00Z", counts="0,0,0,no_traffic"),
        row("2026-10-01T00:01:00Z", indicator="latency", counts=",,,excluded"),
    ]
    first, second = read([HEADER, *(f"{line}\n" for line in lines)], now=NOW).blocks
    assert (first.start, first.state.tolist()) == (START - 2880, [[State.UNKNOWN]])
    assert second.slis == (AVAILABLE, FAST)
    assert second.state.tolist() == [
        [State.NO_TRAFFIC, State.UNKNOWN],
        [State.UNKNOWN, State.EXCLUDED],
        [State.OBSERVED, State.UNKNOWN],
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row("2026-10-01T00:00:30Z"), "whole minute"),
        (row("2026-10-01T00:00:00"), "whole minute in UTC"),
        (row("2026-10-01T02:00:00+02:00"), "whole minute in UTC"),
        (row("yesterday"), "whole minute in UTC"),
        (row("2026-10-02T00:00:00Z"), "a minute that has ended"),
        (row(indicator="speed"), "availability or latency or target_availability"),
        (row().replace("eu-west-1", ""), "expected region, cluster and service"),
        (row().replace("123456789012", "12345678901"), "an account of 12 digits"),
        (row().replace("123456789012", "1.23457E+11"), "an account of 12 digits"),
        (row(counts="9,1,10,fine"), "expected a state: unknown, no_traffic, observed, excluded"),
        (row(counts="9,-1,8,observed"), "0 or more"),
        (row(counts="9,x,8,observed"), "0 or more"),
        (row(counts="9,nan,8,observed"), "0 or more"),
        (row(counts="9.5,0.5,10,observed"), "whole requests"),
        (row(indicator="latency", counts="9.0001,1,10,observed"), "three decimals"),
        (row(counts="9,1,,observed"), "good, bad and total"),
        (row(counts="9,2,10,observed"), "add up to total"),
        (row(counts="9,1,10,no_traffic"), "no counts"),
        (row(counts="0,0,0,unknown"), "nothing is not zero"),
        (row() + ",more", "expected 10 columns"),
        ("", "expected 10 columns, got ''"),
    ],
)
def test_a_line_that_cannot_be_taken_is_rejected_with_its_reason(line: str, reason: str) -> None:
    (rejection,) = rejected(row("2026-10-01T00:05:00Z"), line)
    assert rejection.startswith("line 3: ")
    assert reason in rejection


def test_one_wrong_line_and_nothing_is_imported() -> None:
    assert read([HEADER, row() + "\n", row(counts="1,1,1,observed")], now=NOW).blocks == ()


def test_every_wrong_line_is_told_in_order() -> None:
    told = rejected("a,b", row(counts="1,1,1,observed"), row(), row("never"))
    assert [line.split(":")[0] for line in told] == ["line 2", "line 3", "line 5"]


def test_a_cell_stands_in_a_file_once() -> None:
    assert rejected(row(), row("2026-10-01T00:01:00Z"), row()) == [
        "line 4: expected each minute of an indicator once, it stands in line 2 too"
    ]


def test_another_header_is_refused() -> None:
    reading = read(["when,what\n", "1,2\n"], now=NOW)
    assert "expected the header minute,account" in str(reading.rejections[0])
    assert read([], now=NOW).rejections[0].line == 1
    (rejection,) = read([HEADER.replace(",", ";"), row().replace(",", ";")], now=NOW).rejections
    assert "parted by commas" in rejection.reason


def test_a_byte_order_mark_before_the_header_is_no_mistake() -> None:
    assert len(read(["\ufeff" + HEADER, row()], now=NOW).blocks) == 1


def test_quotes_are_no_mistake_unless_they_hide_a_comma() -> None:
    quoted = ",".join(f'"{text}"' for text in row().split(","))
    assert len(read([HEADER, quoted + "\r\n"], now=NOW).blocks) == 1
    assert "expected 10 columns" in rejected(row().replace("prod", '"pr,od"'))[0]
    assert "expected 10 columns" in rejected('"' + "x" * 200_000)[0]


def test_a_header_alone_brings_nothing() -> None:
    assert read([HEADER], now=NOW) == read([HEADER], now=NOW)
    assert read([HEADER], now=NOW).rows == 0


def test_cells_are_written_one_per_line(golden: Callable[[Path, str], None]) -> None:
    block = Block(
        (AVAILABLE, FAST),
        START,
        np.array([[1, 1500], [0, 0], [0, 20]]),
        np.array([[10, 10_000], [0, 0], [0, 1000]]),
        np.array([[2, 2], [0, 1], [3, 2]], np.uint8),
    )
    golden(Path(__file__).parent / "golden" / "cells.csv", "".join(write([block])))


cells = st.one_of(
    st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)).map(lambda c: (c[0], sum(c), State.OBSERVED)),
    st.sampled_from([(0, 0, State.NO_TRAFFIC), (0, 0, State.UNKNOWN), (0, 0, State.EXCLUDED)]),
)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=9))
def test_what_is_written_is_read_again(rows: list[tuple[tuple[int, int, State], ...]]) -> None:
    bad, total, state = (np.array([[cell[part] for cell in row] for row in rows]) for part in range(3))
    block = Block((AVAILABLE, FAST), START, bad, total, state.astype(np.uint8))
    (again,) = read(write([block]), now=NOW).blocks
    assert (again.slis, again.start) == (block.slis, block.start)
    for part in ("bad", "total", "state"):
        assert getattr(again, part).tolist() == getattr(block, part).tolist()


def test_counts_that_are_no_whole_requests_are_refused() -> None:
    (told,) = rejected(row(counts="9.5,0.5,10,observed"))
    assert told.startswith("line 2: expected whole requests, got ")


def test_negative_counts_are_refused() -> None:
    (told,) = rejected(row(counts="11,-1,10,observed"))
    assert told.startswith("line 2: expected counts of requests, 0 or more")


def test_more_good_than_total_is_refused() -> None:
    (told,) = rejected(row(counts="11,0,10,observed"))
    assert told.startswith("line 2: expected good and bad to add up to total")


def test_minutes_out_of_order_are_taken_as_if_they_were_in_order() -> None:
    told = [
        row(f"2026-10-01T00:0{minute}:00Z", counts=f"9,{minute},{9 + minute},observed") + "\n"
        for minute in (3, 0, 2, 1)
    ]
    (block,) = read([HEADER, *told], now=NOW).blocks
    assert (block.start, block.bad.tolist()) == (START, [[0], [1], [2], [3]])


def test_a_minute_that_stands_twice_in_a_file_is_refused() -> None:
    (told,) = rejected(row(), row(counts="10,0,10,observed"))
    assert told == "line 3: expected each minute of an indicator once, it stands in line 2 too"


def test_a_minute_in_the_future_is_refused() -> None:
    (told,) = rejected(row("2026-10-02T00:00:00Z"))
    assert told.startswith("line 2: expected a minute that has ended")


def test_a_minute_of_the_hour_that_clocks_show_twice_is_refused_unless_it_is_told_in_utc() -> None:
    twice = [row(f"2026-10-25T02:30:00{offset}") for offset in ("+02:00", "+01:00", "")]
    autumn = datetime(2026, 11, 1, tzinfo=UTC)
    reading = read([HEADER, *(f"{line}\n" for line in twice)], now=autumn)
    assert [one.line for one in reading.rejections] == [2, 3, 4]
    assert {one.reason[:32] for one in reading.rejections} == {"expected a whole minute in UTC s"}
    in_utc = [row(f"2026-10-25T0{hour}:30:00Z") + "\n" for hour in (0, 1)]
    (block,) = read([HEADER, *in_utc], now=autumn).blocks
    assert (len(block.minutes), int(block.total.sum())) == (61, 20)


def test_a_minute_that_is_too_old_to_be_kept_is_refused() -> None:
    (told,) = rejected(row("2025-06-30T23:59:00Z"))
    assert told.startswith("line 2: expected one of the last 458 days: older ones are not kept")
    assert rejected(row("2025-07-01T00:00:00Z")) == []


def test_a_service_that_discovery_never_saw_has_a_past_all_the_same() -> None:
    (block,) = read([HEADER, row().replace("web-app", "long-gone")], now=NOW).blocks
    assert [sli.placement.service for sli in block.slis] == ["long-gone"]
