"""Scheduled tasks: whether each run that was due happened, in time, and with success."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collector.schedules import (
    EVENTS_KEPT,
    LATE,
    Held,
    Judged,
    News,
    Outcome,
    Schedule,
    cells,
    judged,
    news,
)
from collector.source import CollectError, Source
from fournines.desk import Desk
from fournines.known import Known
from fournines.store.books import Books
from remediation.incidents import SCHEDULED, Symptom
from slo.burn import Severity
from slo.cells import MINUTE_S, Placement, minute_of, moment_of

if TYPE_CHECKING:
    from collector.runs import TaskRun

_log = logging.getLogger(__name__)

MINUTE = timedelta(seconds=MINUTE_S)
#: So often, and when it begins, a schedule is judged as far back as events can have waited for us.
FAR_EVERY = timedelta(hours=1)

_SAID = {
    Outcome.MISSED: "missed its run of",
    Outcome.FAILED: "failed in its run of",
    Outcome.OVERRAN: "did not end in time its run of",
}


@dataclass(slots=True)
class Schedules:
    """Judges every run by what ECS tells and by events; what is told of a bad one is kept before its cell."""

    source: Source
    schedules: Sequence[Schedule]
    known: Known
    books: Books
    desk: Desk
    workers: int = 5
    _far_at: datetime | None = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Ask for each schedule, tell what went wrong, and record what is decided."""
        far = self._far_at is None or now - self._far_at >= FAR_EVERY
        told = self._asked()
        found = [self._judge(schedule, runs, now, far=far) for schedule, runs in told]
        self.desk.fold(
            [_symptom(each.schedule, run, now) for each in found for run in each.runs if run.bad], now
        )
        block = cells(found)
        if block is not None:
            self.known.corrected(self.books.record(block, now))
        for each in found:
            self.known.ran(each)
        if far:
            self._far_at = now

    def _asked(self) -> list[tuple[Schedule, tuple[TaskRun, ...] | None]]:
        """Return what ECS tells of each schedule's tasks, None where it could not be asked."""
        if self.workers == 1:
            return [(schedule, self._ask(schedule)) for schedule in self.schedules]
        with ThreadPoolExecutor(self.workers, thread_name_prefix="schedules") as pool:
            return list(zip(self.schedules, pool.map(self._ask, self.schedules), strict=True))

    def _ask(self, schedule: Schedule) -> tuple[TaskRun, ...] | None:
        where = schedule.placement
        try:
            runs = self.source.runs(where.account, where.region, where.cluster, schedule.family)
        except CollectError as problem:
            if self.known.unwatched.get(where) != str(problem):
                _log.warning("the runs of %s cannot be read: %s", where, problem)
            self.known.unwatched[where] = str(problem)
            return None
        self.known.unwatched.pop(where, None)
        return runs

    def _judge(
        self, schedule: Schedule, runs: tuple[TaskRun, ...] | None, now: datetime, *, far: bool
    ) -> News:
        """Judge what may be decided by now: lately due runs and, when looking far, all that are open."""
        lately = schedule.lasts_max + LATE
        held = self._held(schedule, EVENTS_KEPT if far else lately, now)
        span = held.open(lately // MINUTE)
        told = (*(runs or ()), *self._events(schedule, moment_of(span.start)))
        verdicts = judged(schedule, span, told, None if runs is None else now)
        if (succeeded := held.succeeded) is not None:
            self.known.succeeded(schedule.placement, moment_of(succeeded))
        return news(schedule, held, span, verdicts)

    def _held(self, schedule: Schedule, reach: timedelta, now: datetime) -> Held:
        end = minute_of(now)
        start = end - reach // MINUTE
        with self.books.ledger() as ledger:
            if schedule.sli in ledger:
                return Held(start, *ledger.raw().minutes(schedule.sli, start, end))
        return Held.nothing(start, end)

    def _events(self, schedule: Schedule, since: datetime) -> list[TaskRun]:
        """Return what events told of the schedule's tasks."""
        told = self.books.recent_events(since, placements={"task_changed": [schedule.of]})
        return [run for event in told if (run := getattr(event, "run", None)) is not None]


def _symptom(schedule: Schedule, run: Judged, now: datetime) -> Symptom:
    assert run.outcome is not None, "what is bad is decided"
    return Symptom(
        placement=schedule.placement,
        name=f"{SCHEDULED}{run.outcome}",
        severity=Severity.TICKET,
        sentence=_sentence(schedule.placement, run),
        first_seen=now,
        last_seen=now,
    )


def _sentence(where: Placement, run: Judged) -> str:
    """Say what was due, when, and what happened."""
    said = _SAID[run.outcome] if run.outcome else ""
    return f"{where.service} in {where.region} {said} {run.due:%Y-%m-%d %H:%M} UTC: {run.because}."
