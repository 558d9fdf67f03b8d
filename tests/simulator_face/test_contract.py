from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.aws.contract import SERVICES, checked
from simulator.refusal import Refusal

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def read(service: str, operation: str, raw: object) -> dict[str, Any]:
    known = SERVICES[service]
    return checked(known, known.operation(operation), raw)


def refusal(service: str, operation: str, raw: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(service, operation, raw)
    return caught.value


@pytest.mark.parametrize(
    "written", [NOON.timestamp(), "2026-11-02T12:00:00Z", "2026-11-02T13:00:00+01:00", NOON]
)
def test_a_time_in_any_spelling_becomes_an_aware_datetime(written: object) -> None:
    params = read("ecs", "ListServiceDeployments", {"service": "web", "createdAt": {"after": written}})
    assert params["createdAt"]["after"] == NOON
    assert params["createdAt"]["after"].tzinfo is UTC


def test_every_problem_is_named_with_its_place() -> None:
    raw = {
        "MetricDataQueries": [{"MetricStat": {"Metric": {}, "Period": "60", "Stat": "Sum"}}],
        "StartTime": "soon",
        "ScanBy": "Sideways",
    }
    refused = refusal("monitoring", "GetMetricData", raw)
    assert refused.code == "ValidationError"
    assert refused.message.split("; ") == [
        "EndTime is missing",
        "MetricDataQueries[0].Id is missing",
        "MetricDataQueries[0].MetricStat.Period must be an integer, got '60'",
        "StartTime must be a time, got 'soon'",
        "ScanBy must be one of TimestampDescending, TimestampAscending, got 'Sideways'",
    ]


def test_a_member_that_aws_does_not_know_is_ignored_and_null_is_absent() -> None:
    assert read("ecs", "ListClusters", {"maxResults": 5, "colour": "red", "nextToken": None}) == {
        "maxResults": 5
    }


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("ecs", "InvalidParameterException"),
        ("monitoring", "ValidationError"),
        ("application-autoscaling", "ValidationException"),
    ],
)
def test_each_service_refuses_in_its_own_words(service: str, code: str) -> None:
    operation = {"ecs": "UpdateService", "monitoring": "PutMetricAlarm"}.get(
        service, "RegisterScalableTarget"
    )
    assert refusal(service, operation, {}).code == code


def test_true_is_no_number_and_a_number_is_no_truth() -> None:
    raw = {"service": "web", "desiredCount": True, "forceNewDeployment": 1}
    assert refusal("ecs", "UpdateService", raw).message == (
        "desiredCount must be an integer, got True; forceNewDeployment must be true or false, got 1"
    )


def test_an_operation_that_aws_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match="ecs has no operation 'FlyToTheMoon'"):
        SERVICES["ecs"].operation("FlyToTheMoon")


def test_an_error_code_of_the_query_protocol_finds_its_shape() -> None:
    assert SERVICES["monitoring"].error_name("InvalidParameterValue") == "InvalidParameterValueException"
    assert SERVICES["monitoring"].error_name("Throttling") == "Throttling"
