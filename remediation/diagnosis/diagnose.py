"""From a situation to a cause with its evidence.  The first rule of a visible list that fits names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from collector.estate import TURNED_BACK, UNDER_WAY, Deployment
from remediation.diagnosis.ailing import blamed_for_crashes, crashing_for
from remediation.diagnosis.deployments import newest, suspect
from remediation.diagnosis.elsewhere import TOGETHER_MINUTES
from remediation.diagnosis.finding import Finding
from remediation.diagnosis.questions import QUESTIONS
from remediation.diagnosis.situation import Situation
from remediation.events.describe import place
from remediation.incidents import PROBED, SCHEDULED
from remediation.vocabulary import Cause
from slo.cells import Placement, moment_of

#: How much longer than our own newest minute took missing evidence is waited for: other regions lag as we do,
#: and a minute without failures is known later than one with.
SETTLE_FOR = timedelta(minutes=4)

#: A failed check from outside is fresh for so long: checks are made at least every minute [collector.probes].
CHECKED_WITHIN = timedelta(minutes=2)

#: What makes tasks crash in one region of several makes them crash in the others within so long.
ELSEWHERE_WITHIN = timedelta(minutes=2)

#: No deployment explains that regions fail together when theirs lie further apart than this.
APART = timedelta(minutes=5)


#: What is wrong with a placement by itself, whatever brought it about.
TROUBLE = ("failing_here", "short_of_tasks", "crashing", "out_of_memory", "turned_back")


class Confidence(StrEnum):
    """How far the evidence carries; LOW is not acted on."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The cause of trouble at a placement, as far as it is known.

    `complete` is False while evidence is still on its way; `in_trouble` is False when nothing is wrong now.
    `deployment` and `zone` are what is blamed, where a deployment or a zone is.
    """

    cause: Cause
    placement: Placement
    confidence: Confidence
    complete: bool
    in_trouble: bool
    sentence: str
    at: datetime
    findings: tuple[Finding, ...] = ()
    deployment: Deployment | None = None
    zone: str | None = None

    def holds(self, name: str) -> bool:
        """Whether a finding is known to hold."""
        return any(finding.yes for finding in self.findings if finding.name == name)

    @property
    def known_trouble(self) -> bool:
        """Whether something is known to be wrong now; `in_trouble` is also said while nothing is known."""
        return any(finding.yes and finding.name in TROUBLE for finding in self.findings)

    @property
    def evidence(self) -> tuple[Finding, ...]:
        """The findings that are known to hold."""
        return tuple(finding for finding in self.findings if finding.yes)


@dataclass(frozen=True, slots=True)
class _Case:
    """A situation with its findings by name, and the deployment that may be to blame."""

    situation: Situation
    findings: Mapping[str, Finding]
    suspect: Deployment | None

    def yes(self, *names: str) -> bool:
        return all(self.findings[name].yes for name in names)

    def any_yes(self, *names: str) -> bool:
        return any(self.findings[name].yes for name in names)

    def unknown(self, name: str) -> bool:
        return self.findings[name].unknown

    def no(self, name: str) -> bool:
        return self.findings[name].no


@dataclass(frozen=True, slots=True)
class _Ruling:
    cause: Cause
    confidence: Confidence
    because: str
    complete: bool = True
    deployment: Deployment | None = None
    zone: str | None = None


_Rule = Callable[[_Case], _Ruling | None]


def diagnose(situation: Situation) -> Diagnosis:
    """Return the cause that the evidence names, or UNKNOWN."""
    findings = tuple(question(situation) for question in QUESTIONS)
    here = situation.here
    onset = here.onset if here else None
    blamed = suspect(situation, situation.placement, onset) if onset is not None else None
    case = _Case(situation, {finding.name: finding for finding in findings}, blamed)
    ruling = next(ruling for rule in RULES if (ruling := rule(case)) is not None)
    return Diagnosis(
        cause=ruling.cause,
        placement=situation.placement,
        confidence=ruling.confidence,
        complete=ruling.complete or _settled(situation, onset),
        in_trouble=not case.no("failing_here") or case.any_yes(*TROUBLE) or _fails_outside(situation),
        sentence=f"{place(situation.placement)}: {ruling.because}",
        at=situation.at,
        findings=findings,
        deployment=ruling.deployment,
        zone=ruling.zone,
    )


def _fails_outside(situation: Situation) -> bool:
    """Whether checks from outside fail here now: trouble that a person looks into; it convicts nobody."""
    return any(
        sign.placement == situation.placement
        and sign.name.startswith(PROBED)
        and situation.at - sign.last_seen <= CHECKED_WITHIN
        for sign in situation.incident.symptoms
    )


def _settled(situation: Situation, onset: int | None) -> bool:
    """Whether waiting for more evidence is over."""
    began = moment_of(onset) if onset is not None else situation.incident.opened_at
    return situation.at - began >= SETTLE_FOR + (situation.data_age or timedelta(0))


def _scheduled(case: _Case) -> _Ruling | None:
    """Leave a scheduled run that went wrong to a person: nobody can know whether it may run twice."""
    situation = case.situation
    owed = any(
        sign.placement == situation.placement and sign.name.startswith(SCHEDULED)
        for sign in situation.incident.symptoms
    )
    if situation.view is not None or not owed:
        return None
    because = "a scheduled run went wrong; whether it may be run again, a person knows."
    return _Ruling(Cause.UNKNOWN, Confidence.LOW, because)


def _zone(case: _Case) -> _Ruling | None:
    """Blame a zone on two kinds of evidence that name the same one, and none that speaks against it."""
    if not case.yes("failing_here") or case.no("failing_in_one_zone"):
        return None
    named = _zones_named(case)
    zone = next((zone for zone in named if named.count(zone) > 1), None)
    if zone is None:
        return None
    counted = case.yes("failing_in_one_zone")
    confidence = Confidence.HIGH if counted and not case.suspect else Confidence.MEDIUM
    because = f"it fails in {zone}, and only there."
    return _Ruling(Cause.ZONE, confidence, because, complete=counted, zone=zone)


def _perhaps_zone(case: _Case) -> _Ruling | None:
    """Leave it to a person whether it is the zone: one kind of evidence may be a host that stands there."""
    named = _zones_named(case)
    if not case.yes("failing_here", "failing_in_one_zone") or not named:
        return None
    because = f"its requests fail in {named[0]} alone, and nothing else points there."
    return _Ruling(Cause.ZONE, Confidence.LOW, because, complete=False, zone=named[0])


def _zones_named(case: _Case) -> list[str]:
    names = ("failing_in_one_zone", "tasks_in_one_zone", "neighbours_in_one_zone")
    return [str(case.findings[name].numbers["zone"]) for name in names if case.yes(name)]


def _out_of_memory(case: _Case) -> _Ruling | None:
    """Name what fills memory: a revision that came lately, or nothing that can be undone."""
    if not case.yes("out_of_memory"):
        return None
    blamed = blamed_for_crashes(case.situation)
    if blamed is None or case.yes("in_trouble_without_deployment"):
        because = "tasks are killed again and again for want of memory, with no deployment to blame."
        return _Ruling(Cause.OUT_OF_MEMORY, Confidence.HIGH, because)
    because = "only the tasks of the newest revision are killed, for want of memory."
    return _Ruling(Cause.OUT_OF_MEMORY, Confidence.HIGH, because, deployment=blamed)


def _stuck(case: _Case) -> _Ruling | None:
    """Name single tasks that run and fail, where the others do well and have time."""
    if not case.yes("stuck_tasks", "stuck_explain", "failing_here"):
        return None
    if case.any_yes("overloaded", "failing_elsewhere", "neighbours_failing"):
        return None  # a check fails as well where there is too much to do, or what it needs is gone
    because = "some tasks run and fail what they get; the others serve well."
    sure = case.no("failing_elsewhere") and not case.suspect
    return _Ruling(Cause.STUCK_TASKS, Confidence.HIGH if sure else Confidence.MEDIUM, because)


def _spot(case: _Case) -> _Ruling | None:
    if not case.yes("short_of_tasks") or case.yes("crashing"):
        return None
    if case.yes("spot_refused"):
        confidence = Confidence.MEDIUM if case.suspect else Confidence.HIGH
        return _Ruling(
            Cause.SPOT_SHORTAGE, confidence, "Fargate Spot refuses tasks, and too few run or will stay."
        )
    if case.yes("spot_not_replaced"):
        return _Ruling(
            Cause.SPOT_SHORTAGE, Confidence.MEDIUM, "Spot took tasks, and their replacements do not come."
        )
    return None


def _rolling_back(case: _Case) -> _Ruling | None:
    """Name what ECS is at already, so that people see why nothing is done."""
    if not case.yes("turned_back"):
        return None
    because = "ECS is rolling the newest deployment back by itself."
    return _Ruling(Cause.DEPLOYMENT, Confidence.HIGH, because, deployment=newest(case.situation))


def _cannot_start(case: _Case) -> _Ruling | None:
    """Name a deployment whose own tasks crash, before any user is hurt, also when ECS has turned it back."""
    deployment = newest(case.situation)
    if deployment is None or deployment.status not in UNDER_WAY | TURNED_BACK:
        return None
    if not case.yes("crashing", "only_the_new_crash"):
        return None
    if case.any_yes("in_trouble_without_deployment", "neighbours_failing"):
        return None
    because = f"only the tasks of the newest deployment crash, which is {deployment.status}."
    return _Ruling(Cause.DEPLOYMENT, Confidence.HIGH, because, deployment=deployment)


def _surge(case: _Case) -> _Ruling | None:
    if not case.yes("busier_than_usual", "failing_here") or _no_surge(case):
        return None
    if case.suspect:
        because = "far more requests than usual, but a deployment began shortly before, too."
        return _Ruling(Cause.SURGE, Confidence.LOW, because)
    because = "far more requests than usual arrive than the tasks can serve."
    if case.yes("overloaded"):
        return _Ruling(Cause.SURGE, Confidence.HIGH, because)
    if case.yes("failing_elsewhere"):
        return None  # clients that repeat what a dependency fails look like a surge
    if case.no("failing_elsewhere"):
        return _Ruling(Cause.SURGE, Confidence.MEDIUM, because)
    because = f"{because} Other regions cannot be compared yet."
    return _Ruling(Cause.SURGE, Confidence.MEDIUM, because, complete=False)


def _no_surge(case: _Case) -> bool:
    """Whether tasks have time, or it is what clients do when a whole region fails: they ask again."""
    return case.no("overloaded") or case.yes("neighbours_failing")


def _deployment(case: _Case) -> _Ruling | None:
    """Blame a deployment for errors that follow it, and follow it only here."""
    if not _accused(case):
        return None
    if case.no("healthy_before"):
        return _relapsed(case)
    if case.yes("failing_elsewhere"):
        return _everywhere_deployed(case)
    if not case.no("more_than_its_share"):
        return _beyond_its_share(case)
    if case.no("failing_elsewhere"):
        controlled = bool(case.findings["failing_elsewhere"].numbers.get("others"))
        enough = (controlled or case.yes("healthy_before")) and not case.unknown("neighbours_failing")
        confidence = Confidence.HIGH if controlled and enough else Confidence.MEDIUM
        because = "it fails since a deployment of this placement, and nowhere else."
        return _Ruling(
            Cause.DEPLOYMENT, confidence if enough else Confidence.LOW, because, enough, case.suspect
        )
    compared = case.findings["failing_elsewhere"].numbers
    seen = int(compared.get("unknown", 0)) < int(compared.get("others", 0))
    confidence = Confidence.MEDIUM if seen and case.yes("healthy_before") else Confidence.LOW
    because = "it fails since a deployment; not every other region can be compared."
    return _Ruling(Cause.DEPLOYMENT, confidence, because, complete=False, deployment=case.suspect)


def _accused(case: _Case) -> bool:
    """Whether a deployment came before the trouble, and nothing that it cannot have caused fails along."""
    acquitted = case.any_yes("failing_without_deployment", "neighbours_failing")
    return case.yes("failing_here", "deployed_before") and not acquitted


def _relapsed(case: _Case) -> _Ruling | None:
    """Leave it to a person whether a deployment brought back what had failed before it, too."""
    if case.yes("failing_elsewhere"):
        return None
    because = "it fails since a deployment, but it failed before that, too."
    told = case.no("failing_elsewhere")
    return _Ruling(Cause.DEPLOYMENT, Confidence.LOW, because, complete=told, deployment=case.suspect)


def _beyond_its_share(case: _Case) -> _Ruling:
    """Leave it to a person where a deployment cannot have failed all that fails, or nobody knows."""
    because = "it fails since a deployment, but more than the share of the requests that this gets."
    if case.unknown("more_than_its_share"):
        because = "it fails since a deployment, and which share of the requests this gets is not told."
    told = case.no("failing_elsewhere")
    return _Ruling(Cause.DEPLOYMENT, Confidence.LOW, because, complete=told, deployment=case.suspect)


def _everywhere_deployed(case: _Case) -> _Ruling | None:
    """Blame the deployments of all failing regions, unless those fail together and were deployed apart."""
    if case.unknown("failing_without_deployment"):
        because = "it fails in several regions; not all of them could be asked about deployments."
        return _Ruling(Cause.DEPLOYMENT, Confidence.LOW, because, complete=False, deployment=case.suspect)
    failing = {p: h.onset for p, h in case.situation.health.items() if h.onset is not None}
    begun = [d.created_at for p, o in failing.items() if (d := suspect(case.situation, p, o)) is not None]
    together = max(failing.values()) - min(failing.values()) <= TOGETHER_MINUTES
    if together and begun and max(begun) - min(begun) > APART:
        return None
    because = "every region where it was deployed fails since, and no other."
    return _Ruling(Cause.DEPLOYMENT, Confidence.MEDIUM, because, deployment=case.suspect)


def _dependency(case: _Case) -> _Ruling | None:
    if not case.yes("failing_here", "failing_elsewhere"):
        return None
    acquitted = " The deployment here is not to blame." if case.suspect else ""
    because = f"it fails in several regions at once, also where nothing was deployed.{acquitted}"
    return _Ruling(Cause.DEPENDENCY, Confidence.HIGH, because)


def _crash_loop(case: _Case) -> _Ruling | None:
    if not case.yes("crashing"):
        return None
    if (deployment := newest(case.situation)) is not None and deployment.status in UNDER_WAY:
        because = (
            "tasks crash again and again, and whether the deployment under way is to blame is not clear."
        )
        return _Ruling(Cause.CRASH_LOOP, Confidence.MEDIUM, because, complete=False)
    if case.yes("tasks_in_one_zone") and case.unknown("failing_in_one_zone"):
        because = "tasks crash in one zone alone; how requests fare in each zone is not known yet."
        return _Ruling(Cause.CRASH_LOOP, Confidence.LOW, because, complete=False)
    since = case.findings["crashes_of_the_new"].numbers.get("since", "")
    if case.yes("in_trouble_without_deployment"):
        because = f"tasks crash since {since} UTC, also where nothing was deployed: look at what they need."
        return _Ruling(Cause.CRASH_LOOP, Confidence.HIGH, because)
    if blamed := blamed_for_crashes(case.situation):
        because = f"tasks of the newest revision, and no others, crash since {since} UTC."
        told = crashing_for(case.situation) >= ELSEWHERE_WITHIN or not case.situation.elsewhere
        return _Ruling(Cause.CRASH_LOOP, Confidence.MEDIUM, because, complete=told, deployment=blamed)
    because = f"tasks crash again and again since {since} UTC, with no deployment to blame."
    return _Ruling(Cause.CRASH_LOOP, Confidence.HIGH, because)


def _unknown(case: _Case) -> _Ruling:
    return _Ruling(Cause.UNKNOWN, Confidence.LOW, _why_unknown(case), complete=False)


def _why_unknown(case: _Case) -> str:
    """Say as much as is known where no cause is."""
    if case.yes("neighbours_failing"):
        return "it fails together with other services of its region: what they share comes first."
    if not case.no("failing_here"):
        return "the evidence names no cause."
    if _fails_outside(case.situation):
        return "checks from outside fail, but no request that arrives: look at name and certificate."
    if not case.situation.incident.felt:
        return "its numbers do not add up: look at what counts its requests before you trust its budget."
    return "no request fails now."


#: Direct testimony of AWS first, then measurements, then inference; the last fits always.
RULES: tuple[_Rule, ...] = (
    _scheduled,
    _rolling_back,
    _zone,
    _out_of_memory,
    _cannot_start,
    _spot,
    _surge,
    _deployment,
    _stuck,
    _dependency,
    _crash_loop,
    _perhaps_zone,
    _unknown,
)
