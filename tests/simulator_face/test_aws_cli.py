"""The AWS CLI with nothing but an endpoint URL, as the documentation has people type it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator.aws.stand import Stand
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

EPOCH = datetime(2026, 11, 23, 12, tzinfo=UTC)
SCENARIO = Scenario.model_validate(
    {
        "name": "typed",
        "start": EPOCH,
        "duration": "1h",
        "estate": {"regions": ["eu-west-1", "us-east-1"], "services": [{"name": "web-app"}]},
    }
)
DOCUMENTED = Path(__file__).parents[2] / "docs" / "aws.md"


class Shell:
    """A shell in which `aws` is found and knows no account but the simulated one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._knows = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", script], env=self._knows, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asked(self, command: str, region: str = "eu-west-1") -> Any:  # noqa: ANN401 - any answer
        return json.loads(self.run(f"aws --endpoint-url {self.url} --region {region} {command}"))


@pytest.fixture(scope="module")
def shell(serve: Callable[[WSGIApplication], str]) -> Shell:
    return Shell(serve(Stand(SCENARIO, epoch=EPOCH, read_wall=lambda: EPOCH).app))


def test_the_estate_is_listed_by_its_commands(shell: Shell) -> None:
    (cluster,) = shell.asked("ecs list-clusters")["clusterArns"]
    (service,) = shell.asked(f"ecs list-services --cluster {cluster}")["serviceArns"]
    assert service.endswith(":service/mylearning/web-app")
    metrics = shell.asked("cloudwatch list-metrics --namespace AWS/ECS")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} >= {"CPUUtilization", "MemoryUtilization"}


def test_queues_and_rules_are_made_by_the_commands_of_the_documentation(shell: Shell) -> None:
    text = DOCUMENTED.read_text(encoding="utf-8")
    (script,) = re.findall(
        r"^fournines simulate [^\n]*\n(.*?)^fournines serve ", text, re.DOTALL | re.MULTILINE
    )
    shell.run(script.replace("http://127.0.0.1:5000", shell.url))
    for region in ("eu-west-1", "us-east-1"):
        (target,) = shell.asked("events list-targets-by-rule --rule fournines", region)["Targets"]
        assert target["Arn"] == f"arn:aws:sqs:{region}:123456789012:fournines"
        assert shell.asked("sqs get-queue-url --queue-name fournines", region)["QueueUrl"]
