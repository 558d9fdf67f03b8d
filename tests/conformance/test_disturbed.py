"""What AWS itself fails looks the same in process and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.source import Batch, CollectError, GapReason, Query, UnreachableError
from slo.cells import minute_of
from tests.conformance.outsides import Outside, made
from tests.living import ACCOUNT, NOON, REGIONS, at, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from collector.source import Readings

    Serve = Callable[[WSGIApplication], str]

HERE, THERE = at("course-catalog"), at("course-catalog", REGIONS[1])
METRICS = ("RequestCount", "HTTPCode_Target_2XX_Count", "TargetResponseTime", "HealthyHostCount")


def fault(kind: str, **figures: float) -> dict[str, Any]:
    return {"kind": kind, "at": "5m", "duration": "10m", "where": {"region": REGIONS[0]}, **figures}


def read(outside: Outside, asked: Batch) -> Readings:
    return outside.source.metrics(asked, minute_of(NOON), minute_of(NOON) + 4)


def asked_here(outside: Outside) -> Batch:
    view = outside.source.service(HERE)
    group = (("LoadBalancer", view.load_balancers[0]), ("TargetGroup", view.target_groups[0]))
    queries = [
        Query("AWS/ApplicationELB", name, group, stat) for name in METRICS for stat in ("Sum", "Maximum")
    ]
    return Batch(ACCOUNT, HERE.region, tuple(queries))


@pytest.mark.parametrize("maker", ["direct", "wire"])
def test_series_that_were_left_out_are_gaps_and_hide_no_others(maker: str, serve: Serve) -> None:
    with made(maker, small(fault("partial_data", share=0.5)), serve) as outside:
        asked = asked_here(outside)
        outside.live(10)
        answers = [read(outside, asked) for _ in range(5)]
        reasons = {gap.reason for answer in answers for gap in answer.gaps.values()}
        assert reasons == {GapReason.PARTIAL, GapReason.INTERNAL}
        for answer in answers:
            told = (~np.isnan(answer.values)).sum(axis=1).tolist()
            expected = {GapReason.PARTIAL: 2, GapReason.INTERNAL: 0}
            assert told == [
                expected[answer.gaps[row].reason] if row in answer.gaps else 4 for row in range(len(told))
            ]
        details = {gap.detail.split(":", 2)[1] for answer in answers for gap in answer.gaps.values()}
        assert details == {
            "GetMetricData PartialData PartialData",
            "GetMetricData InternalError InternalError",
        }


@pytest.mark.parametrize("maker", ["direct", "wire"])
@pytest.mark.parametrize(("kind", "figures"), [("api_outage", {}), ("api_errors", {"share": 1})])
def test_a_region_that_does_not_answer_is_unreachable_and_hides_no_other(
    maker: str, kind: str, figures: dict[str, float], serve: Serve
) -> None:
    with made(maker, small(fault(kind, **figures)), serve) as outside:
        asked = asked_here(outside)
        outside.live(10)
        with pytest.raises(UnreachableError):
            outside.source.service(HERE)
        assert {gap.reason for gap in read(outside, asked).gaps.values()} == {GapReason.UNREACHABLE}
        assert outside.source.service(THERE).running > 0
        outside.live(10)
        assert read(outside, asked).gaps == {}


@pytest.mark.parametrize("maker", ["direct", "wire"])
def test_what_failed_inside_aws_is_tried_again(maker: str, serve: Serve) -> None:
    with made(maker, small(fault("api_errors", share=0.3)), serve) as outside:
        asked = asked_here(outside)
        outside.live(10)
        failed = sum(bool(read(outside, asked).gaps) for _ in range(10))
        assert failed <= 2, "three attempts fail together in 27 of 1,000 calls"
        with pytest.raises(CollectError, match="nobody"):
            outside.source.service(at("nobody"))
