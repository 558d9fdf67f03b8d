"""How S3 is spoken: an operation is a method and a path, bucket first [S3 user guide, path-style]."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from simulator.aws.protocols import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.model import OperationModel
    from werkzeug.wrappers import Request

    from simulator.aws.contract import Service
    from simulator.refusal import Refusal

#: What a plain request for a bucket, and for an object in it, asks for.
BUCKET: Mapping[str, str] = {"PUT": "CreateBucket", "HEAD": "HeadBucket"}
OBJECT: Mapping[str, str] = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject"}
#: What follows a `?` asks for something else, but for what a client says of itself.
HARMLESS = frozenset({"x-id"})


class _Rest:
    """S3's own protocol, as far as objects are put and looked at."""

    def operation(self, request: Request) -> str:
        """Return the operation, or nothing for one of the hundred others."""
        bucket, key = _named(request)
        asked = set(request.args) - HARMLESS
        if bucket and not key and request.method == "GET" and "list-type" in asked:
            return "ListObjectsV2"
        if asked or not bucket:
            return ""
        return (OBJECT if key else BUCKET).get(request.method, "")

    def read(self, request: Request, operation: OperationModel) -> object:
        """Return what an operation is about."""
        del operation
        bucket, key = _named(request)
        return {"Bucket": bucket} | ({"Key": key} if key else {})

    def refuse(self, refusal: Refusal, service: Service, request_id: str) -> Answer:
        """Encode an error as S3 does."""
        body = (
            f"<Error><Code>{escape(service.error_name(refusal.code))}</Code>"
            f"<Message>{escape(refusal.message)}</Message><RequestId>{request_id}</RequestId></Error>"
        )
        return Answer(refusal.status, "application/xml", body.encode(), {})


REST = _Rest()


def _named(request: Request) -> tuple[str, str]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    return bucket, key
