"""The order of what was told: queues deliver in any, and no clock but the sender's says which was first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remediation.events.event import AlarmChanged, Event

_NEVER = datetime.min.replace(tzinfo=UTC)


def dated(event: Event, now: datetime) -> Event:
    """Return the event as one of the past: a sender whose clock is ahead cannot tell of the future."""
    at = event.origin.at
    return event if at is None or at <= now else replace(event, origin=replace(event.origin, at=now))


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events as they happened, as far as they say when; of one task by its version."""
    return sorted(events, key=_place)


def _place(event: Event) -> tuple[datetime, int, str]:
    at = getattr(event, "told_at", None) or event.origin.at or _NEVER
    return at, getattr(event, "version", None) or 0, event.origin.id


def overtaken(alarm: AlarmChanged, others: Iterable[AlarmChanged]) -> bool:
    """Whether another event of the same alarm tells what became of it later."""
    told_at = alarm.told_at
    return told_at is not None and any(
        one.name == alarm.name
        and (one.origin.account, one.origin.region) == (alarm.origin.account, alarm.origin.region)
        and one.told_at is not None
        and one.told_at > told_at
        for one in others
    )
