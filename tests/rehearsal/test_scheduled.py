"""Scheduled tasks of a simulated estate: every run is counted as it was, whatever befalls it or us."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fournines.clock import Job, Record, Stepped, Steps
from fournines.desk import Desk
from fournines.jobs.listen import Listen
from fournines.jobs.schedules import Schedules
from fournines.known import Known
from fournines.rehearsal.direct import WorldMailbox, WorldMetrics, WorldSessions
from fournines.rehearsal.rehearse import rehearse
from fournines.rehearsal.scheduled import every_schedule
from fournines.rehearsal.score import passed
from fournines.service import Pace
from fournines.store.books import Books
from fournines.wire import InProcess
from remediation.incidents import SCHEDULED
from remediation.vocabulary import Reason, Verdict
from simulator.world import World
from slo.burn import Severity
from slo.cells import Indicator, Placement, Sli, State, minute_of
from tests.living import CLUSTER, NOON, REGIONS, at, small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from collector.runs import TaskRun
    from collector.wire.source import AwsSource
    from simulator.scenario import Scenario
    from simulator.truth import Run

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STEP = timedelta(seconds=15)
SCHEDULES = (
    {"name": "reports", "family": "nightly-reports", "every": "15m", "lasts": "3m"},
    {"name": "backup", "family": "db-backup", "every": "1h", "lasts": "20m"},
    {"name": "invoices", "family": "invoices", "at": "13:05"},
)
#: Every run that was due so long ago is decided: a backup ends after 21 minutes, and then is asked for.
DECIDED_AFTER = 30 * MINUTE


def story(*faults: dict[str, Any], hours: int = 4, **changes: Any) -> Scenario:  # noqa: ANN401 - a document
    estate = {
        "regions": REGIONS,
        "services": [{"name": "payment", "requests_per_minute": 60}],
        "schedules": SCHEDULES,
    }
    return small(*faults, duration=f"{hours}h", estate=estate, **changes)


def fault(kind: str, schedule: str, start: str, lasts: str, **where: str) -> dict[str, Any]:
    return {"kind": kind, "schedule": schedule, "at": start, "duration": lasts, "where": where}


MISSED = fault("schedule_missed", "reports", "50m", "50m", region=REGIONS[0])
FAILING = fault("schedule_failing", "backup", "2h", "1h", region=REGIONS[1])


class Dying:
    """A source in whose calls the process may die."""

    def __init__(self, source: AwsSource, dice: random.Random) -> None:
        self._source, self._dice = source, dice

    def runs(self, account: str, region: str, cluster: str, family: str) -> tuple[TaskRun, ...]:
        told = self._source.runs(account, region, cluster, family)
        if self._dice.random() < 0.02:
            raise KeyboardInterrupt
        return told


class Nights:
    """A world, and who listens and judges; `began` again they go on from the books, as after a crash."""

    def __init__(
        self, scenario: Scenario, books: Books, dice: random.Random | None = None, workers: int = 1
    ) -> None:
        self.world, self.clock, self.mailbox = World(scenario), Stepped(scenario.start), WorldMailbox()
        self._dice, self._workers = dice, workers
        self.begin(books)

    def begin(self, books: Books) -> None:
        self.books, self.known, self.record = books, Known(books, lambda _: 1.0), Record()
        wired = InProcess(WorldSessions(self.world), WorldMetrics(self.world).read, self.clock.now)
        source, desk, pace = wired.source(), Desk(books), Pace()
        asked: Any = source if self._dice is None else Dying(source, self._dice)
        watched = every_schedule(self.world.scenario.estate)
        listen = Listen(self.mailbox, books, self.known, desk, source.stale)
        judge = Schedules(asked, watched, self.known, books, desk, self._workers)
        jobs = (Job("listen", STEP, listen.run), Job("schedules", pace.schedules, judge.run))
        self._steps = Steps(jobs, self.clock, self.record)

    def until(self, end: datetime) -> None:
        while self.world.now < end:
            moment = min(self.world.now + STEP, end)
            self.mailbox.post(self.world.step(moment))
            self._steps.until(moment)

    def down(self, lasts: timedelta, *, events: bool) -> None:
        """Be down for so long, while events wait for us or are lost; then begin anew."""
        end = self.world.now + lasts
        told = self.world.step(end)
        if events:
            self.mailbox.post(told)
        self.clock.move(end)
        self.begin(self.books)

    def state(self, run: Run) -> State:
        return State(self._cell(run)[2])

    def wrong(self, before: datetime) -> list[str]:
        """Return every run that was due before then and is not counted as it was."""
        return [
            f"{run}: {bad}/{total} {State(state).name}"
            for run in self.world.truth.runs
            if run.due < before.timestamp()
            for bad, total, state in [self._cell(run)]
            if (bad, total, state) != (int(run.exit_code != 0), 1, State.OBSERVED)
        ]

    def idle(self, before: datetime) -> list[int]:
        """Return how many minutes before then say that nothing was due, by schedule and place."""
        start, end = minute_of(NOON), minute_of(before)
        with self.books.ledger() as ledger:
            states = [ledger.minutes(sli, start, end)[2] for sli in ledger.slis]
        return [int((state == State.NO_TRAFFIC).sum()) for state in states]

    def _cell(self, run: Run) -> tuple[int, int, int]:
        sli = Sli(Placement(run.account, run.region, CLUSTER, run.schedule), Indicator.SCHEDULE)
        with self.books.ledger() as ledger:
            bad, total, state = ledger.minutes(sli, run.due // 60, run.due // 60 + 1)
        return int(bad[0]), int(total[0]), int(state[0])


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


@pytest.mark.parametrize("workers", [1, 4])
def test_every_run_is_counted_as_it_was(books: Books, workers: int) -> None:
    life = Nights(story(MISSED, FAILING), books, workers=workers)
    life.until(NOON + 4 * HOUR)
    decided = NOON + 4 * HOUR - DECIDED_AFTER
    assert life.wrong(decided) == []
    assert sorted(life.idle(decided)) == sorted(2 * [210 - 14] + 2 * [210 - 4] + 2 * [210 - 1])
    assert life.record.health()["schedules"].failures == 0
    outcomes = {str(o): n for (p, o), n in life.known.runs.items() if p == at("reports")}
    assert outcomes == {"succeeded": 13, "missed": 3}
    assert life.known.last_success[at("reports")] == NOON + 3 * HOUR + 45 * MINUTE


def test_what_went_wrong_is_told_as_a_ticket_with_its_time(books: Books) -> None:
    life = Nights(story(MISSED, FAILING), books)
    life.until(NOON + 4 * HOUR)
    signs = [symptom for incident in books.open_incidents() for symptom in incident.symptoms]
    assert {sign.severity for sign in signs} == {Severity.TICKET}
    backup, reports = sorted(sign.sentence for sign in signs)
    assert reports == (
        "reports in eu-west-1 missed its run of 2026-11-23 13:30 UTC: "
        "no task of nightly-reports was started within 5 min."
    )
    assert backup.startswith("backup in us-east-1 failed in its run of 2026-11-23 14:00 UTC: task ")
    assert backup.endswith(" ended with exit code 1 of db-backup (Essential container in task exited).")


def test_a_process_that_dies_at_any_call_loses_no_run_and_counts_none_twice(tmp_path: Path) -> None:
    dice, url = random.Random(7), str(tmp_path / "books.db")  # noqa: S311 - the same deaths each time
    life, deaths = None, -1
    while life is None or life.world.now < NOON + 4 * HOUR:
        deaths += 1
        with Books.open(url) as books, suppress(KeyboardInterrupt):
            if life is None:
                life = Nights(story(MISSED, FAILING), books, dice)
            life.begin(books)
            life.until(NOON + 4 * HOUR)
            assert life.wrong(NOON + 4 * HOUR - DECIDED_AFTER) == []
    assert deaths >= 3


def test_an_hour_of_our_own_outage_loses_nothing_that_events_told(books: Books) -> None:
    life = Nights(story(), books)
    life.until(NOON + 20 * MINUTE)
    life.down(95 * MINUTE, events=True)
    life.until(NOON + 4 * HOUR)
    assert life.wrong(NOON + 4 * HOUR - DECIDED_AFTER) == []


def test_without_events_what_nobody_saw_stays_unknown_and_is_never_counted(books: Books) -> None:
    life = Nights(story(MISSED), books)
    life.until(NOON + 20 * MINUTE)
    life.down(95 * MINUTE, events=False)
    life.until(NOON + 4 * HOUR)
    reports = [run for run in life.world.truth.runs if run.schedule == "reports"]
    unseen = {(run.due - int(NOON.timestamp())) // 60 for run in reports if not life.state(run)}
    assert unseen == {30, 45, 240}, "the last run has just begun"


def test_what_was_missed_while_we_were_down_is_known_only_for_an_hour(books: Books) -> None:
    life = Nights(story(MISSED), books)
    life.until(NOON + 55 * MINUTE)
    life.down(50 * MINUTE, events=True)
    life.until(NOON + 4 * HOUR)
    missed = {run.due: life.state(run) for run in life.world.truth.runs if run.task is None}
    assert {(due - int(NOON.timestamp())) // 60: state for due, state in missed.items()} == {
        60: State.OBSERVED,
        75: State.OBSERVED,
        90: State.OBSERVED,
    }
    assert life.wrong(NOON + 4 * HOUR - DECIDED_AFTER) == []


def test_a_region_that_does_not_answer_is_said_and_its_runs_are_decided_later(books: Books) -> None:
    dark = {"kind": "api_outage", "at": "50m", "duration": "30m", "where": {"region": REGIONS[0]}}
    life = Nights(story(MISSED, dark, hours=3), books)
    life.until(NOON + 75 * MINUTE)
    assert {place.region for place in life.known.unwatched} == {REGIONS[0]}
    assert len(life.known.unwatched) == len(SCHEDULES)
    life.until(NOON + 3 * HOUR)
    assert life.known.unwatched == {}
    assert life.wrong(NOON + 3 * HOUR - DECIDED_AFTER) == []


def test_runs_that_are_told_badly_are_counted_as_they_were(books: Books) -> None:
    badly = [
        {"kind": kind, "at": "10m", "duration": "3h"} for kind in ("events_duplicated", "events_reordered")
    ]
    life = Nights(story(MISSED, FAILING, *badly), books)
    life.until(NOON + 4 * HOUR)
    assert life.wrong(NOON + 4 * HOUR - DECIDED_AFTER) == []
    assert sum(life.known.runs.values()) == len(
        [run for run in life.world.truth.runs if life.state(run) is State.OBSERVED]
    )


def test_nobody_acts_on_a_scheduled_run_and_a_person_is_called() -> None:
    decided: set[tuple[Any, Any]] = set()

    def look(books: Books, _: datetime) -> None:
        decided.update((i.verdict, i.reason) for i in books.open_incidents())
        assert books.runs.every() == ()
        assert all(s.name.startswith(SCHEDULED) for i in books.open_incidents() for s in i.symptoms)

    missed = fault("schedule_missed", "reports", "10m", "10m", region=REGIONS[0])
    failing = fault("schedule_failing", "reports", "25m", "10m", region=REGIONS[1])
    escalated = [each | {"expect": "escalate"} for each in (missed, failing)]
    summary = rehearse(story(*escalated, hours=1), attend=look)
    assert decided - {(None, None)} == {(Verdict.ESCALATE, Reason.NO_ACTION_FOR_CAUSE)}
    assert passed(summary)
