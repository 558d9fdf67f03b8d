"""The Source seam on AWS itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from collector.wire import cloudwatch, deployments, discovery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.estate import RegionEstate, ServiceView
    from collector.source import Batch, Readings
    from collector.wire.session import Sessions
    from slo.cells import Placement


class AwsSource:
    """Reads AWS; may be shared by threads.  `now` stamps what was seen, on the clock that decides."""

    def __init__(self, sessions: Sessions, now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._now = now

    def estate(self, account: str, region: str) -> RegionEstate:
        """Return every service of a region.  Raises CollectError."""
        return discovery.discover(self._sessions, account, region, self._now())

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        """Return the minutes `[start, end)` of a batch; what failed is a gap."""
        client = self._sessions.cloudwatch(batch.account, batch.region)
        return cloudwatch.read(client, batch, start, end)

    def service(self, placement: Placement) -> ServiceView:
        """Return one service as it is now, with its recent deployments.  Raises CollectError."""
        view = discovery.describe(self._sessions, placement, self._now())
        ecs = self._sessions.ecs(placement.account, placement.region)
        return replace(view, deployments=deployments.recent(ecs, placement))
