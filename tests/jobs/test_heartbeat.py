"""The heartbeat: when it beats, when it must not, and that a wedged job of the real service stops it."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from collector.plan import Cadence
from collector.source import Gap, GapReason, UnreachableError
from fournines.clock import Fast, Health, Job, Record, real_now, run
from fournines.jobs.heartbeat import Heartbeat
from fournines.jobs.measure import Collect
from fournines.jobs.tell import Tell
from fournines.known import Known
from fournines.service import QUIET_MAX, UNTOLD_MAX, Pace
from fournines.slack.chat import Later
from fournines.store.books import Books
from fournines.vitals import Pulse, Signs, Silence, silences
from remediation.journal import Entry, EntryKind
from tests.living import REGIONS, Life, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.source import Batch, Readings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATIENCE = Pace().patience(Cadence())
WELL = Signs(began=NOON, collected=NOON, evaluated=NOON, told=NOON)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def test_while_everything_works_it_beats() -> None:
    assert silences(WELL, PATIENCE, NOON + QUIET_MAX) == ()


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("collected", Silence.NOT_COLLECTING),
        ("evaluated", Silence.NOT_EVALUATING),
        ("told", Silence.NOT_TELLING),
    ],
)
def test_one_part_that_stands_still_is_named(part: str, reason: Silence) -> None:
    later = NOON + QUIET_MAX + MINUTE
    working = Signs(began=NOON, collected=later, evaluated=later, told=later)
    moved: dict[str, Any] = {part: NOON}
    assert silences(replace(working, **moved), PATIENCE, later) == (reason,)
    never: dict[str, Any] = {part: None}
    assert silences(replace(working, **never), PATIENCE, later) == (reason,), "it never worked"


def test_a_message_that_waits_for_too_long_silences_it() -> None:
    waiting = replace(WELL, waiting_since=NOON - UNTOLD_MAX)
    assert silences(waiting, PATIENCE, NOON) == ()
    assert silences(waiting, PATIENCE, NOON + timedelta(seconds=1)) == (Silence.MESSAGES_STUCK,)


def test_until_all_has_worked_once_it_waits_and_is_no_trouble() -> None:
    young = replace(WELL, collected=None)
    assert silences(young, PATIENCE, NOON + MINUTE) == (Silence.STARTING,)
    assert Pulse(REGIONS, silent=(Silence.STARTING,)).troubles() == []


def test_what_is_read_seldom_may_be_quiet_for_longer() -> None:
    slow = Pace().patience(Cadence(sli_every=10))
    assert slow.collected == timedelta(minutes=30)


class Heard:
    """A beacon that counts, and fails where it is told to."""

    def __init__(self, *dead: str) -> None:
        self.dead, self.beats = set(dead), list[str]()

    def beat(self, region: str, instance: str) -> None:
        assert instance == "fournines"
        if region in self.dead:
            raise UnreachableError("cloudwatch: no answer")
        self.beats.append(region)


def heart(books: Books, beacon: Heard) -> Heartbeat:
    """Return the heartbeat of a service all of whose jobs have just worked."""
    record, known = Record(), Known(books, lambda _: 1.0)
    known.answers = 1
    for job in ("evaluate", "tell"):
        record.note(job, lambda _: Health(runs=1, last_success=NOON))
    return Heartbeat(beacon, "fournines", Pulse(REGIONS), known, books, record, PATIENCE)


def test_a_region_that_fails_keeps_no_other_from_its_beat(books: Books) -> None:
    beacon = Heard(REGIONS[0])
    beats = heart(books, beacon)
    beats.run(NOON)
    assert beacon.beats == [REGIONS[1]]
    assert beats.pulse.stopped() == []
    assert beats.pulse.troubles() == [
        "the heartbeat cannot be written in eu-west-1: cloudwatch: no answer",
    ]
    beacon.dead.clear()
    beats.run(NOON + MINUTE)
    assert beats.pulse.troubles() == []
    assert beats.pulse.beats == {REGIONS[0]: 1, REGIONS[1]: 2}


def test_a_heartbeat_that_no_region_takes_is_told(books: Books) -> None:
    beats = heart(books, Heard(*REGIONS))
    beats.run(NOON)
    (told,) = beats.pulse.troubles()
    assert told.startswith("the heartbeat can be written in no region: eu-west-1: cloudwatch: no answer; us-")
    assert beats.pulse.failures == {REGIONS[0]: 1, REGIONS[1]: 1}


def test_a_silence_is_said_once_with_its_reason_and_so_is_its_end(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    beats = heart(books, Heard())
    with caplog.at_level(logging.INFO):
        for minute in range(9):
            beats.run(NOON + minute * MINUTE)
        assert caplog.text.count("the heartbeat is held back: not_collecting (no region") == 1
        assert "not_evaluating" in beats.pulse.troubles()[0]
        beats.known.answers += 1
        for job in ("evaluate", "tell"):
            beats.record.note(job, lambda h: replace(h, last_success=NOON + 9 * MINUTE))
        beats.run(NOON + 9 * MINUTE)
        assert "the heartbeat beats" in caplog.text


def test_a_service_writes_what_the_world_s_cloudwatch_keeps(books: Books) -> None:
    life = Life(small(), books)
    life.until(10)
    beats = life.service.board.pulse.beats
    assert dict(beats) == dict.fromkeys(REGIONS, beats[REGIONS[0]])
    assert beats[REGIONS[0]] >= 9
    assert life.world.cloudwatch.billed()["custom_metrics"] == 2
    assert life.service.board.trouble() == []


def test_slack_that_takes_nothing_for_long_stops_it_since_nobody_is_told(books: Books) -> None:
    beats = heart(books, Heard())
    books.append([Entry(EntryKind.OPENED, NOON - UNTOLD_MAX, "it burns", incident="payment-1")])
    beats.run(NOON)
    assert beats.pulse.troubles() == []
    beats.run(NOON + MINUTE)
    (told,) = beats.pulse.troubles()
    assert "messages_stuck (a message that people should have has waited for too long)" in told
    (telling,) = books.due(NOON)
    books.sent(telling, "incidents", "1.0", NOON)
    beats.run(NOON + MINUTE)
    assert beats.pulse.troubles() == []


class Dark:
    """A source whose metrics are dark in some regions; discovery was done before."""

    def __init__(self, life: Life, *dark: str) -> None:
        self._life, self._dark = life, dark

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        read = self._life.source.metrics(batch, start, end)
        gap = Gap(GapReason.UNREACHABLE, "no answer")
        gaps = dict.fromkeys(range(len(batch.queries)), gap) if batch.region in self._dark else read.gaps
        return replace(read, gaps=gaps)


@pytest.mark.parametrize(("dark", "answers"), [(REGIONS[:1], True), (REGIONS, False)])
def test_one_dark_region_is_no_silence_and_all_of_them_are(
    books: Books, dark: tuple[str, ...], *, answers: bool
) -> None:
    life = Life(small(), books)
    life.until(6)
    known = Known(books, lambda _: 1.0)
    source = Dark(life, *dark)
    collect = Collect(source, known, books, workers=1)  # type: ignore[arg-type]
    collect.run(life.clock.now() + 5 * MINUTE)
    assert (known.answers > 0) is answers


class Wedge:
    """Something that never comes back once it is shut, until the test is over."""

    def __init__(self) -> None:
        self._open, self.waiting = threading.Event(), threading.Event()
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def __call__(self) -> None:
        if not self._open.is_set():
            self.waiting.set()
        self._open.wait()


#: Five minutes of the fast clock are a quarter of a second.
SPEED = 1200
PACE = Pace(real_s=timedelta(seconds=1), heartbeat=MINUTE / 2, collect=MINUTE / 2)


@contextmanager
def running(books: Books, wedge: Wedge, wedged: str, beacon: Heard) -> Iterator[Pulse]:
    """Run collector, evaluator and sender as threads around a heartbeat; one of them passes the wedge."""
    clock, record, stop = Fast(NOON, real_now(), SPEED), Record(), threading.Event()
    known, pulse = Known(books, lambda _: 1.0), Pulse(REGIONS)

    def work(name: str, does: Callable[[], object]) -> Job:
        def turn(_: datetime) -> None:
            if name == wedged:
                wedge()
            does()

        return Job(name, PACE.collect, turn)

    def collected() -> None:
        known.answers += 1

    jobs = (
        work("collect", collected),
        work("evaluate", books.open_incidents),
        work("tell", books.backlog),
        Job(
            "heartbeat",
            PACE.heartbeat,
            Heartbeat(beacon, "fournines", pulse, known, books, record, PACE.patience(Cadence())).run,
        ),
    )
    loop = threading.Thread(target=run, args=(jobs, clock, stop, record))
    loop.start()
    try:
        yield pulse
    finally:
        wedge.release()
        stop.set()
        loop.join(20)


def until(holds: Callable[[], bool]) -> None:
    """Wait for it; pytest's own time limit is the bound."""
    pause = threading.Event()
    while not holds():
        pause.wait(0.01)


@pytest.mark.parametrize(
    ("wedged", "reason"),
    [
        ("collect", Silence.NOT_COLLECTING),
        ("evaluate", Silence.NOT_EVALUATING),
        ("tell", Silence.NOT_TELLING),
    ],
)
def test_a_job_that_hangs_for_ever_stops_the_heartbeat_and_it_goes_on_after_that(
    books: Books, wedged: str, reason: Silence
) -> None:
    wedge, beacon = Wedge(), Heard()
    with running(books, wedge, wedged, beacon) as pulse:
        until(lambda: len(beacon.beats) >= 4)
        wedge.shut()
        until(lambda: pulse.silent == (reason,))
        assert wedge.waiting.is_set()
        before = len(beacon.beats)
        threading.Event().wait(0.2)
        assert (len(beacon.beats), pulse.silent) == (before, (reason,))
        wedge.release()
        until(lambda: len(beacon.beats) > before)


def test_a_sender_that_hangs_in_slack_stops_it_by_the_message_that_waits(books: Books) -> None:
    life = Life(small(), books)
    wedge = Wedge()

    class Hanging:
        def post(self, *_: object) -> Later:
            wedge.shut()
            wedge()
            return Later(1, "it hung")

        edit = find = post

    tell = Tell(books, Hanging(), life.service.board, "incidents")
    stuck = threading.Thread(target=tell.run, args=(NOON,), daemon=True)
    books.append([Entry(EntryKind.OPENED, NOON, "it burns", incident="payment-1")])
    stuck.start()
    assert wedge.waiting.wait(20)
    assert books.waiting_since() == NOON, "the books can still be asked"
    assert silences(
        replace(WELL, told=NOON, waiting_since=books.waiting_since()), PATIENCE, NOON + UNTOLD_MAX + MINUTE
    )[-2:] == (Silence.NOT_TELLING, Silence.MESSAGES_STUCK)
    wedge.release()
    stuck.join(20)
