"""What becomes of runs that were due, by whoever tells of them, and how they are counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from collector.runs import TaskRun
from collector.schedules import Held, Judged, Outcome, Schedule, cells, judged, news
from collector.timetable import Every
from slo.cells import Placement, State, minute_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
REPORTS = Schedule(
    placement=Placement("1", "eu-west-1", "prod", "reports"), family="nightly-reports", timetable=Every(HOUR)
)
AN_HOUR = range(minute_of(NOON), minute_of(NOON + HOUR))


def task(created: float = 0.1, name: str = "a", told: float = 10, **changes: Any) -> TaskRun:  # noqa: ANN401 - its fields
    """Return a task that began a minute after it was created; moments are minutes after noon."""
    moments = {"started_at": created + 1, "stopped_at": 9.0, **changes}
    run = TaskRun(
        of=REPORTS.of,
        arn=f"arn:aws:ecs:eu-west-1:1:task/prod/{name}",
        created_at=NOON + created * MINUTE,
        told_at=NOON + told * MINUTE,
        exits=moments.pop("exits", (("main", 0),)),
        reason=moments.pop("reason", ""),
    )
    times: dict[str, Any] = {k: None if at is None else NOON + at * MINUTE for k, at in moments.items()}
    return replace(run, **times)


def judge(*runs: TaskRun, looked: float | None = 10, schedule: Schedule = REPORTS) -> Judged:
    """Judge the run that was due at noon."""
    (verdict,) = judged(schedule, AN_HOUR, runs, None if looked is None else NOON + looked * MINUTE)
    assert verdict.due == NOON
    return verdict


RUNNING: dict[str, Any] = {"stopped_at": None, "exits": (("main", None),)}
PENDING: dict[str, Any] = {**RUNNING, "started_at": None}


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (task(), Outcome.SUCCEEDED),
        (task(exits=(("main", 1),)), Outcome.FAILED),
        (task(exits=(("main", 0), ("log-router", 143))), Outcome.FAILED),
        (task(exits=(("main", None),)), Outcome.FAILED),
        (task(exits=()), Outcome.FAILED),
        (task(started_at=None, exits=(("main", None),)), Outcome.FAILED),
        (task(**RUNNING), None),
        (task(stopped_at=60), Outcome.SUCCEEDED),
        (task(stopped_at=60.1), Outcome.OVERRAN),
        (task(told=60, **RUNNING), None),
        (task(told=61, **RUNNING), Outcome.OVERRAN),
        (task(started_at=5), Outcome.SUCCEEDED),
        (task(started_at=5.1), Outcome.MISSED),
        (task(told=5, **PENDING), None),
        (task(told=6, **PENDING), Outcome.MISSED),
        (task(created=5, started_at=5), Outcome.SUCCEEDED),
    ],
)
def test_a_task_proves_what_became_of_its_run(run: TaskRun, outcome: Outcome | None) -> None:
    assert judge(run).outcome is outcome


@pytest.mark.parametrize(
    ("looked", "outcome"),
    [(None, None), (5, None), (6.9, None), (7, Outcome.MISSED), (59.9, Outcome.MISSED), (60, None)],
)
def test_only_who_looks_in_time_knows_that_no_task_was_there(
    looked: float | None, outcome: Outcome | None
) -> None:
    assert judge(looked=looked).outcome is outcome


def test_a_task_that_comes_too_late_is_no_run_and_neither_is_one_before() -> None:
    assert judge(task(created=5.1), task(created=-0.1), looked=None).outcome is None
    assert judge(task(created=5.1), looked=10).outcome is Outcome.MISSED


def test_a_task_belongs_to_the_newest_run_that_was_due() -> None:
    often = replace(REPORTS, timetable=Every(2 * MINUTE))
    first, second, *_ = judged(often, AN_HOUR, [task(created=2.5)], None)
    assert (first.outcome, second.outcome) == (None, Outcome.SUCCEEDED)


def test_told_twice_it_counts_once_and_told_differently_the_worse_counts() -> None:
    seen, failed = task(**RUNNING), task(exits=(("main", 1),))
    for told in ((seen, task(), task()), (task(), seen)):
        assert judge(*told).outcome is Outcome.SUCCEEDED
    for told in ((task(), failed), (failed, task())):
        assert judge(*told).outcome is Outcome.FAILED


def test_of_several_tasks_the_worst_counts_and_one_that_goes_on_is_waited_for() -> None:
    assert judge(task(), task(name="b", exits=(("main", 2),))).outcome is Outcome.FAILED
    assert judge(task(), task(name="b", **RUNNING)).outcome is None
    assert judge(task(exits=(("main", 2),)), task(name="b", **RUNNING)).outcome is Outcome.FAILED


def test_one_container_may_be_named_whose_exit_counts() -> None:
    of_main = replace(REPORTS, container="main")
    assert judge(task(exits=(("main", 0), ("agent", 143))), schedule=of_main).outcome is Outcome.SUCCEEDED
    assert judge(task(exits=(("agent", 0),)), schedule=of_main).outcome is Outcome.FAILED


def test_why_is_told_in_words() -> None:
    assert judge(task(exits=(("main", 3),), reason="Essential container exited.")).because == (
        "task a ended with exit code 3 of main (Essential container exited)"
    )
    assert judge(task(started_at=None, reason="no image")).because == "task a could not start (no image)"
    assert judge(task(told=70, **RUNNING)).because == "task a had not ended after 60 min"
    assert judge().because == "no task of nightly-reports was started within 5 min"


def test_limits_that_nobody_can_keep_are_refused() -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"within": 46 * MINUTE},
        {"within": timedelta(0)},
        {"lasts_max": MINUTE},
    )
    for limits in wrong:
        with pytest.raises(ValueError, match="within is at most"):
            replace(REPORTS, **limits)
    with pytest.raises(ValueError, match="lasts_max is at most"):
        replace(REPORTS, lasts_max=timedelta(days=3))


# -- cells


def held(*told: tuple[int, State, int], minutes: int = 60) -> Held:
    """Return an hour from noon on, of which some minutes are known: minute, state, bad."""
    nothing = Held.nothing(AN_HOUR.start, AN_HOUR.start + minutes)
    bad, total, state = np.zeros(minutes, np.int64), np.zeros(minutes, np.int64), nothing.state.copy()
    for minute, known, failed in told:
        bad[minute], total[minute], state[minute] = failed, int(known is State.OBSERVED), known
    return Held(AN_HOUR.start, bad, total, state)


def counted(before: Held, *verdicts: Judged) -> list[tuple[int, int, State]] | None:
    """Return bad, total and state of the first minutes, of what is new."""
    block = cells([news(REPORTS, before, AN_HOUR, verdicts)])
    if block is None:
        return None
    assert block.slis == (REPORTS.sli,)
    columns = (block.bad[:, 0].tolist(), block.total[:, 0].tolist(), block.state[:, 0].tolist())
    return [(bad, total, State(state)) for bad, total, state in zip(*columns, strict=True)]


NOTHING_DUE = (0, 0, State.NO_TRAFFIC)


@pytest.mark.parametrize(
    ("outcome", "cell"),
    [
        (Outcome.SUCCEEDED, (0, 1, State.OBSERVED)),
        (Outcome.FAILED, (1, 1, State.OBSERVED)),
        (Outcome.OVERRAN, (1, 1, State.OBSERVED)),
        (Outcome.MISSED, (1, 1, State.OBSERVED)),
    ],
)
def test_a_decided_run_is_one_of_one_in_the_minute_it_was_due(
    outcome: Outcome, cell: tuple[int, int, State]
) -> None:
    assert counted(held(), Judged(NOON, outcome)) == [cell, *[NOTHING_DUE] * 59]


def test_a_run_that_is_not_decided_is_unknown_and_keeps_no_other_minute_waiting() -> None:
    assert counted(held(), Judged(NOON + 2 * MINUTE, None)) == [
        NOTHING_DUE,
        NOTHING_DUE,
        (0, 0, State.UNKNOWN),
        *[NOTHING_DUE] * 57,
    ]


def test_what_was_decided_becomes_worse_and_never_better() -> None:
    rest = tuple((minute, State.NO_TRAFFIC, 0) for minute in range(1, 60))
    good, bad = held((0, State.OBSERVED, 0), *rest), held((0, State.OBSERVED, 1), *rest)
    assert counted(good, Judged(NOON, Outcome.FAILED)) == [(1, 1, State.OBSERVED)]
    for before, outcome in ((good, Outcome.SUCCEEDED), (good, None), (bad, Outcome.SUCCEEDED)):
        assert counted(before, Judged(NOON, outcome)) is None
    assert counted(bad, Judged(NOON, Outcome.MISSED)) is None


def test_what_an_operator_excluded_stays_excluded() -> None:
    assert counted(held((0, State.EXCLUDED, 0), minutes=1), Judged(NOON, Outcome.FAILED)) is None


def test_nothing_is_owed_before_the_schedule_was_first_seen() -> None:
    end = AN_HOUR.stop
    assert held((20, State.NO_TRAFFIC, 0)).open(newest=5) == range(end - 39, end)
    assert held().open(newest=30) == range(end, end)
    begun = cells([news(REPORTS, held(), held().open(newest=30), [])])
    assert begun is not None
    assert (begun.minutes, begun.state.tolist()) == (range(end - 1, end), [[State.NO_TRAFFIC]])


def test_what_is_unknown_is_looked_at_again_however_old() -> None:
    end, known = AN_HOUR.stop, [(minute, State.NO_TRAFFIC, 0) for minute in range(60)]
    assert held(*known).open(newest=5) == range(end - 5, end)
    del known[10]
    assert held(*known).open(newest=5) == range(end - 50, end)
