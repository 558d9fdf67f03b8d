"""Contracts: read whole or refused with a reason, tiers half open, money to the smallest unit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from slo.cells import Indicator
from slo.charges import Base, Charges, Claim, CreditTerms, Per
from slo.contracts import Allowance, Contract, CreditTier, Quickness, Scope, Unknown, read
from slo.money import CURRENCIES, money
from slo.months import Month

DOCUMENT: dict[str, Any] = {
    "id": "acme-2026",
    "tenant": "acme",
    "display_name": "Acme Learning",
    "services": ["web-app"],
    "regions": ["eu-west-1", "us-east-1"],
    "indicator": "availability",
    "target": "0.9999",
    "zone": "UTC",
    "tiers": [
        {"below": "0.9999", "credit": "0.1"},
        {"below": "0.99", "credit": "0.3"},
        {"below": "0.95", "credit": 1},
    ],
}
WHOLE = DOCUMENT | {
    "measure": "minutes",
    "scope": "per_region",
    "bad_minute": {"ratio": "0.1", "min_events": 100, "min_consecutive": 2},
    "unknown": "bad",
    "latency": {"threshold_s": 1, "target": "0.99"},
    "charges": {"currency": "EUR", "per": "region", "amount": 100, "amounts": {"eu-west-1": "4000.50"}},
    "credit": {
        "applies_to": "all",
        "cap": {"share": "0.5", "amount": 3000},
        "minimum": 1,
        "against": "the next invoice",
        "claim": "60d",
    },
    "exclusions": {"clauses": ["7.2"], "max_minutes": 240},
    "own": "a cluster of its own",
    "valid_from": "2026-01",
    "valid_until": "2026-12",
}


def contract(**changes: Any) -> Contract:  # noqa: ANN401 - fields of a contract
    return replace(read([DOCUMENT]).contracts[0], **changes)


def problems(**changes: Any) -> list[str]:  # noqa: ANN401 - parts of a document
    return [str(problem) for problem in read([DOCUMENT | changes]).problems]


def test_a_contract_is_read_whole() -> None:
    reading = read([WHOLE])
    assert reading.problems == ()
    (one,) = reading.contracts
    assert (one.bad_minute_ratio, one.bad_minute_events, one.bad_minutes_in_a_row) == (Decimal("0.1"), 100, 2)
    assert (one.scope, one.unknown) == (Scope.PER_REGION, Unknown.BAD)
    assert one.latency == Quickness(Decimal(1), Decimal("0.99"))
    assert one.charges == Charges(
        currency="EUR", per=Per.REGION, amount=Decimal(100), amounts=(("eu-west-1", Decimal("4000.50")),)
    )
    assert one.credit == CreditTerms(
        base=Base.ALL,
        cap_share=Decimal("0.5"),
        cap_amount=Decimal(3000),
        minimum=Decimal(1),
        claim=Claim(days=60),
        against="the next invoice",
    )
    assert one.exclusions == Allowance(("7.2",), 240)
    assert (one.own, one.valid_from, one.valid_until) == (
        "a cluster of its own",
        Month(2026, 1),
        Month(2026, 12),
    )


def test_a_contract_holds_from_its_first_month_to_its_last() -> None:
    one = contract(valid_from=Month(2026, 2), valid_until=Month(2026, 3))
    assert [one.holds(Month(2026, number)) for number in (1, 2, 3, 4)] == [False, True, True, False]
    assert contract().holds(Month(1999, 1))


def test_contracts_that_overlap_are_refused() -> None:
    other = DOCUMENT | {"id": "acme-too", "services": ["*"], "regions": ["us-east-1"]}
    assert [str(problem) for problem in read([DOCUMENT, other]).problems] == [
        "1: promises what 'acme-2026' does: a service, region and month of both"
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "other"},
        {"indicator": "latency"},
        {"services": ["search"]},
        {"regions": ["sa-east-1"]},
        {"valid_from": "2027-01"},
    ],
)
def test_contracts_that_differ_in_one_thing_do_not_overlap(change: dict[str, Any]) -> None:
    ended = DOCUMENT | {"valid_until": "2026-12"}
    assert read([ended, DOCUMENT | {"id": "acme-too"} | change]).problems == ()


def test_contracts_that_share_one_month_overlap() -> None:
    ended = DOCUMENT | {"valid_until": "2026-12"}
    assert len(read([ended, DOCUMENT | {"id": "acme-too", "valid_from": "2026-12"}]).problems) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"charges": {"currency": "EUE", "amount": 1}}, "charges.currency: expected an ISO 4217 code"),
        ({"charges": {"currency": "EUR"}}, "charges.amount: is missing"),
        ({"charges": {"currency": "EUR", "amount": -1}}, "not negative, got -1"),
        ({"charges": {"currency": "EUR", "amount": 1, "amounts": {"a": 1}}}, "a month has one `amount`"),
        (
            {"charges": {"currency": "EUR", "per": "region", "amounts": {"eu-west-1": 1}}},
            "charges: has no amount for us-east-1",
        ),
        (
            {"regions": ["*"], "charges": {"currency": "EUR", "per": "region", "amounts": {"eu-west-1": 1}}},
            "charges: has no amount for *; name each region that has one of `amounts`",
        ),
        (
            {"scope": "per_region", "charges": {"currency": "EUR", "amount": 1}},
            "charges: credits for each region need charges `per: region`",
        ),
        ({"credit": {"claim": "soon"}}, "credit.claim: expected days after the month"),
        ({"credit": {"claim": "0d"}}, "credit.claim: expected days after the month"),
        ({"credit": {"cap": {"share": 2}}}, "credit.cap.share: expected a part of the charges, at most 1"),
        ({"unknown": "good"}, "unknown: requests of an unknown minute cannot be counted"),
        ({"bad_minute": {"min_consecutive": 0}}, "min_consecutive: expected a whole number of minutes"),
        ({"indicator": "latency", "latency": {"threshold_s": 1, "target": "0.9"}}, "about already"),
        ({"latency": {"threshold_s": 0, "target": "0.9"}}, "threshold_s: expected seconds above 0, got 0"),
        ({"exclusions": {"clauses": ["7"], "max_minutes": -1}}, "at least 0, got -1"),
        ({"exclusions": {"clauses": [7.2]}}, "got [7.2]; in quotes it is a text"),
        ({"valid_from": "2026-13"}, "valid_from: a month is YYYY-MM"),
        ({"valid_from": "2026-02", "valid_until": "2026-01"}, "valid_until: is before it begins, 2026-02"),
    ],
)
def test_terms_that_make_no_sense_are_refused(change: dict[str, Any], expected: str) -> None:
    (problem,) = problems(**change)
    assert expected in problem


def test_a_claim_ends_so_many_days_after_the_month_or_with_a_billing_cycle() -> None:
    october = Month(2026, 10)
    assert Claim(days=60).last_day(october) == date(2026, 12, 30)
    assert Claim(days=1).last_day(october) == date(2026, 11, 1)
    (aws,) = read([DOCUMENT | {"credit": {"claim": "end of second billing cycle"}}]).contracts
    assert aws.credit.claim is not None
    assert aws.credit.claim.last_day(october) == date(2026, 12, 31)
    assert aws.credit.claim.last_day(Month(2027, 12)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("1234.5", "EUR", "1,234.50 EUR"),
        ("0.005", "EUR", "0.01 EUR"),
        ("0.0049999", "EUR", "0.00 EUR"),
        ("2.5", "JPY", "3 JPY"),
        ("1.0005", "KWD", "1.001 KWD"),
    ],
)
def test_money_is_rounded_half_up_to_the_smallest_unit(amount: str, currency: str, said: str) -> None:
    shown = money(Fraction(amount), currency)
    assert (shown.text, shown.exact) == (said, Fraction(amount))


def test_every_currency_is_three_letters() -> None:
    assert {len(code) for code in CURRENCIES} == {3}
    assert [code for code in CURRENCIES if not code.isupper()] == []


@pytest.mark.parametrize(
    ("kind", "terms", "why"),
    [
        (Charges, {"currency": "XXX", "amount": Decimal(1)}, "ISO 4217"),
        (Charges, {"currency": "EUR"}, "an amount for the month"),
        (Charges, {"currency": "EUR", "amount": Decimal(-1)}, "not negative"),
        (Claim, {}, "so many days"),
        (Claim, {"days": 0}, "so many days"),
        (CreditTerms, {"cap_share": Decimal(2)}, "at most 1"),
        (CreditTerms, {"minimum": Decimal(-1)}, "not negative"),
        (Allowance, {"minutes_max": -1}, "not negative"),
        (Quickness, {"threshold_s": Decimal(0), "target": Decimal("0.9")}, "seconds above 0"),
    ],
)
def test_a_term_that_makes_no_sense_does_not_exist(kind: type, terms: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        kind(**terms)


def tiers(*steps: tuple[str, str]) -> tuple[CreditTier, ...]:
    return tuple(CreditTier(Decimal(below), Decimal(credit)) for below, credit in steps)


#: Known promises and what so many bad minutes of 30 days cost them [AWS ELB, Compute and Anywhere SLAs].
KNOWN = {
    "several zones": (
        "0.9999",
        tiers(("0.9999", "0.1"), ("0.99", "0.3"), ("0.95", "1")),
        {0: "0", 4: "0", 5: "0.1", 432: "0.1", 433: "0.3", 2160: "0.3", 2161: "1", 43_200: "1"},
    ),
    "one zone": (
        "0.999",
        tiers(("0.999", "0.1"), ("0.99", "0.3"), ("0.95", "1")),
        {43: "0", 44: "0.1", 432: "0.1", 433: "0.3", 2160: "0.3", 2161: "1"},
    ),
    "anywhere": (
        "0.9995",
        tiers(("0.9995", "0.1"), ("0.99", "0.3"), ("0.95", "1")),
        {21: "0", 22: "0.1", 432: "0.1", 433: "0.3", 2160: "0.3", 2161: "1"},
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_promises_give_the_credits_that_they_publish(name: str) -> None:
    target, steps, expected = KNOWN[name]
    promise = contract(target=Decimal(target), tiers=steps)
    found = {bad: promise.tier(1 - Fraction(bad, 43_200)) for bad in expected}
    assert {bad: tier.credit if tier else Decimal(0) for bad, tier in found.items()} == {
        bad: Decimal(credit) for bad, credit in expected.items()
    }


@pytest.mark.parametrize(
    ("attained", "credit"),
    [
        ("0.9999", None),
        ("0.99989999", "0.1"),
        ("0.99", "0.1"),
        ("0.9899", "0.3"),
        ("0.95", "0.3"),
        ("0", "1"),
    ],
)
def test_credit_tiers_are_half_open(attained: str, credit: str | None) -> None:
    tier = contract().tier(Fraction(attained))
    assert (tier and tier.credit) == (credit and Decimal(credit))


def test_every_mistake_in_a_contract_is_named_at_once() -> None:
    wrong = DOCUMENT | {
        "target": "much",
        "indicator": "speed",
        "bad_minute": {"min_events": "1.5"},
        "extra": 1,
    }
    del wrong["tenant"]
    known = ", ".join(sorted({*WHOLE, "kind"}))
    assert [str(problem) for problem in read([wrong, "words"]).problems] == [
        "0.target: expected a ratio between 0 and 1, exclusive (0.9999 is 99.99 %), got 'much'",
        "0.tenant: is missing; expected whom it was promised to",
        f"0.indicator: expected {' or '.join(Indicator)}, got 'speed'",
        "0.bad_minute.min_events: expected a whole number of requests, at least 1, got 1.5",
        f"0.extra: is not known here; expected one of {known}",
        "1: expected a mapping, got 'words'",
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"zone": "Mars"}, "IANA"),
        ({"target": "1"}, "exclusive"),
        ({"services": []}, "is empty; expected a list of services"),
        ({"kind": "SLO"}, "expected Contract"),
        ({"bad_minute": {"ratio": "2"}}, "between 0 and 1"),
        ({"tiers": [{"below": "0.99999", "credit": "0.1"}]}, "no tier lies above"),
        ({"tiers": [{"below": "0.99", "credit": "0.1"}, {"below": "0.999", "credit": "0.3"}]}, "go down"),
        ({"tiers": [{"below": "0.99", "credit": "2"}]}, "at most 1"),
    ],
)
def test_a_contract_that_makes_no_sense_is_refused(change: dict[str, Any], expected: str) -> None:
    (problem,) = read([DOCUMENT | change]).problems
    assert expected in str(problem)


def test_a_wrong_figure_hides_no_other_and_each_is_named_where_it_stands() -> None:
    wrong = DOCUMENT | {
        "target": "99.99",
        "zone": "Mars",
        "services": [],
        "bad_minute": {"ratio": "5", "min_events": 0},
        "tiers": [
            {"below": "99.9", "credit": "10"},
            {"below": "0.99", "credit": "0.3"},
            {"below": "0.999", "credit": "0.2"},
        ],
    }
    assert [problem.path for problem in read([wrong, DOCUMENT | {"target": "0"}]).problems] == [
        (0, "target"),
        (0, "services"),
        (0, "zone"),
        (0, "tiers", 0, "below"),
        (0, "tiers", 0, "credit"),
        (0, "tiers", 2, "below"),
        (0, "tiers", 2, "credit"),
        (0, "bad_minute", "ratio"),
        (0, "bad_minute", "min_events"),
        (1, "target"),
        (1, "id"),
    ]


def test_a_contract_is_defined_once() -> None:
    assert [str(problem) for problem in read([DOCUMENT, DOCUMENT]).problems] == [
        "1.id: contract 'acme-2026' is already defined"
    ]


def test_a_tier_is_a_value() -> None:
    assert contract().tiers[0] == CreditTier(Decimal("0.9999"), Decimal("0.1"))
