"""Numbers as they are said: never better than they are."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo import figures


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        ("0.9998999", "99.9899 %"),
        ("0.99989999", "99.9899 %"),
        ("0.9999", "99.9900 %"),
        ("1", "100.0000 %"),
        ("0", "0.0000 %"),
        ("-0.5", "-50.0000 %"),
    ],
)
def test_what_is_attained_is_cut_off(ratio: str, text: str) -> None:
    assert figures.attained(Fraction(ratio)).text == text


def test_99_98999_percent_never_reads_99_99_at_any_number_of_places() -> None:
    assert figures.attained(Fraction("0.9998999"), 2).text == "99.98 %"


def test_what_is_spent_is_rounded_up() -> None:
    assert figures.spent(Fraction("0.60001")).text == "60.1 %"
    assert figures.burn(Fraction("14.4")).text == "14.4"
    assert figures.burn(Fraction("14.41")).text == "14.5"


def test_what_is_left_of_an_overspent_budget_is_rounded_away_from_zero() -> None:
    assert figures.attained(Fraction("-0.00001"), 1).text == "-0.1 %"


def test_a_target_is_said_with_all_its_places() -> None:
    assert [figures.target(Fraction(t)).text for t in ("0.9999", "0.99", "0.9995", "0.99995")] == [
        "99.99 %", "99 %", "99.95 %", "99.995 %",
    ]  # fmt: skip


def test_four_nines_of_thirty_days_are_four_minutes_nineteen() -> None:
    assert figures.allowance(Fraction("4.32")).text == "4 min 19 s"
    assert figures.lost(Fraction("4.32")).text == "4 min 20 s"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 s"), (60, "1 h"), (61, "1 h 1 min"), (-1, "-1 min"), (90_000, "1,500 h")]
)
def test_time_in_hours_minutes_and_seconds(minutes: int, text: str) -> None:
    assert figures.lost(minutes).text == text


def test_requests_in_whole_ones() -> None:
    assert figures.count(1_234_567).text == "1,234,567"
    assert figures.count(Fraction("0.001"), worse_when_more=True).text == "1"
    assert figures.count(Fraction("9.999")).text == "9"


def test_where_there_is_no_number_a_dash_says_so() -> None:
    assert [figures.attained(None).text, figures.spent(None).text, figures.burn(None).text] == ["-"] * 3


@given(st.fractions(0, 1))
def test_no_text_flatters(ratio: Fraction) -> None:
    said = Fraction(figures.attained(ratio).text.removesuffix(" %")) / 100
    assert said <= ratio < said + Fraction(1, 10**6)
