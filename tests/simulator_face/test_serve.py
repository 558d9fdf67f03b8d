"""The two servers as the processes that they are."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator

WORLD = """
import sys
from simulator.scenario import Scenario
from simulator.serve import serve_world
estate = {"regions": ["eu-west-1"], "services": [{"name": "web"}]}
scenario = Scenario.model_validate({"name": "short", "duration": "1h", "lived_in": "10m", "estate": estate})
sys.exit(serve_world(scenario, port=int(sys.argv[1]), speed=60))
"""
SLACK = """
import sys
from simulator.serve import serve_slack
sys.exit(serve_slack(channels=["incidents"], port=int(sys.argv[1])))
"""


@contextmanager
def process(code: str, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def ready(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    said = json.loads(started.stdout.readline())
    assert said["ready"] is True
    return f"http://127.0.0.1:{said['port']}"


def ended(started: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = started.communicate(timeout=20)
    return started.returncode, errors


def post(url: str) -> None:
    urllib.request.urlopen(url, b"", timeout=5).close()  # noqa: S310 - our own server on loopback


def test_the_world_is_served_until_sigterm() -> None:
    with process(WORLD) as world:
        url = ready(world)
        ecs = boto3.client(
            "ecs", "eu-west-1", endpoint_url=url, aws_access_key_id="me", aws_secret_access_key="x"
        )
        assert ecs.list_services(cluster="mylearning")["serviceArns"]
        world.send_signal(signal.SIGTERM)
        assert ended(world) == (0, "")


def test_the_world_ends_when_it_is_asked_to() -> None:
    with process(WORLD) as world:
        post(ready(world) + "/_world/stop")
        assert ended(world) == (0, "")


def test_slack_is_served_until_sigterm() -> None:
    with process(SLACK) as slack:
        url = ready(slack)
        with urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310 - our own server on loopback
            assert b"# incidents" in page.read()
        slack.send_signal(signal.SIGTERM)
        assert ended(slack) == (0, "")


def test_a_busy_port_is_one_sentence_with_the_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process(SLACK, port) as slack:
            status, errors = ended(slack)
    assert status == 1
    assert errors.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert errors.endswith("choose another port, or 0 for any\n")
    assert errors.count("\n") == 1
