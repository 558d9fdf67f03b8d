"""Who leads: of several replicas on one database one at a time does the work of a role, the others stand by.

A lead is a lease by the database's own clock and a term that grows with each leader: the term is the fence,
so that a replica that was thought dead writes nothing of its role any more.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from fournines.store.database import insert_into, real_ms
from fournines.store.place import DeposedError
from fournines.store.tables import lead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from fournines.store.database import Database

#: A leader that is not heard of for so long is replaced ...
LEAD_S = 10.0
#: ... by whoever asks first: each asks so often.  So a failed one is replaced within 13 seconds.
ASK_EVERY_S = 3.0


class Role(StrEnum):
    """What is done by one replica at a time."""

    WORK = "work"  # listens, measures, decides and acts: all that needs the memory of what was measured
    TELL = "tell"  # sends what people must be told


class Lead:
    """One replica's claim to a role; safe to share among threads."""

    def __init__(self, database: Database, role: Role, name: str) -> None:
        self.role, self.name = role, name
        self._database = database
        self._term, self._until, self._busy = 0, 0.0, 0
        self._lock = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether we lead, as far as we know without asking."""
        return monotonic() < self._until

    @property
    def term(self) -> int:
        """The number of our last lead; 0 before the first."""
        return self._term

    def campaign(self, prepare: Callable[[], None]) -> bool:
        """Take the lead if nobody holds it, or go on holding it; return whether we do.

        A lead that is new begins once all is prepared for it.
        """
        asked = monotonic()
        with self._database.write() as connection:
            until = real_ms(connection) + int(LEAD_S * 1000)
            row = connection.execute(select(lead).where(lead.c.role == self.role)).one_or_none()
            ours = row is not None and (row.owner, row.term) == (self.name, self._term)
            free = row is None or row.lease_ms < until - int(LEAD_S * 1000)
            if not ours and (not free or self._busy):  # what we began as another leader must have ended
                self._until = 0.0
                return False
            term = self._term if ours else (0 if row is None else row.term) + 1
            kept = {"owner": self.name, "term": term, "lease_ms": until}
            statement = insert_into(connection, lead).values(role=self.role, **kept)
            connection.execute(statement.on_conflict_do_update(index_elements=["role"], set_=kept))
        self._term = term
        if not ours:
            prepare()
        self._until = asked + LEAD_S
        return True

    def resign(self) -> None:
        """Give the lead free at once, if we hold it."""
        self._until = 0.0
        mine = (lead.c.role == self.role, lead.c.owner == self.name, lead.c.term == self._term)
        with self._database.write() as connection:
            connection.execute(update(lead).where(*mine).values(lease_ms=0))

    @contextmanager
    def at_work(self) -> Iterator[bool]:
        """Work, if we lead; until it is done this replica takes no other term."""
        with self._lock:
            leads = self.held
            self._busy += leads
        try:
            yield leads
        finally:
            with self._lock:
                self._busy -= leads

    def fence(self, connection: Connection) -> None:
        """Let nothing be written in this transaction unless we lead.  Raises DeposedError."""
        mine = (lead.c.role == self.role, lead.c.owner == self.name, lead.c.term == self._term)
        if connection.execute(select(lead.c.term).where(*mine)).first() is None:
            self._until = 0.0
            raise DeposedError(f"another replica leads the role {self.role}: nothing was written")
