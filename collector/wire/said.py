"""What ECS says of a service's plight where it describes the service: the newest hundred lines, in prose.

The prose is matched by what it begins with; what is not known means nothing.  It does not say which provider
had no room for a task.
"""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from collector.estate import Plight, Said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mypy_boto3_ecs.type_defs import ServiceTypeDef

#: What is older is of the past; so many are kept of one service.
SAID_FOR = timedelta(minutes=30)
SAID_MAX = 10
TEXT_MAX = 500
#: [ECS guide, service event messages]; of a failed deployment not tried on a real account.
BEGINNINGS = {
    "was unable to place a task": Plight.UNPLACED,
    "is unable to consistently start tasks successfully": Plight.IMPAIRED,
    "deployment failed": Plight.NOT_DEPLOYED,
}
NO_ROOM = "Capacity is unavailable at this time"
#: Such as `(service web-app) (deployment ecs-svc/123) deployment failed: tasks failed to start.`
LINE = re.compile(r"\(service [^)]*\) (?:\(deployment ([^)]*)\) )?(.*)", re.DOTALL)


def said(service: ServiceTypeDef, now: datetime) -> tuple[Said, ...]:
    """Return the plights that a service was lately in, newest first."""
    found = sorted(_lines(service, now), key=lambda one: one.at, reverse=True)
    return tuple(found[:SAID_MAX])


def _lines(service: ServiceTypeDef, now: datetime) -> Iterator[Said]:
    for line in service.get("events", ()):
        read = LINE.match(line.get("message", "")[:TEXT_MAX])
        about, text = read.groups(default="") if read else ("", "")
        plight = next((word for start, word in BEGINNINGS.items() if text.startswith(start)), None)
        if plight is not None and now - (at := line["createdAt"].astimezone(UTC)) <= SAID_FOR:
            yield Said(line["id"], at, plight, text, about, capacity=NO_ROOM in text)
