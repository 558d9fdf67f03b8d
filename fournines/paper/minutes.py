"""Minutes as people look at them: a heat map of days and hours, and a strip of days for each region."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from fournines.paper.canvas import WIDTH, Box, Canvas
from slo.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from fractions import Fraction

    from fournines.paper.palette import Palette

HOURS = tuple(f"{hour:02} h" for hour in range(24))

_LEFT, _TOP, _TALL, _GAP = 100, 20, 15, 2
_TICKS_MAX = 12
_SMALL = "font-size:11px"
#: What is pointed at is the box below.
_UNTOUCHED = ";pointer-events:none"
#: A part that is smaller than this is drawn so tall.
_SEEN = 3.0


@dataclass(frozen=True, slots=True)
class _Slot:
    """One slot, or several alike beside each other."""

    row: Slots
    first: int
    last: int

    def of(self, column: Sequence[int]) -> int:
        return sum(column[self.first : self.last + 1])


def heat_map(rows: Sequence[Slots], allowed: Fraction, palette: Palette, name: str = "heat") -> str:
    """Draw days by hours; an hour that was down for more minutes than the period allows stands out."""
    canvas = _ruled(rows, HOURS, palette)
    _fill(canvas, rows, HOURS, allowed, canvas.hatch(f"{name}-hatching"))
    words = "One row a day, one column an hour: its number is how many minutes were down."
    return canvas.svg(name, "Minutes down, by day and hour", words)


def region_strips(
    rows: Sequence[Slots], days: Sequence[date], allowed: Fraction, palette: Palette, name: str = "regions"
) -> str:
    """Draw a row for each region with a column for each day."""
    slots = tuple(f"{day.day} {day:%b}" for day in days)
    canvas = _ruled(rows, slots, palette)
    _fill(canvas, rows, slots, allowed, canvas.hatch(f"{name}-hatching"))
    words = "One row a region, one column a day: its number is how many minutes were down."
    return canvas.svg(name, "Minutes down, by region and day", words)


def _ruled(rows: Sequence[Slots], slots: Sequence[str], palette: Palette) -> Canvas:
    """Return a canvas with the names of its rows, and of as many columns as find room."""
    canvas = Canvas(palette, height=_TOP + len(rows) * (_TALL + _GAP) + _GAP)
    every = max(1, -(-len(slots) // _TICKS_MAX))
    for place in range(len(slots))[: max(1, len(slots) - 1) : every]:
        x = _LEFT + (place + 0.5) * _wide(slots)
        canvas.text((x, 12), slots[place], "middle", extra=_SMALL)
    for n, row in enumerate(rows):
        canvas.text((0, _TOP + n * (_TALL + _GAP) + 12), row.label)
    return canvas


def _wide(slots: Sequence[str]) -> float:
    return (WIDTH - _LEFT) / max(1, len(slots))


def _fill(canvas: Canvas, rows: Sequence[Slots], slots: Sequence[str], allowed: Fraction, hatch: str) -> None:
    wide = _wide(slots)
    for n, row in enumerate(rows):
        y = float(_TOP + n * (_TALL + _GAP))
        for slot in _slots(row):
            box = (_LEFT + slot.first * wide, y, (slot.last - slot.first + 1) * wide - 1.5, float(_TALL))
            _draw(canvas, slot, box, (hatch, _said(slot, slots)), loud=slot.of(row.down) > allowed)


def _slots(row: Slots) -> Iterator[_Slot]:
    """Yield what has begun of a row, with what has nothing to tell joined together."""
    loud = [any(states) for states in zip(row.down, row.unknown, row.excluded, strict=True)]
    told = [n for n, elapsed in enumerate(row.elapsed) if elapsed]
    for _, group in groupby(told, key=lambda n: n if loud[n] else -1):
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
