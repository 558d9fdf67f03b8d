"""Lengths of time and moments as scenario documents write them: `90s`, `1h30m`, `2026-11-23T12:00:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
SPAN = r"^(\d+[dhms])+$"


def parse(value: object) -> timedelta:
    """Read a length of time such as `90s`, `10m` or `1h30m`."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.match(SPAN, value):
        raise ValueError(f"expected a length of time such as 90s, 10m or 1h30m, got {value!r}")
    return timedelta(seconds=sum(int(n) * UNITS_S[unit] for n, unit in re.findall(r"(\d+)([dhms])", value)))


def written(value: timedelta) -> str:
    """Write a length of time as `parse` reads it."""
    rest, parts = round(value.total_seconds()), []
    for unit, size in UNITS_S.items():
        count, rest = divmod(rest, size)
        parts += [f"{count}{unit}"] * bool(count)
    return "".join(parts) or "0s"


def whole_minute(moment: datetime) -> datetime:
    """Return the moment in UTC; the world counts in whole minutes."""
    if moment.second or moment.microsecond:
        raise ValueError(f"expected a whole minute such as 2026-11-23T12:00:00Z, got {moment.isoformat()}")
    return moment.astimezone(UTC)


Span = Annotated[
    timedelta,
    BeforeValidator(parse),
    PlainSerializer(written),
    WithJsonSchema({"type": "string", "pattern": SPAN, "examples": ["90s", "10m", "1h30m"]}),
]
Minute = Annotated[AwareDatetime, AfterValidator(whole_minute)]
