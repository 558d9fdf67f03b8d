"""Checks from outside in a rehearsal: whoever makes one knocks at the simulated service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.probes import Answer, Check, Probe, Probes, Reason
from slo.cells import Placement

if TYPE_CHECKING:
    from collector.probes import Target
    from simulator.estate import Estate
    from simulator.world import World


class WorldProber:
    """Makes checks in the world, where the time that an answer takes passes for nobody.

    A simulated service answers with a status and no page, so that no text can be expected of it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._doors = {
            Placement(place.account, place.region, place.cluster, place.service): place.index
            for place in world.estate.places
        }

    def check(self, target: Target) -> Answer:
        """Make the target's check and return what came of it."""
        check = target.check
        status, seconds = self._world.knock(self._doors[target.placement])
        timeout_s = check.timeout.total_seconds()
        if seconds >= timeout_s:
            return Answer(timeout_s, Reason.TIMEOUT, f"no whole answer within {timeout_s:g} s")
        if status not in check.expect:
            return Answer(seconds, Reason.STATUS, f"it answers {status}")
        return Answer(seconds)


def every_door(estate: Estate) -> Probes:
    """Return a probe of every service that users reach."""
    return Probes(
        tuple(
            Probe(
                check=Check(url=f"https://{place.host}/"),
                service=place.service,
                region=place.region,
                account=place.account,
                cluster=place.cluster,
            )
            for place in estate.places
            if place.spec.front != "none"
        )
    )
