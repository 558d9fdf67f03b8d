"""How a budget went over its period, beside what an even pace would have left."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fournines.paper.canvas import WIDTH, Canvas
from slo import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fournines.paper.palette import Palette

#: A budget that is overspent more than once is drawn at this depth: the shape says "far below", the axis "≤".
_DEEPEST = Fraction(-1)

_LEFT, _RIGHT, _TOP, _TALL, _HEIGHT = 72, 84, 12, 168, 210
#: What is overspent so many times has no room for a tenth of a percent, and no use for it.
_WHOLE_PERCENT = -10


@dataclass(frozen=True, slots=True)
class Point:
    """What part of the period had passed, and what was left of its budget then; below 0 it is overspent."""

    passed: Fraction
    left: Fraction


def burn_down(points: Sequence[Point], ticks: Sequence[str], palette: Palette, name: str = "course") -> str:
    """Draw what was left, against the line from a whole budget to none; `ticks` name equal parts."""
    canvas = Canvas(palette, _HEIGHT)
    lowest = min([Fraction(0), *(_shown(point.left) for point in points)])
    for share in (1, Fraction(1, 2), Fraction(0), _DEEPEST):
        if share >= lowest:
            start, end = _at(Fraction(0), share, lowest), _at(Fraction(1), share, lowest)
            canvas.line([start, end], palette.track if share else palette.ink, "stroke-width:1")
            cut = "≤ " if share == _DEEPEST and any(point.left < _DEEPEST for point in points) else ""
            canvas.text((_LEFT - 8, start[1] + 4), f"{cut}{int(share * 100)} %", "end")
    ideal = [_at(Fraction(0), 1, lowest), _at(Fraction(1), 0, lowest)]
    canvas.line(ideal, palette.faint, "stroke-width:1.2;stroke-dasharray:5 4")
    for place in range(0, len(ticks), max(1, -(-len(ticks) // 8))):
        x, _ = _at(Fraction(place, len(ticks)), 1, lowest)
        canvas.text((x, _HEIGHT - 5), ticks[place])
    line = [_at(point.passed, point.left, lowest) for point in points]
    canvas.line(line, palette.line, "stroke-width:2.4")
    said = _last(canvas, points, line, palette)
    words = f"The line is what was left, the dashed one an even pace. {said}"
    return canvas.svg(name, "Error budget left over its period", words)


def _last(
    canvas: Canvas, points: Sequence[Point], line: Sequence[tuple[float, float]], palette: Palette
) -> str:
    """Write the newest number beside the end of the line, and return it in words."""
    if not points:
        return "Nothing is known yet."
    left, (x, y) = points[-1].left, line[-1]
    text = figures.attained(left, 0 if left < _WHOLE_PERCENT else 1).text
    canvas.text((x + 7, y + 4), text, fill=palette.bad if left < 0 else palette.ink)
    return f"Now {text} is left."


def _at(passed: Fraction, left: Fraction | int, lowest: Fraction) -> tuple[float, float]:
    depth = (1 - _shown(left)) / (1 - lowest)
    return _LEFT + float(passed) * (WIDTH - _LEFT - _RIGHT), _TOP + float(depth) * _TALL


def _shown(left: Fraction | int) -> Fraction:
    return max(_DEEPEST, Fraction(left))
