from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import botocore.session
import numpy as np
import pytest
from botocore.validate import ParamValidator

from simulator.cloudwatch.catalogue import ECS, INSIGHTS, Scope, dimensions
from simulator.cloudwatch.store import Arrival
from simulator.cloudwatch.values import listed
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from tests.simulator.cloudwatch.conftest import Bench

LB = Scope.LOAD_BALANCER
NOON = 29_732_400


def test_a_stamp_is_the_beginning_of_its_minute_and_the_end_is_exclusive(bench: Bench) -> None:
    bench.record(0, 10)
    assert bench.points("RequestCount", "Sum", start=2, end=5) == {2: 1000, 3: 1000, 4: 1000}


def test_a_start_within_a_minute_is_rounded_down(bench: Bench) -> None:
    bench.record(0, 10)
    assert list(bench.points("RequestCount", "Sum", start=2.5, end=4.5)) == [2, 3, 4]


def test_a_sum_over_five_minutes_adds_them_up(bench: Bench) -> None:
    for minute in range(10):
        bench.record(minute, requests=100 + minute)
    assert bench.points("RequestCount", "Sum", period=300) == {0: 510, 5: 535}


def test_longer_periods_follow_the_start_that_was_asked_for(bench: Bench) -> None:
    bench.record(0, 10)
    assert bench.points("RequestCount", "Sum", period=300, start=1, end=10) == {1: 5000, 6: 4000}


def test_longer_periods_may_follow_the_clock(make_bench: type[Bench]) -> None:
    bench = make_bench(clock_aligned=True)
    bench.record(0, 10)
    assert bench.points("RequestCount", "Sum", period=300, start=1, end=10) == {0: 5000, 5: 5000}


def test_newest_comes_first_unless_asked_otherwise(bench: Bench) -> None:
    bench.record(0, 1, requests=1)
    bench.record(1, 1, requests=2)
    result = bench.ask(bench.query("RequestCount", "Sum"), ScanBy="TimestampDescending")
    assert result["MetricDataResults"][0]["Values"] == [2, 1]


def test_codes_that_nobody_got_are_absent_not_zero(bench: Bench) -> None:
    bench.record(0, 2)
    bench.record(2, 1, target_5xx=20)
    assert bench.points("HTTPCode_Target_5XX_Count", "Sum") == {2: 20}


def test_newer_load_balancers_may_report_zeros(make_bench: type[Bench]) -> None:
    bench = make_bench(reports_zeros=True)
    bench.record(0, 1)
    assert bench.points("HTTPCode_Target_5XX_Count", "Sum") == {0: 0}
    assert bench.points("HTTPCode_ELB_5XX_Count", "Sum", LB) == {}


def test_the_load_balancers_own_errors_name_no_target_group(bench: Bench) -> None:
    bench.record(0, 1, elb_503=15)
    assert bench.points("HTTPCode_ELB_5XX_Count", "Sum", LB) == {0: 15}
    assert bench.points("HTTPCode_ELB_503_Count", "Sum", LB) == {0: 15}
    assert bench.points("HTTPCode_ELB_5XX_Count", "Sum") == {}


def test_an_outage_without_targets_leaves_only_503s(bench: Bench) -> None:
    bench.record(0, 1, tasks=0.0, requests=0, target_2xx=0, elb_503=600)
    assert bench.points("RequestCount", "Sum") == {}
    assert bench.points("HealthyHostCount", "Minimum") == {}
    assert bench.points("TargetResponseTime", "SampleCount") == {}
    assert bench.points("HTTPCode_ELB_5XX_Count", "Sum", LB) == {0: 600}
    service = listed(dimensions(bench.places[0], Scope.SERVICE))
    assert bench.points("CPUUtilization", "Average", namespace=ECS, dimensions=service) == {}
    assert bench.points("RunningTaskCount", "Average", namespace=INSIGHTS, dimensions=service) == {0: 0}


def test_an_hour_without_requests_is_told_as_zero_while_targets_are_there(bench: Bench) -> None:
    bench.record(0, 1, requests=0, target_2xx=0)
    assert bench.points("RequestCount", "Sum") == {0: 0}
    assert bench.points("HealthyHostCount", "Minimum") == {0: 4}


def test_only_the_sum_of_requests_means_anything(bench: Bench) -> None:
    bench.record(0, 1)
    assert bench.points("RequestCount", "SampleCount") == {0: 1002}
    assert bench.points("RequestCount", "Average")[0] < 1


def test_errors_are_events_of_one(bench: Bench) -> None:
    bench.record(0, 1, elb_503=7)
    assert bench.points("HTTPCode_ELB_5XX_Count", "SampleCount", LB) == {0: 7}
    assert bench.points("HTTPCode_ELB_5XX_Count", "Maximum", LB) == {0: 1}


def test_samples_of_cpu_at_a_minute_are_the_running_tasks(bench: Bench) -> None:
    bench.record(0, 5)
    service = listed(dimensions(bench.places[0], Scope.SERVICE))
    ask: dict[str, Any] = {"namespace": ECS, "dimensions": service}
    assert bench.points("CPUUtilization", "SampleCount", end=1, **ask) == {0: 4}
    assert bench.points("CPUUtilization", "SampleCount", period=300, end=5, **ask) == {0: 20}
    assert bench.points("CPUUtilization", "Average", period=300, end=5, **ask) == {0: 40}
    assert bench.points("CPUUtilization", "Maximum", period=300, end=5, **ask) == {0: 50}
    assert bench.points("CPUUtilization", "Minimum", period=300, end=5, **ask) == {0: 30}


def test_a_trimmed_count_at_the_services_threshold_is_exact(bench: Bench) -> None:
    bench.record(0, 5, slow=6)
    assert bench.points("TargetResponseTime", "TC(:0.3)", end=1) == {0: 994}
    assert bench.points("TargetResponseTime", "TC(0.3:)", end=1) == {0: 6}
    assert bench.points("TargetResponseTime", "TC(:0.3)", period=300, end=5) == {0: 4970}
    assert bench.points("TargetResponseTime", "SampleCount", period=300, end=5) == {0: 5000}


def test_trimmed_counts_elsewhere_grow_with_their_bound_and_add_up(bench: Bench) -> None:
    bench.record(0, 1, slow=6)
    bounds = ["0.05", "0.1", "0.2", "0.3", "0.5", "1.0"]
    counts = [bench.points("TargetResponseTime", f"TC(:{bound})")[0] for bound in bounds]
    assert counts == sorted(counts)
    assert counts[1] == pytest.approx(500, rel=0.02)  # half are faster than the median of 0.1 s
    between = bench.points("TargetResponseTime", "TC(0.1:0.5)")[0]
    assert between == pytest.approx(counts[4] - counts[1])


@pytest.mark.parametrize("period", [60, 300])
@pytest.mark.parametrize("percent", ["0.1", "1", "50", "90", "99", "99.4", "99.9", "99.95"])
def test_percentile_rank_and_trimmed_count_tell_the_same(bench: Bench, period: int, percent: str) -> None:
    bench.record(0, 2, slow=6)
    bench.record(2, 3, slow=400, requests=2_000, target_2xx=2_000)
    bench.record(5, 5, slow=3)
    ask: dict[str, Any] = {"period": period, "end": 5}
    found = bench.points("TargetResponseTime", f"p{percent}", **ask)
    assert len(found) == 300 // period
    for at, bound in found.items():
        rank = bench.points("TargetResponseTime", f"PR(:{bound})", **ask)[at]
        count = bench.points("TargetResponseTime", f"TC(:{bound})", **ask)[at]
        assert rank == pytest.approx(float(percent), rel=1e-5)
        assert count / bench.points("TargetResponseTime", "SampleCount", **ask)[at] == pytest.approx(
            rank / 100
        )


def test_no_percentile_lies_beyond_the_slowest_of_as_many_answers(bench: Bench) -> None:
    bench.record(0, 1, slow=6)
    ranks = [bench.points("TargetResponseTime", stat)[0] for stat in ("Minimum", "p1", "p99.9", "Maximum")]
    assert ranks == sorted(ranks)
    assert bench.points("TargetResponseTime", f"TC(:{ranks[-1]})")[0] == pytest.approx(999.5)
    assert ranks[-1] > 0.3, "six were slower than 300 ms"


def test_what_needs_single_samples_is_refused_where_none_are_kept(bench: Bench) -> None:
    for stat in ("p99", "TC(:1)", "PR(:1)"):
        with pytest.raises(
            Refusal, match="is not simulated yet for RequestCount: only for TargetResponseTime"
        ):
            bench.ask(bench.query("RequestCount", stat))


def test_the_average_response_time_is_in_seconds(bench: Bench) -> None:
    bench.record(0, 1)
    assert bench.points("TargetResponseTime", "Average")[0] == pytest.approx(0.1133, abs=1e-4)


def test_a_minute_arrives_late_and_is_revised_once(bench: Bench) -> None:
    bench.record(0, 1, target_5xx=3)
    assert bench.points("RequestCount", "Sum", now=1.9) == {}
    assert bench.points("RequestCount", "Sum", now=2) == {0: 800}
    assert bench.points("HTTPCode_Target_5XX_Count", "Sum", now=2) == {0: 3}
    assert bench.points("RequestCount", "Sum", now=3) == {0: 1000}


def test_delayed_metrics_come_later_and_lost_ones_never(bench: Bench) -> None:
    bench.record(0, 1, arrival=Arrival(delay_s=600))
    bench.record(1, 1, arrival=Arrival(delay_s=float("inf")))
    bench.record(2, 1)
    assert bench.points("RequestCount", "Sum", now=5) == {2: 1000}
    assert bench.points("RequestCount", "Sum", now=13) == {0: 1000, 2: 1000}


def test_a_metric_that_does_not_exist_is_empty_and_complete(bench: Bench) -> None:
    bench.record(0, 1)
    result = bench.ask(bench.query("NoSuchMetric", "Sum"))["MetricDataResults"][0]
    assert (result["Values"], result["StatusCode"]) == ([], "Complete")


def test_a_mismatched_unit_returns_nothing(bench: Bench) -> None:
    bench.record(0, 1)
    assert bench.points("RequestCount", "Sum", unit="Seconds") == {}
    assert bench.points("RequestCount", "Sum", unit="Count") == {0: 1000}


def test_data_older_than_fifteen_days_has_no_minutes_any_more(bench: Bench) -> None:
    bench.record(0, 10)
    later = 15 * 1440 + 10
    assert bench.points("RequestCount", "Sum", now=later) == {}
    assert bench.points("RequestCount", "Sum", period=300, now=later, start=3) == {0: 5000, 5: 5000}
    assert bench.points("RequestCount", "Sum", period=300, now=64 * 1440) == {}


def test_pages_are_appended_and_hold_no_more_points_than_asked(bench: Bench) -> None:
    bench.record(0, 10)
    queries = [bench.query("RequestCount", "Sum", id="a"), bench.query("HealthyHostCount", "Minimum", id="b")]
    points: dict[str, list[float]] = {"a": [], "b": []}
    token: dict[str, Any] = {}
    pages = []
    while True:
        page = bench.ask(*queries, MaxDatapoints=7, **token)
        pages.append([len(result["Values"]) for result in page["MetricDataResults"]])
        for result in page["MetricDataResults"]:
            points[result["Id"]] += result["Values"]
        if "NextToken" not in page:
            break
        assert "PartialData" in {result["StatusCode"] for result in page["MetricDataResults"]}
        token = {"NextToken": page["NextToken"]}
    assert pages == [[4, 3], [3, 4], [3, 3]]
    assert points == {"a": [1000] * 10, "b": [4] * 10}
    assert {result["StatusCode"] for result in page["MetricDataResults"]} == {"Complete"}


def test_a_token_belongs_to_its_request(bench: Bench) -> None:
    bench.record(0, 10)
    token = bench.ask(bench.query("RequestCount", "Sum"), MaxDatapoints=3)["NextToken"]
    with pytest.raises(Refusal, match="InvalidNextToken"):
        bench.ask(bench.query("RequestCount", "Sum"), NextToken=token, end=11)


def test_500_queries_are_answered_and_501_refused(bench: Bench) -> None:
    queries = [bench.query("RequestCount", "Sum", id=f"q{i}") for i in range(501)]
    assert len(bench.ask(*queries[:500])["MetricDataResults"]) == 500
    with pytest.raises(Refusal, match="size greater than 500"):
        bench.ask(*queries)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "Upper"}, "must match"),
        ({"period": 90}, "multiple of 60"),
        ({"period": 0}, "multiple of 60"),
        ({"Expression": "a / b"}, "either Expression or MetricStat"),
        ({"AccountId": "999999999999"}, "not simulated yet"),
        ({"ReturnData": False}, "At least one query"),
    ],
    ids=["id", "period", "no period", "expression", "account", "nothing returned"],
)
def test_a_query_that_cannot_be_answered_is_refused_in_words(
    bench: Bench, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refusal, match=told) as caught:
        bench.ask(bench.query("RequestCount", "Sum", **change))
    assert (caught.value.code, caught.value.status) == ("ValidationError", 400)


@pytest.mark.parametrize(
    "stat", ["p", "p0", "p100", "PR(5:3)", "TM(1:2)", "TC(10%:90%)", "TC(:)", "TC(5:3)", "Median"]
)
def test_a_statistic_that_is_not_simulated_is_refused_never_empty(bench: Bench, stat: str) -> None:
    with pytest.raises(Refusal, match="not simulated yet"):
        bench.ask(bench.query("TargetResponseTime", stat))
    with pytest.raises(Refusal, match="not simulated yet"):
        bench.ask(bench.query("NoSuchMetric", stat))


def test_ids_are_unique(bench: Bench) -> None:
    query = bench.query("RequestCount", "Sum")
    with pytest.raises(Refusal, match="not unique"):
        bench.ask(query, query)


def test_the_start_lies_before_the_end(bench: Bench) -> None:
    with pytest.raises(Refusal, match="StartTime must be less than"):
        bench.ask(bench.query("RequestCount", "Sum"), start=5, end=5)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"MetricDataQueries": []}, "MetricDataQueries is required"),
        ({"MetricDataQueries": [{"Id": "q"}]}, "needs MetricStat"),
        ({"ScanBy": "Newest"}, "neither TimestampAscending nor TimestampDescending"),
        ({"MaxDatapoints": 100_801}, "between 1 and 100800"),
        ({"StartTime": "yesterday"}, "StartTime must be a time with a zone, got 'yesterday'"),
        ({"StartTime": datetime(2026, 7, 13, 12)}, "a time with a zone"),  # noqa: DTZ001 - that is the mistake
        ({"NextToken": "forged"}, "does not belong to this request"),
    ],
    ids=["no query", "no metric", "order", "points", "no time", "no zone", "token"],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(
    bench: Bench, params: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refusal, match=told):
        bench.ask(bench.query("RequestCount", "Sum"), **params)


def test_times_may_be_aware_datetimes(bench: Bench) -> None:
    bench.record(0, 3)
    start = datetime(2026, 7, 13, 12, tzinfo=UTC)
    params = {
        "MetricDataQueries": [bench.query("RequestCount", "Sum")],
        "StartTime": start,
        "EndTime": start + timedelta(minutes=2),
    }
    assert bench.call("GetMetricData", params)["MetricDataResults"][0]["Values"] == [1000, 1000]


def test_the_answer_has_the_shape_that_botocore_parses(bench: Bench) -> None:
    bench.record(0, 3)
    model = botocore.session.get_session().get_service_model("cloudwatch").operation_model("GetMetricData")
    shape = model.output_shape
    assert shape is not None
    report = ParamValidator().validate(bench.ask(bench.query("RequestCount", "Sum")), shape)
    assert report.generate_report() == ""


def test_columns_read_the_same_minutes_without_a_request(bench: Bench) -> None:
    bench.record(0, 10)
    wanted = [bench.series(*one) for one in (("RequestCount", "Sum"), ("Nothing", "Sum"))]
    plan = bench.cloudwatch.plan(wanted)
    told = bench.cloudwatch.columns(plan, range(NOON + 7, NOON + 10), now=(NOON + 11) * 60, caller="us")
    counts, nothing = told.values
    assert counts.tolist() == [1000, 1000, 800]
    assert np.isnan(nothing).all()
    assert told.amiss == {}
    assert bench.cloudwatch.billed("us")["metrics_requested"] == 2


def test_columns_are_throttled_like_requests(bench: Bench) -> None:
    plan = bench.cloudwatch.plan([bench.series("RequestCount", "Sum")])
    bench.cloudwatch.throttle("eu-west-1", 1.0)
    with pytest.raises(Refusal, match="Throttling"):
        bench.cloudwatch.columns(plan, range(NOON, NOON + 1), now=NOON * 60, caller="us")


def test_columns_tell_old_minutes_only_in_periods_that_are_still_kept(bench: Bench) -> None:
    bench.record(0, 10)
    plan = bench.cloudwatch.plan([bench.series("RequestCount", "Sum")])
    later = (NOON + 15 * 1440 + 10) * 60
    each, five = (
        bench.cloudwatch.columns(plan, range(NOON, NOON + 10, step), now=later, caller="us")
        for step in (1, 5)
    )
    assert np.isnan(each.values).all()
    assert five.values.tolist() == [[5000, 5000]]
