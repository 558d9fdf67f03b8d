"""What is understood of raw events, and that nothing in them can do harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.runs import TaskRun
from remediation.events.describe import describe
from remediation.events.event import (
    AlarmChanged,
    DeploymentChanged,
    DeploymentPhase,
    Doubt,
    HealthCategory,
    HealthChanged,
    HookChanged,
    HookStatus,
    ServiceAction,
    TaskChanged,
    TaskEnd,
    Unrecognised,
)
from remediation.events.fields import ITEMS_MAX, TEXT_MAX, Fields
from remediation.events.parse import BODY_MAX, parse
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from remediation.events.event import Event

SAMPLES = Path(__file__).parent / "events"
CART = Placement("111122223333", "us-west-2", "shop", "cart")


def sample(name: str) -> Event:
    return parse((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def test_every_kind_of_event_is_told_in_a_sentence(golden: Callable[[Path, str], None]) -> None:
    events = [(path.stem, sample(path.stem)) for path in sorted(SAMPLES.glob("*.json"))]
    lines = [f"{name}: {event.kind}\n    {describe(event)}\n" for name, event in events]
    golden(Path(__file__).parent / "golden" / "events.txt", "".join(lines))


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("task_running", TaskEnd.RUNNING),
        ("task_spot_warning", TaskEnd.SPOT_INTERRUPTION),
        ("task_spot_notice", TaskEnd.SPOT_INTERRUPTION),
        ("task_crashed", TaskEnd.CRASHED),
        ("task_out_of_memory", TaskEnd.OUT_OF_MEMORY),
        ("task_killed_not_by_memory", TaskEnd.CRASHED),
        ("task_failed_to_start", TaskEnd.FAILED_TO_START),
        ("task_unhealthy_elb", TaskEnd.UNHEALTHY),
        ("task_unhealthy_container", TaskEnd.UNHEALTHY),
        ("task_scaled_in", TaskEnd.SCALED_IN),
        ("task_stopped_by_user", TaskEnd.STOPPED_BY_USER),
    ],
)
def test_why_a_task_stops_is_told_from_code_reason_and_containers_together(name: str, end: TaskEnd) -> None:
    event = sample(name)
    assert isinstance(event, TaskChanged)
    assert (event.end, event.placement, event.version) == (end, CART, 3)


def test_a_task_that_belongs_to_no_service_has_no_placement() -> None:
    event = sample("task_of_no_service")
    assert isinstance(event, TaskChanged)
    assert event.placement is None


def test_a_task_that_belongs_to_no_service_tells_how_it_ran() -> None:
    event = sample("task_of_a_schedule")
    assert isinstance(event, TaskChanged)
    began = datetime(2026, 10, 1, 12, 0, 2, tzinfo=UTC)
    assert event.run == TaskRun(
        of=Placement("111122223333", "us-west-2", "shop", "family:nightly-reports"),
        arn="arn:aws:ecs:us-west-2:111122223333:task/shop/0a1c",
        created_at=began,
        told_at=datetime(2026, 10, 1, 12, 9, tzinfo=UTC),
        started_at=began + timedelta(seconds=40),
        stopped_at=datetime(2026, 10, 1, 12, 8, 59, tzinfo=UTC),
        exits=(("reports", 1), ("log-router", None)),
        reason="Essential container in task exited",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("createdAt", ""),
        ("taskDefinitionArn", "reports:7"),
        ("taskDefinitionArn", "arn:aws:ecs:us-west-2:111122223333:task-definition/a/b:7"),
        ("clusterArn", "shop"),
        ("group", "service:cart"),
    ],
)
def test_an_event_that_says_too_little_of_a_run_tells_none(name: str, value: str) -> None:
    told = json.loads((SAMPLES / "task_of_a_schedule.json").read_text(encoding="utf-8"))
    event = parse(json.dumps(told | {"detail": told["detail"] | {name: value}}))
    assert isinstance(event, TaskChanged)
    assert event.run is None


def test_a_rollback_has_the_name_of_a_start_and_only_its_reason_tells() -> None:
    started, back = sample("deployment_started"), sample("deployment_rolling_back")
    assert isinstance(started, DeploymentChanged)
    assert isinstance(back, DeploymentChanged)
    assert (started.phase, back.phase) == (DeploymentPhase.STARTED, DeploymentPhase.ROLLING_BACK)


def test_a_hook_is_told_with_its_deployment_and_until_when_it_waits() -> None:
    event = sample("hook_awaiting")
    assert isinstance(event, HookChanged)
    assert (event.placement, event.hook_id, event.status) == (CART, "ecs-pause-1", HookStatus.AWAITING_ACTION)
    assert event.expires_at == datetime(2026, 10, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("deployment", "resource", "placement"),
    [
        ("arn:aws:ecs:us-west-2:111122223333:service-deployment/shop/cart/Ab3dE", "", CART),
        ("", "arn:aws:ecs:us-west-2:111122223333:service/shop/cart", CART),
        ("arn:aws:ecs:us-west-2:111122223333:service-deployment/shop/cart", "", None),
        ("nonsense", "nonsense", None),
    ],
)
def test_whose_hook_it_is_stands_in_either_arn(
    deployment: str, resource: str, placement: Placement | None
) -> None:
    raw = json.loads((SAMPLES / "hook_timed_out.json").read_text(encoding="utf-8"))
    raw["resources"], raw["detail"]["serviceDeploymentArn"] = [resource], deployment
    event = parse(json.dumps(raw))
    assert isinstance(event, HookChanged)
    assert event.placement == placement


def test_spot_and_fargate_are_refused_for_the_same_reason_and_told_apart_by_the_provider() -> None:
    spot, fargate = sample("action_spot_refused"), sample("action_fargate_refused")
    assert isinstance(spot, ServiceAction)
    assert isinstance(fargate, ServiceAction)
    assert (spot.spot_refused, fargate.spot_refused) == (True, False)


def test_an_old_service_arn_finds_its_cluster_in_the_event() -> None:
    event = sample("action_steady_state_old_arn")
    assert isinstance(event, ServiceAction)
    assert event.placement == CART


def test_an_alarm_shows_the_dimensions_of_its_metrics() -> None:
    event = sample("alarm_metric")
    assert isinstance(event, AlarmChanged)
    assert event.dimensions == (("LoadBalancer", "app/shop/2"), ("TargetGroup", "targetgroup/cart/1"))
    assert event.metrics == ("HTTPCode_Target_5XX_Count",)


def test_an_answer_in_a_queue_proves_nobody_and_is_none() -> None:
    event = sample("answer_forged")
    assert isinstance(event, Unrecognised)
    assert event.doubt is Doubt.UNPROVEN_ANSWER


def test_aws_health_speaks_of_the_region_that_it_names_and_not_of_the_one_where_it_is_told() -> None:
    issue, change = sample("health_issue"), sample("health_task_retirement")
    assert isinstance(issue, HealthChanged)
    assert isinstance(change, HealthChanged)
    assert (issue.region, issue.origin.region, issue.public) == ("us-west-2", "us-west-2", True)
    assert (issue.category, issue.status) == (HealthCategory.ISSUE, "open")
    assert (issue.began_at, issue.ended_at) == (datetime(2026, 10, 1, 11, 52, tzinfo=UTC), None)
    assert (change.category, change.public) == (HealthCategory.SCHEDULED_CHANGE, False)
    assert change.entities == ("shop|cart", "arn:aws:ecs:us-west-2:111122223333:task/shop/0a1b")


@pytest.mark.parametrize("name", ["action_of_a_created_service", "action_of_an_updated_service"])
def test_a_service_without_a_resource_is_found_by_its_name_beside_its_cluster(name: str) -> None:
    event = sample(name)
    assert isinstance(event, ServiceAction)
    assert event.placement == CART


def test_an_old_arn_with_no_cluster_beside_it_is_kept_as_it_is() -> None:
    event = sample("deployment_started_old_arn")
    assert isinstance(event, DeploymentChanged)
    assert (event.placement, event.service_arn) == (None, "arn:aws:ecs:us-west-2:111122223333:service/cart")


def test_an_alarm_says_when_it_changed_more_exactly_than_its_envelope() -> None:
    event = sample("alarm_math")
    assert isinstance(event, AlarmChanged)
    assert event.told_at == datetime(2026, 10, 1, 11, 59, 58, 250_000, tzinfo=UTC)
    assert event.dimensions == (("TargetGroup", "targetgroup/cart/1"),)


def test_a_composite_alarm_tells_its_rule_and_that_its_actions_are_suppressed() -> None:
    event = sample("alarm_composite_suppressed")
    assert isinstance(event, AlarmChanged)
    assert (event.suppressed, event.rule, event.metrics, event.dimensions) == (True, "ALARM(a)", (), ())


@pytest.mark.parametrize(
    ("body", "doubt"),
    [
        ("x" * (BODY_MAX + 1), Doubt.TOO_LARGE),
        ("{", Doubt.NOT_JSON),
        ('{"source": "aws.new", "detail-type": "New Thing"}', Doubt.UNKNOWN_KIND),
        ((SAMPLES / "deployment_of_a_new_kind.json").read_text(encoding="utf-8"), Doubt.UNKNOWN_STATE),
    ],
)
def test_why_an_event_is_not_recognised_is_a_word(body: str, doubt: Doubt) -> None:
    event = parse(body)
    assert isinstance(event, Unrecognised)
    assert event.doubt is doubt


def test_no_list_text_or_number_is_kept_beyond_its_bound() -> None:
    detail = {
        "clusterArn": "c" * 9999,
        "taskArn": "\x00\ud800",
        "version": 10**30,
        "containers": [{"exitCode": 1}] * 9999,
    }
    told = {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": detail}
    event = parse(json.dumps(told))
    assert isinstance(event, TaskChanged)
    assert (event.task_arn, event.version) == ("\ufffd?", None)
    assert Fields(detail).text("clusterArn") == "c" * TEXT_MAX
    assert len(Fields(detail).each("containers")) == ITEMS_MAX


@pytest.mark.parametrize(
    "body",
    ["", "hello", "[]", "null", "[" * 100_000, '{"detail": []}', '{"source": "aws.ecs", "detail-type": 7}'],
    ids=["nothing", "words", "list", "null", "deep", "wrong detail", "wrong type"],
)
def test_nonsense_is_kept_with_the_reason(body: str) -> None:
    event = parse(body)
    assert isinstance(event, Unrecognised)
    assert event.why
    assert parse(body).origin.id == event.origin.id, "a duplicate must be known again"


def test_a_time_that_cannot_be_read_is_no_time() -> None:
    assert sample("spot_instance_interrupted").origin.at is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KINDS = [path.stem for path in sorted(SAMPLES.glob("*.json"))]


@given(st.text() | st.builds(json.dumps, ANY))
def test_no_text_whatever_raises(body: str) -> None:
    describe(parse(body)).encode()


@given(st.sampled_from(KINDS), st.data())
def test_no_field_of_the_wrong_shape_raises(name: str, data: st.DataObject) -> None:
    event = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    part = data.draw(st.sampled_from([event, event["detail"]]))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(ANY)
    describe(parse(json.dumps(event))).encode()
