"""What documents promise and allow, in plain sentences: one per objective, contract and policy."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from remediation.actions.table import REMEDIES
from remediation.vocabulary import Mode
from slo import figures
from slo.cells import Indicator
from slo.contracts import EVERY, Measure, Scope
from slo.objectives import EVERY_SERVICE, Budgeting, Rolling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remediation.decision.policy import Policy
    from slo.budget_policies import BudgetPolicy, Threshold
    from slo.contracts import Contract
    from slo.objectives import Objective

#: A month of 30 days: what an allowance is told for.
MONTH = timedelta(days=30)

#: Where what is counted comes from, and what is good of it.
_SAID = {
    Indicator.AVAILABILITY: ("to", "succeed"),
    Indicator.LATENCY: ("to", "are answered within {threshold_s} s"),
    Indicator.TARGET_AVAILABILITY: ("that reached targets of", "succeed"),
    Indicator.FRESHNESS: ("of the queue of", "have no message older than its limit"),
    Indicator.SCHEDULE: ("of the scheduled tasks of", "start in time and succeed"),
    Indicator.PROBE: ("from outside of", "succeed"),
}


def objective(promise: Objective) -> str:
    """Return what an objective asks: how many of what, where, over which time, and what that leaves."""
    where, good = _SAID[promise.indicator]
    good = good.format(threshold_s=promise.threshold_s)
    service = "every service" if promise.service == EVERY_SERVICE else promise.service
    asked = f"{promise.indicator.counted} {where} {service}"
    counted = f"{asked} {good}"
    if promise.budgeting is Budgeting.TIMESLICES:
        slices = figures.target(Fraction(promise.time_slice_target or 1))
        counted = f"minutes are good, in which {slices} of the {asked} {good}"
    return (
        f"{promise.name}: {figures.target(Fraction(promise.target))} of {counted}, "
        f"in {_regions(promise.regions)} by itself, {_window(promise)}."
    )


def _regions(regions: Sequence[str]) -> str:
    return "each of " + ", ".join(regions) if regions and EVERY not in regions else "each region"


def _window(promise: Objective) -> str:
    """Say the period, and what its budget is worth in time of total failure."""
    if isinstance(promise.window, Rolling):
        period, said = promise.window.duration, f"over any {_span(promise.window.duration)}"
    else:
        period, said = MONTH, f"over each calendar month ({promise.window.zone})"
    allowed = figures.allowance(promise.budget * Fraction(int(period.total_seconds()), 60))
    return f"{said}; {allowed} of total failure in {_span(period)} spend the budget"


def _span(span: timedelta) -> str:
    for unit, name in (
        (timedelta(days=1), "days"),
        (timedelta(hours=1), "hours"),
        (timedelta(minutes=1), "minutes"),
    ):
        if not span % unit:
            return f"{span // unit} {name}"
    return f"{span.total_seconds():g} s"


def contract(promise: Contract) -> str:
    """Return what a contract promises its tenant, and what a breach costs."""
    services = "all services" if EVERY in promise.services else ", ".join(promise.services)
    regions = "all regions" if EVERY in promise.regions else ", ".join(promise.regions)
    unit = promise.indicator.counted if promise.measure is Measure.REQUESTS else "minutes"
    scope = "pooled" if promise.scope is Scope.POOLED else "by the worst placement"
    due = "; ".join(
        f"below {figures.target(Fraction(tier.below))} a credit of {figures.target(Fraction(tier.credit))}"
        for tier in promise.tiers
    )
    return (
        f"{promise.id}: {promise.display_name} is promised {figures.target(Fraction(promise.target))} "
        f"of good {unit} ({promise.indicator}) each calendar month ({promise.zone}) over {services} "
        f"in {regions}, {scope}; "
        f"{due or 'no credits'}."
    )


def policy(rule: Policy) -> str:
    """Return what may be done without a person, or with which one."""
    case = f"{rule.name}: {rule.cause} of {', '.join(rule.services)} in {', '.join(rule.regions)}"
    if rule.mode is Mode.OBSERVE:
        return f"{case} is only observed."
    how = "done at once" if rule.mode is Mode.ACT else f"proposed to {', '.join(rule.approvers)}"
    limits = f"at most {rule.daily_max} a day for a service, {_span(rule.cooldown)} apart"
    return f"{case} is met by {REMEDIES[rule.cause]}, {how}; {limits}."


def budget_policy(rule: BudgetPolicy) -> str:
    """Return what the budgets of its objectives say about deploying."""
    services, regions = ", ".join(rule.services), ", ".join(rule.regions)
    objectives = "any objective" if EVERY in rule.objectives else ", ".join(rule.objectives)
    judged = "pooled" if rule.scope is Scope.POOLED else "by the worst placement"
    said = ", ".join(f"{_named(one)} {one.said}" for one in rule.thresholds)
    return (
        f"{rule.name}: by the budget of {objectives}, {judged}, deployments of {services} in {regions} are "
        f"{said}; unknown below {figures.target(Fraction(rule.coverage_min))} known, "
        f"or without news for {_span(rule.age_max)}."
    )


def _named(threshold: Threshold) -> str:
    return {"freeze": "frozen", "warn": "warned of", "allow": "allowed"}[threshold.answer]
