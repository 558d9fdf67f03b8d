"""What is read closely: services that something lately spoke of as in trouble or being changed.

A service is hot in every region at once, since a diagnosis compares the same minutes of all of them.  Where
users feel something, what counts of the whole region is: whoever is blamed, its neighbours may acquit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collector.bundle import Area

#: How long one sign keeps a service hot: longer than burn rates over 5 minutes take to fall silent.
HOT_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Heat:
    """Until when each service and region is hot.  Threads may share it: each sign replaces one value."""

    _services: dict[str, datetime] = field(default_factory=dict)
    _areas: dict[Area, datetime] = field(default_factory=dict)

    def sign(self, service: str, now: datetime) -> None:
        """Note a sign of trouble or change."""
        self._services[service] = now + HOT_FOR

    def alarm(self, area: Area, now: datetime) -> None:
        """Note that users feel something in a region."""
        self._areas[area] = now + HOT_FOR

    def hot(self, now: datetime) -> frozenset[str]:
        """Return the services that are hot."""
        return frozenset(service for service, until in self._services.copy().items() if now < until)

    def alarmed(self, now: datetime) -> frozenset[Area]:
        """Return the regions in which users feel something."""
        return frozenset(area for area, until in self._areas.copy().items() if now < until)
