"""What a look at AWS tells of access to it: values for whoever judges an installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are there, and what time it is by AWS's clock, if it said so."""

    arn: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class QueueLook:
    """What a queue holds: messages that wait, and dead letters; None where it has no queue for them."""

    waiting: int
    dead: int | None
    oldest_dead_s: float | None = None


@dataclass(frozen=True, slots=True)
class AlarmLook:
    """What an alarm says, and whether it tells anybody."""

    state: str
    reason: str
    tells: bool


@dataclass(frozen=True, slots=True)
class BucketLook:
    """What a look at a bucket told; `reachable` is None where looking is denied: writing need not be."""

    reachable: bool | None
    why: str = ""


class Checkup(Protocol):
    """One look at each thing; every method raises CollectError where there is no answer."""

    def identity(self, account: str, region: str) -> Identity:
        """Return who we are in an account."""
        ...

    def denied(self, account: str, region: str) -> Mapping[str, str]:
        """Try one cheap read of each kind; return what each refused IAM action was answered."""
        ...

    def queue(self, account: str, region: str, url: str) -> QueueLook:
        """Count what a queue and its dead letters hold."""
        ...

    def bucket(self, account: str, region: str, name: str) -> BucketLook:
        """Look whether a bucket is there, in that region."""
        ...

    def alarm(self, account: str, region: str, name: str) -> AlarmLook | None:
        """Return an alarm, or None if there is none of this name."""
        ...
