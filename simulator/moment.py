"""Seconds since 1970, as the world counts, and the ways that AWS writes them."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE_S = 60


def seconds(moment: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(moment.timestamp())


def moment(at: float) -> datetime:
    """Return the moment in UTC."""
    return datetime.fromtimestamp(at, UTC)


def written(at: float, *, milliseconds: bool = True) -> str:
    """Write a moment as events do: `2026-11-23T12:00:00.000Z`, or without the milliseconds."""
    text = moment(at).isoformat(timespec="milliseconds" if milliseconds else "seconds")
    return text.replace("+00:00", "Z")
