"""Deployments: rolled out, watched, completed, turned back, superseded; and what UpdateService deploys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from simulator.ecs.breaker import threshold
from simulator.ecs.rollout import Behaviour
from simulator.refusal import Refusal
from simulator.scenario import Scenario
from simulator.world import World

if TYPE_CHECKING:
    from simulator.ecs.service import Service

WHERE = {"service": "web", "region": "eu-west-1"}
ME = {"region": "eu-west-1", "account": "123456789012", "caller": "test"}
NAMED = {"cluster": "mylearning", "service": "web"}


def world(*faults: dict[str, Any], aws: dict[str, Any] | None = None, **estate: object) -> World:
    services = [{"name": "web", "requests_per_minute": 2400}, {"name": "api", "requests_per_minute": 1200}]
    document = {
        "name": "small",
        "duration": "2h",
        "estate": {
            "regions": ["eu-west-1"],
            "traffic": {"shape": "flat"},
            "services": services,
            "deployment_alarms": False,
            **estate,
        },
        "aws": aws or {},
        "faults": list(faults),
    }
    return World(Scenario.model_validate(document))


def web(of: World) -> Service:
    return of.service(0)


def wait(of: World, **span: int) -> list[dict[str, Any]]:
    return [delivery.event for delivery in of.step(of.now + timedelta(**span))]


def names(events: list[dict[str, Any]]) -> list[str]:
    kinds = [e for e in events if e["detail-type"] == "ECS Deployment State Change"]
    return [event["detail"]["eventName"] for event in kinds]


def configure(of: World, configuration: dict[str, Any]) -> None:
    of.ecs.call("UpdateService", {**NAMED, "deploymentConfiguration": configuration}, **ME)


def deploy(of: World, *environment: tuple[str, str]) -> str:
    pairs = [{"name": name, "value": value} for name, value in environment]
    container = {"name": "web", "image": "web:3", "environment": pairs}
    registered = of.ecs.call(
        "RegisterTaskDefinition", {"family": "web", "containerDefinitions": [container]}, **ME
    )
    definition: str = registered["taskDefinition"]["taskDefinitionArn"]
    of.ecs.call("UpdateService", {**NAMED, "taskDefinition": definition}, **ME)
    return definition


def newest(of: World) -> dict[str, Any]:
    listed = of.ecs.call("ListServiceDeployments", NAMED, **ME)["serviceDeployments"]
    arns = [listed[0]["serviceDeploymentArn"]]
    told = of.ecs.call("DescribeServiceDeployments", {"serviceDeploymentArns": arns}, **ME)
    described: dict[str, Any] = told["serviceDeployments"][0]
    return described


def test_a_rollout_never_serves_with_fewer_tasks_than_desired() -> None:
    estate = world()
    definition = deploy(estate)
    desired, least = web(estate).desired, web(estate).desired
    for _ in range(60):
        wait(estate, seconds=5)
        least = min(least, web(estate).serving)
    assert least == desired
    assert {task.rollout.revision.task_definition for task in web(estate).tasks} == {definition}
    assert newest(estate)["status"] == "SUCCESSFUL"


def test_a_rollout_tells_its_start_its_end_and_the_steady_state() -> None:
    estate = world()
    deploy(estate)
    events = wait(estate, minutes=10)
    assert names(events) == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"]
    assert [e["detail"]["eventName"] for e in events if e["detail-type"] == "ECS Service Action"] == [
        "SERVICE_STEADY_STATE"
    ]
    tasks = [e for e in events if e["detail-type"] == "ECS Task State Change"]
    assert {e["detail"]["group"] for e in tasks} == {"service:web"}
    assert len({e["id"] for e in events}) == len(events)


def test_both_revisions_show_while_a_rollout_is_under_way() -> None:
    estate = world()
    deploy(estate)
    wait(estate, seconds=40)
    told = estate.ecs.call("DescribeServices", {"cluster": "mylearning", "services": ["web"]}, **ME)[
        "services"
    ][0]
    assert [d["status"] for d in told["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert told["currentServiceDeployment"] == newest(estate)["serviceDeploymentArn"]
    assert len(newest(estate)["sourceServiceRevisions"]) == 1


@pytest.mark.parametrize(("desired", "failures"), [(1, 3), (4, 3), (10, 5), (100, 50), (1000, 200)])
def test_the_breaker_trips_within_its_bounds(desired: int, failures: int) -> None:
    assert threshold({}, desired) == failures


@pytest.mark.parametrize(
    ("kind", "value", "desired", "failures"),
    [
        ("COUNT", 1, 1000, 1),
        ("COUNT", 500, 4, 500),
        ("BOUNDED_PERCENT", 10, 4, 3),
        ("BOUNDED_PERCENT", 100, 1000, 200),
        ("UNBOUNDED_PERCENT", 10, 4, 1),
        ("UNBOUNDED_PERCENT", 100, 1000, 1000),
    ],
)
def test_a_threshold_of_one_s_own_is_a_count_or_a_share(
    kind: str, value: int, desired: int, failures: int
) -> None:
    assert threshold({"thresholdConfiguration": {"type": kind, "value": value}}, desired) == failures


def test_a_breaker_that_is_set_to_one_failure_trips_at_the_first() -> None:
    estate = world()
    one = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 1}}
    configure(estate, {"deploymentCircuitBreaker": one})
    deploy(estate, ("SIMULATED_HEALTH", "never"))
    wait(estate, minutes=15)
    told = newest(estate)["deploymentCircuitBreaker"]
    assert (told["status"], told["threshold"]) == ("TRIGGERED", 1)


@pytest.mark.parametrize(("resets", "failures"), [(True, 0), (False, 2)])
def test_a_healthy_task_makes_the_breaker_forget_unless_it_is_set_to_remember(
    *, resets: bool, failures: int
) -> None:
    estate = world()
    breaker = {"enable": True, "rollback": True, "resetOnHealthyTask": resets}
    configure(estate, {"deploymentCircuitBreaker": breaker})
    deploy(estate)
    web(estate).primary.failed = 2
    wait(estate, minutes=15)
    assert newest(estate)["deploymentCircuitBreaker"]["failureCount"] == failures


def test_the_breaker_turns_back_a_revision_that_never_becomes_healthy() -> None:
    estate = world()
    good = web(estate).task_definition
    deploy(estate, ("SIMULATED_HEALTH", "never"))
    events = wait(estate, minutes=15)
    assert sorted(names(events)) == [  # events of one moment arrive in any order
        "SERVICE_DEPLOYMENT_COMPLETED",
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
    ]
    assert newest(estate)["status"] == "ROLLBACK_SUCCESSFUL"
    assert newest(estate)["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert {task.rollout.revision.task_definition for task in web(estate).tasks} == {good}
    reasons = [e["detail"]["reason"] for e in events if "rolling back" in e["detail"].get("reason", "")]
    assert reasons[0].startswith("ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/")


def test_without_rollback_a_failed_deployment_stands_still_and_the_old_tasks_serve() -> None:
    estate = world()
    configure(estate, {"deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    deploy(estate, ("SIMULATED_HEALTH", "never"))
    wait(estate, minutes=20)
    assert newest(estate)["status"] == "STOPPED"
    assert newest(estate)["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert web(estate).serving == web(estate).desired


def test_a_deployment_alarm_turns_back_a_revision_that_fails_at_once() -> None:
    estate = world(deployment_alarms=True)
    deploy(estate, ("SIMULATED_ERROR_RATIO", "0.5"))
    wait(estate, minutes=20)
    told = newest(estate)
    assert told["status"] == "ROLLBACK_SUCCESSFUL"
    assert told["alarms"]["triggeredAlarmNames"] == ["mylearning-web-5xx"]
    assert told["deploymentCircuitBreaker"]["status"] == "MONITORING_COMPLETE"


def test_stopping_a_deployment_rolls_it_back_and_asking_twice_is_harmless() -> None:
    estate = world()
    good = web(estate).task_definition
    deploy(estate)
    wait(estate, seconds=30)
    arn = newest(estate)["serviceDeploymentArn"]
    for _ in range(2):
        estate.ecs.call("StopServiceDeployment", {"serviceDeploymentArn": arn, "stopType": "ROLLBACK"}, **ME)
    assert newest(estate)["status"] == "ROLLBACK_REQUESTED"
    wait(estate, minutes=10)
    told = newest(estate)
    assert told["status"] == "ROLLBACK_SUCCESSFUL"
    assert told["deploymentCircuitBreaker"]["status"] == "MONITORING_COMPLETE", "it was a person, no breaker"
    revision = estate.ecs.call(
        "DescribeServiceRevisions", {"serviceRevisionArns": [told["rollback"]["serviceRevisionArn"]]}, **ME
    )
    assert revision["serviceRevisions"][0]["taskDefinition"] == good


def test_a_successful_deployment_can_no_longer_be_stopped() -> None:
    estate = world()
    deploy(estate)
    wait(estate, minutes=10)
    arn = newest(estate)["serviceDeploymentArn"]
    with pytest.raises(Refusal) as refused:
        estate.ecs.call("StopServiceDeployment", {"serviceDeploymentArn": arn}, **ME)
    assert refused.value.code == "ConflictException"
    assert estate.calls[-1].outcome == "ConflictException", "a refused call is recorded too"


def test_a_newer_deployment_supersedes_the_one_under_way() -> None:
    estate = world()
    deploy(estate)
    wait(estate, seconds=30)
    definition = deploy(estate)
    wait(estate, minutes=10)
    statuses = [d.status for d in web(estate).deployments[-2:]]
    assert statuses == ["STOPPED", "SUCCESSFUL"]
    assert web(estate).task_definition == definition


@pytest.mark.parametrize(
    "change",
    [
        {"desiredCount": 9},
        {"deploymentConfiguration": {"maximumPercent": 150}},
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
        {"healthCheckGracePeriodSeconds": 30},
        {"taskDefinition": "web:2"},
        {"platformVersion": "LATEST", "serviceRegistries": [], "volumeConfigurations": []},
        {"deploymentConfiguration": {"strategy": "ROLLING", "bakeTimeInMinutes": 0, "lifecycleHooks": []}},
    ],
)
def test_these_changes_start_no_deployment(change: dict[str, Any]) -> None:
    estate = world()
    estate.ecs.call("UpdateService", {**NAMED, **change}, **ME)
    assert web(estate).deployment is None


def test_what_a_service_has_already_starts_no_deployment_when_it_is_sent_again() -> None:
    estate = world()
    told = estate.ecs.call("DescribeServices", {"cluster": "mylearning", "services": ["web"]}, **ME)
    same = {key: told["services"][0][key] for key in ("loadBalancers", "platformVersion", "taskDefinition")}
    estate.ecs.call("UpdateService", {**NAMED, **same}, **ME)
    assert web(estate).deployment is None


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"lifecycleHooks": [{"hookTargetArn": "arn:aws:lambda:x"}]}, "lifecycleHooks other than PAUSE"),
        (
            {"strategy": "ROLLING", "lifecycleHooks": [{"targetType": "PAUSE"}]},
            "lifecycleHooks of a rolling deployment",
        ),
        ({"earlySuccessCriteria": {"type": "PERCENT"}}, "earlySuccessCriteria.type"),
        ({"alarms": {"alarmNames": [], "enable": True, "later": 1}}, "alarms.later"),
    ],
)
def test_a_deployment_configuration_that_is_not_simulated_is_refused_in_these_words(
    asked: dict[str, Any], named: str
) -> None:
    estate = world()
    with pytest.raises(Refusal, match=rf"deploymentConfiguration with {named} is not simulated yet"):
        configure(estate, asked)


@pytest.mark.parametrize("given", [{"type": "SOME"}, {"type": "COUNT", "value": 0}])
def test_a_threshold_that_no_breaker_can_have_is_refused(given: dict[str, Any]) -> None:
    estate = world()
    with pytest.raises(Refusal, match="thresholdConfiguration has a type of COUNT"):
        configure(estate, {"deploymentCircuitBreaker": {"enable": True, "thresholdConfiguration": given}})


@pytest.mark.parametrize(
    "change",
    [{"taskDefinition": "web:1"}, {"forceNewDeployment": True}, {"platformVersion": "1.4.0"}],
)
def test_these_changes_start_one(change: dict[str, Any]) -> None:
    estate = world()
    estate.ecs.call("UpdateService", {**NAMED, **change}, **ME)
    assert web(estate).deployment is not None


def test_a_scenario_may_let_the_desired_count_deploy() -> None:
    estate = world(aws={"update_service_deploys": ["desiredCount"]})
    estate.ecs.call("UpdateService", {**NAMED, "desiredCount": 9}, **ME)
    assert web(estate).deployment is not None


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"service": "web"}, "ClusterNotFoundException"),
        ({**NAMED, "service": "nobody"}, "ServiceNotFoundException"),
        ({**NAMED, "taskDefinition": "web:99"}, "ClientException"),
        (
            {**NAMED, "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "InvalidParameterException",
        ),
        (
            {**NAMED, "capacityProviderStrategy": [{"capacityProvider": "MOON", "weight": 1}]},
            "InvalidParameterException",
        ),
        ({**NAMED, "monitoring": {}}, "UnsupportedFeatureException"),
    ],
)
def test_a_wrong_update_is_refused_and_changes_nothing(params: dict[str, Any], code: str) -> None:
    estate = world()
    before = (web(estate).desired, web(estate).strategy, web(estate).task_definition)
    with pytest.raises(Refusal) as refused:
        estate.ecs.call("UpdateService", params, **ME)
    assert refused.value.code == code
    assert (web(estate).desired, web(estate).strategy, web(estate).task_definition) == before
    assert estate.calls[-1].outcome == code


def test_a_definition_that_asks_for_nonsense_is_refused() -> None:
    with pytest.raises(Refusal, match="a number from 0 to 1"):
        deploy(world(), ("SIMULATED_ERROR_RATIO", "much"))


def test_the_scheduler_replaces_a_task_that_somebody_stopped() -> None:
    estate = world()
    arns = estate.ecs.call("ListTasks", {"cluster": "mylearning", "serviceName": "web"}, **ME)["taskArns"]
    estate.ecs.call("StopTask", {"cluster": "mylearning", "task": arns[0], "reason": "poked"}, **ME)
    assert web(estate).serving == web(estate).desired - 1
    wait(estate, minutes=5)
    assert web(estate).serving == web(estate).desired
    stopped = estate.ecs.call("DescribeTasks", {"cluster": "mylearning", "tasks": [arns[0]]}, **ME)["tasks"][
        0
    ]
    assert (stopped["lastStatus"], stopped["stopCode"]) == ("STOPPED", "UserInitiated")


def test_a_first_deployment_that_fails_has_nothing_to_return_to() -> None:
    estate = world()
    web(estate).completed = None  # as if nothing had ever been completed
    deploy(estate, ("SIMULATED_HEALTH", "never"))
    wait(estate, seconds=30)
    arn = newest(estate)["serviceDeploymentArn"]
    estate.ecs.call("StopServiceDeployment", {"serviceDeploymentArn": arn}, **ME)
    wait(estate, minutes=5)
    assert newest(estate)["status"] == "ROLLBACK_FAILED"


def test_a_rollback_to_a_revision_that_is_broken_too_fails() -> None:
    estate = world()
    deploy(estate, ("SIMULATED_HEALTH", "never"))
    wait(estate, seconds=30)
    for task in web(estate).tasks:
        task.healthy = False  # what served is gone ...
    old = web(estate).tasks[0].rollout.revision.task_definition
    web(estate).tasks = [task for task in web(estate).tasks if task.rollout.revision.task_definition != old]
    estate._fleet.yard.behaviours[old] = Behaviour(becomes_healthy=False)  # noqa: SLF001 - ... and cannot come back
    wait(estate, minutes=30)
    assert newest(estate)["status"] == "ROLLBACK_FAILED"
