"""All budgets at a glance: those of contracts, of services over all of their regions, and of placements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fournines.views.budget import ATTENTION, BudgetRow, Scope, rows, state_of, worst_first
from fournines.views.composite import CompositeRow
from slo import figures
from slo.beside import beside, together
from slo.budget import budgets, pooled
from slo.burn import counted_burns, pool_burns
from slo.cells import Placement, Sli
from slo.contracts import Measure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from slo.budget import Budget, Past
    from slo.burn import Alert
    from slo.ledger import Ledger
    from slo.objectives import Objective
    from slo.promised import Promised


@dataclass(frozen=True, slots=True)
class Overview:
    """All budgets, each group worst first."""

    contracts: tuple[BudgetRow, ...] = ()
    services: tuple[BudgetRow, ...] = ()
    placements: tuple[BudgetRow, ...] = ()
    composites: tuple[CompositeRow, ...] = ()

    def as_json(self) -> list[dict[str, Any]]:
        """Return all of it as plain data, composites last."""
        return [*(row.as_json() for row in self.rows), *(row.as_json() for row in self.composites)]

    @property
    def rows(self) -> tuple[BudgetRow, ...]:
        """Every row, whom it concerns most widely first; a service at one place alone is told once."""
        pools = tuple(row for row in self.services if len(row.budget.placements) > 1)
        return self.contracts + pools + self.placements


def overview(  # noqa: PLR0913 - budgets are of services and of tenants
    objectives: Sequence[Objective],
    ledger: Ledger,
    alerts: Iterable[Alert],
    now: datetime,
    *,
    past: Past | None = None,
    promises: Iterable[Promised] = (),
    composites: tuple[CompositeRow, ...] = (),
    doubted: Collection[Placement] = (),
) -> Overview:
    """Return every budget by requests and by minutes: of placements, of services, and of contracts."""
    both = {_key(each.requests): each for each in beside(objectives, ledger, now, past)}
    told = rows(objectives, ledger, alerts, now, past)
    bare = _raw(objectives, ledger, now, past) if any(row.budget.excluded for row in told) else {}
    placed = tuple(
        replace(
            row,
            beside=both[_key(row.budget)],
            raw=bare[_key(row.budget)] if row.budget.excluded else None,
            doubted=row.budget.placements[0] in doubted,
        )
        for row in told
    )
    pools = _pools(placed, {objective.name: objective for objective in objectives}, ledger)
    tenants = (_tenant(one, ledger, doubted) for one in promises)
    return Overview(
        contracts=tuple(sorted(tenants, key=worst_first)),
        services=tuple(sorted(pools, key=worst_first)),
        placements=placed,
        composites=composites,
    )


def _raw(
    objectives: Sequence[Objective], ledger: Ledger, now: datetime, past: Past | None
) -> dict[tuple[str, Placement], Budget]:
    """Return every budget with what was excluded counted as well, as far as the ring holds it."""
    return {_key(budget): budget for budget in budgets(objectives, ledger.raw(), now, past)}


def _key(budget: Budget) -> tuple[str, Placement]:
    return budget.objective, budget.placements[0]


def _pools(
    placed: Iterable[BudgetRow], by_name: Mapping[str, Objective], ledger: Ledger
) -> Iterator[BudgetRow]:
    """Yield each service over all of its placements."""
    grouped: dict[tuple[str, str], list[BudgetRow]] = {}
    for row in placed:
        grouped.setdefault((row.objective, row.service), []).append(row)
    for (name, service), parts in grouped.items():
        yield _pool(by_name[name], service, parts, ledger)


def _pool(objective: Objective, service: str, parts: Sequence[BudgetRow], ledger: Ledger) -> BudgetRow:
    """Return a service's rows as one: what rings at any of its places rings here."""
    both = together([part.beside for part in parts if part.beside])
    budget = pooled([part.budget for part in parts])
    places = budget.placements
    rings = {part.state for part in parts}
    return BudgetRow(
        budget=budget,
        where=_everywhere(places),
        state=next((state for state in ATTENTION[:2] if state in rings), state_of(budget, ())),
        burn_rates=pool_burns(objective, [Sli(place, objective.indicator) for place in places], ledger),
        scope=Scope.SERVICE,
        who=service,
        beside=both,
        raw=pooled([part.raw or part.budget for part in parts]) if budget.excluded else None,
        doubted=any(part.doubted for part in parts),
    )


def _tenant(one: Promised, ledger: Ledger, doubted: Collection[Placement]) -> BudgetRow:
    """Return a contract's month; how fast it burns is told of what is promised in requests."""
    contract, budget = one.contract, one.budget
    in_requests = contract.measure is Measure.REQUESTS
    every = (Sli(place, contract.indicator) for place in budget.placements)
    slis = [sli for sli in every if sli in ledger]
    return BudgetRow(
        budget=budget,
        where=_everywhere(budget.placements),
        state=state_of(budget, ()),
        burn_rates=counted_burns(slis, budget.allowed_ratio, ledger) if in_requests else {},
        scope=Scope.CONTRACT,
        who=contract.display_name,
        tenant=contract.tenant,
        beside=one.sides,
        raw=one.bare if budget.excluded else None,
        doubted=any(place in doubted for place in budget.placements),
    )


def _everywhere(places: Sequence[Placement]) -> str:
    """Say over how much a pool reaches; a contract may compare what it names and nobody measures."""
    if not places:
        return "not measured"
    regions = {place.region for place in places}
    return figures.several(len(regions), "region") if len(regions) > 1 else next(iter(regions))
