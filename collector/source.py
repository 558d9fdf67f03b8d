"""The seam to what AWS knows: `Source` reads metrics and services; a gap says why it could not.

CollectError
├── ThrottledError    AWS asked us to slow down; retrying later helps
├── DeniedError       a permission is missing; retrying never helps
└── UnreachableError  no answer, or one that made no sense; retrying may help
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collector.estate import Deployed, RegionEstate, Revision, ServiceView
    from collector.remains import Remains
    from collector.runs import TaskRun
    from slo.cells import Placement

#: GetMetricData takes 500 queries and answers 100,800 points a call [CloudWatch service quotas].
QUERIES_PER_CALL_MAX = 500
POINTS_PER_CALL_MAX = 100_800
#: CloudWatch keeps 1-minute points for 15 days [GetMetricData]; one hour of them is left to finish reading.
RETENTION_MINUTES = (15 * 24 - 1) * 60


class CollectError(Exception):
    """Something outside could not be read."""


class ThrottledError(CollectError):
    """AWS asked us to slow down.  Retrying later helps."""


class DeniedError(CollectError):
    """A permission is missing.  Retrying never helps; the role needs the action that the message names."""


class UnreachableError(CollectError):
    """No answer came, or one that cannot be understood.  Retrying may help."""


class GapReason(StrEnum):
    """Why a series has no answer."""

    THROTTLED = "throttled"
    DENIED = "denied"
    UNREACHABLE = "unreachable"
    PARTIAL = "partial"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Gap:
    """Why something was not answered.  A gap is never counted as good."""

    reason: GapReason
    detail: str


@dataclass(frozen=True, slots=True)
class Lasting:
    """A gap that was there at the last answer too, and since when."""

    gap: Gap
    since: datetime


@dataclass(frozen=True, slots=True)
class Query:
    """One statistic of one metric."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Batch:
    """Queries that go out in one GetMetricData call.

    Kept and reused as the same object, so that a source may remember where its queries lead.
    """

    account: str
    region: str
    queries: tuple[Query, ...]
    period_s: int = 60

    def __post_init__(self) -> None:
        if not 0 < len(self.queries) <= QUERIES_PER_CALL_MAX:
            raise ValueError(f"a batch holds 1 to {QUERIES_PER_CALL_MAX} queries, got {len(self.queries)}")


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """The answer to a batch: `values` is float64 [queries, minutes] from minute `start`.

    NaN stands where AWS told no point.  `gaps` names the rows that were not answered at all: their NaNs mean
    unknown, not absent.
    """

    batch: Batch
    start: int
    values: NDArray[np.float64]
    gaps: Mapping[int, Gap] = field(default_factory=dict)


class Source(Protocol):
    """Where facts about the estate come from: AWS, or the simulated world."""

    def estate(self, account: str, region: str) -> RegionEstate:
        """Return every service of a region.  Raises CollectError."""
        ...

    def stale(self, placement: Placement) -> None:
        """Read anew, with the next look, what was kept of a service that was deployed."""
        ...

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        """Return the minutes `[start, end)` of a batch; what failed is a gap.  Never raises CollectError."""
        ...

    def service(self, placement: Placement) -> ServiceView:
        """Return one service as it is now, with its recent deployments.  Raises CollectError."""
        ...

    def deployed(self, placement: Placement, since: datetime) -> tuple[Deployed, ...]:
        """Return every deployment of a service that was made after the moment.  Raises CollectError."""
        ...

    def remains(self, placement: Placement, revision: Revision) -> Remains:
        """Return whether all that a revision is made of is still there.  Never raises CollectError."""
        ...

    def runs(self, account: str, region: str, cluster: str, family: str) -> tuple[TaskRun, ...]:
        """Return the tasks of a family outside any service that ECS still tells of.  Raises CollectError."""
        ...
