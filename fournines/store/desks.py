"""Two counters behind the one door: what waits to be told, and statements that were issued."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fournines.store import dispatches, journal, outbox, statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from fournines.store.database import Database
    from fournines.store.dispatches import Dispatch
    from fournines.store.outbox import Backlog, Telling
    from fournines.store.statements import Issued
    from remediation.journal import Entry


class Outbox:
    """What people must be told, until Slack has it; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime) -> tuple[Telling, ...]:
        """Return what may be sent at this real moment, at most one message and one edit per incident."""
        with self._database.read() as connection:
            return outbox.due(connection, now)

    def sending(self, telling: Telling) -> None:
        """Note, before anything is sent, that it may have been sent."""
        with self._database.write() as connection:
            outbox.sending(connection, telling)

    def sent(self, telling: Telling, channel: str, ts: str, now: datetime) -> None:
        """Note that the message arrived, and where."""
        with self._database.write() as connection:
            outbox.sent(connection, telling, channel, ts, now)

    def retry(self, telling: Telling, at: datetime, why: str, *, ambiguous: bool = False) -> None:
        """Have it sent again at the real moment; ambiguous when it may have arrived all the same."""
        with self._database.write() as connection:
            outbox.retry(connection, telling, at, why, ambiguous=ambiguous)

    def refused(self, telling: Telling, at: datetime, why: str) -> None:
        """Have it sent again at the real moment although Slack said no; an edit is dropped."""
        with self._database.write() as connection:
            outbox.refused(connection, telling, at, why)

    def move_thread(self, telling: Telling, why: str) -> None:
        """Have the incident's message posted anew, in the channel of now, and the telling after it."""
        with self._database.write() as connection:
            outbox.move_thread(connection, telling, why)

    def backlog(self) -> Backlog:
        """Return how much is told and how much is not."""
        with self._database.read() as connection:
            return outbox.backlog(connection)

    def waiting_since(self) -> datetime | None:
        """Return when the oldest message that Slack does not have yet came up; None if it has all."""
        with self._database.read() as connection:
            return outbox.waiting_since(connection)


class StatementShelf:
    """Statements as they were issued, and where they are sent; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(self, contract: str, month: str, body: str, now: datetime, *, after: int) -> Issued | None:
        """Keep a statement's canonical JSON as what comes after a revision, unless that says the same.

        None where somebody else has kept the next one meanwhile.
        """
        with self._database.write() as connection:
            return statements.issue(connection, contract, month, body, now, after=after)

    def issued(self, contract: str, month: str) -> tuple[Issued, ...]:
        """Return every revision of a month's statement, oldest first."""
        with self._database.read() as connection:
            return statements.issued(connection, contract, month)

    def dispatched(self, contract: str, month: str, revision: int) -> tuple[Dispatch, ...]:
        """Return how a revision stands with each place that it was sent to."""
        with self._database.read() as connection:
            return dispatches.of(connection, contract, month, revision)

    def note(self, one: Dispatch, entries: Sequence[Entry] = ()) -> None:
        """Keep how a dispatch stands, and journal what is told of it, in one transaction."""
        with self._database.write() as connection:
            dispatches.note(connection, one)
            journal.append(connection, entries)

    def retain(self, contracts: Sequence[str], places: Sequence[str]) -> None:
        """Give up what is not where it belongs, where its contract or place is no longer configured."""
        with self._database.write() as connection:
            dispatches.retain(connection, contracts, places)

    def failing(self) -> tuple[Dispatch, ...]:
        """Return what is not where it belongs."""
        with self._database.read() as connection:
            return dispatches.failing(connection)
