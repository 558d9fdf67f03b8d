"""Burn rates, tiers, and the evidence that little traffic can give."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from slo.burn import RULES, Alert, Answer, Rule, Tier, burns, explain, firing
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.evidence import failures_needed, tail
from slo.ledger import WINDOWS, Ledger
from slo.objectives import Budgeting, CalendarMonth, Objective, Rolling

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
NEWEST = minute_of(NOW) - 1
WEB = Placement("1", "eu-west-1", "prod", "web-app")
PAY = Placement("1", "us-east-1", "prod", "payment")
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


def tell(ledger: Ledger, sli: Sli, ago: int, bad: list[int], total: int) -> None:
    """Tell consecutive minutes, the first of them `ago` minutes before the newest."""
    column = np.array([bad], np.int64).T
    ledger.put(
        Block(
            (sli,), NEWEST - ago, column, np.full_like(column, total),
            np.full(column.shape, State.OBSERVED if total else State.NO_TRAFFIC, np.uint8),
        )
    )  # fmt: skip


def month(total: int, placement: Placement = WEB, indicator: Indicator = Indicator.AVAILABILITY) -> Ledger:
    """Return a ledger with thirty good days of so many counts a minute."""
    ledger = Ledger(capacity=2)
    ledger.advance(NEWEST)
    tell(ledger, Sli(placement, indicator), 43_199, [0] * 43_200, total)
    return ledger


def answers(ledger: Ledger, objective: Objective = AVAILABILITY) -> dict[Tier, Answer]:
    return {
        judged.tier: judged.answer
        for judged in explain(objective, WEB, ledger, NOW)
        if isinstance(judged.tier, Tier)
    }


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (28, ("13.44", "5.6", "2.8", "1")),
        (30, ("14.4", "6", "3", "1")),
        (31, ("14.88", "6.2", "3.1", "3.1/3")),
    ],
)
def test_factors_follow_from_the_share_of_the_budget_and_the_period(
    days: int, factors: tuple[str, ...]
) -> None:
    expected = [Fraction(Decimal(f.split("/")[0])) / int((f + "/1").split("/")[1]) for f in factors]
    assert [rule.factor(days * 1440) for rule in RULES] == expected


def test_a_short_period_has_no_tier_that_pages_while_the_budget_lasts() -> None:
    assert Rule(Tier.PAGE_SLOW, "6h", "30m", Fraction(5, 100)).factor(5 * 1440) is None
    assert Rule(Tier.TICKET_SLOW, "3d", "6h", Fraction(10, 100)).factor(7 * 1440) == 1


def test_a_short_window_is_a_twelfth_of_the_long_one() -> None:
    assert {WINDOWS[rule.long] / WINDOWS[rule.short] for rule in RULES} == {12}


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (100, (2, 2, 1, 1)),
        (500, (3, 2, 2, 1)),
        (1_000, (5, 3, 2, 2)),
        (5_000, (13, 7, 5, 3)),
        (10_000, (22, 11, 7, 4)),
        (100_000, (165, 74, 40, 16)),
    ],
)
def test_failures_needed_at_99_99_percent(n: int, expected: tuple[int, ...]) -> None:
    assert tuple(failures_needed(n, factor * 1e-4) for factor in (14.4, 6, 3, 1)) == expected


def test_the_tail_is_that_of_the_binomial() -> None:
    assert tail(3, 2, 0.5) == pytest.approx(0.5)
    assert tail(10, 1, 0.1) == pytest.approx(1 - 0.9**10)
    assert (tail(5, 0, 0.1), tail(5, 6, 0.1)) == (1.0, 0.0)
    assert failures_needed(0, 0.1) == 1


def test_three_bad_percent_of_five_minutes_page_at_exactly_three_hundred_budgets() -> None:
    ledger = month(1000)
    tell(ledger, Sli(WEB, Indicator.AVAILABILITY), 4, [30] * 5, 1000)
    assert burns(AVAILABILITY, WEB, ledger) == {
        "1m": 300, "5m": 300, "30m": 50, "1h": 25, "2h": Fraction(25, 2),
        "6h": Fraction(25, 6), "1d": Fraction(25, 24), "3d": Fraction(25, 72), "30d": Fraction(5, 144),
    }  # fmt: skip
    (alert,) = firing([AVAILABILITY], ledger, NOW)
    assert alert == Alert(
        objective="availability", placement=WEB, indicator=Indicator.AVAILABILITY, tier=Tier.PAGE_QUICK,
        burn_long=Fraction(25), burn_short=Fraction(300), bad=150, total=60_000, at=NOW,
    )  # fmt: skip
    assert alert.severity == "page"
    assert alert.sentence == (
        "web-app in eu-west-1 burns its availability budget 25.0 times too fast: "
        "150 of 60,000 requests were bad in 1h"
    )


def test_exactly_at_the_factor_does_not_fire() -> None:
    ledger, sli = month(10_000), Sli(WEB, Indicator.AVAILABILITY)
    tell(ledger, sli, 0, [72], 10_000)
    told = []
    for newest, oldest in ((72, 792), (72, 793), (73, 793), (73, 900)):
        tell(ledger, sli, 0, [newest], 10_000)
        tell(ledger, sli, 59, [oldest], 10_000)
        told.append((burns(AVAILABILITY, WEB, ledger)["1h"], answers(ledger)[Tier.PAGE_QUICK]))
    assert told == [
        (Fraction("14.4"), Answer.WITHIN_BUDGET),
        (Fraction(865, 60), Answer.RECOVERED),
        (Fraction(866, 60), Answer.TOO_FEW_FAILURES),
        (Fraction(973, 60), Answer.FIRING),
    ]


def test_the_short_window_ends_the_alert() -> None:
    ledger = month(1000)
    tell(ledger, Sli(WEB, Indicator.AVAILABILITY), 20, [100] * 10, 1000)
    assert answers(ledger)[Tier.PAGE_QUICK] is Answer.RECOVERED
    assert answers(ledger)[Tier.PAGE_SLOW] is Answer.FIRING


def test_a_month_of_little_traffic_answers_insufficient_volume_and_wakes_nobody() -> None:
    ledger = Ledger(capacity=1)
    sli = Sli(WEB, Indicator.AVAILABILITY)
    ledger.advance(NEWEST)
    for ago in range(43_199, -1, -10):
        tell(ledger, sli, ago, [0], 1)
        tell(ledger, sli, ago - 1, [0] * 9, 0)
    tell(ledger, sli, 4, [1] * 5, 1)
    assert answers(ledger)[Tier.PAGE_QUICK] is Answer.INSUFFICIENT_VOLUME
    assert firing([AVAILABILITY], ledger, NOW) == ()
    assert "Insufficient volume" in Answer.INSUFFICIENT_VOLUME.sentence


def test_two_failures_are_too_few_to_wake_somebody() -> None:
    ledger = month(1)
    tell(ledger, Sli(WEB, Indicator.AVAILABILITY), 1, [1, 1], 1)
    assert answers(ledger)[Tier.PAGE_QUICK] is Answer.TOO_FEW_FAILURES
    assert firing([AVAILABILITY], ledger, NOW) == ()


def test_a_dead_quiet_service_still_pages() -> None:
    ledger = Ledger(capacity=1)
    sli = Sli(WEB, Indicator.AVAILABILITY)
    ledger.advance(NEWEST)
    tell(ledger, sli, 43_199, [0] * 43_200, 0)
    tell(ledger, sli, 29, [1] * 30, 1)
    assert answers(ledger)[Tier.PAGE_QUICK] is Answer.FIRING


def test_unknown_minutes_and_no_traffic_have_names_of_their_own() -> None:
    ledger = Ledger(capacity=1)
    assert set(answers(ledger).values()) == {Answer.NO_DATA}
    assert burns(AVAILABILITY, WEB, ledger)["1h"] is None
    assert firing([AVAILABILITY], ledger, NOW) == ()
    tell(ledger, Sli(WEB, Indicator.AVAILABILITY), 0, [0], 0)
    assert set(answers(ledger).values()) == {Answer.NO_TRAFFIC}


def test_latency_counts_are_judged_in_whole_requests() -> None:
    ledger = month(100_000, indicator=Indicator.LATENCY)
    tell(ledger, Sli(WEB, Indicator.LATENCY), 29, [50_400] * 30, 100_000)
    alerts = firing([AVAILABILITY, LATENCY], ledger, NOW)
    assert [(alert.tier, alert.bad, alert.total) for alert in alerts] == [(Tier.PAGE_QUICK, 1512, 6000)]
    assert {alert.objective for alert in alerts} == {"latency"}


def test_what_a_probe_counts_is_called_checks() -> None:
    probed = replace(AVAILABILITY, name="probed", indicator=Indicator.PROBE)
    ledger = month(6, indicator=Indicator.PROBE)
    tell(ledger, Sli(WEB, Indicator.PROBE), 4, [6] * 5, 6)
    alerts = firing([AVAILABILITY, probed], ledger, NOW)
    assert {(alert.objective, alert.unit) for alert in alerts} == {("probed", "checks")}
    assert "30 of 360 checks were bad in 1h" in alerts[0].sentence


def test_an_objective_in_timeslices_burns_minutes() -> None:
    slices = replace(
        AVAILABILITY, name="slices", budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95")
    )
    ledger = month(1000)
    tell(ledger, Sli(WEB, Indicator.AVAILABILITY), 9, [49] * 5 + [51] * 5, 1000)
    alerts = {alert.tier: alert for alert in firing([slices], ledger, NOW)}
    assert (alerts[Tier.PAGE_QUICK].bad, alerts[Tier.PAGE_QUICK].total) == (5, 60)
    assert "5 of 60 minutes were bad in 1h" in alerts[Tier.PAGE_QUICK].sentence


def test_only_what_an_objective_covers_fires_for_it() -> None:
    ledger = month(1000, PAY)
    ledger.add(Sli(WEB, Indicator.AVAILABILITY))
    tell(ledger, Sli(PAY, Indicator.AVAILABILITY), 4, [500] * 5, 1000)
    of_web = replace(AVAILABILITY, name="web", service="web-app")
    in_europe = replace(AVAILABILITY, name="europe", regions=("eu-west-1",))
    assert {
        (one.objective, one.placement) for one in firing([of_web, in_europe, AVAILABILITY], ledger, NOW)
    } == {("availability", PAY)}


def test_a_calendar_month_s_factor_follows_its_real_length() -> None:
    october = replace(AVAILABILITY, window=CalendarMonth("Europe/Berlin"))
    judged = explain(october, WEB, Ledger(capacity=1), NOW)
    assert judged[0].factor == Fraction(2, 100) * 44_700 / 60


@pytest.mark.parametrize(
    ("lag", "answer"),
    [
        (0, Answer.FIRING),
        (3, Answer.FIRING),
        (7, Answer.FIRING),
        (10, Answer.FIRING),
        (11, Answer.RECOVERED),
    ],
)
def test_what_is_read_later_than_others_burns_by_its_own_newest_minutes(lag: int, answer: Answer) -> None:
    ledger = Ledger(capacity=2)
    tell(ledger, Sli(WEB, Indicator.AVAILABILITY), 90 + lag, [0] * 85 + [100] * 6, 1000)
    tell(ledger, Sli(PAY, Indicator.AVAILABILITY), 90, [0] * 91, 1000)
    assert answers(ledger)[Tier.PAGE_QUICK] is answer
    fired = {alert.tier for alert in firing([AVAILABILITY], ledger, NOW)}
    assert (Tier.PAGE_QUICK in fired) is (answer is Answer.FIRING)
