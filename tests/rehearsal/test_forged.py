"""Whoever can write to a queue can make up events, and have nothing done by them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fournines.store.books import Books
from remediation.events.event import Letter
from tests.living import Life, small

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.scenario import Scenario

CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/mylearning"
SERVICE = "arn:aws:ecs:eu-west-1:123456789012:service/mylearning/course-catalog"
SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]
WHERE = {"service": "course-catalog", "region": "eu-west-1"}
ALLOWED = [
    {"name": cause, "cause": cause, "mode": "act", **({} if cause == "deployment" else {"keep_for": "1h"})}
    for cause in ("deployment", "spot_shortage", "surge")
]


def world(*faults: dict[str, Any]) -> Scenario:
    """A service on Spot for which everything may be done."""
    services = [{"name": "course-catalog", "requests_per_minute": 2400, "strategy": SPOT}]
    estate = {"regions": ["eu-west-1"], "traffic": {"shape": "flat"}, "services": services}
    return small(*faults, estate=estate, policies={"policies": ALLOWED})


def forged(life: Life, kind: str, number: int, detail: dict[str, Any]) -> Letter:
    body = {
        "id": f"forged-{kind}-{number}-{life.world.now.isoformat()}",
        "source": "aws.ecs",
        "detail-type": kind,
        "account": "123456789012",
        "region": "eu-west-1",
        "time": life.world.now.isoformat(),
        "resources": [SERVICE],
        "detail": {"clusterArn": CLUSTER, **detail},
    }
    return Letter("events", body["id"], json.dumps(body))  # type: ignore[arg-type]


def task(life: Life, number: int, **detail: Any) -> Letter:  # noqa: ANN401 - a document
    arn = f"arn:aws:ecs:eu-west-1:123456789012:task/mylearning/{number:032}"
    told = {
        "taskArn": arn,
        "version": 9,
        "group": "service:course-catalog",
        "desiredStatus": "STOPPED",
        **detail,
    }
    return forged(life, "ECS Task State Change", number, told)


def crashes(life: Life) -> list[Letter]:
    """Many tasks of what runs crash, it says."""
    newest = life.world.service(0).task_definition
    ended = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "taskDefinitionArn": newest}
    return [task(life, number, **ended) for number in range(9)]


def warnings(life: Life) -> list[Letter]:
    """Spot takes many tasks back, and has no room for others, it says."""
    warned = [task(life, n, lastStatus="RUNNING", stopCode="SpotInterruption") for n in range(9)]
    provider = "arn:aws:ecs:eu-west-1:123456789012:capacity-provider/FARGATE_SPOT"
    refused = {
        "eventType": "ERROR",
        "eventName": "SERVICE_TASK_PLACEMENT_FAILURE",
        "reason": "RESOURCE:FARGATE",
        "capacityProviderArns": [provider],
    }
    return [*warned, forged(life, "ECS Service Action", 0, refused)]


@pytest.mark.parametrize("letters", [crashes, warnings])
@pytest.mark.parametrize("fault", [None, {"kind": "slow_deployment", "at": "11m", "where": WHERE}])
def test_made_up_events_at_a_healthy_service_change_nothing(
    letters: Callable[[Life], list[Letter]], fault: dict[str, Any] | None
) -> None:
    with Books.open("sqlite://") as books:
        life = Life(world(*([fault] if fault else [])), books)
        life.until(12)
        for minute in (12.5, 13, 13.5, 14):
            for letter in letters(life):
                life.mailbox._letters[letter.handle] = letter  # noqa: SLF001 - as somebody else would put it there
            life.until(minute)
        life.until(18)
        assert [run.id for run in books.runs.every()] == []
        assert [c for c in life.world.calls if c.caller == "fournines" and c.service != "cloudwatch"] == []
        assert "a person is needed" not in " ".join(message.text for message in life.ear.heard)
