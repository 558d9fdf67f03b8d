"""What is due when, how far back it looks, and what is left out of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from collector.bundle import Area, Bundle, Front, Key
from collector.catalog import ELB_502, HEALTHY_HOSTS, REQUESTS
from collector.idle import Idle
from collector.metric import Metric, Tier
from collector.plan import (
    DAY,
    HOUR,
    LATE_STEP,
    NARROW_MINUTES,
    WIDE_MINUTES,
    Cadence,
    Poll,
    Refused,
    Seen,
    due,
)
from collector.source import POINTS_PER_CALL_MAX, RETENTION_MINUTES
from collector.watermarks import Mark
from tests.collector.reading import ACCOUNT, MINUTE, NOON, laid_out, view

if TYPE_CHECKING:
    from collector.layout import Layout

CADENCE = Cadence()
#: Without the far looks, which come at each bundle's own minute.
NEAR = Cadence(hourly=5, daily=5)


def marked(layout: Layout, mark: Mark) -> dict[Key, Mark]:
    return {key: mark for bundle in layout.bundles for key in bundle.keys}


def polls(
    layout: Layout,
    mark: Mark | None,
    now: datetime = NOON,
    cadence: Cadence = NEAR,
    *,
    hot: frozenset[str] = frozenset(),
) -> tuple[Poll, ...]:
    marks = marked(layout, mark) if mark else {}
    return due(layout, Seen(marks=marks, idle=Idle(), hot=hot), now, cadence)


def counting(found: tuple[Poll, ...]) -> list[Poll]:
    return [poll for poll in found if poll.asked.track.tier is Tier.SLI]


def test_what_was_never_read_starts_with_a_first_look() -> None:
    assert {(p.asked.track.tier, p.start, p.end) for p in polls(laid_out(view("shop")), None)} == {
        (Tier.SLI, MINUTE - 60, MINUTE),
        (Tier.SLOW, MINUTE - 60, MINUTE),
    }


def test_what_counts_is_due_every_five_minutes_and_what_explains_every_fifteen() -> None:
    layout, mark = laid_out(view("shop")), Mark(MINUTE, MINUTE - 2)
    assert polls(layout, mark, NOON + timedelta(minutes=4)) == ()
    later = polls(layout, mark, NOON + timedelta(minutes=5))
    assert [(p.asked.track.tier, p.start) for p in later] == [(Tier.SLI, MINUTE - 7)]
    tiers = {p.asked.track.tier for p in polls(layout, mark, NOON + timedelta(minutes=15))}
    assert tiers == {Tier.SLI, Tier.SLOW}


def test_what_was_read_between_its_turns_is_read_with_all_others_again() -> None:
    layout, mark = laid_out(view("shop")), Mark(MINUTE + 3, MINUTE + 1)
    assert polls(layout, mark, NOON + timedelta(minutes=4)) == ()
    assert len(counting(polls(layout, mark, NOON + timedelta(minutes=5)))) == 1


def test_a_hot_service_is_due_every_minute_in_every_region_and_nobody_else_is() -> None:
    layout = laid_out(view("shop"), view("shop", "us-east-1"), view("cart"))
    now = NOON + timedelta(minutes=1)
    found = polls(layout, Mark(MINUTE, MINUTE - 1), now, hot=frozenset({"shop"}))
    assert {(p.asked.track.region, line.service) for p in found for line in p.asked.lines} == {
        ("eu-west-1", "shop"),
        ("us-east-1", "shop"),
    }


def test_where_users_feel_something_what_counts_of_the_whole_region_is_due_every_minute() -> None:
    layout = laid_out(view("shop"), view("cart"), view("cart", "us-east-1"))
    seen = Seen(
        marks=marked(layout, Mark(MINUTE, MINUTE - 1)), idle=Idle(), alarmed={Area(ACCOUNT, "eu-west-1")}
    )
    found = due(layout, seen, NOON + timedelta(minutes=1), NEAR)
    assert {(p.asked.track.region, p.asked.track.tier) for p in found} == {("eu-west-1", Tier.SLI)}
    assert {line.service for poll in found for line in poll.asked.lines} == {"shop", "cart"}


def test_nothing_is_due_twice_in_a_minute() -> None:
    layout = laid_out(view("shop"))
    mark = Mark(MINUTE, MINUTE)
    assert polls(layout, mark, NOON + timedelta(seconds=59), hot=frozenset({"shop"})) == ()


def test_once_an_hour_and_once_a_day_each_bundle_looks_far_back_at_a_minute_of_its_own() -> None:
    layout = laid_out(view("shop"), view("cart"))
    widths: dict[Bundle, list[int]] = {bundle: [] for bundle in layout.bundles}
    for minute in range(MINUTE, MINUTE + DAY):
        now = NOON + timedelta(minutes=minute - MINUTE)
        for poll in counting(polls(layout, Mark(minute - 1, minute - 1), now, Cadence(sli_every=1))):
            for bundle in poll.asked.bundles:
                widths[bundle].append(minute - poll.start)
    counted = [bundle for bundle in layout.bundles if bundle.front is Front.LOAD_BALANCER]
    for bundle in counted:
        far = [width for width in widths[bundle] if width > 2 * LATE_STEP]
        assert len([width for width in far if width > NARROW_MINUTES]) == 2, "beside the newest minutes"
        assert len([width for width in far if HOUR < width <= NARROW_MINUTES]) >= DAY // HOUR - 1
    assert counted[0].slot % HOUR != counted[1].slot % HOUR


def test_what_lags_starts_at_a_common_minute_so_that_it_is_asked_together() -> None:
    layout = laid_out(view("shop"), view("cart"))
    step = (MINUTE - HOUR) // LATE_STEP * LATE_STEP
    late = [b for b in layout.bundles if b.front is Front.LOAD_BALANCER]
    marks = {
        b.keys[0]: Mark(MINUTE - 5, step + NEAR.overlap + lag) for b, lag in zip(late, (1, 9), strict=True)
    }
    found = counting(due(layout, Seen(marks=marks, idle=Idle()), NOON, NEAR))
    assert [(poll.start, len(poll.asked.bundles)) for poll in found] == [(step, 2)]


def test_an_outage_is_read_newest_first_and_then_from_its_beginning_a_day_at_a_time() -> None:
    layout = laid_out(*(view(f"s{i:02}") for i in range(50)))
    found = counting(polls(layout, Mark(MINUTE - 3 * DAY, MINUTE - 3 * DAY)))
    newest = [poll for poll in found if poll.end == MINUTE]
    assert found[: len(newest)] == newest
    spans = sorted({(poll.start, poll.end) for poll in found})
    assert all(first[1] == then[0] for first, then in pairwise(spans))
    assert spans[0][0] <= MINUTE - 3 * DAY - NEAR.overlap
    assert max(end - start for start, end in spans) == WIDE_MINUTES
    assert all((p.end - p.start) * len(p.batch.queries) <= POINTS_PER_CALL_MAX for p in found)


def test_catching_up_is_bounded_and_never_older_than_cloudwatch_keeps_minutes() -> None:
    layout = laid_out(view("shop"))
    found = counting(polls(layout, Mark(1, 1)))
    assert len({(p.start, p.end) for p in found}) == 1 + CADENCE.catch_up_max
    assert min(p.start for p in found) == MINUTE - RETENTION_MINUTES


def test_the_daily_look_begins_at_the_oldest_hole() -> None:
    layout = laid_out(view("shop"))
    (bundle,) = (b for b in layout.bundles if b.front is Front.LOAD_BALANCER)
    end = (MINUTE // DAY + 1) * DAY + bundle.slot % DAY
    now = NOON + timedelta(minutes=end - MINUTE)
    seen = Seen(marks=marked(layout, Mark(end - 5, end - 7)), idle=Idle(), hole=lambda _: end - 3 * DAY)
    assert min(p.start for p in counting(due(layout, seen, now, CADENCE))) == (
        (end - 3 * DAY) // LATE_STEP * LATE_STEP
    )


def test_hosts_are_bought_only_of_services_that_were_silent_lately() -> None:
    layout = laid_out(view("shop"))
    (talkative,) = counting(polls(layout, Mark(MINUTE - 5, MINUTE - 7)))
    (silent,) = counting(polls(layout, Mark(MINUTE - 5, MINUTE - 7, silent=MINUTE - 20)))
    assert REQUESTS in talkative.asked.rows
    assert HEALTHY_HOSTS not in talkative.asked.rows
    assert HEALTHY_HOSTS in silent.asked.rows


@pytest.mark.parametrize(
    "moment",
    [
        datetime.fromisoformat(at)
        for at in ("2026-10-25T01:00Z", "2026-10-31T23:59Z", "2026-11-01T00:00Z", "2027-01-01T00:02Z")
    ],
    ids=["clocks go back in Europe", "the last minute of a month", "midnight at month end", "over midnight"],
)
def test_clock_changes_and_midnights_leave_no_minute_out_and_read_none_at_odd_bounds(
    moment: datetime,
) -> None:
    layout, end = laid_out(view("shop")), int(moment.timestamp()) // 60
    read = {
        minute
        for poll in counting(polls(layout, Mark(end - 5, end - 7), moment, CADENCE))
        for minute in range(poll.start, poll.end)
    }
    assert read >= set(range(end - 12, end))
    assert max(read) == end - 1


def test_a_cadence_refuses_what_would_never_read() -> None:
    with pytest.raises(ValueError, match="overlap is at least 1, got 0"):
        Cadence(overlap=0)


def refused(layout: Layout, at: int, times: int) -> Seen:
    marks = marked(layout, Mark(MINUTE - 600, MINUTE - 600))
    tried = {key: Refused(at, times) for key in marks if key.front.tier is Tier.SLI}
    return Seen(marks=marks, idle=Idle(), refused=tried)


@pytest.mark.parametrize(
    ("times", "ago", "asked"), [(1, 0, False), (1, 1, True), (3, 2, False), (3, 3, True), (900, 5, True)]
)
def test_what_was_refused_is_asked_for_ever_more_rarely_but_no_less_often_than_all(
    times: int, ago: int, *, asked: bool
) -> None:
    layout = laid_out(view("shop"))
    found = counting(due(layout, refused(layout, MINUTE - ago, times), NOON, NEAR))
    assert bool(found) is asked


def test_while_it_is_refused_one_call_is_made_and_nothing_is_made_up_for() -> None:
    layout = laid_out(view("shop"))
    (poll,) = counting(due(layout, refused(layout, MINUTE - 5, 40), NOON, CADENCE))
    assert poll.end - poll.start <= NARROW_MINUTES


def test_the_last_day_is_looked_at_again_while_an_old_hole_is_filled() -> None:
    layout = laid_out(view("shop"))
    seen = Seen(
        marks=marked(layout, Mark(MINUTE - 5, MINUTE - 5)), idle=Idle(), hole=lambda _: MINUTE - 14 * DAY
    )
    found = counting(due(layout, seen, NOON + timedelta(days=1), Cadence(daily=30 * HOUR)))
    end = MINUTE + DAY
    read = {minute for poll in found for minute in range(poll.start, poll.end)}
    assert set(range(end - 30 * HOUR, end)) <= read


@pytest.mark.parametrize("ahead", [1, 8, 12, 30, 360])
def test_a_clock_that_was_set_back_holds_nothing_up(ahead: int) -> None:
    layout, mark = laid_out(view("shop")), Mark(MINUTE + ahead, MINUTE + ahead - 2)
    tried = {key: Refused(MINUTE + ahead) for bundle in layout.bundles for key in bundle.keys}
    for refused in ({}, tried):
        seen = Seen(marks=marked(layout, mark), refused=refused, idle=Idle())
        (poll,) = counting(due(layout, seen, NOON, NEAR))
        assert poll.start <= poll.end - NEAR.overlap


def test_a_newcomer_behind_a_shared_load_balancer_leaves_its_neighbours_their_look_back() -> None:
    layout = laid_out(view("shop", balancer="all"), view("cart", balancer="all"))
    marks = marked(layout, Mark(MINUTE - 600, MINUTE - 600))
    before = min(p.start for p in counting(due(layout, Seen(marks=marks, idle=Idle()), NOON, CADENCE)))
    newcomer = {key: mark for key, mark in marks.items() if "cart" not in str(key.owner)}
    after = min(p.start for p in counting(due(layout, Seen(marks=newcomer, idle=Idle()), NOON, CADENCE)))
    assert len(newcomer) < len(marks)
    assert after <= before


class Silent(Idle):
    """As if no 5xx of the load balancer had been told of for long."""

    def metrics(self, bundle: Bundle, end: int) -> frozenset[Metric]:  # noqa: ARG002 - as Idle's
        return frozenset({ELB_502})


@pytest.mark.parametrize(("hot", "left_out"), [(set(), True), ({"shop"}, False)])
def test_of_a_hot_service_nothing_is_idle(hot: set[str], *, left_out: bool) -> None:
    layout = laid_out(view("shop"))
    found = due(layout, Seen(marks={}, idle=Silent(), hot=hot), NOON, NEAR)
    asked = {q.metric for p in found if p.asked.track.tier is not Tier.SLI for q in p.batch.queries}
    assert (ELB_502.name not in asked) is left_out


def test_what_appeared_while_nobody_looked_is_read_from_the_last_look_on() -> None:
    layout = laid_out(view("shop"))
    appeared = {bundle.lines[0].owner: MINUTE - 3 * DAY for bundle in layout.bundles}
    found = counting(due(layout, Seen(marks={}, idle=Idle(), appeared=appeared), NOON, NEAR))
    assert min(poll.start for poll in found) == MINUTE - 3 * DAY
