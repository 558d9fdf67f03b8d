"""The schema.  What is asked for by SQL is a column; the rest of a value is JSON beside it.

Every moment is a whole number of microseconds since 1970 in UTC, so that both databases order it alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

#: Raised by one whenever a table changes in a way that an older fournines cannot read.
SCHEMA = 5
#: The oldest that can be read: before, a minute did not tell when it was read.
SCHEMA_MIN = 4

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the moment as a number."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the moment, in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


#: SQLite counts by itself only in a column that is INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

meta = Table(
    "meta", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False)
)

# -- several replicas

lead = Table(
    "lead",
    metadata,
    Column("role", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("term", Integer, nullable=False),
    Column("lease_ms", BigInteger, nullable=False),  # the database's own time
)
wrote = Table(
    "wrote",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

# -- the ledger

sli = Table(
    "sli",
    metadata,
    Column("col", Integer, primary_key=True, autoincrement=False),  # a place in every blob: never reused
    Column("name", Text, nullable=False, unique=True),
)
minute = Table(
    "minute",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("cells", LargeBinary, nullable=False),
)
hour = Table(
    "hour",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("cells", LargeBinary, nullable=False),
)
day = Table(
    "day",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("sums", LargeBinary, nullable=False),
)
imported = Table(
    "imported",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("label", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("cells", BigInteger, nullable=False),
    Column("kept", BigInteger, nullable=False),
)

# -- what was collected

read_until = Table(
    "read_until",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("front", Text, primary_key=True),
    Column("asked", BigInteger, nullable=False),
    Column("arrived", BigInteger, nullable=False),
    Column("silent", BigInteger, nullable=False),
)
backfill = Table(
    "backfill",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("asked_at", Moment, nullable=False),
)
spending = Table(
    "spending",
    metadata,
    Column("month", String, primary_key=True),
    Column("metrics", BigInteger, nullable=False),
)
estate = Table(
    "estate",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("seen_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
)
sighting = Table(
    "sighting",
    metadata,
    Column("placement", String, primary_key=True),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("missing_since", Moment),
)
usage = Table(
    "usage",
    metadata,
    Column("placement", String, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since 1970 in UTC
    Column("body", LargeBinary, nullable=False),
)
deployment = Table(
    "deployment",
    metadata,
    Column("arn", String, primary_key=True),
    Column("placement", String, nullable=False),
    Column("created_at", Moment, nullable=False, index=True),
    Column("finished_at", Moment),
    Column("status", String, nullable=False),
)

# -- what happened

inbox = Table(
    "inbox",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("event", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("region", String, nullable=False),
    Column("placement", String),
    Column("at", Moment, nullable=False, index=True),  # the sender's time, else when it was received
    Column("received_at", Moment, nullable=False),
    Column("folded", Boolean, nullable=False),
    Column("raw", Text, nullable=False),
    Column("body", Text, nullable=False),
)
#: What waits is few of many, and is asked for twice a second.
Index("inbox_waits", inbox.c.n, sqlite_where=~inbox.c.folded, postgresql_where=~inbox.c.folded)
heard = Table(
    "heard",
    metadata,
    Column("kind", String, primary_key=True),
    Column("events", BigInteger, nullable=False),
)
incident = Table(
    "incident",
    metadata,
    Column("id", String, primary_key=True),
    Column("service", String, nullable=False),
    Column("opened_at", Moment, nullable=False, index=True),
    Column("resolved_at", Moment),
    Column("body", Text, nullable=False),
)
entry = Table(
    "entry",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("incident", String, index=True),
    Column("hash", String, nullable=False),
    Column("body", Text, nullable=False),
)
outbox = Table(
    "outbox",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("incident", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("not_before", Moment),  # real time, as all of sending is
    Column("attempts", Integer, nullable=False),
    Column("channel", String),
    Column("ts", String),
    Column("sent_at", Moment),
    Column("why", Text, nullable=False),
    UniqueConstraint("incident", "seq"),
)

# -- what is being done

run = Table(
    "run",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("incident", String, nullable=False, index=True),
    Column("placement", String, nullable=False),
    Column("state", String, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("wake", Moment, nullable=False),
    Column("owner", String),
    Column("lease_ms", BigInteger),  # the database's own time
    Column("claim_no", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("run_due", "final", "wake"),
)
lock = Table(
    "lock",
    metadata,
    Column("placement", String, primary_key=True),
    Column("run", String, nullable=False),
)
answer = Table(
    "answer",
    metadata,
    Column("run", String, primary_key=True, key="about"),  # a run's id, or its question
    Column("choice", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", Moment, nullable=False),
)
switch = Table(
    "switch",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Boolean, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", Moment, nullable=False),
)

override = Table(
    "override",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("service", String, nullable=False),
    Column("region", String),
    Column("who", String, nullable=False),
    Column("why", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("revoked", Boolean, nullable=False),
)

# -- which revisions served, and which were turned back

tenure = Table(
    "tenure",
    metadata,
    Column("placement", String, primary_key=True),
    Column("since", Moment, primary_key=True),
    Column("body", Text, nullable=False),
)
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("body", Text, nullable=False),
)
hook = Table(
    "hook",
    metadata,
    Column("n", Counter, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("subject", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Column("not_before", Moment),  # real time, as all of sending is
    Column("attempts", Integer, nullable=False),
    Column("sent_at", Moment),
    Column("why", Text, nullable=False),
)

# -- what was promised to be so

statement = Table(
    "statement",
    metadata,
    Column("contract", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("issued_at", Moment, nullable=False),
    Column("hash", String, nullable=False),
    Column("body", Text, nullable=False),
)

dispatch = Table(
    "dispatch",
    metadata,
    Column("contract", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("place", String, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("why", Text, nullable=False),
)

for _verb in ("update", "delete"):
    event.listen(
        entry,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER entry_no_{_verb} BEFORE {_verb.upper()} ON entry "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        ).execute_if(dialect="sqlite"),
    )
_STAYS = """
    CREATE OR REPLACE FUNCTION entry_stays() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''the journal is append-only''; END'
"""
_GUARD = """
    CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION entry_stays()
"""
for _statement in (_STAYS, _GUARD):
    event.listen(entry, "after_create", DDL(_statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
