"""Rules for Prometheus: exact thresholds, and words for what they cannot know."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, sqrt

import pytest

from slo import rulefile, rules
from slo.burn import RULES
from slo.cells import Indicator
from slo.evidence import failures_needed
from slo.ledger import WINDOWS
from slo.objectives import Budgeting, CalendarMonth, Objective, Rolling
from slo.rules import Alarm, Group

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
MONTH = 43_200
AVAILABILITY = Objective(
    name="availability",
    display_name="Availability",
    service="*",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    window=Rolling(timedelta(days=30)),
)


def thresholds(objective: Objective) -> dict[str, Fraction]:
    """The number that the ratio of each tier's long window is compared with, as it stands in the text."""
    (judged, _) = rules.groups(objective, NOW)
    found = {}
    for rule in judged.rules:
        if isinstance(rule, Alarm):
            texts = re.findall(r"> (\(\d+ / \d+\)|[\d.]+)$", rule.expr, re.MULTILINE)
            assert len(set(texts)) == 1
            found[rule.labels["tier"]] = Fraction(texts[0].strip("()").replace(" ", ""))
    return found


@pytest.mark.parametrize(
    ("window", "period"),
    [
        (Rolling(timedelta(days=28)), 28 * 1440),
        (Rolling(timedelta(days=30)), MONTH),
        (CalendarMonth("UTC"), 31 * 1440),
        (CalendarMonth("Europe/Berlin"), 31 * 1440 + 60),
    ],
)
def test_a_threshold_is_exactly_the_part_of_the_budget_that_the_tier_may_spend(
    window: Rolling | CalendarMonth, period: int
) -> None:
    expected = {}
    for rule in RULES:
        factor = rule.factor(period)
        assert factor is not None
        expected[str(rule.tier)] = factor / 10_000
    assert thresholds(replace(AVAILABILITY, window=window)) == expected


def test_thresholds_are_decimals_without_noise_and_a_quotient_where_no_decimal_ends() -> None:
    for text in ("0.00144", "0.0006", "0.0001", "(31 / 300000)", "3", "0.5"):
        assert rules.exact(Fraction(text.strip("()").replace(" ", ""))) == text
    text = rulefile.text(AVAILABILITY, "fournines.yaml", NOW)
    assert {"> 0.00144", "> 0.0006", "> 0.0003", "> 0.0001"} <= set(re.findall(r"> 0\.\d+", text))


def test_the_file_says_where_it_is_from_which_period_counts_and_what_it_cannot_know() -> None:
    text = rulefile.text(replace(AVAILABILITY, window=CalendarMonth("UTC")), "fournines.yaml", NOW)
    assert text.startswith(f"{rulefile.MARK} from fournines.yaml")
    assert "# the 44,640 minutes from 2026-10-01 00:00 to 2026-11-01 00:00 UTC, a calendar period" in text
    for word in ("Late minutes", "Exclusions", "Evidence", "What has passed"):
        assert f"# - {word}: " in text


def test_a_tier_whose_period_is_too_short_is_left_out_and_named() -> None:
    short = replace(AVAILABILITY, window=Rolling(timedelta(days=5)))
    text = rulefile.text(short, "fournines.yaml", NOW)
    assert "# page_slow is left out: the period is too short for a page over 6h." in text
    assert set(thresholds(short)) == {"page_quick", "ticket_quick", "ticket_slow"}


def test_a_tier_that_no_ratio_can_exceed_is_left_out_and_named() -> None:
    generous = replace(AVAILABILITY, target=Decimal("0.9"))
    assert "# page_quick is left out: no ratio is above 1.44." in rulefile.text(generous, "x", NOW)
    assert "page_quick" not in thresholds(generous)


def test_what_prometheus_cannot_judge_is_said_and_not_written() -> None:
    slices = replace(
        AVAILABILITY, name="slices", budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95")
    )
    runs = replace(AVAILABILITY, name="runs", indicator=Indicator.SCHEDULE)
    assert list(rulefile.files([slices, runs, AVAILABILITY], "x", NOW)) == ["fournines-availability.yaml"]
    assert "several minutes" in str(rules.unwritten(slices))
    with pytest.raises(ValueError, match="runs cannot be written: runs are counted when"):
        rules.groups(runs, NOW)


def test_an_objective_counts_only_what_it_speaks_of() -> None:
    (judged, _) = rules.groups(replace(AVAILABILITY, service='a"b', regions=("eu-west-1", "us.east")), NOW)
    expected = r'{indicator="availability", service="a\"b", region=~"eu-west-1|us\\.east"}'
    assert judged.rules[0].expr.count(expected) == judged.rules[0].expr.count("{") == 8


def test_a_window_is_the_sum_of_its_minutes_whether_or_not_a_range_includes_its_first_moment() -> None:
    text = rulefile.text(AVAILABILITY, "x", NOW)
    for rule in RULES:
        for name in (rule.long, rule.short):
            assert f'slo:good:increase1m{{slo="availability"}}[{WINDOWS[name] - 1}m59s]' in text


def test_recorded_names_have_colons_and_groups_keep_to_what_mimir_takes() -> None:
    for group in rules.groups(AVAILABILITY, NOW):
        assert 0 < len(group.rules) <= rules.GROUP_RULES_MAX
        assert all(rule.record.count(":") == 2 for rule in group.rules if not isinstance(rule, Alarm))
    with pytest.raises(ValueError, match="1 to 20 rules, got 0"):
        Group("empty", ())


@pytest.mark.parametrize("limit", [1e-4, 3e-4, 6e-4, 1.44e-3, 1e-2, 0.144])
def test_the_normal_curve_asks_for_at_most_one_failure_more_than_the_binomial_and_for_none_less(
    limit: float,
) -> None:
    for n in (1, 3, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 1_000_000):
        asked = ceil(1 + n * limit + 1.645 * sqrt(n * limit * (1 - limit)))
        assert asked - failures_needed(n, limit) in {0, 1}, (n, limit)
