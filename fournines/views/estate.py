"""The estate for programs: every placement that is or ever was there, and since when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from collector.estate import ServiceView
from collector.presence import Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slo.cells import Placement


@dataclass(frozen=True, slots=True)
class PlacementRow:
    """One placement: when it was seen, and how it was described last; None once it has vanished."""

    sighting: Sighting
    view: ServiceView | None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        sighting = self.sighting
        gone = sighting.vanished_since
        return {
            **asdict(sighting.placement),
            "first_seen": sighting.first_seen.isoformat(),
            "last_seen": sighting.last_seen.isoformat(),
            "vanished_since": gone.isoformat() if gone else None,
            **(_described(self.view) if self.view else {}),
        }


def placements(
    sightings: Mapping[Placement, Sighting], services: Mapping[Placement, ServiceView]
) -> tuple[PlacementRow, ...]:
    """Return every placement that was seen, in order, as it is described if it is there."""
    return tuple(PlacementRow(sightings[place], services.get(place)) for place in sorted(sightings))


def _described(view: ServiceView) -> dict[str, Any]:
    return {
        **asdict(view.belonging),
        "launch_types": view.launch_types,
        "task_definition": asdict(view.definition) if view.definition else None,
        "insights": view.insights,
        "discovery_names": view.discovery_names,
        "target_groups": view.target_groups,
        "load_balancers": view.load_balancers,
        "entrances": [asdict(entrance) for entrance in view.entrances],
    }
