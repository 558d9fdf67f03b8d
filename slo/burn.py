"""Which objectives burn their budget too fast: tiers, burn rates, and what so few requests can prove."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from slo import figures
from slo.budget import bad_minutes
from slo.cells import Indicator, Placement, Sli, State
from slo.evidence import failures_needed
from slo.ledger import WINDOWS
from slo.objectives import Budgeting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from slo.ledger import Ledger
    from slo.objectives import Objective

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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A tier that fires for an objective at a placement; `bad` and `total` are the long window's requests.

    For an objective in timeslices they are minutes, and `unit` says so.
    """

    objective: str
    placement: Placement
    indicator: Indicator
    tier: Tier
    burn_long: Fraction
    burn_short: Fraction
    bad: int
    total: int
    at: datetime
    unit: Literal["requests", "minutes", "runs", "checks"] = "requests"

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return self.tier.severity

    @property
    def sentence(self) -> str:
        """What an engineer reads first."""
        return (
            f"{self.placement.service} in {self.placement.region} burns its {self.indicator} budget "
            f"{figures.burn(self.burn_long)} times too fast: {self.bad:,} of {self.total:,} {self.unit} "
            f"were bad in {_RULES[self.tier].long}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A tier's answer for one SLI, with the numbers behind it; counts are whole requests of the long window.

    `needed` is the number of failures that would be evidence.
    """

    tier: Tier
    answer: Answer
    factor: Fraction | None
    burn_long: Fraction | None
    burn_short: Fraction | None
    bad: int
    total: int
    needed: int


@dataclass(frozen=True, slots=True)
class _Tally:
    """Bad of total in a window, in the indicator's scale or in minutes, and how many minutes are known."""

    bad: int
    total: int
    known: int

    @property
    def ratio(self) -> Fraction | None:
        return Fraction(self.bad, self.total) if self.total else None


#: SLIs are read at different minutes: up to so many behind the newest, a window of at most an hour ends with
#: what is known of its own SLI.  What is later than that is no news: its short windows are empty.
LAG_MAX, SHORT_MAX = 10, 60


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
            unit="minutes" if objective.budgeting is Budgeting.TIMESLICES else objective.indicator.counted,
        )
        for objective, sli, rule in _candidates(objectives, ledger, now)
        if (judged := judge(objective, sli, rule, ledger, now)).answer is Answer.FIRING
        and judged.burn_long is not None
        and judged.burn_short is not None
    )


def explain(
    objective: Objective, placement: Placement, ledger: Ledger, now: datetime
) -> tuple[Judgement, ...]:
    """Return what each tier answers for a placement, and why."""
    return tuple(judge(objective, Sli(placement, objective.indicator), rule, ledger, now) for rule in RULES)


def burns(objective: Objective, placement: Placement, ledger: Ledger) -> dict[str, Fraction | None]:
    """Return the burn rate of every window that the ledger sums; None where nothing was counted."""
    sli = Sli(placement, objective.indicator)
    return {
        name: _burn(_tally(objective, sli, window, ledger), objective)
        for name, window in WINDOWS.items()
        if window in ledger.windows
    }


def judge(objective: Objective, sli: Sli, rule: Rule, ledger: Ledger, now: datetime) -> Judgement:
    """Answer whether a tier fires for one SLI, by exact comparison."""
    period = len(objective.window.stretch(now))
    factor = rule.factor(period)
    limit = None if factor is None else factor * objective.budget
    long = _tally(objective, sli, WINDOWS[rule.long], ledger)
    short = _tally(objective, sli, WINDOWS[rule.short], ledger)
    scale = 1 if objective.budgeting is Budgeting.TIMESLICES else sli.indicator.scale
    bad, total = long.bad // scale, long.total // scale
    needed = 0 if limit is None else max(FAILURES_MIN, failures_needed(total, float(limit)))
    answer = _answer(limit, long, short)
    if answer is Answer.FIRING:
        volume = _volume(_tally(objective, sli, ledger.windows[-1], ledger), period, scale)
        answer = _evidence(bad, total, needed, volume=volume, budget=objective.budget)
    return Judgement(
        tier=rule.tier,
        answer=answer,
        factor=factor,
        burn_long=_burn(long, objective),
        burn_short=_burn(short, objective),
        bad=bad,
        total=total,
        needed=needed,
    )


def _answer(limit: Fraction | None, long: _Tally, short: _Tally) -> Answer:
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


def _evidence(bad: int, total: int, needed: int, *, volume: Fraction, budget: Fraction) -> Answer:
    """Say whether so many failures of so many prove what the ratios ask for."""
    if bad >= DEAD_FAILURES_MIN and Fraction(bad, total) >= DEAD_RATIO:
        return Answer.FIRING
    if volume * budget < 1:
        return Answer.INSUFFICIENT_VOLUME
    return Answer.FIRING if bad >= needed else Answer.TOO_FEW_FAILURES


def _burn(tally: _Tally, objective: Objective) -> Fraction | None:
    return None if tally.ratio is None else tally.ratio / objective.budget


def _volume(tally: _Tally, period: int, scale: int) -> Fraction:
    """Return the requests that a whole period would bring at the pace of what is known."""
    return Fraction(tally.total * period, max(1, tally.known) * scale)


def _tally(objective: Objective, sli: Sli, window: int, ledger: Ledger) -> _Tally:
    """Return what a window holds of one SLI: requests, or minutes for an objective in timeslices."""
    if sli not in ledger or ledger.newest is None:
        return _Tally(0, 0, 0)
    column = ledger.column(sli)
    (lag,) = ledger.lags(np.array([column])).tolist()
    late = 0 < lag <= LAG_MAX and window <= SHORT_MAX
    if objective.time_slice_target is not None or late:
        end = ledger.newest + 1 - lag * late
        return _counted(objective, *ledger.minutes(sli, end - window, end))
    sums = ledger.sums(window)
    known = window - int(sums.unknown[column]) - int(sums.excluded[column])
    return _Tally(int(sums.bad[column]), int(sums.total[column]), known)


def _counted(
    objective: Objective, bad: NDArray[np.int64], total: NDArray[np.int64], state: NDArray[np.uint8]
) -> _Tally:
    """Add up minutes: their requests, or themselves for an objective in timeslices."""
    known = int(np.isin(state, (State.OBSERVED, State.NO_TRAFFIC)).sum())
    if objective.time_slice_target is None:
        return _Tally(int(bad.sum()), int(total.sum()), known)
    return _Tally(int(bad_minutes(bad, total, Fraction(objective.time_slice_target)).sum()), known, known)


def _candidates(
    objectives: Sequence[Objective], ledger: Ledger, now: datetime
) -> Iterator[tuple[Objective, Sli, Rule]]:
    """Yield what may fire, sorted out by columns: in most minutes nothing comes near."""
    slis = ledger.slis
    for indicator in Indicator:
        columns = ledger.columns(indicator)
        concerned = [one for one in objectives if one.indicator is indicator]
        for rule in RULES if len(columns) else ():
            limits = [(one, limit) for one in concerned if (limit := _limit(one, rule, now)) is not None]
            if not limits:
                continue
            near = _near(ledger, columns, rule, min(limit for _, limit in limits))
            for column in columns[near].tolist():
                sli = slis[column]
                yield from ((one, sli, rule) for one, _ in limits if one.covers(sli.placement))


def _limit(objective: Objective, rule: Rule, now: datetime) -> float | None:
    """Return a ratio of bad requests below which the tier cannot fire; any, for timeslices."""
    period = len(objective.window.stretch(now))
    return 0.0 if objective.time_slice_target is not None else _ratio(rule.tier, objective.target, period)


@lru_cache(maxsize=1024)
def _ratio(tier: Tier, target: Decimal, period: int) -> float | None:
    factor = _RULES[tier].factor(period)
    return None if factor is None else float(factor * (1 - Fraction(target))) * _MARGIN


def _near(ledger: Ledger, columns: NDArray[np.intp], rule: Rule, limit: float) -> NDArray[np.bool_]:
    lags = ledger.lags(columns)
    # What lies in the short windows of those that are late is found out one by one, where the hour holds
    # enough failures for it: those of the short window, at a quarter of its usual requests.
    hour, short = ledger.sums(SHORT_MAX), min(WINDOWS[rule.short], SHORT_MAX)
    enough = hour.total[columns] * (limit * short / SHORT_MAX / 4)
    late = (lags > 0) & (lags <= LAG_MAX) & (hour.bad[columns] > 0) & (hour.bad[columns] >= enough)
    near = np.ones(len(columns), np.bool_)
    for window in (WINDOWS[rule.short], WINDOWS[rule.long]):
        sums = ledger.sums(window)
        bad = sums.bad[columns]
        near &= ((bad > 0) & (bad >= sums.total[columns] * limit)) | (late & (window <= SHORT_MAX))
    return near
