"""What keeps a service from being deployed besides its budgets: one visible list, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from remediation.decision.policy import Freeze
from remediation.incidents import Incident, Phase
from remediation.quarantine import Quarantined
from slo.budget_policies import Answer
from slo.burn import Alert, Severity
from slo.cells import Placement
from slo.gate import Finding, Reason

#: What is done about an incident in these phases, or is about to be, a deployment would undo or hide.
REMEDIATED = frozenset({Phase.PENDING, Phase.ACTING, Phase.VERIFYING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What goes on at the placements that somebody would deploy to.

    `names` are the task definition and digests that are to be deployed, as far as they are said.
    """

    placements: frozenset[Placement]
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    freezes: tuple[Freeze, ...]
    quarantine: tuple[Quarantined, ...] = ()
    names: frozenset[str] = frozenset()
    now: datetime


Hindrance = Callable[[Scene], Iterator[Finding]]


def frozen(scene: Scene) -> Iterator[Finding]:
    """Refuse while the freeze calendar says so."""
    for freeze in scene.freezes:
        here = [place for place in scene.placements if freeze.forbids(place, scene.now)]
        if here:
            told = f"Frozen until {freeze.end:%Y-%m-%d %H:%M} UTC: {freeze.reason}."
            yield _found(Answer.FREEZE, Reason.CALENDAR_FREEZE, told, here)


def remediated(scene: Scene) -> Iterator[Finding]:
    """Refuse while something is done about an incident, or asked; an incident that is only open warns."""
    for incident in scene.incidents:
        here = [place for place in incident.placements if place in scene.placements]
        busy = incident.phase in REMEDIATED
        answer = Answer.FREEZE if busy else Answer.WARN
        reason = Reason.BEING_REMEDIATED if busy else Reason.INCIDENT_OPEN
        told = f"{reason.sentence} {incident.id}: {incident.phase.sentence}"
        if here:
            yield _found(answer, reason, told, here)


def paging(scene: Scene) -> Iterator[Finding]:
    """Refuse while a page fires; of several at a placement the first is told."""
    pages = [
        one for one in scene.alerts if one.severity is Severity.PAGE and one.placement in scene.placements
    ]
    for place, alert in {one.placement: one for one in reversed(pages)}.items():
        told = f"{Reason.PAGE_FIRING.sentence} {alert.sentence}."
        yield _found(Answer.FREEZE, Reason.PAGE_FIRING, told, [place])


def quarantined(scene: Scene) -> Iterator[Finding]:
    """Refuse what is in quarantine, wherever it was turned back; warn who does not say what it is to be."""
    services = {place.service for place in scene.placements}
    here = sorted(scene.placements)
    for one in scene.quarantine:
        if one.held and one.named_by(scene.names, scene.placements):
            told = f"{Reason.QUARANTINED.sentence} {one.sentence}"
            yield _found(Answer.FREEZE, Reason.QUARANTINED, told, here)
        elif one.held and not scene.names and one.placement.service in services:
            told = f"{Reason.QUARANTINE_NEARBY.sentence} {one.sentence}"
            yield _found(Answer.WARN, Reason.QUARANTINE_NEARBY, told, here)


#: Everything that hinders; the first that refuses is told first.
HINDRANCES: tuple[Hindrance, ...] = (quarantined, frozen, remediated, paging)


def hindrances(scene: Scene) -> tuple[Finding, ...]:
    """Return all that hinders a deployment, and what warns of one."""
    return tuple(finding for look in HINDRANCES for finding in look(scene))


def _found(answer: Answer, reason: Reason, sentence: str, placements: list[Placement]) -> Finding:
    return Finding(answer=answer, reason=reason, sentence=sentence, placements=tuple(sorted(placements)))
