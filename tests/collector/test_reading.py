"""What is asked, when, how far back, and what becomes of the answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from collector.catalog import (
    CPU,
    FAMILIES,
    FAST_RESPONSES,
    HEALTHY_HOSTS,
    METRICS,
    REQUESTS,
    RESPONSES,
    RUNNING,
    Scope,
    Tier,
)
from collector.collect import Gathered, Spent, gather, unanswered
from collector.estate import RegionEstate, ServiceView
from collector.layout import Asked, Layout, Track, lay_out
from collector.load import Latest, Load, loads
from collector.plan import RETENTION_MINUTES, Cadence, Poll, due
from collector.source import POINTS_PER_CALL_MAX, Batch, Gap, GapReason, Readings
from collector.watermarks import Mark, Window, moved, windows
from slo.cells import Placement, minute_of

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE = minute_of(NOON)
CADENCE = Cadence()
DARK = Gap(GapReason.UNREACHABLE, "no answer")


def view(service: str, region: str = "eu-west-1", balancer: str = "own") -> ServiceView:
    """Describe a service behind a load balancer of its own, a shared one, or (empty) none."""
    return ServiceView(
        placement=Placement("123456789012", region, "mylearning", service), seen_at=NOON, status="ACTIVE",
        desired=1, running=1, pending=0, task_definition="td:1",
        target_groups=(f"targetgroup/{service}/1",) if balancer else (),
        load_balancers=(f"app/{service if balancer == 'own' else balancer}/1",) if balancer else (),
    )  # fmt: skip


def laid_out(*views: ServiceView, previous: Layout | None = None) -> Layout:
    regions = sorted({v.placement.region for v in views})
    estates = [
        RegionEstate("123456789012", region, NOON, tuple(v for v in views if v.placement.region == region))
        for region in regions
    ]
    return lay_out(estates, lambda service: 1.0 if service == "slow" else 0.3, previous)


def track(asked: Asked | None = None, tier: Tier = Tier.SLI) -> Track:
    return asked.track if asked else Track("123456789012", "eu-west-1", tier)


def window(asked: Asked, arrived: str, start: int = MINUTE) -> Window:
    """Answer the steady series: `x` told, `.` silent, one character a minute."""
    values = np.full((asked.height, len(arrived)), np.nan)
    for metric in (REQUESTS, HEALTHY_HOSTS):
        values[asked.rows[metric].rows] = [1.0 if told == "x" else np.nan for told in arrived]
    return Window(asked, start, values, np.zeros(asked.height, dtype=bool))


def gone(asked: Asked, width: int, start: int = MINUTE) -> Window:
    return Window(asked, start, np.full((asked.height, width), np.nan), np.ones(asked.height, dtype=bool))


# what is asked


def test_a_service_is_asked_for_each_metric_with_the_dimensions_that_aws_publishes() -> None:
    sli, slow = laid_out(view("shop"))
    asked = {(q.metric, q.stat): q.dimensions for q in sli.batches[0].queries}
    assert asked["RequestCount", "Sum"] == (
        ("TargetGroup", "targetgroup/shop/1"),
        ("LoadBalancer", "app/shop/1"),
    )
    assert asked["HTTPCode_ELB_5XX_Count", "Sum"] == (("LoadBalancer", "app/shop/1"),)
    assert ("TargetResponseTime", "TC(:0.3)") in asked
    assert [q.dimensions for q in slow.batches[0].queries if q.metric == "CPUUtilization"] == [
        (("ClusterName", "mylearning"), ("ServiceName", "shop"))
    ]


def test_each_service_has_its_own_latency_threshold() -> None:
    sli = laid_out(view("shop"), view("slow")).tracks[0]
    queries = sli.batches[0].queries
    assert [queries[row].stat for row in sli.rows[FAST_RESPONSES].rows] == ["TC(:0.3)", "TC(:1)"]


def test_rows_lead_back_to_their_queries_across_batches() -> None:
    sli = laid_out(*(view(f"s{i:03}") for i in range(150))).tracks[0]
    stacked = [query for batch in sli.batches for query in batch.queries]
    assert len(sli.batches) == 3
    for metric, where in sli.rows.items():
        for row, owner in zip(where.rows, where.owners, strict=True):
            name = sli.placements[owner].service
            assert stacked[row].metric == metric.name
            assert any(name in value for _, value in stacked[row].dimensions)


def test_a_batch_holds_whole_services_so_that_a_lost_one_loses_no_halves() -> None:
    sli = laid_out(*(view(f"s{i:03}") for i in range(150))).tracks[0]
    services = [{q.dimensions[0][1].split("/")[1] for q in batch.queries} for batch in sli.batches]
    assert not services[0] & services[1]
    assert all(len(batch.queries) <= 500 for batch in sli.batches)


def test_a_shared_load_balancer_is_asked_once() -> None:
    sli = laid_out(view("shop", balancer="all"), view("cart", balancer="all")).tracks[0]
    stacked = [query for batch in sli.batches for query in batch.queries]
    assert sum(query.metric == "HTTPCode_ELB_5XX_Count" for query in stacked) == 1


def test_a_service_without_load_balancer_has_tasks_but_no_indicators() -> None:
    sli, slow = laid_out(view("shop"), view("jobs", balancer=""))
    assert [p.service for p in sli.placements] == ["shop"]
    assert [p.service for p in slow.placements] == ["jobs", "shop"]


def test_an_unchanged_region_keeps_the_very_same_batches() -> None:
    first = laid_out(view("shop"), view("shop", "us-east-1"))
    again = laid_out(view("shop"), view("shop", "us-east-1"), view("cart", "us-east-1"), previous=first)
    assert again.tracks[0] is first.tracks[0]
    assert again.tracks[2] is not first.tracks[2]


def test_a_track_is_kept_by_its_text() -> None:
    assert Track.parse(str(track())) == track()


def test_every_family_is_told_once_and_every_sli_metric_hides_nothing() -> None:
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    assert {m.tier for m in METRICS if m.scope is not Scope.SERVICE and m.exported is None} == {Tier.SLI}


# when, and how far back


def test_what_was_never_read_starts_with_a_first_look() -> None:
    polls = due(laid_out(view("shop")), {}, NOON, CADENCE)
    assert [(p.track.tier, p.start, p.end) for p in polls] == [
        (Tier.SLI, MINUTE - 60, MINUTE),
        (Tier.SLOW, MINUTE - 60, MINUTE),
    ]


def test_indicators_are_due_each_minute_and_the_rest_every_five() -> None:
    layout = laid_out(view("shop"))
    marks = {asked.track: Mark(MINUTE - 1, MINUTE - 2) for asked in layout}
    assert [(p.track.tier, p.start) for p in due(layout, marks, NOON, CADENCE)] == [(Tier.SLI, MINUTE - 7)]
    later = due(layout, marks, NOON + timedelta(minutes=4), CADENCE)
    assert [p.track.tier for p in later] == [Tier.SLI, Tier.SLOW]


def test_nothing_is_due_twice_in_a_minute() -> None:
    layout = laid_out(view("shop"))
    marks = {asked.track: Mark(MINUTE, MINUTE) for asked in layout}
    assert due(layout, marks, NOON + timedelta(seconds=59), CADENCE) == ()


def test_an_outage_is_read_newest_first_and_then_from_its_beginning() -> None:
    layout = laid_out(*(view(f"s{i:02}") for i in range(50)))
    marks = {asked.track: Mark(MINUTE - 1440, MINUTE - 1440) for asked in layout}
    polls = [p for p in due(layout, marks, NOON, CADENCE) if p.track.tier is Tier.SLI]
    assert polls[0].end == MINUTE
    assert polls[1].start == MINUTE - 1445
    assert all(first.end == then.start for first, then in pairwise(polls[1:]))
    assert polls[-1].end == polls[0].start
    assert all((p.end - p.start) * len(p.batch.queries) <= POINTS_PER_CALL_MAX for p in polls)


def test_catching_up_is_bounded_and_never_older_than_cloudwatch_keeps_minutes() -> None:
    layout = laid_out(*(view(f"s{i:02}") for i in range(50)))
    marks = {asked.track: Mark(1, 1) for asked in layout}
    polls = [p for p in due(layout, marks, NOON, CADENCE) if p.track.tier is Tier.SLI]
    assert len(polls) == 1 + CADENCE.catch_up_max
    assert min(p.start for p in polls) == MINUTE - RETENTION_MINUTES


def test_a_cadence_refuses_what_would_never_read() -> None:
    with pytest.raises(ValueError, match="overlap is at least 1, got 0"):
        Cadence(overlap=0)


# what has been read


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
    ],
    ids=[
        "all here",
        "the newest is late",
        "a hole",
        "it began later",
        "nothing",
        "holes before the mark are past",
        "mark stays",
    ],
)
def test_minutes_that_have_not_arrived_are_asked_for_again(
    arrived: str, previous: Mark | None, expected: Mark
) -> None:
    asked = laid_out(view("shop")).tracks[0]
    assert moved(previous, [window(asked, arrived)], late_max=180) == expected


def test_what_never_arrives_is_given_up_after_its_limit() -> None:
    asked = laid_out(view("shop")).tracks[0]
    assert moved(None, [window(asked, "." * 10)], late_max=4) == Mark(MINUTE + 10, MINUTE + 6)


def test_a_dark_region_stays_where_it_is() -> None:
    asked = laid_out(view("shop")).tracks[0]
    assert moved(Mark(MINUTE, MINUTE), [gone(asked, 500)], late_max=4) == Mark(MINUTE, MINUTE)
    assert moved(None, [gone(asked, 500)], late_max=4) is None


def test_made_up_minutes_move_the_mark_only_without_a_hole_before_them() -> None:
    asked = laid_out(view("shop")).tracks[0]
    newest = window(asked, "xxxx", MINUTE + 100)
    behind = moved(Mark(MINUTE, MINUTE), [window(asked, "xxxx"), newest], late_max=180)
    assert behind == Mark(MINUTE + 104, MINUTE + 4)
    assert moved(Mark(MINUTE, MINUTE), [gone(asked, 4), newest], 180) == Mark(MINUTE + 104, MINUTE)


def test_one_silent_service_does_not_hold_its_region_back() -> None:
    asked = laid_out(*(view(name) for name in ("a", "b", "c"))).tracks[0]
    answer = window(asked, "xx")
    answer.values[asked.rows[REQUESTS].rows[0], 1] = np.nan
    answer.values[asked.rows[HEALTHY_HOSTS].rows[0], 1] = np.nan
    assert moved(None, [answer], 180) == Mark(MINUTE + 2, MINUTE + 2)


def test_what_only_explains_is_not_waited_for() -> None:
    slow = laid_out(view("shop")).tracks[1]
    empty = Window(slow, MINUTE, np.full((slow.height, 5), np.nan), np.zeros(slow.height, dtype=bool))
    assert moved(None, [empty], 180) == Mark(MINUTE + 5, MINUTE + 5)


def test_a_batch_that_did_not_answer_is_a_gap_in_its_window() -> None:
    asked = laid_out(*(view(f"s{i:03}") for i in range(60))).tracks[0]
    first, second = asked.batches
    values = np.ones((len(first.queries), 3))
    (stacked,) = windows(
        asked, [Readings(first, MINUTE, values, {1: DARK}), unanswered(second, MINUTE, MINUTE + 3, DARK)]
    )
    assert (stacked.start, stacked.end) == (MINUTE, MINUTE + 3)
    assert np.flatnonzero(~stacked.gap).tolist() == [0, *range(2, len(first.queries))]
    (missing,) = windows(asked, [Readings(first, MINUTE, values)])
    assert missing.gap[len(first.queries) :].all()


# asking


class Told:
    """A source that answers ones, except for dark regions; it remembers what it was asked."""

    def __init__(self, *dark: str) -> None:
        self.dark = dark
        self.asked: list[tuple[str, int, int]] = []

    def estate(self, account: str, region: str) -> RegionEstate:
        return RegionEstate(account, region, NOON, ())

    def service(self, placement: Placement) -> ServiceView:
        return view(placement.service, placement.region)

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        self.asked.append((batch.region, start, end))
        if batch.region in self.dark:
            return unanswered(batch, start, end, DARK)
        return Readings(batch, start, np.ones((len(batch.queries), end - start)))


def asked_of(source: Told, workers: int) -> dict[str, Gathered]:
    layout = laid_out(view("shop"), view("shop", "us-east-1"))
    return {found.region: found for found in gather(due(layout, {}, NOON, CADENCE), source, workers)}


@pytest.mark.parametrize("workers", [1, 4])
def test_a_dark_region_never_hides_the_others(workers: int) -> None:
    found = asked_of(Told("us-east-1"), workers)
    assert all(not readings.gaps for _, readings in found["eu-west-1"].answers)
    assert all(len(readings.gaps) == len(poll.batch.queries) for poll, readings in found["us-east-1"].answers)


def test_a_dark_region_is_tried_once_a_round() -> None:
    source = Told("us-east-1")
    found = asked_of(source, workers=1)
    assert [region for region, _, _ in source.asked] == ["eu-west-1", "eu-west-1", "us-east-1"]
    assert sum(found["us-east-1"].spent.values(), Spent()).calls == 1


def test_what_was_asked_is_counted_both_ways_that_aws_may_bill() -> None:
    spent = sum(asked_of(Told(), workers=1)["eu-west-1"].spent.values(), Spent())
    assert (spent.calls, spent.metrics, spent.metrics_grouped) == (2, 17, 16)


def test_gaps_are_counted_by_reason() -> None:
    spent = sum(asked_of(Told("eu-west-1"), workers=1)["eu-west-1"].spent.values(), Spent())
    assert spent.gaps == {GapReason.UNREACHABLE: 9}
    assert (spent + spent).gaps == {GapReason.UNREACHABLE: 18}
    assert Spent() + spent == spent


def test_nothing_due_asks_nobody() -> None:
    assert list(gather([], Told(), workers=4)) == []


def test_polls_are_values() -> None:
    batch = laid_out(view("shop")).tracks[0].batches[0]
    assert Poll(track(), batch, 1, 2) == Poll(track(), batch, 1, 2)


# how busy


def test_the_newest_point_of_each_metric_tells_the_load() -> None:
    slow = laid_out(view("shop"), view("idle")).tracks[1]
    values = np.full((slow.height, 3), np.nan)
    shop = [p.service for p in slow.placements].index("shop")
    values[slow.rows[CPU].rows[shop]] = [40.0, 62.5, np.nan]
    values[slow.rows[RUNNING].rows[shop]] = [4, 4, 5]
    (load,) = loads(Window(slow, MINUTE, values, np.zeros(slow.height, dtype=bool)))
    assert load.placement.service == "shop"
    assert load.cpu_ratio == Latest(0.625, MINUTE + 1)
    assert load.latest == {CPU: Latest(0.625, MINUTE + 1), RUNNING: Latest(5.0, MINUTE + 2)}


def test_what_a_later_reading_leaves_out_stays_with_its_own_minute() -> None:
    place = Placement("123456789012", "eu-west-1", "mylearning", "shop")
    load = Load(place, {CPU: Latest(0.6, MINUTE), RUNNING: Latest(4, MINUTE)})
    assert load.updated(Load(place, {RUNNING: Latest(5, MINUTE + 5)})) == Load(
        place, {CPU: Latest(0.6, MINUTE), RUNNING: Latest(5, MINUTE + 5)}
    )


def test_the_catalogue_prices_both_latency_statistics_as_one_metric() -> None:
    assert (RESPONSES.namespace, RESPONSES.name) == (FAST_RESPONSES.namespace, FAST_RESPONSES.name)
