"""The outside straight on the simulated world: the wire's own adapters, on clients that call it directly."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from botocore.exceptions import ClientError

from collector.codes import THROTTLES
from collector.collect import unanswered
from collector.source import Batch, Gap, GapReason, Readings
from remediation.events.event import Letter
from simulator.cloudwatch.amiss import MESSAGES, Status, Told
from simulator.cloudwatch.reading import Plan, Series
from simulator.refusal import Refusal
from slo.cells import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from simulator.bus import Delivery
    from simulator.world import World

#: The name under which the world records what fournines does.
CALLER = "fournines"

#: What a page names its successor by: ECS, Application Auto Scaling, ELBv2.
TOKENS = ("nextToken", "NextToken", "NextMarker")

#: How often the wire's clients send what discovers, a read, a change, a beat; here waiting takes no time.
PATIENT_ATTEMPTS, READ_ATTEMPTS, ACT_ATTEMPTS, BEAT_ATTEMPTS = 10, 3, 1, 2
#: What AWS's clients try again beside what is throttled [botocore, standard retry mode].
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})

_REASONS = {Status.PARTIAL: GapReason.PARTIAL, Status.INTERNAL: GapReason.INTERNAL}

Answer = TypeVar("Answer")


def persisting(attempts: int, ask: Callable[[], Answer]) -> Answer:
    """Ask as AWS's clients do: what was throttled or failed inside AWS is asked again.  Raises Refusal."""
    for _ in range(attempts - 1):
        try:
            return ask()
        except Refusal as refusal:
            if refusal.code not in THROTTLES and refusal.status not in TRANSIENT_STATUSES:
                raise
    return ask()


class Client:
    """A boto3 client's methods, answered by the world: `client.describe_services(...)`."""

    def __init__(self, answer: Any, attempts: int = READ_ATTEMPTS) -> None:  # noqa: ANN401 - (operation, params) -> dict
        self._answer, self._attempts = answer, attempts

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - any method of any service
        operation = "".join(part.capitalize() for part in method.split("_"))
        return lambda **params: self._call(operation, params)

    def get_paginator(self, method: str) -> Paginator:
        """Return what pages through an operation."""
        return Paginator(self, method)

    def _call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = persisting(self._attempts, lambda: self._answer(operation, params))
        except Refusal as refusal:
            error = {
                "Error": {"Code": refusal.code, "Message": refusal.message},
                "ResponseMetadata": {"RequestId": "rehearsed", "HTTPStatusCode": refusal.status},
            }
            raise ClientError(error, operation) from None  # type: ignore[arg-type]  # as botocore fills it
        return {**answer, "ResponseMetadata": {"RequestId": "rehearsed", "HTTPStatusCode": 200}}


class Paginator:
    """Follows a page's token until there is none."""

    def __init__(self, client: Client, method: str) -> None:
        self._ask = getattr(client, method)

    def paginate(self, **params: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - AWS's own parameters
        """Yield every page."""
        size = params.pop("PaginationConfig", {}).get("PageSize")
        if size:
            params["maxResults"] = size
        while True:
            page = self._ask(**params)
            yield page
            token = next(((name, page[name]) for name in TOKENS if page.get(name)), None)
            if token is None:
                return
            params[token[0]] = token[1]


class WorldSessions:
    """Clients of the world by account and region, as `collector.wire.session.Sessions` hands them out."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ecs(self, account: str, region: str, *, patient: bool = False) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for reading services."""
        return self._client(self._world.ecs.call, account, region, _reads(patient=patient))

    def scaling(self, account: str, region: str, *, patient: bool = False) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for reading Application Auto Scaling."""
        return self._client(self._world.scaling.call, account, region, _reads(patient=patient))

    def parts(self, service: str, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for looking at what tasks are made of."""
        return self._client(partial(self._world.materials.call, service), account, region, READ_ATTEMPTS)

    def arc(self, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for reading zonal shifts."""
        return self._client(self._world.shifting.call, account, region, READ_ATTEMPTS)

    def ec2(self, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for reading zones."""
        return self._client(self._world.network.call, account, region, READ_ATTEMPTS)

    def acting_arc(self, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for shifting load balancers away from zones."""
        return self._client(self._world.shifting.call, account, region, ACT_ATTEMPTS)

    def acting_ecs(self, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for changing services."""
        return self._client(self._world.ecs.call, account, region, ACT_ATTEMPTS)

    def acting_scaling(self, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for changing Application Auto Scaling's bounds."""
        return self._client(self._world.scaling.call, account, region, ACT_ATTEMPTS)

    def beating_cloudwatch(self, account: str, region: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for writing heartbeats."""

        def call(operation: str, params: Mapping[str, Any], **who: str) -> dict[str, Any]:
            return self._world.cloudwatch.call(operation, params, now=self._world.now, **who)

        return self._client(call, account, region, BEAT_ATTEMPTS)

    def elbv2(self, account: str, region: str, *, patient: bool = False) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Return a client for reading load balancers."""
        return self._client(self._world.balancing.call, account, region, _reads(patient=patient))

    def _client(
        self, call: Callable[..., dict[str, Any]], account: str, region: str, attempts: int
    ) -> Client:
        return Client(
            lambda operation, params: call(operation, params, region=region, account=account, caller=CALLER),
            attempts,
        )


def _reads(*, patient: bool) -> int:
    return PATIENT_ATTEMPTS if patient else READ_ATTEMPTS


class WorldMetrics:
    """Answers batches from the world's columns, and remembers where each batch leads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._plans: WeakKeyDictionary[Batch, Plan] = WeakKeyDictionary()

    def read(self, batch: Batch, start: int, end: int) -> Readings:
        """Return the minutes `[start, end)` of a batch; a longer period stands in its first minute."""
        plan, minutes = self._plan(batch), range(start, end, batch.period_s // MINUTE_S)
        try:
            told = persisting(READ_ATTEMPTS, lambda: self._columns(plan, minutes))
        except Refusal as refusal:
            return unanswered(batch, start, end, _refused(refusal))
        values = told.values
        if minutes.step > 1:
            values = np.full((len(batch.queries), end - start), np.nan)
            values[:, :: minutes.step] = told.values
        return Readings(batch, start, values, {row: _amiss(each) for row, each in told.amiss.items()})

    def _columns(self, plan: Plan, minutes: range) -> Told:
        return self._world.cloudwatch.columns(plan, minutes, now=self._world.now, caller=CALLER)

    def _plan(self, batch: Batch) -> Plan:
        kept = self._plans.get(batch)
        if kept is None:
            kept = self._plans[batch] = self._world.cloudwatch.plan(list(_series(batch)))
        return kept


def _refused(refusal: Refusal) -> Gap:
    """Return the gap of a call that was not answered."""
    reason = GapReason.THROTTLED if refusal.code in THROTTLES else GapReason.UNREACHABLE
    return Gap(reason, f"cloudwatch:GetMetricData answered {refusal.code}: {refusal.message}")


def _amiss(status: Status) -> Gap:
    """Return the gap of a series that an answer left out."""
    return Gap(_REASONS[status], f"cloudwatch:GetMetricData {status} {status}: {MESSAGES[status]}")


def _series(batch: Batch) -> Iterator[Series]:
    for query in batch.queries:
        dimensions = tuple(sorted(query.dimensions))
        yield Series(batch.account, batch.region, query.namespace, query.metric, dimensions, query.stat)


class WorldMailbox:
    """Letters from the world's event buses, until they are deleted."""

    def __init__(self) -> None:
        self._letters: dict[str, Letter] = {}
        self._number = itertools.count()

    def post(self, deliveries: Iterable[Delivery]) -> None:
        """Take what has just arrived."""
        for delivery in deliveries:
            handle = str(next(self._number))
            self._letters[handle] = Letter(delivery.region, handle, json.dumps(delivery.event, default=str))

    def receive(self) -> Sequence[Letter]:
        """Return what has arrived and was not deleted."""
        return tuple(self._letters.values())

    @property
    def troubles(self) -> Mapping[str, str]:
        """Have none: nothing lies between this mailbox and the world."""
        return {}

    def delete(self, letters: Sequence[Letter]) -> None:
        """Delete letters that are stored safely."""
        for letter in letters:
            self._letters.pop(letter.handle, None)
