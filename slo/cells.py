"""What was counted in a minute: cells as columns of integers, and a state that says what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE_S = 60
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True, order=True)
class Placement:
    """One ECS service in one cluster, region and account: the key of events, locks, actions and cells."""

    account: str
    region: str
    cluster: str
    service: str

    def __post_init__(self) -> None:
        for part in (self.account, self.region, self.cluster, self.service):
            if not part or "/" in part:
                raise ValueError(f"a placement is account/region/cluster/service, got {self}")

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.cluster}/{self.service}"

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Read `account/region/cluster/service`."""
        parts = text.split("/")
        if len(parts) != 4:  # noqa: PLR2004 - the four parts named in the message
            raise ValueError(f"a placement is account/region/cluster/service, got {text!r}")
        return cls(*parts)

    @property
    def arn(self) -> str:
        """The service ARN, in the partition that the region belongs to."""
        partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")
        return f"arn:{partition}:ecs:{self.region}:{self.account}:service/{self.cluster}/{self.service}"


class Indicator(StrEnum):
    """What is counted (an SLI)."""

    AVAILABILITY = "availability"
    LATENCY = "latency"
    TARGET_AVAILABILITY = "target_availability"
    FRESHNESS = "freshness"
    SCHEDULE = "schedule"
    PROBE = "probe"

    @property
    def scale(self) -> int:
        """How many counts stand for one request: CloudWatch tells fast requests in fractions."""
        return 1000 if self is Indicator.LATENCY else 1

    @property
    def counted(self) -> Literal["requests", "minutes", "runs", "checks"]:
        """What people call what is counted: what users ask for, or what happens without them."""
        return _COUNTED.get(self, "requests")


_COUNTED: Mapping[Indicator, Literal["minutes", "runs", "checks"]] = {
    Indicator.FRESHNESS: "minutes",
    Indicator.SCHEDULE: "runs",
    Indicator.PROBE: "checks",
}


@dataclass(frozen=True, slots=True, order=True)
class Sli:
    """One indicator of one placement: a column of the ledger."""

    placement: Placement
    indicator: Indicator

    def __str__(self) -> str:
        return f"{self.placement}/{self.indicator}"


class State(IntEnum):
    """What is known of a minute.  Unknown is neither good nor bad, and is never counted as good."""

    UNKNOWN = 0
    NO_TRAFFIC = 1
    OBSERVED = 2
    EXCLUDED = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One minute of one SLI, in the indicator's scale."""

    bad: int
    total: int
    state: State


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A rectangle of cells: consecutive minutes (rows) of several SLIs (columns).

    `bad` and `total` are int64 [minutes, slis] in the indicator's scale, `state` uint8 of the same shape.
    Counts are zero wherever the state is not OBSERVED.
    """

    slis: tuple[Sli, ...]
    start: int
    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    state: NDArray[np.uint8]

    def __post_init__(self) -> None:
        shape = (len(self.state), len(self.slis))
        if not self.bad.shape == self.total.shape == self.state.shape == shape:
            raise ValueError(
                f"shapes differ: {self.bad.shape}, {self.total.shape}, {self.state.shape}, {shape}"
            )
        if (self.bad < 0).any() or (self.bad > self.total).any():
            raise ValueError("a cell needs 0 <= bad <= total")
        if self.total[self.state != State.OBSERVED].any():
            raise ValueError("only observed cells carry counts")

    @property
    def minutes(self) -> range:
        """The minutes of the rows, each as minutes since 1970 in UTC."""
        return range(self.start, self.start + len(self.state))

    def told(self) -> Block:
        """Return the block up to the newest minute of which anything is known."""
        rows = np.flatnonzero((self.state != State.UNKNOWN).any(axis=1))
        end = int(rows[-1]) + 1 if len(rows) else 0
        return Block(self.slis, self.start, self.bad[:end], self.total[:end], self.state[:end])


def minute_of(moment: datetime) -> int:
    """Return the minute that holds the moment, counted from 1970 in UTC."""
    return int(moment.timestamp()) // MINUTE_S


def moment_of(minute: int) -> datetime:
    """Return the start of the minute, in UTC."""
    return datetime.fromtimestamp(minute * MINUTE_S, UTC)
