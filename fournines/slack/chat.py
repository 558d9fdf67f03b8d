"""The seam to people: `Chat` says what became of a message, so that none is lost and few are said twice."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from fournines.slack.blocks import Message

_log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 10
#: About one message a second and channel, where Slack names no time itself.
RETRY_AFTER_DEFAULT_S = 1.0
#: Errors that pass by themselves [https://docs.slack.dev/reference/methods/chat.postMessage].
_PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
#: The blocks are at fault; the plain text may still go.
_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)


@dataclass(frozen=True, slots=True)
class Label:
    """What marks a message as ours, so that it can be found again after an answer was lost."""

    incident: str
    seq: int

    def metadata(self) -> dict[str, Any]:
        """Return it as Slack message metadata."""
        return {"event_type": "slo_incident", "event_payload": {"incident": self.incident, "seq": self.seq}}


@dataclass(frozen=True, slots=True)
class Sent:
    """Slack has it, under this timestamp."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Slack will never take it like this."""

    why: str
    blocks_at_fault: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Slack asks for patience."""

    after_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It was sent, and no answer came: Slack may have it or not."""

    why: str


Delivery = Sent | Refused | Later | Ambiguous


class Chat(Protocol):
    """Where people read what happened."""

    def post(self, channel: str, message: Message, label: Label, thread: str | None = None) -> Delivery:
        """Post a message, or a reply in a thread."""
        ...

    def edit(self, channel: str, ts: str, message: Message, label: Label) -> Delivery:
        """Replace a message."""
        ...

    def find(self, channel: str, label: Label, thread: str | None = None) -> Sent | None:
        """Return a message of ours that Slack has, or None where it has not or does not let us look."""
        ...


class SlackChat:
    """Slack through slack_sdk.  Nothing is retried here: the outbox does that, and knows what it does."""

    def __init__(self, token: str, base_url: str | None = None) -> None:
        self._client = WebClient(
            token=token, base_url=base_url or WebClient.BASE_URL, timeout=SEND_TIMEOUT_S, retry_handlers=[]
        )

    def post(self, channel: str, message: Message, label: Label, thread: str | None = None) -> Delivery:
        """Post a message, or a reply in a thread."""
        return self._send(
            "chat.postMessage",
            channel=channel,
            thread_ts=thread,
            reply_broadcast=(message.broadcast or None) if thread else None,
            unfurl_links=False,
            **_body(message, label),
        )

    def edit(self, channel: str, ts: str, message: Message, label: Label) -> Delivery:
        """Replace a message."""
        return self._send("chat.update", channel=channel, ts=ts, **_body(message, label))

    def find(self, channel: str, label: Label, thread: str | None = None) -> Sent | None:
        """Look for our metadata among the newest messages of the channel or thread."""
        method = "conversations.replies" if thread else "conversations.history"
        wanted = label.metadata()
        try:
            answer = self._client.api_call(
                method,
                params={"channel": channel, "limit": 100, "include_all_metadata": True}
                | ({"ts": thread} if thread else {}),
            )
        except (SlackApiError, OSError, ValueError) as problem:
            _log.warning("cannot look for message %s: %s", label, problem)
            return None
        for found in answer.get("messages") or ():
            if found.get("metadata") == wanted:
                return Sent(channel, found["ts"])
        return None

    def _send(self, method: str, **arguments: Any) -> Delivery:  # noqa: ANN401 - Slack's own argument names
        body = {name: value for name, value in arguments.items() if value is not None}
        try:
            answer = self._client.api_call(method, json=body)
        except SlackApiError as refusal:
            return _classify(refusal)
        except (OSError, ValueError) as problem:
            if isinstance(getattr(problem, "reason", problem), ConnectionRefusedError):
                return Later(RETRY_AFTER_DEFAULT_S, f"nobody answers at {self._client.base_url}")
            return Ambiguous(f"{type(problem).__name__}: {problem}")
        return Sent(channel=answer["channel"], ts=answer["ts"])


class LogChat:
    """No Slack is configured: each message is a line in the log.  An alert may be ugly, never absent."""

    def post(self, channel: str, message: Message, label: Label, thread: str | None = None) -> Delivery:
        """Log the sentence."""
        del thread
        _log.warning("%s", message.text)
        return Sent(channel, f"log-{label.incident}-{label.seq}")

    def edit(self, channel: str, ts: str, message: Message, label: Label) -> Delivery:
        """Say nothing: what changed is told by a reply."""
        del message, label
        return Sent(channel, ts)

    def find(self, channel: str, label: Label, thread: str | None = None) -> Sent | None:
        """Find nothing: a log is not searched."""
        del channel, label, thread
        return None


def _body(message: Message, label: Label) -> dict[str, Any]:
    blocks = list(message.blocks) or None
    return {"text": message.text, "blocks": blocks, "metadata": label.metadata()}


def _classify(refusal: SlackApiError) -> Delivery:
    """Translate what Slack answered; rate limits come as 429 and, at times, as 200 with an error."""
    answer = refusal.response
    error = str(answer.get("error") or f"HTTP {answer.status_code}")
    if answer.status_code == 429 or error in _RATE_LIMITED:  # noqa: PLR2004 - HTTP Too Many Requests
        wait = answer.headers.get("Retry-After", answer.headers.get("retry-after"))
        return Later(float(wait) if wait else RETRY_AFTER_DEFAULT_S, error)
    if error in _PASSING or answer.status_code >= 500:  # noqa: PLR2004 - HTTP server errors
        return Ambiguous(error)
    return Refused(error, blocks_at_fault=error in _BLOCKS_REFUSED)
