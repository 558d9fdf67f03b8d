"""The Source seam on AWS itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from collector.estate import TagKeys
from collector.runs import family_of
from collector.wire import cloudwatch, deployments, discovery, remains, runs, tasks, zones
from collector.wire.discovery import Site
from collector.wire.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.estate import Deployed, RegionEstate, Revision, ServiceView
    from collector.remains import Remains
    from collector.runs import TaskRun
    from collector.source import Batch, Readings
    from collector.wire.session import Sessions
    from slo.cells import Placement


class AwsSource:
    """Reads AWS; may be shared by threads.  `now` stamps what was seen, on the clock that decides.

    `tags` are the keys under which tags say whose a service is.  `metrics` reads batches in another way than
    over the wire, where there is a shorter one.
    """

    def __init__(
        self,
        sessions: Sessions,
        now: Callable[[], datetime],
        tags: TagKeys | None = None,
        metrics: Callable[[Batch, int, int], Readings] | None = None,
    ) -> None:
        self._sessions = sessions
        self._now = now
        self._tags = tags or TagKeys()
        self._metrics = metrics or self._asked
        self._memories: dict[tuple[str, str], Memory] = {}

    def estate(self, account: str, region: str) -> RegionEstate:
        """Return every service of a region.  Raises CollectError."""
        return discovery.discover(self._site(account, region, patient=True))

    def stale(self, placement: Placement) -> None:
        """Read anew, with the next look, what was kept of a service that was deployed."""
        self._memory(placement.account, placement.region).stale.add(placement)

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        """Return the minutes `[start, end)` of a batch; what failed is a gap."""
        return self._metrics(batch, start, end)

    def _asked(self, batch: Batch, start: int, end: int) -> Readings:
        client = self._sessions.cloudwatch(batch.account, batch.region)
        return cloudwatch.read(client, batch, start, end)

    def service(self, placement: Placement) -> ServiceView:
        """Return one service as it is now, with its recent deployments.  Raises CollectError."""
        site = self._site(placement.account, placement.region)
        view, revisions = discovery.describe(site, placement)
        recent = deployments.recent(site.ecs, placement)
        return replace(
            view,
            deployments=recent,
            standing=None if recent else deployments.standing(site.ecs, revisions),
            tasks=tasks.of_service(site.ecs, placement),
            **zones.told(site, view),
        )

    def remains(self, placement: Placement, revision: Revision) -> Remains:
        """Return whether all that a revision is made of is still there."""
        return remains.of(self._sessions, placement, revision, self._now())

    def deployed(self, placement: Placement, since: datetime) -> tuple[Deployed, ...]:
        """Return every deployment of a service that was made after the moment.  Raises CollectError."""
        ecs = self._sessions.ecs(placement.account, placement.region, patient=True)
        return deployments.since(ecs, placement, since)

    def runs(self, account: str, region: str, cluster: str, family: str) -> tuple[TaskRun, ...]:
        """Return the tasks of a family outside any service that ECS still tells of.  Raises CollectError."""
        ecs = self._sessions.ecs(account, region, patient=True)
        return runs.told(ecs, family_of(account, region, cluster, family), self._now())

    def _site(self, account: str, region: str, *, patient: bool = False) -> Site:
        return Site(
            account=account,
            region=region,
            sessions=self._sessions,
            memory=self._memory(account, region),
            tags=self._tags,
            now=self._now(),
            patient=patient,
        )

    def _memory(self, account: str, region: str) -> Memory:
        return self._memories.setdefault((account, region), Memory())
