"""What the gate for deployments rests on at one moment, and its answer for any service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from fournines.trouble import Trouble
from remediation.decision.hindrances import Scene, hindrances
from remediation.decision.policy import Freeze
from remediation.incidents import Incident
from remediation.quarantine import Quarantined
from slo import gate
from slo.burn import Alert
from slo.cells import Placement
from slo.gate import Override, Standing, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Every budget as it stands, what goes on, and the placements that are there."""

    placements: frozenset[Placement]
    standings: tuple[Standing, ...]
    alerts: tuple[Alert, ...]
    incidents: tuple[Incident, ...]
    freezes: tuple[Freeze, ...]
    overrides: tuple[Override, ...]
    quarantine: tuple[Quarantined, ...] = ()
    now: datetime

    def ask(self, service: str, region: str | None = None, names: frozenset[str] = frozenset()) -> Verdict:
        """Answer for a service, in a region or in all of its own.  Raises Trouble where there is no such.

        `names` are the task definition and the digests that are to be deployed.
        """
        own = {placement for placement in self.placements if placement.service == service}
        if not own:
            raise Trouble(f"there is no service {service!r}: {_named({p.service for p in self.placements})}")
        here = frozenset(placement for placement in own if region in {None, placement.region})
        if not here:
            raise Trouble(f"{service} is not in {region!r}: {_named({p.region for p in own})}")
        scene = Scene(
            placements=here,
            alerts=self.alerts,
            incidents=self.incidents,
            freezes=self.freezes,
            quarantine=self.quarantine,
            names=names,
            now=self.now,
        )
        return gate.verdict(
            service,
            region,
            placements=here,
            standings=self.standings,
            hindrances=hindrances(scene),
            overrides=self.overrides,
            now=self.now,
        )

    def services(self) -> Iterator[Verdict]:
        """Answer for every service in all of its regions."""
        for service, own in sorted(self._by_service().items()):
            yield own.ask(service)

    def everywhere(self) -> Iterator[Verdict]:
        """Answer for every service in each of its regions."""
        for service, own in sorted(self._by_service().items()):
            for region in sorted({placement.region for placement in own.placements}):
                yield own.ask(service, region)

    def _by_service(self) -> dict[str, Gate]:
        """Part what is known by service: asking a thousand times must not look a thousand times at all."""
        placements: dict[str, list[Placement]] = {}
        standings: dict[str, list[Standing]] = {}
        for placement in self.placements:
            placements.setdefault(placement.service, []).append(placement)
        for standing in self.standings:
            standings.setdefault(standing.budget.placements[0].service, []).append(standing)
        return {
            service: replace(self, placements=frozenset(here), standings=tuple(standings.get(service, ())))
            for service, here in placements.items()
        }


def _named(names: set[str]) -> str:
    return f"there are {', '.join(sorted(names))}" if names else "nothing was discovered or counted yet"
