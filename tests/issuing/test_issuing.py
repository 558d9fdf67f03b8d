"""Statements of a kept month: whose they are, what several revisions say, what the months before were."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from collector.estate import Belonging, RegionEstate, ServiceView
from fournines import issuing
from fournines.store.books import Books
from slo.cells import Block, Indicator, Placement, Sli, State
from slo.contracts import Contract
from slo.months import Month, zone_named
from slo.statement import Verdict, to_json

SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
AFTER = datetime(2026, 11, 2, tzinfo=UTC)
HERE = Placement("1", "eu-west-1", "prod", "web-app")
CONTRACT = Contract(
    id="acme-2026",
    tenant="acme",
    display_name="Acme",
    services=("web-app",),
    regions=("eu-west-1",),
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    zone="UTC",
)


@pytest.fixture
def books() -> Books:
    """Two whole months of one service."""
    opened = Books.open("sqlite://")
    for month in (SEPTEMBER, OCTOBER):
        stretch = month.stretch(zone_named("UTC"))
        shape = (len(stretch), 1)
        state = np.full(shape, State.OBSERVED, np.uint8)
        cells = Block(
            (Sli(HERE, Indicator.AVAILABILITY),),
            stretch.start,
            np.zeros(shape, int),
            np.full(shape, 9),
            state,
        )
        opened.record(cells, stretch.ends_at)
    return opened


def found(tenant: str | None) -> RegionEstate:
    view = ServiceView(HERE, AFTER, "ACTIVE", 1, 1, 0, "web:1", belonging=Belonging(tenant=tenant))
    return RegionEstate("1", "eu-west-1", AFTER, (view,))


def issued(books: Books, month: Month, now: datetime = AFTER) -> issuing.Issue:
    return issuing.issue(books, issuing.close(books, CONTRACT, month, now), now)


def test_a_month_that_was_issued_stays_as_it_was(books: Books) -> None:
    first = issued(books, OCTOBER)
    assert (first.revision, first.statement.revision, first.statement.verdict) == (1, 1, Verdict.MET)
    assert issued(books, OCTOBER, AFTER + timedelta(days=9)) == first
    assert issuing.latest(books, CONTRACT.id, "2026-10") == first
    assert issuing.latest(books, CONTRACT.id, "2026-09") is None


def test_a_corrected_minute_makes_a_revision_that_counts_what_was_corrected(books: Books) -> None:
    issued(books, OCTOBER)
    minute = OCTOBER.stretch(zone_named("UTC")).start + 100
    late = np.array([[State.OBSERVED]], np.uint8)
    sli = Sli(HERE, Indicator.AVAILABILITY)
    books.record(Block((sli,), minute, np.array([[5]]), np.array([[9]]), late), AFTER + timedelta(hours=1))
    second = issued(books, OCTOBER, AFTER + timedelta(hours=2))
    said = {one.what: (one.before, one.after) for one in second.statement.changes}
    assert (second.revision, second.statement.trend[-1].revision) == (2, 2)
    assert said["cells corrected since"] == ("0", "1")
    assert said["bad requests"] == ("0", "5")


def test_who_closes_a_month_beside_somebody_else_makes_no_revision_of_the_same(books: Books) -> None:
    made = [issuing.close(books, CONTRACT, OCTOBER, AFTER + timedelta(seconds=n)) for n in range(4)]
    with ThreadPoolExecutor(len(made)) as pool:
        found = set(pool.map(lambda one: issuing.issue(books, one, one.issued_at), made))
    (kept,) = books.statements.issued(CONTRACT.id, "2026-10")
    assert {(one.revision, one.statement.revision) for one in found} == {(1, 1)}
    assert {to_json(one.statement) for one in found} == {kept.body}


def test_a_revision_that_somebody_else_kept_meanwhile_is_not_kept_under_the_next_number(books: Books) -> None:
    first = issued(books, OCTOBER).statement
    assert books.statements.issue(CONTRACT.id, "2026-10", "{}", AFTER, after=0) is None
    assert [one.body for one in books.statements.issued(CONTRACT.id, "2026-10")] == [to_json(first)]


def test_the_trend_tells_of_months_that_were_issued_and_of_those_that_were_not(books: Books) -> None:
    before = issued(books, SEPTEMBER).statement
    trend = issued(books, OCTOBER).statement.trend
    assert [one.month for one in trend[:2]] == ["2025-11", "2025-12"]
    assert (len(trend), trend[-2], trend[-3].verdict) == (12, before.trend[-1], "")
    assert (trend[-1].month, trend[-1].verdict) == ("2026-10", "met")


@pytest.mark.parametrize(("tenant", "alone"), [("acme", True), (None, False), ("other", False)])
def test_a_service_is_measured_for_the_tenant_alone_where_its_tags_say_so(
    books: Books, tenant: str | None, *, alone: bool
) -> None:
    books.save_estate(found(tenant))
    made = issuing.close(books, CONTRACT, OCTOBER, AFTER, contracts=(CONTRACT,))
    assert made.whose.startswith("Measured for Acme alone") is alone
    assert made.totals.shared is not alone


def test_a_service_that_two_tenants_are_promised_is_shared_whatever_its_tags_say(books: Books) -> None:
    books.save_estate(found("acme"))
    other = replace(CONTRACT, id="other", tenant="other")
    made = issuing.close(books, CONTRACT, OCTOBER, AFTER, contracts=(CONTRACT, other))
    assert made.totals.shared
