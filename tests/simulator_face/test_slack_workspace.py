from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.slack.limits import complaints
from simulator.slack.server import plan_fault
from simulator.slack.workspace import Bucket, Dropped, Outage, Refusal, Workspace

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def second(number: float) -> datetime:
    return NOON + timedelta(seconds=number)


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(["incidents"], posts_burst=1)


def refused(workspace: Workspace, arguments: dict[str, object], now: datetime = NOON) -> Refusal:
    with pytest.raises(Refusal) as caught:
        workspace.post({"channel": "incidents"} | arguments, now)
    return caught.value


def test_a_second_message_within_the_second_is_told_to_wait(workspace: Workspace) -> None:
    workspace.post({"channel": "incidents", "text": "one"}, NOON)
    refusal = refused(workspace, {"text": "two"}, second(0.2))
    assert (refusal.error, refusal.retry_after_s) == ("ratelimited", 1)
    assert workspace.post({"channel": "incidents", "text": "two"}, second(1.3)).text == "two"


def test_a_burst_is_tolerated_once() -> None:
    bucket = Bucket(rate_per_s=1, burst=3)
    assert [bucket.take(NOON) for _ in range(4)] == [0, 0, 0, 1]
    assert [bucket.take(second(2)) for _ in range(3)] == [0, 0, 1]


def test_a_refused_message_does_not_stand_in_the_channel(workspace: Workspace) -> None:
    refused(workspace, {"text": "x" * 40_001})
    assert workspace.messages == {}


def test_two_messages_of_the_same_microsecond_have_different_ids() -> None:
    workspace = Workspace(["incidents"], posts_burst=9)
    stamps = [workspace.post({"channel": "#incidents", "text": "x"}, NOON).ts for _ in range(3)]
    assert stamps == ["1793620800.000000", "1793620800.000001", "1793620800.000002"]


def test_an_edit_keeps_the_place_and_the_metadata_and_leaves_a_mark(workspace: Workspace) -> None:
    metadata = {"event_type": "slo_incident", "event_payload": {"incident": "inc-1"}}
    first = workspace.post({"channel": "incidents", "text": "firing", "metadata": metadata}, NOON)
    edited = workspace.update({"channel": first.channel, "ts": first.ts, "text": "resolved"}, second(9))
    assert (edited.ts, edited.text, edited.metadata) == (first.ts, "resolved", metadata)
    assert (edited.posted_at, edited.edited_at, edited.edits) == (NOON, second(9), 1)


def test_a_reply_to_a_reply_joins_the_thread_of_the_parent(workspace: Workspace) -> None:
    parent = workspace.post({"channel": "incidents", "text": "parent"}, NOON)
    reply = workspace.post({"channel": "incidents", "text": "a", "thread_ts": parent.ts}, second(2))
    nested = workspace.post({"channel": "incidents", "text": "b", "thread_ts": reply.ts}, second(4))
    assert nested.thread == parent.ts
    assert workspace.history({"channel": "incidents"}) == [parent]
    assert workspace.replies({"channel": "incidents", "ts": parent.ts}) == [parent, reply, nested]


def test_a_dropped_post_was_kept_which_is_what_makes_it_ambiguous(workspace: Workspace) -> None:
    plan_fault(workspace, {"kind": "drop_after_accept"}, NOON)
    with pytest.raises(Dropped):
        workspace.post({"channel": "incidents", "text": "once"}, NOON)
    assert [message.text for message in workspace.messages.values()] == ["once"]


def test_an_outage_ends_by_itself(workspace: Workspace) -> None:
    plan_fault(workspace, {"kind": "outage", "seconds": 30}, NOON)
    with pytest.raises(Outage):
        workspace.authenticate("xoxb-1", second(29))
    workspace.authenticate("xoxb-1", second(30))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "nowhere", "text": "x"}, "channel_not_found"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "thread_ts": "1.0"}, "thread_not_found"),
        ({"text": "x", "blocks": "[{"}, "invalid_arguments"),
        ({"text": "x", "blocks": [section("y" * 3001)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("y" * 2900)] * 5}, "msg_blocks_too_long"),
    ],
)
def test_what_slack_does_not_accept_has_slack_s_own_name(
    workspace: Workspace, arguments: dict[str, object], error: str
) -> None:
    assert refused(workspace, arguments).error == error


def test_blocks_within_the_limits_are_accepted() -> None:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Ack"},
        "action_id": "ack",
        "value": "1",
    }
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "h" * 150}},
        section("y" * 3000) | {"fields": [{"type": "mrkdwn", "text": "f" * 2000}] * 10},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "c"}] * 10},
        {"type": "actions", "elements": [button] * 25},
        *[{"type": "divider"}] * 46,
    ]
    assert complaints(blocks) == []


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (
            {"type": "header", "text": {"type": "mrkdwn", "text": "*h*"}},
            "must be a plain_text object [json-pointer:/blocks/0/text]",
        ),
        (
            {"type": "header", "text": {"type": "plain_text", "text": "h" * 151}},
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        ({"type": "section"}, "missing required field: text or fields [json-pointer:/blocks/0]"),
        (
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "f"}] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            {
                "type": "actions",
                "elements": [{"type": "button", "text": {"type": "plain_text", "text": "b" * 76}}],
            },
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        ({"type": "marquee"}, "unsupported type: marquee [json-pointer:/blocks/0/type]"),
        ("text", "must be an object [json-pointer:/blocks/0]"),
    ],
)
def test_a_block_outside_the_limits_is_named_with_its_place(block: object, complaint: str) -> None:
    assert complaints([block]) == [complaint]


def test_too_many_blocks_and_a_repeated_id_are_both_named() -> None:
    found = complaints([{"type": "divider", "block_id": "same"}] * 51)
    assert found == ["no more than 50 items allowed [json-pointer:/blocks]", "block_id 'same' already exists"]
