"""Minutes as people look at them: a heat map of days and hours, and a strip of days for each region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fournines.paper.canvas import WIDTH, Box, Canvas
from slo.cells import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction
    from zoneinfo import ZoneInfo

    from fournines.paper.palette import Palette

HOURS = tuple(f"{hour:02} h" for hour in range(24))

_LEFT, _TOP, _TALL, _GAP = 100, 20, 15, 2
_TICKS_MAX = 12
_SMALL = "font-size:11px"
#: What is pointed at is the box below.
_UNTOUCHED = ";pointer-events:none"
#: A part that is smaller than this is drawn so tall.
_SEEN = 3.0

#: Every offset of a zone from UTC that is in use today is a multiple of it.
_QUARTER = 15
_DAY = 1440

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """What each minute from `start` on was: whether down, unknown or excluded, and its requests."""

    start: int
    down: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    bad: NDArray[np.int64]
    total: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {len(self.down), len(self.unknown), len(self.excluded), len(self.bad), len(self.total)}
        if len(lengths) != 1:
            raise ValueError(f"every column speaks of the same minutes, got {sorted(lengths)}")

    @property
    def end(self) -> int:
        """The first minute after them."""
        return self.start + len(self.down)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of slots, hours or days: how many minutes have elapsed in each, and what became of them."""

    label: str
    elapsed: NDArray[np.int64]
    down: NDArray[np.int64]
    unknown: NDArray[np.int64]
    excluded: NDArray[np.int64]
    bad: NDArray[np.int64]
    total: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Slot:
    """One slot, or several alike beside each other."""

    row: Row
    first: int
    last: int

    def of(self, column: NDArray[np.int64]) -> int:
        return int(column[self.first : self.last + 1].sum())


def by_hour(minutes: Minutes, end: int, zone: ZoneInfo) -> tuple[Row, ...]:
    """Return a row for each day of the zone until minute `end`, with a slot for each hour of its clock.

    An hour that clocks go back to holds both of its passes, one that they skip holds nothing.
    """
    days = days_of(minutes.start, end, zone)
    local = _local(minutes, zone)
    place = (local // _DAY - (days[0] - _EPOCH).days) * len(HOURS) + local % _DAY // 60
    columns = [cut.reshape(len(days), len(HOURS)) for cut in _cut(minutes, place, len(days) * len(HOURS))]
    return tuple(
        Row(f"{day:%a} {day.day} {day:%b}", *(column[n] for column in columns)) for n, day in enumerate(days)
    )


def by_day(label: str, minutes: Minutes, end: int, zone: ZoneInfo) -> Row:
    """Return one row with a slot for each day of the zone until minute `end`."""
    days = days_of(minutes.start, end, zone)
    place = _local(minutes, zone) // _DAY - (days[0] - _EPOCH).days
    return Row(label, *_cut(minutes, place, len(days)))


def days_of(start: int, end: int, zone: ZoneInfo) -> tuple[date, ...]:
    """Return the days of a zone that the minutes `[start, end)` touch."""
    first, last = (moment_of(minute).astimezone(zone).date() for minute in (start, end - 1))
    return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))


def heat_map(rows: Sequence[Row], allowed: Fraction, palette: Palette, name: str = "heat") -> str:
    """Draw days by hours; an hour that was down for more minutes than the period allows stands out."""
    canvas = _ruled(rows, HOURS, palette)
    _fill(canvas, rows, HOURS, allowed, canvas.hatch(f"{name}-hatching"))
    words = "One row a day, one column an hour: its number is how many minutes were down."
    return canvas.svg(name, "Minutes down, by day and hour", words)


def region_strips(
    rows: Sequence[Row], days: Sequence[date], allowed: Fraction, palette: Palette, name: str = "regions"
) -> str:
    """Draw a row for each region with a column for each day."""
    slots = tuple(f"{day.day} {day:%b}" for day in days)
    canvas = _ruled(rows, slots, palette)
    _fill(canvas, rows, slots, allowed, canvas.hatch(f"{name}-hatching"))
    words = "One row a region, one column a day: its number is how many minutes were down."
    return canvas.svg(name, "Minutes down, by region and day", words)


def _cut(minutes: Minutes, place: NDArray[np.int64], slots: int) -> list[NDArray[np.int64]]:
    """Add up every column of a row by the slot that each minute falls in."""
    columns = (
        np.ones(len(place)),
        *(minutes.down, minutes.unknown, minutes.excluded, minutes.bad, minutes.total),
    )
    return [np.bincount(place, column, slots).astype(np.int64) for column in columns]


def _local(minutes: Minutes, zone: ZoneInfo) -> NDArray[np.int64]:
    """Return each minute by the clock of a zone, counted from 1970 there."""
    first, last = minutes.start // _QUARTER, minutes.end // _QUARTER
    offsets = [moment_of(n * _QUARTER).astimezone(zone).utcoffset() for n in range(first, last + 1)]
    ahead = np.array([(offset or timedelta(0)) // timedelta(minutes=1) for offset in offsets], np.int64)
    utc = np.arange(minutes.start, minutes.end)
    return np.asarray(utc + ahead[utc // _QUARTER - first])


def _ruled(rows: Sequence[Row], slots: Sequence[str], palette: Palette) -> Canvas:
    """Return a canvas with the names of its rows, and of as many columns as find room."""
    canvas = Canvas(palette, height=_TOP + len(rows) * (_TALL + _GAP) + _GAP)
    for place in range(0, max(1, len(slots) - 1), -(-len(slots) // _TICKS_MAX)):
        x = _LEFT + (place + 0.5) * _wide(slots)
        canvas.text((x, 12), slots[place], "middle", extra=_SMALL)
    for n, row in enumerate(rows):
        canvas.text((0, _TOP + n * (_TALL + _GAP) + 12), row.label)
    return canvas


def _wide(slots: Sequence[str]) -> float:
    return (WIDTH - _LEFT) / len(slots)


def _fill(canvas: Canvas, rows: Sequence[Row], slots: Sequence[str], allowed: Fraction, hatch: str) -> None:
    wide = _wide(slots)
    for n, row in enumerate(rows):
        y = float(_TOP + n * (_TALL + _GAP))
        for slot in _slots(row):
            box = (_LEFT + slot.first * wide, y, (slot.last - slot.first + 1) * wide - 1.5, float(_TALL))
            _draw(canvas, slot, box, (hatch, _said(slot, slots)), loud=slot.of(row.down) > allowed)


def _slots(row: Row) -> Iterator[_Slot]:
    """Yield what has begun of a row, with what has nothing to tell joined together."""
    quiet = (row.down == 0) & (row.unknown == 0) & (row.excluded == 0)
    told = [n for n in range(len(row.elapsed)) if row.elapsed[n]]
    for _, group in groupby(told, key=lambda n: -1 if quiet[n] else n):
        places = list(group)
        yield _Slot(row, places[0], places[-1])


def _draw(canvas: Canvas, slot: _Slot, box: Box, look: tuple[str, str], *, loud: bool) -> None:
    """Draw a slot: its ground, from below the part that is unknown, and over it what was down."""
    (x, y, wide, tall), (hatch, words), palette = box, look, canvas.palette
    row = slot.row
    elapsed, down, unknown, excluded = map(slot.of, (row.elapsed, row.down, row.unknown, row.excluded))
    outline = f"stroke:{palette.faint};stroke-dasharray:2 2" if excluded else ""
    canvas.rect(box, "none" if excluded == elapsed else palette.track, words, outline)
    if unknown:
        part = max(_SEEN, tall * unknown / elapsed)
        canvas.rect((x, y + tall - part, wide, part), hatch, words)
    if down:
        canvas.rect(box, palette.bad if loud else palette.warn, words)
        canvas.text((x + wide / 2, y + 11.5), str(down), "middle", palette.paper, _SMALL + _UNTOUCHED)


def _said(slot: _Slot, slots: Sequence[str]) -> str:
    """Say what became of a slot, in the numbers that it is drawn from."""
    first, last = slots[slot.first], slots[slot.last]
    row = slot.row
    parts = [f"{slot.of(row.down)} of {slot.of(row.elapsed):,} minutes down"]
    parts += [f"{number:,} unknown" for number in (slot.of(row.unknown),) if number]
    parts += [f"{number:,} excluded" for number in (slot.of(row.excluded),) if number]
    if slot.of(row.bad):
        parts.append(f"{slot.of(row.bad):,} of {slot.of(row.total):,} bad")
    when = first if first == last else f"{first} to {last}"
    return f"{row.label}, {when}: {', '.join(parts)}"
