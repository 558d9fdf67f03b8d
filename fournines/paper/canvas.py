"""SVG under construction: what charts are drawn on."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from fournines.paper.palette import Palette

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 720

#: x, y, width and height, from the upper left corner.
Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Canvas:
    """A drawing as wide as every other, in a palette."""

    palette: Palette
    height: int
    parts: list[str] = field(default_factory=list)

    def rect(self, box: Box, fill: str, words: str, extra: str = "") -> None:
        """Draw a box that says its words to whoever points at it."""
        x, y, width, height = box
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5"'
            f' style="fill:{fill}{extra and f";{extra}"}"><title>{escape(words)}</title></rect>'
        )

    def line(self, points: Sequence[tuple[float, float]], stroke: str, extra: str = "") -> None:
        """Draw a line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" style="fill:none;stroke:{stroke};{extra}"/>')

    def text(
        self, at: tuple[float, float], words: str, anchor: str = "start", fill: str = "", extra: str = ""
    ) -> None:
        """Write words at a point of their base line."""
        self.parts.append(
            f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}"'
            f' style="fill:{fill or self.palette.faint};font-family:{self.palette.font};font-size:12px'
            f'{extra and f";{extra}"}">{escape(words)}</text>'
        )

    def hatch(self, name: str) -> str:
        """Return a fill of oblique lines: what is unknown is neither dark nor light."""
        self.parts.append(
            f'<defs><pattern id="{name}" width="5" height="5" patternUnits="userSpaceOnUse"'
            ' patternTransform="rotate(45)"><rect width="2.6" height="5"'
            f' style="fill:{self.palette.unknown}"/></pattern></defs>'
        )
        return f"url(#{name})"

    def svg(self, name: str, title: str, description: str) -> str:
        """Return the drawing, named for those who hear it."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img"'
            f' aria-labelledby="{name}-title {name}-words">'
            f'<title id="{name}-title">{escape(title)}</title>'
            f'<desc id="{name}-words">{escape(description)}</desc>'
            f"{''.join(self.parts)}</svg>"
        )
