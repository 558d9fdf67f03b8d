"""What to do about what happened, and doing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fournines.desk import Desk
from fournines.jobs.watch import about_us
from fournines.look import Looker
from fournines.store.books import Books
from remediation.decision.decide import decide
from remediation.decision.guards import DATA_AGE_MAX
from remediation.decision.policy import Policies
from remediation.decision.record import record
from remediation.diagnosis.diagnose import diagnose
from remediation.incidents import Change
from remediation.receive import felt, quiet
from remediation.workflow.engine import Engine
from remediation.workflow.progress import busy, follow
from remediation.workflow.start import run_for

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from remediation.diagnosis.situation import Situation
    from remediation.incidents import Incident

#: One turn moves no more runs than this, so that what is new need not wait long.
MOVES_MAX = 100


@dataclass(frozen=True, slots=True)
class Remediate:
    """Looks at every open incident, decides, and moves what is under way."""

    looker: Looker
    books: Books
    desk: Desk
    engine: Engine
    policies: Policies

    def run(self, now: datetime) -> None:
        """Decide about each incident, advance runs, and close what is over."""
        kept, failures = set[str](), []
        for incident in self._incidents():
            try:
                well = self._look_into(incident, now)
            except Exception as problem:  # noqa: BLE001 - one incident must not keep the others waiting
                well = False
                failures.append(problem)
            if not well:
                kept.add(incident.id)
        self._advance()
        for incident in self._incidents():
            self.desk.change(incident, lambda fresh: self._progress(fresh, now, kept))
        if failures:
            raise ExceptionGroup(f"{len(failures)} incidents could not be looked into", failures)

    def _advance(self) -> None:
        """Move what is due, as far as it goes; each move takes its time."""
        for _ in range(MOVES_MAX):
            if self.engine.advance(self.looker.clock.now()) is None:
                return

    def _incidents(self) -> list[Incident]:
        """Return the open incidents of services, newest first; those about ourselves nobody remediates."""
        return [incident for incident in reversed(self.books.open_incidents()) if not about_us(incident)]

    def _look_into(self, incident: Incident, now: datetime) -> bool:
        """Decide about each placement; return whether all of them can be seen, and none is in trouble."""
        situations = self.looker.situations(incident, incident.placements, now)
        troubled = [self._decide(situation, now) for situation in situations.values()]
        return not any(troubled) and not any(_cannot_see(situation) for situation in situations.values())

    def _decide(self, situation: Situation, now: datetime) -> bool:
        """Keep what is new about the decision, start the run that it asks for; return if trouble is known."""
        self._notice(situation, now)
        diagnosis = diagnose(situation)
        decision = decide(situation, diagnosis, self.policies, self.books.switches(), now)
        self.desk.change(situation.incident, lambda incident: record(incident, decision))
        run = run_for(situation.incident, decision, now)
        if run is not None and self.books.runs.start(run, ()):
            self._advance()  # at once, before others are looked into
        return diagnosis.known_trouble

    def _notice(self, situation: Situation, now: datetime) -> None:
        """Note whether users feel it now."""
        here, placement = situation.here, situation.placement
        if here is not None:
            failing, calm = bool(here.failing), here.calm
            self.desk.change(
                situation.incident,
                lambda incident: felt(incident, placement, now, failing=failing, calm=calm),
            )

    def _progress(self, incident: Incident, now: datetime, kept: Collection[str]) -> Change | None:
        """Follow the runs; close what is quiet, but never in trouble, nor because nothing can be seen."""
        runs = self.books.runs.of(incident.id)
        after = follow(incident, runs)
        over = quiet(after, now, busy=incident.id in kept or busy(after, runs))
        if over is not None:
            return over
        return Change(after, ()) if after != incident else None


def _cannot_see(situation: Situation) -> bool:
    """Whether what is known of the placement is too old to say that it is well; without minutes never."""
    return situation.here is not None and (situation.data_age is None or situation.data_age > DATA_AGE_MAX)
