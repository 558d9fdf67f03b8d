"""Charts as SVG text, drawn from a statement's days: they place its numbers, and make none."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from fournines.paper.canvas import WIDTH, Canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fournines.paper.palette import Palette
    from slo.figures import Figure
    from slo.statement import Day

_LEFT, _RIGHT = 58, 8

#: A budget that is overspent more than once is drawn at this depth: the shape says "far below".
_DEEPEST = Fraction(-1)


def month_strip(days: Sequence[Day], allowed: Figure, palette: Palette) -> str:
    """Draw a column a day: above how much was down, below how much is unknown.

    A full column above is as much as the month allows; a full one below is a day of which nothing is known.
    """
    canvas = Canvas(palette, height=104)
    hatch = canvas.hatch("hatching")
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
            canvas.rect((x, 88 - tall, wide, tall), hatch, words)
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
    canvas = Canvas(palette, height=210)
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
