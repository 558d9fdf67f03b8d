"""What became of the runs that a schedule owes, and the minute cells that count them.

Each due run is one of `total` in the minute at which it was due.  To it belong the tasks of the family that
were created from then until `within` later, before the next run was due.  It is bad when none was there, or
one had not started, `within` that time (missed), when one exited other than with 0 (failed), or when one had
not ended `lasts_max` after the run was due (overran).  Of several tasks, and of several who tell of one, the
worst counts.

A task is told by ECS for an hour after it has stopped, and by events, which wait for us while we are down.
That no task is told proves that a run was missed only to whoever asks ECS while it still tells of every task
that may have been: until an hour after the run was due.  Until a run is decided, or if nobody could look in
time, its minute is unknown.  What is decided becomes worse by later evidence, but never better: whoever
failed at first did fail.  Minutes at which nothing is due are NO_TRAFFIC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from collector.runs import TaskRun, family_of
from collector.timetable import Calendar, Every
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: ECS tells of a stopped task for so long: "at least one hour" in the API reference of 2020; that of today
#: says that stopped tasks "might appear" [ECS ListTasks].
KEPT = timedelta(hours=1)
#: What has just begun may not be listed yet: ECS answers are eventually consistent [ECS API reference].
LISTED_AFTER = timedelta(minutes=2)
#: So that several looks fall between the end of `within` and the end of the hour.
WITHIN_MAX = timedelta(minutes=45)
LASTS_MAX_MAX = timedelta(days=2)
#: How far back runs are judged again once they must have ended: what is told later than that is rare.
LATE = timedelta(hours=3)
#: SQS keeps events for so long while nobody takes them [fournines.template.RETENTION_S].
EVENTS_KEPT = timedelta(days=14)


class Outcome(StrEnum):
    """What became of a due run, from good to worst: the same word in metrics and in signs of trouble."""

    SUCCEEDED = "succeeded"
    OVERRAN = "overran"
    FAILED = "failed"
    MISSED = "missed"


_WORST = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A task that is to run again and again; its cells are those of `placement`, named by the schedule.

    `container` is the one whose exit code counts; without it, all must exit with 0.
    """

    placement: Placement
    family: str
    timetable: Every | Calendar
    within: timedelta = timedelta(minutes=5)
    lasts_max: timedelta = timedelta(hours=1)
    container: str = ""

    def __post_init__(self) -> None:
        if not timedelta(0) < self.within <= min(WITHIN_MAX, self.lasts_max):
            raise ValueError(f"within is at most {WITHIN_MAX} and at most lasts_max, got {self.within}")
        if self.lasts_max > LASTS_MAX_MAX:
            raise ValueError(f"lasts_max is at most {LASTS_MAX_MAX}, got {self.lasts_max}")

    @property
    def sli(self) -> Sli:
        """The column of its cells."""
        return Sli(self.placement, Indicator.SCHEDULE)

    @property
    def of(self) -> Placement:
        """What its tasks are filed under."""
        where = self.placement
        return family_of(where.account, where.region, where.cluster, self.family)


@dataclass(frozen=True, slots=True)
class Judged:
    """A due run with what became of it, None while that is not known, and why, in words."""

    due: datetime
    outcome: Outcome | None
    because: str = ""

    @property
    def bad(self) -> bool:
        """Whether it is known to break the promise."""
        return self.outcome not in (None, Outcome.SUCCEEDED)


def judged(
    schedule: Schedule, span: range, runs: Iterable[TaskRun], looked_at: datetime | None
) -> list[Judged]:
    """Judge every run that was due in the span; `looked_at` is when ECS told all it knew, if it did."""
    dues = schedule.timetable.due(span)
    tasks = _by_due(schedule, dues, runs)
    return [_run(schedule, moment_of(due), tasks[due], looked_at) for due in dues]


def _by_due(
    schedule: Schedule, dues: Sequence[int], runs: Iterable[TaskRun]
) -> Mapping[int, dict[str, list[TaskRun]]]:
    """Return by due minute what is told of each task that belongs to that run."""
    found: dict[int, dict[str, list[TaskRun]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        place = bisect_right(dues, minute_of(run.created_at))
        if place and run.created_at - moment_of(dues[place - 1]) <= schedule.within:
            found[dues[place - 1]][run.arn].append(run)
    return found


def _run(
    schedule: Schedule, due: datetime, tasks: Mapping[str, Sequence[TaskRun]], looked_at: datetime | None
) -> Judged:
    if not tasks:
        missed = looked_at is not None and (due + schedule.within + LISTED_AFTER <= looked_at < due + KEPT)
        because = f"no task of {schedule.family} was started within {_minutes(schedule.within)}"
        return Judged(due, Outcome.MISSED, because) if missed else Judged(due, None)
    told = [_worst(_verdict(schedule, due, run) for run in evidence) for evidence in tasks.values()]
    worst = _worst(told)
    undecided = any(verdict.outcome is None for verdict in told)
    return Judged(due, None) if undecided and not worst.bad else worst


def _worst(verdicts: Iterable[Judged]) -> Judged:
    """Return the worst; what is undecided gives way to everything."""
    return max(verdicts, key=lambda one: -1 if one.outcome is None else _WORST[one.outcome])


def _verdict(schedule: Schedule, due: datetime, run: TaskRun) -> Judged:
    """Say what one who tells of a task proves."""
    name, latest = f"task {run.arn.rsplit('/', 1)[-1]}", due + schedule.lasts_max
    began = run.started_at or run.stopped_at or run.told_at
    if run.started_at is None and run.stopped_at is not None:
        return Judged(due, Outcome.FAILED, f"{name} could not start{_said(run)}")
    if began - due > schedule.within:
        return Judged(due, Outcome.MISSED, f"{name} had not started after {_minutes(schedule.within)}")
    if run.stopped_at is not None and (codes := _wrong_exits(schedule, run)):
        return Judged(due, Outcome.FAILED, f"{name} ended with {codes}{_said(run)}")
    if (run.stopped_at or run.told_at) > latest:
        return Judged(due, Outcome.OVERRAN, f"{name} had not ended after {_minutes(schedule.lasts_max)}")
    return Judged(due, None if run.stopped_at is None else Outcome.SUCCEEDED)


def _wrong_exits(schedule: Schedule, run: TaskRun) -> str:
    """Say which containers did not exit with 0; nothing when all that count did."""
    counted = [(name, code) for name, code in run.exits if schedule.container in ("", name)]
    if not counted:
        return "no exit code of its container"
    return ", ".join(
        f"{'no exit code' if code is None else f'exit code {code}'} of {name}"
        for name, code in counted
        if code != 0
    )


def _said(run: TaskRun) -> str:
    return f" ({run.reason.rstrip('.')})" if run.reason else ""


def _minutes(duration: timedelta) -> str:
    return f"{duration // timedelta(minutes=1)} min"


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The cells of a schedule that are known already, of the minutes from `start` up to now."""

    start: int
    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    state: NDArray[np.uint8]

    @classmethod
    def nothing(cls, start: int, end: int) -> Self:
        """Return minutes of which nothing is known."""
        zeros = np.zeros(end - start, np.int64)
        return cls(start, zeros, zeros, np.full(end - start, State.UNKNOWN, np.uint8))

    @property
    def end(self) -> int:
        """The minute of now."""
        return self.start + len(self.state)

    @property
    def succeeded(self) -> int | None:
        """The newest minute of a run that succeeded."""
        found = np.flatnonzero((self.state == State.OBSERVED) & (self.bad == 0) & (self.total > 0))
        return self.start + int(found[-1]) if len(found) else None

    @property
    def first(self) -> int | None:
        """The first minute of which anything is known."""
        known = np.flatnonzero(self.state != State.UNKNOWN)
        return self.start + int(known[0]) if len(known) else None

    def open(self, newest: int) -> range:
        """Return what is to be judged: the `newest` minutes, and back to the oldest that is unknown.

        Nothing is owed before the first known minute; while there is none, nothing is owed at all.
        """
        if self.first is None:
            return range(self.end, self.end)
        unknown = np.flatnonzero(self.state[self.first - self.start :] == State.UNKNOWN)
        oldest = min([self.end - newest, *(self.first + unknown[:1]).tolist()])
        return range(max(self.first, oldest), self.end)


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """What is newly known of a schedule: runs that were decided, or became worse, and minutes without any."""

    schedule: Schedule
    decided: tuple[Judged, ...]
    worse: tuple[Judged, ...]
    idle: NDArray[np.int64]

    @property
    def runs(self) -> tuple[Judged, ...]:
        """Every run of which there is news."""
        return (*self.decided, *self.worse)


def news(schedule: Schedule, held: Held, span: range, verdicts: Sequence[Judged]) -> News:
    """Return what the verdicts on the runs of the span add to what is held."""
    rows = {verdict: minute_of(verdict.due) - held.start for verdict in verdicts}
    owed = [held.start + row for row in rows.values()]
    unknown = np.flatnonzero(held.state == State.UNKNOWN) + held.start
    idle = np.setdiff1d(unknown[unknown >= min(span.start, held.end - 1)], np.array(owed, np.int64))
    told = {verdict: row for verdict, row in rows.items() if verdict.outcome is not None}
    return News(
        schedule=schedule,
        decided=tuple(one for one, row in told.items() if held.state[row] == State.UNKNOWN),
        worse=tuple(one for one, row in told.items() if _was_good(held, row) and one.bad),
        idle=idle,
    )


def _was_good(held: Held, row: int) -> bool:
    return bool(held.state[row] == State.OBSERVED and held.bad[row] == 0)


def cells(told: Iterable[News]) -> Block | None:
    """Return all news as cells, unknown where there is none; None when nothing is new."""
    columns = [each for each in told if each.runs or len(each.idle)]
    if not columns:
        return None
    minutes = [[*each.idle.tolist(), *(minute_of(run.due) for run in each.runs)] for each in columns]
    start, end = min(map(min, minutes)), max(map(max, minutes)) + 1
    bad, total = np.zeros((2, end - start, len(columns)), np.int64)
    state = np.full(bad.shape, State.UNKNOWN, np.uint8)
    for column, each in enumerate(columns):
        state[each.idle - start, column] = State.NO_TRAFFIC
        for run in each.runs:
            row = minute_of(run.due) - start
            bad[row, column], total[row, column], state[row, column] = run.bad, 1, State.OBSERVED
    return Block(tuple(each.schedule.sli for each in columns), start, bad, total, state)
