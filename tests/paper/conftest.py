"""Statements to put on paper: a bad month with a gap, and a month that is not over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from slo.cells import Block, Indicator, Placement, Sli, State
from slo.closing import statement
from slo.contracts import Contract, CreditTier
from slo.ledger import Ledger
from slo.months import Month
from slo.statement import IncidentLine, Statement

OCTOBER = Month(2026, 10)
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")
SERVICES = ("assessment-grading", "course-catalog", "payment", "web-app")
PLACEMENTS = tuple(Placement("123456789012", r, "mylearning", s) for s in SERVICES for r in REGIONS)
CONTRACT = Contract(
    id="acme-2026",
    tenant="acme",
    display_name="Acme <Learning> & Söhne",
    services=SERVICES,
    regions=REGIONS,
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    zone="Europe/Berlin",
    tiers=(CreditTier(Decimal("0.9999"), Decimal("0.1")), CreditTier(Decimal("0.99"), Decimal("0.3"))),
)
INCIDENTS = (
    IncidentLine(
        id="course-catalog-20261009T0412Z",
        service="course-catalog",
        regions=("eu-west-1",),
        opened_at=datetime(2026, 10, 9, 4, 12, tzinfo=UTC),
        resolved_at=datetime(2026, 10, 9, 4, 31, tzinfo=UTC),
        cause="deployment",
        action="rollback",
    ),
    IncidentLine(
        id="payment-20261020T1130Z",
        service="=HYPERLINK(payment)",
        regions=REGIONS,
        opened_at=datetime(2026, 10, 20, 11, 30, tzinfo=UTC),
        resolved_at=None,
        cause="dependency",
        action="",
    ),
)


def history(*, failing: int, unknown: int) -> Ledger:
    """October of all placements: `failing` bad minutes at each incident, `unknown` ones on the 25th."""
    ledger = Ledger(capacity=len(PLACEMENTS))
    stretch = OCTOBER.stretch(ZoneInfo("Europe/Berlin"))
    ledger.advance(stretch.end - 1)
    minute = np.arange(len(stretch))
    for column, placement in enumerate(PLACEMENTS):
        total = (600 + 40 * column + 400 * np.sin(minute / 1440 * 2 * np.pi) ** 2).astype(np.int64)
        bad = np.where(minute % 997 == 0, 1, 0).astype(np.int64)
        state = np.full(len(stretch), State.OBSERVED, np.uint8)
        if placement.service == "course-catalog" and placement.region == "eu-west-1":
            bad[8 * 1440 + 250 :][:failing] = total[8 * 1440 + 250 :][:failing] // 2
        if placement.service == "payment":
            bad[19 * 1440 + 690 :][:failing] = total[19 * 1440 + 690 :][:failing] // 5
        if placement.region == "us-east-1":
            state[24 * 1440 + 60 :][:unknown] = State.UNKNOWN
        known = state == State.OBSERVED
        bad, total = np.where(known, bad, 0), np.where(known, total, 0)
        sli = Sli(placement, Indicator.AVAILABILITY)
        ledger.put(Block((sli,), stretch.start, bad[:, None], total[:, None], state[:, None]))
    return ledger


def made(*, failing: int = 0, unknown: int = 0, now: datetime | None = None) -> Statement:
    return statement(
        CONTRACT,
        OCTOBER,
        history(failing=failing, unknown=unknown),
        PLACEMENTS,
        now=now or datetime(2026, 11, 2, 6, 0, tzinfo=UTC),
        incidents=INCIDENTS if failing else (),
        imported={Sli(PLACEMENTS[0], Indicator.AVAILABILITY): 1440},
    )


@pytest.fixture(scope="session")
def breached() -> Statement:
    """A month that broke its promise, with two incidents and a gap."""
    return made(failing=18, unknown=400)


@pytest.fixture(scope="session")
def met() -> Statement:
    return made()


@pytest.fixture(scope="session")
def unfinished() -> Statement:
    """A month seen on its 12th day."""
    return made(now=datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=11, hours=9))
