"""Deployments that are not to blame for the trouble after them: they stay, and people are told."""

from __future__ import annotations

from typing import Any

from fournines.rehearsal.score import passed
from simulator.scenario import Scenario
from tests.rehearsal.lives import Summary, lived

SERVICES = ("payment", "web-app", "lms-integration", "course-catalog")


def night(*faults: dict[str, Any], minutes: int, bake: str = "2m") -> Summary:
    """Return how a night went on which deployments may be taken back."""
    services = [{"name": name, "requests_per_minute": 1800} for name in SERVICES]
    document = {
        "name": "innocent",
        "start": "2026-11-23T12:00:00Z",
        "duration": f"{minutes}m",
        "estate": {
            "regions": ["eu-west-1", "us-east-1"],
            "traffic": {"shape": "flat"},
            "services": services,
        },
        "aws": {"alarm_bake": bake},
        "policies": {"policies": [{"name": "rollback", "cause": "deployment", "mode": "act"}]},
        "faults": faults,
    }
    return lived(Scenario.model_validate(document))


def deployed(at: str) -> dict[str, Any]:
    """Return an innocent deployment."""
    where = {"service": "payment", "region": "eu-west-1"}
    return {"kind": "deployment", "at": at, "where": where, "expect": "none"}


def failing(service: str, at: str, duration: str) -> dict[str, Any]:
    """Return trouble that no deployment brought."""
    return {
        "kind": "dependency_failure",
        "at": at,
        "duration": duration,
        "where": {"service": service, "region": "eu-west-1"},
        "error_ratio": 0.3,
        "expect": "escalate",
    }


def test_what_a_whole_region_shares_is_not_blamed_on_the_one_service_that_was_deployed() -> None:
    outage = [failing(service, "25m", "8m") for service in SERVICES]
    assert passed(night(deployed("6m"), *outage, minutes=40))


def test_a_fault_that_comes_back_is_not_blamed_on_what_was_deployed_in_between() -> None:
    before = [failing("payment", "10m", "6m"), failing("payment", "20m", "6m")]
    assert passed(night(*before, deployed("36m"), failing("payment", "44m", "8m"), minutes=56))


def test_tasks_that_crash_everywhere_are_not_blamed_on_the_deployment_that_is_under_way() -> None:
    crash = {"kind": "crash_loop", "at": "14m", "duration": "12m", "where": {"service": "payment"}}
    baking = night(deployed("6m"), crash | {"lives": "60s", "expect": "escalate"}, minutes=30, bake="12m")
    assert passed(baking)
