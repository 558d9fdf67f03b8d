"""What documents promise and allow, in plain sentences: one per objective, composite, condition and so on."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from remediation.actions.table import REMEDIES
from remediation.vocabulary import Mode
from slo import figures
from slo.budget_policies import BudgetScope
from slo.calendars import Calendar, Unit
from slo.cells import Indicator
from slo.contracts import EVERY, Measure, Scope
from slo.objectives import EVERY_SERVICE, Budgeting, Rolling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from remediation.decision.policy import Policy
    from slo.budget_policies import BudgetPolicy, Threshold
    from slo.composites import Composite
    from slo.conditions import Condition
    from slo.contracts import Contract
    from slo.exclusions import Exclusion, Recurrence
    from slo.objectives import Objective

#: A month of 30 days: what an allowance is told for.
MONTH = timedelta(days=30)
MINUTE = timedelta(minutes=1)
#: Days of each unit of a calendar, for the same.
_DAYS = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 30, Unit.QUARTER: 90, Unit.YEAR: 365}

#: How often a window comes again.
_UNITS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day"}

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
    return (
        f"{promise.name}: {figures.target(Fraction(promise.target))} of {_counted(promise, asked, good)}, "
        f"in {_regions(promise.regions)} by itself, {_window(promise)}."
    )


def _counted(promise: Objective, asked: str, good: str) -> str:
    """Say what is budgeted; ratio timeslices average, which people should know."""
    slices = "minutes" if promise.slice_minutes == 1 else f"slices of {_span(promise.slice_minutes * MINUTE)}"
    match promise.budgeting:
        case Budgeting.OCCURRENCES:
            return f"{asked} {good}"
        case Budgeting.TIMESLICES:
            ratio = figures.target(Fraction(promise.time_slice_target or 0))
            return f"{slices} are good, in which {ratio} of the {asked} {good}"
        case Budgeting.RATIO_TIMESLICES:
            return f"{asked} {good}, on average over {slices}, a quiet one weighing as much as a busy one"


def composite(promise: Composite) -> str:
    """Return what a composite asks, and how its members are put together."""
    members = ", ".join(
        member.objective.name + (f" (weight {member.weight})" if member.weight != 1 else "")
        for member in promise.members
    )
    return f"{promise.name}: {members} judged as one in each region; {_TOGETHER[promise.budgeting]}."


_TOGETHER = {
    Budgeting.OCCURRENCES: "what each spends of its budget is added up by weight, and together they have one",
    Budgeting.TIMESLICES: "any bad member makes a slice bad, and the strictest target of them counts",
    Budgeting.RATIO_TIMESLICES: "what each lacks is added up by weight, and the strictest target counts",
}


def conditions(promises: Iterable[Objective]) -> Iterator[str]:
    """Yield what written conditions ask, with the objectives that they watch."""
    watched: dict[Condition, list[str]] = {}
    for promise in promises:
        for one in promise.conditions:
            watched.setdefault(one, []).append(promise.name)
    for one, names in watched.items():
        held = f", for {_span(one.after * MINUTE)}" if one.after else ""
        yield (
            f"{one.name}: a {one.severity} beside our own tiers while the burn rate of "
            f"{', '.join(dict.fromkeys(names))} over the last {_span(one.lookback * MINUTE)} "
            f"is {one.op.words} {one.threshold}{held}, however few the requests."
        )


def _regions(regions: Sequence[str]) -> str:
    return "each of " + ", ".join(regions) if regions and EVERY not in regions else "each region"


def _window(promise: Objective) -> str:
    """Say the period, and what its budget is worth in time of total failure."""
    window = promise.window
    if isinstance(window, Rolling):
        period, said = window.duration, f"over any {_span(window.duration)}"
    elif isinstance(window, Calendar):
        period, said = timedelta(days=_DAYS[window.unit] * window.count), _periods(window)
    else:
        period, said = MONTH, f"over each calendar month ({window.zone})"
    allowed = figures.allowance(promise.budget * Fraction(period // MINUTE))
    return f"{said}; {allowed} of total failure in {_span(period)} spend the budget"


def _periods(window: Calendar) -> str:
    unit = window.unit.name.lower()
    each = f"{window.count} {unit}s" if window.count > 1 else unit
    return f"over each {each} from {window.start:%Y-%m-%d %H:%M} on ({window.zone})"


def _span(span: timedelta) -> str:
    for unit, name in (
        (timedelta(days=1), "day"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=1), "minute"),
    ):
        if not span % unit:
            return figures.several(span // unit, name)
    return f"{span.total_seconds():g} s"


_SCOPES = {
    Scope.POOLED: "pooled",
    Scope.WORST: "by the worst placement",
    Scope.PER_REGION: "region by region",
}


def contract(promise: Contract) -> str:
    """Return what a contract promises its tenant, and what a breach costs."""
    services = "all services" if EVERY in promise.services else ", ".join(promise.services)
    regions = "all regions" if EVERY in promise.regions else ", ".join(promise.regions)
    unit = promise.indicator.counted if promise.measure is Measure.REQUESTS else "minutes"
    scope = _SCOPES[promise.scope]
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
    judged = "pooled" if rule.scope is BudgetScope.POOLED else "by the worst placement"
    said = ", ".join(f"{_named(one)} {one.said}" for one in rule.thresholds)
    return (
        f"{rule.name}: by the budget of {objectives}, {judged}, deployments of {services} in {regions} are "
        f"{said}; unknown below {figures.target(Fraction(rule.coverage_min))} known, "
        f"or without news for {_span(rule.age_max)}."
    )


def _named(threshold: Threshold) -> str:
    return {"freeze": "frozen", "warn": "warned of", "allow": "allowed"}[threshold.answer]


def exclusion(window: Exclusion) -> str:
    """Return what does not count, when, for whom, and who agreed to it."""
    services = "all services" if EVERY in window.services else ", ".join(window.services)
    regions = "all regions" if EVERY in window.regions else ", ".join(window.regions)
    whom = f"for {', '.join(window.tenants)}" if window.tenants else "for everybody and in objectives"
    return (
        f"{window.id}: {services} in {regions} are left out for {_span(window.length)} from "
        f"{window.start:%Y-%m-%d %H:%M} ({window.zone}){_again(window.recurrence)}, {whom}: {window.reason}; "
        f"{window.approver} agreed by clause {window.clause}"
        f"{', afterwards: a correction' if window.afterwards(window.first) else ''}."
    )


def _again(recurrence: Recurrence | None) -> str:
    """Say how a window comes again."""
    if recurrence is None:
        return ""
    unit = _UNITS[recurrence.frequency]
    said = (
        f", again every {unit}"
        if recurrence.interval == 1
        else f", again every {recurrence.interval} {unit}s"
    )
    if recurrence.count is not None:
        return f"{said}, {recurrence.count} times in all"
    return said if recurrence.until is None else f"{said} until {recurrence.until:%Y-%m-%d %H:%M}"
