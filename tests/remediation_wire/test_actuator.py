"""Each effect is one call, and every way that it can end has its word."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config

from collector.estate import ProviderShare
from collector.wire.session import CONFIGS, Access, Sessions
from remediation.actions.effects import (
    Delivery,
    Effect,
    Receipt,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StopDeployment,
    TurnBackAtHook,
)
from remediation.wire.actuator import AwsActuator
from slo.cells import Placement

SHOP = Placement("123456789012", "eu-west-1", "main", "shop")
ARN = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/main/shop/1"
RAISE = SetScalingMinimum(placement=SHOP, minimum=10)

Answer = tuple[int, dict[str, Any]]
Ending = Callable[[socket.socket], Answer | None]


@contextmanager
def aws(ending: Ending) -> Iterator[tuple[AwsActuator, list[tuple[str, dict[str, Any]]]]]:
    """Let each request end in the same way; yield an actuator and what it sent."""
    sent: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent.append((self.headers["X-Amz-Target"].split(".")[-1], body))
            answer = ending(self.connection)
            if answer is None:
                self.close_connection = True
                return
            text = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(text)))
            self.send_header("x-amzn-RequestId", "r-1")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    sessions = Sessions(Access(endpoint_url=url, access_key_id="a", secret_access_key="b"))
    try:
        yield AwsActuator(sessions), sent
    finally:
        sessions.close()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("effect", "operation", "body"),
    [
        (
            StopDeployment(placement=SHOP, deployment_arn=ARN),
            "StopServiceDeployment",
            {"serviceDeploymentArn": ARN, "stopType": "ROLLBACK"},
        ),
        (
            TurnBackAtHook(placement=SHOP, deployment_arn=ARN, hook_id="ecs-pause-1"),
            "ContinueServiceDeployment",
            {"serviceDeploymentArn": ARN, "hookId": "ecs-pause-1", "action": "ROLLBACK"},
        ),
        (
            RestoreRevision(placement=SHOP, task_definition="td:6", revision_arn="rev/6"),
            "UpdateService",
            {"cluster": "main", "service": "shop", "taskDefinition": "td:6"},
        ),
        (
            SetStrategy(placement=SHOP, strategy=(ProviderShare("FARGATE", 1, 2),)),
            "UpdateService",
            {
                "cluster": "main",
                "service": "shop",
                "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 2}],
            },
        ),
        (
            RAISE,
            "RegisterScalableTarget",
            {
                "ServiceNamespace": "ecs",
                "ResourceId": "service/main/shop",
                "ScalableDimension": "ecs:service:DesiredCount",
                "MinCapacity": 10,
            },
        ),
    ],
    ids=[
        "stop a deployment",
        "turn one back at a hook",
        "restore a revision",
        "set a strategy",
        "set a minimum",
    ],
)
def test_an_effect_is_one_call_and_changes_nothing_else(
    effect: Effect, operation: str, body: dict[str, Any]
) -> None:
    with aws(lambda _: (200, {})) as (actuator, sent):
        assert actuator.apply(effect) == Receipt(Delivery.ACCEPTED, "r-1")
    assert sent == [(operation, body)]


@pytest.mark.parametrize(
    ("status", "code", "delivery"),
    [
        (400, "AccessDeniedException", Delivery.REFUSED),
        (400, "ConflictException", Delivery.REFUSED),
        (400, "LimitExceededException", Delivery.REFUSED),
        (400, "ThrottlingException", Delivery.THROTTLED),
        (503, "ThrottlingException", Delivery.THROTTLED),
        (400, "ConcurrentUpdateException", Delivery.THROTTLED),
        (500, "ServerException", Delivery.AMBIGUOUS),
    ],
)
def test_what_aws_answers_is_sent_once_and_has_its_word(status: int, code: str, delivery: Delivery) -> None:
    with aws(lambda _: (status, {"__type": code, "message": "because"})) as (actuator, sent):
        receipt = actuator.apply(RAISE)
    assert receipt == Receipt(delivery, f"RegisterScalableTarget answered {code}: because")
    assert len(sent) == 1


def broken(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def nonsense(_: socket.socket) -> Answer:
    return 500, {}


@pytest.mark.parametrize("ending", [broken, nonsense])
def test_an_answer_that_never_came_is_ambiguous_and_not_sent_again(ending: Ending) -> None:
    with aws(ending) as (actuator, sent):
        assert actuator.apply(RAISE).delivery is Delivery.AMBIGUOUS
    assert len(sent) == 1


def test_a_silent_server_is_ambiguous_and_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()

    def ending(_: socket.socket) -> None:
        silent.wait(10)

    monkeypatch.setitem(CONFIGS, "act", CONFIGS["act"].merge(Config(read_timeout=0.05)))
    with aws(ending) as (actuator, sent):
        assert actuator.apply(RAISE).delivery is Delivery.AMBIGUOUS
        assert len(sent) == 1
        silent.set()


def test_what_never_left_did_nothing_and_may_be_tried_later() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else can take it
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        sessions = Sessions(Access(endpoint_url=url, access_key_id="a", secret_access_key="b"))
        receipt = AwsActuator(sessions).apply(RAISE)
        sessions.close()
    assert receipt.delivery is Delivery.THROTTLED
    assert receipt.detail.startswith("not sent: ")


def test_an_effect_that_aws_could_not_read_is_not_sent() -> None:
    with aws(lambda _: (200, {})) as (actuator, sent):
        receipt = actuator.apply(SetScalingMinimum(placement=SHOP, minimum="ten"))  # type: ignore[arg-type]
    assert receipt.delivery is Delivery.REFUSED
    assert sent == []


def test_what_was_asked_for_too_long_ago_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.wire.session.SENT_WITHIN_S", -1.0)
    with aws(lambda _: (200, {})) as (actuator, sent):
        receipt = actuator.apply(RAISE)
    assert sent == []
    assert receipt.delivery is Delivery.THROTTLED
    assert receipt.detail == "not sent: more than -1 s went by before it could be sent"
