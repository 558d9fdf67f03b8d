"""Where tasks go: capacity provider strategies, and regions that have no room."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.scenario import Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulator.scenario import ServiceSpec


#: Hosts of one's own, as if they were a provider: no document can name them in a strategy.
HOSTS = {
    "ec2": (Share.model_construct(provider="EC2", weight=1),),
    "external": (Share.model_construct(provider="EXTERNAL", weight=1),),
}


def placing(spec: ServiceSpec) -> tuple[Share, ...]:
    """Return the strategy by which the tasks of a service are placed."""
    return HOSTS.get(spec.launch, spec.strategy)


def allocate(strategy: Iterable[Share], tasks: int) -> Counter[str]:
    """Split tasks over providers: bases first, then each next task where it brings the weights closest."""
    shares = list(strategy)
    counts: Counter[str] = Counter({share.provider: min(share.base, tasks) for share in shares})
    weighted = {share.provider: share.weight for share in shares if share.weight}
    above_base: Counter[str] = Counter()
    for _ in range(tasks - counts.total() if weighted else 0):
        provider = min(weighted, key=lambda name: (above_base[name] + 1) / weighted[name])
        above_base[provider] += 1
    return counts + above_base


def missing(strategy: Iterable[Share], tasks: int, present: Mapping[str, int]) -> Counter[str]:
    """Return how many tasks each provider still has to place; never more in all than are missing in all."""
    left = tasks - sum(present.values())
    if left <= 0:
        return Counter()
    lacking: Counter[str] = Counter()
    for provider, wanted in allocate(strategy, tasks).items():
        lacking[provider] = max(0, min(left, wanted - present.get(provider, 0)))
        left -= lacking[provider]
    return +lacking


@dataclass(slots=True)
class Shortages:
    """Regions that refuse new tasks of a provider; shortages may overlap."""

    open: Counter[tuple[str, str]] = field(default_factory=Counter)

    def begin(self, region: str, provider: str) -> None:
        """Refuse new tasks from now on."""
        self.open[region, provider] += 1

    def end(self, region: str, provider: str) -> None:
        """End one shortage."""
        self.open[region, provider] -= 1

    def refuse(self, region: str, provider: str) -> bool:
        """Whether a new task would find no capacity."""
        return self.open[region, provider] > 0
