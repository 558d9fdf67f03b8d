"""Asking: regions side by side, each failure its own, every call counted; and how busy owners are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.bundle import Bundle, Front
from collector.catalog import CONNECTIONS_FAILED, CPU, CPU_MAX, ELB_502, RESPONSE_TIME, UNHEALTHY_HOSTS, ZONES
from collector.collect import Gathered, Spent, gather, unanswered
from collector.estate import RegionEstate, ServiceView
from collector.idle import IDLE_AFTER, Idle
from collector.layout import Layout
from collector.load import Latest, Load, loads
from collector.plan import Cadence, Poll, Seen, due
from collector.source import Batch, Gap, GapReason, Readings
from collector.watermarks import Window
from tests.collector.reading import MINUTE, NOON, asked_of, laid_out, place, view

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collector.estate import Deployed, Revision
    from collector.remains import Remains
    from collector.runs import TaskRun
    from slo.cells import Placement

DARK = Gap(GapReason.UNREACHABLE, "no answer")


class Told:
    """A source that answers ones, except for dark regions; it remembers what it was asked."""

    def __init__(self, *dark: str) -> None:
        self.dark = dark
        self.asked: list[tuple[str, int]] = []

    def estate(self, account: str, region: str) -> RegionEstate:
        return RegionEstate(account, region, NOON, ())

    def service(self, placement: Placement) -> ServiceView:
        return view(placement.service, placement.region)

    def stale(self, placement: Placement) -> None:
        raise NotImplementedError

    def deployed(self, placement: Placement, since: datetime) -> tuple[Deployed, ...]:
        raise NotImplementedError

    def runs(self, account: str, region: str, cluster: str, family: str) -> tuple[TaskRun, ...]:
        raise NotImplementedError

    def remains(self, placement: Placement, revision: Revision) -> Remains:
        raise NotImplementedError

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        self.asked.append((batch.region, len(batch.queries)))
        if batch.region in self.dark:
            return unanswered(batch, start, end, DARK)
        return Readings(batch, start, np.ones((len(batch.queries), end - start)))


def polls(*views: ServiceView) -> tuple[Poll, ...]:
    layout = laid_out(*(views or (view("shop"), view("shop", "us-east-1"))))
    return due(layout, Seen(marks={}, idle=Idle()), NOON, Cadence())


def answers(source: Told, workers: int) -> dict[str, Gathered]:
    return {found.region: found for found in gather(polls(), source, workers)}


@pytest.mark.parametrize("workers", [1, 4])
def test_a_dark_region_never_hides_the_others(workers: int) -> None:
    found = answers(Told("us-east-1"), workers)
    assert all(not readings.gaps for _, readings in found["eu-west-1"].answers)
    assert all(len(readings.gaps) == len(poll.batch.queries) for poll, readings in found["us-east-1"].answers)


def test_a_dark_region_is_tried_once_a_round() -> None:
    source = Told("us-east-1")
    found = answers(source, workers=1)
    asked = [region for region, _ in source.asked]
    assert asked.count("us-east-1") == 1
    assert sum(found["us-east-1"].spent.values(), Spent()).calls == 1


def test_what_was_asked_is_counted_both_ways_that_aws_may_bill() -> None:
    source = Told()
    spent = sum(answers(source, workers=1)["eu-west-1"].spent.values(), Spent())
    assert spent.metrics == sum(count for region, count in source.asked if region == "eu-west-1")
    assert spent.metrics - spent.metrics_grouped == 1 + 1 + 1 + 1, "two of response times twice, CPU, memory"


def test_gaps_are_counted_by_reason() -> None:
    spent = sum(answers(Told("eu-west-1"), workers=1)["eu-west-1"].spent.values(), Spent())
    assert spent.gaps == {GapReason.UNREACHABLE: 9}
    assert (spent + spent).gaps == {GapReason.UNREACHABLE: 18}
    assert (spent.calls, spent.metrics) == (1, 0), "what nobody answered costs nothing"
    assert Spent() + spent == spent


def test_the_answers_to_one_question_come_together() -> None:
    (gathered,) = gather(polls(view("shop")), Told(), 1)
    fronts = [answered[0].asked.front for answered in gathered.windows()]
    assert sorted(fronts) == [Front.LOAD, Front.LOAD_BALANCER]


def test_nothing_due_asks_nobody() -> None:
    assert list(gather([], Told(), workers=4)) == []


# how busy


SETTLED = NOON + timedelta(minutes=5)


def load_window(layout: Layout, front: Front = Front.LOAD) -> Window:
    asked = asked_of(layout, front)
    return Window(asked, MINUTE, np.full((asked.height, 3), np.nan), np.zeros(asked.height, dtype=bool))


def test_the_newest_point_of_each_metric_tells_the_load() -> None:
    window = load_window(laid_out(view("shop"), view("idle")))
    shop = [line.service for line in window.asked.lines].index("shop")
    for metric, values in ((CPU, [40.0, 62.5, np.nan]), (CPU_MAX, [50, 80, 90])):
        where = window.asked.rows[metric]
        window.values[where.rows[where.owners == shop]] = values
    (load,) = loads(window, SETTLED, 120)
    assert load.owner == place("shop")
    assert load.cpu_ratio == Latest(0.625, MINUTE + 1)
    assert load.latest[CPU_MAX, ""] == Latest(0.9, MINUTE + 2)


def test_zones_are_told_apart() -> None:
    line = laid_out(view("shop")).bundles[0].lines[0]
    zoned = Bundle(Front.ZONES, (replace(line, zones=("eu-west-1a", "eu-west-1b")),))
    window = load_window(Layout((zoned,), ZONES), Front.ZONES)
    window.values[:, 0] = np.arange(window.asked.height)
    (load,) = loads(window, SETTLED, 120)
    assert {label for _, label in load.latest} == {"eu-west-1a", "eu-west-1b"}
    assert len(load.latest) == 2 * len(ZONES)


def told(*, now: datetime = SETTLED, **values: list[float]) -> Mapping[str, Latest]:
    """Return the newest points of a service by metric, of readings of three minutes."""
    window = load_window(laid_out(view("shop")))
    for metric in (CONNECTIONS_FAILED, ELB_502, RESPONSE_TIME, UNHEALTHY_HOSTS):
        if metric.name in values:
            window.values[window.asked.rows[metric].rows] = values[metric.name]
    return {
        metric.name: point for load in loads(window, now, 120) for (metric, _), point in load.latest.items()
    }


NOTHING = float("nan")


def test_an_error_counter_that_fell_silent_is_zero_and_does_not_stand_at_its_last_value() -> None:
    found = told(HTTPCode_ELB_502_Count=[7, NOTHING, NOTHING], UnHealthyHostCount=[0, 0, 0])
    assert found["HTTPCode_ELB_502_Count"] == Latest(0, MINUTE + 2)
    assert found["TargetConnectionErrorCount"] == Latest(0, MINUTE + 2)


def test_no_counter_is_zero_in_a_minute_of_which_nothing_was_told() -> None:
    found = told(HTTPCode_ELB_502_Count=[7, NOTHING, NOTHING], UnHealthyHostCount=[0, 0, NOTHING])
    assert found["HTTPCode_ELB_502_Count"] == Latest(0, MINUTE + 1)
    assert told() == {}


def test_what_is_counted_is_shown_once_its_minute_has_settled_and_a_level_at_once() -> None:
    early = NOON + timedelta(minutes=4)
    found = told(now=early, HTTPCode_ELB_502_Count=[7, 8, 3], UnHealthyHostCount=[0, 0, 1])
    assert found["HTTPCode_ELB_502_Count"] == Latest(8, MINUTE + 1)
    assert found["UnHealthyHostCount"] == Latest(1, MINUTE + 2)


def test_what_two_target_groups_count_adds_up_and_an_idle_one_hides_nothing() -> None:
    blue_green = replace(view("shop"), target_groups=("targetgroup/shop/1", "targetgroup/shop/2"))
    window = load_window(laid_out(blue_green))
    for metric, (blue, green) in {CONNECTIONS_FAILED: (3, 4), RESPONSE_TIME: (0.2, NOTHING)}.items():
        window.values[window.asked.rows[metric].rows, 0] = [blue, green]
    (load,) = loads(window, SETTLED, 120)
    assert load.latest[CONNECTIONS_FAILED, ""] == Latest(7, MINUTE)
    assert load.latest[RESPONSE_TIME, ""] == Latest(0.2, MINUTE)


def test_a_point_is_shown_while_it_is_news_and_a_zone_s_only_while_its_service_is_hot() -> None:
    load = Load(place("shop"), {(CPU, ""): Latest(0.6, MINUTE), (ZONES[0], "eu-west-1a"): Latest(4, MINUTE)})
    assert set(load.shown(MINUTE + 15)) == set(load.latest)
    assert set(load.shown(MINUTE + 16)) == {(CPU, "")}
    assert load.shown(MINUTE + 121) == {}


def test_what_a_later_reading_leaves_out_stays_with_its_own_minute() -> None:
    load = Load(place("shop"), {(CPU, ""): Latest(0.6, MINUTE), (CPU_MAX, ""): Latest(4, MINUTE)})
    assert load.updated(Load(place("shop"), {(CPU_MAX, ""): Latest(5, MINUTE + 5)})) == Load(
        place("shop"), {(CPU, ""): Latest(0.6, MINUTE), (CPU_MAX, ""): Latest(5, MINUTE + 5)}
    )


# what fell silent


def test_what_told_nothing_for_an_hour_is_bought_once_an_hour_until_it_speaks() -> None:
    layout = laid_out(view("shop"))
    (bundle,) = (b for b in layout.bundles if b.front is Front.LOAD and b.services == {"shop"})
    idle, silent = Idle(), load_window(laid_out(view("shop")))
    silent.values[silent.asked.rows[CPU].rows] = 50.0

    def heard(end: int) -> None:
        idle.heard(Window(silent.asked, end - 3, silent.values, silent.gap))

    heard(MINUTE)
    assert idle.metrics(bundle, MINUTE + IDLE_AFTER - 1) == frozenset()
    heard(MINUTE + IDLE_AFTER)
    left_out = idle.metrics(bundle, MINUTE + IDLE_AFTER)
    assert CPU not in left_out
    assert CPU_MAX in left_out
    assert idle.metrics(bundle, MINUTE + 2 * IDLE_AFTER) == frozenset(), "asked again after an hour"
    silent.values[silent.asked.rows[CPU_MAX].rows] = 60.0
    heard(MINUTE + 2 * IDLE_AFTER)
    assert CPU_MAX not in idle.metrics(bundle, MINUTE + 2 * IDLE_AFTER + 1)
