"""Names and cells that make no sense do not exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from slo.cells import Block, Indicator, Placement, Sli, State, minute_of, moment_of
from slo.objectives import Budgeting, Objective, Rolling

WEB = Placement("111122223333", "eu-west-1", "prod", "web-app")
ARN = "arn:aws:ecs:eu-west-1:111122223333:service/prod/web-app"


def test_a_placement_has_a_text_and_an_arn() -> None:
    assert Placement.parse("111122223333/eu-west-1/prod/web-app") == WEB
    assert (WEB.arn, str(Sli(WEB, Indicator.LATENCY))) == (ARN, f"{WEB}/latency")


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_a_region_has_its_partition(region: str, partition: str) -> None:
    arn = Placement("1", region, "prod", "web-app").arn
    assert arn.startswith(f"arn:{partition}:ecs:{region}:")


@pytest.mark.parametrize("text", ["a/b/c", "a/b/c/d/e", "a//c/d", ""])
def test_what_is_no_placement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="account/region/cluster/service"):
        Placement.parse(text)


@pytest.mark.parametrize(
    ("bad", "total", "state", "expected"),
    [
        ([2], [1], [State.OBSERVED], "bad <= total"),
        ([-1], [1], [State.OBSERVED], "bad <= total"),
        ([0], [1], [State.UNKNOWN], "only observed"),
        ([0, 0], [1], [State.OBSERVED], "shapes differ"),
    ],
)
def test_cells_that_contradict_themselves_are_refused(
    bad: list[int], total: list[int], state: list[int], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        Block(
            (Sli(WEB, Indicator.AVAILABILITY),),
            0,
            np.array([bad]).T,
            np.array([total]).T,
            np.array([state]).T,
        )


def test_a_minute_is_named_by_its_start() -> None:
    moment = datetime(2026, 10, 1, 12, 0, 59, tzinfo=UTC)
    assert moment_of(minute_of(moment)) == moment.replace(second=0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"target": Decimal(1)}, "exclusive"),
        ({"threshold_s": Decimal(1)}, "belongs to latency"),
        ({"indicator": Indicator.LATENCY}, "belongs to latency"),
        ({"indicator": Indicator.LATENCY, "threshold_s": Decimal(0)}, "above 0"),
        ({"time_slice_target": Decimal("0.9")}, "belongs to Timeslices"),
        ({"budgeting": Budgeting.TIMESLICES, "time_slice_target": Decimal(2)}, "is 0 to 1"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(change: dict[str, Any], expected: str) -> None:
    sound: dict[str, Any] = {
        "name": "a", "display_name": "A", "service": "*", "indicator": Indicator.AVAILABILITY,
        "target": Decimal("0.9999"), "window": Rolling(timedelta(days=30)),
    }  # fmt: skip
    with pytest.raises(ValueError, match=expected):
        Objective(**(sound | change))
