"""What ran and what was deployed, kept for the months' statements: a placement's day in one piece."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import delete, select

from collector.estate import Deployed, DeploymentStatus
from fournines.store.database import insert_into
from fournines.store.tables import deployment, usage
from slo.cells import Placement
from slo.usage import SLOT_MINUTES, WIDTH, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

DAY_SLOTS = 24 * 60 // SLOT_MINUTES


def record(connection: Connection, covered: range, rows: Mapping[Placement, tuple[int, ...]]) -> None:
    """Keep a look: its own slot, the last one, is what it told; so are those before where nobody looked."""
    for day in range(covered.start // DAY_SLOTS, (covered.stop - 1) // DAY_SLOTS + 1):
        days = _days(connection, day, rows)
        for placement, row in rows.items():
            days[placement] = _filled(days.get(placement), day, covered, row)
        _keep(connection, day, days)


def history(connection: Connection, placement: Placement, within: range) -> Usage:
    """Return what is kept of a placement over the slots."""
    found = Usage.nothing(within)
    query = select(usage.c.day, usage.c.body).where(
        usage.c.placement == str(placement),
        usage.c.day >= within.start // DAY_SLOTS,
        usage.c.day <= within.stop // DAY_SLOTS,
    )
    for day, body in connection.execute(query):
        first = day * DAY_SLOTS
        span = range(max(first, within.start), min(first + DAY_SLOTS, within.stop))
        found.rows[span.start - within.start : span.stop - within.start] = _unpack(body)[
            span.start - first : span.stop - first
        ]
    return found


def save_deployed(connection: Connection, told: Iterable[Deployed]) -> None:
    """Keep deployments as they stand now."""
    for one in told:
        changed = {"status": str(one.status), "finished_at": one.finished_at}
        statement = insert_into(connection, deployment).values(
            arn=one.arn, placement=str(one.placement), created_at=one.created_at, **changed
        )
        connection.execute(statement.on_conflict_do_update(index_elements=["arn"], set_=changed))


def deployed(connection: Connection, start: datetime, end: datetime) -> tuple[Deployed, ...]:
    """Return the deployments that were made in `[start, end)`, oldest first."""
    table = deployment.c
    query = (
        select(deployment)
        .where(table.created_at >= start, table.created_at < end)
        .order_by(table.created_at, table.arn)
    )
    return tuple(
        Deployed(
            Placement.parse(row.placement),
            row.arn,
            DeploymentStatus(row.status),
            row.created_at,
            row.finished_at,
        )
        for row in connection.execute(query)
    )


def forget(connection: Connection, before: datetime) -> None:
    """Forget what ran and what was deployed before the moment."""
    day = int(before.timestamp()) // (60 * SLOT_MINUTES) // DAY_SLOTS
    connection.execute(delete(usage).where(usage.c.day < day))
    connection.execute(delete(deployment).where(deployment.c.created_at < before))


def _days(connection: Connection, day: int, placements: Iterable[Placement]) -> dict[Placement, Usage]:
    wanted = {str(placement): placement for placement in placements}
    query = select(usage.c.placement, usage.c.body).where(
        usage.c.day == day, usage.c.placement.in_(list(wanted))
    )
    return {
        wanted[name]: Usage(day * DAY_SLOTS, _unpack(body).copy()) for name, body in connection.execute(query)
    }


def _filled(kept: Usage | None, day: int, covered: range, row: tuple[int, ...]) -> Usage:
    """Return a day with what a look told."""
    first = day * DAY_SLOTS
    found = kept or Usage.nothing(range(first, first + DAY_SLOTS))
    own = np.zeros(DAY_SLOTS, np.bool_)
    own[max(covered.start - first, 0) : covered.stop - first] = True
    found.rows[own & ~found.seen] = row
    if covered.stop - 1 - first < DAY_SLOTS:
        found.rows[covered.stop - 1 - first] = row
    return found


def _keep(connection: Connection, day: int, days: Mapping[Placement, Usage]) -> None:
    rows = [
        {"placement": str(placement), "day": day, "body": zlib.compress(found.rows.tobytes(), level=1)}
        for placement, found in days.items()
    ]
    if rows:
        statement = insert_into(connection, usage)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["placement", "day"], set_={"body": statement.excluded.body}
            ),
            rows,
        )


def _unpack(body: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.frombuffer(zlib.decompress(body), np.int32).reshape(-1, WIDTH)
