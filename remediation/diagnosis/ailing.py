"""What single tasks tell: killed for memory, crashing since when and of which revision, or stuck."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.diagnosis.deployments import BLAMED_FOR, newest
from remediation.diagnosis.evidence import RECENTLY, crashed
from remediation.diagnosis.finding import Finding, Holds, holds
from remediation.events.event import TaskChanged, TaskEnd
from slo import figures

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collector.estate import Deployment
    from remediation.diagnosis.situation import Situation

#: So many tasks killed for want of memory, and this part of all that crashed, are no single accident.
KILLED_MIN, KILLED_SHARE_MIN = 2, 0.5
#: A leak may take hours to show, so that a deployment is blamed for it so long.
LEAK_BLAMED_FOR = timedelta(hours=6)
#: Tasks that live at least so long before their memory is full can be replaced before that.
LEAKS_SLOWLY = timedelta(minutes=30)
#: A task that has just started may fail its own check for a while.
STARTED_FOR = timedelta(minutes=3)
#: When more than this part of the tasks is sick, it is not single tasks.
STUCK_SHARE_MAX = 0.5
#: What sick tasks explain: so many times their share of all tasks may fail, and no more.
EXPLAINS_TIMES = 1.5


def out_of_memory(situation: Situation) -> Finding:
    """Whether tasks are killed for want of memory, again and again."""
    ends = crashed(situation)
    killed = {event.task_arn for event in ends if event.end is TaskEnd.OUT_OF_MEMORY}
    tasks = {event.task_arn for event in ends}
    truth = len(killed) >= KILLED_MIN and len(killed) >= KILLED_SHARE_MIN * len(tasks)
    return Finding(
        "out_of_memory",
        holds(truth=None if truth and not situation.testified else truth),
        f"Of {figures.several(len(tasks), 'task')} that crashed lately {len(killed)} were out of memory.",
        {"killed": len(killed), "crashed": len(tasks)},
    )


def leaks_slowly(situation: Situation) -> Finding:
    """Whether tasks live long before their memory is full, so that they can be replaced before."""
    lives = _lives(_killed(situation))
    if not lives:
        return Finding("leaks_slowly", Holds.UNKNOWN, "How long killed tasks had lived is not known.")
    shortest = min(lives) // timedelta(minutes=1)
    return Finding(
        "leaks_slowly",
        holds(truth=min(lives) >= LEAKS_SLOWLY),
        f"The shortest life of a task before its memory was full was {shortest} min.",
        {"minutes": shortest},
    )


def crashes_of_the_new(situation: Situation) -> Finding:
    """Whether what crashes is one revision, and one that was deployed shortly before."""
    name, ends = "crashes_of_the_new", crashed(situation)
    first = _first(ends)
    if first is None:
        return Finding(name, Holds.NO, "No task crashed lately.")
    if situation.view is None:
        return Finding(name, Holds.UNKNOWN, "AWS could not be asked about deployments.")
    found = blamed_for_crashes(situation)
    revisions = {event.task_definition for event in ends}
    which = f"of {found.target.task_definition.rsplit('/', 1)[-1]} alone" if found else ""
    return Finding(
        name,
        holds(truth=found is not None),
        f"Tasks crash since {first:%H:%M} UTC{f', {which}, deployed shortly before' if found else ''}; "
        f"{figures.several(len(revisions), 'revision')} among them.",
        {"since": f"{first:%H:%M}", "revisions": len(revisions)},
    )


def blamed_for_crashes(situation: Situation) -> Deployment | None:
    """Return the deployment that brought the revision which alone crashes, if that was lately."""
    ends, found = crashed(situation), newest(situation)
    first = _first(ends)
    if found is None or first is None:
        return None
    leaking = {event.end for event in ends} == {TaskEnd.OUT_OF_MEMORY}
    span = LEAK_BLAMED_FOR if leaking else BLAMED_FOR
    own = {event.task_definition for event in ends} == {found.target.task_definition}
    brought = all(source.task_definition != found.target.task_definition for source in found.sources)
    lately = found.created_at <= first and first - (found.finished_at or first) <= span
    return found if own and brought and found.sources and lately else None


def crashing_for(situation: Situation) -> timedelta:
    """Return how long ago the first of the recent crashes was."""
    return situation.at - (_first(crashed(situation)) or situation.at)


def stuck_tasks(situation: Situation) -> Finding:
    """Whether some tasks run and their own health checks say that they should not."""
    name, view = "stuck_tasks", situation.view
    if view is None or view.tasks is None:
        return Finding(name, Holds.UNKNOWN, "The tasks could not be asked for.")
    running = [task for task in view.tasks if task.runs]
    sick = [
        task
        for task in running
        if task.sick and (task.started_at is None or situation.at - task.started_at >= STARTED_FOR)
    ]
    protected = sum(task.is_protected is not False for task in sick)
    return Finding(
        name,
        holds(truth=0 < len(sick) <= STUCK_SHARE_MAX * len(running)),
        f"{len(sick)} of {len(running)} running tasks fail their own health checks, and ECS leaves them; "
        f"{protected} of them may not be stopped.",
        {"sick": len(sick), "running": len(running), "protected": protected},
    )


def stuck_explain(situation: Situation) -> Finding:
    """Whether as much fails as the sick tasks get; those stopped lately count, since minutes are late."""
    name, view, here = "stuck_explain", situation.view, situation.here
    ratio = here.bad_ratio if here else None
    if view is None or view.tasks is None or ratio is None:
        return Finding(name, Holds.UNKNOWN, "Tasks or requests are not known.")
    running = [task for task in view.tasks if task.runs]
    sick = sum(task.sick for task in running) + _stopped_lately(situation)
    share = sick / max(1, len(running))
    return Finding(
        name,
        holds(truth=float(ratio) <= EXPLAINS_TIMES * share),
        f"{float(ratio):.2%} of requests fail, and {share:.2%} of the tasks are sick, or were until lately.",
        {"bad_ratio": float(ratio), "share": share},
    )


def _stopped_lately(situation: Situation) -> int:
    """Count the tasks that somebody stopped within the minutes that tell how much fails."""
    return len(
        {
            event.task_arn
            for event in situation.events
            if isinstance(event, TaskChanged)
            and event.end is TaskEnd.STOPPED_BY_USER
            and event.placement == situation.placement
            and event.origin.at is not None
            and situation.at - event.origin.at <= RECENTLY
        }
    )


def shortest_life(situation: Situation) -> timedelta | None:
    """Return how long the task had lived that was killed soonest for want of memory."""
    return min(_lives(_killed(situation)), default=None)


def _killed(situation: Situation) -> tuple[TaskChanged, ...]:
    return tuple(event for event in crashed(situation) if event.end is TaskEnd.OUT_OF_MEMORY)


def _lives(events: Iterable[TaskChanged]) -> list[timedelta]:
    return [
        e.origin.at - e.started_at for e in events if e.origin.at is not None and e.started_at is not None
    ]


def _first(events: Iterable[TaskChanged]) -> datetime | None:
    return min((event.origin.at for event in events if event.origin.at is not None), default=None)


#: What is asked about single tasks.
QUESTIONS = (out_of_memory, leaks_slowly, crashes_of_the_new, stuck_tasks, stuck_explain)
