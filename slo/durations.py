"""Durations as people write them: a whole number and a unit, such as `90s`, `30m`, `2h`, `1d` or `4w`."""

from __future__ import annotations

import re
from datetime import timedelta

_WRITTEN = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse(text: object, units: str = "smhd") -> timedelta | None:
    """Return a duration in one of the units, or None for anything else."""
    found = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    return int(found[1]) * _UNITS[found[2]] if found and found[2] in units else None
