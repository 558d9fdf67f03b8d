"""The gate's answer as people and pipelines see it: in words, and what every look came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slo import figures
from slo.budget_policies import Answer
from slo.gate import Finding, Override, Verdict

if TYPE_CHECKING:
    from slo.gate import Standing

_TONES = {Answer.ALLOW: "good", Answer.WARN: "warn", Answer.UNKNOWN: "quiet", Answer.FREEZE: "bad"}
#: What a pipeline goes by: yes, no, and what nobody knows, which is neither.
EXITS = {Answer.ALLOW: 0, Answer.WARN: 0, Answer.FREEZE: 1, Answer.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class GateRow:
    """One thing that was looked at; `where` is its regions."""

    finding: Finding
    override: Override | None

    @property
    def answer(self) -> str:
        """What it says, and whether somebody has overridden that."""
        return f"{self.finding.answer}, overridden" if self.override else str(self.finding.answer)

    @property
    def where(self) -> str:
        """The regions that it is about."""
        return ", ".join(self.finding.regions)

    @property
    def reason(self) -> str:
        """The reason as words."""
        return self.finding.reason.replace("_", " ")

    @property
    def tone(self) -> str:
        """How it looks."""
        return _TONES[self.finding.answer]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data; what comes from a budget brings its numbers."""
        finding = self.finding
        return {
            "answer": finding.answer,
            "reason": finding.reason,
            "sentence": finding.sentence,
            "placements": list(map(str, finding.placements)),
            "overridden": self.override is not None,
            "threshold": f"{finding.threshold.answer} {finding.threshold.said}"
            if finding.threshold
            else None,
            "budget": _budget(finding.standing) if finding.standing else None,
        }


@dataclass(frozen=True, slots=True)
class GateView:
    """The answer for a service in a region, or in all of its regions; `names` are what is to be deployed."""

    verdict: Verdict
    names: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """The answer that counts."""
        return self.verdict.answer

    @property
    def word(self) -> str:
        """The answer as a page shows it."""
        return "not known" if self.answer is Answer.UNKNOWN else str(self.answer)

    @property
    def exit_status(self) -> int:
        """0 yes, 1 no, 2 not known."""
        return EXITS[self.answer]

    @property
    def tone(self) -> str:
        """How it looks."""
        return _TONES[self.answer]

    @property
    def sentence(self) -> str:
        """The answer in words."""
        return self.verdict.sentence

    @property
    def rows(self) -> tuple[GateRow, ...]:
        """Everything that was looked at, what keeps from deploying first."""
        made = [GateRow(one, self.verdict.override_of(one)) for one in self.verdict.findings]
        return tuple(sorted(made, key=lambda row: -row.finding.answer.severity))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        verdict = self.verdict
        return {
            "service": verdict.service,
            "region": verdict.region,
            "names": self.names,
            "at": verdict.at.isoformat(),
            "answer": self.answer,
            "exit_status": self.exit_status,
            "sentence": self.sentence,
            "overrides": [_override(one) for one in verdict.overrides],
            "findings": [row.as_json() for row in self.rows],
        }


def _budget(standing: Standing) -> dict[str, Any]:
    budget = standing.budget
    return {
        "objective": budget.objective,
        "target": figures.target(budget.target).text,
        "unit": budget.unit,
        "bad": float(budget.bad),
        "total": float(budget.total),
        "spent": figures.spent(budget.spent_ratio).text,
        "left": standing.left,
        "coverage": figures.attained(budget.coverage, 1).text,
        "burn": {window: figures.burn(rate).text for window, rate in standing.burns.items()},
        "newest_minute_age_s": None if standing.age is None else int(standing.age.total_seconds()),
        "policy": standing.policy.name,
    }


def _override(override: Override) -> dict[str, Any]:
    return {
        "region": override.region,
        "who": override.who,
        "why": override.why,
        "since": override.since.isoformat(),
        "until": override.until.isoformat(),
    }
