"""Deployments that are not to blame for the trouble after them: they stay, and people are told."""

from __future__ import annotations

from typing import Any

from fournines.rehearsal.score import passed
from simulator.scenario import Scenario
from tests.rehearsal.lives import Summary, lived

SERVICES = ("payment", "web-app", "lms-integration", "course-catalog")


def after_a_deployment(*faults: dict[str, Any], minutes: int = 40, **changes: Any) -> Summary:  # noqa: ANN401 - a document
    """Return how a night went on which payment was deployed in one region, innocently, before the faults."""
    services = [{"name": name, "requests_per_minute": 1800} for name in SERVICES]
    policies = [{"name": "rollback", "cause": "deployment", "mode": "act"}]
    innocent = {"kind": "deployment", "at": "6m", "where": PAYMENT, "expect": "none"}
    document = {
        "name": "innocent",
        "start": "2026-11-23T12:00:00Z",
        "duration": f"{minutes}m",
        "estate": {
            "regions": ["eu-west-1", "us-east-1"],
            "traffic": {"shape": "flat"},
            "services": services,
        },
        "policies": {"policies": policies},
        "faults": [innocent, *faults],
    }
    return lived(Scenario.model_validate(document | changes))


PAYMENT = {"service": "payment", "region": "eu-west-1"}


def failing(service: str, at: str = "25m", duration: str = "8m") -> dict[str, Any]:
    return {
        "kind": "dependency_failure",
        "at": at,
        "duration": duration,
        "where": {"service": service, "region": "eu-west-1"},
        "error_ratio": 0.3,
        "expect": "escalate",
    }


def test_what_a_whole_region_shares_is_not_blamed_on_the_one_service_that_was_deployed() -> None:
    assert passed(after_a_deployment(*map(failing, SERVICES)))
