"""What belongs into quarantine and what comes back from there; and a person's word that releases it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import TURNED_BACK, UNDER_WAY, DeploymentStatus
from remediation.diagnosis.deployments import OURS_WITHIN
from remediation.events.event import ServiceAction
from remediation.journal import Entry, EntryKind
from remediation.quarantine import Quarantined, meeting
from remediation.tenure import PROVEN_MINUTES, proofs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from collector.estate import Deployment, Revision, ServiceView
    from fournines.store.books import Books
    from remediation.events.event import Event
    from remediation.history import PastAction
    from remediation.tenure import Tenure
    from remediation.workflow.run import Run
    from slo.cells import Placement

#: What was deployed longer ago is no news any more.
NEWS_FOR = timedelta(hours=1)
#: Who turned back what was not ours.
ECS = "ECS"


def convicted(run: Run, view: ServiceView, tenures: Sequence[Tenure]) -> Quarantined:
    """Return what a rollback of ours left, with the digests that are its own."""
    assert run.suspect is not None, "only a rollback leaves a revision"
    assert run.acted_at is not None, "it was carried out"
    blamed = [d.target for d in view.deployments if d.target.task_definition == run.suspect]
    return Quarantined(
        id=run.id,
        placement=run.placement,
        task_definition=run.suspect,
        digests=_own(blamed[0], run.placement, tenures) if blamed else (),
        at=run.acted_at,
        who="fournines",
        why="it was rolled back.",
        incident=run.incident,
    )


def turned_back(
    view: ServiceView,
    tenures: Sequence[Tenure],
    past: Sequence[PastAction],
    events: Sequence[Event],
    now: datetime,
) -> Iterator[Quarantined]:
    """Yield what ECS gave up because it failed: nothing of ours, nothing proven, nothing short of room."""
    here = [one for one in tenures if one.placement == view.placement]
    for deployment in view.deployments:
        if deployment.status not in TURNED_BACK or not deployment.triggered:
            continue
        proven = any(p.proven and p.revision.alike(deployment.target) for p in proofs(here))
        if proven or _ours(deployment, past, now) or _short_of_room(deployment, events, now):
            continue
        yield Quarantined(
            id=deployment.arn,
            placement=view.placement,
            task_definition=deployment.target.task_definition,
            digests=_own(deployment.target, view.placement, tenures),
            at=deployment.finished_at or now,
            who=ECS,
            why=f"ECS turned it back: {', '.join(deployment.triggered)}.",
        )


def redeployments(
    view: ServiceView, quarantine: Sequence[Quarantined], now: datetime
) -> Iterator[tuple[str, Quarantined]]:
    """Yield each deployment that brings back what is in quarantine, and what that is."""
    for deployment in view.deployments:
        going = deployment.status in UNDER_WAY | {DeploymentStatus.SUCCESSFUL}
        held = [one for one in meeting(quarantine, deployment.target) if one.at < deployment.created_at]
        if going and held and now - deployment.created_at < NEWS_FOR:
            yield deployment.arn, held[0]


def release(books: Books, held: Sequence[Quarantined], who: str, why: str, now: datetime) -> str:
    """Release from quarantine, journal it, and return what came of it in words."""
    if not held:
        return "Nothing of this name is in quarantine."
    freed = ", ".join(dict.fromkeys(one.short for one in held))
    sentence = f"{freed} is released from quarantine by {who}: {why}"
    about = {"task_definition": held[0].task_definition, "released": True}
    entries = [
        Entry(EntryKind.QUARANTINED, now, sentence, incident=incident, actor=who, data=about)
        for incident in dict.fromkeys(one.incident for one in held)
    ]
    books.revisions.release(held, who, why, now, entries)
    return sentence


def _own(revision: Revision, placement: Placement, tenures: Iterable[Tenure]) -> tuple[str, ...]:
    """Return the digests that only the bad revision runs.

    An image that another service runs, or that a proven revision ran here before, such as a sidecar's or that
    of a change of settings, is not what was bad.
    """
    innocent = {
        digest
        for one in tenures
        if one.placement.service != placement.service or (one.placement == placement and _proven(one))
        if not one.revision.alike(revision)
        for digest in one.revision.digests
    }
    return tuple(sorted(revision.digests - innocent))


def _proven(tenure: Tenure) -> bool:
    return tenure.streak >= PROVEN_MINUTES


def _ours(deployment: Deployment, past: Iterable[PastAction], now: datetime) -> bool:
    """Whether it is a rollback of ours, which a deployment alarm may take back for the minutes before it."""
    return any(
        one.target == deployment.target.task_definition
        and one.started_at <= deployment.created_at <= (one.acted_at or one.ended_at or now) + OURS_WITHIN
        for one in past
    )


def _short_of_room(deployment: Deployment, events: Iterable[Event], now: datetime) -> bool:
    """Whether ECS could not place tasks while it deployed: then it turned back for want of capacity."""
    return any(
        isinstance(event, ServiceAction)
        and event.name == "SERVICE_TASK_PLACEMENT_FAILURE"
        and event.origin.at is not None
        and deployment.created_at <= event.origin.at <= (deployment.finished_at or now)
        for event in events
    )
