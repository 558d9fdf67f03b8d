"""How a number may be said: cut off where rounding would flatter, so nothing unmet ever reads as met."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What stands where there is no number.
NOTHING = "-"

#: 99.9912 % shows a hundredth of a 99.99 % budget; fewer places would hide how it was met.
PERCENT_PLACES = 4

_MINUTE_S = 60
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with the text that says it; `exact` is None where nothing can be said."""

    exact: int | Fraction | None
    text: str

    def __str__(self) -> str:
        return self.text


def attained(ratio: Fraction | None, places: int = PERCENT_PLACES) -> Figure:
    """Say a ratio that is better when larger, cut off: 99.98999 % never reads 99.99 %."""
    return Figure(ratio, NOTHING if ratio is None else f"{_places(floor, ratio * 100, places)} %")


def spent(ratio: Fraction | None, places: int = 1) -> Figure:
    """Say a ratio that is better when smaller, rounded up."""
    return Figure(ratio, NOTHING if ratio is None else f"{_places(ceil, ratio * 100, places)} %")


def burn(rate: Fraction | None) -> Figure:
    """Say how many budgets a pace spends, rounded up to a tenth."""
    return Figure(rate, NOTHING if rate is None else _places(ceil, rate, 1))


@lru_cache(maxsize=64)
def target(ratio: Fraction) -> Figure:
    """Say a target with all its places: it is a decimal."""
    places = 0
    while (ratio * 100 * 10**places) % 1 and places < 2 * PERCENT_PLACES:
        places += 1
    return Figure(ratio, f"{_places(floor, ratio * 100, places)} %")


def count(number: Fraction | int, *, worse_when_more: bool = False) -> Figure:
    """Say a number of requests in whole ones: what is bad is rounded up, what is good is cut off."""
    whole = ceil(number) if worse_when_more else floor(number)
    return Figure(number if isinstance(number, int) or number.denominator > 1 else int(number), f"{whole:,}")


def decimal(number: Fraction, places: int = 2) -> Figure:
    """Say an allowance that is no whole number, cut off: 4.32 minutes."""
    return Figure(number, _places(floor, number, places))


def several(number: int, one: str) -> str:
    """Say how many of something there are: 1 task, 2 tasks."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def allowance(minutes: Fraction | int) -> Figure:
    """Say time that may still go wrong, cut off to a second: 4.32 minutes are `4 min 19 s`."""
    return Figure(minutes, _clock(floor(minutes * _MINUTE_S)))


def lost(minutes: Fraction | int) -> Figure:
    """Say time that went wrong, rounded up to a second."""
    return Figure(minutes, _clock(ceil(minutes * _MINUTE_S)))


def _places(rounding: Callable[[Fraction], int], number: Fraction, places: int) -> str:
    """Write a number with so many places, rounded the given way, in integers all along."""
    scaled = rounding(number * 10**places)
    whole, part = divmod(abs(scaled), 10**places)
    return f"{'-' if scaled < 0 else ''}{whole:,}" + (f".{part:0{places}}" if places else "")


def _clock(seconds: int) -> str:
    sign, rest = ("-", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(rest, _HOUR_S)
    parts = ((hours, "h"), (rest // _MINUTE_S, "min"), (rest % _MINUTE_S, "s"))
    said = " ".join(f"{amount:,} {unit}" for amount, unit in parts if amount)
    return sign + (said or "0 s")
