"""What one of an SLO's objectives asks: its target, its slices, the limit of a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from slo.cells import Indicator
from slo.conditions import Op
from slo.objectives import DAY_MINUTES, Budgeting
from slo.openslo.indicators import Counted
from slo.openslo.windows import minutes

if TYPE_CHECKING:
    from slo.openslo.register import Register
    from slo.problem import Section


@dataclass(frozen=True, slots=True)
class Goal:
    """What one of an SLO's objectives asks."""

    display_name: str | None
    counted: Counted
    target: Decimal
    time_slice_target: Decimal | None
    slice_minutes: int
    threshold_s: Decimal | None


def goal(
    register: Register, part: Section, counted: Counted | None, budgeting: Budgeting | None
) -> Goal | None:
    """Read one of an SLO's objectives; what is asked of its members a composite reads itself."""
    target, slices = _target(part), _slices(register, part, budgeting)
    threshold_s = counted.threshold_s if counted is not None else None
    if counted is not None and counted.by_threshold:
        threshold_s = _threshold(register, part, counted)
    elif counted is not None:
        _no_threshold(register, part)
    display_name = part.text("displayName", needed=False)
    register.leave(part, keep=("op", "value"))
    if target is None or slices is None or counted is None:
        return None
    if counted.indicator is Indicator.LATENCY and threshold_s is None:
        return None
    return Goal(display_name, counted, target, *slices, threshold_s)


_PERCENT = 100


def _target(part: Section) -> Decimal | None:
    target = part.number("target", "a ratio such as 0.9999", needed=False)
    percent = part.number("targetPercent", "a percentage such as 99.99", needed=False)
    if part.has("target") == part.has("targetPercent"):
        part.refuse("target", "expected either target or targetPercent")
        return None
    value = target if target is not None else percent and percent / _PERCENT
    if value is not None and not 0 < value < 1:
        key, limit = ("target", "1") if part.has("target") else ("targetPercent", "100")
        hint = f"; in percent that is targetPercent: {target}" if target and 1 < target < _PERCENT else ""
        part.refuse(key, f"expected a number between 0 and {limit}, exclusive, got {part.data[key]}{hint}")
        return None
    return value


def _slices(
    register: Register, part: Section, budgeting: Budgeting | None
) -> tuple[Decimal | None, int] | None:
    """Return the target and length of slices; None where they are wrong."""
    if budgeting in (Budgeting.OCCURRENCES, None):
        for key in ("timeSliceTarget", "timeSliceWindow"):
            if part.value(key, "nothing", needed=False) is not None and budgeting is not None:
                part.refuse(key, "belongs to Timeslices only; expected none")
        return None, 1
    target = _slice_target(register, part, ratios=budgeting is Budgeting.RATIO_TIMESLICES)
    length = _slice_minutes(register, part)
    if length is None or (target is None) == (budgeting is Budgeting.TIMESLICES):
        return None
    return target, length


def _slice_target(register: Register, part: Section, *, ratios: bool) -> Decimal | None:
    target = part.number("timeSliceTarget", "a ratio above 0 and at most 1", needed=not ratios)
    if target is not None and ratios:
        part.refuse("timeSliceTarget", "belongs to Timeslices only: RatioTimeslices averages the ratios")
    expected = f"expected a ratio above 0 and at most 1, got {target}"
    if target == 0 and not ratios:
        return target if register.forgive(part, "timeSliceTarget", expected, "no slice is ever bad") else None
    if target is not None and not 0 < target <= 1:
        part.refuse("timeSliceTarget", expected)
        return None
    return target


def _slice_minutes(register: Register, part: Section) -> int | None:
    """Return the length of a slice; a bare number are minutes."""
    written = part.value("timeSliceWindow", "1m", needed=False)
    if written is None:
        forgiven = register.forgive(part, "timeSliceWindow", "is missing; expected 1m", "slices are a minute")
        return 1 if forgiven else None
    number = f"{written}m" if str(written).isdecimal() and not isinstance(written, bool) else written
    length = minutes(number)
    if length is None or DAY_MINUTES % length:
        part.refuse(
            "timeSliceWindow", f"expected minutes that part a day without rest, such as 1m, got {written!r}"
        )
        return None
    return length


def _threshold(register: Register, part: Section, counted: Counted) -> Decimal | None:
    """Read the limit of a threshold metric: CloudWatch counts up to and including it, so lte is exact."""
    operator = part.word("op", Op)
    if operator in (Op.LT, Op.GT, Op.GTE):
        part.refuse("op", _NOT_EXACT[operator])
    if part.data.get("value") is None and counted.threshold_s is not None:
        told = f"threshold_s of the metric is taken, {counted.threshold_s}"
        register.forgive(part, "value", "is missing; expected seconds", told)
        return counted.threshold_s
    value = part.number("value", "seconds, for example 0.5")
    if value is not None and value <= 0:
        part.refuse("value", f"expected seconds above 0, got {value}")
        return None
    return value if operator is Op.LTE else None


#: Why a limit cannot be honoured exactly.
_NOT_EXACT = {
    Op.LT: "CloudWatch counts answers up to and including the limit; expected lte, got 'lt'",
    Op.GT: "what is slower is bad, and never good; expected lte, got 'gt'",
    Op.GTE: "what is slower is bad, and never good; expected lte, got 'gte'",
}


def _no_threshold(register: Register, part: Section) -> None:
    """Refuse a limit beside a ratio, which has none."""
    for key in ("op", "value"):
        if part.has(key):
            register.forgive(part, key, "belongs to a thresholdMetric only; expected none", "not used")
