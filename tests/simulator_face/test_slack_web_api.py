from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from simulator.slack.server import SlackServer
from simulator.slack.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 100


@pytest.fixture(scope="module")
def url(serve: Callable[[SlackServer], str]) -> str:
    return serve(SlackServer(Workspace(["incidents", "reports"], posts_burst=BURST)))


@pytest.fixture
def client(url: str) -> WebClient:
    fault(url, kind="none")
    return WebClient("xoxb-1", base_url=f"{url}/api/", retry_handlers=[], proxy=None, timeout=5)


def fetch(url: str, body: bytes | None = None) -> str:
    with urllib.request.urlopen(url, body, timeout=5) as answer:  # noqa: S310 - our own server on loopback
        text: str = answer.read().decode()
        return text


def fault(url: str, **plan: object) -> None:
    fetch(f"{url}/_slack/fault", json.dumps(plan).encode())


def messages(url: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(fetch(f"{url}/_slack/messages"))["messages"]
    return listed


def test_the_sdk_introduces_itself(client: WebClient) -> None:
    assert client.auth_test()["team"] == "MyLearning"


def test_the_sdk_posts_replies_and_edits(client: WebClient, url: str) -> None:
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Firing"}}]
    metadata = {
        "event_type": "slo_incident",
        "event_payload": {"incident": "inc-7", "at": "2026-11-02T14:08:00Z"},
    }
    parent = client.chat_postMessage(channel="incidents", text="firing", blocks=blocks, metadata=metadata)
    client.chat_postMessage(channel=parent["channel"], text="looking", thread_ts=parent["ts"])
    client.chat_update(channel=parent["channel"], ts=parent["ts"], text="resolved")
    shown = {message["text"]: message for message in messages(url)}
    assert shown["resolved"]["edits"] == 1
    assert shown["resolved"]["at"] == "2026-11-02T14:08:00+00:00"
    assert shown["looking"]["thread"] == parent["ts"]
    history = client.conversations_history(channel=parent["channel"], include_all_metadata=True)
    assert history["messages"][0]["metadata"]["event_payload"]["incident"] == "inc-7"
    assert len(client.conversations_replies(channel=parent["channel"], ts=parent["ts"])["messages"]) == 2


def test_a_rate_limit_is_http_429_with_the_seconds_to_wait(client: WebClient, url: str) -> None:
    fault(url, kind="ratelimited", count=1, retry_after_s=3)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="reports", text="again")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "3"
    client.chat_postMessage(channel="reports", text="again")


def test_a_dropped_post_raises_no_slack_error_and_stands_in_the_channel(client: WebClient, url: str) -> None:
    fault(url, kind="drop_after_accept")
    with pytest.raises((http.client.HTTPException, urllib.error.URLError, ConnectionError)):
        client.chat_postMessage(channel="reports", text="was it heard?")
    assert [message["text"] for message in messages(url)].count("was it heard?") == 1


def test_an_outage_is_http_503(client: WebClient, url: str) -> None:
    fault(url, kind="outage", seconds=60)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="reports", text="hello?")
    assert caught.value.response.status_code == 503


def test_broken_blocks_and_wrong_channels_are_answers_with_status_200(client: WebClient) -> None:
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="reports", text="x", blocks=[{"type": "divider"}] * 51)
    response = caught.value.response
    assert (response.status_code, response["error"]) == (200, "invalid_blocks")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        client.chat_postMessage(channel="nowhere", text="x")


def test_a_wrong_token_and_an_unknown_method_are_refused_by_name(client: WebClient, url: str) -> None:
    stranger = WebClient("who", base_url=f"{url}/api/", retry_handlers=[])
    with pytest.raises(SlackApiError, match="invalid_auth"):
        stranger.auth_test()
    with pytest.raises(SlackApiError, match="unknown_method"):
        client.users_list()


def test_an_unknown_fault_is_told_the_kinds_there_are(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fault(url, kind="earthquake")
    assert "drop_after_accept" in json.load(caught.value)["kinds"]
    caught.value.close()


def test_the_page_shows_what_was_said(client: WebClient, url: str) -> None:
    client.chat_postMessage(channel="reports", text="*bold* words")
    assert "<strong>bold</strong> words" in fetch(url)
