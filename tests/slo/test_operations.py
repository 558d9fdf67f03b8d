"""What else a month brought: what ran on what, how far it scaled, what was deployed and done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from collector.estate import LaunchType
from remediation.vocabulary import ActionName
from slo.cells import Placement, minute_of
from slo.months import Month, Stretch
from slo.operations import (
    NOT_STATED,
    ROLLBACK,
    Deed,
    Deployment,
    Facts,
    Operations,
    Outcome,
    Price,
    Record,
    operations,
)
from slo.statement import plain
from slo.usage import CAPACITIES, SLOT_MINUTES, WIDTH, Capacity, Usage, slots

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
#: Four hours, of 48 looks.
SPAN = Stretch(minute_of(NOON), minute_of(NOON) + 240)
PRICE = Price(
    regions=("eu-*",),
    currency="USD",
    vcpu_hour=Decimal("0.04"),
    gb_hour=Decimal("0.004"),
    spot_vcpu_hour=Decimal("0.012"),
    spot_gb_hour=Decimal("0.001"),
)


def at(service: str, region: str = "eu-west-1") -> Placement:
    return Placement("123456789012", region, "main", service)


def seen(  # noqa: PLR0913 - a look tells all of these
    placement: Placement,
    *,
    fargate: Sequence[int] | int = 0,
    spot: Sequence[int] | int = 0,
    unknown: int = 0,
    bounds: tuple[int, int] = (-1, -1),
    size: tuple[int, int] = (1024, 2048),
    lived: Stretch = SPAN,
    looked: slice = slice(None),
) -> Record:
    """A placement that was looked at in some of the slots."""
    rows = np.zeros((len(slots(SPAN)), WIDTH), np.int32)
    rows[:, 0], rows[:, 1], rows[:, 4] = fargate, spot, unknown
    rows[:, 5:7], rows[:, 7:9] = bounds, size
    usage = Usage.nothing(slots(SPAN))
    usage.rows[looked] = rows[looked]
    return Record(placement=placement, lived=lived, usage=usage)


def brought(*records: Record, prices: Sequence[Price] = (), **facts: object) -> Operations:
    return operations(SPAN, Facts(records=records, prices=prices, **facts))  # type: ignore[arg-type]


def test_the_share_of_spot_is_of_task_time_by_service_and_in_all() -> None:
    month = brought(seen(at("search"), fargate=1, spot=3), seen(at("web"), fargate=4))
    assert [str(line.spot_share) for line in month.services] == ["75.0000 %", "0.0000 %"]
    assert month.totals.spot_share.exact == Fraction(3, 8)
    assert month.totals.task_hours.exact == 32


def test_hours_at_which_nobody_looked_are_missing_and_said() -> None:
    month = brought(seen(at("search"), spot=2, looked=slice(0, 36)))
    assert (str(month.totals.recorded), str(month.totals.due)) == ("3", "4")
    assert month.totals.task_hours.exact == 6


def test_a_service_that_came_in_the_middle_is_due_from_then_on() -> None:
    late = Stretch(SPAN.start + 120, SPAN.end)
    month = brought(seen(at("search"), fargate=1, lived=late, looked=slice(24, None)))
    assert (month.totals.recorded.exact, month.totals.due.exact) == (2, 2)


def test_tasks_whose_capacity_is_not_told_count_on_neither_side_of_the_share() -> None:
    month = brought(seen(at("search"), fargate=1, spot=1, unknown=2))
    assert month.totals.spot_share.exact == Fraction(1, 2)
    assert str(month.totals.untold) == "8"


def test_where_nothing_was_looked_at_nothing_is_said() -> None:
    month = brought(Record(placement=at("search"), lived=SPAN, usage=Usage.nothing(slots(SPAN))))
    line = month.lines[0]
    said = (line.spot_share, line.fewest, line.most, line.bound_minimum, line.bound_maximum)
    assert {str(figure) for figure in said} == {"-"}
    assert str(line.recorded) == "0"


def test_savings_are_the_difference_of_two_prices_for_what_each_task_was_given() -> None:
    month = brought(seen(at("search"), spot=2, size=(512, 4096)), prices=[PRICE])
    by_hand = 8 * (Fraction(1, 2) * Fraction("0.028") + 4 * Fraction("0.003"))
    assert month.totals.savings.exact == by_hand == Fraction("0.208")
    assert str(month.totals.savings) == "0.20 USD"


@pytest.mark.parametrize(
    ("record", "prices"),
    [
        (seen(at("search"), spot=2), []),
        (seen(at("search", "us-east-1"), spot=2), [PRICE]),
        (seen(at("search"), spot=2, size=(0, 0)), [PRICE]),
    ],
    ids=["without prices", "in a region without a price", "of a task of unknown size"],
)
def test_savings_are_not_stated(record: Record, prices: list[Price]) -> None:
    assert str(brought(record, prices=prices).totals.savings) == NOT_STATED


def test_without_spot_tasks_nothing_was_saved() -> None:
    assert str(brought(seen(at("web", "us-east-1"), fargate=3), prices=[PRICE]).totals.savings) == "0.00 USD"


def test_how_far_a_service_scaled_is_the_fewest_and_most_of_one_moment_over_its_regions() -> None:
    up, down = [2] * 24 + [6] * 24, [5] * 24 + [1] * 24
    here = seen(at("web"), fargate=up, bounds=(2, 10))
    there = seen(at("web", "us-east-1"), fargate=down, bounds=(1, 6))
    month = brought(here, there)
    (service,) = month.services
    assert [str(figure) for figure in (service.fewest, service.most)] == ["7", "7"]
    assert [str(figure) for figure in (service.bound_minimum, service.bound_maximum)] == ["3", "16"]
    assert [(line.region, str(line.fewest), str(line.most)) for line in month.lines] == [
        ("eu-west-1", "2", "6"),
        ("us-east-1", "1", "5"),
    ]


def test_a_region_that_is_dark_makes_no_service_look_smaller() -> None:
    month = brought(
        seen(at("web"), fargate=2), seen(at("web", "us-east-1"), fargate=3, looked=slice(24, None))
    )
    assert str(month.totals.fewest) == "5"


def test_deployments_and_deeds_are_counted_by_line_and_in_all() -> None:
    outcomes = [Outcome.SUCCEEDED, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.ROLLED_BACK, Outcome.UNDER_WAY]
    deployments = [
        Deployment(placement=at("web"), id=f"ecs-svc/{n}", started_at=NOON, outcome=outcome)
        for n, outcome in enumerate(outcomes)
    ]
    deeds = [
        Deed(placement=at("search"), action=action, at=NOON) for action in ("scale_out", ROLLBACK, ROLLBACK)
    ]
    month = brought(
        seen(at("search"), fargate=1), seen(at("web"), fargate=1), deployments=deployments, deeds=deeds
    )
    totals, (search, web) = month.totals, month.services
    counts = (web.deployments, web.succeeded, web.failed, web.rolled_back)
    assert [str(figure) for figure in counts] == ["5", "2", "1", "1"]
    assert (str(search.deployments), str(search.rolled_back_by_us)) == ("0", "2")
    assert [(one.name, str(one.count)) for one in totals.actions] == [("rollback", "2"), ("scale_out", "1")]


@pytest.mark.parametrize(
    ("zone", "month", "hours"),
    [
        ("America/New_York", Month(2026, 3), 743),
        ("America/New_York", Month(2026, 11), 721),
        ("Asia/Kolkata", Month(2026, 11), 720),
        ("Asia/Kathmandu", Month(2028, 2), 696),
    ],
)
def test_a_month_of_any_zone_is_cut_between_two_looks(zone: str, month: Month, hours: int) -> None:
    span = month.stretch(ZoneInfo(zone))
    within = slots(span)
    assert (within.start * SLOT_MINUTES, within.stop * SLOT_MINUTES) == (span.start, span.end)
    record = Record(placement=at("web"), lived=span, usage=Usage.nothing(within))
    assert operations(span, Facts(records=[record])).totals.due.exact == hours


def test_it_is_plain_data_for_json() -> None:
    told = plain(
        brought(seen(at("search"), spot=1), deeds=[Deed(placement=at("search"), action="x", at=NOON)])
    )
    assert told["totals"]["actions"] == [{"name": "x", "count": {"exact": 1, "text": "1"}}]


def test_prices_are_in_one_currency_and_spot_costs_no_more() -> None:
    with pytest.raises(ValueError, match="one currency"):
        Facts(prices=[PRICE, replace(PRICE, currency="EUR")])
    with pytest.raises(ValueError, match="no more than on demand"):
        replace(PRICE, spot_gb_hour=Decimal("0.1"))


def test_the_words_are_those_of_who_looks_and_of_who_acts() -> None:
    assert set(map(str, LaunchType)) | {Capacity.UNKNOWN} == set(CAPACITIES)
    assert str(ActionName.ROLLBACK) == ROLLBACK
