"""The rules in a real Prometheus: promtool loads the files and lives through their minutes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from slo import rulefile
from slo.burn import RULES, Rule
from slo.cells import Indicator
from slo.ledger import WINDOWS
from slo.objectives import CalendarMonth, Objective, Rolling

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Peer

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
AVAILABILITY = Objective(
    name="availability",
    display_name="Availability",
    service="*",
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    window=Rolling(timedelta(days=30)),
)
LATENCY = replace(
    AVAILABILITY, name="latency", indicator=Indicator.LATENCY, target=Decimal("0.99"), threshold_s=Decimal(1)
)
QUICK = RULES[0]
WEB = 'account="1", region="eu-west-1", cluster="prod", service="web-app"'
#: A minute brings so many requests: then the threshold of each tier is a whole number of them.
EACH = 50_000


@dataclass(frozen=True, slots=True)
class Life:
    """What Prometheus scrapes minute by minute, and what it answers at some of them."""

    series: Mapping[str, str]
    answers: Sequence[tuple[int, str, Mapping[str, float]]]

    def document(self) -> dict[str, Any]:
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": [
                {
                    "expr": expr,
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
                }
                for minute, expr, samples in self.answers
            ],
        }


Live = Callable[..., None]


@pytest.fixture
def live(tmp_path: Path, peer: Peer) -> Live:
    """`live(objective, life, ...)`: promtool runs the objective's rules through each life, and agrees."""
    promtool = peer("promtool")

    def run(objective: Objective, *lives: Life, more: dict[str, Any] | None = None) -> None:
        (tmp_path / "rules.yaml").write_text(rulefile.text(objective, "x", NOW), encoding="utf-8")
        tests = [life.document() | (more or {}) for life in lives]
        document = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
        (tmp_path / "tests.yaml").write_text(json.dumps(document), encoding="utf-8")
        said = subprocess.run(
            [promtool, "test", "rules", "tests.yaml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr

    return run


def counters(total: str, bad: str, indicator: str = "availability", also: str = "") -> dict[str, str]:
    labels = f'{{{WEB}, indicator="{indicator}"{also}}}'
    return {f"sli_all_total{labels}": total, f"sli_bad_total{labels}": bad}


def burst(each: int, before: int, bad: int, after: int) -> dict[str, str]:
    """Counters of so many good minutes, one in which some fail, and good ones again."""
    return counters(f"0+{each}x{before + 1 + after}", f"0+0x{before} {bad}+0x{after}")


def at_the_limit(each: int, short: int, limit: Fraction) -> dict[str, str]:
    """Counters of an outage that only the long window still holds; then the short one reaches its limit.

    In minute `short + 10` as many fail as the limit allows, in the next one more, and then none.
    """
    allowed = limit * each * short
    assert allowed.denominator == 1, "a whole number of requests"
    first = each + int(allowed)
    return counters(
        f"0+{each}x{2 * short + 20}", f"0+0x1 {each}+0x{short + 7} {first} {first + 1}+0x{short + 8}"
    )


def fires(
    tier: Rule | None, *minutes: int, but: Sequence[int] = ()
) -> list[tuple[int, str, dict[str, float]]]:
    """Say in which minutes a tier (or any) fires, and in which not."""
    name = f'tier="{tier.tier}"' if tier else 'tier!=""'
    expr = f'count by (tier) (ALERTS{{alertstate="firing", {name}}})'
    fired = {f'{{tier="{tier.tier}"}}': 1.0} if tier else {}
    return [(minute, expr, fired) for minute in minutes] + [(minute, expr, {}) for minute in but]


@pytest.mark.parametrize(
    "objective",
    [
        AVAILABILITY,
        LATENCY,
        replace(
            AVAILABILITY, window=CalendarMonth("Europe/Berlin"), service='a"b', regions=("eu-west-1", "a.b")
        ),
    ],
    ids=["rolling", "latency", "calendar"],
)
def test_promtool_takes_the_file(objective: Objective, tmp_path: Path, peer: Peer) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rulefile.text(objective, "x", NOW), encoding="utf-8")
    said = subprocess.run(
        [peer("promtool"), "check", "rules", "--lint=all", "--lint-fatal", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "23 rules found" in said.stdout


@pytest.mark.parametrize("tier", RULES, ids=[rule.tier for rule in RULES])
def test_a_tier_fires_just_above_its_threshold_not_at_it_and_ends_with_its_short_window(
    tier: Rule, live: Live
) -> None:
    short, factor = WINDOWS[tier.short], tier.factor(43_200)
    assert factor is not None
    reached = short + 10
    live(
        AVAILABILITY,
        Life(
            at_the_limit(EACH, short, factor / 10_000),
            fires(tier, reached + 1, reached + short - 1, but=[reached - 1, reached, reached + short]),
        ),
    )


def test_nobody_is_told_of_a_service_without_traffic(live: Live) -> None:
    live(AVAILABILITY, Life(counters("100+0x90", "7+0x90"), fires(None, but=range(90))))


def test_few_failures_and_little_traffic_wake_nobody(live: Live) -> None:
    live(
        AVAILABILITY,
        Life(burst(20, 59, 4, 5), fires(QUICK, but=range(60, 65))),
        Life(burst(20, 59, 5, 5), fires(QUICK, *range(60, 65))),
        Life(burst(100_000, 59, 2, 5), fires(None, but=range(60, 65))),
        Life(burst(16, 59, 16, 5), fires(None, but=[60])),
        Life(burst(17, 59, 17, 5), fires(QUICK, 60)),
    )


def test_a_dead_quiet_service_still_pages(live: Live) -> None:
    live(AVAILABILITY, Life(counters("0+1x60", "0+0x20 1+1x40"), fires(QUICK, 40, but=[39])))


def test_a_threshold_that_no_decimal_can_say_is_exact_too(live: Live) -> None:
    slow = RULES[1]
    live(
        replace(AVAILABILITY, window=CalendarMonth("Europe/Berlin")),
        Life(at_the_limit(80_000, 30, Fraction(149, 240_000)), fires(slow, 41, but=[40])),
    )


def test_latency_is_judged_to_the_thousandth_of_a_request(live: Live) -> None:
    def minutes(bad: str) -> dict[str, str]:
        before = "12345.678+0x1 12445.678+100x2 12645.678+0x9"
        return counters("1000000.125+100.125x20", f"{before} {bad}", "latency")

    live(
        LATENCY,
        Life(minutes("12717.768"), fires(QUICK, but=[15])),
        Life(minutes("12717.769"), fires(QUICK, 15)),
    )


def windows(minute: int, window: str, good: float, total: float) -> list[tuple[int, str, dict[str, float]]]:
    labels = f'{{{WEB}, indicator="availability", slo="availability"}}'
    return [
        (minute, f"slo:{name}:increase{window}", {f"slo:{name}:increase{window}{labels}": value})
        for name, value in (("good", good), ("total", total))
    ]


def test_a_restart_a_gap_and_a_replica_change_no_sum(live: Live) -> None:
    whole = counters("0+10x8", "0+1x8")
    live(
        AVAILABILITY,
        Life(whole, windows(8, "5m", 45, 50)),
        Life(counters("0 10 20 30 0 10 20 30 40", "0 1 2 3 0 1 2 3 4"), windows(8, "5m", 36, 40)),
        Life(counters("0+10x3 _x3 70+10x1", "0+1x3 _x3 7+1x1"), windows(8, "5m", 45, 50)),
        Life(whole | counters("0+10x8", "0+1x8", also=', instance="b"'), windows(8, "5m", 45, 50)),
    )


def test_what_was_counted_before_prometheus_came_is_not_counted(live: Live) -> None:
    live(AVAILABILITY, Life(counters("900000+10x8", "900+1x8"), windows(8, "1h", 72, 80)))


def test_old_and_missing_minutes_are_told_and_the_target_is_a_series(live: Live) -> None:
    last = f'sli_last_ingest_timestamp_seconds{{{WEB}, indicator="availability"}}'
    old, missing = (
        f'count by (alertname) (ALERTS{{alertname="{name}", alertstate="firing"}})'
        for name in ("SloDataOld", "SloDataMissing")
    )
    ratio = 'slo:objective:ratio{indicator="availability", service="*", slo="availability"}'
    live(
        AVAILABILITY,
        Life(
            {last: "0+0x20"},
            [(15, old, {}), (16, old, {'{alertname="SloDataOld"}': 1}), (20, missing, {})],
        ),
        Life({}, [(9, missing, {}), (10, missing, {'{alertname="SloDataMissing"}': 1}), (10, old, {})]),
        Life({}, [(1, "slo:objective:ratio", {ratio: 0.9999})]),
    )


def test_an_alert_says_where_which_tier_and_how_much(live: Live) -> None:
    labels = {
        "account": "1", "region": "eu-west-1", "cluster": "prod", "service": "web-app",
        "indicator": "availability", "slo": "availability", "tier": "page_quick", "long": "1h", "short": "5m",
        "severity": "page",
    }  # fmt: skip
    summary = "web-app in eu-west-1 burns its availability budget too fast: 1% of requests were bad in 1h"
    told = {
        "eval_time": "60m",
        "alertname": "SloBurnPageQuick",
        "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"summary": summary}}],
    }
    live(AVAILABILITY, Life(burst(EACH, 59, 30_000, 1), ()), more={"alert_rule_test": [told]})
