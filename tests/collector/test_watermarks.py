"""How far each bundle has been read: what has arrived, what is waited for, what was never answered."""

from __future__ import annotations

import numpy as np
import pytest

from collector.bundle import Front, Key
from collector.catalog import HEALTHY_HOSTS, REQUESTS
from collector.collect import unanswered
from collector.source import Gap, GapReason, Readings
from collector.watermarks import Mark, Window, moved, windows
from tests.collector.reading import MINUTE, asked_of, counted, gone, laid_out, place, view, window

SHOP = Key(place("shop"), Front.LOAD_BALANCER)
DARK = Gap(GapReason.UNREACHABLE, "no answer")


def after(previous: Mark | None, *answers: Window, late_max: int = 180) -> Mark | None:
    return moved({SHOP: previous} if previous else {}, answers, late_max).get(SHOP)


@pytest.mark.parametrize(
    ("arrived", "previous", "expected"),
    [
        ("xxxx", None, Mark(MINUTE + 4, MINUTE + 4)),
        ("xxx.", None, Mark(MINUTE + 4, MINUTE + 3)),
        ("xx.x", None, Mark(MINUTE + 4, MINUTE + 2)),
        ("..x.", None, Mark(MINUTE + 4, MINUTE + 3)),
        ("....", None, Mark(MINUTE + 4, MINUTE)),
        (".xxx", Mark(MINUTE + 3, MINUTE + 1), Mark(MINUTE + 4, MINUTE + 4)),
        ("....", Mark(MINUTE + 3, MINUTE + 3), Mark(MINUTE + 4, MINUTE + 3)),
        ("xhhxxxxxx", None, Mark(MINUTE + 9, MINUTE + 9, MINUTE + 2)),
    ],
    ids=[
        "all here",
        "the newest is late",
        "a hole",
        "it began later",
        "nothing",
        "holes before the mark are past",
        "mark stays",
        "hosts speak for silent requests",
    ],
)
def test_minutes_that_have_not_arrived_are_asked_for_again(
    arrived: str, previous: Mark | None, expected: Mark
) -> None:
    assert after(previous, window(counted(), arrived)) == expected


def test_what_never_arrives_is_given_up_after_its_limit() -> None:
    mark = after(None, window(counted(), "." * 10), late_max=4)
    assert mark == Mark(MINUTE + 10, MINUTE + 6, MINUTE + 4)


def test_a_bundle_that_was_not_answered_stays_where_it_is() -> None:
    before = Mark(MINUTE, MINUTE)
    assert after(before, gone(counted(), 500), late_max=4) == before
    assert after(None, gone(counted(), 500)) is None


def test_made_up_minutes_move_the_mark_only_without_a_hole_before_them() -> None:
    asked, before = counted(), Mark(MINUTE, MINUTE)
    newest = window(asked, "xxxx", MINUTE + 100)
    assert after(before, window(asked, "xxxx"), newest) == Mark(MINUTE + 104, MINUTE + 4)
    assert after(before, gone(asked, 4), newest) == Mark(MINUTE + 104, MINUTE)


def test_what_is_made_up_after_the_newest_was_read_never_takes_that_back() -> None:
    asked = counted()
    newest = after(Mark(MINUTE, MINUTE), window(asked, "xxxx", MINUTE + 100))
    assert newest == Mark(MINUTE + 104, MINUTE)
    assert after(newest, window(asked, "x" * 100)) == Mark(MINUTE + 104, MINUTE + 100)


def test_one_service_that_is_late_keeps_nobody_else_waiting() -> None:
    asked = counted(*(view(name) for name in ("a", "b", "c")))
    answer = window(asked, "xx")
    for metric in (REQUESTS, HEALTHY_HOSTS):
        answer.values[asked.rows[metric].rows[0], 1] = np.nan
    marks = moved({}, [answer], 180)
    arrived = {key.owner.service: mark.arrived for key, mark in marks.items() if key.owner.service}  # type: ignore[union-attr]
    assert arrived == {"a": MINUTE + 1, "b": MINUTE + 2, "c": MINUTE + 2}


def test_one_series_that_was_refused_holds_only_its_own_bundle_back() -> None:
    asked = counted(view("a"), view("b"))
    answer = window(asked, "xx")
    answer.gap[asked.rows[HEALTHY_HOSTS].rows[1]] = True
    assert set(moved({}, [answer], 180)) == {Key(place("a"), Front.LOAD_BALANCER)}


def test_behind_a_shared_load_balancer_one_that_speaks_is_enough_and_one_that_is_silent() -> None:
    asked = counted(view("a", balancer="all"), view("b", balancer="all"))
    answer = window(asked, "xx")
    answer.values[asked.rows[REQUESTS].rows[1], 0] = np.nan
    marks = moved({}, [answer], 180)
    assert set(marks.values()) == {Mark(MINUTE + 2, MINUTE + 2)}
    assert len(marks) == 2


def test_a_young_minute_is_silent_once_others_have_told_of_it() -> None:
    asked = counted(*(view(name) for name in ("a", "b", "c")))
    answer = window(asked, "xx")
    answer.values[asked.rows[REQUESTS].rows[0], 1] = np.nan
    silent = {key.owner.service: mark.silent for key, mark in moved({}, [answer], 180).items()}  # type: ignore[union-attr]
    assert silent == {"a": MINUTE + 1, "b": 0, "c": 0}


def test_what_only_explains_is_not_waited_for() -> None:
    load = asked_of(laid_out(view("shop")), Front.LOAD)
    empty = Window(load, MINUTE, np.full((load.height, 5), np.nan), np.zeros(load.height, dtype=bool))
    assert set(moved({}, [empty], 180).values()) == {Mark(MINUTE + 5, MINUTE + 5)}


def test_a_batch_that_did_not_answer_is_a_gap_in_its_window() -> None:
    asked = counted(*(view(f"s{i:03}") for i in range(60)))
    first, second = asked.batches
    values = np.ones((len(first.queries), 3))
    (stacked,) = windows(
        asked, [Readings(first, MINUTE, values, {1: DARK}), unanswered(second, MINUTE, MINUTE + 3, DARK)]
    )
    assert (stacked.start, stacked.end) == (MINUTE, MINUTE + 3)
    assert np.flatnonzero(~stacked.gap).tolist() == [0, *range(2, len(first.queries))]
    (missing,) = windows(asked, [Readings(first, MINUTE, values)])
    assert missing.gap[len(first.queries) :].all()


def test_nothing_arrives_before_it_was_asked_for() -> None:
    with pytest.raises(ValueError, match="nothing arrives before it is asked for"):
        Mark(MINUTE, MINUTE + 1)
