"""Who served and what is in quarantine, on disk; and the notices of it that CI has not taken yet.

What is put into quarantine or released is journaled, and put into CI's outbox, in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from fournines.store import journal
from fournines.store.database import insert_into
from fournines.store.tables import hook, quarantine, tenure
from fournines.store.values import QUARANTINED, TENURES
from remediation.notice import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from fournines.store.database import Database
    from remediation.journal import Entry
    from remediation.quarantine import Quarantined
    from remediation.tenure import Tenure
    from slo.cells import Placement

#: A turn takes no more notices than this.
DUE_MAX = 50


@dataclass(frozen=True, slots=True)
class Pending:
    """A notice that CI has not taken yet, after so many attempts."""

    n: int
    id: str
    body: str
    attempts: int


class Revisions:
    """The record of revisions behind the one door; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- who served

    def tenures(self, placement: Placement | None = None) -> tuple[Tenure, ...]:
        """Return who served a placement, or all of them, oldest first."""
        query = select(tenure.c.body).order_by(tenure.c.placement, tenure.c.since)
        if placement is not None:
            query = query.where(tenure.c.placement == str(placement))
        with self._database.read() as connection:
            return tuple(map(TENURES.load, connection.execute(query).scalars()))

    def save_tenures(self, served: Mapping[Placement, Sequence[Tenure]]) -> None:
        """Keep who served these placements; what is not named of them is forgotten."""
        rows = [
            {"placement": str(placement), "since": one.since, "body": TENURES.dump(one)}
            for placement, tenures in served.items()
            for one in tenures
        ]
        with self._database.write() as connection:
            for placement in served:
                connection.execute(delete(tenure).where(tenure.c.placement == str(placement)))
            if rows:
                connection.execute(insert(tenure), rows)

    # -- what was turned back

    def quarantined(self) -> tuple[Quarantined, ...]:
        """Return all that ever was in quarantine, newest first; what was released says so."""
        query = select(quarantine.c.body).order_by(quarantine.c.at.desc(), quarantine.c.id)
        with self._database.read() as connection:
            return tuple(map(QUARANTINED.load, connection.execute(query).scalars()))

    def quarantine(self, one: Quarantined, entries: Sequence[Entry]) -> bool:
        """Put a revision into quarantine; False, and nothing written, when the same put it there before."""
        with self._database.write() as connection:
            kept = connection.execute(
                insert_into(connection, quarantine)
                .values(id=one.id, at=one.at, body=QUARANTINED.dump(one))
                .on_conflict_do_nothing(index_elements=["id"])
                .returning(quarantine.c.id)
            ).first()
            if kept is None:
                return False
            _tell(connection, Notice(f"quarantined:{one.id}", NoticeKind.QUARANTINED, one.at, one))
            journal.append(connection, entries)
            return True

    def release(
        self, held: Iterable[Quarantined], who: str, why: str, now: datetime, entries: Sequence[Entry]
    ) -> None:
        """Release revisions on a person's word."""
        with self._database.write() as connection:
            for one in held:
                freed = replace(one, released_at=now, released_by=who, released_why=why)
                connection.execute(
                    update(quarantine).where(quarantine.c.id == one.id).values(body=QUARANTINED.dump(freed))
                )
                _tell(connection, Notice(f"released:{one.id}", NoticeKind.RELEASED, now, freed))
            journal.append(connection, entries)

    def redeployed(self, deployment: str, one: Quarantined, now: datetime) -> bool:
        """Note that a deployment brings back what is in quarantine; False when that is known."""
        with self._database.write() as connection:
            return _tell(connection, Notice(f"redeployed:{deployment}", NoticeKind.REDEPLOYED, now, one))

    def told(self, deployment: str) -> bool:
        """Whether it is noted that a deployment brings back what is in quarantine."""
        with self._database.read() as connection:
            found = connection.execute(select(hook.c.n).where(hook.c.id == f"redeployed:{deployment}"))
            return found.first() is not None

    # -- what CI is told

    def due(self, now: datetime) -> tuple[Pending, ...]:
        """Return the notices whose turn it is at this real moment, of each revision only the first."""
        query = select(hook).where(hook.c.sent_at.is_(None)).order_by(hook.c.n)
        with self._database.read() as connection:
            first = {row.subject: row for row in reversed(connection.execute(query).all())}
        ready = [row for row in first.values() if row.not_before is None or row.not_before <= now]
        ordered = sorted(ready, key=lambda row: row.n)[:DUE_MAX]
        return tuple(Pending(row.n, row.id, row.body, row.attempts) for row in ordered)

    def taken(self, notice: Pending, now: datetime) -> None:
        """Note that CI has it."""
        self._hook(notice, sent_at=now, attempts=notice.attempts + 1, why="")

    def again(self, notice: Pending, at: datetime, why: str) -> None:
        """Have it sent again at the real moment."""
        self._hook(notice, not_before=at, attempts=notice.attempts + 1, why=why)

    def untaken(self) -> tuple[int, str]:
        """Return how many notices were tried in vain, and why the newest of them was."""
        tried = (hook.c.sent_at.is_(None), hook.c.why != "")
        with self._database.read() as connection:
            number = connection.execute(select(func.count()).select_from(hook).where(*tried)).scalar_one()
            query = select(hook.c.why).where(*tried).order_by(hook.c.n.desc()).limit(1)
            return number, connection.execute(query).scalar() or ""

    def _hook(self, notice: Pending, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(update(hook).where(hook.c.n == notice.n).values(**values))


def _tell(connection: Connection, notice: Notice) -> bool:
    """Put a notice into the outbox of CI; False when it is there."""
    kept = connection.execute(
        insert_into(connection, hook)
        .values(
            id=notice.id,
            subject=notice.about.task_definition,
            at=notice.at,
            body=notice.body,
            attempts=0,
            why="",
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(hook.c.id)
    ).first()
    return kept is not None
