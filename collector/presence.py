"""What was seen of the estate, since when, and what has vanished: that is no outage, and is not forgotten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collector.estate import Abandoned, RegionEstate
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.estate import ServiceView

#: A service has vanished when so many complete answers in a row lack it: one, empty or not, is doubted.
ANSWERS_TO_BELIEVE = 2
#: The last minutes of what has vanished, be it a service or what stood before one, are asked for so much
#: longer: CloudWatch may tell them late, and the daily look back must not judge them without it.
ASKED_AFTER = timedelta(hours=32)


@dataclass(frozen=True, slots=True)
class Sighting:
    """When a placement was seen first and last; `missed` answers in a row lack it, since `missing_since`."""

    placement: Placement
    first_seen: datetime
    last_seen: datetime
    missed: int = 0
    missing_since: datetime | None = None

    def __post_init__(self) -> None:
        if self.first_seen > self.last_seen:
            raise ValueError(f"{self.placement} was seen last before it was seen first")
        if (self.missed > 0) != (self.missing_since is not None):
            raise ValueError(f"{self.placement} is missing since a moment exactly when an answer lacks it")

    @property
    def vanished_since(self) -> datetime | None:
        """Since when it is gone; None while it is there or only doubted."""
        return self.missing_since if self.missed >= ANSWERS_TO_BELIEVE else None

    def asked_for(self, now: datetime) -> bool:
        """Whether its minutes are still asked for."""
        return self.vanished_since is None or now - self.vanished_since < ASKED_AFTER

    def seen(self, now: datetime) -> Sighting:
        """Return it as seen; what comes back goes on where it was."""
        return Sighting(self.placement, self.first_seen, now)

    def lacked(self, now: datetime) -> Sighting:
        """Return it as lacked by one more complete answer; what is believed gone is not counted further."""
        if self.vanished_since is not None:
            return self
        return replace(self, missed=self.missed + 1, missing_since=self.missing_since or now)


def first_looks(sightings: Iterable[Sighting]) -> dict[tuple[str, str], datetime]:
    """Return when each region was first looked at."""
    found: dict[tuple[str, str], datetime] = {}
    for sighting in sightings:
        scope = (sighting.placement.account, sighting.placement.region)
        found[scope] = min(sighting.first_seen, found.get(scope, sighting.first_seen))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """A region as it stands: what was told, and the last views of what is missing and still asked for."""

    estate: RegionEstate
    sightings: tuple[Sighting, ...]


def after(
    told: RegionEstate, before: RegionEstate | None, sightings: Mapping[Placement, Sighting]
) -> Standing:
    """Return how a region stands after a complete answer, by what was known of it."""
    now, here = told.seen_at, {view.placement: view for view in told.services}
    seen = [sightings.get(place, Sighting(place, now, now)).seen(now) for place in here]
    lacked = [
        sighting.lacked(now)
        for place, sighting in sightings.items()
        if (place.account, place.region) == (told.account, told.region) and place not in here
    ]
    lingering = {sighting.placement for sighting in lacked if sighting.asked_for(now)}
    earlier = {view.placement: view for view in (before.services if before else ())}
    last = [view for place, view in earlier.items() if place in lingering]
    there = [_with_abandoned(view, earlier.get(place), now) for place, view in here.items()]
    services = tuple(sorted((*there, *last), key=lambda view: view.placement))
    return Standing(replace(told, services=services), (*seen, *lacked))


def _with_abandoned(view: ServiceView, before: ServiceView | None, now: datetime) -> ServiceView:
    """Return a view with the routes that it lacks by now, while their last minutes are asked for."""
    if before is None:
        return view
    left = (*before.abandoned, *(Abandoned(route, now) for route in before.routes))
    return replace(
        view,
        abandoned=tuple(
            one for one in left if one.route not in view.routes and now - one.left_at < ASKED_AFTER
        ),
    )
