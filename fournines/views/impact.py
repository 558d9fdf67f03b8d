"""What an incident does to its users: how many requests fail, how fast the budget goes, how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fournines.views.budget import BudgetRow
from slo import figures
from slo.cells import Indicator, Sli
from slo.ledger import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from slo.ledger import Ledger

#: The window that is told: the newest minutes while they burn, else the hour that remembers.
TOLD = ("5m", "1h")

#: So many places of a percentage show the same digits as the burn rate of a 99.99 % objective.
PLACES = 3

_BAD = {
    Indicator.AVAILABILITY: "failed",
    Indicator.LATENCY: "were too slow",
    Indicator.TARGET_AVAILABILITY: "were failed by targets",
    Indicator.FRESHNESS: "had messages that waited too long",
    Indicator.SCHEDULE: "were missed or failed",
    Indicator.PROBE: "from outside failed",
}
_SAID = {"5m": "5 min", "1h": "hour"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """One objective at one placement of an incident: `bad` of `total` requests in the window's minutes."""

    row: BudgetRow
    window: str
    bad: Fraction
    total: Fraction

    @property
    def burn(self) -> Fraction:
        """How many budgets the window would spend at its own pace; 0 without traffic."""
        return self.row.burn_rates.get(self.window) or Fraction(0)

    @property
    def ratio(self) -> Fraction | None:
        """Bad of all; None without traffic."""
        return self.bad / self.total if self.total else None

    @property
    def sentence(self) -> str:
        """What users feel, in numbers that close: counts, their ratio, and that over what is allowed."""
        counted = self.row.budget.indicator.counted
        if not self.total:
            one = counted.removesuffix("s")
            return f"{self.row.where}: no {one} is known of the last {_SAID[self.window]}."
        told = (
            f"{self.row.where}: {self._bad} of "
            f"{figures.count(self.total)} {counted} {_BAD[self.row.budget.indicator]} in the last "
            f"{_SAID[self.window]}: {figures.spent(self.ratio, PLACES)}"
        )
        if self.row.budget.unit == "minutes":  # the budget counts minutes, so that this would not close
            return f"{told}."
        return (
            f"{told}, {figures.burn(self.burn)} times what {figures.target(self.row.budget.target)} allows."
        )

    @property
    def _bad(self) -> str:
        """How many were bad; CloudWatch estimates slow ones, and a part of a request is no whole one."""
        counted = str(figures.count(self.bad, worse_when_more=True))
        return counted if self.bad.denominator == 1 else f"fewer than {counted}"

    @property
    def exhausted_in(self) -> str:
        """When the budget will be spent at the window's pace."""
        minutes = self.row.budget.exhausted_in(self.burn)
        return figures.NOTHING if minutes is None else figures.allowance(minutes).text

    @property
    def left(self) -> str:
        """What is left of the budget, and for how long that lasts at the window's pace."""
        if not self.row.budget.total:
            return figures.NOTHING
        if self.row.budget.left_ratio <= 0:
            return self.row.left
        lasts = f", spent in {self.exhausted_in} at this pace" if self.burn > 1 else ""
        return f"{self.row.left} ({self.row.left_minutes}){lasts}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "placement": str(self.row.budget.placements[0]),
            "objective": self.row.objective,
            "window": self.window,
            "bad": float(self.bad),
            "total": float(self.total),
            "burn": figures.burn(self.burn).text,
            "left": self.row.left,
            "left_minutes": self.row.left_minutes,
            "sentence": self.sentence,
        }


def impacts(rows: Iterable[BudgetRow], ledger: Ledger, named: Collection[str] = ()) -> tuple[Impact, ...]:
    """Return the objective that burns most at each placement, the worst placement first.

    Where objectives are `named`, another says nothing unless it burns as well.
    """
    worst: dict[str, Impact] = {}
    for row in rows:
        found = _impact(row, ledger)
        if named and row.objective not in named and found.burn <= 1:
            continue
        where = str(row.budget.placements[0])
        if where not in worst or found.burn > worst[where].burn:
            worst[where] = found
    return tuple(sorted(worst.values(), key=lambda impact: (-impact.burn, impact.row.where)))


def _impact(row: BudgetRow, ledger: Ledger) -> Impact:
    window = next((name for name in TOLD if (row.burn_rates.get(name) or 0) > 1), TOLD[0])
    indicator = row.budget.indicator
    sums, column = ledger.sums(WINDOWS[window]), ledger.column(Sli(row.budget.placements[0], indicator))
    return Impact(
        row=row,
        window=window,
        bad=Fraction(int(sums.bad[column]), indicator.scale),
        total=Fraction(int(sums.total[column]), indicator.scale),
    )
