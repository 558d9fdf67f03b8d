"""Charts as SVG text, drawn from a statement's days: they place its numbers, and make none."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from typing import TYPE_CHECKING

from fournines.paper.palette import Palette

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slo.figures import Figure
    from slo.statement import Day

WIDTH = 720
_LEFT, _RIGHT = 58, 8

#: A budget that is overspent more than once is drawn at this depth: the shape says "far below".
_DEEPEST = Fraction(-1)


#: x, y, width and height, from the upper left corner.
Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Canvas:
    """SVG under construction."""

    palette: Palette
    height: int
    parts: list[str] = field(default_factory=list)

    def rect(self, box: Box, fill: str, words: str) -> None:
        x, y, width, height = box
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"'
            f' style="fill:{fill}"><title>{escape(words)}</title></rect>'
        )

    def line(self, points: Sequence[tuple[float, float]], stroke: str, extra: str = "") -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" style="fill:none;stroke:{stroke};{extra}"/>')

    def text(self, at: tuple[float, float], words: str, anchor: str = "start", fill: str = "") -> None:
        self.parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}"'
            f' style="fill:{fill or self.palette.faint};font-family:{self.palette.font};font-size:12px">'
            f"{escape(words)}</text>"
        )

    def svg(self, name: str, title: str, description: str) -> str:
        """Return the drawing, named for those who hear it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img"'
            f' aria-labelledby="{name}-title {name}-words">'
            f'<title id="{name}-title">{escape(title)}</title>'
            f'<desc id="{name}-words">{escape(description)}</desc>'
            f"{''.join(self.parts)}</svg>"
        )


def month_strip(days: Sequence[Day], allowed: Figure, palette: Palette) -> str:
    """Draw a column a day: above how much was down, below how much is unknown.

    A full column above is as much as the month allows; a full one below is a day of which nothing is known.
    """
    canvas = _Canvas(palette, height=104)
    canvas.parts.append(_hatching(palette))
    canvas.text((0, 40), "down")
    canvas.text((0, 82), "unknown")
    step = (WIDTH - _LEFT - _RIGHT) / len(days)
    for place, day in enumerate(days):
        x, wide = _LEFT + place * step, step - 2.5
        words = f"{day.date}: down {day.downtime}, unknown {day.unknown} minutes"
        begun = day.coverage.exact is not None
        canvas.rect((x, 8, wide, 52), palette.track if begun else "none", words)
        canvas.rect((x, 66, wide, 22), palette.track if begun else "none", words)
        share = _ratio(day.downtime, allowed)
        if share:
            tall = 52 * max(0.06, min(1.0, share))
            canvas.rect((x, 60 - tall, wide, tall), palette.bad if share > 1 else palette.warn, words)
        dark = 1 - (day.coverage.exact if day.coverage.exact is not None else 1)
        if dark:
            tall = 22 * max(0.2, float(dark))
            canvas.rect((x, 88 - tall, wide, tall), "url(#hatching)", words)
        if place % 2 == 0 or len(days) <= 16:  # noqa: PLR2004 - every second day when it gets narrow
            canvas.text((x + wide / 2, 102), day.date[-2:].lstrip("0"), "middle")
    return canvas.svg(
        "strip",
        "Down and unknown minutes, day by day",
        f"One column a day. A full upper column is the month's allowance of {allowed}. "
        "The table of days has the numbers.",
    )


def burn_down(days: Sequence[Day], palette: Palette, *, even_pace: bool) -> str:
    """Draw what was left of the budget at the end of each day, beside an even pace where there is one."""
    canvas = _Canvas(palette, height=210)
    told = [
        (place + 1, day.budget_left) for place, day in enumerate(days) if day.budget_left.exact is not None
    ]
    lowest = min([Fraction(0), *(max(_DEEPEST, Fraction(left.exact or 0)) for _, left in told)])
    wide = (WIDTH - _LEFT - _RIGHT - 60) / len(days)

    def at(day: float, left: Fraction | float) -> tuple[float, float]:
        depth = (1 - float(max(_DEEPEST, Fraction(left)))) / float(1 - lowest)
        return _LEFT + day * wide, 12 + depth * 168

    for share, words in ((1, "100 %"), (Fraction(1, 2), "50 %"), (0, "0 %"), (-1, "-100 %")):
        if share >= lowest:
            (x, y), (end, _) = at(0, share), at(len(days), share)
            stroke = palette.ink if share == 0 else palette.track
            canvas.line([(x, y), (end, y)], stroke, "stroke-width:1")
            canvas.text((_LEFT - 8, y + 4), words, "end")
    if even_pace:
        canvas.line([at(0, 1), at(len(days), 0)], palette.faint, "stroke-width:1.2;stroke-dasharray:5 4")
    canvas.line(
        [at(0, 1), *(at(day, left.exact or 0) for day, left in told)], palette.line, "stroke-width:2.4"
    )
    if told:
        day, left = told[-1]
        x, y = at(day, left.exact or 0)
        spent = (left.exact or 0) < 0
        canvas.text((x + 7, y + 4), str(left), fill=palette.bad if spent else palette.ink)
    for place, one in enumerate(days):
        if place % 5 == 0:
            canvas.text((at(place + 0.5, 0)[0], 205), one.date[-2:].lstrip("0"), "middle")
    return canvas.svg(
        "burndown",
        "Error budget left, day by day",
        "The line is what was left at the end of each day. The table of days has the numbers.",
    )


def _ratio(part: Figure, whole: Figure) -> float:
    """Return a height; nothing allowed makes anything a full column and more."""
    if not part.exact:
        return 0.0
    return float(part.exact / Fraction(whole.exact)) if whole.exact else 2.0


def _hatching(palette: Palette) -> str:
    return (
        '<defs><pattern id="hatching" width="5" height="5" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect width="2.6" height="5"'
        f' style="fill:{palette.unknown}"/></pattern></defs>'
    )
