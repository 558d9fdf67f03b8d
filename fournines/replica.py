"""One of several replicas: what it leads it does; else it stands by, and follows what others write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fournines.clock import Job
from fournines.known import Known
from fournines.store.leading import ASK_EVERY_S, Lead, Role
from fournines.store.place import DeposedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

_log = logging.getLogger(__name__)

#: Whoever stands by takes in the estate anew at every so many turns, for its pages.
FOLLOW_TURNS = 5


@dataclass(slots=True)
class Replica:
    """Asks for the lead of its roles; `assume` takes over what another has done until then."""

    leads: Mapping[Role, Lead]
    known: Known
    assume: Callable[[], None]
    _turns: int = field(default=0, init=False)

    def gated(self, jobs: Sequence[Job], real_s: timedelta) -> tuple[Job, ...]:
        """Return the jobs, each done only while we lead its role, and the one that asks for the lead."""
        asking = Job("lead", ASK_EVERY_S * real_s, self.ask)
        return (asking, *(_gated(job, self.leads.get(_role(job))) for job in jobs))

    def ask(self, now: datetime) -> None:
        """Take or keep the lead of each role, as far as nobody else holds it; follow where we stand by."""
        del now  # leads are real
        for role, lead in self.leads.items():
            held = lead.held
            leads = lead.campaign(self._assume if role is Role.WORK else _nothing)
            if leads is not held:
                who = f"this replica, {lead.name}," if leads else "another replica"
                _log.warning("%s leads the role %s from now on", who, role)
        work = self.leads.get(Role.WORK)
        self._turns += 1
        if self._turns % FOLLOW_TURNS == 0 and not (work and work.held):
            self.known.remember()

    def resign(self) -> None:
        """Give free what we lead, so that another can begin at once."""
        for lead in self.leads.values():
            lead.resign()

    def _assume(self) -> None:
        self.known.remember()
        self.assume()


def _nothing() -> None:
    """Who tells keeps nothing in memory."""


def _role(job: Job) -> Role:
    return Role.TELL if job.name == "tell" else Role.WORK


def _gated(job: Job, lead: Lead | None) -> Job:
    """Return a job that does nothing while another replica leads; deposed in the middle, it ends there."""

    def run(now: datetime) -> None:
        if lead is None:
            return
        with lead.at_work() as leads:
            if leads:
                try:
                    job.run(now)
                except DeposedError as told:
                    _log.warning("job %s ends: %s", job.name, told)

    return replace(job, run=run)
