"""Clients of AWS by account and region: credentials, roles, timeouts, and how often something is sent.

Reads are sent up to three times, a heartbeat twice: two beats of a minute are as good as one.  What discovers
is patient, and slows down by itself where AWS asks for it.
What changes something is sent once, and only while the leave to send it is young; repeating is decided above.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    NoCredentialsError,
)
from botocore.loaders import create_loader
from botocore.utils import parse_timestamp

from collector.codes import DENIALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.credentials import Credentials
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_arc_zonal_shift import ARCZonalShiftClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 10
READ_ATTEMPTS_MAX = 3
BEAT_TIMEOUT_S = 5
LOOK_TIMEOUT_S = 5
BEAT_ATTEMPTS_MAX = 2
#: With every second call refused, one of a thousand is refused as often as this.
PATIENT_ATTEMPTS_MAX = 10
CONNECTIONS_MAX = 16

ROLE_SESSION_NAME = "fournines"

#: A change that could not be sent within so long of being asked for is not sent.
SENT_WITHIN_S = 4.0

#: Stands for the account whose credentials we start with; no account has an empty id.
OURS = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How AWS is reached: with the usual credentials or given ones, a role per account, another endpoint."""

    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    roles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("an access key id and its secret come together")


class Sessions:
    """Makes each client once and keeps it; clients may be shared by threads."""

    def __init__(self, access: Access | None = None) -> None:
        logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)  # it tells what we say in a line
        self._access = access or Access()
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str, bool], boto3.Session] = {}
        self._loader = create_loader()
        self._clients: dict[tuple[str, str, str, str], Any] = {}

    def cloudwatch(self, account: str, region: str) -> CloudWatchClient:
        """Return a client for reading metrics, whose timestamps are seconds since 1970, not datetimes.

        Making half a million datetimes costs more than all else that reading does.
        """
        client: CloudWatchClient = self._client("cloudwatch", account, region, "metrics")
        return client

    def beating_cloudwatch(self, account: str, region: str) -> CloudWatchClient:
        """Return a client for writing heartbeats: soon done, since the next beat is a minute away."""
        client: CloudWatchClient = self._client("cloudwatch", account, region, "beat")
        return client

    def looking(self, service: str, account: str, region: str) -> Any:  # noqa: ANN401 - one method, many kinds
        """Return a client for one look at any service: sent once and soon over, since a person waits."""
        return self._client(service, account, region, "look")

    def ecs(self, account: str, region: str, *, patient: bool = False) -> ECSClient:
        """Return a client for reading services."""
        client: ECSClient = self._client("ecs", account, region, _reading(patient=patient))
        return client

    def elbv2(self, account: str, region: str, *, patient: bool = False) -> ElasticLoadBalancingv2Client:
        """Return a client for reading load balancers."""
        client: ElasticLoadBalancingv2Client = self._client(
            "elbv2", account, region, _reading(patient=patient)
        )
        return client

    def scaling(self, account: str, region: str, *, patient: bool = False) -> ApplicationAutoScalingClient:
        """Return a client for reading scaling ranges."""
        client: ApplicationAutoScalingClient = self._client(
            "application-autoscaling", account, region, _reading(patient=patient)
        )
        return client

    def arc(self, account: str, region: str) -> ARCZonalShiftClient:
        """Return a client for reading zonal shifts."""
        client: ARCZonalShiftClient = self._client("arc-zonal-shift", account, region, "read")
        return client

    def ec2(self, account: str, region: str) -> Any:  # noqa: ANN401 - no types of it are at hand
        """Return a client for reading zones."""
        return self._client("ec2", account, region, "read")

    def s3(self, account: str, region: str) -> Any:  # noqa: ANN401 - no types of it are at hand
        """Return a client for keeping objects: to put the same bytes again is harmless."""
        return self._client("s3", account, region, "read")

    def parts(self, service: str, account: str, region: str) -> Any:  # noqa: ANN401 - no types of them are at hand
        """Return a client for looking at what tasks are made of: `ecr`, `secretsmanager` or `ssm`."""
        return self._client(service, account, region, "read")

    def sqs(self, account: str, region: str) -> SQSClient:
        """Return a client for queues; it waits as long as a long poll may take."""
        client: SQSClient = self._client("sqs", account, region, "poll")
        return client

    def acting_ecs(self, account: str, region: str) -> ECSClient:
        """Return a client that sends each change once."""
        client: ECSClient = self._client("ecs", account, region, "act")
        return client

    def acting_scaling(self, account: str, region: str) -> ApplicationAutoScalingClient:
        """Return a client that sends each change once."""
        client: ApplicationAutoScalingClient = self._client("application-autoscaling", account, region, "act")
        return client

    def acting_arc(self, account: str, region: str) -> ARCZonalShiftClient:
        """Return a client that sends each change once."""
        client: ARCZonalShiftClient = self._client("arc-zonal-shift", account, region, "act")
        return client

    def close(self) -> None:
        """Close the connections of every client."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, service: str, account: str, region: str, use: str) -> Any:  # noqa: ANN401 - one cache, many kinds
        key = (service, account, region, use)
        with self._lock:  # making a client is not thread-safe, using it is
            if key not in self._clients:
                session = self._session(account, region, numeric=use == "metrics")
                self._clients[key] = session.client(
                    service,  # type: ignore[call-overload]  # the overloads want literals
                    region_name=region,
                    endpoint_url=self._access.endpoint_url,
                    config=CONFIGS[use],
                )
                if use == "act":
                    _send_in_time(self._clients[key])
            return self._clients[key]

    def _session(self, account: str, region: str, *, numeric: bool) -> boto3.Session:
        """Return the session of an account in a region.

        A role is assumed by each region on its own, so that none depends on another's STS.  The numeric
        session borrows its credentials: STS needs real timestamps.
        """
        key = (account, region, numeric)
        if key not in self._sessions:
            core = botocore.session.Session()
            core.register_component("data_loader", self._loader)  # service models are large: read them once
            if numeric:
                plain = self._session(account, region, numeric=False)
                _register(core, plain.get_credentials)
                core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=seconds)
            elif role := self._access.roles.get(account):
                _register(core, lambda: self._assumed(role, region))
            elif self._access.access_key_id and self._access.secret_access_key:
                core.set_credentials(
                    self._access.access_key_id, self._access.secret_access_key, self._access.session_token
                )
            self._sessions[key] = boto3.Session(botocore_session=core)
        return self._sessions[key]

    def _assumed(self, role_arn: str, region: str) -> Credentials:
        """Return credentials that are fetched from STS when first needed, and again before they expire."""
        own = self._session(OURS, region, numeric=False)

        def sts(_: str, **credentials: Any) -> Any:  # noqa: ANN401 - botocore's own calling convention
            with self._lock:
                return own.client(
                    "sts",
                    region_name=region,
                    endpoint_url=self._access.endpoint_url,
                    config=CONFIGS["read"],
                    **credentials,
                )

        def fetch() -> Any:  # noqa: ANN401 - botocore's own shape
            ours = own.get_credentials()  # looked for each time: a machine may be given them late
            if ours is None:
                raise NoCredentialsError
            return AssumeRoleCredentialFetcher(
                client_creator=sts,
                source_credentials=ours,
                role_arn=role_arn,
                extra_args={"RoleSessionName": ROLE_SESSION_NAME},
            ).fetch_credentials()

        return DeferredRefreshableCredentials(
            refresh_using=partial(_fetched, fetch, role_arn), method="assume-role"
        )


def _fetched(fetch: Callable[[], Any], role_arn: str) -> Any:  # noqa: ANN401 - botocore's own shape
    """Fetch a role's credentials; a refusal names the role, and was sent before whatever was asked for."""
    try:
        return fetch()
    except ClientError as error:
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code not in DENIALS:
            raise
        told = f"sts:{error.operation_name} answered {code}: {message}"
        raise CredentialRetrievalError(provider=role_arn, error_msg=told) from error


def seconds(stamp: float | str) -> float:
    """Return a timestamp as seconds since 1970: JSON has numbers, XML has texts."""
    return float(stamp) if isinstance(stamp, int | float) else parse_timestamp(stamp).timestamp()


def _reading(*, patient: bool) -> str:
    return "discover" if patient else "read"


def _config(
    *,
    attempts: int,
    mode: Literal["standard", "adaptive"] = "standard",
    read_timeout_s: int = READ_TIMEOUT_S,
    validation: bool = True,
) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": mode, "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS_MAX,
        parameter_validation=validation,
        user_agent_extra="fournines",
    )


#: A metrics request is built by us from checked values; validating 500 queries costs more than sending them.
CONFIGS = {
    "metrics": _config(attempts=READ_ATTEMPTS_MAX, validation=False),
    "read": _config(attempts=READ_ATTEMPTS_MAX),
    "discover": _config(attempts=PATIENT_ATTEMPTS_MAX, mode="adaptive"),
    "poll": _config(attempts=1, read_timeout_s=2 * READ_TIMEOUT_S),
    "act": _config(attempts=1),
    "look": _config(attempts=1, read_timeout_s=LOOK_TIMEOUT_S),
    "beat": _config(attempts=BEAT_ATTEMPTS_MAX, read_timeout_s=BEAT_TIMEOUT_S),
}


class StalledError(ConnectTimeoutError):
    """The process stood still before a change was sent, or its credentials took long: it did not leave."""

    fmt = "more than {seconds:g} s went by before it could be sent"


def _send_in_time(client: Any) -> None:  # noqa: ANN401 - of any service
    """Have the client keep a call back that began too long ago: somebody else may be at it by now."""
    begun = threading.local()

    def begin(**_: object) -> None:
        begun.at = time.monotonic()

    def send(**_: object) -> None:
        if time.monotonic() - begun.at > SENT_WITHIN_S:
            raise StalledError(seconds=SENT_WITHIN_S)

    client.meta.events.register_first("before-parameter-build", begin)
    client.meta.events.register_last("before-send", send)


class _Given(CredentialProvider):
    """Hands a session the credentials that a function returns."""

    METHOD = "given"

    def __init__(self, load: Callable[[], Any]) -> None:
        super().__init__()
        self.load = load  # type: ignore[method-assign]  # botocore asks for nothing else


def _register(core: botocore.session.Session, load: Callable[[], Any]) -> None:
    core.register_component("credential_provider", CredentialResolver([_Given(load)]))
