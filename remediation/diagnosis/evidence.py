"""Named findings: each a small question to a situation.  A runbook's checks bear the same names."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import ROLLING_BACK
from remediation.diagnosis.deployments import BLAMED_FOR, newest, suspect
from remediation.diagnosis.elsewhere import (
    OVERLOAD_CPU,
    SURGE_DEMAND,
    failing_elsewhere,
    failing_without_deployment,
    neighbours_failing,
)
from remediation.diagnosis.finding import Finding, Holds, holds, regions
from remediation.diagnosis.share import more_than_its_share
from remediation.events.event import ServiceAction, TaskChanged, TaskEnd
from slo import figures
from slo.burn import Severity
from slo.cells import minute_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from remediation.diagnosis.situation import Situation
    from remediation.events.event import Event
    from slo.cells import Placement

#: So many minutes before a deployment are looked at, and so many of them must be known.
BEFORE_MINUTES = 10
BEFORE_MINUTES_MIN = 5
#: Before those, so many failing minutes are trouble that was there already; one may be a blip of its time.
SICK_BEFORE_MIN = 2
#: How far back events speak of the present.
RECENTLY = timedelta(minutes=10)
#: What Spot takes it usually gives back within so long; only then is a missing task a shortage.
REPLACED_WITHIN = timedelta(minutes=3)
#: [https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html]
SPOT_NOTICE = timedelta(minutes=2)
#: So many crashed tasks in `RECENTLY` are a loop.
CRASHES_MIN = 3

#: A task that ran for so long has served before its checks began to fail.
SERVED_FOR = timedelta(minutes=10)

CRASHES = frozenset({TaskEnd.CRASHED, TaskEnd.OUT_OF_MEMORY, TaskEnd.FAILED_TO_START, TaskEnd.UNHEALTHY})


def failing_here(situation: Situation) -> Finding:
    """Whether the focus fails its users now."""
    here = situation.here
    truth = here.failing if here else None
    if here is None or truth is None:
        return Finding("failing_here", Holds.UNKNOWN, "No minute of this placement is known.")
    bad, burn = float(here.bad_ratio or 0), float(here.burn or 0)
    since = f", since {moment_of(here.onset):%H:%M} UTC" if here.onset is not None else ""
    return Finding(
        "failing_here",
        holds(truth=truth),
        f"{bad:.2%} of requests fail in the newest minutes, {burn:.0f} times the sustainable pace{since}.",
        {"bad_ratio": bad, "burn": burn},
    )


def deployed_before(situation: Situation) -> Finding:
    """Whether a deployment of the focus began shortly before the trouble did."""
    name, here = "deployed_before", situation.here
    if situation.view is None:
        return Finding(name, Holds.UNKNOWN, "AWS could not be asked about deployments.")
    found = suspect(situation, situation.placement, here.onset) if here and here.onset is not None else None
    if found is None or here is None or here.onset is None:
        return Finding(name, Holds.NO, "No deployment began shortly before the trouble.")
    gap = here.onset - minute_of(found.created_at)
    revision = found.target.task_definition.rsplit("/", 1)[-1]
    return Finding(
        name,
        Holds.YES,
        f"A deployment of {revision} began {gap} min before the first failing minute; it is {found.status}.",
        {"deployment": found.arn, "minutes_before": gap, "status": str(found.status)},
    )


def healthy_before(situation: Situation) -> Finding:
    """Whether the focus served well before the deployment: what comes and goes was there already.

    Where traffic moves, a deployment may be under way for hours before it gets any: there the minutes before
    the trouble count.
    """
    name, here = "healthy_before", situation.here
    found = suspect(situation, situation.placement, here.onset) if here and here.onset is not None else None
    if here is None or found is None:
        return Finding(name, Holds.UNKNOWN, "There is no deployment to look before.")
    start = here.onset if found.moves_traffic and here.onset is not None else minute_of(found.created_at)
    answers = [here.sick(minute) for minute in range(start - BEFORE_MINUTES, start)]
    known = sum(answer is not None for answer in answers)
    sick = [minute for minute in here.known if minute < start and here.sick(minute)]
    paged = _paged_before(situation, found.created_at)
    trouble = any(answers) or len(sick) >= SICK_BEFORE_MIN or paged
    truth = False if trouble else True if known >= BEFORE_MINUTES_MIN else None
    told = f"{len(sick)} min before it failed{', and people were paged' if paged else ''}"
    when = "the trouble" if found.moves_traffic else "it"
    return Finding(
        name,
        holds(truth=truth),
        f"Of the {BEFORE_MINUTES} min before {when} {known} are known; as far as is looked back, {told}.",
        {"known": known, "failing": len(sick), "paged": int(paged)},
    )


def _paged_before(situation: Situation, moment: datetime) -> bool:
    """Whether this incident is older here than the moment, by a sign that pages."""
    return any(
        symptom.placement == situation.placement
        and symptom.severity is Severity.PAGE
        and symptom.first_seen < moment
        for symptom in situation.incident.symptoms
    )


def turned_back(situation: Situation) -> Finding:
    """Whether ECS is rolling the newest deployment back by itself."""
    deployment = newest(situation)
    if deployment is None:
        return Finding(
            "turned_back", holds(truth=None if situation.view is None else False), "No deployment."
        )
    return Finding(
        "turned_back",
        holds(truth=deployment.status in ROLLING_BACK),
        f"The newest deployment is {deployment.status}.",
        {"status": str(deployment.status)},
    )


def short_of_tasks(situation: Situation) -> Finding:
    """Whether fewer tasks run than are wanted, those that Spot is about to take not counted."""
    view = situation.view
    if view is None:
        return Finding("short_of_tasks", Holds.UNKNOWN, "AWS could not be asked how many tasks run.")
    leaving, are = _warned(situation), "is" if view.pending == 1 else "are"
    return Finding(
        "short_of_tasks",
        holds(truth=view.running - leaving < view.desired),
        f"{view.running} of {view.desired} tasks run, {view.pending} {are} pending, Spot takes {leaving}.",
        {"running": view.running, "desired": view.desired, "pending": view.pending, "leaving": leaving},
    )


def _warned(situation: Situation) -> int:
    """Count the tasks that run on notice, by ECS's own word: Spot warns two minutes before it takes them."""
    if not situation.testified:
        return 0
    ends = [
        event
        for event in situation.events
        if isinstance(event, TaskChanged)
        and event.end is TaskEnd.SPOT_INTERRUPTION
        and event.placement == situation.placement
        and event.origin.at is not None
        and situation.at - event.origin.at <= SPOT_NOTICE
    ]
    stopped = {event.task_arn for event in ends if event.last_status not in {"RUNNING", "ACTIVATING"}}
    return len({event.task_arn for event in ends} - stopped)


def spot_refused(situation: Situation) -> Finding:
    """Whether Fargate Spot had no room for this placement in the last minutes."""
    refusals = [
        event
        for event in _recent(situation, situation.events)
        if isinstance(event, ServiceAction) and event.spot_refused and event.placement == situation.placement
    ]
    uses = situation.view.uses_spot if situation.view else None
    return Finding(
        "spot_refused",
        holds(truth=None if uses is None else uses and bool(refusals)),
        f"Fargate Spot refused it {figures.several(len(refusals), 'time')} in {_minutes(RECENTLY)}"
        f"{'' if uses else '; it does not use Spot'}.",
        {"refusals": len(refusals)},
    )


def spot_not_replaced(situation: Situation) -> Finding:
    """Whether Spot took tasks long enough ago for replacements to run, and tasks are missing still."""
    view = situation.view
    taken = [
        event
        for event in _recent(situation, situation.events)
        if isinstance(event, TaskChanged)
        and event.end is TaskEnd.SPOT_INTERRUPTION
        and event.placement == situation.placement
        and event.origin.at is not None
        and situation.at - event.origin.at >= REPLACED_WITHIN
    ]
    tasks = len({event.task_arn for event in taken})
    short = view is not None and view.uses_spot and view.running < view.desired and bool(taken)
    truth = None if view is None or (short and not situation.testified) else short
    return Finding(
        "spot_not_replaced",
        holds(truth=truth),
        f"Spot took {figures.several(tasks, 'task')} more than {_minutes(REPLACED_WITHIN)} ago.",
        {"taken": tasks},
    )


def busier_than_usual(situation: Situation) -> Finding:
    """Whether far more requests arrive than usual."""
    here = situation.here
    demand = here.demand if here else None
    if here is None or demand is None or here.per_minute is None or here.usual is None:
        return Finding("busier_than_usual", Holds.UNKNOWN, "What is usual here is not known.")
    return Finding(
        "busier_than_usual",
        holds(truth=demand >= SURGE_DEMAND),
        f"{here.per_minute:.0f} requests a minute, {demand:.1f} times the usual {here.usual:.0f}.",
        {"per_minute": here.per_minute, "usual": here.usual, "demand": round(demand, 3)},
    )


def overloaded(situation: Situation) -> Finding:
    """Whether the tasks have more to do than they can."""
    here = situation.here
    cpu = here.cpu if here else None
    if here is None or cpu is None:
        return Finding("overloaded", Holds.UNKNOWN, "The tasks' CPU is not known.")
    if here.cpu_minute is not None and here.onset is not None and here.cpu_minute < here.onset:
        told = (
            f"The tasks' CPU was last measured before the trouble, at {moment_of(here.cpu_minute):%H:%M} UTC."
        )
        return Finding("overloaded", Holds.UNKNOWN, told, {"cpu": cpu})
    sentence = f"The tasks use {cpu:.0f} % of their CPU (overloaded from {OVERLOAD_CPU:.0f} %)."
    return Finding("overloaded", holds(truth=cpu >= OVERLOAD_CPU), sentence, {"cpu": cpu})


def crashing(situation: Situation) -> Finding:
    """Whether tasks start and stop again and again."""
    ends = crashed(situation)
    tasks = len({event.task_arn for event in ends})
    proven = situation.testified or tasks < CRASHES_MIN
    told = f"{figures.several(tasks, 'task')} crashed or failed checks in {_minutes(RECENTLY)}"
    return Finding(
        "crashing",
        holds(truth=tasks >= CRASHES_MIN if proven else None),
        f"{told}." if proven else f"{told}, as events tell; ECS could not be asked about them.",
        {"tasks": tasks},
    )


def only_the_new_crash(situation: Situation) -> Finding:
    """Whether the tasks that crash are those of the newest deployment, while those before it run on."""
    deployment, definitions = newest(situation), {event.task_definition for event in crashed(situation)}
    if deployment is None or not definitions:
        truth = None if situation.view is None else False
        return Finding("only_the_new_crash", holds(truth=truth), "No task of a deployment crashed.")
    changed = all(
        source.task_definition != deployment.target.task_definition for source in deployment.sources
    )
    only = definitions == {deployment.target.task_definition} and changed
    running = deployment.sources_running
    truth = None if only and running is None else only and bool(running)
    return Finding(
        "only_the_new_crash",
        holds(truth=truth),
        f"{'Only' if only else 'Not only'} tasks that the newest deployment brought crash; "
        f"{'an unknown number' if running is None else running} of those before it run.",
        {} if running is None else {"running": running},
    )


def in_trouble_without_deployment(situation: Situation) -> Finding:
    """Whether it crashes or fails where nothing was deployed of late: that acquits whose tasks crash here."""
    innocent = [
        p for p in situation.elsewhere if _troubled(situation, p) and not _deployed_there(situation, p)
    ]
    return Finding(
        "in_trouble_without_deployment",
        holds(truth=bool(innocent)),
        f"Its tasks crash, or its requests fail, without a deployment of their own in {regions(innocent)}.",
        {"regions": len(innocent)},
    )


def crashed(situation: Situation) -> tuple[TaskChanged, ...]:
    """Return the recent crashes at the focus; what has been replaced since crashes no more."""
    ends, view, last = _crashes(situation, situation.placement), situation.view, newest(situation)
    if view is None or last is None:
        return ends
    sources = last.sources if last.finished_at is None else ()
    present = {view.task_definition, last.target.task_definition, *(s.task_definition for s in sources)}
    return tuple(event for event in ends if event.task_definition in present | {None})


def _crashes(situation: Situation, placement: Placement) -> tuple[TaskChanged, ...]:
    return tuple(
        event
        for event in _recent(situation, situation.events)
        if isinstance(event, TaskChanged)
        and event.end in CRASHES
        and event.placement == placement
        and not _replaced_in_time(event)
    )


def _replaced_in_time(event: TaskChanged) -> bool:
    """Whether ECS took a task out that had served for long and failed its checks: that is no loop."""
    if event.end is not TaskEnd.UNHEALTHY or event.origin.at is None or event.started_at is None:
        return False
    return event.origin.at - event.started_at >= SERVED_FOR


def _troubled(situation: Situation, placement: Placement) -> bool:
    health = situation.health.get(placement)
    return len(_crashes(situation, placement)) >= CRASHES_MIN or bool(health and health.failing)


def _deployed_there(situation: Situation, placement: Placement) -> bool:
    """Whether a deployment of another placement is under way, or ended so lately that it may be to blame."""
    view = situation.views.get(placement)
    ends = [deployment.finished_at for deployment in (view.deployments if view else ())]
    return any(end is None or situation.at - end <= BLAMED_FOR for end in ends)


#: Every question, in the order in which people read the answers.
FINDINGS = (
    failing_here,
    failing_elsewhere,
    deployed_before,
    healthy_before,
    more_than_its_share,
    failing_without_deployment,
    neighbours_failing,
    turned_back,
    short_of_tasks,
    spot_refused,
    spot_not_replaced,
    busier_than_usual,
    overloaded,
    crashing,
    only_the_new_crash,
    in_trouble_without_deployment,
)


def _recent(situation: Situation, events: Iterable[Event]) -> Iterable[Event]:
    return (e for e in events if e.origin.at is not None and situation.at - e.origin.at <= RECENTLY)


def _minutes(duration: timedelta) -> str:
    return f"{duration // timedelta(minutes=1)} min"
