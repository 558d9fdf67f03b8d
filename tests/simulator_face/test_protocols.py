"""botocore's own serializers and parsers stand on the other side: each reads what the other wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import botocore.parsers
import botocore.serialize
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from simulator.aws.contract import SERVICES, checked
from simulator.aws.protocols import CBOR, JSON, QUERY, Answer, Wire, spoken
from simulator.refusal import Refusal

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
CLOUDWATCH = SERVICES["monitoring"]
QUERY_PARAMS: dict[str, Any] = {
    "MetricDataQueries": [
        {
            "Id": "q1",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ECS",
                    "MetricName": "CPUUtilization",
                    "Dimensions": [{"Name": "ClusterName", "Value": "mylearning"}],
                },
                "Period": 60,
                "Stat": "TC(:0.3)",
            },
            "ReturnData": True,
        }
    ],
    "StartTime": NOON,
    "EndTime": NOON,
}
ANSWER: dict[str, Any] = {
    "MetricDataResults": [
        {
            "Id": "q1",
            "Label": "<p&q>",
            "Timestamps": [NOON.timestamp()],
            "Values": [99.5],
            "StatusCode": "Complete",
        }
    ],
    "NextToken": "t",
}
WIRES = [("json", JSON), ("query", QUERY), ("smithy-rpc-v2-cbor", CBOR)]


def sent(protocol: str) -> Request:
    operation = CLOUDWATCH.operation("GetMetricData")
    serializer = botocore.serialize.create_serializer(protocol)
    request = serializer.serialize_to_request(QUERY_PARAMS, operation)
    body = request["body"]
    data = urlencode(body) if isinstance(body, dict) else body
    headers = {name: str(value) for name, value in request["headers"].items()}
    return Request(
        EnvironBuilder(path=request["url_path"], method="POST", data=data, headers=headers).get_environ()
    )


def received(protocol: str, answer: Answer) -> Any:  # noqa: ANN401 - whatever botocore makes of it
    response = {"body": answer.body, "status_code": answer.status, "headers": dict(answer.headers)}
    shape = CLOUDWATCH.operation("GetMetricData").output_shape
    assert shape is not None
    return botocore.parsers.create_parser(protocol).parse(response, shape)


@pytest.mark.parametrize(("protocol", "wire"), WIRES)
def test_a_request_is_recognised_and_read(protocol: str, wire: Wire) -> None:
    request = sent(protocol)
    assert spoken(request) is wire
    assert wire.operation(request) == "GetMetricData"
    operation = CLOUDWATCH.operation("GetMetricData")
    assert checked(CLOUDWATCH, operation, wire.read(request, operation)) == QUERY_PARAMS


@pytest.mark.parametrize(("protocol", "wire"), WIRES)
def test_an_answer_is_what_the_client_reads(protocol: str, wire: Wire) -> None:
    parsed = received(protocol, wire.write(ANSWER, CLOUDWATCH.operation("GetMetricData"), "request-1"))
    (result,) = parsed["MetricDataResults"]
    assert (result["Label"], result["Values"], parsed["NextToken"]) == ("<p&q>", [99.5], "t")
    assert result["Timestamps"] == [NOON]


@pytest.mark.parametrize(("protocol", "wire"), WIRES)
def test_an_error_reaches_the_client_with_its_code(protocol: str, wire: Wire) -> None:
    refusal = Refusal("InvalidParameterValue", "a < b")
    parsed = received(protocol, wire.refuse(refusal, CLOUDWATCH, "request-1"))
    assert parsed["Error"]["Message"] == "a < b"
    assert parsed["Error"]["Code"] in {"InvalidParameterValue", "InvalidParameterValueException"}
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("wire", [JSON, CBOR])
def test_a_body_that_cannot_be_read_is_refused(wire: Wire) -> None:
    request = Request(EnvironBuilder(method="POST", data=b"\xff{").get_environ())
    with pytest.raises(Refusal, match="SerializationException"):
        wire.read(request, CLOUDWATCH.operation("GetMetricData"))
