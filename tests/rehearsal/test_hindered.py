"""What AWS leaves open, and what blinds us, ends safely: nothing wrong is done, and people are told."""

from __future__ import annotations

from typing import Any

import pytest

from fournines.rehearsal.score import passed
from tests.rehearsal.lives import STORIES, changed, lived, safe

LATE = {"AWS/ApplicationELB": "3m", "AWS/ECS": "3m", "ECS/ContainerInsights": "3m"}

#: Each answer that AWS's documents leave open, where it matters most.
LEFT_OPEN: tuple[tuple[str, dict[str, Any]], ...] = (
    ("spot-shortage", {"strategy_reaches": "new_deployments"}),
    ("bad-deployment", {"update_service_deploys": ["desiredCount", "deploymentConfiguration"]}),
    ("spot-shortage", {"update_service_deploys": ["desiredCount", "deploymentConfiguration"]}),
    ("bad-deployment", {"metric_lag": LATE}),
    ("surge", {"metric_lag": LATE}),
    ("dependency", {"metric_lag": LATE}),
    ("bad-deployment", {"reports_zeros": True}),
    ("surge", {"reports_zeros": True}),
    ("dependency", {"reports_zeros": True}),
    ("quiet-hour", {"reports_zeros": True, "clock_aligned": True}),
    ("bad-deployment", {"alarm_lag": "2m"}),
    ("bad-deployment", {"alarm_bake": "0s"}),
    ("bad-deployment", {"alarm_bake": "10m"}),
    ("bad-deployment", {"event_lag": "1m"}),
    ("redeployed", {"alarm_bake": "0s"}),
    ("redeployed", {"event_lag": "1m"}),
    ("target-also-bad", {"metric_lag": LATE}),
    ("target-also-bad", {"update_service_deploys": ["desiredCount", "deploymentConfiguration"]}),
    ("spot-shortage", {"event_lag": "1m"}),
    ("stuck-tasks", {"stop_task_minds_protection": True}),
    ("stuck-tasks", {"metric_lag": LATE}),
    ("zone-outage", {"zonal_shift_lag": "5m"}),
    ("zone-outage", {"metric_lag": LATE}),
    ("zone-outage", {"event_lag": "1m", "reports_zeros": True}),
    ("out-of-memory", {"event_lag": "1m", "alarm_bake": "0s"}),
    ("crash-loop", {"event_lag": "1m"}),
    ("crash-loop", {"metric_lag": LATE}),
    ("bad-blue-green", {"alarms_cover": "all"}),
    ("bad-canary", {"alarms_cover": "all", "breaker_covers": "all"}),
    ("stuck-at-hook", {"alarms_cover": "all"}),
    ("bad-blue-green", {"bake_time": "own"}),
    ("bad-canary", {"bake_time": "own", "metric_lag": LATE}),
    ("stuck-at-hook", {"stop_at_pause": "accepted"}),
)

#: Where another answer of AWS leaves nothing to do, or shows too little to act on.
LEFT_SAFE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("stuck-tasks", {"sick_replaced_after": "3m"}),
    ("zone-outage", {"zone_of_counts": "balancer"}),
)


@pytest.mark.parametrize(("name", "aws"), LEFT_OPEN)
def test_whatever_aws_does_the_story_ends_rightly(name: str, aws: dict[str, Any]) -> None:
    assert passed(lived(changed(name, aws=aws)))


@pytest.mark.parametrize(("name", "aws"), LEFT_SAFE)
def test_whatever_aws_does_nothing_wrong_is_done_and_people_are_told(name: str, aws: dict[str, Any]) -> None:
    assert safe(lived(changed(name, aws=aws)))


#: What blinds or hinders an observer, for the whole scenario or in its middle.
UNHEARD = {"kind": "events_lost", "share": 1.0, "at": "0s", "duration": "2h"}
THROTTLED = {"kind": "api_throttling", "share": 0.5, "at": "0s", "duration": "2h"}
DELAYED = {"kind": "metrics_delay", "by": "5m", "at": "0s", "duration": "2h"}
DARK = {"kind": "metrics_outage", "at": "10m", "duration": "10m"}
PARTIAL = {"kind": "partial_data", "share": 0.1, "at": "0s", "duration": "2h"}
FAILING = {"kind": "api_errors", "share": 0.3, "at": "0s", "duration": "2h"}
REVISED = {"kind": "metrics_revised", "share": 0.7, "by": "5m", "at": "0s", "duration": "2h"}

#: Where the right answer is still found.
STILL_RIGHT = (
    *((name, UNHEARD) for name in STORIES),
    ("bad-deployment", DELAYED),
    ("bad-deployment", DARK),
    ("spot-shortage", DARK),
    ("surge", DELAYED),
    ("dependency", DARK),
    ("quiet-hour", THROTTLED),
    ("quiet-hour", DELAYED),
    ("bad-canary", UNHEARD),
    ("stuck-at-hook", UNHEARD),
    ("bad-blue-green", DARK),
    ("bad-deployment", PARTIAL),
    ("bad-deployment", FAILING),
    ("dependency", REVISED),
    ("quiet-hour", PARTIAL),
    ("quiet-hour", FAILING),
    ("quiet-hour", REVISED),
)

#: Where a person is called instead, or as well.
AT_LEAST_TOLD = (
    ("bad-deployment", THROTTLED),
    ("spot-shortage", THROTTLED),
    ("surge", THROTTLED),
    ("dependency", THROTTLED),
)


@pytest.mark.parametrize(("name", "hindrance"), STILL_RIGHT)
def test_who_sees_badly_still_gives_the_right_answer(name: str, hindrance: dict[str, Any]) -> None:
    assert passed(lived(changed(name, hindrance)))


@pytest.mark.parametrize(("name", "hindrance"), AT_LEAST_TOLD)
def test_who_can_hardly_see_does_nothing_wrong_and_tells(name: str, hindrance: dict[str, Any]) -> None:
    assert safe(lived(changed(name, hindrance)))
