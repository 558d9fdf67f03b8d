"""A composite's budget as people see it: what is left of it in a region, and what each member spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slo import figures
from slo.composites import CompositeBudget, composite_budgets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from slo.budget import Past
    from slo.composites import Composite
    from slo.ledger import Ledger


@dataclass(frozen=True, slots=True)
class CompositeRow:
    """One composite in one region."""

    budget: CompositeBudget

    @property
    def sentence(self) -> str:
        """What is left, what each member spent of its own budget, and how much is known."""
        budget = self.budget
        members = ", ".join(f"{one.objective} {figures.spent(one.spent_ratio)}" for one in budget.members)
        return (
            f"{budget.composite} in {budget.region}: {self.left} of the budget is left; its members spent of "
            f"theirs: {members}. {figures.attained(budget.coverage, 1)} is known."
        )

    @property
    def left(self) -> str:
        """What is left in percent; nothing once it is spent."""
        spent = self.budget.left_ratio <= 0
        return "nothing" if spent else figures.attained(self.budget.left_ratio, 1).text

    @property
    def state(self) -> str:
        """Whether it holds, as far as anything is known of it."""
        if not self.budget.coverage:
            return "no data"
        return "ok" if self.budget.met else "spent"

    @property
    def tone(self) -> str:
        """How it looks."""
        return {"ok": "good", "spent": "bad"}.get(self.state, "quiet")

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        budget = self.budget
        return {
            "scope": "composite",
            "composite": budget.composite,
            "region": budget.region,
            "members": [one.objective for one in budget.members],
            "sli": figures.attained(budget.ratio).text,
            "spent": figures.spent(budget.spent_ratio).text,
            "met": budget.met,
            "sentence": self.sentence,
        }


def composite_rows(
    composites: Sequence[Composite], ledger: Ledger, now: datetime, past: Past | None = None
) -> tuple[CompositeRow, ...]:
    """Return every composite in every region, the one with the least left first."""
    found = map(CompositeRow, composite_budgets(composites, ledger, now, past))
    return tuple(sorted(found, key=lambda row: row.budget.left_ratio))
