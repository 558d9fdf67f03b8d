"""Whether fournines is alive enough to say so: a heartbeat over a wedged job would be a lie."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Silence(StrEnum):
    """Why no heartbeat is written: the same word in the log, in metrics and on the web page."""

    STARTING = "starting"
    NOT_COLLECTING = "not_collecting"
    NOT_ANSWERED = "not_answered"
    NOT_EVALUATING = "not_evaluating"
    NOT_TELLING = "not_telling"
    MESSAGES_STUCK = "messages_stuck"


#: What each silence means.
MEANINGS: Mapping[Silence, str] = {
    Silence.STARTING: "not every job has succeeded once",
    Silence.NOT_COLLECTING: "the collector has neither ended nor kept an answer lately",
    Silence.NOT_ANSWERED: "no region has answered and been kept for long",
    Silence.NOT_EVALUATING: "objectives have not been evaluated lately",
    Silence.NOT_TELLING: "the job that tells people has not ended lately",
    Silence.MESSAGES_STUCK: "a message that people should have has waited for too long",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """When each part last did its work, on the clock that decides; None if it never did.

    Collecting ends every few seconds even when nothing is due, and may last when much is: so it has worked
    when it ended or kept an answer.  `waiting_since` is when the oldest message that Slack does not have yet
    came up.
    """

    began: datetime
    collected: datetime | None = None
    answered: datetime | None = None
    evaluated: datetime | None = None
    told: datetime | None = None
    waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long each part may be quiet before the heartbeat is."""

    collected: timedelta
    answered: timedelta
    evaluated: timedelta
    told: timedelta
    waiting: timedelta


def silences(signs: Signs, patience: Patience, now: datetime) -> tuple[Silence, ...]:
    """Return every reason to be silent; without one, fournines is alive."""
    parts = (
        (Silence.NOT_COLLECTING, signs.collected, patience.collected),
        (Silence.NOT_ANSWERED, signs.answered, patience.answered),
        (Silence.NOT_EVALUATING, signs.evaluated, patience.evaluated),
        (Silence.NOT_TELLING, signs.told, patience.told),
    )
    found = [reason for reason, last, limit in parts if now - (last or signs.began) > limit]
    if signs.waiting_since is not None and now - signs.waiting_since > patience.waiting:
        found.append(Silence.MESSAGES_STUCK)
    if not found and any(last is None for _, last, _ in parts):
        found.append(Silence.STARTING)
    return tuple(found)


@dataclass(slots=True)
class Pulse:
    """How the heartbeat goes: its job writes this, pages and metrics read it."""

    regions: tuple[str, ...] = ()
    silent: tuple[Silence, ...] = ()
    beats: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    _unwritten: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrote(self, region: str) -> None:
        """Note a beat that AWS has."""
        with self._lock:
            self.beats[region] += 1
            self._unwritten.pop(region, None)

    def could_not_write(self, region: str, why: str) -> None:
        """Note a beat that AWS does not have, as far as we know."""
        with self._lock:
            self.failures[region] += 1
            self._unwritten[region] = why

    def unwritten(self) -> Mapping[str, str]:
        """Return the regions whose last beat could not be written, and why."""
        with self._lock:
            return dict(self._unwritten)

    def stopped(self) -> list[str]:
        """Say why nobody hears the heartbeat anywhere: its alarms ring, or are about to."""
        held = [f"{reason} ({MEANINGS[reason]})" for reason in self.silent if reason is not Silence.STARTING]
        said = [f"the heartbeat is held back: {', '.join(held)}"] if held else []
        missing = self.unwritten()
        if self.regions and len(missing) == len(self.regions):
            why = "; ".join(f"{region}: {reason}" for region, reason in missing.items())
            said.append(f"the heartbeat can be written in no region: {why}")
        return said

    def troubles(self) -> list[str]:
        """Say all that is wrong with the heartbeat, one region's trouble included."""
        missing = self.unwritten()
        one = [f"the heartbeat cannot be written in {where}: {why}" for where, why in missing.items()]
        return self.stopped() + ([] if len(missing) == len(self.regions) else one)
