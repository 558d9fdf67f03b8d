"""A budget as people see it: what is left, how fast it burns, and how much of it is known.

It is that of a placement, of a service over all of its regions, or of a tenant's contract.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from slo import figures
from slo.budget import Budget, Sides, budgets
from slo.burn import burns
from slo.forecast import forecasts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from slo.budget import Past
    from slo.burn import Alert
    from slo.cells import Placement
    from slo.ledger import Ledger
    from slo.objectives import Objective

#: The windows whose burn rates are shown.
SHOWN = ("5m", "1h", "6h", "1d", "3d")
#: The states that somebody has to do something about, worst first.
ATTENTION = ("page", "ticket", "spent")
_TONES = {"page": "bad", "ticket": "warn", "no data": "quiet", "insufficient volume": "quiet"}


#: At what pace a budget is forecast to end, in words.
ASSUMED = "if the last hour goes on"


class Scope(StrEnum):
    """Whose budget a row is."""

    PLACEMENT = "placement"
    SERVICE = "service"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """One objective at one placement; `where` is its region, and what else tells it from its namesakes.

    Of a pool it is all of its placements together, and `who` the service or the tenant.  `beside` counts the
    same cells by requests and by minutes, `raw` what was excluded as well, where anything was.  Where numbers
    do not add up, it is `doubted`.  `tenant` is the id of whom a contract is with.
    """

    budget: Budget
    where: str
    state: str
    burn_rates: Mapping[str, Fraction | None]
    scope: Scope = Scope.PLACEMENT
    who: str = ""
    beside: Sides | None = None
    raw: Budget | None = None
    doubted: bool = False
    tenant: str = ""

    @property
    def objective(self) -> str:
        """The objective's name."""
        return self.budget.objective

    @property
    def service(self) -> str:
        """The service, or the tenant of a contract."""
        return self.who or self.budget.placements[0].service

    @property
    def sli(self) -> str:
        """Good of all requests so far."""
        return figures.attained(self.budget.ratio).text

    @property
    def left(self) -> str:
        """What is left of the budget, in percent; how many times it is spent once nothing is."""
        if not self.budget.total:
            return figures.NOTHING
        if self.budget.left_ratio <= 0:
            return f"spent {figures.burn(self.budget.spent_ratio)} times"
        return figures.attained(self.budget.left_ratio, 1).text

    @property
    def left_minutes(self) -> str:
        """What is left, as time of total failure; nothing once it is spent."""
        left = self.budget.left_ratio > 0 and self.budget.total
        return figures.allowance(self.budget.left_minutes).text if left else figures.NOTHING

    @property
    def left_count(self) -> str:
        """How many more requests may fail at what has been counted so far; nothing once it is spent."""
        counted = self.beside.requests if self.beside else self.budget
        left = self.budget.left_ratio > 0 and counted.left > 0
        return figures.count(counted.left).text if left else figures.NOTHING

    @property
    def good_requests(self) -> str:
        """Good of all requests."""
        return figures.attained(self.beside.requests.ratio).text if self.beside else figures.NOTHING

    @property
    def bad_requests(self) -> str:
        """How many were bad, of how many."""
        if self.beside is None:
            return figures.NOTHING
        counted = self.beside.requests
        bad = figures.count(counted.bad, worse_when_more=True)
        return f"{bad} of {figures.count(counted.total)}"

    @property
    def good_minutes(self) -> str:
        """Good of all minutes that are known: the same cells, counted by time."""
        return figures.attained(self.beside.minutes.ratio).text if self.beside else figures.NOTHING

    @property
    def bad_minutes(self) -> str:
        """How many minutes were bad, of those that may be in the whole period."""
        if self.beside is None:
            return figures.NOTHING
        minutes = self.beside.minutes
        allowed = minutes.period * len(minutes.placements) * minutes.allowed_ratio
        if self.scope is Scope.CONTRACT:
            allowed = minutes.period * minutes.allowed_ratio
        return f"{figures.count(minutes.bad, worse_when_more=True)} of {figures.decimal(allowed)}"

    @property
    def coverage(self) -> str:
        """How much of the period so far is known."""
        return figures.attained(self.budget.coverage, 1).text

    @property
    def burn(self) -> Mapping[str, str]:
        """The burn rate of each window that is shown."""
        return {window: figures.burn(self.burn_rates.get(window)).text for window in SHOWN}

    @property
    def exhausted_in(self) -> str:
        """When the budget will be spent at the last hour's pace; nothing when the period ends before."""
        minutes = self.budget.exhausted_in(self.burn_rates.get("1h"))
        lasts = minutes is None or minutes > self.budget.period
        return figures.NOTHING if lasts or minutes is None else figures.allowance(minutes).text

    @property
    def forecast(self) -> str:
        """When the budget will be spent by the last hour's pace, with what that assumes."""
        return forecasts(self.budget, self.burn_rates)[0].sentence

    @property
    def excluded(self) -> str:
        """How much was left out, and what it would be with it; nothing where nothing was."""
        if self.raw is None:
            return ""
        with_it = figures.attained(self.raw.ratio)
        return f"{figures.several(self.budget.excluded, 'minute')} left out, {with_it} with them"

    @property
    def tone(self) -> str:
        """How it looks."""
        if self.state in _TONES:
            return _TONES[self.state]
        return "good" if self.budget.left_ratio > 0 else "bad"

    @property
    def needs_attention(self) -> bool:
        """Whether it burns too fast, or is spent."""
        return self.state in ATTENTION

    @property
    def bar(self) -> int:
        """What is left as a whole percentage from 0 to 100, for a bar."""
        return max(0, min(100, int(self.budget.left_ratio * 100))) if self.budget.total else 0

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data: exact counts, and the words that are shown."""
        budget = self.budget
        return {
            "scope": self.scope,
            "objective": budget.objective,
            "indicator": budget.indicator,
            "who": self.service,
            "where": self.where,
            "placement": str(budget.placements[0]) if self.scope is Scope.PLACEMENT else None,
            "placements": len(budget.placements),
            "target": figures.target(budget.target).text,
            **_counted(budget),
            "sli": self.sli,
            "left": self.left,
            "left_count": self.left_count,
            "left_minutes": self.left_minutes,
            "by_requests": _counted(self.beside.requests) if self.beside else None,
            "by_minutes": _counted(self.beside.minutes) if self.beside else None,
            "burn": dict(self.burn),
            "exhausted_in": self.exhausted_in,
            "forecast": [one.sentence for one in forecasts(budget, self.burn_rates)],
            "coverage": self.coverage,
            "unknown_minutes": budget.unknown,
            "excluded_minutes": budget.excluded,
            "raw": _counted(self.raw) if self.raw else None,
            "doubted": self.doubted,
            "state": self.state,
        }


def _counted(budget: Budget) -> dict[str, Any]:
    return {"unit": budget.unit, "bad": float(budget.bad), "total": float(budget.total)}


def rows(
    objectives: Sequence[Objective],
    ledger: Ledger,
    alerts: Iterable[Alert],
    now: datetime,
    past: Past | None = None,
) -> tuple[BudgetRow, ...]:
    """Return every objective at every placement, worst first; the `past` tells of periods beyond the ring."""
    firing = {(alert.objective, alert.placement, alert.severity) for alert in alerts}
    by_name = {objective.name: objective for objective in objectives}
    found = tuple(budgets(objectives, ledger, now, past))
    namesakes: dict[tuple[str, str], set[Placement]] = {}
    for place in (budget.placements[0] for budget in found):
        namesakes.setdefault((place.region, place.service), set()).add(place)
    made = [
        BudgetRow(
            budget=budget,
            where=_where(budget.placements[0], namesakes),
            state=state_of(budget, firing),
            burn_rates=burns(by_name[budget.objective], budget.placements[0], ledger),
        )
        for budget in found
    ]
    return tuple(sorted(made, key=worst_first))


def _where(place: Placement, namesakes: Mapping[tuple[str, str], Collection[Placement]]) -> str:
    here = namesakes[place.region, place.service]
    several = {
        place.account: len({other.account for other in here}) > 1,
        place.cluster: len({other.cluster for other in here}) > 1,
    }
    told = [name for name, needed in several.items() if needed]
    return f"{place.region} ({', '.join(told)})" if told else place.region


def state_of(budget: Budget, firing: Collection[tuple[object, ...]]) -> str:
    """Return in a word how a budget stands: what rings goes before what is spent."""
    where = (budget.objective, *budget.placements[:1])
    for severity in ("page", "ticket"):
        if (*where, severity) in firing:
            return severity
    if not budget.coverage or not budget.total:
        return "no data"
    if not budget.met:
        return "spent"
    return "ok" if budget.sufficient else "insufficient volume"


def worst_first(row: BudgetRow) -> tuple[int, Fraction, str, str, str]:
    """Return what rows are sorted by."""
    rank = ATTENTION.index(row.state) if row.state in ATTENTION else len(ATTENTION)
    return rank, row.budget.left_ratio, row.service, row.where, row.objective
