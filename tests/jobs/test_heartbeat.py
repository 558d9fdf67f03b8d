"""The heartbeat: when it beats, when it must not, and that a wedged job of the real service stops it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from collector.plan import Cadence
from collector.scheme import Scheme
from collector.source import Gap, GapReason, UnreachableError
from fournines.clock import Fast, Health, Record, real_now, run
from fournines.jobs.heartbeat import Heartbeat
from fournines.jobs.measure import Collect
from fournines.known import Known
from fournines.rehearsal.direct import WorldMetrics, WorldSessions
from fournines.service import QUIET_MAX, UNTOLD_MAX, Outside, Pace, Setting, build
from fournines.store.books import Books
from fournines.vitals import Pulse, Signs, Silence, silences
from fournines.wire import InProcess
from remediation.journal import Entry, EntryKind
from tests.living import ACCOUNT, REGIONS, Life, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.source import Batch, Readings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PATIENCE = Pace().patience(timedelta(minutes=Cadence().sli_every))
WELL = Signs(began=NOON, collected=NOON, answered=NOON, evaluated=NOON, told=NOON)


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
        ("answered", Silence.NOT_ANSWERED),
        ("evaluated", Silence.NOT_EVALUATING),
        ("told", Silence.NOT_TELLING),
    ],
)
def test_one_part_that_stands_still_is_named(part: str, reason: Silence) -> None:
    later = NOON + PATIENCE.answered + MINUTE
    working = Signs(began=NOON, collected=later, answered=later, evaluated=later, told=later)
    moved: dict[str, Any] = {part: NOON}
    assert silences(replace(working, **moved), PATIENCE, later) == (reason,)
    never: dict[str, Any] = {part: None}
    assert silences(replace(working, **never), PATIENCE, later) == (reason,), "it never worked"


def test_a_message_that_waits_for_too_long_silences_it() -> None:
    waiting = replace(WELL, waiting_since=NOON - UNTOLD_MAX)
    assert silences(waiting, PATIENCE, NOON) == ()
    assert silences(waiting, PATIENCE, NOON + timedelta(seconds=1)) == (Silence.MESSAGES_STUCK,)


def test_until_all_has_worked_once_it_waits_and_is_no_trouble() -> None:
    young = replace(WELL, answered=None)
    assert silences(young, PATIENCE, NOON + MINUTE) == (Silence.STARTING,)
    assert Pulse(REGIONS, silent=(Silence.STARTING,)).troubles() == []


def test_what_is_read_seldom_may_be_quiet_for_longer() -> None:
    assert Pace().patience(3 * MINUTE).answered == 9 * MINUTE
    assert Pace().patience(60 * MINUTE).answered == 70 * MINUTE, "what is due is asked for again at once"


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
    return Heartbeat(beacon, "fournines", Pulse(REGIONS), known, books, record, Pace().patience)


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
        assert caplog.text.count("the heartbeat is held back: not_collecting (the collector has") == 1
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


@pytest.mark.parametrize("budget_usd", [None, Decimal("0.0001")], ids=["all is read", "all is saved"])
def test_where_only_what_explains_is_read_it_beats_however_much_is_saved(
    books: Books, budget_usd: Decimal | None
) -> None:
    workers = {"name": "mail-worker", "front": "none"}
    estate = {"regions": REGIONS, "traffic": {"shape": "flat"}, "services": [workers]}
    life = Life(small(estate=estate, duration="3h"), books, scheme=Scheme(budget_usd=budget_usd))
    life.until(150)
    assert life.service.board.trouble() == []
    assert life.service.board.pulse.beats[REGIONS[0]] >= 149


def test_slack_that_takes_nothing_for_long_stops_it_since_nobody_is_told(books: Books) -> None:
    beats = heart(books, Heard())
    books.append([Entry(EntryKind.OPENED, NOON - UNTOLD_MAX, "it burns", incident="payment-1")])
    beats.run(NOON)
    assert beats.pulse.troubles() == []
    beats.run(NOON + MINUTE)
    (told,) = beats.pulse.troubles()
    assert "messages_stuck (a message that people should have has waited for too long)" in told
    (telling,) = books.outbox.due(NOON)
    books.outbox.sent(telling, "incidents", "1.0", NOON)
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
    """Where whoever comes by hangs, once it is shut and until the test is over."""

    def __init__(self) -> None:
        self._open, self.reached = threading.Event(), threading.Event()
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def __call__(self) -> None:
        if not self._open.is_set():
            self.reached.set()
        self._open.wait()


class Passing:
    """A source, or a Slack, that is reached past a wedge."""

    def __init__(self, beyond: object, wedge: Wedge) -> None:
        self._beyond, self._wedge = beyond, wedge

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of what lies beyond
        self._wedge()
        return getattr(self._beyond, name)


#: Five minutes of the fast clock are a second, as are 150 of the seconds that people wait for Slack.
SPEED = 300
PACE = Pace(real_s=timedelta(seconds=2), collect=MINUTE / 4)
NEEDED = ("collect", "evaluate", "tell", "heartbeat")


class Night:
    """The real service, a thread per job, over a world that stands still; each of three parts can hang."""

    def __init__(self, books: Books) -> None:
        life = Life(small(), books)
        life.until(6)
        self.books, self.beacon, self.stop = books, Heard(), threading.Event()
        self.source, self.slack, self.ledger = Wedge(), Wedge(), Wedge()
        self._clock = Fast(life.clock.now(), real_now(), SPEED)
        wired = InProcess(WorldSessions(life.world), WorldMetrics(life.world).read, self._clock.now)
        outside = Outside(
            Passing(wired.source(), self.source),
            wired.actuator(),
            life.mailbox,
            Passing(life.ear, self.slack),
            self.beacon,
            witness=wired.witness(),
        )
        scopes = [(ACCOUNT, region) for region in REGIONS]
        setting = Setting(scopes=scopes, heartbeat_regions=REGIONS, workers=1, pace=PACE)
        self.service = build(life.charter, setting, books, outside, self._clock)
        self._threads = [
            threading.Thread(target=self._run, daemon=True),
            threading.Thread(target=self._hold, daemon=True),
        ]

    @property
    def silent(self) -> tuple[Silence, ...]:
        return self.service.board.pulse.silent

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self.stop.set()
        for wedge in (self.source, self.slack, self.ledger):
            wedge.release()
        for thread in self._threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self._threads)

    def wedge(self, part: str) -> None:
        if part == "slack":
            self.books.append([Entry(EntryKind.OPENED, self._clock.now(), "it burns", incident="payment-1")])
        getattr(self, part).shut()

    def _run(self) -> None:
        jobs = [job for job in self.service.jobs if job.name in NEEDED]
        run(jobs, self._clock, self.stop, self.service.record)

    def _hold(self) -> None:
        """Come by, again and again, with the ledger in hand."""
        while not self.stop.wait(0.05):
            with self.books.ledger():
                self.ledger()


@pytest.fixture
def night(books: Books) -> Iterator[Night]:
    made = Night(books)
    made.begin()
    yield made
    made.end()


def until(holds: Callable[[], bool]) -> None:
    """Wait for it; pytest's own time limit is the bound."""
    pause = threading.Event()
    while not holds():
        pause.wait(0.02)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("source", Silence.NOT_COLLECTING),
        ("ledger", Silence.NOT_EVALUATING),
        ("slack", Silence.NOT_TELLING),
    ],
)
def test_a_job_that_hangs_for_ever_stops_the_heartbeat_and_it_goes_on_after_that(
    night: Night, part: str, reason: Silence
) -> None:
    until(lambda: len(night.beacon.beats) >= 4)
    night.wedge(part)
    until(lambda: reason in night.silent)
    assert getattr(night, part).reached.is_set()
    before = len(night.beacon.beats)
    threading.Event().wait(0.5)
    assert (len(night.beacon.beats), reason in night.silent) == (before, True)
    getattr(night, part).release()
    until(lambda: len(night.beacon.beats) > before)
    assert not [health for health in night.service.record.health().values() if health.failures]
