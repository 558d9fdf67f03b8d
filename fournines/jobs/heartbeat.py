"""A sign of life every minute, while there is life: its alarm needs no fournines to tell people."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collector.beacon import Beacon
from collector.source import CollectError
from fournines.clock import Record
from fournines.known import Known
from fournines.store.books import Books
from fournines.vitals import MEANINGS, Patience, Pulse, Signs, Silence, silences

if TYPE_CHECKING:
    from collections.abc import Collection

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Heartbeat:
    """Writes a beat into every region of the pulse, one that fails never keeping another from its own."""

    beacon: Beacon
    instance: str
    pulse: Pulse
    known: Known
    books: Books
    record: Record
    patience: Callable[[timedelta], Patience]
    _began: datetime | None = field(default=None, init=False)
    _answers: int = field(default=0, init=False)
    _answered: datetime | None = field(default=None, init=False)

    def run(self, now: datetime) -> None:
        """Beat everywhere if all signs are good; else say why not, once."""
        found = silences(self._signs(now), self.patience(self.known.turn), now)
        if found != self.pulse.silent:
            _say(found)
        self.pulse.silent = found
        for region in () if found else self.pulse.regions:
            self._beat(region)

    def _signs(self, now: datetime) -> Signs:
        """Return when each part last did its work; answers count when they come, however long a run takes."""
        self._began = self._began or now
        if (answers := self.known.answers) != self._answers:
            self._answers, self._answered = answers, now
        ended = {name: health.last_success for name, health in self.record.health().items()}
        worked = [at for at in (ended.get("collect"), self._answered) if at is not None]
        return Signs(
            began=self._began,
            collected=max(worked, default=None),
            answered=self._answered,
            evaluated=ended.get("evaluate"),
            told=ended.get("tell"),
            waiting_since=self.books.outbox.waiting_since(),
        )

    def _beat(self, region: str) -> None:
        try:
            self.beacon.beat(region, self.instance)
        except CollectError as problem:
            _log.warning("the heartbeat cannot be written in %s: %s", region, problem)
            self.pulse.could_not_write(region, str(problem))
        else:
            self.pulse.wrote(region)


def _say(found: Collection[Silence]) -> None:
    reasons = ", ".join(f"{reason} ({MEANINGS[reason]})" for reason in found)
    if not found:
        _log.info("the heartbeat beats")
    elif Silence.STARTING in found:
        _log.info("the heartbeat waits: %s", reasons)
    else:
        _log.warning("the heartbeat is held back: %s", reasons)
