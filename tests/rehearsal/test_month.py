"""What is kept of a month beside its cells, against what the world really ran and deployed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fournines.operating import facts
from fournines.store.books import Books
from simulator.ecs.rollout import Status
from slo.cells import Placement, minute_of
from slo.months import Stretch
from slo.operations import operations
from slo.usage import SLOT_MINUTES, SPOT, slots
from tests.living import BAD_DEPLOYMENT, NOON, REGIONS, Life, at, small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from slo.operations import Facts, Operations

MINUTES = 150
SPAN = Stretch(minute_of(NOON), minute_of(NOON) + MINUTES)
STEP_MINUTES = 0.5
MIXED = [{"provider": "FARGATE", "weight": 1, "base": 1}, {"provider": "FARGATE_SPOT", "weight": 3}]
HERE = REGIONS[0]
#: What a month may bring, in two and a half hours.
FAULTS = (
    BAD_DEPLOYMENT,
    {"kind": "spot_reclaim", "at": "40m", "where": {"service": "search", "region": HERE}, "share": 0.5},
    {"kind": "traffic_surge", "at": "70m", "duration": "20m", "where": {"service": "payment"}, "factor": 3},
    {"kind": "broken_deployment", "at": "60m", "where": {"service": "search", "region": HERE}},
    {"kind": "deployment", "at": "100m", "where": {"service": "payment", "region": HERE}},
)
#: Columns of counted tasks by the world's own names.
COLUMNS = {"FARGATE": 0, "FARGATE_SPOT": SPOT, "EC2": 2, "EXTERNAL": 3}


def estate() -> dict[str, Any]:
    return {
        "regions": REGIONS,
        "traffic": {"shape": "flat"},
        "services": [
            {"name": "course-catalog", "requests_per_minute": 2400, "strategy": MIXED},
            {"name": "payment", "requests_per_minute": 1800},
            {"name": "search", "requests_per_minute": 1800, "strategy": MIXED},
            {"name": "hosted", "requests_per_minute": 1200, "launch": "ec2"},
        ],
    }


class Lived:
    """Two and a half hours, with what really ran at every half minute."""

    def __init__(self, books: Books) -> None:
        self.life = Life(small(*FAULTS, duration=f"{MINUTES}m", estate=estate()), books)
        self.places = [
            Placement(place.account, place.region, place.cluster, place.service)
            for place in self.life.world.estate.places
        ]
        self.ran = list[np.ndarray[Any, Any]]()
        for number in range(int(MINUTES / STEP_MINUTES)):
            self.life.until((number + 1) * STEP_MINUTES)
            self.ran.append(np.array([self.running(index) for index in range(len(self.places))]))

    def running(self, index: int) -> list[int]:
        counts = Counter(task.provider for task in self.life.world.service(index).tasks if task.running)
        return [counts[name] for name in COLUMNS]

    def deployed(self) -> Counter[str]:
        """How the deployments went that began meanwhile, by the world's own words."""
        begun = NOON.timestamp()
        return Counter(
            one.status.value
            for index in range(len(self.places))
            for one in self.life.world.service(index).deployments
            if one.created_at >= begun
        )


@pytest.fixture(scope="module")
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


@pytest.fixture(scope="module")
def lived(books: Books) -> Lived:
    return Lived(books)


def known(books: Books) -> Facts:
    return facts(books, lambda _: True, SPAN)


def month(books: Books) -> Operations:
    return operations(SPAN, known(books))


def test_task_time_differs_from_the_truth_by_no_more_than_a_look_for_each_task_that_changed(
    lived: Lived, books: Books
) -> None:
    ran = np.array(lived.ran)
    for record in known(books).records:
        truth = ran[:, lived.places.index(record.placement)]
        counted = record.usage.tasks.sum(axis=0)[: len(COLUMNS)] * SLOT_MINUTES
        changes = np.abs(np.diff(truth, axis=0, prepend=truth[:1])).sum(axis=0)
        allowed = (changes + 1) * SLOT_MINUTES
        assert (np.abs(counted - truth.sum(axis=0) * STEP_MINUTES) <= allowed).all(), record.placement


def test_the_share_of_spot_is_the_world_s(lived: Lived, books: Books) -> None:
    ran = np.array(lived.ran).sum(axis=(0, 1))
    share = month(books).totals.spot_share.exact
    assert share is not None
    assert abs(share - Fraction(int(ran[1]), int(ran.sum()))) < Fraction(1, 100)


def test_hosts_of_one_s_own_are_told_and_are_no_spot(lived: Lived, books: Books) -> None:
    (record,) = [r for r in known(books).records if r.placement == at("hosted")]
    assert record.usage.tasks.sum() == record.usage.tasks[:, COLUMNS["EC2"]].sum() > 0
    assert lived.life.failures == {}


def test_every_look_of_the_time_was_kept(lived: Lived, books: Books) -> None:
    totals = month(books).totals
    assert totals.recorded.exact == totals.due.exact == len(lived.places) * Fraction(MINUTES, 60)


def test_how_far_a_service_scaled_is_what_the_looks_saw_within_its_bounds(lived: Lived, books: Books) -> None:
    line = next(one for one in month(books).lines if (one.service, one.region) == ("payment", HERE))
    truth = np.array(lived.ran)[:, lived.places.index(at("payment"))].sum(axis=1)
    assert truth.min() <= line.fewest.exact <= line.most.exact <= truth.max()  # type: ignore[operator]
    assert line.most.exact > line.fewest.exact  # type: ignore[operator]
    assert [str(figure) for figure in (line.bound_minimum, line.bound_maximum)] == ["2", "40"]


def test_deployments_went_as_the_world_says(lived: Lived, books: Books) -> None:
    truth, totals = lived.deployed(), month(books).totals
    assert truth[Status.SUCCESSFUL] > 0
    assert truth[Status.ROLLBACK_SUCCESSFUL] > 0
    assert totals.deployments.exact == truth.total()
    assert totals.succeeded.exact == truth[Status.SUCCESSFUL]
    assert totals.failed.exact == truth[Status.STOPPED] + truth[Status.ROLLBACK_FAILED]


def test_what_we_rolled_back_is_told_apart(lived: Lived, books: Books) -> None:
    line = next(one for one in month(books).lines if (one.service, one.region) == ("course-catalog", HERE))
    assert str(line.rolled_back_by_us) == "1"
    assert [(one.name, str(one.count)) for one in line.actions] == [("rollback", "1")]
    taken_back = lived.deployed()[Status.ROLLBACK_SUCCESSFUL]
    (stopped,) = [r for r in books.runs.every() if r.acted_at and str(r.action) == "rollback"]
    ours = 1 if stopped.effect.kind == "stop_deployment" else 0
    assert month(books).totals.rolled_back.exact == taken_back - ours


def test_looking_twice_and_a_restart_count_nothing_twice(tmp_path: Path) -> None:
    url = str(tmp_path / "books.db")
    rows = {at("payment"): (2, 1, 0, 0, 0, 2, 40, 1024, 2048)}
    first = slots(SPAN).start
    for covered in (range(first, first + 1), range(first, first + 1), range(first, first + 2)):
        with Books.open(url) as opened:
            opened.record_usage(covered, rows)
    with Books.open(url) as opened:
        usage = opened.usage(at("payment"), slots(SPAN))
    assert (int(usage.tasks.sum()), int(usage.seen.sum())) == (6, 2)


def test_a_look_after_midnight_stands_for_the_minutes_before_it() -> None:
    midnight = minute_of(NOON + timedelta(hours=12)) // SLOT_MINUTES
    with Books.open("sqlite://") as opened:
        opened.record_usage(range(midnight - 1, midnight + 1), {at("payment"): (1,) + (0,) * 8})
        usage = opened.usage(at("payment"), range(midnight - 2, midnight + 2))
    assert usage.seen.tolist() == [False, True, True, False]


def test_what_ran_is_forgotten_by_the_day() -> None:
    with Books.open("sqlite://") as opened:
        for slot in (slots(SPAN).start, slots(SPAN).start + 3 * 288):
            opened.record_usage(range(slot, slot + 1), {at("payment"): (1,) + (0,) * 8})
        opened.forget_running(NOON + timedelta(days=2))
        kept = opened.usage(at("payment"), range(slots(SPAN).start, slots(SPAN).start + 4 * 288))
    assert np.flatnonzero(kept.seen).tolist() == [3 * 288]
