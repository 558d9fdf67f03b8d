"""What time it is, and what runs when: the only module of the service that reads the clock.

The same jobs run on the wall clock, on a fast one and on a stepped one.  What crosses a wire keeps real time.
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

log = logging.getLogger(__name__)

#: A wait is cut into slices, so that a machine that slept or a corrected clock is noticed this soon.
WAIT_SLICE_MAX_S = 5.0
#: How long a stop waits for the runs under way; what takes longer ends with the process.
STOP_WAIT_MAX_S = 30.0
#: What rings all the time has a job run no more often than this.
RUNG_AGAIN_S = 1.0


class Clock(Protocol):
    """The time that fournines decides by."""

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        ...

    def real_seconds(self, span: timedelta) -> float:
        """Return how long a person waits until the span has passed on this clock."""
        ...


def real_now() -> datetime:
    """Return the wall's time, in UTC: for what crosses a wire, on any clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Wall:
    """The real time."""

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        return real_now()

    def real_seconds(self, span: timedelta) -> float:
        """Return the span in seconds."""
        return span.total_seconds()


@dataclass(frozen=True, slots=True)
class Fast:
    """A clock that read `start` when the wall read `epoch`, and goes `speed` times as fast, `until` it stops.

    Processes that are given the same figures agree on the time.  Once it has stopped no job runs any more.
    """

    start: datetime
    epoch: datetime
    speed: float
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.speed <= 0:
            raise ValueError(f"speed is how many times as fast as the wall, above 0, got {self.speed}")
        if any(
            moment is not None and moment.tzinfo is None for moment in (self.start, self.epoch, self.until)
        ):
            raise ValueError("start, epoch and until need a time zone, such as a Z at their end")

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        moment = (self.start + (real_now() - self.epoch) * self.speed).astimezone(UTC)
        return moment if self.until is None else min(moment, self.until.astimezone(UTC))

    def real_seconds(self, span: timedelta) -> float:
        """Return how long a person waits for the span."""
        return span.total_seconds() / self.speed


class Stepped:
    """A clock that stands still until it is moved: for rehearsals and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment that the clock was last moved to."""
        return self._now

    def move(self, moment: datetime) -> None:
        """Move forward to the moment.  Raises ValueError when it lies in the past."""
        if moment < self._now:
            raise ValueError(f"time goes forward: it is {self._now}, asked for {moment}")
        self._now = moment.astimezone(UTC)

    def real_seconds(self, span: timedelta) -> float:  # noqa: ARG002 - nobody waits on this clock
        """Return 0: nobody waits."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done every `period` of the clock; `run` is given the clock's time.

    Whoever rings the `bell` has it done at once, besides its turns, but no sooner than `RUNG_AGAIN_S` after
    the last run that a ring brought about.  On a stepped clock nothing rings.
    """

    name: str
    period: timedelta
    run: Callable[[datetime], object]
    bell: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.period <= timedelta():
            raise ValueError(f"job {self.name}: a period is longer than nothing, got {self.period}")


@dataclass(frozen=True, slots=True)
class Health:
    """How a job has fared: `last_success` on its clock, `lasted` in real time."""

    runs: int = 0
    failures: int = 0
    skipped: int = 0
    last_success: datetime | None = None
    last_error: str = ""
    lasted: timedelta = timedelta()


@dataclass(slots=True)
class Record:
    """The health of every job, by name; threads write it, pages and telemetry read it."""

    _health: dict[str, Health] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def health(self) -> Mapping[str, Health]:
        """Return every job's health as it is now."""
        with self._lock:
            return dict(self._health)

    def note(self, job: str, change: Callable[[Health], Health]) -> None:
        """Change a job's health."""
        with self._lock:
            self._health[job] = change(self._health.get(job, Health()))


def _once(job: Job, now: datetime, record: Record) -> None:
    """Run the job; whatever it raises is logged and counted, and the loop goes on."""
    began = real_now()
    try:
        job.run(now)
    except Exception as error:
        foreseen = isinstance(error, Trouble)  # it says all that there is to say
        log.log(
            logging.ERROR, "job %s failed: %s; it runs again after %s", job.name, error, job.period,
            exc_info=not foreseen,
        )  # fmt: skip
        told = f"{type(error).__name__}: {error}"
        record.note(
            job.name,
            lambda h: replace(h, runs=h.runs + 1, failures=h.failures + 1, last_error=told),
        )
    else:
        lasted = real_now() - began
        record.note(job.name, lambda h: replace(h, runs=h.runs + 1, last_success=now, lasted=lasted))


def next_due(due: datetime, period: timedelta, now: datetime) -> tuple[datetime, int]:
    """Return the first moment after `now` on the job's own grid, and how many were missed: never a burst."""
    following = due + period
    if following > now:
        return following, 0
    missed = (now - following) // period + 1
    return following + missed * period, missed


@dataclass(slots=True)
class _Waiter:
    """Waits for a job's turns, and for its bell."""

    job: Job
    clock: Clock
    stop: threading.Event
    _rung_at: float = -math.inf

    def wait(self, moment: datetime) -> bool | None:
        """Wait until the clock reads the moment: True; None when the bell rang before, False when to stop."""
        while not self.stop.is_set():
            left = moment - self.clock.now()
            if left <= timedelta():
                return True
            left_s = min(self.clock.real_seconds(left), WAIT_SLICE_MAX_S)
            rest_s = self._rung_at + RUNG_AGAIN_S - time.monotonic()
            if rest_s > 0:
                self.stop.wait(min(left_s, rest_s))
            elif self.job.bell.wait(left_s) and not self.stop.is_set():
                self._rung_at = time.monotonic()
                return None
        return False


def _repeat(job: Job, clock: Clock, stop: threading.Event, record: Record) -> None:
    due, waiter = clock.now(), _Waiter(job, clock, stop)
    while (turn := waiter.wait(due)) is not False:
        job.bell.clear()
        _once(job, clock.now(), record)
        if turn is None:
            continue
        due, missed = next_due(due, job.period, clock.now())
        if missed:
            record.note(job.name, lambda h, n=missed: replace(h, skipped=h.skipped + n))  # type: ignore[misc]


def run(jobs: Sequence[Job], clock: Clock, stop: threading.Event, record: Record) -> None:
    """Run every job now and then on its own grid, a thread each, never beside itself, until told to stop."""
    threads = [
        threading.Thread(target=_repeat, args=(job, clock, stop, record), name=job.name, daemon=True)
        for job in jobs
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for job in jobs:
        job.bell.set()  # whoever waits for it hears that it is over
    for thread in threads:
        thread.join(STOP_WAIT_MAX_S)


class Steps:
    """The same jobs on a stepped clock: one thread, in the order of their due times, then of the list."""

    def __init__(self, jobs: Sequence[Job], clock: Stepped, record: Record) -> None:
        self._clock, self._record = clock, record
        self._due = [(clock.now(), order, job) for order, job in enumerate(jobs)]
        heapq.heapify(self._due)

    def until(self, moment: datetime, skipping: Collection[str] = ()) -> None:
        """Run all that is due up to and including the moment but what is skipped; leave the clock there."""
        while self._due and self._due[0][0] <= moment:
            due, order, job = self._due[0]
            self._clock.move(due)
            if job.name in skipping:
                self._record.note(job.name, lambda h, at=due: replace(h, last_success=at))  # type: ignore[misc]
            else:
                _once(job, due, self._record)
            heapq.heapreplace(self._due, (due + job.period, order, job))
        self._clock.move(moment)

    def leap(self, moment: datetime, skipping: Collection[str] = ()) -> None:
        """Go on to the moment, and run once what came due meanwhile, however many turns have passed.

        All went well until then as if it had run.  What is skipped has its next turn after the moment.
        """
        self._clock.move(moment)
        passed = sorted((one for one in self._due if one[0] <= moment), key=lambda one: one[1])
        self._due = [one for one in self._due if one[0] > moment]
        for _, _, job in passed:
            self._record.note(job.name, lambda h: replace(h, last_success=moment))
        for due, order, job in passed:
            if job.name not in skipping:
                _once(job, moment, self._record)
            self._due.append((next_due(due, job.period, moment)[0], order, job))
        heapq.heapify(self._due)
