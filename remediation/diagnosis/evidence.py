"""Named findings: each a small question to a situation.  A runbook's checks bear the same names."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import ROLLING_BACK
from remediation.diagnosis.deployments import BLAMED_FOR, newest, serves_from, suspect
from remediation.diagnosis.finding import Finding, Holds, holds
from remediation.events.event import DeploymentChanged, ServiceAction, TaskChanged, TaskEnd
from slo.burn import Severity
from slo.cells import minute_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from remediation.diagnosis.health import Health
    from remediation.diagnosis.situation import Situation
    from remediation.events.event import Event
    from slo.cells import Placement

#: Other regions acquit a dependency once so many of the same minutes are known there.
CONTROL_MINUTES = 2
#: ... and enough requests came in them: by what fails here so many would have failed, which chance hides
#: once in 20,000 times [Poisson: e^-10].
EXPECTED_BAD_MIN = 10
#: Where so many minutes would not bring those, nobody waits for them.
IDLE_MINUTES = 10
#: So many minutes before a deployment are looked at, and so many of them must be known.
BEFORE_MINUTES = 10
BEFORE_MINUTES_MIN = 5
#: Before those, so many failing minutes are trouble that was there already; one may be a blip of its time.
SICK_BEFORE_MIN = 2
#: What begins to fail within so many minutes of each other fails together.
TOGETHER_MINUTES = 2
#: So soon after its first task ran, a deployment may be what its callers fail of as well.
TAKES_HOLD_MINUTES = 5
#: How far back events speak of the present.
RECENTLY = timedelta(minutes=10)
#: What Spot takes it usually gives back within so long; only then is a missing task a shortage.
REPLACED_WITHIN = timedelta(minutes=3)
#: [https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html]
SPOT_NOTICE = timedelta(minutes=2)
#: So many times the usual requests are a surge, and from so much CPU on the tasks are overloaded.
SURGE_DEMAND = 1.5
OVERLOAD_CPU = 70.0
#: So many crashed tasks in `RECENTLY` are a loop.
CRASHES_MIN = 3

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


def failing_elsewhere(situation: Situation) -> Finding:
    """Whether the service fails in other regions in the same minutes; unknown until those are told."""
    name, here = "failing_elsewhere", situation.here
    if not situation.elsewhere:
        return Finding(name, Holds.NO, "The service runs nowhere else.", {"others": 0})
    if here is None or here.onset is None or here.newest is None:
        return Finding(name, Holds.UNKNOWN, "There is no stretch of trouble here to compare with.")
    same = range(here.onset, here.newest + 1)
    told = {placement: _sick_in(situation, placement, same) for placement in situation.elsewhere}
    answers = {p: sick for p, sick in told.items() if sick or not _idle(situation, p, same)}
    if not answers:
        return Finding(name, Holds.NO, "Too few requests arrive elsewhere to compare with.", {"others": 0})
    failing = [p for p, sick in answers.items() if sick]
    unknown = [p for p, sick in answers.items() if sick is None]
    truth = True if failing else None if unknown else False
    return Finding(
        name,
        holds(truth=truth),
        f"In the same minutes it fails in {_regions(failing)}, is fine in "
        f"{_regions(p for p, sick in answers.items() if sick is False)}, not known in {_regions(unknown)}.",
        {"failing": len(failing), "unknown": len(unknown), "others": len(answers)},
    )


def failing_without_deployment(situation: Situation) -> Finding:
    """Whether it fails where nothing was deployed (a surge there is no sign): that acquits a deployment."""
    name, here = "failing_without_deployment", situation.here
    if here is None or here.onset is None or here.newest is None:
        return Finding(name, Holds.UNKNOWN, "There is no stretch of trouble here to compare with.")
    same = range(here.onset, here.newest + 1)
    failing = [
        p for p in situation.elsewhere if _sick_in(situation, p, same) and not _overrun(situation.health[p])
    ]
    unread = [p for p in failing if p not in situation.views]
    innocent = [
        p for p in failing if p in situation.views and not suspect(situation, p, _onset(situation, p, same))
    ]
    truth = True if innocent else None if unread else False
    return Finding(
        name,
        holds(truth=truth),
        f"It fails without a deployment of its own in {_regions(innocent)}.",
        {"regions": len(innocent), "unread": len(unread)},
    )


def neighbours_failing(situation: Situation) -> Finding:
    """Whether other services of the region began to fail together with it, of nothing of their own.

    A bad deployment makes its callers fail, too, but at once, and not most of a region.
    """
    name, here = "neighbours_failing", situation.here
    if not situation.neighbours:
        return Finding(name, Holds.NO, "No other service is measured in this region.", {"others": 0})
    if here is None or here.onset is None:
        return Finding(name, Holds.UNKNOWN, "There is no stretch of trouble here to compare with.")
    told = {p: _fails_along(situation, p, h, here.onset) for p, h in situation.neighbours.items()}
    failing = [p for p, along in told.items() if along]
    unknown = [p for p, along in told.items() if along is None]
    callers = _takes_hold(situation, here.onset) and not _most(len(failing), len(told) - len(unknown))
    truth = False if callers else True if failing else None if unknown else False
    named = ", ".join(sorted({p.service for p in failing})) or "none"
    return Finding(
        name,
        holds(truth=truth),
        f"Of {len(told)} other services of the region these began to fail with it: {named}; "
        f"of {len(unknown)} it is not known.",
        {"failing": len(failing), "unknown": len(unknown), "others": len(told)},
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
    """Whether the focus served well before the deployment: what comes and goes was there already."""
    name, here = "healthy_before", situation.here
    found = suspect(situation, situation.placement, here.onset) if here and here.onset is not None else None
    if here is None or found is None:
        return Finding(name, Holds.UNKNOWN, "There is no deployment to look before.")
    start = minute_of(found.created_at)
    answers = [here.sick(minute) for minute in range(start - BEFORE_MINUTES, start)]
    known = sum(answer is not None for answer in answers)
    sick = [minute for minute in here.known if minute < start and here.sick(minute)]
    paged = _paged_before(situation, found.created_at)
    trouble = any(answers) or len(sick) >= SICK_BEFORE_MIN or paged
    truth = False if trouble else True if known >= BEFORE_MINUTES_MIN else None
    told = f"{len(sick)} min before it failed{', and people were paged' if paged else ''}"
    return Finding(
        name,
        holds(truth=truth),
        f"Of the {BEFORE_MINUTES} min before it {known} are known; as far as is looked back, {told}.",
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
    leaving = _warned(situation)
    return Finding(
        "short_of_tasks",
        holds(truth=view.running - leaving < view.desired),
        f"{view.running} of {view.desired} tasks run, {view.pending} are pending, Spot is taking {leaving}.",
        {"running": view.running, "desired": view.desired, "pending": view.pending, "leaving": leaving},
    )


def _warned(situation: Situation) -> int:
    """Count the tasks that run on notice: Spot warns two minutes before it takes them."""
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
        f"Fargate Spot refused it {len(refusals)} times in {_minutes(RECENTLY)}"
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
    truth = None if view is None else view.uses_spot and view.running < view.desired and bool(taken)
    return Finding(
        "spot_not_replaced",
        holds(truth=truth),
        f"Spot took {tasks} tasks more than {_minutes(REPLACED_WITHIN)} ago.",
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
    return Finding(
        "crashing",
        holds(truth=tasks >= CRASHES_MIN),
        f"{tasks} tasks crashed or failed their checks in {_minutes(RECENTLY)}.",
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
        f"Its tasks crash, or its requests fail, without a deployment of their own in {_regions(innocent)}.",
        {"regions": len(innocent)},
    )


def crashed(situation: Situation) -> tuple[TaskChanged, ...]:
    """Return the recent crashes at the focus."""
    return _crashes(situation, situation.placement)


def _crashes(situation: Situation, placement: Placement) -> tuple[TaskChanged, ...]:
    return tuple(
        event
        for event in _recent(situation, situation.events)
        if isinstance(event, TaskChanged) and event.end in CRASHES and event.placement == placement
    )


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


def _sick_in(situation: Situation, placement: Placement, minutes: range) -> bool | None:
    """Whether a placement is in trouble in any of these minutes, or in all of them as one on a quiet night.

    None until enough minutes with enough requests are known.
    """
    health = situation.health.get(placement)
    answers = [health.sick(minute) for minute in minutes] if health else []
    if health and (any(answers) or health.sick(*minutes)):
        return True
    known = sum(answer is not None for answer in answers)
    shown = _expected(situation, placement, minutes) >= EXPECTED_BAD_MIN
    return False if known >= CONTROL_MINUTES and shown else None


def _fails_along(situation: Situation, placement: Placement, there: Health, onset: int) -> bool | None:
    """Whether a neighbour fails since then, neither deployed nor overrun; None until its minutes are told."""
    if there.onset is not None and abs(there.onset - onset) <= TOGETHER_MINUTES:
        return not _deployed_lately(situation, placement, there.onset) and not _overrun(there)
    told = sum(minute >= onset for minute in there.known)
    return False if told >= CONTROL_MINUTES else None


def _most(failing: int, known: int) -> bool:
    """Whether it is the region rather than a caller: one service alone is never most of a region."""
    return failing > max(1, known / 2)


def _deployed_lately(situation: Situation, placement: Placement, onset: int) -> bool:
    """Whether events tell of a deployment of a neighbour before it began to fail."""
    return any(
        isinstance(event, DeploymentChanged)
        and event.placement == placement
        and event.origin.at is not None
        and timedelta(0) <= moment_of(onset + 1) - event.origin.at <= BLAMED_FOR
        for event in situation.events
    )


def _takes_hold(situation: Situation, onset: int) -> bool:
    """Whether the trouble began just when a deployment of the focus came into force."""
    found = suspect(situation, situation.placement, onset)
    if found is None:
        return False
    return onset - minute_of(serves_from(situation, situation.placement, found)) <= TAKES_HOLD_MINUTES


def _idle(situation: Situation, placement: Placement, minutes: range) -> bool:
    """Whether too few requests come there to show soon what fails here: being fine there proves nothing."""
    there = situation.health.get(placement)
    known = sum(there.sick(minute) is not None for minute in minutes) if there else 0
    if known < CONTROL_MINUTES:
        return False
    return _expected(situation, placement, minutes) * IDLE_MINUTES / known < EXPECTED_BAD_MIN


def _expected(situation: Situation, placement: Placement, minutes: range) -> float:
    """Return how many would have failed there in these minutes if the share failed that fails here."""
    there, here = situation.health.get(placement), situation.here
    if here is None or there is None:
        return 0.0
    shares = [series.ratio(minutes) for series in (here.availability, here.latency) if series]
    worst = max((share for share in shares if share is not None), default=0)
    totals = [cell[1] for minute in minutes if (cell := there.availability.at(minute)) is not None]
    return float(sum(totals) * worst) / there.availability.scale


def _onset(situation: Situation, placement: Placement, minutes: range) -> int:
    """Return when trouble began there, also where it has been mended since."""
    health = situation.health[placement]
    if health.onset is not None:
        return health.onset
    return next((minute for minute in minutes if health.sick(minute)), minutes.start)


def _overrun(there: Health) -> bool:
    """Whether more requests arrive there than the tasks can serve: that is no sign of what is shared."""
    return (there.demand or 0) >= SURGE_DEMAND and (there.cpu or 0) >= OVERLOAD_CPU


def _recent(situation: Situation, events: Iterable[Event]) -> Iterable[Event]:
    return (e for e in events if e.origin.at is not None and situation.at - e.origin.at <= RECENTLY)


def _regions(placements: Iterable[Placement]) -> str:
    return ", ".join(sorted({p.region for p in placements})) or "none"


def _minutes(duration: timedelta) -> str:
    return f"{duration // timedelta(minutes=1)} min"
