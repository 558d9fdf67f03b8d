"""What the service knows of the estate right now: shared by its jobs, rebuilt from the books at start."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from collector.heat import Heat
from collector.layout import Layout, lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from collector.collect import Spent
    from collector.estate import RegionEstate, ServiceView
    from collector.indicators import Doubt
    from collector.layout import Track
    from collector.load import Load
    from collector.watermarks import Mark
    from fournines.store.books import Books
    from slo.cells import Placement, Sli
    from slo.ledger import Put


class Known:
    """The estate as last discovered, what is asked of it, how far it was read, and how busy it is."""

    def __init__(self, books: Books, threshold_s: Callable[[str], float]) -> None:
        self._lock = threading.Lock()
        self._threshold_s = threshold_s
        self._estates = {(e.account, e.region): e for e in books.estates()}
        self._services: dict[Placement, ServiceView] = {}
        self._behind: dict[tuple[str, str], Placement] = {}
        self.layout = Layout()
        self.marks: dict[Track, Mark] = books.marks()
        self.loads: dict[Placement, Load] = {}
        self.heat = Heat()
        self.unreadable: dict[tuple[str, str], str] = {}
        self.spent: dict[Track, Spent] = {}
        self.restated: Counter[Sli] = Counter()
        self.doubts: Counter[tuple[Placement, str]] = Counter()
        self._arrange()

    def saw(self, estate: RegionEstate) -> None:
        """Take a region as it was just discovered."""
        with self._lock:
            self._estates[estate.account, estate.region] = estate
            self.unreadable.pop((estate.account, estate.region), None)
            self._arrange()

    def could_not_read(self, account: str, region: str, why: str) -> None:
        """Note that a region could not be discovered: what was known of it stays."""
        self.unreadable[account, region] = why

    def paid(self, costs: Mapping[Track, Spent]) -> None:
        """Count what reading cost."""
        for track, cost in costs.items():
            before = self.spent.get(track)
            self.spent[track] = before + cost if before else cost

    def doubted(self, doubts: Iterable[Doubt]) -> None:
        """Count readings that contradict one another."""
        self.doubts.update((doubt.placement, str(doubt.name)) for doubt in doubts)

    def corrected(self, put: Put) -> None:
        """Count minutes that had been counted and were corrected."""
        self.restated.update(restatement.sli for restatement in put.restated)

    @property
    def services(self) -> Mapping[Placement, ServiceView]:
        """Every service as last discovered."""
        return self._services

    def siblings(self, service: str) -> tuple[Placement, ...]:
        """Return every placement of a service."""
        return tuple(sorted(p for p in self._services if p.service == service))

    def placement_behind(self, dimensions: Iterable[tuple[str, str]]) -> Placement | None:
        """Return the one placement that CloudWatch dimensions speak of, or None for none or several."""
        found = {self._behind[pair] for pair in dimensions if pair in self._behind}
        return found.pop() if len(found) == 1 else None

    def _arrange(self) -> None:
        estates = self._estates.values()
        self._services = {view.placement: view for estate in estates for view in estate.services}
        self._behind = _behind(self._services.values())
        self.layout = lay_out(estates, self._threshold_s, self.layout)


def _behind(views: Iterable[ServiceView]) -> dict[tuple[str, str], Placement]:
    """Map dimension values to placements; a load balancer that several share names none of them."""
    owners: dict[tuple[str, str], set[Placement]] = {}
    for view in views:
        names = [("TargetGroup", group) for group in view.target_groups]
        names += [("LoadBalancer", balancer) for balancer in view.load_balancers]
        for name in names:
            owners.setdefault(name, set()).add(view.placement)
    return {name: next(iter(who)) for name, who in owners.items() if len(who) == 1}
