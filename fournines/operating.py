"""What is kept of a month beside its cells, as its statement asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.estate import TURNED_BACK, UNDER_WAY, Deployed, DeploymentStatus
from collector.presence import first_looks
from remediation.actions.effects import StopDeployment, TurnBackAtHook
from slo.cells import minute_of
from slo.months import Stretch
from slo.operations import Deed, Deployment, Facts, Outcome, Record
from slo.usage import slots

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from collector.presence import Sighting
    from fournines.store.books import Books
    from remediation.workflow.run import Run
    from slo.cells import Placement
    from slo.operations import Price


def facts(
    books: Books, covers: Callable[[Placement], bool], span: Stretch, prices: Sequence[Price] = ()
) -> Facts:
    """Return what is known of the placements in question over a stretch; what ran is read one by one."""
    done = [run for run in books.runs.every() if covers(run.placement) and _within(run.acted_at, span)]
    recalled = {
        run.effect.deployment_arn for run in done if isinstance(run.effect, StopDeployment | TurnBackAtHook)
    }
    told = books.deployed(span.starts_at, span.ends_at)
    return Facts(
        records=_records(books, covers, span),
        deployments=tuple(_deployment(one, recalled) for one in told if covers(one.placement)),
        deeds=tuple(_deeds(done)),
        prices=tuple(prices),
    )


def _records(books: Books, covers: Callable[[Placement], bool], span: Stretch) -> Iterator[Record]:
    """Yield what ran of each placement that was there, by service and region."""
    sightings = books.sightings()
    looked_first = first_looks(sightings)
    there = sorted(
        (one for one in sightings if covers(one.placement)),
        key=lambda one: (one.placement.service, one.placement.region, one.placement),
    )
    for sighting in there:
        if lived := _lived(sighting, looked_first, span):
            yield Record(
                placement=sighting.placement, lived=lived, usage=books.usage(sighting.placement, slots(span))
            )


def _lived(
    sighting: Sighting, looked_first: Mapping[tuple[str, str], datetime], span: Stretch
) -> Stretch | None:
    """Return the part of the stretch in which a placement was there; None if it was in none.

    Who was there when its region was first looked at was there before.
    """
    scope = (sighting.placement.account, sighting.placement.region)
    new, gone = sighting.first_seen > looked_first[scope], sighting.vanished_since is not None
    start = max(span.start, minute_of(sighting.first_seen)) if new else span.start
    end = min(span.end, minute_of(sighting.last_seen)) if gone else span.end
    return Stretch(start, end) if start < end else None


def _deployment(told: Deployed, recalled: Collection[str]) -> Deployment:
    return Deployment(
        placement=told.placement, id=told.arn, started_at=told.created_at, outcome=_outcome(told, recalled)
    )


def _outcome(told: Deployed, recalled: Collection[str]) -> Outcome:
    if told.status is DeploymentStatus.ROLLBACK_FAILED:
        return Outcome.FAILED
    if told.status in TURNED_BACK:
        return Outcome.RECALLED if told.arn in recalled else Outcome.ROLLED_BACK
    if told.status is DeploymentStatus.SUCCESSFUL:
        return Outcome.SUCCEEDED
    open_still = told.status in UNDER_WAY or told.status is DeploymentStatus.UNRECOGNISED
    return Outcome.UNDER_WAY if open_still else Outcome.FAILED


def _deeds(done: Iterable[Run]) -> Iterator[Deed]:
    """Yield what we did; to undo a change is no action of its own."""
    for run in done:
        if run.acted_at is not None and not run.undo:
            yield Deed(placement=run.placement, action=str(run.action), at=run.acted_at)


def _within(moment: datetime | None, span: Stretch) -> bool:
    return moment is not None and span.starts_at <= moment < span.ends_at
