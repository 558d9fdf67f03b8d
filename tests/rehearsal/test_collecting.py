"""Collecting through bad days: afterwards every cell is what the world served."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.collect import unanswered
from collector.metric import Tier
from collector.plan import Cadence
from collector.scheme import Scheme
from collector.source import RETENTION_MINUTES, Gap, GapReason
from fournines.jobs.backfill import TRIES_MAX, Backfill
from fournines.known import Known
from fournines.rehearsal.collecting import Collecting, wrong_cells
from fournines.store.books import Books
from fournines.store.place import StoreError
from remediation.journal import EntryKind
from slo.cells import Indicator, Sli, State, minute_of
from slo.months import Stretch
from tests.living import NOON, Through, at, small

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from collector.bundle import Key
    from collector.source import Batch, Readings, Source
    from collector.watermarks import Mark
    from slo.cells import Block
    from slo.sums import Put

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: What must have passed before the newest minutes are judged.
SETTLED = timedelta(minutes=12)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def fault(kind: str, at_hours: float, hours: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - a document
    return {"kind": kind, "at": f"{int(at_hours * 60)}m", "duration": f"{int(hours * 60)}m", **more}


def pooled(life: Collecting, start: datetime, end: datetime) -> tuple[int, int]:
    """Return what the world served of the service that is hurt."""
    place = life.world.estate.find(ONE["region"], ONE["service"])
    assert place is not None
    return life.world.truth.pooled(minute_of(start), minute_of(end), [place.index])


HERE = {"region": "eu-west-1"}
ONE = {"service": "payment", "region": "eu-west-1"}
#: A bad day and a half in eleven hours: late, revised, throttled, partial, failing and absent.
BAD_DAYS = (
    fault("metrics_delay", 0.5, 1, by="25m", where=ONE),
    fault("metrics_revised", 1, 1, share=0.5, by="90m", where=ONE),
    fault("metrics_revised", 2, 0.5, share=1.4, by="40m"),
    fault("api_throttling", 2, 1, share=0.6),
    fault("partial_data", 3, 1, share=0.2),
    fault("api_errors", 4, 1, share=0.5, where=HERE),
    fault("api_outage", 5, 3, where=HERE),
    fault("alb_errors", 5.5, 1, error_ratio=0.3, where=ONE),
    fault("dependency_failure", 6, 0.5, error_ratio=0.4, where={"service": "payment"}),
)


def days(*faults: dict[str, Any], hours: float = 11, **changes: Any) -> Any:  # noqa: ANN401 - a document
    return small(*faults, duration=f"{int(hours * 60)}m", aws={"metric_retention": "2d"}, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_after_bad_days_every_cell_is_what_the_world_served(books: Books, seed: int) -> None:
    life = Collecting(days(*BAD_DAYS, seed=seed), books)
    life.until(NOON + 11 * HOUR)
    assert wrong_cells(life.world, books, NOON, NOON + 11 * HOUR - SETTLED) == []
    restated = [kept.entry for kept in books.entries() if kept.entry.kind is EntryKind.RESTATED]
    assert restated, "what was counted otherwise is told in the log"
    assert life.record.health()["collect"].failures == 0


def test_a_calm_hour_is_read_exactly(books: Books) -> None:
    life = Collecting(days(hours=1), books)
    life.until(NOON + HOUR)
    assert wrong_cells(life.world, books, NOON, NOON + HOUR - SETTLED) == []
    assert [kept for kept in books.entries() if kept.entry.kind is EntryKind.RESTATED] == []


def test_an_error_counter_that_appears_during_an_outage_is_read_from_its_first_minute(books: Books) -> None:
    faults = (
        fault("api_outage", 0.5, 1, where=HERE),
        fault("alb_errors", 0.75, 0.5, error_ratio=0.2, where=ONE),
    )
    life = Collecting(days(*faults, hours=3), books)
    life.until(NOON + 3 * HOUR)
    assert pooled(life, NOON + 45 * MINUTE, NOON + 75 * MINUTE)[0] > 0
    assert wrong_cells(life.world, books, NOON, NOON + 3 * HOUR - SETTLED) == []


def test_a_service_with_zero_tasks_fails_what_it_is_asked_and_is_unknown_in_nothing(books: Books) -> None:
    crash = fault("crash_loop", 0.25, 0.75, lives="1s", where=ONE)
    life = Collecting(days(crash, hours=2), books)
    life.until(NOON + 2 * HOUR)
    bad, total = pooled(life, NOON + HOUR / 2, NOON + HOUR - 5 * MINUTE)
    assert bad == total > 0
    assert wrong_cells(life.world, books, NOON, NOON + 2 * HOUR - SETTLED) == []


#: Every minute, so that there are many calls to die in.
OFTEN = Scheme(cadence=Cadence(sli_every=1))


class Dying(Through):
    """A source in whose calls the process may die."""

    def __init__(self, source: Source, dice: random.Random) -> None:
        super().__init__(source)
        self._dice = dice

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        if self._dice.random() < 0.05:
            raise KeyboardInterrupt
        return super().metrics(batch, start, end)


def test_a_collector_that_dies_at_any_call_leaves_no_hole_and_counts_nothing_twice(tmp_path: Path) -> None:
    dice, url = random.Random(7), str(tmp_path / "books.db")  # noqa: S311 - the same deaths each time
    life, deaths = None, -1
    while life is None or life.world.now < NOON + 6 * HOUR:
        deaths += 1
        with Books.open(url) as books, suppress(KeyboardInterrupt):
            if life is None:
                life = Collecting(days(hours=6), books, OFTEN, lambda source: Dying(source, dice))
            life.begin(books)
            life.until(NOON + 6 * HOUR)
    assert deaths >= 20
    with Books.open(url) as books:
        assert wrong_cells(life.world, books, NOON, NOON + 6 * HOUR - SETTLED) == []
        with books.ledger() as ledger:
            assert ledger.self_check() == ()


# the past, anew


def test_a_past_that_nobody_read_is_read_anew_by_the_minute(books: Books) -> None:
    life = Collecting(days(hours=4), Books.open("sqlite://"))
    life.until(NOON + 4 * HOUR)
    life.begin(books)
    life.until(NOON + 4 * HOUR + timedelta(minutes=1))
    span = (minute_of(NOON), minute_of(NOON + 3 * HOUR))
    areas = sorted(life.known.counted)
    numbers = books.ask_backfill(areas, *span, NOON)
    job = Backfill(life.source, life.known, books)
    for _ in numbers:
        job.run(life.clock.now())
    assert all(one.done for one in books.backfills())
    assert wrong_cells(life.world, books, NOON, NOON + 3 * HOUR) == []


def test_what_is_older_than_fifteen_days_comes_as_sums_that_are_marked_and_add_up(books: Books) -> None:
    scenario = small(
        duration="1h", lived_in="17d", aws={"metric_retention": "20d"},
        estate={"regions": ["eu-west-1"], "traffic": {"shape": "flat"},
                "services": [{"name": "payment", "requests_per_minute": 600}]},
    )  # fmt: skip
    life = Collecting(scenario, books)
    life.until(NOON + timedelta(minutes=5))
    start = minute_of(NOON - timedelta(days=16, hours=12)) // 5 * 5
    (number,) = books.ask_backfill(sorted(life.known.counted), start, start + 60, NOON)
    job = Backfill(life.source, life.known, books)
    job.run(life.clock.now())
    sli = Sli(at("payment"), Indicator.AVAILABILITY)
    history = books.history([sli], start, start + 60)
    bad, total, state = history.minutes(sli, start, start + 60)
    assert (state == State.OBSERVED).all()
    assert sum(int(page.coarse[0]) for page in books.pages([sli], Stretch(start, start + 60))) == 60
    assert (bad <= total).all()
    five = total.reshape(-1, 5)
    assert np.ptp(five, axis=1).max() <= 4, "sums are divided evenly"
    assert total.sum() > 0
    assert number == 1


def test_after_an_outage_longer_than_cloudwatch_keeps_minutes_its_sums_are_asked_for(books: Books) -> None:
    life = Collecting(days(hours=1), books)
    life.until(NOON + HOUR)
    left = Known(books, lambda _: 1.0).asked()
    job = Backfill(life.source, life.known, books, left_at=dict(left))
    job.run(NOON + timedelta(days=20))
    asked = books.backfills()
    assert {one.area: one.start for one in asked} == left
    assert set(left) == set(life.known.counted)
    assert {one.end for one in asked} == {minute_of(NOON + timedelta(days=20)) - RETENTION_MINUTES}
    job.run(NOON + timedelta(days=20, minutes=1))
    assert len(books.backfills()) == len(asked), "it is asked once"


def test_a_day_that_meets_an_outage_is_asked_for_until_there_are_answers(books: Books) -> None:
    life = Collecting(days(fault("api_outage", 1, 3), hours=6), books)
    life.until(NOON + 2 * HOUR)
    books.ask_backfill(sorted(life.known.counted)[:1], minute_of(NOON), minute_of(NOON + HOUR), NOON)
    job = Backfill(life.source, life.known, books)
    for _ in range(2 * TRIES_MAX):
        job.run(life.clock.now())
    assert not books.backfills()[0].done
    life.until(NOON + 5 * HOUR)
    job.run(life.clock.now())
    assert books.backfills()[0].done


class Forbidden(Through):
    """A source that may read no metric."""

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        return unanswered(batch, start, end, Gap(GapReason.DENIED, "the role needs cloudwatch:GetMetricData"))


def test_a_day_that_is_refused_is_given_up_in_the_end(books: Books) -> None:
    life = Collecting(days(hours=6), books)
    life.until(NOON + 2 * HOUR)
    books.ask_backfill(sorted(life.known.counted)[:1], minute_of(NOON), minute_of(NOON + HOUR), NOON)
    job = Backfill(Forbidden(life.source), life.known, books)
    for _ in range(TRIES_MAX - 1):
        job.run(life.clock.now())
    assert not books.backfills()[0].done
    job.run(life.clock.now())
    assert books.backfills()[0].done
    assert life.known.gaps.oldest(min(life.known.counted)) is not None


def test_what_cannot_be_kept_of_one_region_holds_up_no_other_and_is_no_sign_of_life(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Collecting(days(hours=2), books)
    record = books.record

    def full(block: Block, now: datetime, marks: Mapping[Key, Mark]) -> Put:
        if any(sli.placement.region == "eu-west-1" for sli in block.slis):
            raise StoreError("the store cannot be used: the disk is full")
        return record(block, now, marks)

    monkeypatch.setattr(books, "record", full)
    life.until(NOON + 30 * MINUTE)
    areas = {area.region: area for area in life.known.counted}
    assert life.known.arrived(areas["eu-west-1"]) is None
    assert life.known.arrived(areas["us-east-1"]) is not None
    assert life.record.health()["collect"].failures > 0
    answers = life.known.answers
    times = [refused.times for key, refused in life.known.refused.items() if key.front.tier is Tier.SLI]
    assert min(times) > 5
    monkeypatch.undo()
    life.until(NOON + 2 * HOUR)
    assert life.known.answers > answers
    assert wrong_cells(life.world, books, NOON, NOON + 2 * HOUR - SETTLED) == []


def test_a_region_that_does_not_answer_holds_up_no_other_that_is_read_anew(books: Books) -> None:
    life = Collecting(days(fault("api_outage", 1, 3, where=HERE), hours=6), books)
    life.until(NOON + 2 * HOUR)
    books.ask_backfill(sorted(life.known.counted), minute_of(NOON), minute_of(NOON + HOUR), NOON)
    job = Backfill(life.source, life.known, books)
    for _ in range(3):
        job.run(life.clock.now())
    assert {one.area.region: one.done for one in books.backfills()} == {"eu-west-1": False, "us-east-1": True}


def test_what_is_revised_while_a_region_is_out_of_reach_is_counted_as_revised(books: Books) -> None:
    faults = fault("metrics_revised", 1, 2, share=0.5, by="4h"), fault("api_outage", 4, 24, where=HERE)
    life = Collecting(days(*faults, hours=31), books)
    life.until(NOON + 31 * HOUR)
    assert wrong_cells(life.world, books, NOON, NOON + 31 * HOUR - SETTLED) == []
    assert life.known.restated.total() > 0


def test_after_a_long_outage_reading_is_up_to_date_again_and_costs_what_it_did(books: Books) -> None:
    life = Collecting(days(fault("api_outage", 1, 5), hours=9), books)
    life.until(NOON + HOUR - MINUTE)
    before = sum(cost.metrics for cost in life.known.spent.values())
    life.until(NOON + 7 * HOUR)
    caught_up = sum(cost.metrics for cost in life.known.spent.values())
    life.until(NOON + 8 * HOUR)
    last_hour = sum(cost.metrics for cost in life.known.spent.values()) - caught_up
    assert last_hour <= 1.5 * before
    for area in life.known.counted:
        arrived = life.known.arrived(area)
        assert arrived is not None
        assert minute_of(NOON + 8 * HOUR) - arrived <= 10
