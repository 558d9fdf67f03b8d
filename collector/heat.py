"""Which services are read closely: those that something lately spoke of as in trouble or being changed.

A service is hot in every region at once, since a diagnosis compares the same minutes of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

#: How long one sign keeps a service hot: longer than burn rates over 5 minutes take to fall silent.
HOT_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Heat:
    """Until when each service is hot.  Threads may share it: each sign replaces one value."""

    _until: dict[str, datetime] = field(default_factory=dict)

    def sign(self, service: str, now: datetime) -> None:
        """Note a sign of trouble or change."""
        self._until[service] = now + HOT_FOR

    def hot(self, now: datetime) -> frozenset[str]:
        """Return the services that are hot."""
        return frozenset(service for service, until in self._until.copy().items() if now < until)
