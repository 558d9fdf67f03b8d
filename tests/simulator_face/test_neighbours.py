from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.backends import get_backend

from simulator.aws.authorization import Caller, Scope, caller_of, scope_of
from simulator.aws.eventbridge import EventBridge
from simulator.aws.neighbours import Neighbours
from simulator.bus import Delivery
from simulator.estate import Estate, build
from simulator.scenario import EstateSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT, REGION = "123456789012", "eu-west-1"
EVENT: dict[str, Any] = {
    "version": "0",
    "id": "e-1",
    "detail-type": "ECS Deployment State Change",
    "source": "aws.ecs",
    "account": ACCOUNT,
    "time": "2026-11-02T12:00:00Z",
    "region": REGION,
    "resources": ["arn:aws:ecs:eu-west-1:123456789012:service/mylearning/web"],
    "detail": {"eventName": "SERVICE_DEPLOYMENT_FAILED"},
}


@pytest.fixture
def estate() -> Estate:
    services = [{"name": "web"}, {"name": "api"}]
    return build(EstateSpec.model_validate({"regions": [REGION, "us-east-1"], "services": services}))


@pytest.fixture(autouse=True)
def neighbours(estate: Estate) -> Neighbours:
    return Neighbours(estate)


def rule(pattern: Mapping[str, Any], *targets: dict[str, Any], enabled: bool = True) -> None:
    events = get_backend("events")[ACCOUNT][REGION]
    state = "ENABLED" if enabled else "DISABLED"
    events.put_rule(name="r", event_pattern=json.dumps(pattern), state=state)
    events.put_targets(name="r", event_bus_arn=None, targets=list(targets))


def queue(name: str) -> str:
    created = get_backend("sqs")[ACCOUNT][REGION].create_queue(name, {})
    return str(created.queue_arn)


def received(name: str) -> list[str]:
    return [message.body for message in get_backend("sqs")[ACCOUNT][REGION].queues[name].messages]


def deliver(event: Mapping[str, Any] = EVENT) -> EventBridge:
    bridge = EventBridge()
    bridge.deliver(Delivery(REGION, ACCOUNT, dict(event)))
    return bridge


def test_every_placement_has_its_load_balancer_under_the_world_s_name(estate: Estate) -> None:
    for place in estate.places:
        balancing = get_backend("elbv2")[ACCOUNT][place.region]
        assert place.load_balancer_arn in balancing.load_balancers
        group = balancing.target_groups[place.target_group_arn]
        assert group.load_balancer_arns == [place.load_balancer_arn]


def test_an_event_reaches_the_queue_of_a_rule_that_matches_it_whole() -> None:
    rule(
        {"source": ["aws.ecs"], "detail": {"eventName": [{"prefix": "SERVICE_"}]}},
        {"Id": "1", "Arn": queue("q")},
    )
    assert deliver().sent == 1
    assert [json.loads(body) for body in received("q")] == [EVENT]


def test_a_rule_that_does_not_match_or_is_disabled_sends_nothing() -> None:
    rule({"source": ["aws.health"]}, {"Id": "1", "Arn": queue("q")})
    deliver()
    rule({"source": ["aws.ecs"]}, {"Id": "1", "Arn": queue("q")}, enabled=False)
    deliver()
    assert received("q") == []


def test_a_target_that_is_gone_leaves_the_event_to_its_dead_letter_queue() -> None:
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
    rule({"source": ["aws.ecs"]}, {"Id": "1", "Arn": gone, "DeadLetterConfig": {"Arn": queue("dead")}})
    assert deliver().undeliverable == 0
    (message,) = get_backend("sqs")[ACCOUNT][REGION].queues["dead"].messages
    assert json.loads(message.body) == EVENT
    why = {name: value["StringValue"] for name, value in message.message_attributes.items()}
    assert (why["TARGET_ARN"], why["ERROR_CODE"]) == (gone, "NO_RESOURCE")


def test_an_event_without_a_way_is_counted_as_undeliverable() -> None:
    rule({"source": ["aws.ecs"]}, {"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"})
    assert deliver().undeliverable == 1


def test_a_topic_passes_the_event_on_to_its_queue() -> None:
    topics = get_backend("sns")[ACCOUNT][REGION]
    topic = topics.create_topic("t")
    topics.subscribe(topic.arn, queue("q"), "sqs")
    rule({"source": ["aws.ecs"]}, {"Id": "1", "Arn": topic.arn})
    deliver()
    (body,) = received("q")
    assert json.loads(json.loads(body)["Message"]) == EVENT


def test_an_input_transformer_shapes_the_body() -> None:
    shape = {"InputPathsMap": {"name": "$.detail.eventName"}, "InputTemplate": '{"what": "<name>"}'}
    rule({"source": ["aws.ecs"]}, {"Id": "1", "Arn": queue("q"), "InputTransformer": shape})
    deliver()
    assert [json.loads(body) for body in received("q")] == [{"what": "SERVICE_DEPLOYMENT_FAILED"}]


def test_a_scope_names_key_region_and_service() -> None:
    header = (
        "AWS4-HMAC-SHA256 Credential=AKIA1/20261102/eu-west-1/monitoring/aws4_request, SignedHeaders=host"
    )
    assert scope_of(header) == Scope("AKIA1", "eu-west-1", "monitoring")
    assert scope_of("Bearer xoxb") is None


def test_a_caller_is_the_session_of_its_role_or_the_access_key() -> None:
    role = get_backend("sts")[ACCOUNT]["aws"].assume_role(
        region_name=REGION,
        role_session_name="inc-7",
        role_arn="arn:aws:iam::210987654321:role/actor",
        policy="",
        duration=900,
        external_id="",
    )
    assert caller_of(Scope(role.access_key_id, REGION, "ecs"), home=ACCOUNT) == Caller(
        "inc-7", "210987654321", REGION
    )
    assert caller_of(Scope("fournines", REGION, "ecs"), home=ACCOUNT) == Caller("fournines", ACCOUNT, REGION)
