"""Statements to put on paper: a bad month with a gap, and a month that is not over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from slo import figures
from slo.cells import Block, Indicator, Placement, Sli, State
from slo.charges import Charges, Claim, CreditTerms, Per
from slo.closing import Beside, statement
from slo.contracts import Allowance, Contract, CreditTier, Measure, Quickness
from slo.exclusions import Exclusion, Exclusions, Recurrence
from slo.figures import NOTHING, Figure
from slo.ledger import Ledger
from slo.months import Month
from slo.operations import Deed, Facts, Price, Record, operations
from slo.restating import changes
from slo.statement import IncidentLine, MonthLine, Statement
from slo.usage import Usage, slots
from tests.paged import Paged

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
    measure=Measure.MINUTES,
    exclusions=Allowance(("7.2",), 180),
    latency=Quickness(Decimal(1), Decimal("0.99")),
    tiers=(CreditTier(Decimal("0.9999"), Decimal("0.1")), CreditTier(Decimal("0.99"), Decimal("0.3"))),
    charges=Charges(
        currency="EUR", per=Per.REGION, amount=Decimal(900), amounts=(("eu-west-1", Decimal("4000.55")),)
    ),
    credit=CreditTerms(
        cap_share=Decimal("0.5"), minimum=Decimal(1), claim=Claim(days=60), against="the next invoice"
    ),
)
EXCLUSIONS = Exclusions(
    (
        Exclusion(
            id="database",
            reason="the database moves to a new version",
            approver="Ann Example",
            clause="7.2",
            created_at=datetime(2026, 9, 20, tzinfo=UTC),
            services=("course-catalog", "payment"),
            regions=("eu-west-1",),
            zone="Europe/Berlin",
            start=datetime(2026, 10, 4, 2),  # noqa: DTZ001 - wall time
            length=timedelta(hours=1),
            recurrence=Recurrence("WEEKLY", 2),
        ),
        Exclusion(
            id="network",
            reason="-1 switch was replaced",
            approver="Bob Example",
            clause="7.2",
            created_at=datetime(2026, 10, 26, tzinfo=UTC),
            services=("payment",),
            regions=("*",),
            zone="UTC",
            start=datetime(2026, 10, 20, 9, 30),  # noqa: DTZ001 - wall time
            length=timedelta(minutes=5),
        ),
    )
)


def _looked_at(placement: Placement) -> Record:
    """Three tasks on Fargate and one on Spot, all month long but for its last hour."""
    span = OCTOBER.stretch(ZoneInfo("Europe/Berlin"))
    usage = Usage.nothing(slots(span))
    usage.rows[:-12] = (3, 1, 0, 0, 0, 2, 20, 1024, 2048)
    return Record(placement=placement, lived=span, usage=usage)


OPERATIONS = operations(
    OCTOBER.stretch(ZoneInfo("Europe/Berlin")),
    Facts(
        records=[_looked_at(placement) for placement in PLACEMENTS],
        deeds=[Deed(placement=PLACEMENTS[3], action="rollback", at=datetime(2026, 10, 9, 4, 20, tzinfo=UTC))],
        prices=[
            Price(
                regions=("*",),
                currency="EUR",
                vcpu_hour=Decimal("0.04"),
                gb_hour=Decimal("0.004"),
                spot_vcpu_hour=Decimal("0.012"),
                spot_gb_hour=Decimal("0.0012"),
            )
        ],
    ),
)
TREND = tuple(
    MonthLine(
        month=f"2026-{number:02}",
        verdict="met" if number > 6 else "",
        attained=figures.attained(Fraction(9999 + number, 10_000 + number) if number > 6 else None),
        downtime=figures.lost(number - 6) if number > 6 else Figure(None, NOTHING),
        credit=figures.target(Fraction(0)) if number > 6 else Figure(None, NOTHING),
        revision=1 if number > 6 else None,
    )
    for number in range(1, 10)
)
INCIDENTS = (
    IncidentLine(
        id="course-catalog-20261009T0412Z",
        service="course-catalog",
        regions=("eu-west-1",),
        opened_at=datetime(2026, 10, 9, 4, 12, tzinfo=UTC),
        acted_at=datetime(2026, 10, 9, 4, 20, tzinfo=UTC),
        recovered_at=datetime(2026, 10, 9, 4, 28, tzinfo=UTC),
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
    ledger = Ledger(capacity=2 * len(PLACEMENTS))
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
        slow = Sli(placement, Indicator.LATENCY)
        ledger.put(Block((slow,), stretch.start, bad[:, None], total[:, None] * 1000, state[:, None]))
    return ledger


def made(*, failing: int = 0, unknown: int = 0, now: datetime | None = None) -> Statement:
    ledger = history(failing=failing, unknown=unknown)
    return statement(
        CONTRACT,
        OCTOBER,
        Paged(ledger, {Sli(PLACEMENTS[0], Indicator.AVAILABILITY): 1440}),
        PLACEMENTS,
        now=now or datetime(2026, 11, 2, 6, 0, tzinfo=UTC),
        beside=Beside(
            exclusions=EXCLUSIONS,
            incidents=INCIDENTS if failing else (),
            operations=OPERATIONS,
            trend=TREND,
            shared=frozenset({"payment"}),
        ),
    )


@pytest.fixture(scope="session")
def breached(met: Statement) -> Statement:
    """A month that broke its promise, with two incidents and a gap: the second revision."""
    second = made(failing=18, unknown=400)
    return replace(second, revision=2, changes=changes(met, second, restated=1200))


@pytest.fixture(scope="session")
def met() -> Statement:
    return made()


@pytest.fixture(scope="session")
def unfinished() -> Statement:
    """A month seen on its 12th day."""
    return made(now=datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=11, hours=9))
