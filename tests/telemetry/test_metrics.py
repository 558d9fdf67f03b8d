"""What is told to Prometheus: golden for a known state, true to it, and counters that never go down."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fournines import telemetry
from fournines.store.books import Books
from fournines.telemetry import Distribution
from slo.cells import Indicator, State, minute_of
from slo.metrics import Family, Kind
from tests.living import BAD_DEPLOYMENT, NOON, Life, small
from tests.telemetry.state import known_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conftest import Golden

HERE = Path(__file__).parent
DOCUMENTED = Path(__file__).parents[2] / "docs" / "metrics.md"
PREFACE = (
    "# Metrics",
    "",
    "What `/metrics` tells a Prometheus that asks, and what goes to `telemetry.otlp_endpoint`. Counters go",
    "down at most with a restart, as `increase()` expects; a histogram has `_bucket`, `_sum` and `_count`.",
    "[Metrics of your own](configuration.md#metrics-of-your-own) come under the names that you gave them.",
    "",
    "| name | kind | unit | labels | tells |",
    "|---|---|---|---|---|",
)

Series = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def told(text: str) -> Mapping[Series, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_known_state_is_told_like_this(books: Books, golden: Golden) -> None:
    text = generate_latest(telemetry.registry(known_state(books))).decode()
    golden(HERE / "golden" / "metrics.txt", text)


def page() -> str:
    """The page of all metrics, as documentation has it."""
    rows = [
        f"| `{family.name}` | {family.kind} | {family.unit or '-'} | {labels(family)} | {family.help} |"
        for family in sorted(telemetry.EXPORTED, key=lambda family: family.name)
    ]
    return "\n".join([*PREFACE, *rows, ""])


def labels(family: Family) -> str:
    return ", ".join(f"`{label}`" for label in family.labels) or "-"


def test_every_metric_is_on_the_page_of_metrics(golden: Golden) -> None:
    golden(DOCUMENTED, page())


def test_no_sample_is_told_twice_and_each_belongs_to_a_family_that_is_named(books: Books) -> None:
    text = generate_latest(telemetry.registry(known_state(books))).decode()
    lines = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))
    named = {family.name for family in telemetry.EXPORTED}
    assert {family.name for family in known_state(books).samples()} <= named


COUNTERS = tuple(family.name for family in telemetry.EXPORTED if family.kind is not Kind.GAUGE)


def counted(life: Life, minutes: range) -> Mapping[Series, float]:
    """Scrape again and again; return the counters of the last time, none of which ever went down or away."""
    before: Mapping[Series, float] = {}
    for minute in minutes:
        life.until(minute)
        now = told(generate_latest(telemetry.registry(life.service.samples)).decode())
        counting = {series: value for series, value in now.items() if series[0].startswith(COUNTERS)}
        assert {s for s, value in before.items() if value > counting.get(s, -1)} == set(), minute
        before = counting
    return before


def test_counters_never_go_down_whatever_happens(books: Books) -> None:
    life = Life(small(BAD_DEPLOYMENT), books)
    found = counted(life, range(0, 36, 4))
    assert life.failures == {}
    names = {name for name, _ in found}
    assert {"sli_all_total", "sli_bad_total", "remediation_decisions_total"} <= names
    assert found[("remediation_mitigate_seconds_count", (("action", "rollback"),))] == 1


#: Counts that are told too high and too low at first, late, in part, refused, and by nobody.
DISTURBED: tuple[dict[str, Any], ...] = (
    {"kind": "alb_errors", "at": "5m", "error_ratio": 0.1, "where": {"service": "payment"}},
    {"kind": "metrics_revised", "at": "3m", "share": 1.5, "by": "25m"},
    {"kind": "metrics_revised", "at": "15m", "share": 0.4, "by": "15m", "where": {"service": "payment"}},
    {"kind": "metrics_delay", "at": "20m", "by": "12m", "where": {"service": "course-catalog"}},
    {"kind": "partial_data", "at": "25m", "share": 0.3},
    {"kind": "api_throttling", "at": "30m", "share": 0.8},
    {"kind": "api_outage", "at": "40m", "where": {"region": "us-east-1"}},
)


def test_counters_survive_an_hour_of_revisions_gaps_and_outages(books: Books) -> None:
    life = Life(small(*({"duration": "10m", **fault} for fault in DISTURBED)), books)
    found = counted(life, range(0, 90, 3))
    sums: Counter[str] = Counter()
    for (name, _), value in found.items():
        sums[name] += int(value)
    assert sums["sli_restated_minutes_total"] > 0
    reasons = {dict(labels)["reason"] for name, labels in found if name == "collector_gaps_total"}
    assert reasons >= {"throttled", "unreachable", "partial"}
    reading = ("collector_calls_total", "collector_metrics_requested_total", "sli_bad_total")
    assert all(sums[name] > 0 for name in (*reading, "fournines_heartbeats_total"))


def test_the_counted_requests_are_those_of_the_ledger_since_the_start_whoever_asks_late(books: Books) -> None:
    life = Life(small(), books)
    life.until(40)
    with books.ledger() as ledger:
        assert ledger.newest is not None
        sums = ledger.over(minute_of(NOON), ledger.newest + 1 - 10)
        expected = {str(sli.placement): int(sums.total[ledger.column(sli)]) for sli in ledger.slis if
                    sli.indicator == "availability"}  # fmt: skip
    text = generate_latest(telemetry.registry(life.service.samples)).decode()
    found = {
        "/".join((dict(labels)["account"], dict(labels)["region"], dict(labels)["cluster"],
                  dict(labels)["service"])): value
        for (name, labels), value in told(text).items()
        if name == "sli_all_total" and dict(labels)["indicator"] == "availability"
    }  # fmt: skip
    assert found == expected


def test_the_numbers_told_are_those_of_the_ledger(books: Books) -> None:
    """Counted here once more, minute by minute, from the cells alone."""
    life = Life(small(BAD_DEPLOYMENT), books)
    life.until(40)
    found = told(generate_latest(telemetry.registry(life.service.samples)).decode())
    now = minute_of(life.clock.now())
    allowed = Fraction(1, 10_000)
    sums: Counter[tuple[str, str]] = Counter()
    with books.ledger() as ledger:
        for sli in ledger.slis:
            if sli.indicator is not Indicator.AVAILABILITY:
                continue
            bad, total, state = (column.tolist() for column in ledger.minutes(sli, now - 30 * 1440, now))
            where = {"objective": "availability", **asdict(sli.placement), "indicator": "availability"}
            place = tuple(sorted(where.items()))
            ratio = 1 - Fraction(sum(bad), sum(total))
            known = sum(one in (State.OBSERVED, State.NO_TRAFFIC) for one in state)
            down = sum(20 * one > every for one, every in zip(bad, total, strict=True))
            assert found["slo_sli_ratio", place] == float(ratio)
            assert found["slo_error_budget_remaining_ratio", place] == float(1 - (1 - ratio) / allowed)
            assert found["slo_minutes_bad", place] == down
            assert found["slo_minutes_sli_ratio", place] == float(1 - Fraction(down, known))
            sums[sli.placement.service, "bad"] += sum(bad)
            sums[sli.placement.service, "total"] += sum(total)
    assert sums["course-catalog", "bad"] > 0
    for service in ("course-catalog", "payment"):
        pool = {"objective": "availability", "service": service, "indicator": "availability"}
        spent = Fraction(sums[service, "bad"], sums[service, "total"]) / allowed
        left = found["slo_pool_error_budget_remaining_ratio", tuple(sorted(pool.items()))]
        assert left == float(1 - spent)
        parts = [
            value
            for (name, labels), value in found.items()
            if name == "slo_error_budget_spent_ratio" and pool.items() <= dict(labels).items()
        ]
        assert sum(parts) == pytest.approx(float(spent))


def test_a_distribution_counts_what_lies_up_to_its_bounds() -> None:
    distribution = Distribution.of([1, 60, 61, 500], (60.0, 120.0))
    assert distribution.counts == (2, 1, 1)
    assert distribution.cumulative() == [("60", 2), ("120", 3), ("+Inf", 4)]
    assert distribution.total == 622
    with pytest.raises(ValueError, match="2 bounds part 3 counts"):
        Distribution((1.0, 2.0), (1, 2), 3)


def test_the_service_is_down_in_its_own_metric_once_a_job_has_failed_for_long(books: Books) -> None:
    state = known_state(books)
    assert dict(state.samples())[telemetry.UP] == [((), 1.0)]
    state.clock.move(state.clock.now() + timedelta(hours=1))
    assert dict(state.samples())[telemetry.UP] == [((), 0.0)]
