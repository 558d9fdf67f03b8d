"""Whose numbers do not add up, and for how long: one reading is no news, ten minutes of them are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.bundle import Front
from collector.catalog import ELB_5XX, FAST_RESPONSES, METRICS, REQUESTS, RESPONSES, TARGET_2XX
from collector.doubts import TOLD_AFTER, Doubted, weighed
from collector.estate import RegionEstate
from collector.indicators import Doubt, DoubtName, cells
from collector.layout import lay_out, line
from collector.watermarks import Window
from tests.collector.reading import ACCOUNT, asked_of, view
from tests.collector.test_indicators import MINUTE, NOON, SETTLE_S, SETTLED, Told, place, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slo.cells import Placement

SHOP = place("shop")
WINDOW = read("shop", told={"shop": {}})
DOUBT = Doubt(DoubtName.COUNTED_TOO_FEW, SHOP, MINUTE, MINUTE + 1, 1100, 985)
ANSWERED: Told = {REQUESTS: 1000, TARGET_2XX: 1000, ELB_5XX: 0, RESPONSES: 1000}


def doubted(since_min: int = 0) -> Mapping[Placement, Doubted]:
    return {SHOP: Doubted(DOUBT, NOON - timedelta(minutes=since_min))}


def test_a_doubt_stands_since_it_first_was_there() -> None:
    after = weighed(doubted(7), WINDOW, [DOUBT], NOON)
    assert after[SHOP].since == NOON - timedelta(minutes=7)
    assert weighed({}, WINDOW, [DOUBT], NOON)[SHOP].since == NOON


@pytest.mark.parametrize(("minutes", "lasts"), [(9, False), (10, True)])
def test_people_are_told_after_ten_minutes(minutes: int, lasts: bool) -> None:  # noqa: FBT001
    assert doubted(minutes)[SHOP].lasting(NOON) is lasts
    assert timedelta(minutes=10) == TOLD_AFTER


def test_minutes_as_new_that_add_up_end_a_doubt_and_older_ones_do_not() -> None:
    assert weighed(doubted(), WINDOW, (), NOON) == {}
    newer = {SHOP: Doubted(replace(DOUBT, end=MINUTE + 5), NOON)}
    assert weighed(newer, WINDOW, (), NOON) == newer


def test_a_look_far_back_neither_ends_a_doubt_nor_replaces_it_by_an_old_one() -> None:
    def look(minutes: int, end: int) -> Window:
        return Window(WINDOW.asked, end - minutes, np.repeat(WINDOW.values, minutes, axis=1), WINDOW.gap)

    assert weighed(doubted(7), look(180, MINUTE + 1), (), NOON) == doubted(7)
    assert weighed(doubted(7), look(16, MINUTE + 1), (), NOON) == {}
    old = replace(DOUBT, end=MINUTE - 60)
    assert weighed(doubted(7), look(180, MINUTE - 60), [old], NOON) == doubted(7)
    assert weighed({}, look(180, MINUTE - 60), [old], NOON)[SHOP].doubt == old


def test_a_reading_of_another_service_says_nothing_of_this_one() -> None:
    assert weighed(doubted(), read("cart", told={"cart": {}}), (), NOON) == doubted()


def test_a_queue_and_what_was_not_answered_end_no_doubt() -> None:
    estate = RegionEstate(ACCOUNT, "eu-west-1", NOON, (view("shop"),))
    queued = asked_of(lay_out([estate], lambda v: line(v, 0.3, queue="orders"), METRICS), Front.QUEUE)
    assert queued.owners == (SHOP,)
    silence = np.full((queued.height, 1), np.nan), np.zeros(queued.height, dtype=bool)
    assert weighed(doubted(7), Window(queued, MINUTE, *silence), (), NOON) == doubted(7)
    refused = read("shop", told={"shop": {}}, gaps={"shop": REQUESTS})
    assert weighed(doubted(7), refused, (), NOON) == doubted(7)


@pytest.mark.parametrize(("fast", "doubts"), [(1000, 0), (1020, 0), (1021, 1)])
def test_more_fast_responses_than_responses_are_doubted_and_never_counted_as_good(
    fast: int, doubts: int
) -> None:
    told: Told = {**ANSWERED, FAST_RESPONSES: fast}
    block, found = cells(read("shop", told={"shop": told}), SETTLED, SETTLE_S)
    assert cells(read("shop", told={"shop": told}), NOON, SETTLE_S)[1] == (), "it may still be revised"
    assert [doubt.name for doubt in found] == [DoubtName.FAST_TOO_MANY] * doubts
    assert (block.bad >= 0).all()
    assert (block.bad <= block.total).all()


def test_a_doubt_says_what_contradicts_what() -> None:
    assert "shop in" in DOUBT.sentence
    assert "its numbers do not add up, 985 response codes of 1,100 requests" in DOUBT.sentence
