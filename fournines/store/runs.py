"""Runs on disk: claimed by one worker at a time, moved only by who holds the claim.

A claim is a lease by the database's own clock and a number that grows with each claim: the number is the
fence, so that a worker that was thought dead cannot write, not even beside a thread of its own process.
`wake` is on the clock that fournines decides by.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from fournines.store import journal
from fournines.store.database import Database, insert_into, real_ms
from fournines.store.place import StoreError
from fournines.store.tables import answer, lock, run, switch
from fournines.store.values import RUNS
from remediation.journal import Entry, EntryKind
from remediation.workflow.asking import HOLD
from remediation.workflow.run import Claim, Leave, LostClaimError, Run, RunState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from slo.cells import Placement

_log = logging.getLogger(__name__)

#: Longer than a mutation may take: 3 s to connect and 10 s to answer, and a margin.
LEASE_S = 30.0

#: The kill switch, and the one with which decisions go on and nothing is done.
PAUSED = "paused"
OBSERVE_ONLY = "observe-only"

#: A leave that took longer than this to get may be too old to be used: the process stood still.
LEAVE_S = 2.0

#: The lease of a run that no worker of this version can hold: it ends with the next start.
_PARKED_MS = 2**62

#: An answer wakes its run at once, on any clock.
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


class SqlRuns:
    """The runs of a store, with the lock on each placement, the answers and the switches."""

    def __init__(self, database: Database, owner: str, *, lease_s: float | None = None) -> None:
        self._database, self._owner = database, owner
        self._lease_ms = int((LEASE_S if lease_s is None else lease_s) * 1000)

    def start(self, new: Run, entries: Sequence[Entry]) -> bool:
        """Keep a new run with its journal entries; False, and nothing written, when its id exists."""
        with self._database.write() as connection:
            if not _insert(connection, new):
                return False
            journal.append(connection, entries)
            return True

    def claim(self, now: datetime) -> Claim | None:
        """Take the oldest run that is due and whose placement is free, and lock its placement."""
        with self._database.write() as connection:
            if _switched(connection, PAUSED):
                return None
            real = real_ms(connection)
            while (found := _due(connection, now, real)) is not None:
                number = found.claim_no + 1
                taken = {"owner": self._owner, "lease_ms": real + self._lease_ms, "claim_no": number}
                connection.execute(update(run).where(run.c.n == found.n).values(**taken))
                connection.execute(
                    insert_into(connection, lock)
                    .values(placement=found.placement, run=found.id)
                    .on_conflict_do_nothing(index_elements=["placement"])
                )
                try:
                    return Claim(RUNS.load(found.body), number)
                except StoreError as error:
                    _park(connection, found, str(error), now)
            return None

    def move(self, claim: Claim, after: Run, entries: Sequence[Entry], follow_up: Run | None = None) -> None:
        """Write the run's next state, its journal entries and its follow-up in one transaction.

        Raises LostClaimError when the claim is no longer ours.  A final state frees the placement, and so
        does QUEUED: what waits for its time keeps nobody else from acting.
        """
        if after.id != claim.run.id:
            raise ValueError(f"the claim is on run {claim.run.id}, not {after.id}")
        with self._database.write() as connection:
            answered = after.state is RunState.ASK and _answer(connection, after) is not None
            moved = connection.execute(
                update(run)
                .where(*self._claimed(claim))
                .values(
                    state=after.state,
                    final=after.state.final,
                    wake=_AT_ONCE if answered else after.wake,
                    owner=None,
                    lease_ms=None,
                    body=RUNS.dump(after),
                )
            )
            if moved.rowcount != 1:
                raise LostClaimError(f"run {after.id}: claim {claim.number} was taken over")
            if after.state.final or after.state is RunState.QUEUED:  # a postponed undo has not begun
                connection.execute(delete(lock).where(lock.c.run == after.id))
            if follow_up is not None:
                _insert(connection, follow_up)
            journal.append(connection, entries)

    def leave(self, claim: Claim) -> Leave:
        """Say whether an effect may be sent now, and hold the claim anew for as long as that may take."""
        asked = monotonic()
        with self._database.write() as connection:
            until = real_ms(connection) + self._lease_ms
            held = connection.execute(
                update(run).where(*self._claimed(claim), ~run.c.final).values(lease_ms=until)
            )
            if held.rowcount != 1:
                raise LostClaimError(f"run {claim.run.id}: claim {claim.number} was taken over")
            for switched, answer_ in ((PAUSED, Leave.PAUSED), (OBSERVE_ONLY, Leave.OBSERVE_ONLY)):
                if _switched(connection, switched):
                    return answer_
        return Leave.GRANTED if monotonic() - asked < LEAVE_S else Leave.LATE

    def paused(self) -> bool:
        """Whether the kill switch is on."""
        return self.switched(PAUSED)

    def switched(self, name: str) -> bool:
        """Whether a switch is on."""
        with self._database.read() as connection:
            return _switched(connection, name)

    def answer(self, one: Run) -> tuple[str, str] | None:
        """Return (choice, actor) of what a person said: a no to the run, or the first yes to its question."""
        with self._database.read() as connection:
            return _answer(connection, one)

    def signal(self, one: Run, choice: str, actor: str, at: datetime, entries: Sequence[Entry] = ()) -> bool:
        """Keep a person's answer and wake the run; False, and nothing written, when it is not the first.

        A no is for the run, however it is planned, and stands above any yes; a yes is for the question that
        the run asks now.
        """
        about = one.id if choice == HOLD else one.question
        with self._database.write() as connection:
            if choice != HOLD and _answer(connection, one) is not None:
                return False
            kept = connection.execute(
                insert_into(connection, answer)
                .values(about=about, choice=choice, actor=actor, at=at)
                .on_conflict_do_nothing(index_elements=["run"])
                .returning(answer.c.about)
            ).first()
            if kept is None:
                return False
            asking = (run.c.id == one.id, run.c.state == RunState.ASK)
            connection.execute(update(run).where(*asking).values(wake=_AT_ONCE))
            journal.append(connection, entries)
            return True

    def set_switch(self, name: str, *, on: bool, actor: str, at: datetime) -> None:
        """Set a switch, and journal who did."""
        sentence = f"{actor} {'switched on' if on else 'switched off'} {name}."
        kept = {"value": on, "actor": actor, "at": at}
        with self._database.write() as connection:
            statement = insert_into(connection, switch).values(name=name, **kept)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=kept))
            entry = Entry(EntryKind.SWITCHED, at, sentence, actor=actor, data={"switch": name, "on": on})
            journal.append(connection, [entry])

    def switches(self) -> Mapping[str, bool]:
        """Return every switch that was ever set."""
        with self._database.read() as connection:
            rows = connection.execute(select(switch.c.name, switch.c.value)).all()
        return {row.name: row.value for row in rows}

    def of(self, incident: str) -> tuple[Run, ...]:
        """Return the runs of an incident, oldest first."""
        return self._where(run.c.incident == incident)

    def every(self) -> tuple[Run, ...]:
        """Return all runs, oldest first: the history that limits are counted over."""
        return self._where()

    def lately(
        self, since: datetime, incident: str, placements: Collection[Placement] = ()
    ) -> tuple[Run, ...]:
        """Return the runs that are not final, woke since then, or are of the incident or of a placement."""
        here = run.c.placement.in_([str(placement) for placement in placements])
        return self._where(or_(~run.c.final, run.c.wake >= since, run.c.incident == incident, here))

    def get(self, run_id: str) -> Run | None:
        """Return a run by its id."""
        return next(iter(self._where(run.c.id == run_id)), None)

    def free_leases(self, *, parked_only: bool = False) -> None:
        """End every lease: only for who knows that no other worker lives.

        Those of parked runs may end at any start: whoever starts may be the version that can read them.
        """
        held = run.c.lease_ms == _PARKED_MS if parked_only else run.c.owner.is_not(None)
        with self._database.write() as connection:
            connection.execute(update(run).where(held).values(owner=None, lease_ms=None))

    def _claimed(self, claim: Claim) -> tuple[ColumnElement[bool], ...]:
        """Return what holds as long as a claim is ours."""
        return run.c.id == claim.run.id, run.c.owner == self._owner, run.c.claim_no == claim.number

    def _where(self, *conditions: ColumnElement[bool]) -> tuple[Run, ...]:
        with self._database.read() as connection:
            bodies = (
                connection.execute(select(run.c.body).where(*conditions).order_by(run.c.n)).scalars().all()
            )
        return tuple(one for body in bodies if (one := _read(body)) is not None)


def _read(body: str) -> Run | None:
    """Return the run, or None when this version cannot read it: one row must not blind us to all others.

    Its placement is safe: who cannot be read was parked with it locked, or is over.
    """
    try:
        return RUNS.load(body)
    except StoreError as error:
        _log.warning("a run is left out: %s", error)
        return None


def _due(connection: Connection, now: datetime, real: int) -> Row[tuple[Any, ...]] | None:
    """Return the oldest run that may be claimed; what waits for a placement keeps nobody else waiting."""
    held = select(lock.c.placement).where(lock.c.placement == run.c.placement, lock.c.run != run.c.id)
    return connection.execute(
        select(run)
        .where(~run.c.final, run.c.wake <= now, ~held.exists())
        .where(or_(run.c.owner.is_(None), run.c.lease_ms < real))
        .order_by(run.c.n)
        .limit(1)
    ).one_or_none()


def _park(connection: Connection, found: Row[tuple[Any, ...]], why: str, now: datetime) -> None:
    """Leave a run that this version cannot read to the next start, with its placement locked, and say so."""
    connection.execute(update(run).where(run.c.n == found.n).values(lease_ms=_PARKED_MS))
    sentence = f"Run {found.id} stands still, and its placement stays locked: {why}."
    entry = Entry(
        EntryKind.ESCALATED, now, sentence, incident=found.incident, placement=found.placement, run=found.id
    )
    journal.append(connection, [entry])


def _insert(connection: Connection, new: Run) -> bool:
    if connection.execute(select(run.c.n).where(run.c.id == new.id)).first() is not None:
        return False
    connection.execute(
        insert(run).values(
            id=new.id,
            incident=new.incident,
            placement=str(new.placement),
            state=new.state,
            final=new.state.final,
            wake=new.wake,
            claim_no=0,
            body=RUNS.dump(new),
        )
    )
    return True


def _answer(connection: Connection, one: Run) -> tuple[str, str] | None:
    """Return what was said of a run, else of its question."""
    rows = connection.execute(
        select(answer.c.about, answer.c.choice, answer.c.actor).where(
            answer.c.about.in_((one.id, one.question))
        )
    ).all()
    said = {row.about: (row.choice, row.actor) for row in rows}
    return said.get(one.id) or said.get(one.question)


def _switched(connection: Connection, name: str) -> bool:
    return bool(connection.execute(select(switch.c.value).where(switch.c.name == name)).scalar())
