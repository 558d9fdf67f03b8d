"""Checks from outside: each in its turn and side by side, told within seconds, counted by the minute."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import SimpleQueue

from collector.estate import ServiceView
from collector.probes import Aimed, Answer, Prober, Probes, Reason, Result, Target, aim
from collector.probing import TOLD_AFTER, answered, count, due, in_a_row, settled, turn
from fournines.desk import Desk
from fournines.known import Known
from fournines.store.books import Books
from remediation.incidents import PROBED, Symptom
from slo.burn import Severity
from slo.cells import Placement, minute_of

_log = logging.getLogger(__name__)

#: So many checks run at once, each in a thread of its own: one that hangs keeps no other waiting.
AT_ONCE_MAX = 64


@dataclass(slots=True)
class Probe:
    """Begins what is due and takes what has ended.  It waits for no check, unless it makes one at a time."""

    prober: Prober
    probes: Probes
    known: Known
    books: Books
    desk: Desk
    at_once: int = AT_ONCE_MAX
    _seen: Mapping[Placement, ServiceView] | None = field(default=None, init=False)
    _aimed: Aimed = field(default_factory=lambda: Aimed((), ()), init=False)
    _begun: dict[Target, datetime] = field(default_factory=dict, init=False)
    _running: dict[Target, datetime] = field(default_factory=dict, init=False)
    _ended: SimpleQueue[Result] = field(default_factory=SimpleQueue, init=False)
    _waiting: list[Result] = field(default_factory=list, init=False)
    _in_a_row: Counter[Target] = field(default_factory=Counter, init=False)
    _last: dict[Target, Reason | None] = field(default_factory=dict, init=False)
    _kept_before: int = field(default=0, init=False)

    def run(self, now: datetime) -> None:
        """Begin, take, tell, and keep the minutes that have ended."""
        self._begin(now)
        while not self._ended.empty():
            self._take(self._ended.get(), now)
        self._keep(now)

    @property
    def troubled(self) -> bool:
        """Whether any check is not known to have been answered when it was last made."""
        return bool(self._running) or any(self._last.values()) or any(self._in_a_row.values())

    def rested(self, since: datetime, until: datetime, turn_s: timedelta) -> None:
        """Take the checks after `since` up to `until` as answered: made or not, that is known of them.

        `turn_s` lies between two runs, which begin what is due.
        """
        targets, minutes = self._targets(), range(minute_of(since) + 1, minute_of(until))
        moments = [since + turn_s * n for n in range(1, (until - since) // turn_s + 1)]
        for moment in (one for one in moments if minute_of(one) not in minutes):
            for target in (one for one in targets if turn(one, moment) != turn(one, moment - turn_s)):
                self._waiting.append(Result(target, moment, Answer(0.0)))
        for target in targets:
            begun = (one for one in reversed(moments) if turn(target, one) != turn(target, one - turn_s))
            self._begun[target] = next(begun, self._begun[target])
        if minutes and targets:
            put = self.books.record(answered(targets, minutes.start, minutes.stop), until)
            self.known.corrected(put)
        self._keep(until)

    def _begin(self, now: datetime) -> None:
        ready = due(self._targets(), self._begun, self._running, now)
        alone = self.at_once == 1
        for target in ready if alone else ready[: self.at_once - len(self._running)]:
            if alone:
                self._check(target, now)
            else:
                threading.Thread(target=self._check, args=(target, now), name="probe", daemon=True).start()
            self._begun[target] = self._running[target] = now

    def _targets(self) -> tuple[Target, ...]:
        """Aim anew when the estate was discovered anew, and say what cannot be checked when that changes."""
        services = self.known.services
        if services is not self._seen:
            aimed = aim(self.probes, services)
            for problem in sorted({*aimed.problems} - {*self._aimed.problems}):
                _log.warning("%s", problem)
            self._seen, self._aimed = services, aimed
        return self._aimed.targets

    def _check(self, target: Target, at: datetime) -> None:
        try:
            answer = self.prober.check(target)
        except Exception as problem:  # noqa: BLE001 - else it would count as running for ever
            _log.exception("the check of %s broke", target.name)
            answer = Answer(0.0, Reason.LOCAL, f"the check broke: {type(problem).__name__}")
        self._ended.put(Result(target, at, answer))

    def _take(self, result: Result, now: datetime) -> None:
        """Count a result; a failure is a sign of trouble, and the second in a row an incident."""
        target = result.target
        del self._running[target]
        self.known.probed(result)
        self._say(result)
        if result.counts and minute_of(result.at) >= self._kept_before:
            self._waiting.append(result)
        self._in_a_row[target] = in_a_row(self._in_a_row[target], result)
        if result.failed:
            self.known.heat.sign(target.placement.service, now)
        if result.failed and self._in_a_row[target] >= TOLD_AFTER:
            self.desk.fold([_symptom(result, now)], now)

    def _say(self, result: Result) -> None:
        """Log what changes: a failure's first check, another reason, and the end of it."""
        target, reason = result.target, result.answer.reason
        if reason is not self._last.get(target):
            _log.warning("%s", result.sentence if reason else f"{target.name} answers as expected again")
        self._last[target] = reason

    def _keep(self, now: datetime) -> None:
        """Record every minute of which nothing more is to come."""
        before = settled(self._running.values(), now)
        for minute in sorted({m for result in self._waiting if (m := minute_of(result.at)) < before}):
            self.known.corrected(self.books.record(count(self._waiting, minute), now))
            self._waiting = [result for result in self._waiting if minute_of(result.at) != minute]
        self._kept_before = max(self._kept_before, before)


def _symptom(result: Result, now: datetime) -> Symptom:
    return Symptom(
        placement=result.target.placement,
        name=f"{PROBED}{result.target.name}",
        severity=Severity.PAGE,
        sentence=result.sentence,
        first_seen=now,
        last_seen=now,
    )
