"""Whether it fails elsewhere as well: in other regions of the service, in other services of the region."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.diagnosis.deployments import BLAMED_FOR, serves_from, suspect
from remediation.diagnosis.finding import Finding, Holds, holds, regions
from remediation.events.event import DeploymentChanged
from slo.cells import minute_of, moment_of

if TYPE_CHECKING:
    from remediation.diagnosis.health import Health
    from remediation.diagnosis.situation import Situation
    from slo.cells import Placement

#: Other regions acquit a dependency once so many of the same minutes are known there.
CONTROL_MINUTES = 2
#: ... and enough requests came in them: by what fails here so many would have failed, which chance hides
#: once in 20,000 times [Poisson: e^-10].
EXPECTED_BAD_MIN = 10
#: Where so many minutes would not bring those, nobody waits for them.
IDLE_MINUTES = 10
#: What begins to fail within so many minutes of each other fails together.
TOGETHER_MINUTES = 2
#: So soon after its first task ran, a deployment may be what its callers fail of as well.
TAKES_HOLD_MINUTES = 5
#: So many times the usual requests are a surge, and from so much CPU on the tasks are overloaded.
SURGE_DEMAND = 1.5
OVERLOAD_CPU = 70.0


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
        f"In the same minutes it fails in {regions(failing)}, is fine in "
        f"{regions(p for p, sick in answers.items() if sick is False)}, not known in {regions(unknown)}.",
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
        f"It fails without a deployment of its own in {regions(innocent)}.",
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
    if found.moves_traffic and found.finished_at is None:
        return True  # requests may have moved to it at any time since its first task ran
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
