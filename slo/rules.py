"""Rules for those who evaluate their objectives in Prometheus: good and total recorded, alerts that divide.

Counts are recorded each minute as differences of the counters, so that a window is a sum of whole minutes:
`increase()` would extrapolate, and is exact only where scrapes and evaluations share a grid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import ceil
from typing import TYPE_CHECKING

from slo import metrics
from slo.burn import DEAD_FAILURES_MIN, DEAD_RATIO, FAILURES_MIN, RULES, Rule, Severity
from slo.cells import Indicator
from slo.ledger import WINDOWS
from slo.objectives import EVERY_SERVICE, Budgeting, Rolling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from slo.months import Stretch
    from slo.objectives import Objective

#: A counter that was not scraped for so long is caught up with at once; one that is older begins anew.
UNSCRAPED_MAX = "1h"

#: CloudWatch is up to ten minutes late for a quiet service; what is older than this is an outage of watching.
DATA_OLD_S = 900
MISSING_FOR = "10m"

#: Mimir's defaults for a tenant [pkg/util/validation/limits.go]; Prometheus itself has none.
GROUP_RULES_MAX, GROUPS_MAX = 20, 70

#: So many standard deviations above its mean a normal curve holds slo.evidence.SIGNIFICANCE.
_NORMAL = "1.645"

#: The widest view that rules have of how much traffic there is.
_LONGEST = max((rule.long for rule in RULES), key=lambda name: WINDOWS[name])

_BY = ", ".join(metrics.SLI)
_GOOD, _TOTAL = "slo:good:increase", "slo:total:increase"
_PLAIN = re.compile(r"[\w-]")


@dataclass(frozen=True, slots=True)
class Record:
    """A series that Prometheus writes: name and expression, and the labels that are added."""

    record: str
    expr: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert that Prometheus sends while its expression has an answer, once it has had one for `lasts`."""

    alert: str
    expr: str
    labels: Mapping[str, str]
    summary: str
    lasts: str = "0s"


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, once a minute, at the same moment."""

    name: str
    rules: tuple[Record | Alarm, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.rules) <= GROUP_RULES_MAX:
            raise ValueError(f"a group has 1 to {GROUP_RULES_MAX} rules, got {len(self.rules)}")


def unwritten(objective: Objective) -> str | None:
    """Return why Prometheus cannot judge the objective; None if it can."""
    if objective.indicator is Indicator.SCHEDULE:
        return "runs are counted when it is decided what became of them, and not by minutes"
    if objective.budgeting is not Budgeting.OCCURRENCES:
        return "counters take several minutes in one step, so which minute was bad cannot be told any more"
    return None


#: Why no composite has rules.
UNWRITTEN_COMPOSITE = "it is a composite, which fournines alone judges; rules are written for its members"


def groups(objective: Objective, now: datetime) -> tuple[Group, Group]:
    """Return the counts with their alerts, and what watches that there is something to count.

    Thresholds follow from the length of the period that holds `now`, as fournines' own.
    """
    if reason := unwritten(objective):
        raise ValueError(f"{objective.name} cannot be written: {reason}")
    tiers = tuple(_tiers(objective, objective.window.stretch(now)))
    name = f"fournines-{objective.name}"
    alarms = tuple(_burning(objective, tier) for tier in tiers)
    counts = tuple(_counts(objective, tiers))
    return Group(name, counts + alarms), Group(f"{name}-watch", tuple(_watch(objective)))


def left_out(objective: Objective, now: datetime) -> Mapping[Rule, str]:
    """Return the tiers that cannot fire, and why."""
    period = len(objective.window.stretch(now))
    return {rule: why for rule in RULES if (why := _mute(rule, period, objective.budget))}


def exact(number: Fraction) -> str:
    """Write a number with all its places; as a quotient where a decimal would never end."""
    if not _ends(number.denominator):
        return f"({number.numerator} / {number.denominator})"
    places = next(places for places in count() if (number * 10**places).denominator == 1)
    whole, part = divmod(int(number * 10**places), 10**places)
    return f"{whole}.{part:0{places}}" if places else f"{whole}"


def period_of(objective: Objective, now: datetime) -> str:
    """Say over which period the budget is spent, and when thresholds change with it."""
    stretch = objective.window.stretch(now)
    if isinstance(objective.window, Rolling):
        return f"the last {len(stretch):,} minutes"
    return (
        f"the {len(stretch):,} minutes from {stretch.starts_at:%Y-%m-%d %H:%M} to "
        f"{stretch.ends_at:%Y-%m-%d %H:%M} UTC, a calendar period: write the rules anew when it ends"
    )


@dataclass(frozen=True, slots=True)
class _Tier:
    """A tier with the ratio of bad requests above which it fires, and the requests that it needs to speak."""

    rule: Rule
    limit: Fraction
    volume: int


def _tiers(objective: Objective, period: Stretch) -> Iterator[_Tier]:
    needed = WINDOWS[_LONGEST] / (len(period) * objective.budget)
    for rule in RULES:
        factor = rule.factor(len(period))
        if factor is not None and factor * objective.budget < 1:
            yield _Tier(rule, factor * objective.budget, ceil(needed * objective.indicator.scale))


def _mute(rule: Rule, period: int, budget: Fraction) -> str | None:
    factor = rule.factor(period)
    if factor is None:
        return f"the period is too short for a page over {rule.long}"
    return f"no ratio is above {exact(factor * budget)}" if factor * budget >= 1 else None


def _counts(objective: Objective, tiers: Sequence[_Tier]) -> Iterator[Record]:
    labels = {"slo": objective.name}
    total, bad = (_minute(objective, family.name) for family in (metrics.ALL, metrics.BAD))
    yield Record(f"{_GOOD}1m", f"{total}\n-\n{bad}", labels)
    yield Record(f"{_TOTAL}1m", total, labels)
    used = {name for tier in tiers for name in (tier.rule.long, tier.rule.short)}
    for name in sorted(used, key=lambda name: WINDOWS[name]):
        for counted in (_GOOD, _TOTAL):
            # A second short of the window: so a range that includes its first moment (Prometheus 2) and one
            # that does not (Prometheus 3) hold the same minutes.
            expr = f"sum_over_time({_of(objective, f'{counted}1m')}[{WINDOWS[name] - 1}m59s])"
            yield Record(f"{counted}{name}", expr, labels)


def _minute(objective: Objective, counter: str) -> str:
    """Return what a minute added to a counter, in the indicator's scale; what restarted began at zero.

    Who else exports the same counters exports the same counts, so that the largest is taken and not the sum.
    """
    selected = f"{counter}{_selector(objective)}"
    now = f"last_over_time({selected}[{UNSCRAPED_MAX}])"
    before = f"last_over_time({selected}[{UNSCRAPED_MAX}] offset 1m)"
    scale = objective.indicator.scale
    scaled = f"round({scale} * (" if scale > 1 else "round(("
    return f"max by ({_BY}) ({scaled}\n  {now} - {before} >= 0\n  or\n  {now} < {before}\n)))"


def _burning(objective: Objective, tier: _Tier) -> Alarm:
    rule, limit = tier.rule, exact(tier.limit)
    return Alarm(
        alert="SloBurn" + "".join(word.capitalize() for word in rule.tier.split("_")),
        expr=(
            f"{_ratio(objective, rule.long)} > {limit}\nand\n{_ratio(objective, rule.short)} > {limit}\n"
            f"and (\n  (\n{_evidence(objective, tier)}\n  )\n  or\n  (\n{_dead(objective, rule.long)}\n  )\n)"
        ),
        labels={
            "slo": objective.name,
            "tier": str(rule.tier),
            "long": rule.long,
            "short": rule.short,
            "severity": str(rule.tier.severity),
        },
        summary=(
            f"{{{{ $labels.service }}}} in {{{{ $labels.region }}}} burns its {objective.indicator} budget "
            f"too fast: {{{{ $value | humanizePercentage }}}} of {objective.indicator.counted} "
            f"were bad in {rule.long}"
        ),
    )


def _evidence(objective: Objective, tier: _Tier) -> str:
    """Return that the failures are too many for chance, and the traffic enough to afford a single one."""
    scale = objective.indicator.scale
    bad, total = _bad(objective, tier.rule.long), _of(objective, f"{_TOTAL}{tier.rule.long}")
    failures = f"{bad} / {scale}" if scale > 1 else bad
    mean, variance = (
        f"{exact(part / scale)} * {total}" for part in (tier.limit, tier.limit * (1 - tier.limit))
    )
    return "\n    and\n".join(
        f"    {condition}"
        for condition in (
            f"{bad} >= {FAILURES_MIN * scale}",
            f"{failures} >= 1 + {mean} + {_NORMAL} * sqrt({variance})",
            f"{_of(objective, f'{_TOTAL}{_LONGEST}')} >= {tier.volume}",
        )
    )


def _dead(objective: Objective, window: str) -> str:
    """Return that a service answers hardly anything, however little its traffic."""
    failures = f"{_bad(objective, window)} >= {DEAD_FAILURES_MIN * objective.indicator.scale}"
    return f"    {failures}\n    and\n    {_ratio(objective, window)} >= {exact(DEAD_RATIO)}"


def _watch(objective: Objective) -> Iterator[Record | Alarm]:
    """Yield the target as a series, and alerts while nothing new is known."""
    ingested = f"{metrics.LAST_INGEST.name}{_selector(objective)}"
    named = {"slo": objective.name, "service": objective.service, "indicator": str(objective.indicator)}
    page = {"slo": objective.name, "severity": str(Severity.PAGE)}
    yield Record("slo:objective:ratio", f"vector({exact(Fraction(objective.target))})", named)
    yield Alarm(
        "SloDataOld",
        f"time() - max by (account, region) ({ingested}) > {DATA_OLD_S}",
        page,
        f"Nothing new of {objective.name} from {{{{ $labels.region }}}}: {{{{ $value | humanizeDuration }}}}",
    )
    yield Alarm(
        "SloDataMissing",
        f"absent({ingested})",
        page,
        f"Nothing is known of {objective.name}: fournines is not scraped, or counts nothing of it",
        lasts=MISSING_FOR,
    )


def _ratio(objective: Objective, window: str) -> str:
    return f"{_bad(objective, window)} / ({_of(objective, f'{_TOTAL}{window}')} > 0)"


def _bad(objective: Objective, window: str) -> str:
    return f"({_of(objective, f'{_TOTAL}{window}')} - {_of(objective, f'{_GOOD}{window}')})"


def _of(objective: Objective, series: str) -> str:
    return f"{series}{{slo={_quoted(objective.name)}}}"


def _selector(objective: Objective) -> str:
    """Return the counters that the objective speaks of."""
    matchers = [f"indicator={_quoted(objective.indicator)}"]
    if objective.service != EVERY_SERVICE:
        matchers.append(f"service={_quoted(objective.service)}")
    if objective.regions:
        matchers.append(f"region=~{_quoted('|'.join(map(_literal, objective.regions)))}")
    return f"{{{', '.join(matchers)}}}"


def _literal(text: str) -> str:
    """Return a regular expression that only the text itself matches."""
    return "".join(letter if _PLAIN.fullmatch(letter) else f"\\{letter}" for letter in text)


def _quoted(text: str) -> str:
    """Return a string of PromQL, which has the escapes of JSON."""
    return json.dumps(str(text), ensure_ascii=False)


def _ends(denominator: int) -> bool:
    """Return whether a fraction with this denominator is a decimal that ends."""
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1
