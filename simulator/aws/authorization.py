"""Who asks, and about which region: the credential scope of the signature, which is not verified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.backends import get_backend

if TYPE_CHECKING:
    from collections.abc import Mapping

#: AWS4-HMAC-SHA256 Credential=ACCESSKEY/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=...
CREDENTIAL = re.compile(
    r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/aws4_request"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for.  `service` is the signing name (`monitoring`, `ecs`)."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with an account, asking in a region."""

    name: str
    account: str
    region: str


def scope_of(authorization: str) -> Scope | None:
    """Read the Authorization header; None if the request is not signed."""
    found = CREDENTIAL.search(authorization)
    return Scope(found["key"], found["region"], found["service"].lower()) if found else None


def caller_of(scope: Scope, *, home: str) -> Caller:
    """Name the caller: the session of an assumed role in the role's account, else the access key, at home."""
    sessions: Mapping[str, Mapping[str, object]] = get_backend("sts")
    for account, partitions in list(sessions.items()):
        for backend in list(partitions.values()):
            role = backend.get_assumed_role_from_access_key(scope.access_key)  # type: ignore[attr-defined]
            if role is not None:
                return Caller(role.session_name, account, scope.region)
    return Caller(scope.access_key, home, scope.region)
