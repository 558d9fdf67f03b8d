"""The same numbers wherever one asks: statement, budgets, gate, /metrics, and counted here once more."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from collector.estate import RegionEstate, ServiceView
from fournines import issuing, telemetry
from fournines.board import Board
from fournines.clock import Record, Stepped
from fournines.known import Known
from fournines.samples import Samples
from fournines.store.books import Books
from fournines.web.app import app
from remediation.decision.policy import Policies
from runbooks.shelf import Shelf
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.contracts import Allowance, Contract, Measure, Scope, Unknown
from slo.exclusions import Exclusion, Exclusions
from slo.months import Month
from slo.objectives import CalendarMonth, Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


#: Half an hour from UTC, and so is the month's first minute.
ZONE = "Asia/Kolkata"
MONTH, START = Month(2026, 10), datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
LENGTH = 300
NOW = START + timedelta(minutes=LENGTH)
PLACES = tuple(
    Placement("1", region, "main", service)
    for service in ("course-catalog", "payment")
    for region in ("eu-west-1", "us-east-1")
)
SLIS = tuple(Sli(place, Indicator.AVAILABILITY) for place in PLACES)
TARGET = Decimal("0.9999")
OBJECTIVE = Objective(
    name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
    target=TARGET, window=CalendarMonth(ZONE),
)  # fmt: skip
REQUESTS = 1000

spans = st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 90)).map(lambda one: slice(one[0], sum(one)))
places = st.integers(0, len(SLIS) - 1)
measures = st.sampled_from(
    [(Measure.REQUESTS, Unknown.NEITHER), *((Measure.MINUTES, one) for one in Unknown)]
)
contracts = st.builds(
    lambda measured, scope, in_a_row, regions: Contract(
        id="acme-sla", tenant="acme", display_name="Acme", services=("course-catalog", "payment"),
        regions=regions, indicator=Indicator.AVAILABILITY, target=TARGET, zone=ZONE, measure=measured[0],
        unknown=measured[1], scope=scope, bad_minutes_in_a_row=in_a_row,
        exclusions=Allowance(clauses=("4.2",)),
    ),
    measures,
    st.sampled_from(Scope),
    st.sampled_from([1, 3]),
    st.sampled_from([("*",), ("eu-west-1", "us-east-1"), ("ap-south-1", "eu-west-1", "us-east-1")]),
)  # fmt: skip


PROMISE = Contract(
    id="acme-sla", tenant="acme", display_name="Acme", services=("*",), regions=("*",),
    indicator=Indicator.AVAILABILITY, target=TARGET, zone=ZONE, exclusions=Allowance(clauses=("4.2",)),
)  # fmt: skip


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def maintenance(place: Placement, minutes: slice) -> Exclusion:
    start = START + timedelta(minutes=minutes.start)
    return Exclusion(
        id="m", reason="maintenance", approver="ann", clause="4.2", created_at=START, zone="UTC",
        services=(place.service,), regions=(place.region,), start=start.replace(tzinfo=None),
        length=timedelta(minutes=minutes.stop - minutes.start),
    )  # fmt: skip


class Moment:
    """The first hours of a month with an outage, a gap and maintenance, to be asked about from every side."""

    def __init__(
        self, books: Books, contract: Contract, when: tuple[slice, ...], where: tuple[int, ...]
    ) -> None:
        outage, gap, out = when
        shape = (LENGTH, len(SLIS))
        self.bad, self.total = np.zeros(shape, np.int64), np.full(shape, REQUESTS)
        self.state = np.full(shape, State.OBSERVED, np.uint8)
        self.bad[outage, where[0]] = REQUESTS // 2
        self.bad[::50, where[1]] = REQUESTS // 10
        self.state[gap, where[1]] = State.UNKNOWN
        self.bad[gap, where[1]] = self.total[gap, where[1]] = 0
        books.record(Block(SLIS, minute_of(START), self.bad, self.total, self.state), NOW)
        exclusions = Exclusions((maintenance(PLACES[where[2]], out),))
        books.exclude(exclusions)
        self.bad[out, where[2]] = self.total[out, where[2]] = 0
        self.state[out, where[2]] = State.EXCLUDED
        clock, known, record = Stepped(NOW), Known(books, lambda _: 1.0), Record()
        self.board = Board(
            clock=clock, books=books, known=known, objectives=(OBJECTIVE,), policies=Policies(()),
            shelf=Shelf({}), record=record, periods={}, contracts=(contract,), exclusions=exclusions,
        )  # fmt: skip
        samples = Samples(
            clock=clock, books=books, known=known, objectives=(OBJECTIVE,), board=self.board, record=record
        )
        registry = telemetry.registry(samples)
        self.browser = app(self.board, registry).test_client()
        self.metrics: Mapping[tuple[str, ...], float] = {
            (
                sample.name,
                *(sample.labels.get(one, "") for one in ("contract", "service", "region")),
            ): sample.value
            for family in text_string_to_metric_families(generate_latest(registry).decode())
            for sample in family.samples
        }
        self.statement = issuing.close(books, contract, MONTH, NOW, exclusions=exclusions)

    def counted(self, column: int) -> tuple[Fraction, Fraction, int, int]:
        """Count a placement here once more: bad, total, and unknown and excluded minutes."""
        state = self.state[:, column]
        return (
            Fraction(int(self.bad[:, column].sum())),
            Fraction(int(self.total[:, column].sum())),
            int((state == State.UNKNOWN).sum()),
            int((state == State.EXCLUDED).sum()),
        )

    def budgets(self, scope: str) -> list[dict[str, Any]]:
        """Return what the web tells as JSON, which `fournines budget --json` prints as well."""
        return [one for one in json.loads(self.browser.get("/api/budgets").text) if one["scope"] == scope]


@settings(max_examples=25, phases=(Phase.generate,))
@given(contracts, st.tuples(spans, spans, spans), st.tuples(places, places, places))
def test_statement_budgets_gate_metrics_and_web_tell_the_same_numbers(
    contract: Contract, when: tuple[slice, ...], where: tuple[int, ...]
) -> None:
    with Books.open("sqlite://") as books:
        moment = Moment(books, contract, when, where)
        overview, statement = moment.board.overview(), moment.statement
        lines = {line.placement: line for line in statement.lines if line.placement}
        told = {one["placement"]: one for one in moment.budgets("placement")}
        gates = {
            finding.placements[0]: finding.standing.budget
            for service in ("course-catalog", "payment")
            for finding in moment.board.gate(service).verdict.findings
            if finding.standing is not None
        }
        for row in overview.placements:
            (place,) = row.budget.placements
            bad, total, unknown, excluded = moment.counted(PLACES.index(place))
            line, budget, web = lines[str(place)], row.budget, told[str(place)]
            assert (budget.bad, budget.total, budget.unknown, budget.excluded) == (
                bad,
                total,
                unknown,
                excluded,
            )
            assert (line.bad.exact, line.total.exact) == (bad, total)
            assert (line.unknown.exact, line.excluded.exact) == (unknown, excluded)
            assert gates[place] == budget
            assert (web["bad"], web["total"]) == (bad, total)
            assert (web["unknown_minutes"], web["excluded_minutes"]) == (unknown, excluded)
            if total:
                series = ("", place.service, place.region)
                assert moment.metrics["slo_sli_ratio", *series] == float(1 - Fraction(bad, total))
                assert line.attained.exact == 1 - Fraction(bad, total)
        (mine,), (shown,) = overview.contracts, moment.budgets("contract")
        assert mine.budget.ratio == statement.attained.exact
        assert (shown["bad"], shown["total"]) == (float(mine.budget.bad), float(mine.budget.total))
        if mine.budget.ratio is not None:
            assert moment.metrics["slo_contract_sli_ratio", contract.id, "", ""] == float(mine.budget.ratio)
        (spent,) = (one for one in moment.board.spent() if one.scope == "contract")
        assert sum(part.bad for part in spent.spending.by_spender().values()) == mine.budget.bad


def test_contracts_are_counted_while_nobody_holds_the_ledger(books: Books) -> None:
    """The store is asked for hours of cells: no new minute is to wait for that."""
    moment = Moment(books, PROMISE, (slice(10, 20), slice(30, 40), slice(50, 60)), (0, 1, 2))
    with books.ledger(), ThreadPoolExecutor(1) as beside:
        (promise,) = beside.submit(moment.board.promises, NOW).result(timeout=10)
    (row,) = moment.board.overview().contracts
    assert promise.budget == row.budget
    assert promise.failures.bad.sum() == promise.budget.bad


def test_a_service_that_could_be_counted_and_never_was_is_unknown_on_the_page_as_in_the_statement(
    books: Books,
) -> None:
    new = ServiceView(
        placement=Placement("1", "eu-west-1", "main", "new"), seen_at=NOW, status="ACTIVE", desired=1,
        running=1, pending=0, task_definition="td:1", target_groups=("targetgroup/new/1",),
    )  # fmt: skip
    books.save_estate(RegionEstate("1", "eu-west-1", NOW, (new,)))
    moment = Moment(books, PROMISE, (slice(10, 20), slice(30, 40), slice(50, 60)), (0, 1, 2))
    (row,) = moment.board.overview().contracts
    assert str(new.placement) in {line.placement for line in moment.statement.lines}
    coverage = row.budget.coverage
    assert coverage == moment.statement.totals.coverage.exact
    assert coverage is not None
    assert coverage < Fraction(5, 6)
