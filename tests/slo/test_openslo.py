"""OpenSLO in, objectives or every problem out."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from slo.cells import Indicator, Placement
from slo.objectives import Budgeting, CalendarMonth, Objective, Rolling
from slo.openslo.reader import Reading, read


def source(**spec: object) -> dict[str, Any]:
    return {"metricSource": {"type": "fournines", "spec": {"indicator": "availability", **spec}}}


def slo(**changes: object) -> dict[str, Any]:
    document: dict[str, Any] = {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": "web-app-availability", "displayName": "Web app"},
        "spec": {
            "service": "web-app",
            "indicator": {"spec": {"ratioMetric": {"counter": True, "bad": source(), "total": source()}}},
            "timeWindow": [{"duration": "30d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"target": "0.9999"}],
        },
    }
    document["spec"] |= changes
    return document


def sli(name: str = "errors") -> dict[str, Any]:
    ratio = {"good": source(), "total": source()}
    return {
        "apiVersion": "openslo/v1",
        "kind": "SLI",
        "metadata": {"name": name},
        "spec": {"ratioMetric": ratio},
    }


def other(kind: str, name: str, **spec: object) -> dict[str, Any]:
    return {"apiVersion": "openslo/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def only(reading: Reading) -> Objective:
    assert [str(problem) for problem in reading.problems] == []
    (objective,) = reading.objectives
    return objective


def complaint(*documents: dict[str, Any]) -> str:
    (problem,) = read(documents).problems
    return str(problem)


def test_an_availability_objective() -> None:
    assert only(read([slo()])) == Objective(
        name="web-app-availability",
        display_name="Web app",
        service="web-app",
        indicator=Indicator.AVAILABILITY,
        target=Decimal("0.9999"),
        window=Rolling(timedelta(days=30)),
    )


def test_a_target_is_read_exactly_also_as_a_percentage_or_a_float() -> None:
    for target in (
        {"target": "0.9999"},
        {"target": 0.9999},
        {"targetPercent": "99.99"},
        {"targetPercent": 99.99},
    ):
        assert only(read([slo(objectives=[target])])).target == Decimal("0.9999")


def test_latency_counts_requests_up_to_its_threshold() -> None:
    latency = source(indicator="latency", threshold_s="0.5", service="*", regions=["eu-west-1"])
    objective = only(read([slo(indicator={"spec": {"ratioMetric": {"good": latency, "total": latency}}})]))
    assert (objective.indicator, objective.threshold_s) == (Indicator.LATENCY, Decimal("0.5"))
    assert objective.covers(Placement("1", "eu-west-1", "c", "anything"))
    assert not objective.covers(Placement("1", "us-east-1", "c", "anything"))


def test_a_probe_is_a_ratio_of_checks_without_a_threshold() -> None:
    probe = source(indicator="probe", service="*")
    objective = only(read([slo(indicator={"spec": {"ratioMetric": {"bad": probe, "total": probe}}})]))
    assert (objective.indicator, objective.threshold_s) == (Indicator.PROBE, None)
    slow = source(indicator="probe", threshold_s="1")
    wrong = slo(indicator={"spec": {"ratioMetric": {"bad": slow, "total": slow}}})
    assert all("only for a ratio of latency" in str(one) for one in read([wrong]).problems)
    assert read([wrong]).problems


def test_a_threshold_metric_takes_its_limit_from_the_objective() -> None:
    indicator = {"spec": {"thresholdMetric": source(indicator="latency")}}
    goal = {"op": "lte", "value": "1", "target": "0.99"}
    assert only(read([slo(indicator=indicator, objectives=[goal])])).threshold_s == 1
    assert "expected lte" in complaint(slo(indicator=indicator, objectives=[goal | {"op": "lt"}]))


def test_references_are_resolved_in_any_order() -> None:
    document = slo(indicatorRef="errors")
    del document["spec"]["indicator"]
    assert only(read([document, sli()])) == only(read([sli(), document]))
    assert complaint(document) == (
        "0.spec.indicatorRef: no SLI 'errors' is among the documents; expected a document of kind SLI"
    )


def test_a_data_source_may_say_the_type() -> None:
    document = slo()
    for part in document["spec"]["indicator"]["spec"]["ratioMetric"].values():
        if isinstance(part, dict):
            part["metricSource"] = {"metricSourceRef": "ours", "spec": {"indicator": "availability"}}
    data_source = other("DataSource", "ours", type="fournines")
    assert only(read([document, data_source])).indicator is Indicator.AVAILABILITY
    (first, *_) = read([document]).problems
    assert "no DataSource 'ours'" in first.message


def test_timeslices_are_minutes() -> None:
    goal = {"target": "0.999", "timeSliceTarget": "0.95", "timeSliceWindow": "1m"}
    objective = only(read([slo(budgetingMethod="Timeslices", objectives=[goal])]))
    assert (objective.budgeting, objective.time_slice_target) == (Budgeting.TIMESLICES, Decimal("0.95"))


@pytest.mark.parametrize(("written", "length"), [("5m", 5), (5, 5), ("15", 15), ("1h", 60), ("1d", 1440)])
def test_slices_may_be_longer_than_a_minute_and_a_bare_number_are_minutes(
    written: str | int, length: int
) -> None:
    goal = {"target": "0.999", "timeSliceTarget": "0.95", "timeSliceWindow": written}
    assert only(read([slo(budgetingMethod="Timeslices", objectives=[goal])])).slice_minutes == length


def test_ratio_timeslices_have_slices_and_no_target_of_their_own() -> None:
    goal = {"target": "0.999", "timeSliceWindow": "5m"}
    objective = only(read([slo(budgetingMethod="RatioTimeslices", objectives=[goal])]))
    assert (objective.budgeting, objective.time_slice_target) == (Budgeting.RATIO_TIMESLICES, None)
    told = complaint(slo(budgetingMethod="RatioTimeslices", objectives=[goal | {"timeSliceTarget": "0.9"}]))
    assert "RatioTimeslices averages the ratios" in told


@pytest.mark.parametrize("start", ["2026-01-01 00:00:00", "2026-01-01T00:00:00Z", "2026-01-01"])
def test_a_calendar_month_in_its_zone(start: str) -> None:
    window = {
        "duration": "1M",
        "calendar": {"startTime": start, "timeZone": "Asia/Kolkata"},
        "isRolling": False,
    }
    assert only(read([slo(timeWindow=[window])])).window == CalendarMonth("Asia/Kolkata")


def test_several_objectives_of_one_slo_are_numbered() -> None:
    reading = read([slo(objectives=[{"target": "0.99"}, {"target": "0.999", "displayName": "Better"}])])
    assert [(one.name, one.display_name) for one in reading.objectives] == [
        ("web-app-availability-1", "Web app"), ("web-app-availability-2", "Better"),
    ]  # fmt: skip


def test_what_is_accepted_and_not_used_is_listed() -> None:
    document = slo(owner="sre", description="What the web app owes.")
    document["spec"]["objectives"][0]["note"] = "?"
    secret = {"accessKeyID": "AKIA-very-secret"}
    source = other("DataSource", "elsewhere", type="CloudWatch", connectionDetails=secret)
    mail = other("AlertNotificationTarget", "mail", target="email")
    reading = read([document, other("Service", "web-app", tier=1), source, mail])
    assert reading.problems == ()
    assert [str(remark) for remark in reading.remarks] == [
        "0.spec.objectives.0.note: not used",
        "0.spec.owner: not used",
        "1.spec.tier: not used",
        "2.spec.connectionDetails: not used: AWS is reached as the configuration says",
        "3.spec: not used: fournines tells whom its configuration names",
    ]
    assert "very-secret" not in repr(reading)


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"objectives": [{"target": "1"}]},
        "spec.objectives.0.target: expected a number between 0 and 1, exclusive, got 1",
    ),
    ({"objectives": [{"targetPercent": "100"}]}, "targetPercent: expected a number between 0 and 100"),
    ({"objectives": [{"target": "0.9", "targetPercent": "90"}]}, "expected either target or targetPercent"),
    ({"objectives": [{"target": "most"}]}, "target: expected a ratio such as 0.9999, got 'most'"),
    ({"objectives": [{"target": True}]}, "target: expected a ratio such as 0.9999, got True"),
    ({"objectives": []}, "spec.objectives: is empty"),
    ({"objectives": None}, "spec.objectives: is missing"),
    ({"objectives": [{"target": "0.9", "compositeWeight": 2}]}, "belongs to a composite"),
    ({"objectives": [{"target": "99.99"}]}, "got 99.99; in percent that is targetPercent: 99.99"),
    ({"objectives": [{"target": "0"}]}, "target: expected a number between 0 and 1, exclusive, got 0"),
    ({"objectives": [{"target": "0.9", "op": "lte"}]}, "op: belongs to a thresholdMetric only"),
    ({"description": "x" * 1051}, "description: expected at most 1050 characters, got 1051"),
    ({"objectives": [{"target": "0.9", "timeSliceTarget": "0.9"}]}, "belongs to Timeslices only"),
    ({"budgetingMethod": "Sometimes"}, "expected Occurrences or Timeslices or RatioTimeslices"),
    ({"budgetingMethod": "RatioTimeslices"}, "timeSliceWindow: is missing; expected 1m"),
    (
        {"budgetingMethod": "RatioTimeslices", "objectives": [{"target": "0.9", "timeSliceWindow": "7m"}]},
        "timeSliceWindow: expected minutes that part a day without rest",
    ),
    (
        {
            "budgetingMethod": "Timeslices",
            "objectives": [{"target": "0.9", "timeSliceWindow": "1m", "timeSliceTarget": "0"}],
        },
        "timeSliceTarget: expected a ratio above 0 and at most 1, got 0",
    ),
    (
        {"timeWindow": [{"duration": "30D", "isRolling": True}]},
        "timeWindow.0.duration: expected a number with m, h, d",
    ),
    ({"timeWindow": [{"duration": "456d", "isRolling": True}]}, "1 h to 455 d"),
    ({"timeWindow": [{"duration": "1M", "isRolling": True}]}, "months, quarters and years have none"),
    ({"timeWindow": [{"duration": "30d"}]}, "isRolling: expected true, or a calendar"),
    ({"timeWindow": [{"duration": "30d", "isRolling": True}] * 2}, "expected exactly one window, got 2"),
    (
        {"timeWindow": [{"duration": "1M", "calendar": {"startTime": "January", "timeZone": "UTC"}}]},
        "calendar.startTime: expected a local time in whole minutes such as 2026-01-01 00:00:00",
    ),
    (
        {"timeWindow": [{"duration": "1M", "calendar": {"startTime": "2026-02-30", "timeZone": "UTC"}}]},
        "calendar.startTime: expected a local time",
    ),
    (
        {"timeWindow": [{"duration": "2Y", "calendar": {"startTime": "2026-01-01", "timeZone": "UTC"}}]},
        "duration: cells are kept for 15 months, so at most 1Y, got 2Y",
    ),
    (
        {"timeWindow": [{"duration": "6h", "calendar": {"startTime": "2026-01-01", "timeZone": "UTC"}}]},
        "duration: expected a number with d, w, M, Q or Y beside a calendar",
    ),
    (
        {"timeWindow": [{"duration": "1M", "calendar": {"startTime": "2026-01-01", "timeZone": "Mars"}}]},
        "calendar.timeZone: expected an IANA time zone",
    ),
    ({"indicator": None}, "spec: expected either indicator or indicatorRef"),
    ({"indicator": {"spec": {}}}, "spec.indicator.spec: expected either ratioMetric or thresholdMetric"),
    (
        {"indicator": {"spec": {"ratioMetric": {"raw": source(), "rawType": "success"}}}},
        "a ratio made elsewhere cannot be added up",
    ),
    (
        {"indicator": {"spec": {"ratioMetric": {"total": source()}}}},
        "expected either good or bad beside total",
    ),
    (
        {"indicator": {"spec": {"ratioMetric": {"bad": source(service="a"), "total": source(service="b")}}}},
        "come from one source",
    ),
    ({"indicator": {"spec": {"thresholdMetric": source()}}}, "expected latency: only that has a threshold"),
    ({"alertPolicies": [{"alertPolicyRef": "page"}]}, "no AlertPolicy 'page' is among the documents"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG)
def test_each_mistake_is_named_with_its_path_and_what_was_expected(
    change: dict[str, Any], expected: str
) -> None:
    reading = read([slo(**change)])
    assert expected in str(reading.problems[0])
    assert len(reading.problems) == 1
    assert str(reading.problems[0]).startswith("0.spec")


def test_a_foreign_source_is_refused_by_each_of_its_paths() -> None:
    document = slo()
    ratio = document["spec"]["indicator"]["spec"]["ratioMetric"]
    ratio["total"] = deepcopy(ratio["bad"])
    for part in ("bad", "total"):
        ratio[part]["metricSource"]["type"] = "Prometheus"
    assert [problem.path[-3:] for problem in read([document]).problems] == [
        (part, "metricSource", "type") for part in ("bad", "total")
    ]


def test_every_problem_is_told_at_once() -> None:
    wrong = slo(budgetingMethod="Often", objectives=[{"target": "2"}], timeWindow=[])
    wrong["metadata"]["name"] = "Web App"
    reading = read([wrong, {"kind": "SLO"}, other("Sloth", "x")])
    assert reading.objectives == ()
    assert [str(problem).split(":")[0] for problem in reading.problems] == [
        "0.metadata.name", "0.spec.timeWindow", "0.spec.budgetingMethod", "0.spec.objectives.0.target",
        "1.apiVersion", "1.metadata", "1.spec", "2.kind",
    ]  # fmt: skip


def test_a_name_is_defined_once() -> None:
    assert "SLO 'web-app-availability' is already defined in document 0" in complaint(slo(), slo())


def test_what_is_no_mapping_is_refused() -> None:
    assert complaint("words") == "0: expected a mapping, got 'words'"  # type: ignore[arg-type]
