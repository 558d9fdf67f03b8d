"""The three protocols that SDKs speak to the services we serve: JSON, query (XML) and Smithy RPC v2 CBOR.

botocore 1.43 and 1.44 send JSON to all three, older SDKs send CloudWatch the query protocol, newer ones CBOR.
Reading and writing a protocol is botocore's and moto's craft; this module only asks them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from xml.sax.saxutils import escape

from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer
from moto.core.parse import QueryParser
from moto.core.serialize import QuerySerializer, SerializationContext

from simulator.refusal import Refusal

if TYPE_CHECKING:
    from moto.core.model import OperationModel
    from werkzeug.wrappers import Request

    from simulator.aws.contract import Service

CBOR_PATH = re.compile(r"/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)")
SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer before it is one."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str]


class Wire(Protocol):
    """One protocol: the operation's name in a request, its parameters, and an answer or error in return."""

    def operation(self, request: Request) -> str:
        """Return the name of the operation that is asked for."""
        ...

    def read(self, request: Request, operation: OperationModel) -> object:
        """Return the request's body as decoded values."""
        ...

    def write(self, result: Mapping[str, Any], operation: OperationModel, request_id: str) -> Answer:
        """Encode what the world answered."""
        ...

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        """Encode an AWS error."""
        ...


def spoken(request: Request) -> Wire:
    """Recognise the protocol of a request."""
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor" or CBOR_PATH.fullmatch(request.path):
        return CBOR
    if "X-Amz-Target" in request.headers:
        return JSON
    return QUERY


class _Json:
    """AWS JSON 1.0 and 1.1; both sides agree on the version by echoing the request's content type."""

    def operation(self, request: Request) -> str:
        return request.headers["X-Amz-Target"].rpartition(".")[2]

    def read(self, request: Request, operation: OperationModel) -> object:
        del operation
        try:
            return json.loads(request.get_data() or b"{}")
        except ValueError as error:
            raise Refusal("SerializationException", f"the body is not JSON: {error}") from None

    def write(self, result: Mapping[str, Any], operation: OperationModel, request_id: str) -> Answer:
        del request_id
        body = json.dumps(result, default=epoch, allow_nan=False, separators=(",", ":"))
        return Answer(200, _content_type(operation.service_model.metadata), body.encode(), {})

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        del request_id
        body = json.dumps({"__type": service.error_name(refusal.code), "message": refusal.message}).encode()
        return Answer(refusal.status, _content_type(service.model.metadata), body, _error_headers(refusal))


class _Query:
    """The query protocol: a form comes in, XML goes out."""

    def operation(self, request: Request) -> str:
        return request.values.get("Action", "")

    def read(self, request: Request, operation: OperationModel) -> object:
        try:
            return QueryParser(operation).parse({"values": request.values})  # type: ignore[typeddict-item]  # it reads no other key
        except (ValueError, TypeError) as error:
            raise Refusal("MalformedQueryString", str(error)) from None

    def write(self, result: Mapping[str, Any], operation: OperationModel, request_id: str) -> Answer:
        written = QuerySerializer(operation, SerializationContext(request_id)).serialize(result)
        return Answer(200, "text/xml", str(written["body"]).encode(), {})

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        namespace = service.model.metadata.get("xmlNamespace", "")
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{_fault(refusal)}</Type>'
            f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Answer(refusal.status, "text/xml", body.encode(), {})


class _Cbor:
    """Smithy RPC v2 with CBOR bodies."""

    def operation(self, request: Request) -> str:
        found = CBOR_PATH.fullmatch(request.path)
        return found["operation"] if found else ""

    def read(self, request: Request, operation: OperationModel) -> object:
        del operation
        body = request.get_data()
        try:
            parser = _cbor_parser()
            return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {}
        except Exception as error:  # noqa: BLE001 - botocore raises a dozen kinds on broken bytes
            raise Refusal("SerializationException", f"the body is not CBOR: {error}") from None

    def write(self, result: Mapping[str, Any], operation: OperationModel, request_id: str) -> Answer:
        del request_id
        body = bytearray()
        if operation.output_shape is None:
            body.extend(b"\xa0")  # an empty map
        else:
            _cbor_serializer()._serialize_data_item(body, result, operation.output_shape)  # noqa: SLF001 - no public way to encode an answer
        return Answer(200, "application/cbor", bytes(body), {"smithy-protocol": "rpc-v2-cbor"})

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        del request_id
        texts = (("__type", service.error_name(refusal.code)), ("message", refusal.message))
        body = bytearray([0xA0 | len(texts)])
        for text in (each for pair in texts for each in pair):
            _cbor_serializer()._serialize_type_string(body, text, None, None)  # noqa: SLF001 - see above
        headers = {"smithy-protocol": "rpc-v2-cbor", **_error_headers(refusal)}
        return Answer(refusal.status, "application/cbor", bytes(body), headers)


JSON, QUERY, CBOR = _Json(), _Query(), _Cbor()


@cache
def _cbor_parser() -> Any:  # noqa: ANN401 - botocore's stubs do not know its CBOR side
    return RpcV2CBORParser()


@cache
def _cbor_serializer() -> Any:  # noqa: ANN401 - botocore's stubs do not know its CBOR side
    return RpcV2CBORSerializer()


def _content_type(metadata: Mapping[str, Any]) -> str:
    return f"application/x-amz-json-{metadata.get('jsonVersion', '1.0')}"


def _fault(refusal: Refusal) -> str:
    return "Receiver" if refusal.status >= SERVER_FAULT else "Sender"


def _error_headers(refusal: Refusal) -> dict[str, str]:
    return {"x-amzn-query-error": f"{refusal.code};{_fault(refusal)}"}


def epoch(value: object) -> float | int:
    """Say in JSON what it has no word for: times as epoch seconds, numpy's numbers as Python's."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date) or not hasattr(value, "item"):
        raise TypeError(f"the world answered something that JSON cannot say: {value!r}")
    number: float | int = value.item()
    return number
