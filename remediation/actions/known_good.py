"""Which revision was good, which is in quarantine, and which cannot be known to be either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.estate import TURNED_BACK, DeploymentStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.estate import Deployment, Revision, ServiceView
    from remediation.history import PastAction


def known_good(view: ServiceView, suspect: Deployment, history: Iterable[PastAction] = ()) -> Revision | None:
    """Return the newest revision that served before the suspect deployment, or None.

    A deployment that succeeded put its target in place, one that was rolled back what it went back to.
    ECS keeps 90 days of deployments; if that is too short, what the suspect replaced is known as well.
    """
    bad = quarantine(view, history) | {suspect.target.arn}
    earlier = [d for d in view.deployments if d.created_at < suspect.created_at]
    served = [_left_in_place(d) for d in sorted(earlier, key=lambda d: d.created_at, reverse=True)]
    replaced = suspect.sources if len(suspect.sources) == 1 else ()
    return next((r for r in (*served, *replaced) if r and not {r.arn, r.task_definition} & bad), None)


def quarantine(view: ServiceView, history: Iterable[PastAction] = ()) -> frozenset[str]:
    """Return the revisions that ECS turned back, and the task definitions that we left.

    A rollback that was only planned convicts nobody.  ECS may have turned back for want of capacity; what we
    left comes back as another revision of the same.
    """
    by_ecs = {d.target.arn for d in view.deployments if d.status in TURNED_BACK}
    return frozenset(by_ecs | {past.suspect for past in history if past.suspect and past.carried_out})


def _left_in_place(deployment: Deployment) -> Revision | None:
    if deployment.status is DeploymentStatus.SUCCESSFUL:
        return deployment.target
    if deployment.status is DeploymentStatus.ROLLBACK_SUCCESSFUL:
        return deployment.rolled_back_to
    return None
