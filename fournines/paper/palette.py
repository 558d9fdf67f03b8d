"""Colours and typefaces of charts: by CSS variables on a screen, by value where there is no CSS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """What a chart is drawn in.  Colour is never the only sign: heights, hatching and words say the same."""

    ink: str
    paper: str
    faint: str
    track: str
    line: str
    warn: str
    bad: str
    unknown: str
    font: str


SCREEN = Palette(
    ink="var(--ink)",
    paper="var(--paper)",
    faint="var(--faint)",
    track="var(--track)",
    line="var(--accent)",
    warn="var(--warn)",
    bad="var(--bad)",
    unknown="var(--unknown)",
    font="inherit",
)

#: Dark enough on white for 4.5 : 1 (text) and 3 : 1 (shapes) [WCAG 2.2, 1.4.3 and 1.4.11].
PRINT = Palette(
    ink="#1b1f24",
    paper="#ffffff",
    faint="#5b6570",
    track="#e9edf1",
    line="#1f5fa8",
    warn="#b26a00",
    bad="#b3261e",
    unknown="#6b7480",
    font="Libertinus Serif",
)
