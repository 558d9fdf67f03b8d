"""Deployments that move traffic: both colours run, weights follow the strategy, and turn within seconds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World
from tests.simulator.test_ecs_shapes import check

if TYPE_CHECKING:
    from simulator.ecs.service import Service

WHERE = {"service": "web", "region": "eu-west-1"}
ME = {"region": "eu-west-1", "account": "123456789012", "caller": "test"}
NAMED = {"cluster": "mylearning", "service": "web"}
BAD = {"kind": "bad_deployment", "at": "0s", "where": WHERE, "error_ratio": 0.5, "fails": "once_serving"}
BLUE_GREEN = {"strategy": "blue_green", "bake": "5m"}
PAUSED = {
    **BLUE_GREEN,
    "pauses": [{"stage": "POST_PRODUCTION_TRAFFIC_SHIFT", "timeout": "10m", "on_timeout": "continue"}],
}


def world(deployment: dict[str, Any], *faults: dict[str, Any], **changes: Any) -> World:  # noqa: ANN401 - a document
    web = {"name": "web", "requests_per_minute": 6000, "deployment": deployment, **changes.pop("spec", {})}
    document = {
        "name": "small",
        "duration": "4h",
        "estate": {
            "regions": ["eu-west-1"],
            "traffic": {"shape": "flat"},
            "services": [web],
            "deployment_alarms": changes.pop("alarms", False),
        },
        "faults": list(faults or [BAD]),
        **changes,
    }
    return World(Scenario.model_validate(document))


def web(of: World) -> Service:
    return of.service(0)


def wait(of: World, **span: float) -> list[dict[str, Any]]:
    return [delivery.event for delivery in of.step(of.now + timedelta(**span))]


def newest(of: World) -> dict[str, Any]:
    listed = of.ecs.call("ListServiceDeployments", NAMED, **ME)["serviceDeployments"]
    arns = [listed[0]["serviceDeploymentArn"]]
    told = of.ecs.call("DescribeServiceDeployments", {"serviceDeploymentArns": arns}, **ME)
    check("ecs", "DescribeServiceDeployments", told)
    described: dict[str, Any] = told["serviceDeployments"][0]
    return described


def green(of: World) -> float:
    weight: float = newest(of)["targetServiceRevision"]["requestedProductionTrafficWeight"]
    return weight


def stage(of: World) -> str:
    told: str = newest(of)["lifecycleStage"]
    return told


def until(of: World, wanted: str) -> None:
    """Live until a stage."""
    for _ in range(2000):
        if newest(of).get("lifecycleStage") == wanted:
            return
        wait(of, seconds=5)
    raise AssertionError(f"it never came to {wanted}")


def failing(of: World, minutes: int) -> float:
    """The share of requests that failed in the newest minutes."""
    bad, total = of.truth.pooled(of.truth.end - minutes, of.truth.end, [0])
    return bad / total


def stop(of: World) -> None:
    arn = newest(of)["serviceDeploymentArn"]
    of.ecs.call("StopServiceDeployment", {"serviceDeploymentArn": arn}, **ME)


def answer(of: World, **said: str) -> None:
    told = newest(of)
    (hook,) = told["lifecycleHookDetails"]
    params = {"serviceDeploymentArn": told["serviceDeploymentArn"], "hookId": hook["hookId"]}
    told = of.ecs.call("ContinueServiceDeployment", {**params, **said}, **ME)
    check("ecs", "ContinueServiceDeployment", told)


def hooks(events: list[dict[str, Any]]) -> list[str]:
    kinds = [e for e in events if e["detail-type"] == "ECS Hook State Change"]
    return [event["detail"]["eventName"] for event in kinds]


def test_green_runs_beside_blue_and_harms_nobody_before_traffic_moves() -> None:
    estate = world(BLUE_GREEN)
    until(estate, "SCALE_UP")
    wait(estate, seconds=60)
    assert (stage(estate), green(estate)) == ("SCALE_UP", 0.0)
    assert failing(estate, 2) < 0.01
    until(estate, "BAKE_TIME")
    assert web(estate).serving == 2 * web(estate).desired
    (ordeal,) = estate.ordeals
    assert ordeal.onset is not None
    assert ordeal.onset > estate.scenario.start.timestamp() + 60, "it did no harm while it got no requests"


def test_in_the_bake_both_colours_run_and_afterwards_blue_is_gone() -> None:
    estate = world(BLUE_GREEN)
    until(estate, "BAKE_TIME")
    wait(estate, minutes=4)
    assert (newest(estate)["status"], green(estate)) == ("IN_PROGRESS", 100.0)
    assert {kept["requestedTaskCount"] for kept in newest(estate)["sourceServiceRevisions"]} == {
        web(estate).desired
    }
    assert failing(estate, 2) == pytest.approx(0.5, abs=0.03)
    wait(estate, minutes=2)
    assert newest(estate)["status"] == "SUCCESSFUL"
    assert web(estate).serving == web(estate).desired


def test_a_rollback_in_the_bake_moves_traffic_back_within_seconds() -> None:
    estate = world(BLUE_GREEN)
    until(estate, "BAKE_TIME")
    wait(estate, minutes=2)
    stop(estate)
    assert newest(estate)["status"] == "ROLLBACK_REQUESTED"
    wait(estate, seconds=10)
    assert green(estate) == 0.0
    assert newest(estate)["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 100.0
    wait(estate, minutes=3)
    assert newest(estate)["status"] == "ROLLBACK_SUCCESSFUL"
    assert failing(estate, 2) < 0.01


def test_a_rollback_after_blue_has_begun_to_go_waits_until_it_serves_again() -> None:
    estate = world(BLUE_GREEN, spec={"minimum": 6})
    until(estate, "CLEAN_UP")
    assert newest(estate)["status"] == "IN_PROGRESS"
    stop(estate)
    wait(estate, seconds=10)
    assert green(estate) == 100.0
    wait(estate, minutes=4)
    assert (newest(estate)["status"], green(estate)) == ("ROLLBACK_SUCCESSFUL", 0.0)


def test_a_canary_fails_no_more_than_its_share_until_the_rest_follows() -> None:
    estate = world({"strategy": "canary", "canary_percent": 10, "canary_bake": "5m", "bake": "3m"})
    until(estate, "PRODUCTION_TRAFFIC_SHIFT")
    assert green(estate) == 10.0
    wait(estate, minutes=4)
    assert failing(estate, 2) == pytest.approx(0.05, abs=0.01)
    wait(estate, minutes=3)
    assert green(estate) == 100.0
    assert failing(estate, 1) == pytest.approx(0.5, abs=0.03)


def test_a_linear_deployment_moves_traffic_step_by_step() -> None:
    estate = world({"strategy": "linear", "step_percent": 25, "step_bake": "2m", "bake": "0m"})
    until(estate, "PRODUCTION_TRAFFIC_SHIFT")
    seen = []
    for _ in range(4):
        seen.append(green(estate))
        wait(estate, minutes=2)
    assert seen == [25.0, 50.0, 75.0, 100.0]
    assert newest(estate)["status"] in {"IN_PROGRESS", "SUCCESSFUL"}
    wait(estate, minutes=2)
    assert newest(estate)["status"] == "SUCCESSFUL"


def test_both_colours_share_the_load_only_as_far_as_traffic_does() -> None:
    innocent = {"kind": "deployment", "at": "0s", "where": WHERE}
    surge = {"kind": "traffic_surge", "at": "4m", "duration": "10m", "factor": 3, "where": WHERE}
    canary = {"strategy": "canary", "canary_percent": 5, "canary_bake": "30m"}
    estate = world(canary, innocent, surge, spec={"maximum": 3, "minimum": 3, "requests_per_task": 3000})
    wait(estate, minutes=8)
    assert green(estate) == 5.0
    assert failing(estate, 2) > 0.3, "blue alone carries 95 % of it: six tasks are no help to three"


def test_a_deployment_waits_at_a_pause_hook_and_says_so() -> None:
    estate = world(PAUSED)
    events: list[dict[str, Any]] = []
    while not hooks(events):
        events = wait(estate, seconds=5)
    (event,) = [e for e in events if e["detail-type"] == "ECS Hook State Change"]
    (hook,) = newest(estate)["lifecycleHookDetails"]
    assert hook["status"] == "AWAITING_ACTION"
    assert event["detail"]["hookId"] == hook["hookId"]
    assert event["detail"]["serviceDeploymentArn"] == newest(estate)["serviceDeploymentArn"]
    assert datetime.fromisoformat(event["detail"]["expiresAt"]) == hook["expiresAt"]
    wait(estate, minutes=5)
    assert (stage(estate), green(estate)) == ("POST_PRODUCTION_TRAFFIC_SHIFT", 100.0)


@pytest.mark.parametrize(
    ("said", "status", "told"),
    [
        ({"action": "ROLLBACK"}, "ROLLBACK_SUCCESSFUL", "HOOK_FAILED"),
        ({"action": "CONTINUE"}, "SUCCESSFUL", "HOOK_SUCCEEDED"),
        ({}, "SUCCESSFUL", "HOOK_SUCCEEDED"),
    ],
)
def test_a_hook_s_answer_is_done_and_no_answer_means_go_on(
    said: dict[str, str], status: str, told: str
) -> None:
    estate = world(PAUSED)
    until(estate, "POST_PRODUCTION_TRAFFIC_SHIFT")
    answer(estate, **said)
    assert told in hooks(wait(estate, minutes=9))
    assert newest(estate)["status"] == status
    with pytest.raises(Refusal):
        estate.ecs.call(
            "ContinueServiceDeployment",
            {"serviceDeploymentArn": newest(estate)["serviceDeploymentArn"], "hookId": "ecs-pause-x"},
            **ME,
        )


@pytest.mark.parametrize(
    ("action", "status"), [("continue", "SUCCESSFUL"), ("rollback", "ROLLBACK_SUCCESSFUL")]
)
def test_a_hook_that_nobody_answers_does_what_it_was_told(action: str, status: str) -> None:
    pause = {"stage": "PRE_PRODUCTION_TRAFFIC_SHIFT", "timeout": "5m", "on_timeout": action}
    estate = world({**BLUE_GREEN, "pauses": [pause]})
    until(estate, "POST_TEST_TRAFFIC_SHIFT")
    wait(estate, minutes=4)
    assert green(estate) == 0.0
    events = wait(estate, minutes=10)
    assert hooks(events) == ["HOOK_TIMED_OUT"]
    assert newest(estate)["status"] == status


def test_whether_a_paused_deployment_can_be_stopped_is_a_setting() -> None:
    estate = world(PAUSED)
    until(estate, "POST_PRODUCTION_TRAFFIC_SHIFT")
    with pytest.raises(Refusal, match="lifecycle hook"):
        stop(estate)
    lenient = world(PAUSED, aws={"stop_at_pause": "accepted"})
    until(lenient, "POST_PRODUCTION_TRAFFIC_SHIFT")
    stop(lenient)
    assert hooks(wait(lenient, minutes=3)) == ["HOOK_AWAITING_ACTION", "HOOK_FAILED"]
    assert newest(lenient)["status"] == "ROLLBACK_SUCCESSFUL"


@pytest.mark.parametrize(("cover", "status"), [("rolling", "SUCCESSFUL"), ("all", "ROLLBACK_SUCCESSFUL")])
def test_whether_alarms_and_breaker_cover_it_is_a_setting(cover: str, status: str) -> None:
    rung = world({**BLUE_GREEN, "bake": "6m"}, alarms=True, aws={"alarms_cover": cover})
    wait(rung, minutes=14)
    assert newest(rung)["status"] == status
    broken = {"kind": "broken_deployment", "at": "0s", "where": WHERE}
    tripped = world(BLUE_GREEN, broken, aws={"breaker_covers": cover})
    wait(tripped, minutes=20)
    turned = newest(tripped)["status"] == "ROLLBACK_SUCCESSFUL"
    assert turned is (cover == "all")
    assert failing(tripped, 10) < 0.01


def test_whether_the_bake_is_as_configured_is_a_setting() -> None:
    own = world({**BLUE_GREEN, "bake": "1h"}, aws={"bake_time": "own"})
    wait(own, minutes=6)
    assert newest(own)["status"] == "SUCCESSFUL"
    configured = world({**BLUE_GREEN, "bake": "1h"})
    wait(configured, minutes=30)
    assert stage(configured) == "BAKE_TIME"


def test_a_newer_deployment_in_between_begins_with_what_was_completed() -> None:
    again = {"kind": "deployment", "at": "6m", "where": WHERE}
    estate = world({**BLUE_GREEN, "bake": "30m"}, BAD, again)
    until(estate, "BAKE_TIME")
    wait(estate, seconds=6 * 60 - (estate.now - estate.scenario.start).total_seconds() + 10)
    assert green(estate) == 0.0
    assert len(newest(estate)["sourceServiceRevisions"]) == 2
    wait(estate, minutes=4)
    assert stage(estate) == "BAKE_TIME"
    assert failing(estate, 2) < 0.01


def test_without_a_load_balancer_every_task_works_whatever_the_weights() -> None:
    queue = {"name": "jobs", "arrivals_per_minute": 600}
    innocent = {"kind": "deployment", "at": "0s", "where": WHERE}
    estate = world(BLUE_GREEN, innocent, spec={"front": "none", "queue": queue})
    until(estate, "BAKE_TIME")
    assert all(web(estate).carries(task) for task in web(estate).tasks if task.serving)
    wait(estate, minutes=8)
    assert newest(estate)["status"] == "SUCCESSFUL"


def test_a_rolling_deployment_may_be_successful_while_old_tasks_still_run() -> None:
    estate = world({"early_success_percent": 20}, spec={"minimum": 10})
    for _ in range(200):
        wait(estate, seconds=5)
        if newest(estate)["status"] == "SUCCESSFUL":
            break
    told = estate.ecs.call("DescribeServices", {**NAMED, "services": ["web"]}, **ME)["services"][0]
    assert {entry["status"] for entry in told["deployments"]} == {"PRIMARY", "ACTIVE"}
    assert newest(estate)["sourceServiceRevisions"][0]["runningTaskCount"] > 0
    wait(estate, minutes=5)
    told = estate.ecs.call("DescribeServices", {**NAMED, "services": ["web"]}, **ME)["services"][0]
    assert [entry["status"] for entry in told["deployments"]] == ["PRIMARY"]
    assert {task.rollout for task in web(estate).tasks} == {web(estate).primary}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"strategy": "BLUE_GREEN"}, "bakeTimeInMinutes is required"),
        ({"linearConfiguration": {"stepPercent": 10}}, "only valid for the strategy LINEAR"),
        ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.01}}, "from 0.1 to 100"),
        ({"strategy": "LINEAR", "lifecycleHooks": [{"targetType": "PAUSE"}]}, "needs lifecycleStages"),
    ],
)
def test_a_strategy_that_ecs_could_not_have_is_refused(asked: dict[str, Any], named: str) -> None:
    estate = world({})
    with pytest.raises(Refusal, match=named):
        estate.ecs.call("UpdateService", {**NAMED, "deploymentConfiguration": asked}, **ME)


@pytest.mark.parametrize(
    ("deployment", "named"),
    [
        ({"pauses": [{"stage": "POST_SCALE_UP"}]}, "no stages"),
        ({"strategy": "canary", "early_success_percent": 50}, "only a rolling deployment"),
        ({"bake": "90s"}, "whole minutes"),
        ({"strategy": "linear", "pauses": [{"stage": "POST_SCALE_UP", "timeout": "15d"}]}, "at most 14d|14d"),
    ],
)
def test_a_document_that_makes_no_sense_is_refused(deployment: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        world(deployment)
