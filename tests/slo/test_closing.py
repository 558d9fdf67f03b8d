"""Closing a month by the terms of a contract: scopes, unknown minutes, exclusions, credits, and calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.cells import Block, Indicator, Placement, Sli, State
from slo.charges import Base, Charges, Claim, CreditTerms, Per
from slo.closing import Beside, statement
from slo.contracts import Allowance, Contract, CreditTier, Measure, Quickness, Scope, Unknown
from slo.exclusions import Exclusion, Exclusions
from slo.ledger import Ledger
from slo.months import Month
from slo.restating import changes
from slo.statement import Statement, Verdict, from_json, to_json
from slo.tally import SETTLES_IN, in_a_row
from tests.paged import Paged

if TYPE_CHECKING:
    from collections.abc import Mapping

OCTOBER = Month(2026, 10)
REGIONS = ("eu-west-1", "us-east-1")
SERVICES = ("search", "web-app")
TOTAL = 100
CONTRACT = Contract(
    id="acme-2026",
    tenant="acme",
    display_name="Acme",
    services=SERVICES,
    regions=REGIONS,
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    zone="UTC",
    measure=Measure.MINUTES,
    tiers=(CreditTier(Decimal("0.9999"), Decimal("0.1")), CreditTier(Decimal("0.99"), Decimal("0.3"))),
)
PLACEMENTS = tuple(Placement("1", region, "prod", service) for service in SERVICES for region in REGIONS)
SEARCH, SEARCH_US, WEB, WEB_US = PLACEMENTS
PER_REGION = Charges(
    currency="EUR",
    per=Per.REGION,
    amounts=(("eu-west-1", Decimal("4000.50")), ("us-east-1", Decimal(100))),
)


def contract(**terms: Any) -> Contract:  # noqa: ANN401 - fields of a contract
    return replace(CONTRACT, **terms)


def cells(
    month: Month = OCTOBER,
    zone: str = "UTC",
    *,
    down: Mapping[Placement, list[tuple[int, int]]] | None = None,
    unknown: Mapping[Placement, list[tuple[int, int]]] | None = None,
    latency: bool = False,
) -> Ledger:
    """Return a month of all placements, of which stretches of minutes are down or unknown."""
    stretch = month.stretch(ZoneInfo(zone))
    ledger = Ledger(capacity=2 * len(PLACEMENTS))
    ledger.advance(stretch.end - 1)
    for placement in PLACEMENTS:
        bad, total = np.zeros(len(stretch), np.int64), np.full(len(stretch), TOTAL, np.int64)
        state = np.full(len(stretch), State.OBSERVED, np.uint8)
        for first, last in (down or {}).get(placement, []):
            bad[first:last] = TOTAL
        for first, last in (unknown or {}).get(placement, []):
            state[first:last] = State.UNKNOWN
        known = state == State.OBSERVED
        bad, total = bad * known, total * known
        _put(ledger, Sli(placement, Indicator.AVAILABILITY), stretch.start, (bad, total, state))
        if latency:
            slow = (bad * 500, total * 1000, state)
            _put(ledger, Sli(placement, Indicator.LATENCY), stretch.start, slow)
    return ledger


def _put(ledger: Ledger, sli: Sli, start: int, columns: tuple[Any, Any, Any]) -> None:
    bad, total, state = (column[:, None] for column in columns)
    ledger.put(Block((sli,), start, bad, total, state))


def closed(
    ledger: Ledger,
    of: Contract = CONTRACT,
    month: Month = OCTOBER,
    **beside: Any,  # noqa: ANN401 - what belongs to a statement beside its cells
) -> Statement:
    now = month.stretch(ZoneInfo(of.zone)).ends_at + timedelta(days=2)
    return statement(of, month, Paged(ledger), PLACEMENTS, now=now, beside=Beside(**beside))


@pytest.mark.parametrize(
    ("names", "row"),
    [
        ({"services": ("paymnt", "web-app"), "regions": ("*",)}, ("paymnt", "nowhere")),
        ({"services": ("*",), "regions": ("eu-wst-1", "eu-west-1")}, ("nothing", "eu-wst-1")),
    ],
)
@pytest.mark.parametrize("scope", Scope)
def test_a_name_that_nothing_was_found_for_is_a_row_of_which_nothing_is_known(
    names: dict[str, Any], row: tuple[str, str], scope: Scope
) -> None:
    """A slip of the pen must not make a month that was met: of what was promised nobody saw anything."""
    made = closed(cells(), contract(**names, scope=scope))
    (lost,) = [line for line in made.lines if not line.placement]
    assert ((lost.service, lost.region), lost.note) == (row, "promised, and no such service was found")
    assert made.verdict is Verdict.INCOMPLETE


def window(start: int, minutes: int, **terms: Any) -> Exclusion:  # noqa: ANN401 - fields of an exclusion
    """An exclusion of minutes that are counted from the start of October."""
    at = datetime(2026, 10, 1) + timedelta(minutes=start)  # noqa: DTZ001 - wall time
    given: dict[str, Any] = {
        "id": f"w{start}",
        "reason": "a new database",
        "approver": "Ann",
        "clause": "7.2",
        "created_at": datetime(2026, 9, 1, tzinfo=UTC),
        "services": ("search",),
        "regions": ("eu-west-1",),
        "zone": "UTC",
        "start": at,
        "length": timedelta(minutes=minutes),
    }
    return Exclusion(**given | terms)


def formulas(made: Statement) -> list[tuple[str, str, str]]:
    return [(line.label, line.formula, line.value.text) for line in made.credit_lines]


# -- whose figure is compared


def test_each_region_is_compared_by_itself_and_credited_by_itself() -> None:
    made = closed(
        cells(down={SEARCH: [(0, 5)], SEARCH_US: [(100, 104)]}),
        contract(scope=Scope.PER_REGION, charges=PER_REGION),
    )
    assert (made.verdict, made.credit.text, made.credit_amount.text) == (
        Verdict.BREACHED,
        "10 %",
        "400.05 EUR",
    )
    assert made.sentence.startswith("Breached: 99.9887 % of minutes were good in eu-west-1; 99.99 % is")
    assert [(line.region, line.met) for line in made.regions] == [("eu-west-1", False), ("us-east-1", True)]
    assert ("attained, in minutes, us-east-1", "1 - 4 / 44,640", "99.9910 %") in formulas(made)


def test_a_region_that_broke_its_promise_is_a_breach_also_beside_one_that_was_not_seen() -> None:
    ledger = cells(down={SEARCH: [(0, 5)]}, unknown={SEARCH_US: [(0, 1)]})
    made = closed(ledger, contract(scope=Scope.PER_REGION))
    assert made.verdict is Verdict.BREACHED
    assert closed(cells(unknown={SEARCH_US: [(0, 1)]}), contract(scope=Scope.PER_REGION)).verdict is (
        Verdict.INCOMPLETE
    )


def test_regions_are_pools_and_add_up_to_the_whole() -> None:
    made = closed(cells(down={SEARCH: [(0, 3)], WEB: [(1, 4)], WEB_US: [(3, 9)]}))
    assert [line.downtime.exact for line in made.regions] == [4, 6]
    assert made.totals.downtime.exact == 9
    assert sum(int(line.bad.exact or 0) for line in made.regions) == made.totals.bad.exact == 1200


# -- how minutes count


@pytest.mark.parametrize(
    ("counts", "verdict", "attained"),
    [
        (Unknown.NEITHER, Verdict.INCOMPLETE, "100.0000 %"),
        (Unknown.BAD, Verdict.BREACHED, "99.9887 %"),
        (Unknown.GOOD, Verdict.MET, "100.0000 %"),
    ],
)
def test_unknown_minutes_count_as_the_contract_says(counts: Unknown, verdict: Verdict, attained: str) -> None:
    made = closed(cells(unknown={SEARCH: [(10, 15)]}), contract(unknown=counts))
    assert (made.verdict, made.attained.text, made.unknown_counts) == (verdict, attained, counts)
    assert made.totals.unknown.exact == 5
    assert any(line.startswith("Unknown minutes") for line in made.method)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("counts", [Unknown.BAD, Unknown.GOOD])
def test_unknown_minutes_of_a_running_month_count_once_they_have_settled(
    counts: Unknown, scope: Scope
) -> None:
    """The newest ones were only not read yet."""
    at, settle = 10_000, SETTLES_IN // timedelta(minutes=1)
    terms = contract(unknown=counts, scope=scope, exclusions=Allowance(("7.2",), None))
    start = OCTOBER.stretch(ZoneInfo("UTC")).starts_at
    ledger = cells(down={SEARCH: [(at - 20, at - 15)]}, unknown={SEARCH: [(at - settle - 7, at)]})

    def lowest(minutes: int, *exclusions: Exclusion) -> tuple[str, str]:
        now, beside = start + timedelta(minutes=minutes), Beside(exclusions=Exclusions(exclusions))
        made = statement(terms, OCTOBER, Paged(ledger), PLACEMENTS, now=now, beside=beside)
        assert made.totals.unknown.exact == made.lines[0].unknown.exact
        said = [line for line in made.method if "may still become known" in line]
        return made.credit_lines[0].formula, said[0].split(" minutes")[0] if said else ""

    down = 7 if counts is Unknown.BAD else 0
    assert lowest(at) == (f"1 - {down} / {at - settle:,}", f"{settle}")
    assert lowest(at + 1) == (f"1 - {down and 8} / {at + 2 - settle:,}", f"{settle - 1}")
    assert lowest(at + settle) == (f"1 - {down and settle + 7} / {at + settle:,}", "")
    of_all = 0 if scope is Scope.WORST else 60  # its neighbours were not excluded, and were up
    assert lowest(at, window(at - 60, 60)) == (f"1 - {down} / {at - settle + of_all:,}", f"{settle - 60}")


@pytest.mark.parametrize(
    ("measure", "unknown"),
    [*((Measure.MINUTES, one) for one in Unknown), (Measure.REQUESTS, Unknown.NEITHER)],
)
def test_the_last_day_leaves_of_the_budget_what_the_month_did(measure: Measure, unknown: Unknown) -> None:
    terms = contract(measure=measure, unknown=unknown, exclusions=Allowance(("7.2",), None))
    ledger = cells(down={SEARCH: [(0, 3)]}, unknown={SEARCH: [(10, 250)], WEB: [(20, 900)]})
    made = closed(ledger, terms, exclusions=Exclusions((window(2000, 600, services=("*",), regions=("*",)),)))
    left, spent = made.days[-1].budget_left.exact, made.totals.budget_spent.exact
    assert (left, spent) != (None, None)
    assert Fraction(left or 0) == 1 - Fraction(spent or 0)


def test_the_formula_says_where_unknown_minutes_went() -> None:
    ledger = cells(down={SEARCH: [(0, 2)]}, unknown={SEARCH: [(10, 15)]})
    said = {counts: formulas(closed(ledger, contract(unknown=counts)))[0][1] for counts in Unknown}
    assert said == {
        Unknown.NEITHER: "1 - 2 / 44,635",
        Unknown.BAD: "1 - 7 / 44,640",
        Unknown.GOOD: "1 - 2 / 44,640",
    }


def test_minutes_that_must_come_together_count_from_so_many_on() -> None:
    ledger = cells(down={SEARCH: [(0, 2), (57, 63), (100, 101)]})
    assert closed(ledger).totals.downtime.exact == 9
    assert closed(ledger, contract(bad_minutes_in_a_row=2)).totals.downtime.exact == 8
    assert closed(ledger, contract(bad_minutes_in_a_row=3)).totals.downtime.exact == 6


def test_few_requests_make_no_bad_minute() -> None:
    ledger = cells(down={SEARCH: [(0, 9)]})
    assert closed(ledger, contract(bad_minute_events=TOTAL)).totals.downtime.exact == 9
    assert closed(ledger, contract(bad_minute_events=TOTAL + 1)).totals.downtime.exact == 0


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_what_is_in_a_row_is_what_one_would_count_by_hand(failed: list[bool], least: int) -> None:
    by_hand = [
        one
        and any(
            all(failed[start : start + least]) and len(failed[start : start + least]) == least
            for start in range(max(0, at - least + 1), at + 1)
        )
        for at, one in enumerate(failed)
    ]
    assert in_a_row(np.array(failed, np.bool_), least).tolist() == by_hand


# -- exclusions


def test_excluded_minutes_are_left_out_and_what_was_there_is_shown_beside() -> None:
    made = closed(
        cells(down={SEARCH: [(60, 70)]}),
        contract(exclusions=Allowance(("7.2",))),
        exclusions=Exclusions((window(60, 10),)),
    )
    assert made.verdict is Verdict.MET
    whole, line = made.both
    assert (whole.downtime.exact, whole.downtime_raw.exact, whole.met, whole.met_raw) == (0, 10, True, False)
    assert (line.service, line.excluded.exact, line.uptime_raw.text) == ("search", 10, "99.9775 %")
    assert (made.totals.total.exact, made.totals.excluded.exact) == (4 * 44_640 * TOTAL - 1000, 10)
    assert [(one.id, one.minutes.exact, one.afterwards) for one in made.exclusions] == [("w60", 10, False)]


def test_an_exclusion_by_a_clause_that_the_contract_does_not_know_changes_nothing() -> None:
    ledger = cells(down={SEARCH: [(60, 70)]})
    other = Exclusions((window(60, 10, clause="9"),))
    assert closed(ledger, contract(exclusions=Allowance(("7.2",))), exclusions=other).exclusions == ()
    assert closed(ledger, exclusions=Exclusions((window(60, 10),))).verdict is Verdict.BREACHED


def test_an_exclusion_that_was_entered_afterwards_says_so() -> None:
    late = window(60, 10, created_at=datetime(2026, 11, 1, tzinfo=UTC))
    made = closed(cells(), contract(exclusions=Allowance(("7.2",))), exclusions=Exclusions((late,)))
    assert [one.afterwards for one in made.exclusions] == [True]


def test_beyond_the_limit_of_a_month_minutes_count_as_they_were_the_earliest_are_excluded() -> None:
    made = closed(
        cells(down={SEARCH: [(60, 80)]}),
        contract(exclusions=Allowance(("7.2",), 15)),
        exclusions=Exclusions((window(60, 10), window(65, 15))),
    )
    assert (made.totals.excluded.exact, made.totals.downtime.exact) == (15, 5)
    assert [one.minutes.exact for one in made.exclusions] == [10, 15]


def test_an_unknown_minute_that_is_excluded_is_not_missed() -> None:
    made = closed(
        cells(unknown={SEARCH: [(60, 70)]}),
        contract(exclusions=Allowance(("7.2",))),
        exclusions=Exclusions((window(60, 10),)),
    )
    assert (made.verdict, made.totals.unknown.exact, made.totals.coverage.text) == (
        Verdict.MET,
        0,
        "100.0000 %",
    )


def test_an_exclusion_ends_a_row_of_bad_minutes() -> None:
    made = closed(
        cells(down={SEARCH: [(60, 65)]}),
        contract(exclusions=Allowance(("7.2",)), bad_minutes_in_a_row=3),
        exclusions=Exclusions((window(62, 1),)),
    )
    assert (made.totals.downtime.exact, made.both[0].downtime_raw.exact) == (0, 5)


# -- credits


def test_a_credit_is_reckoned_line_by_line() -> None:
    terms = CreditTerms(cap_share=Decimal("0.05"), minimum=Decimal(1), claim=Claim(days=60))
    made = closed(cells(down={SEARCH: [(0, 5)]}), contract(charges=PER_REGION, credit=terms))
    assert formulas(made) == [
        ("attained, in minutes", "1 - 5 / 44,640", "99.9887 %"),
        ("promised", "", "99.99 %"),
        ("lowest tier that it falls below, all placements pooled", "99.9887 % < 99.99 %", "10 %"),
        ("charges", "eu-west-1 4,000.50 EUR", "4,000.50 EUR"),
        ("credit, all placements pooled", "10 % of 4,000.50 EUR", "400.05 EUR"),
        ("capped", "the least of 400.05 EUR and 5 % of 4,100.50 EUR", "205.03 EUR"),
        ("minimum", "205.03 EUR is not less than 1.00 EUR", "205.03 EUR"),
        ("credit", "", "205.03 EUR"),
    ]
    assert made.credit_amount.exact == Fraction("205.025")
    assert made.claim == "A credit must be claimed by the end of 2026-12-30 (UTC)."


def test_a_credit_below_the_minimum_is_not_paid_and_one_of_it_is() -> None:
    small = Charges(currency="USD", amount=Decimal("9.99"))
    for amount, paid in ((small, "0.00 USD"), (replace(small, amount=Decimal(10)), "1.00 USD")):
        terms = CreditTerms(minimum=Decimal(1))
        made = closed(cells(down={SEARCH: [(0, 5)]}), contract(charges=amount, credit=terms))
        assert made.credit_amount.text == paid


def test_a_credit_may_be_a_part_of_all_charges() -> None:
    everything = contract(charges=PER_REGION, credit=CreditTerms(base=Base.ALL))
    assert closed(cells(down={SEARCH: [(0, 5)]}), everything).credit_amount.text == "410.05 EUR"


def test_services_that_fell_short_are_those_that_a_credit_is_for() -> None:
    per_service = Charges(currency="JPY", per=Per.SERVICE, amount=Decimal(1005))
    made = closed(cells(down={SEARCH: [(0, 5)]}), contract(charges=per_service))
    assert made.credit_amount.text == "101 JPY"


def test_where_nothing_alone_fell_short_all_did() -> None:
    ledger = cells(down={SEARCH: [(0, 4)], SEARCH_US: [(4, 8)]})
    made = closed(ledger, contract(charges=PER_REGION))
    assert (made.verdict, made.credit_amount.text) == (Verdict.BREACHED, "410.05 EUR")


def test_without_charges_a_credit_is_a_share_and_without_a_breach_there_is_none() -> None:
    made = closed(cells(down={SEARCH: [(0, 5)]}))
    assert (made.credit.text, made.credit_amount.text) == ("10 %", "-")
    assert closed(cells()).claim == "No credit is due."
    assert closed(cells(), contract(charges=PER_REGION)).credit_amount.text == "0.00 EUR"


@pytest.mark.parametrize(
    ("down", "credit"), [(4, "0 %"), (5, "10 %"), (446, "10 %"), (447, "30 %"), (44_640, "30 %")]
)
def test_bad_minutes_of_a_month_fall_into_the_tiers_of_the_contract(down: int, credit: str) -> None:
    assert closed(cells(down={SEARCH: [(0, down)]})).credit.text == credit


# -- whose it is, and what stands beside it


def test_what_several_tenants_use_is_said_to_be_measured_as_a_whole() -> None:
    made = closed(cells(), shared=frozenset({"search"}))
    assert made.whose == ("Measured for Acme alone: web-app. Measured as all who use them see them: search.")
    assert [line.shared for line in made.lines] == [True, True, False, False]
    assert closed(cells(), shared=frozenset(SERVICES)).whose.startswith("Measured as all who use")
    assert closed(cells()).whose.startswith("Measured for Acme alone: what is counted is tagged")
    own = contract(own="a cluster of its own")
    assert closed(cells(), own).whose == "Measured for Acme alone: a cluster of its own."


def test_the_latency_objective_stands_beside_the_promise() -> None:
    quick = contract(latency=Quickness(Decimal("1.0"), Decimal("0.99")))
    made = closed(cells(down={SEARCH: [(0, 4)]}, latency=True), quick)
    assert made.latency is not None
    assert (made.latency.threshold_s, made.latency.slow.exact, made.latency.total.exact) == (
        "1",
        200,
        4 * 44_640 * TOTAL,
    )
    assert (made.latency.met, made.verdict) == (True, Verdict.MET)
    without = closed(cells(), quick).latency
    assert without is not None
    assert (without.met, without.attained.text) == (False, "-")
    assert closed(cells()).latency is None


def test_a_revision_says_what_has_changed_and_nothing_else() -> None:
    first = closed(cells(down={SEARCH: [(0, 4)]}))
    allowed = contract(exclusions=Allowance(("7.2",)))
    second = closed(cells(down={SEARCH: [(0, 7)]}), allowed, exclusions=Exclusions((window(90, 3),)))
    found = {one.what: (one.before, one.after) for one in changes(first, second, restated=3)}
    assert found["verdict"] == ("met", "breached")
    assert found["down, anywhere"] == ("4 min", "7 min")
    assert found["cells corrected since"] == ("0", "3")
    assert found["exclusion w90"] == ("", "3 minutes by clause 7.2: a new database")
    assert "search eu-west-1" in found
    assert "web-app eu-west-1" not in found
    assert [one.what for one in changes(first, first, restated=0)] == ["input, its SHA-256"]


def test_a_changed_line_says_how_many_of_how_many_were_bad() -> None:
    first, second = closed(cells()), closed(cells(down={SEARCH: [(0, 2)]}))
    told = {one.what: one.after for one in changes(first, second, restated=0)}
    counted = f"{2 * TOTAL} of {44_640 * TOTAL:,} requests bad, down 2 min"
    assert told["search eu-west-1"].startswith(counted)


def test_a_statement_comes_back_from_its_text() -> None:
    made = closed(
        cells(down={SEARCH: [(0, 5)]}, latency=True),
        contract(
            charges=PER_REGION,
            exclusions=Allowance(("7.2",)),
            latency=Quickness(Decimal(1), Decimal("0.99")),
        ),
        exclusions=Exclusions((window(60, 10),)),
    )
    assert from_json(to_json(made)) == made


# -- calendars


@pytest.mark.parametrize(
    ("month", "zone", "minutes", "allowed"),
    [
        (Month(2026, 3), "America/New_York", 44_580, "4.458"),
        (Month(2025, 11), "America/New_York", 43_260, "4.326"),
        (Month(2026, 10), "Asia/Kolkata", 44_640, "4.464"),
        (Month(2026, 2), "UTC", 40_320, "4.032"),
        (Month(2028, 2), "UTC", 41_760, "4.176"),
        (Month(2026, 4), "Australia/Lord_Howe", 43_230, "4.323"),
    ],
)
def test_a_month_is_as_long_as_its_zone_makes_it(month: Month, zone: str, minutes: int, allowed: str) -> None:
    there = contract(zone=zone)
    made = closed(cells(month, zone, down={SEARCH: [(0, 4)]}), there, month)
    assert (made.minutes.exact, made.allowed.exact) == (minutes, Fraction(allowed))
    assert made.verdict is Verdict.MET
    assert closed(cells(month, zone, down={SEARCH: [(0, 5)]}), there, month).verdict is Verdict.BREACHED
    assert sum(sum(row.elapsed) for row in made.hours) == minutes
    assert sum(sum(row.down) for row in made.hours) == 4
    assert {sum(row.elapsed) for row in made.strips} == {minutes}
    assert sum(int(day.total.exact or 0) for day in made.days) == 4 * minutes * TOTAL


def test_the_hour_that_comes_twice_holds_both_and_the_one_that_is_skipped_nothing() -> None:
    zone = contract(zone="America/New_York")
    november = closed(cells(Month(2026, 11), "America/New_York"), zone, Month(2026, 11))
    march = closed(cells(Month(2026, 3), "America/New_York"), zone, Month(2026, 3))
    assert november.hours[0].elapsed[:3] == (60, 120, 60)
    assert march.hours[7].elapsed[:4] == (60, 60, 0, 60)


# -- the ledger is the judge


@settings(max_examples=12)
@given(
    bad=st.lists(st.tuples(st.integers(0, 44_639), st.integers(1, 90)), max_size=6),
    dark=st.lists(st.tuples(st.integers(0, 44_639), st.integers(1, 90)), max_size=4),
)
def test_the_numbers_of_a_statement_are_those_of_the_ledger(
    bad: list[tuple[int, int]], dark: list[tuple[int, int]]
) -> None:
    ledger = cells(
        down={SEARCH: [(at, at + length) for at, length in bad]},
        unknown={SEARCH: [(at, at + length) for at, length in dark]},
    )
    stretch = OCTOBER.stretch(ZoneInfo("UTC"))
    sums = ledger.over(stretch.start, stretch.end)
    made = closed(ledger)
    for line, placement in zip(made.lines, PLACEMENTS, strict=True):
        column = ledger.column(Sli(placement, Indicator.AVAILABILITY))
        assert (line.bad.exact, line.total.exact, line.unknown.exact) == (
            sums.bad[column],
            sums.total[column],
            sums.unknown[column],
        )
    assert made.totals.bad.exact == sums.bad.sum()
