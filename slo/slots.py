"""Minutes by the slots of a calendar: the hours of each day, or the days of a period, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from slo.cells import moment_of
from slo.months import days_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from slo.months import Stretch
    from slo.tally import Minutes

#: Every offset of a zone from UTC that is in use today is a multiple of so many minutes.
_QUARTER = 15
_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """A row of hours or days: of how many minutes each came, and what became of them."""

    label: str
    elapsed: tuple[int, ...]
    down: tuple[int, ...]
    unknown: tuple[int, ...]
    excluded: tuple[int, ...]
    bad: tuple[int, ...]
    total: tuple[int, ...]


def by_hour(minutes: Minutes, period: Stretch, zone: ZoneInfo, scale: int) -> tuple[Slots, ...]:
    """Return a row for each day of the period with the hours of its clock; `minutes` begin with the period.

    An hour that clocks go back to holds both of its passes, one that they skip holds nothing.
    """
    return tuple(
        _row(
            f"{day:%a} {day.day} {day:%b}",
            minutes,
            slice(stretch.start - period.start, stretch.end - period.start),
            (_hours(stretch, zone), _HOURS, scale),
        )
        for day, stretch in days_of(period, zone)
    )


def by_day(label: str, minutes: Minutes, period: Stretch, zone: ZoneInfo, scale: int) -> Slots:
    """Return one row with the days of the period; `minutes` begin with it."""
    lengths = [len(stretch) for _, stretch in days_of(period, zone)]
    places = np.repeat(np.arange(len(lengths)), lengths)
    return _row(label, minutes, slice(None), (places, len(lengths), scale))


def _hours(day: Stretch, zone: ZoneInfo) -> NDArray[np.intp]:
    """Return the hour that the clock shows in each minute of a day."""
    first = day.start // _QUARTER * _QUARTER
    shown = [moment_of(minute).astimezone(zone).hour for minute in range(first, day.end, _QUARTER)]
    return np.repeat(np.array(shown, np.intp), _QUARTER)[day.start - first : day.end - first]


def _row(label: str, minutes: Minutes, rows: slice, places: tuple[NDArray[np.intp], int, int]) -> Slots:
    """Add up some of the minutes by the slot that each falls in."""
    place, slots, scale = places

    def cut(column: NDArray[np.generic]) -> NDArray[np.int64]:
        told = column[rows]
        return np.bincount(place[: len(told)], told, slots).astype(np.int64)

    return Slots(
        label=label,
        elapsed=_plain(cut(np.ones(len(minutes.bad)))),
        down=_plain(cut(minutes.down)),
        unknown=_plain(cut(minutes.unknown)),
        excluded=_plain(cut(minutes.excluded)),
        bad=_plain(-(-cut(minutes.bad) // scale)),
        total=_plain(cut(minutes.total) // scale),
    )


def _plain(column: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(column.tolist())
