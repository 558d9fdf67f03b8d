"""What CI is told about the quarantine: a notice as JSON, signed, and the seam to whoever takes it."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from remediation.quarantine import Quarantined

#: The headers of a notice: its id, which a receiver may tell a repetition by, and what proves who sent it.
ID_HEADER, TIME_HEADER, SIGNATURE_HEADER = (
    "X-Fournines-Id",
    "X-Fournines-Timestamp",
    "X-Fournines-Signature",
)


class NoticeKind(StrEnum):
    """What has become of a revision."""

    QUARANTINED = "quarantined"
    RELEASED = "released"
    REDEPLOYED = "redeployed"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that CI is told; `id` is the same however often it is sent."""

    id: str
    kind: NoticeKind
    at: datetime
    about: Quarantined

    @property
    def body(self) -> str:
        """The notice as JSON."""
        about, place = self.about, self.about.placement
        who, why = (
            (about.released_by, about.released_why)
            if self.kind is NoticeKind.RELEASED
            else (about.who, about.why)
        )
        return json.dumps(
            {
                "id": self.id,
                "event": self.kind,
                "at": self.at.isoformat(),
                "service": place.service,
                "account": place.account,
                "region": place.region,
                "cluster": place.cluster,
                "task_definition": about.task_definition,
                "digests": list(about.digests),
                "incident": about.incident,
                "who": who,
                "why": why,
            },
            ensure_ascii=False,
        )


def signature(secret: str, timestamp: int, body: str) -> str:
    """Return a notice's signature: HMAC-SHA256 over its time and body, so that nobody can repeat it later."""
    signed = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Handed:
    """Whether a notice was taken; `why` it was not."""

    taken: bool
    why: str = ""


class Hook(Protocol):
    """Where notices go."""

    def hand(self, name: str, body: str) -> Handed:
        """Send a notice once.  Never raises for what the network or the receiver does."""
        ...
