"""Whether a service may be deployed now: what each of its budgets says, and the answer they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from slo import figures
from slo.budget import Budget, budgets, pooled
from slo.budget_policies import Answer, BudgetPolicy, BudgetScope, Threshold, policy_for
from slo.burn import FAILURES_MIN, burns
from slo.cells import MINUTE_S, Placement, Sli, minute_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from slo.budget import Past
    from slo.ledger import Ledger
    from slo.objectives import Objective

#: An override is for one deployment, or one night: who needs it longer says so again.
OVERRIDE_MAX = timedelta(hours=24)


class Reason(StrEnum):
    """Why something may be deployed, or not."""

    WITHIN_BUDGET = "within_budget"
    BUDGET_POLICY = "budget_policy"
    TOO_FEW_FAILURES = "too_few_failures"
    STALE_DATA = "stale_data"
    LOW_COVERAGE = "low_coverage"
    NOT_MEASURED = "not_measured"
    CALENDAR_FREEZE = "calendar_freeze"
    BEING_REMEDIATED = "being_remediated"
    PAGE_FIRING = "page_firing"
    QUARANTINED = "quarantined"
    QUARANTINE_NEARBY = "quarantine_nearby"
    INCIDENT_OPEN = "incident_open"

    @property
    def sentence(self) -> str:
        """What people read."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.WITHIN_BUDGET: "Enough of the budget is left.",
    Reason.BUDGET_POLICY: "A threshold of the budget policy is reached.",
    Reason.TOO_FEW_FAILURES: (
        "At this traffic a single failure spends the budget, and so few may be chance: it is no freeze."
    ),
    Reason.STALE_DATA: "What is known is too old.",
    Reason.LOW_COVERAGE: "Too little of the period is known; `fournines backfill` reads what AWS keeps.",
    Reason.NOT_MEASURED: "Nothing is counted there that an objective speaks of.",
    Reason.CALENDAR_FREEZE: "The freeze calendar forbids changes now.",
    Reason.BEING_REMEDIATED: "An open incident is being remediated there.",
    Reason.PAGE_FIRING: "A page is firing there.",
    Reason.INCIDENT_OPEN: "An incident is open there.",
    Reason.QUARANTINED: "It was turned back, and is in quarantine until a person releases it.",
    Reason.QUARANTINE_NEARBY: "A revision of it is in quarantine: say which one is to be deployed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A budget as it stands, and the policy that counts for it.

    `burns` holds the windows that the policy asks for; `age` is that of the newest known minute, None where
    none is known.
    """

    budget: Budget
    policy: BudgetPolicy
    burns: Mapping[str, Fraction | None]
    age: timedelta | None

    @property
    def regions(self) -> tuple[str, ...]:
        """Where its placements are."""
        return tuple(dict.fromkeys(placement.region for placement in self.budget.placements))

    @property
    def known_enough(self) -> bool:
        """Whether so much of the period is known as the policy asks; the newest minutes may still come."""
        due = self.budget.elapsed - self.budget.excluded
        awaited = self.policy.age_max // timedelta(minutes=1) * len(self.budget.placements)
        lacking = max(0, self.budget.unknown - awaited)
        return due - lacking >= due * Fraction(self.policy.coverage_min)

    @property
    def left(self) -> str:
        """What is left of the budget, in words."""
        if self.budget.left_ratio <= 0:
            return f"spent {figures.burn(self.budget.spent_ratio)} times"
        return f"{figures.attained(self.budget.left_ratio, 1)} left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, what it says about deploying there, and why.

    What comes from a budget has its `standing`, and the `threshold` that is reached.
    """

    answer: Answer
    reason: Reason
    sentence: str
    placements: tuple[Placement, ...]
    standing: Standing | None = None
    threshold: Threshold | None = None

    @property
    def regions(self) -> tuple[str, ...]:
        """Where it was looked."""
        return tuple(dict.fromkeys(placement.region for placement in self.placements))


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody's word that a service may be deployed all the same, in a region or in all; for a while."""

    service: str
    region: str | None
    who: str
    why: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if not self.who.strip() or not self.why.strip():
            raise ValueError("an override says who and why")
        if not timedelta(0) < self.until - self.since <= OVERRIDE_MAX:
            raise ValueError(f"an override lasts at most {OVERRIDE_MAX}, got {self.until - self.since}")

    def holds(self, service: str, region: str | None, now: datetime) -> bool:
        """Whether it speaks now of the service in the region; None, all regions, holds each of them."""
        near = self.region is None or region in {None, self.region}
        return self.service == service and near and self.since <= now < self.until

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of all places of a finding; a quarantine is released, and never overridden."""
        if finding.reason is Reason.QUARANTINED:
            return False
        return self.region is None or set(finding.regions) == {self.region}

    @property
    def sentence(self) -> str:
        """Who said so, until when, and why."""
        return f"overridden by {self.who} until {self.until:%Y-%m-%d %H:%M} UTC: {self.why.rstrip('.')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer for a service in a region or in all of its regions: the most severe of what was found.

    `overrides` are those that hold.  They turn a no, and what is not known, into a warning that names them.
    """

    service: str
    region: str | None
    at: datetime
    findings: tuple[Finding, ...]
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        if not self.findings:
            raise ValueError(f"nothing was looked at of {self.service}: that is no answer")

    def override_of(self, finding: Finding) -> Override | None:
        """Return the override that lets a finding pass which else would not."""
        if finding.answer.yes:
            return None
        return next((one for one in self.overrides if one.covers(finding)), None)

    def answer_of(self, finding: Finding) -> Answer:
        """Return what a finding comes to, overrides considered."""
        return Answer.WARN if self.override_of(finding) else finding.answer

    @property
    def answer(self) -> Answer:
        """The answer that counts."""
        return self.answer_of(self.deciding)

    @property
    def deciding(self) -> Finding:
        """The first finding of the most severe answer; of those that only warn, what had to be overridden."""
        return max(self.findings, key=lambda one: (self.answer_of(one).severity, one.answer.severity))

    @property
    def sentence(self) -> str:
        """The answer in words.  What is overridden is said, and most of all if it is not even known."""
        where = f" in {self.region}" if self.region else ""
        said = f"{self.service} {_SAID[self.answer]}{where}"
        override = self.override_of(self.deciding)
        if override is None:
            return f"{said}. {self.deciding.sentence}"
        passed = [one for one in self.findings if self.override_of(one)]
        told = [
            f"{words}: {found[0].sentence}"
            for answer, words in _OVERRIDDEN.items()
            if (found := [one for one in passed if one.answer is answer])
        ]
        return " ".join((f"{said}, {override.sentence}.", *told))


_SAID = {
    Answer.ALLOW: "may be deployed",
    Answer.WARN: "may be deployed with care",
    Answer.UNKNOWN: "is not known to be fit for a deployment",
    Answer.FREEZE: "must not be deployed",
}
_OVERRIDDEN = {
    Answer.FREEZE: "It would be refused",
    Answer.UNKNOWN: "Nobody knows whether it should be",
}


def standings(
    objectives: Sequence[Objective],
    policies: Sequence[BudgetPolicy],
    ledger: Ledger,
    now: datetime,
    past: Past | None = None,
) -> tuple[Standing, ...]:
    """Return how the budget of each objective stands at each placement; beyond the ring the `past` tells."""
    by_name = {objective.name: objective for objective in objectives}
    return tuple(
        _standing(by_name[budget.objective], budget, policies, ledger, now)
        for budget in budgets(objectives, ledger, now, past)
    )


def verdict(  # noqa: PLR0913 - all that an answer rests on
    service: str,
    region: str | None,
    *,
    placements: Collection[Placement],
    standings: Iterable[Standing],
    hindrances: Sequence[Finding],
    overrides: Sequence[Override],
    now: datetime,
) -> Verdict:
    """Return the answer for a service's placements: what hinders, what is not measured, and each budget."""
    here = [one for one in standings if one.budget.placements[0] in placements]
    seen = {one.budget.placements[0] for one in here}
    judged = sorted(map(judge, _pools(here)), key=_most_spent_first)
    return Verdict(
        service=service,
        region=region,
        at=now,
        findings=(*hindrances, *map(_unmeasured, sorted(set(placements) - seen)), *judged),
        overrides=tuple(one for one in overrides if one.holds(service, region, now)),
    )


def judge(standing: Standing) -> Finding:
    """Return what one budget says: nothing but a doubt where too little is known of it."""
    doubt = _doubt(standing)
    if doubt is not None:
        return _found(standing, Answer.UNKNOWN, doubt, doubt.sentence)
    threshold = standing.policy.reached(standing.budget.spent_ratio, standing.burns)
    if threshold is None:
        return _found(standing, Answer.ALLOW, Reason.WITHIN_BUDGET, Reason.WITHIN_BUDGET.sentence)
    if threshold.answer is Answer.FREEZE and _chance(standing.budget):
        few = Reason.TOO_FEW_FAILURES
        return _found(standing, Answer.WARN, few, few.sentence, threshold)
    return _found(standing, threshold.answer, Reason.BUDGET_POLICY, threshold.message, threshold)


def _doubt(standing: Standing) -> Reason | None:
    """Name the first reason why the budget cannot be judged."""
    if standing.age is None or standing.age > standing.policy.age_max:
        return Reason.STALE_DATA
    return None if standing.known_enough else Reason.LOW_COVERAGE


def _chance(budget: Budget) -> bool:
    """Whether the budget affords no failure at all, and there were fewer than prove anything."""
    return not budget.sufficient and budget.bad < FAILURES_MIN


def _found(
    standing: Standing, answer: Answer, reason: Reason, message: str, threshold: Threshold | None = None
) -> Finding:
    budget, where = standing.budget, ", ".join(standing.regions)
    pool = f"{figures.several(len(budget.placements), 'placement')} in " if len(budget.placements) > 1 else ""
    known = f"{figures.attained(budget.coverage, 1)} known"
    news = "no minute is known" if standing.age is None else f"newest minute {_span(standing.age)} old"
    policy = (
        f"{standing.policy.name}: {threshold.answer} {threshold.said}" if threshold else standing.policy.name
    )
    facts = f"{standing.left}, {known}, {news}; policy {policy}"
    return Finding(
        answer=answer,
        reason=reason,
        sentence=f"{message.rstrip()} Budget of {budget.objective}, {pool}{where}: {facts}.",
        placements=budget.placements,
        standing=standing,
        threshold=threshold,
    )


def _unmeasured(placement: Placement) -> Finding:
    reason = Reason.NOT_MEASURED
    return Finding(
        answer=Answer.UNKNOWN,
        reason=reason,
        sentence=f"{reason.sentence} ({placement.region})",
        placements=(placement,),
    )


def _standing(
    objective: Objective, budget: Budget, policies: Sequence[BudgetPolicy], ledger: Ledger, now: datetime
) -> Standing:
    (placement,) = budget.placements
    policy = policy_for(policies, objective.name, placement)
    windows = {one.window for one in policy.thresholds if one.window}
    rates = burns(objective, placement, ledger) if windows else {}
    return Standing(
        budget=budget,
        policy=policy,
        burns={window: rate for window, rate in rates.items() if window in windows},
        age=_age(Sli(placement, budget.indicator), ledger, now),
    )


def _age(sli: Sli, ledger: Ledger, now: datetime) -> timedelta | None:
    """Return how long ago the newest known minute ended."""
    column = ledger.column(sli)
    newest = (ledger.newest or 0) - int(ledger.lags(np.array([column]))[0])
    return timedelta(minutes=max(0, minute_of(now) - newest - 1)) if newest > 0 else None


def _pools(standings: Iterable[Standing]) -> Iterator[Standing]:
    """Yield each standing by itself, and as one those whose policy pools their objective."""
    pools: dict[tuple[str, str], list[Standing]] = {}
    for one in standings:
        if one.policy.scope is BudgetScope.POOLED:
            pools.setdefault((one.budget.objective, one.policy.name), []).append(one)
        else:
            yield one
    yield from map(_pool, pools.values())


def _pool(parts: Sequence[Standing]) -> Standing:
    """Pool what is spent; the fastest burns for all, and the oldest news is that of all."""
    ages = [one.age for one in parts]
    windows = parts[0].burns
    return Standing(
        budget=pooled([one.budget for one in parts]),
        policy=parts[0].policy,
        burns={window: max(one.burns[window] or Fraction(0) for one in parts) for window in windows},
        age=None if None in ages else max(age for age in ages if age is not None),
    )


def _most_spent_first(finding: Finding) -> tuple[int, Fraction]:
    spent = finding.standing.budget.spent_ratio if finding.standing else Fraction(0)
    return -finding.answer.severity, -spent


def _span(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // MINUTE_S
    return f"{minutes} min" if minutes < 2 * MINUTE_S else f"{minutes // MINUTE_S} h"
