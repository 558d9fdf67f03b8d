"""Which objectives burn their budget too fast: tiers, burn rates, and what so few requests can prove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from slo import figures
from slo.budget import scale_of
from slo.cells import Indicator, Placement, Sli
from slo.conditions import Condition, Op
from slo.evidence import failures_needed
from slo.ledger import WINDOWS
from slo.lookback import LAG_MAX, SHORT_MAX, Tally, end_of, looks, tally
from slo.objectives import Budgeting, Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from slo.ledger import Ledger
    from slo.lookback import Look
    from slo.sums import Sums

    Bounds = Callable[[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]

#: Fewer failures wake nobody, whatever their ratio: one client may retry one bad request.
FAILURES_MIN = 3

#: A service this dead pages however little its traffic: so many failures, and this ratio of requests.
DEAD_FAILURES_MIN = 20
DEAD_RATIO = Fraction(1, 2)

#: Floats sort out what is far from firing; what is near is compared exactly.
_MARGIN = 1 - 1e-9


class Severity(StrEnum):
    """Whether somebody is woken, or finds it in the morning."""

    PAGE = "page"
    TICKET = "ticket"


class Tier(StrEnum):
    """A pair of burn-rate windows."""

    PAGE_QUICK = "page_quick"
    PAGE_SLOW = "page_slow"
    TICKET_QUICK = "ticket_quick"
    TICKET_SLOW = "ticket_slow"

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return Severity.PAGE if self in (Tier.PAGE_QUICK, Tier.PAGE_SLOW) else Severity.TICKET


@dataclass(frozen=True, slots=True)
class Rule:
    """A tier fires when both windows burn faster than spends the share `budget` in the long one."""

    tier: Tier
    long: str
    short: str
    budget: Fraction

    def factor(self, period: int) -> Fraction | None:
        """Return the burn rate for a period in minutes; below 1 the budget lasts, so nothing fires there.

        A page at 1 or less would wake people for a service that keeps its promise: it does not exist (None).
        """
        factor = self.budget * period / WINDOWS[self.long]
        if self.tier.severity is Severity.PAGE:
            return factor if factor > 1 else None
        return max(factor, Fraction(1))


#: Rows 1, 2 and 4: https://sre.google/workbook/alerting-on-slos/; row 3: Sloth and Datadog.
#: The short window, a twelfth of the long one, ends an alert in good time.
RULES = (
    Rule(Tier.PAGE_QUICK, "1h", "5m", Fraction(2, 100)),
    Rule(Tier.PAGE_SLOW, "6h", "30m", Fraction(5, 100)),
    Rule(Tier.TICKET_QUICK, "1d", "2h", Fraction(10, 100)),
    Rule(Tier.TICKET_SLOW, "3d", "6h", Fraction(10, 100)),
)
_RULES = {rule.tier: rule for rule in RULES}


class Answer(StrEnum):
    """Why a tier fires or does not."""

    FIRING = "firing"
    WITHIN_BUDGET = "within_budget"
    RECOVERED = "recovered"
    TOO_FEW_FAILURES = "too_few_failures"
    INSUFFICIENT_VOLUME = "insufficient_volume"
    NO_TRAFFIC = "no_traffic"
    NO_DATA = "no_data"
    PERIOD_TOO_SHORT = "period_too_short"
    SLICE_TOO_LONG = "slice_too_long"
    NOT_MET = "not_met"
    NOT_FOR_LONG = "not_for_long"

    @property
    def sentence(self) -> str:
        """What people read."""
        return _SENTENCES[self]


_SENTENCES = {
    Answer.FIRING: "Both windows burn the budget too fast, and the failures are too many for chance.",
    Answer.WITHIN_BUDGET: "The long window does not burn the budget too fast.",
    Answer.RECOVERED: "The long window burnt too fast, and the short one no longer does.",
    Answer.TOO_FEW_FAILURES: "The ratio is high, but so few failures may be chance.",
    Answer.INSUFFICIENT_VOLUME: "Insufficient volume: at this traffic a single failure breaks the objective.",
    Answer.NO_TRAFFIC: "No requests came.",
    Answer.NO_DATA: "Nothing is known of the window.",
    Answer.PERIOD_TOO_SHORT: "The objective's period is too short for this tier.",
    Answer.SLICE_TOO_LONG: "The objective's slices are longer than this tier's short window.",
    Answer.NOT_MET: "The condition is not met.",
    Answer.NOT_FOR_LONG: "The condition is met, but has not been for as long as it asks.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A tier that fires for an objective at a placement; `bad` and `total` are the long window's requests.

    For an objective in timeslices they are minutes, and `unit` says so.  `tier` may be a condition that
    somebody wrote: then `burn_short` is the burn of those it had to hold for that came nearest to the limit.
    """

    objective: str
    placement: Placement
    indicator: Indicator
    tier: Tier | Condition
    burn_long: Fraction
    burn_short: Fraction
    bad: int
    total: int
    at: datetime
    unit: Literal["requests", "minutes", "runs", "checks"] = "requests"

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return Severity(self.tier.severity)

    @property
    def sentence(self) -> str:
        """What an engineer reads first."""
        if isinstance(self.tier, Condition):
            return self._asked(self.tier)
        return (
            f"{self.placement.service} in {self.placement.region} burns its {self.indicator} budget "
            f"{figures.burn(self.burn_long)} times too fast: {self.bad:,} of {self.total:,} {self.unit} "
            f"were bad in {_RULES[self.tier].long}"
        )

    def _asked(self, condition: Condition) -> str:
        """Say which condition holds, and by which numbers."""
        return (
            f"{self.placement.service} in {self.placement.region} meets {condition}: its {self.indicator} "
            f"budget burns at {figures.burn(self.burn_long)}, {condition.op.words} {condition.threshold}; "
            f"{self.bad:,} of {self.total:,} {self.unit} were bad in {figures.allowance(condition.lookback)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A tier's answer for one SLI, and the numbers behind it; counts are whole, and of the long window."""

    tier: Tier | Condition
    answer: Answer
    factor: Fraction | None
    burn_long: Fraction | None
    burn_short: Fraction | None
    bad: int
    total: int


def firing(objectives: Sequence[Objective], ledger: Ledger, now: datetime) -> tuple[Alert, ...]:
    """Return every tier that fires, over all placements.

    Windows end with the ledger's newest minute, short ones with the newest that is known of the SLI.
    """
    return tuple(
        Alert(
            objective=objective.name,
            placement=sli.placement,
            indicator=sli.indicator,
            tier=judged.tier,
            burn_long=judged.burn_long,
            burn_short=judged.burn_short,
            bad=judged.bad,
            total=judged.total,
            at=now,
            unit="minutes" if objective.in_slices else objective.indicator.counted,
        )
        for objective, sli, rule in _candidates(objectives, ledger, now)
        if (judged := judge(objective, sli, rule, ledger, now)).answer is Answer.FIRING
        and judged.burn_long is not None
        and judged.burn_short is not None
    )


def explain(
    objective: Objective, placement: Placement, ledger: Ledger, now: datetime
) -> tuple[Judgement, ...]:
    """Return what each tier and each written condition answers for a placement, and why."""
    sli, rules = Sli(placement, objective.indicator), list[Rule | Condition](RULES)
    return tuple(judge(objective, sli, rule, ledger, now) for rule in (*rules, *objective.conditions))


def burns(objective: Objective, placement: Placement, ledger: Ledger) -> dict[str, Fraction | None]:
    """Return the burn rate of every window that the ledger sums; None where nothing was counted."""
    sli = Sli(placement, objective.indicator)
    return {
        name: _burn(tally(objective, sli, window, ledger), objective)
        for name, window in WINDOWS.items()
        if window in ledger.windows
    }


def pool_burns(objective: Objective, slis: Sequence[Sli], ledger: Ledger) -> dict[str, Fraction | None]:
    """Return the same of several placements together: what was bad of all that was counted."""
    found = {}
    for name, window in WINDOWS.items():
        if window in ledger.windows:
            parts = [tally(objective, sli, window, ledger) for sli in slis]
            bad, total, known = (
                sum(getattr(part, field) for part in parts) for field in ("bad", "total", "known")
            )
            found[name] = _burn(Tally(bad, total, known), objective)
    return found


def counted_burns(slis: Sequence[Sli], allowed: Fraction, ledger: Ledger) -> dict[str, Fraction | None]:
    """Return how many times what may be bad was bad in every window, of all requests of the SLIs."""
    columns = [ledger.column(sli) for sli in slis]
    found: dict[str, Fraction | None] = {}
    for name, window in WINDOWS.items():
        if window in ledger.windows:
            sums = ledger.sums(window)
            bad, total = int(sums.bad[columns].sum()), int(sums.total[columns].sum())
            found[name] = Fraction(bad, total) / allowed if total else None
    return found


def judge(objective: Objective, sli: Sli, rule: Rule | Condition, ledger: Ledger, now: datetime) -> Judgement:
    """Answer whether a tier, or a written condition, fires for one SLI, by exact comparison."""
    if isinstance(rule, Condition):
        return _asked(objective, sli, rule, ledger)
    period = len(objective.window.stretch(now))
    factor = rule.factor(period)
    limit = None if factor is None else factor * objective.budget
    long = tally(objective, sli, WINDOWS[rule.long], ledger)
    short = tally(objective, sli, WINDOWS[rule.short], ledger)
    scale = scale_of(objective)
    answer = _answer(limit, long, short)
    if objective.slice_minutes > WINDOWS[rule.short]:
        answer = Answer.SLICE_TOO_LONG
    if answer is Answer.FIRING and limit is not None:
        volume = _volume(tally(objective, sli, ledger.windows[-1], ledger), period, scale)
        requests = tally(objective, sli, WINDOWS[rule.long], ledger, requests=True)
        answer = _evidence(objective, long, requests, limit, enough=volume * objective.budget >= 1)
    return Judgement(
        tier=rule.tier,
        answer=answer,
        factor=factor,
        burn_long=_burn(long, objective),
        burn_short=_burn(short, objective),
        bad=long.bad // scale,
        total=long.total // scale,
    )


def _asked(objective: Objective, sli: Sli, condition: Condition, ledger: Ledger) -> Judgement:
    """Answer whether a written condition fires: it holds now, and has in every window of its time."""
    found = list(looks(objective, condition, sli, ledger, end_of(ledger, sli)))
    newest, burns = found[0], [look.burn for look in found if look.burn is not None]
    nearest = (min if condition.op.rises else max)(burns, default=None)
    return Judgement(
        tier=condition,
        answer=_held(condition, found),
        factor=Fraction(condition.threshold),
        burn_long=newest.burn,
        burn_short=nearest,
        bad=newest.bad,
        total=newest.total,
    )


def _held(condition: Condition, found: Sequence[Look]) -> Answer:
    """Name the first reason why a condition does not fire."""
    newest = found[0]
    if newest.burn is None:
        return Answer.NO_TRAFFIC if newest.known else Answer.NO_DATA
    if not condition.holds(newest.burn):
        return Answer.NOT_MET
    whole = all(look.burn is not None and condition.holds(look.burn) for look in found)
    return Answer.FIRING if whole else Answer.NOT_FOR_LONG


def _answer(limit: Fraction | None, long: Tally, short: Tally) -> Answer:
    """Name the first reason why the ratios do not ask for an alert."""
    if limit is None:
        return Answer.PERIOD_TOO_SHORT
    if not long.known:
        return Answer.NO_DATA
    if long.ratio is None:
        return Answer.NO_TRAFFIC
    if long.ratio <= limit:
        return Answer.WITHIN_BUDGET
    return Answer.RECOVERED if short.ratio is None or short.ratio <= limit else Answer.FIRING


def _evidence(objective: Objective, long: Tally, requests: Tally, limit: Fraction, *, enough: bool) -> Answer:
    """Say whether so many failures of so many prove what the ratios ask for.

    Slices that failed are proof only by the requests that failed in them, and shares of slices are weighed by
    their requests alone: minutes of which a part failed are no trials.
    """
    shares, scale = objective.budgeting is Budgeting.RATIO_TIMESLICES, objective.indicator.scale
    tried, each = (requests, scale) if shares or not objective.in_slices else (long, 1)
    bad, total, few = tried.bad // each, tried.total // each, requests.bad < FAILURES_MIN * scale
    if bad >= DEAD_FAILURES_MIN and Fraction(bad, total) >= DEAD_RATIO and not few:
        return Answer.FIRING
    if not enough:
        return Answer.INSUFFICIENT_VOLUME
    needed = max(FAILURES_MIN, failures_needed(total, float(limit)))
    return Answer.FIRING if bad >= needed and not few else Answer.TOO_FEW_FAILURES


def _burn(tally: Tally, objective: Objective) -> Fraction | None:
    return None if tally.ratio is None else tally.ratio / objective.budget


def _volume(tally: Tally, period: int, scale: int) -> Fraction:
    """Return the requests that a whole period would bring at the pace of what is known."""
    return Fraction(tally.total * period, max(1, tally.known) * scale)


def _candidates(
    objectives: Sequence[Objective], ledger: Ledger, now: datetime
) -> Iterator[tuple[Objective, Sli, Rule | Condition]]:
    """Yield what may fire, sorted out by columns: in most minutes nothing comes near."""
    slis = ledger.slis
    for indicator in Indicator:
        columns = ledger.columns(indicator)
        concerned = [one for one in objectives if one.indicator is indicator] if len(columns) else []
        for rule in RULES:
            limits = [(one, limit) for one in concerned if (limit := _limit(one, rule, now)) is not None]
            if not limits:
                continue
            longest = max(one.slice_minutes for one, _ in limits)
            near = _near(ledger, columns, rule, min(limit for _, limit in limits), longest)
            for column in columns[near].tolist():
                sli = slis[column]
                yield from ((one, sli, rule) for one, _ in limits if one.covers(sli.placement))
        bounds = cache(partial(_bounds, ledger, columns))
        for objective, condition in ((one, asked) for one in concerned for asked in one.conditions):
            near = _near_condition(bounds, objective, condition)
            found = (slis[column] for column in columns[near].tolist())
            yield from ((objective, sli, condition) for sli in found if objective.covers(sli.placement))


def _limit(objective: Objective, rule: Rule, now: datetime) -> float | None:
    """Return a ratio of bad requests below which the tier cannot fire; any, for timeslices."""
    period = len(objective.window.stretch(now))
    return 0.0 if objective.in_slices else _ratio(rule.tier, objective.target, period)


@lru_cache(maxsize=1024)
def _ratio(tier: Tier, target: Decimal, period: int) -> float | None:
    factor = _RULES[tier].factor(period)
    return None if factor is None else float(factor * (1 - Fraction(target))) * _MARGIN


def _near(
    ledger: Ledger, columns: NDArray[np.intp], rule: Rule, limit: float, slice_minutes: int
) -> NDArray[np.bool_]:
    lags = ledger.lags(columns)
    # What lies in the short windows of those that are late is found out one by one, where the hour holds
    # enough failures for it: those of the short window, at a quarter of its usual requests.
    hour, short = _holding(ledger, SHORT_MAX + slice_minutes - 1), min(WINDOWS[rule.short], SHORT_MAX)
    enough = hour.total[columns] * (limit * short / SHORT_MAX / 4)
    late = (lags > 0) & (lags <= LAG_MAX) & (hour.bad[columns] > 0) & (hour.bad[columns] >= enough)
    near = np.ones(len(columns), np.bool_)
    for window in (WINDOWS[rule.short], WINDOWS[rule.long]):
        # Whole slices end up to a slice earlier, so that a longer window holds theirs.
        sums = _holding(ledger, window + slice_minutes - 1)
        bad = sums.bad[columns]
        near &= ((bad > 0) & (bad >= sums.total[columns] * limit)) | (late & (window <= SHORT_MAX))
    return near


def _near_condition(bounds: Bounds, objective: Objective, condition: Condition) -> NDArray[np.bool_]:
    """Return where a condition may hold: more burn needs failures, and enough for the fewest requests."""
    bad, fewest = bounds(condition.lookback, objective.slice_minutes)
    always = condition.op is Op.GTE and not condition.threshold
    if always or not condition.op.rises:
        return np.ones(len(bad), np.bool_)
    burnt = 0.0 if objective.in_slices else float(Fraction(condition.threshold) * objective.budget) * _MARGIN
    near: NDArray[np.bool_] = (bad > 0) & (bad >= fewest * burnt)
    return near


def _bounds(
    ledger: Ledger, columns: NDArray[np.intp], lookback: int, slice_minutes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the most failures and the fewest requests that a window holds, however late it is read."""
    shift, end = LAG_MAX + slice_minutes - 1, (ledger.newest or 0) + 1
    bad = _holding(ledger, lookback + shift).bad[columns]
    within = max((window for window in ledger.windows if window <= lookback), default=0)
    if within <= shift:
        return bad, np.zeros_like(bad)
    newest = ledger.over(end - shift, end).total[columns]
    return bad, np.maximum(0, ledger.sums(within).total[columns] - newest)


def _holding(ledger: Ledger, minutes: int) -> Sums:
    """Return sums over so many of the newest minutes or more: running ones where any window is as long."""
    end = (ledger.newest or 0) + 1
    window = next((window for window in ledger.windows if window >= minutes), None)
    return ledger.over(end - minutes, end) if window is None else ledger.sums(window)
