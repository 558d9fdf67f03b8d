"""What an ordeal has left: the world's record of calls beside what the books say, and what must hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from fournines.store.tables import lock
from remediation.decision.policy import OnTimeout
from remediation.journal import EntryKind
from remediation.workflow.asking import NOTICED_WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fournines.store.books import Books
    from remediation.journal import Entry
    from remediation.workflow.run import Run

#: A run that acted has said that it would, and that it did.
BEGUN = frozenset({EntryKind.INTENDED, EntryKind.ANSWERED})

Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How it went: all but `runs`, `acts` and `troubles` should be nothing."""

    troubles: int
    runs: int
    acts: int
    lost: tuple[str, ...]
    stuck: tuple[str, ...]
    second: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def spotless(self) -> bool:
        """Whether nothing was lost, stuck, done twice or otherwise wrong."""
        return not (self.lost or self.stuck or self.second or self.wrong)


def judged(books: Books, calls: Sequence[Call], troubles: int, grace: timedelta) -> Verdict:
    """Judge; `grace` is how long a call that was on its way when something changed may take to land."""
    runs, entries = books.runs.every(), [kept.entry for kept in books.entries()]
    done = [call for call in calls if call["outcome"] == "accepted" and _changes_services(call)]
    return Verdict(
        troubles=troubles,
        runs=len(runs),
        acts=len(done),
        lost=tuple(_lost(runs, entries)),
        stuck=tuple(f"{run.id} is {run.state}" for run in runs if not run.state.final),
        second=tuple(_second(done)),
        wrong=(
            *_locks(books),
            *_overlaps(runs, entries),
            *_unsaid(runs, entries, done),
            *_assumed(runs, entries),
            *_paused(entries, done, grace),
            *([] if books.verify_journal() is None else ["the journal's chain is broken"]),
        ),
    )


def _changes_services(call: Call) -> bool:
    return call["service"] in {"ecs", "application-autoscaling"}


def _lost(runs: Sequence[Run], entries: Sequence[Entry]) -> Iterator[str]:
    """Yield runs that the journal speaks of and that are no more, and final ones that it does not see end."""
    told = {entry.run for entry in entries if entry.run}
    yield from sorted(told - {run.id for run in runs})
    yield from (f"{run.id} ended unsaid" for run in runs if run.state.final and run.id not in told)


def _second(done: Sequence[Call]) -> Iterator[str]:
    """Yield what was asked of AWS more than once in the same words, and accepted."""
    asked = Counter(
        json.dumps([call["region"], call["operation"], call["params"]], sort_keys=True) for call in done
    )
    yield from (f"{times} times: {call}" for call, times in asked.items() if times > 1)


def _locks(books: Books) -> Iterator[str]:
    with books._database.read() as connection:  # noqa: SLF001 - nobody else needs to see locks
        held = connection.execute(select(lock.c.placement, lock.c.run)).all()
    yield from (f"{row.placement} is still locked by {row.run}" for row in held)


def _span(run: Run, entries: Sequence[Entry]) -> tuple[datetime, datetime] | None:
    """Return from when to when a run was at work, by the journal."""
    own = [entry.at for entry in entries if entry.run == run.id and entry.kind in BEGUN]
    return (own[0], run.ended_at) if own and run.ended_at else None


def _overlaps(runs: Sequence[Run], entries: Sequence[Entry]) -> Iterator[str]:
    spans = [(run, span) for run in runs if run.acted_at and (span := _span(run, entries))]
    for n, (one, (begin, end)) in enumerate(spans):
        for other, (start, stop) in spans[n + 1 :]:
            if one.placement == other.placement and begin < stop and start < end:
                yield f"{one.id} and {other.id} were at work at once"


def _unsaid(runs: Sequence[Run], entries: Sequence[Entry], done: Sequence[Call]) -> Iterator[str]:
    """Yield acts that the journal does not tell of, before and after."""
    for run in runs:
        kinds = {entry.kind for entry in entries if entry.run == run.id}
        if run.acted_at and not (kinds & BEGUN and EntryKind.APPLIED in kinds):
            yield f"{run.id} acted, and the journal lacks it: {sorted(kinds)}"
    acted = sum(run.acted_at is not None for run in runs)
    uncertain = sum("sends" in run.notes and run.acted_at is None for run in runs)
    if len(done) > acted + uncertain:
        yield f"{len(done)} acts of {acted} runs that acted"


def _assumed(runs: Sequence[Run], entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what was done without an answer though silence did not mean yes, or was noticed too late."""
    for run in runs:
        if run.asks is None or run.acted_at is None:
            continue
        own = [entry for entry in entries if entry.run == run.id]
        if any(entry.kind is EntryKind.ANSWERED for entry in own):
            continue
        asked = [entry.at for entry in own if entry.kind is EntryKind.ASKED]
        begun = [entry.at for entry in own if entry.kind is EntryKind.INTENDED]
        in_time = asked and begun and begun[-1] <= asked[-1] + run.asks + NOTICED_WITHIN
        if run.on_timeout is not OnTimeout.RUN or not in_time:
            yield f"{run.id} was done though nobody said yes"


def _paused(entries: Sequence[Entry], done: Sequence[Call], grace: timedelta) -> Iterator[str]:
    """Yield acts that came while everything was paused, later than what was on its way already."""
    switches = [entry for entry in entries if entry.kind is EntryKind.SWITCHED]
    for on, off in zip(switches[::2], switches[1::2], strict=False):
        for call in done:
            if on.at + grace < datetime.fromisoformat(call["at"]) < off.at:
                yield f"{call['operation']} at {call['at']}, though paused from {on.at} to {off.at}"
