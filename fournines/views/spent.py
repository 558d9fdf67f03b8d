"""Who spent a service's budget, as people see it: incidents, deployments, the rest, and the regions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fournines.views.budget import Scope
from slo import figures
from slo.attribution import Part, Spender, Spending, promised_spending, slices, spending
from slo.budget import Budget, Period, budgets, pooled
from slo.cells import Placement, Sli
from slo.failures import Failures
from slo.objectives import Objective

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from fractions import Fraction

    from slo.ledger import Ledger
    from slo.promised import Promised


@dataclass(frozen=True, slots=True)
class SpentRow:
    """One spender, or one region: what it spent, in words."""

    kind: str
    name: str
    sentence: str
    part: Part

    @property
    def bad(self) -> str:
        """How many requests, or minutes, it spent."""
        return figures.count(self.part.bad, worse_when_more=True).text

    @property
    def of_budget(self) -> str:
        """Which part of the whole budget that was."""
        return figures.spent(self.part.of_budget).text

    @property
    def bar(self) -> int:
        """The same as a whole percentage from 0 to 100, for a bar."""
        return min(100, int((self.part.of_budget or 0) * 100))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data: exact counts, and the words that are shown."""
        return {
            "kind": self.kind,
            "name": self.name,
            "sentence": self.sentence,
            "bad": float(self.part.bad),
            "of_budget": self.of_budget,
            "minutes": self.part.minutes,
        }


@dataclass(frozen=True, slots=True)
class SpentView:
    """The budget of a service over all of its placements, or of a tenant, and who spent it in which cells."""

    spending: Spending
    scope: Scope
    who: str
    spends: Failures

    @property
    def budget(self) -> Budget:
        """The whole."""
        return self.spending.budget

    @property
    def spenders(self) -> tuple[SpentRow, ...]:
        """Who spent it, most first."""
        return tuple(
            SpentRow(one.kind, one.name, one.sentence, part)
            for one, part in self.spending.by_spender().items()
        )

    @property
    def regions(self) -> tuple[SpentRow, ...]:
        """Where it was spent, most first."""
        return tuple(
            SpentRow("region", region, f"in {region}", part)
            for region, part in self.spending.by_region().items()
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "objective": self.budget.objective,
            "indicator": self.budget.indicator,
            "scope": self.scope,
            "who": self.who,
            "unit": self.budget.unit,
            "bad": float(self.budget.bad),
            "spent": figures.spent(self.budget.spent_ratio).text,
            "spenders": [row.as_json() for row in self.spenders],
            "regions": [row.as_json() for row in self.regions],
        }


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an objective's services have drawn from their budgets, and all the cells in which they did."""

    objective: Objective
    wholes: Mapping[str, Budget]
    spends: Failures | tuple[Failures, ...]

    def parted(self) -> tuple[Failures, ...]:
        """Return the cells of each service."""
        if isinstance(self.spends, tuple):
            return self.spends
        return self.spends.parted([_slis(whole) for whole in self.wholes.values()])


def drawn(objectives: Iterable[Objective], ledger: Ledger, now: datetime) -> tuple[Drawn, ...]:
    """Read from the ledger what was spent; who did is sorted out when it is held no more.

    Of a period that is longer than the ring it is what the ring holds.
    """
    asked = tuple(objectives)
    periods = [Period.of(one, ledger, now, None) for one in asked if not one.in_slices]
    first = min((one.split for one in periods), default=0)
    failures = ledger.failures(first, max((one.end for one in periods), default=0))
    return tuple(_drawn(objective, ledger, failures, now) for objective in asked)


def _drawn(objective: Objective, ledger: Ledger, failures: Failures, now: datetime) -> Drawn:
    period = Period.of(objective, ledger, now, None)
    services: dict[str, list[Budget]] = defaultdict(list)
    for budget in budgets([objective], ledger, now):
        services[budget.placements[0].service].append(budget)
    wholes = {service: pooled(parts) for service, parts in services.items()}
    if objective.in_slices:
        each = tuple(slices(objective, _slis(whole), ledger, now) for whole in wholes.values())
        return Drawn(objective, wholes, each)
    return Drawn(objective, wholes, failures.within(period.split, period.end))


def spent(
    services: Iterable[Drawn], spenders: Iterable[Spender], promises: Iterable[Promised] = ()
) -> tuple[SpentView, ...]:
    """Return who spent the budgets of contracts, and those of services, the most spent first."""
    there: dict[Placement, list[Spender]] = defaultdict(list)
    for spender in spenders:
        for placement in spender.placements:
            there[placement].append(spender)
    tenants = [_tenant(one, there) for one in promises]
    views = [view for one in services for view in _services(one, there)]
    return (*sorted(tenants, key=_most_first), *sorted(views, key=_most_first))


def _tenant(one: Promised, there: Mapping[Placement, Sequence[Spender]]) -> SpentView:
    who_spent = promised_spending(one, one.failures, _concerned(one.budget, there))
    return SpentView(who_spent, Scope.CONTRACT, one.contract.display_name, one.failures)


def _services(one: Drawn, there: Mapping[Placement, Sequence[Spender]]) -> Iterator[SpentView]:
    """Yield each service's."""
    for (service, whole), spends in zip(one.wholes.items(), one.parted(), strict=True):
        who_spent = spending(one.objective, whole, spends, _concerned(whole, there))
        yield SpentView(who_spent, Scope.SERVICE, service, spends)


def _slis(budget: Budget) -> list[Sli]:
    return [Sli(place, budget.indicator) for place in budget.placements]


def _concerned(budget: Budget, there: Mapping[Placement, Sequence[Spender]]) -> dict[Spender, None]:
    """Return who was at any of a budget's placements, each once."""
    return dict.fromkeys(one for place in budget.placements for one in there.get(place, ()))


def _most_first(view: SpentView) -> Fraction:
    return -view.budget.spent_ratio
