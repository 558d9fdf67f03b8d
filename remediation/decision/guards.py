"""What forbids an action: one visible list, whose order decides which reason people read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from remediation.actions.action import Plan, Refusal
from remediation.decision.policy import Policies, Policy
from remediation.diagnosis.diagnose import Confidence, Diagnosis
from remediation.diagnosis.situation import Situation
from remediation.vocabulary import ActionName, Outcome, Reason
from slo import figures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remediation.history import PastAction

#: Metrics settle within some three minutes; what is older than this speaks of another situation.
DATA_AGE_MAX = timedelta(minutes=8)
#: AWS is asked just before deciding.
VIEW_AGE_MAX = timedelta(minutes=2)
A_DAY = timedelta(hours=24)
#: Tasks that carry the load of others for a while may use so much of their CPU, in percent.
CARRY_CPU_MAX = 85.0

#: Ends after which an incident belongs to people.
UNHELPFUL = frozenset(
    {Outcome.NOT_RECOVERED, Outcome.REFUSED, Outcome.PAUSED, Outcome.UNCERTAIN, Outcome.REJECTED}
)


@dataclass(frozen=True, slots=True)
class Switches:
    """What people have switched."""

    paused: bool = False
    observe_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The case that every guard is asked about: may this be done here and now."""

    situation: Situation
    diagnosis: Diagnosis
    action: ActionName
    plan: Plan | Refusal
    policies: Policies
    policy: Policy
    switches: Switches
    now: datetime

    @property
    def past(self) -> tuple[PastAction, ...]:
        """What was done before at this placement."""
        return tuple(p for p in self.situation.history if p.placement == self.situation.placement)


@dataclass(frozen=True, slots=True)
class Check:
    """A guard's answer; `reason` is ALLOWED when it agrees."""

    guard: str
    reason: Reason
    sentence: str

    @property
    def ok(self) -> bool:
        """Whether the guard agrees."""
        return self.reason is Reason.ALLOWED


Guard = Callable[[Question], Check]


def evidence_complete(question: Question) -> Check:
    """Refuse while evidence that could acquit is still on its way."""
    told = (
        "All evidence is in." if question.diagnosis.complete else "Other regions' minutes are not known yet."
    )
    return _check("evidence_complete", question.diagnosis.complete, Reason.GATHERING_EVIDENCE, told)


def not_paused(question: Question) -> Check:
    """Refuse while the kill switch is on."""
    paused = question.switches.paused
    return _check("not_paused", not paused, Reason.PAUSED, f"The kill switch is {'on' if paused else 'off'}.")


def not_frozen(question: Question) -> Check:
    """Refuse while the freeze calendar says so."""
    placement = question.situation.placement
    freeze = next((f for f in question.policies.freezes if f.forbids(placement, question.now)), None)
    told = f"Frozen until {freeze.end:%Y-%m-%d %H:%M} UTC: {freeze.reason}." if freeze else "No freeze now."
    return _check("not_frozen", freeze is None, Reason.FROZEN, told)


def data_fresh(question: Question) -> Check:
    """Refuse to act on what is too old."""
    data, view = question.situation.data_age, question.situation.view_age
    fresh = data is not None and view is not None and data <= DATA_AGE_MAX and view <= VIEW_AGE_MAX
    told = (
        f"The newest minute is {_age(data)} old (at most {_age(DATA_AGE_MAX)}), "
        f"what AWS told {_age(view)} (at most {_age(VIEW_AGE_MAX)})."
    )
    return _check("data_fresh", fresh, Reason.STALE_DATA, told)


def sure_enough(question: Question) -> Check:
    """Refuse when the evidence is thin."""
    confidence = question.diagnosis.confidence
    told = f"Confidence is {confidence}; low is not acted on."
    return _check("sure_enough", confidence is not Confidence.LOW, Reason.LOW_CONFIDENCE, told)


def fits_the_service(question: Question) -> Check:
    """Refuse what the action itself says cannot be done."""
    plan = question.plan
    reason = plan.reason if isinstance(plan, Refusal) else Reason.ALLOWED
    return Check("fits_the_service", reason, plan.sentence)


def enough_headroom(question: Question) -> Check:
    """Refuse to take tasks away whose load the others could not carry, those behind the same balancer too."""
    name, plan, situation = "enough_headroom", question.plan, question.situation
    if isinstance(plan, Refusal) or plan.keeps >= 1:
        return Check(name, Reason.ALLOWED, "It takes no task away that serves.")
    sharing = [situation.neighbours.get(place) for place in (situation.sharing if plan.shared else ())]
    cpus = [health.cpu if health else None for health in (situation.here, *sharing)]
    known = [cpu for cpu in cpus if cpu is not None]
    if len(known) < len(cpus):
        told = "What the tasks that stay would have to carry is not known: their CPU is not."
        return Check(name, Reason.NO_HEADROOM, told)
    expected = max(known) / plan.keeps if plan.keeps > 0 else float("inf")
    told = (
        f"{plan.keeps:.0%} of the tasks stay; their CPU would go from {max(known):.0f} % to {expected:.0f} % "
        f"(at most {CARRY_CPU_MAX:.0f} %)."
    )
    return _check(name, expected <= CARRY_CPU_MAX, Reason.NO_HEADROOM, told)


def nothing_under_way(question: Question) -> Check:
    """Refuse while another action of ours changes the placement."""
    busy = [p for p in question.past if p.under_way]
    told = f"Run {busy[0].run} is under way." if busy else "No other action is under way here."
    return _check("nothing_under_way", not busy, Reason.ALREADY_ACTING, told)


def not_redeployed(question: Question) -> Check:
    """Refuse to undo twice what was turned back here and deployed all the same: that would never end."""
    plan = question.plan
    again = isinstance(plan, Refusal) and plan.reason is Reason.REDEPLOYED
    told = plan.sentence if again else "Nothing that was turned back here before was deployed again."
    return _check("not_redeployed", not again, Reason.REDEPLOYED, told)


def not_tried_before(question: Question) -> Check:
    """Refuse to repeat an action in an incident or in force, and any action once one did not help."""
    in_force = [p for p in question.past if p.waiting and p.action is question.action]
    ended = [p for p in question.past if p.ended_at and p.incident == question.situation.incident.id]
    tried = [p for p in ended if not p.undo and (p.action is question.action or p.outcome in UNHELPFUL)]
    told = "Nothing was tried in this incident."
    if in_force:
        told = f"{in_force[0].action} is in force already, and it fails all the same."
    elif tried:
        told = _tried(tried[0])
    tried += in_force
    return _check("not_tried_before", not tried, Reason.TRIED_BEFORE, told)


def _tried(past: PastAction) -> str:
    what = str(past.action).replace("_", " ")
    return f"Before, {what}: {past.outcome.sentence}" if past.outcome else f"Before, {what}."


def cooled_down(question: Question) -> Check:
    """Refuse when an action at this placement ended too recently."""
    cooldown = question.policy.cooldown
    ended = [p.ended_at for p in question.past if p.ended_at and not p.undo]
    last = max(ended, default=None)
    told = f"The last action ended {_age(question.now - last)} ago" if last else "No action here before"
    free = last is None or question.now - last >= cooldown
    return _check("cooled_down", free, Reason.COOLING_DOWN, f"{told} (cooldown {_age(cooldown)}).")


def within_daily_limit(question: Question) -> Check:
    """Refuse when the service has been changed often enough today."""
    service = question.situation.placement.service
    today = [
        p
        for p in question.situation.history
        if p.placement.service == service and not p.undo and question.now - p.started_at < A_DAY
    ]
    told = (
        f"{figures.several(len(today), 'action')} on {service} in 24 h (at most {question.policy.daily_max})."
    )
    return _check("within_daily_limit", len(today) < question.policy.daily_max, Reason.TOO_MANY_ACTIONS, told)


def within_blast_radius(question: Question) -> Check:
    """Refuse when too large a part of the estate is being changed already."""
    changing = {p.placement for p in question.situation.history if p.under_way} - {
        question.situation.placement
    }
    limit = max(1, question.situation.estate_placements * question.policy.services_max_percent // 100)
    told = (
        f"{len(changing)} of {question.situation.estate_placements} placements are being changed "
        f"(at most {limit}, {question.policy.services_max_percent} %)."
    )
    return _check("within_blast_radius", len(changing) < limit, Reason.BLAST_RADIUS, told)


#: Every guard, in the order in which the first refusal names the reason.
GUARDS: tuple[Guard, ...] = (
    not_paused,
    not_frozen,
    nothing_under_way,
    not_redeployed,
    not_tried_before,
    data_fresh,
    evidence_complete,
    sure_enough,
    fits_the_service,
    enough_headroom,
    cooled_down,
    within_daily_limit,
    within_blast_radius,
)


def first_refusal(checks: Iterable[Check]) -> Check | None:
    """Return the first check that refuses, or None."""
    return next((check for check in checks if not check.ok), None)


def _check(guard: str, ok: bool, reason: Reason, sentence: str) -> Check:  # noqa: FBT001 - the answer itself
    return Check(guard, Reason.ALLOWED if ok else reason, sentence)


def _age(age: timedelta | None) -> str:
    if age is None:
        return "unknown"
    seconds = int(age.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004 - two minutes
