"""Protocols that name an operation by method and path (REST with JSON), and EC2's own query protocol."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from moto.core.parse import EC2QueryParser
from moto.core.serialize import EC2Serializer, SerializationContext

from simulator.aws.protocols import QUERY, Answer, epoch
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.model import OperationModel
    from werkzeug.wrappers import Request

    from simulator.aws.contract import Service
    from simulator.aws.protocols import Wire

JSON_TYPE = "application/json"


class RestJson:
    """One service's operations, told apart by method and path."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def operation(self, request: Request) -> str:
        """Return the operation that a method and a path mean, or nothing."""
        for name, (method, pattern) in _routes(self._service).items():
            if method == request.method and pattern.fullmatch(request.path):
                return name
        return ""

    def read(self, request: Request, operation: OperationModel) -> object:
        """Return what an operation is about: of its path, its query and its body."""
        try:
            found = json.loads(request.get_data() or b"{}")
        except ValueError as error:
            raise Refusal("ValidationException", f"the body is not JSON: {error}") from None
        named = _routes(self._service)[operation.name][1].fullmatch(request.path)
        parts = named.groupdict() if named else {}
        members = operation.input_shape.members if operation.input_shape else {}
        asked = {name: request.args[name] for name in members if name in request.args}
        numbers = {name: int(v) for name, v in asked.items() if members[name].type_name == "integer"}
        return {**found, **asked, **numbers, **parts} if isinstance(found, dict) else found

    def write(self, result: Mapping[str, Any], operation: OperationModel, request_id: str) -> Answer:
        """Encode what the world answered."""
        del request_id
        body = json.dumps(result, default=epoch, allow_nan=False, separators=(",", ":"))
        return Answer(operation.http.get("responseCode", 200), JSON_TYPE, body.encode(), {})

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        """Encode an AWS error."""
        del request_id
        code = service.error_name(refusal.code)
        body = json.dumps({"message": refusal.message, **refusal.details}).encode()
        return Answer(refusal.status, JSON_TYPE, body, {"x-amzn-ErrorType": code})


class _Ec2:
    """EC2's query protocol: a form comes in, XML of its own kind goes out."""

    def operation(self, request: Request) -> str:
        """Return the operation that a form names."""
        return QUERY.operation(request)

    def read(self, request: Request, operation: OperationModel) -> object:
        """Return what an operation is about."""
        try:
            return EC2QueryParser(operation).parse({"values": request.values})  # type: ignore[typeddict-item]  # it reads no other key
        except (ValueError, TypeError) as error:
            raise Refusal("MalformedQueryString", str(error)) from None

    def write(self, result: Mapping[str, Any], operation: OperationModel, request_id: str) -> Answer:
        """Encode what the world answered."""
        written = EC2Serializer(operation, SerializationContext(request_id)).serialize(result)
        return Answer(200, "text/xml", str(written["body"]).encode(), {})

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        """Encode an AWS error."""
        del service
        body = (
            f"<Response><Errors><Error><Code>{escape(refusal.code)}</Code>"
            f"<Message>{escape(refusal.message)}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
        return Answer(refusal.status, "text/xml", body.encode(), {})


EC2 = _Ec2()


def wire_of(service: Service) -> Wire | None:
    """Return the protocol that a service alone speaks; None where SDKs choose."""
    protocol = service.model.metadata["protocol"]
    return RestJson(service) if protocol == "rest-json" else EC2 if protocol == "ec2" else None


@cache
def _routes(service: Service) -> dict[str, tuple[str, re.Pattern[str]]]:
    """Return method and path of every operation; what is named last may hold slashes, as an ARN does."""
    found = {}
    for name in service.model.operation_names:
        http = service.model.operation_model(name).http
        path = re.sub(r"\\\{(\w+)\\?\+?\\\}", r"(?P<\1>.+)", re.escape(http["requestUri"].partition("?")[0]))
        found[name] = (http["method"], re.compile(path))
    return found
