from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.cells import Placement, minute_of
from slo.exclusions import Exclusion, Exclusions, Recurrence, read
from slo.months import Month, Stretch

WEB = Placement("1", "eu-west-1", "prod", "web-app")
PAY = replace(WEB, service="payment")
wall = datetime.fromisoformat
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
PATCHING = Exclusion(
    id="patching",
    reason="the database is patched",
    approver="ana",
    clause="4.2",
    created_at=datetime(2026, 9, 1, tzinfo=UTC),
    services=("web-*",),
    regions=("eu-*",),
    zone="Europe/Berlin",
    start=wall("2026-10-04T02:00:00"),
    length=timedelta(hours=2),
)
OCTOBER = Month(2026, 10).stretch(BERLIN)
WRITTEN = {
    "id": "patching",
    "reason": "the database is patched",
    "approver": "ana",
    "clause": "4.2",
    "created_at": "2026-09-01T00:00:00Z",
    "services": ["web-*"],
    "regions": ["eu-*"],
    "zone": "Europe/Berlin",
    "start": "2026-10-04T02:00",
    "duration": "2h",
}


def again(rule: str, **changes: object) -> Exclusion:
    zone = ZoneInfo(str(changes.get("zone", PATCHING.zone)))
    return replace(PATCHING, recurrence=Recurrence.parse(rule, zone), **changes)  # type: ignore[arg-type]


def local(exclusion: Exclusion, within: Stretch) -> list[str]:
    """When it comes, as clocks of its zone show the start, and how many minutes it lasts."""
    zone = ZoneInfo(exclusion.zone)
    return [
        f"{stretch.starts_at.astimezone(zone):%d %H:%M %Z} {len(stretch)}"
        for stretch in exclusion.stretches(within)
    ]


def problems(*exclusions: object) -> list[str]:
    return [str(problem) for problem in read([{"exclusions": list(exclusions)}]).problems]


def test_a_window_is_wall_time_of_its_zone_and_time_that_passes() -> None:
    assert local(PATCHING, OCTOBER) == ["04 02:00 CEST 120"]
    assert local(PATCHING, Month(2026, 11).stretch(BERLIN)) == []


def test_a_rule_comes_at_the_same_wall_time_on_both_sides_of_a_clock_change() -> None:
    assert local(again("FREQ=WEEKLY"), OCTOBER) == [
        "04 02:00 CEST 120", "11 02:00 CEST 120", "18 02:00 CEST 120", "25 02:00 CEST 120",
    ]  # fmt: skip
    assert local(again("FREQ=WEEKLY"), Month(2026, 11).stretch(BERLIN))[0] == "01 02:00 CET 120"


def test_a_start_that_clocks_leap_over_is_read_with_the_offset_from_before_the_leap() -> None:
    spring = again("FREQ=DAILY;COUNT=3", zone="America/New_York", start=wall("2026-03-07T02:30:00"))
    assert local(spring, Month(2026, 3).stretch(NEW_YORK)) == [
        "07 02:30 EST 120", "08 03:30 EDT 120", "09 02:30 EDT 120",
    ]  # fmt: skip


def test_a_start_that_clocks_show_twice_is_the_first_of_both() -> None:
    autumn = again("FREQ=DAILY;COUNT=2", zone="America/New_York", start=wall("2026-11-01T01:30:00"))
    assert local(autumn, Month(2026, 11).stretch(NEW_YORK)) == ["01 01:30 EDT 120", "02 01:30 EST 120"]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=DAILY;COUNT=2", ["04", "05"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["04", "18"]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20261024", ["04", "14", "24"]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20261024T015900", ["04", "14"]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20261024T000000Z", ["04", "14", "24"]),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20261023T235959Z", ["04", "14"]),
        ("FREQ=MONTHLY", ["04"]),
        ("FREQ=YEARLY;COUNT=5", ["04"]),
    ],
)
def test_a_rule_ends_where_it_says(rule: str, days: list[str]) -> None:
    assert [text[:2] for text in local(again(rule), OCTOBER)] == days


def test_a_window_that_began_before_the_minutes_asked_for_still_covers_them() -> None:
    morning = minute_of(datetime(2026, 10, 4, 1, 0, tzinfo=UTC))
    assert Exclusions((PATCHING,)).mask(WEB, morning, morning + 90).sum() == 60


def test_windows_that_overlap_are_a_union_and_each_is_still_named() -> None:
    longer = replace(PATCHING, id="moving", start=wall("2026-10-04T03:00:00"))
    both = Exclusions((longer, PATCHING))
    assert both.mask(WEB, OCTOBER.start, OCTOBER.end).sum() == 180
    assert [(span.exclusion.id, len(span.minutes)) for span in both.spans(WEB, OCTOBER)] == [
        ("patching", 120), ("moving", 120),
    ]  # fmt: skip


def test_what_it_does_not_name_is_not_left_out() -> None:
    elsewhere = replace(WEB, region="us-east-1")
    assert not Exclusions((PATCHING,)).mask(PAY, OCTOBER.start, OCTOBER.end).any()
    assert not Exclusions((PATCHING,)).mask(elsewhere, OCTOBER.start, OCTOBER.end).any()


def test_what_was_entered_after_it_had_begun_is_a_correction() -> None:
    late = again("FREQ=WEEKLY", created_at=datetime(2026, 10, 11, 0, 1, tzinfo=UTC))
    spans = Exclusions((late,)).spans(WEB, OCTOBER)
    assert [span.corrected for span in spans] == [True, True, False, False]


def test_those_with_tenants_or_another_clause_hold_only_where_a_contract_allows_them() -> None:
    acme = replace(PATCHING, id="acme", tenants=("acme",), clause="5")
    every = Exclusions((PATCHING, acme))
    assert every.of_objectives().each == (PATCHING,)
    assert every.of_contract("acme", {"4.2", "5"}).each == (PATCHING, acme)
    assert every.of_contract("acme", {"4.2"}).each == (PATCHING,)
    assert every.of_contract("globex", {"4.2", "5"}).each == (PATCHING,)


def test_a_document_is_read_whole() -> None:
    reading = read([{"exclusions": [WRITTEN]}])
    assert (reading.exclusions, reading.problems) == ((PATCHING,), ())
    ended = {key: value for key, value in WRITTEN.items() if key != "duration"} | {"end": "2026-10-04T04:00"}
    assert read([{"exclusions": [ended]}]).exclusions == (PATCHING,)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"zone": "Mars/Olympus"}, "zone: expected an IANA time zone"),
        ({"duration": None, "end": "2026-10-04T01:00"}, "end: expected a wall time after the start"),
        ({"duration": "0h"}, "duration: expected a length such as 90m"),
        ({"duration": "32d"}, "duration: expected at most 31 days"),
        ({"duration": "90s"}, "duration: expected a length such as 90m"),
        ({"end": "2026-10-04T04:00"}, "expected either `duration` or `end`"),
        ({"rrule": "FREQ=HOURLY"}, "rrule: expected an RRULE of FREQ, INTERVAL, COUNT and UNTIL"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO"}, "rrule: expected an RRULE of FREQ"),
        ({"rrule": "FREQ=DAILY;FREQ=DAILY"}, "rrule: expected an RRULE of FREQ"),
        ({"rrule": "COUNT=3"}, "rrule: expected an RRULE of FREQ"),
        ({"rrule": "FREQ=DAILY;COUNT=2;UNTIL=20261231"}, "rrule: a rule ends with COUNT or with UNTIL"),
        ({"rrule": "FREQ=DAILY;UNTIL=20261399"}, "rrule: "),
        ({"rrule": "FREQ=DAILY;UNTIL=20261001"}, "rrule: expected a UNTIL after the start"),
        ({"start": "2026-10-04T02:00Z"}, "start: expected a wall time such as 2026-10-04T02:00, without"),
        ({"start": "2026-10-04T02:00:30"}, "start: expected a wall time"),
        ({"start": "sunday"}, "start: expected a wall time"),
        ({"created_at": "2026-09-01T00:00"}, "created_at: expected a moment such as"),
        ({"services": []}, "services: is empty; expected a list of services"),
        ({"reason": None}, "reason: is missing"),
        ({"approved": "yes"}, "approved: is not known here"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_at_its_place(changes: dict[str, object], told: str) -> None:
    written = {key: value for key, value in (WRITTEN | changes).items() if value is not None}
    (problem,) = problems(written)
    assert problem.startswith(f"0.exclusions.0{'' if told.startswith('expected') else '.'}")
    assert told in problem


def test_a_name_that_stands_twice_is_refused_in_whichever_document() -> None:
    reading = read([{"exclusions": [WRITTEN]}, {"exclusions": [WRITTEN]}])
    assert [str(problem) for problem in reading.problems] == [
        "1.exclusions.0.id: exclusion 'patching' is already defined"
    ]


def test_what_is_no_list_of_exclusions_is_refused() -> None:
    assert [str(problem) for problem in read(["x", {"exclusions": "x"}]).problems] == [
        "0: expected a mapping, got 'x'",
        "1.exclusions: expected a list of exclusions, got 'x'",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": wall("2026-09-01T00:00:00")},
        {"start": datetime(2026, 10, 4, tzinfo=UTC)},
        {"start": wall("2026-10-04T02:00:01")},
        {"length": timedelta(0)},
        {"length": timedelta(days=32)},
        {"services": ()},
        {"zone": "Mars/Olympus"},
        {"recurrence": Recurrence("DAILY", until=wall("2026-10-01T00:00:00"))},
    ],
)
def test_an_exclusion_that_makes_no_sense_does_not_exist(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(PATCHING, **changes)  # type: ignore[arg-type]


def test_a_rule_is_told_as_it_was_written() -> None:
    rules = ("FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;COUNT=3", "FREQ=DAILY;UNTIL=20261231T120000")
    assert tuple(str(Recurrence.parse(rule, BERLIN)) for rule in rules) == rules
    with pytest.raises(ValueError, match="expected an RRULE"):
        Recurrence("HOURLY")


@given(
    days=st.integers(1, 9),
    length=st.integers(1, 30 * 60),
    cuts=st.tuples(st.integers(0, 44_700), st.integers(0, 44_700)).map(sorted),
)
def test_a_part_of_a_mask_is_the_mask_of_the_part(days: int, length: int, cuts: list[int]) -> None:
    many = Exclusions((again(f"FREQ=DAILY;INTERVAL={days}", length=timedelta(minutes=length)),))
    first, last = (OCTOBER.start + cut for cut in cuts)
    whole = many.mask(WEB, OCTOBER.start, OCTOBER.start + 44_700)
    part = many.mask(WEB, first, last)
    assert np.array_equal(part, whole[first - OCTOBER.start : last - OCTOBER.start])
