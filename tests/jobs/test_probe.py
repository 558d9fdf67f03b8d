"""Checks from outside on a clock that a test moves: counted by the minute, told within seconds."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collector.estate import RegionEstate, ServiceView
from collector.heat import HOT_FOR
from collector.probes import Answer, Check, Probe, Probes, Reason, Target
from fournines.desk import Desk
from fournines.jobs import probe as job
from fournines.known import Known
from fournines.service import Outside, Setting, build
from fournines.store.books import Books
from remediation.incidents import PROBED
from remediation.journal import EntryKind
from remediation.receive import QUIET_FOR, quiet
from slo.burn import Severity
from slo.cells import Indicator, Placement, Sli, State, minute_of
from tests.living import Life, small

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
WEB, AUTH = (Placement("1", "eu-west-1", "prod", name) for name in ("web-app", "user-auth"))
CHECKS = {place: Check(url=f"https://{place.service}.example/health") for place in (WEB, AUTH)}
OK = Answer(0.2)


@pytest.fixture
def books() -> Iterator[Books]:
    seen: list[ServiceView] = []
    with Books.open("sqlite://") as opened:
        for place in (WEB, AUTH):
            view = ServiceView(
                placement=place, seen_at=NOON, status="ACTIVE", desired=1, running=1, pending=0,
                task_definition="t",
            )  # fmt: skip
            seen.append(view)
        opened.save_estate(RegionEstate("1", "eu-west-1", NOON, tuple(seen)))
        yield opened


class Scripted:
    """A prober that answers as the test says, and waits where the test bars the way."""

    def __init__(self) -> None:
        self.answers: dict[Placement, Answer | Exception] = {}
        self.barred: dict[Placement, threading.Event] = {}

    def check(self, target: Target) -> Answer:
        if target.placement in self.barred:
            self.barred[target.placement].wait(10)
        answer = self.answers.get(target.placement, OK)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Watched:
    """The job beside a prober that a test commands; `restart` begins anew on the same books."""

    def __init__(self, books: Books, at_once: int = 1) -> None:
        self.books, self.at_once, self.prober, self.now = books, at_once, Scripted(), NOON
        self.restart()

    def restart(self) -> None:
        wanted = Probes(tuple(Probe(check=CHECKS[p], service=p.service, region=p.region) for p in CHECKS))
        self.known = Known(self.books, lambda _: 1.0)
        self.job = job.Probe(self.prober, wanted, self.known, self.books, Desk(self.books), self.at_once)

    def live(self, seconds: float) -> None:
        end = self.now + seconds * SECOND
        while self.now < end:
            self.job.run(self.now)
            self.now += SECOND

    def minutes(self, place: Placement, count: int) -> list[tuple[int, int, State]]:
        """Bad, total and state of the first minutes after noon."""
        start = minute_of(NOON)
        with self.books.ledger() as ledger:
            cells = ledger.minutes(Sli(place, Indicator.PROBE), start, start + count)
        return [(b, t, State(s)) for b, t, s in zip(*(column.tolist() for column in cells), strict=True)]


def test_a_minute_that_has_ended_is_kept_with_what_was_seen(books: Books) -> None:
    watched = Watched(books)
    watched.live(30)
    watched.prober.answers[WEB] = Answer(0.2, Reason.STATUS, "it answers 503")
    watched.live(31)
    ((bad, total, state),) = watched.minutes(WEB, 1)
    assert (state, total in (6, 7), bad in (3, 4)) == (State.OBSERVED, True, True)
    assert watched.minutes(AUTH, 1)[0][0] == 0


def test_a_minute_that_runs_is_not_kept_yet(books: Books) -> None:
    watched = Watched(books)
    watched.live(60)
    assert watched.minutes(WEB, 1) == [(0, 0, State.UNKNOWN)]


def test_a_minute_in_which_nobody_checked_is_unknown_and_half_a_minute_counts_its_half(books: Books) -> None:
    watched = Watched(books)
    watched.live(61)
    watched.now = NOON + 2 * MINUTE + 30 * SECOND
    watched.restart()
    watched.live(60)
    first, nobody, half = watched.minutes(WEB, 3)
    assert first[1] >= 6
    assert nobody == (0, 0, State.UNKNOWN)
    assert (half[2], 3 <= half[1] <= 4) == (State.OBSERVED, True)


def test_a_starved_process_begins_each_check_once_and_makes_up_for_none(books: Books) -> None:
    watched = Watched(books)
    watched.live(1)
    watched.now += 5 * MINUTE
    watched.live(61)
    totals = [total for _, total, _ in watched.minutes(WEB, 6)]
    assert totals == [1, 0, 0, 0, 0, totals[-1]]
    assert totals[-1] <= 7


def test_one_failed_check_makes_its_service_hot_and_tells_nobody(books: Books) -> None:
    watched = Watched(books)
    watched.prober.answers[WEB] = Answer(0.2, Reason.TIMEOUT, "no whole answer within 3 s")
    watched.live(1)
    assert watched.known.heat.hot(watched.now) == {"web-app"}
    assert watched.known.heat.hot(watched.now + HOT_FOR) == frozenset()
    assert books.open_incidents() == ()


def test_two_in_a_row_page_within_seconds_and_are_told_once(books: Books) -> None:
    watched = Watched(books)
    watched.prober.answers[WEB] = Answer(0.2, Reason.TIMEOUT, "no whole answer within 3 s")
    watched.live(21)
    (incident,) = books.open_incidents()
    (sign,) = incident.symptoms
    assert (incident.service, sign.placement, sign.severity) == ("web-app", WEB, Severity.PAGE)
    assert sign.name == f"{PROBED}https://web-app.example/health"
    assert sign.sentence == (
        "web-app in eu-west-1 fails its checks from outside: https://web-app.example/health: "
        "no whole answer within 3 s (timeout)."
    )
    assert sign.last_seen - NOON <= 20 * SECOND
    watched.live(60)
    assert [kept.entry.kind for kept in books.entries()] == [EntryKind.OPENED]
    (incident,) = books.open_incidents()
    assert incident.symptoms[0].last_seen > NOON + 60 * SECOND, "it is still seen"


def test_the_incident_ends_when_checks_have_succeeded_for_a_while(books: Books) -> None:
    watched = Watched(books)
    watched.prober.answers[WEB] = Answer(0.2, Reason.REFUSED, "the connection is refused")
    watched.live(30)
    watched.prober.answers.pop(WEB)
    failed = watched.now
    watched.live(60)
    (incident,) = books.open_incidents()
    assert quiet(incident, failed + QUIET_FOR / 2, busy=False) is None
    assert quiet(incident, failed + QUIET_FOR, busy=False) is not None


def test_a_success_between_two_failures_tells_nobody(books: Books) -> None:
    watched = Watched(books)
    watched.live(10)
    for answer in (Answer(0.2, Reason.DNS, "gone"), OK) * 3:
        watched.prober.answers[WEB] = answer
        watched.live(10)
    assert books.open_incidents() == ()


@pytest.mark.parametrize("reason", [Reason.PRIVATE_ADDRESS, Reason.RESOLVER, Reason.STARVED])
def test_what_is_our_own_doing_is_counted_in_metrics_only(books: Books, reason: Reason) -> None:
    watched = Watched(books)
    watched.prober.answers[WEB] = Answer(0.2, reason, "our own doing")
    watched.live(70)
    assert watched.minutes(WEB, 1) == [(0, 0, State.UNKNOWN)]
    assert books.open_incidents() == ()
    assert watched.known.heat.hot(watched.now) == frozenset()
    seen = watched.known.checks[WEB, "https://web-app.example/health"]
    assert seen.failures == {reason: seen.checks}


def test_a_prober_that_breaks_breaks_nothing_else(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(books)
    watched.prober.answers[WEB] = ValueError("a defect")
    watched.live(70)
    assert watched.minutes(WEB, 1) == [(0, 0, State.UNKNOWN)]
    assert watched.minutes(AUTH, 1)[0][2] is State.OBSERVED
    assert "a defect" in caplog.text


def until(watched: Watched, done: threading.Event | None = None, *, checks: int, place: Placement) -> None:
    """Let the job run until so many checks of a placement have ended."""
    name = CHECKS[place].shown
    for _ in range(2000):
        watched.job.run(watched.now)
        if (place, name) in watched.known.checks and watched.known.checks[place, name].checks >= checks:
            return
        watched.now += SECOND
        (done or threading.Event()).wait(0.001)
    raise AssertionError(f"{place} was not checked {checks} times")


def test_a_target_that_hangs_keeps_no_other_waiting(books: Books) -> None:
    watched = Watched(books, at_once=4)
    watched.prober.barred[WEB] = threading.Event()
    until(watched, checks=12, place=AUTH)
    assert (WEB, CHECKS[WEB].shown) not in watched.known.checks
    assert threading.active_count() < 5, "one that hangs is not begun again"
    watched.prober.barred.pop(WEB).set()


def test_a_minute_waits_for_its_checks_and_then_counts_them(books: Books) -> None:
    watched = Watched(books, at_once=4)
    watched.prober.barred[WEB] = threading.Event()
    watched.prober.answers[WEB] = Answer(3.0, Reason.TIMEOUT, "no whole answer within 3 s")
    until(watched, checks=8, place=AUTH)
    assert watched.minutes(AUTH, 1) == [(0, 0, State.UNKNOWN)], "a check of this minute still runs"
    watched.prober.barred.pop(WEB).set()
    until(watched, checks=1, place=WEB)
    assert watched.minutes(WEB, 1) == [(1, 1, State.OBSERVED)]
    assert watched.minutes(AUTH, 1)[0][2] is State.OBSERVED


def test_what_comes_after_its_minute_was_kept_changes_nothing(books: Books) -> None:
    watched = Watched(books, at_once=4)
    until(watched, checks=1, place=WEB)
    watched.now = NOON + 20 * SECOND
    watched.prober.barred[WEB] = threading.Event()
    watched.job.run(watched.now)
    watched.now += 15 * MINUTE
    watched.job.run(watched.now)
    kept = watched.minutes(WEB, 1)
    assert kept == [(0, 1, State.OBSERVED)], "no minute waits for ever"
    watched.prober.barred.pop(WEB).set()
    until(watched, checks=2, place=WEB)
    assert watched.minutes(WEB, 1) == kept
    assert books.entries() == ()


def test_no_more_checks_run_at_once_than_the_limit(books: Books) -> None:
    watched = Watched(books, at_once=2)
    watched.prober.barred = {WEB: threading.Event(), AUTH: threading.Event()}
    many = tuple(
        Probe(check=Check(url=f"https://web-app.example/{n}"), service="web-app", region="eu-west-1")
        for n in range(9)
    )
    before = threading.active_count()
    watched.job.probes = Probes(many)
    watched.live(30)
    assert threading.active_count() - before <= 2
    for barred in watched.prober.barred.values():
        barred.set()


def test_what_cannot_be_checked_is_said_once_and_what_changes_is_logged(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(books)
    gone = Probe(check=CHECKS[WEB], service="gone", region="eu-west-1")
    watched.job.probes = Probes((*watched.job.probes.listed, gone))
    with caplog.at_level(logging.WARNING):
        watched.prober.answers[WEB] = Answer(0.2, Reason.TLS, "it has run out")
        watched.live(30)
        watched.prober.answers.pop(WEB)
        watched.live(20)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "probe https://web-app.example/health of eu-west-1/gone is not made: no such service is known",
        f"web-app in eu-west-1 fails its checks from outside: {CHECKS[WEB].url}: it has run out (tls).",
        "https://web-app.example/health answers as expected again",
    ]


def test_the_service_checks_only_where_something_is_to_be_checked(books: Books) -> None:
    life = Life(small(), books)
    assert "probe" not in {one.name for one in life.service.jobs}
    outside = Outside(
        life.source, life.actuator, life.mailbox, life.ear, life.beacon, Scripted(), witness=life.witness
    )
    for probes, wanted in ((Probes(), False), (Probes(tagged=True), True)):
        setting = Setting(scopes=(), workers=1, probes=probes)
        jobs = build(life.charter, setting, books, outside, life.clock).jobs
        assert ("probe" in {one.name for one in jobs}) is wanted
