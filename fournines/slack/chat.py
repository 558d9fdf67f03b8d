"""The seam to people: `Chat` says what became of a message, so that none is lost and few are said twice."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from socket import gaierror
from typing import TYPE_CHECKING, Any, Protocol

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fournines.slack.blocks import Message

_log = logging.getLogger(__name__)

SEND_TIMEOUT_S = 10
#: How many messages are searched for one of ours; Slack answers up to 999.
SEARCHED_MAX = 999
#: About one message a second and channel, where Slack names no time itself.
RETRY_AFTER_DEFAULT_S = 1.0
#: Errors that pass by themselves [https://docs.slack.dev/reference/methods/chat.postMessage].
_PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
#: What slack_sdk raises where no answer came, or half of one.
UNANSWERED = (OSError, ValueError, HTTPException)
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
#: The thread is at fault, such as one whose first message somebody deleted; the channel may still take it.
_THREAD_REFUSED = frozenset(
    {"thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"}
)
#: The channel is at fault: another one may take it.
_CHANNEL_REFUSED = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
#: What mends a refusal.
_MENDS = {
    "not_authed": "set slack.token",
    "invalid_auth": "put a valid bot token into slack.token",
    "token_revoked": "put a valid bot token into slack.token",
    "token_expired": "put a valid bot token into slack.token",
    "account_inactive": "put the token of an active app into slack.token",
    "missing_scope": "give the app the scope chat:write and install it again",
    "channel_not_found": "make the channel, or correct slack.channel",
    "not_in_channel": "invite the app into the channel",
    "is_archived": "unarchive the channel, or name another in slack.channel",
}


@dataclass(frozen=True, slots=True)
class Label:
    """What marks a message as ours, so that it can be found again after an answer was lost."""

    incident: str
    seq: int
    at: datetime

    def metadata(self) -> dict[str, Any]:
        """Return it as Slack message metadata; `at` is when it happened, on the clock that decides."""
        payload = {"incident": self.incident, "seq": self.seq, "at": self.at.isoformat()}
        return {"event_type": "slo_incident", "event_payload": payload}

    def marks(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a message with this metadata is ours."""
        payload = metadata.get("event_payload") or {}
        return (payload.get("incident"), payload.get("seq")) == (self.incident, self.seq)


@dataclass(frozen=True, slots=True)
class Sent:
    """Slack has it, under this timestamp."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Slack does not take it like this until somebody mends something."""

    why: str
    thread_at_fault: bool = False
    channel_at_fault: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Slack asks for patience."""

    after_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It was sent, and no answer came: Slack may have it or not."""

    why: str


@dataclass(frozen=True, slots=True)
class Granted:
    """Slack knows us: in which workspace, under which name, and with which scopes."""

    team: str
    user: str
    scopes: frozenset[str]


Delivery = Sent | Refused | Later | Ambiguous
#: What became of a message whose answer was lost; None where Slack has it not, or never lets us look.
Found = Sent | Later | Ambiguous | None


class Chat(Protocol):
    """Where people read what happened."""

    def post(self, channel: str, message: Message, label: Label, thread: str | None = None) -> Delivery:
        """Post a message, or a reply in a thread."""
        ...

    def edit(self, channel: str, ts: str, message: Message, label: Label) -> Delivery:
        """Replace a message."""
        ...

    def find(self, channel: str, label: Label, thread: str | None = None) -> Found:
        """Look for a message of ours whose answer was lost."""
        ...


class SlackChat:
    """Slack through slack_sdk.  Nothing is retried here: the outbox does that, and knows what it does."""

    def __init__(self, token: str, base_url: str | None = None) -> None:
        quiet = logging.getLogger(f"{__name__}.sdk")
        quiet.setLevel(logging.CRITICAL)  # it logs what it raises; whoever sends decides what that means
        self._client = WebClient(
            token=token,
            base_url=base_url or WebClient.BASE_URL,
            timeout=SEND_TIMEOUT_S,
            retry_handlers=[],
            logger=quiet,
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
        """Replace a message; Slack keeps its metadata, and with it when it was first told."""
        body = {name: value for name, value in _body(message, label).items() if name != "metadata"}
        return self._send("chat.update", channel=channel, ts=ts, **body)

    def find(self, channel: str, label: Label, thread: str | None = None) -> Found:
        """Look for our metadata among the newest messages of the channel, or those of the thread."""
        method = "conversations.replies" if thread else "conversations.history"
        asked = {"channel": channel, "limit": SEARCHED_MAX, "include_all_metadata": True}
        try:
            answer = self._client.api_call(method, params=asked | ({"ts": thread} if thread else {}))
        except SlackApiError as refusal:
            verdict = _classify(refusal)
            if isinstance(verdict, Refused):
                _log.warning(
                    "Slack does not let us look for %s (%s): it may be told twice", label, verdict.why
                )
                return None
            return verdict
        except UNANSWERED as problem:
            return _unanswered(problem)
        mine = (each for each in answer.get("messages") or () if label.marks(each.get("metadata") or {}))
        return next((Sent(channel, each["ts"]) for each in mine), None)

    def delete(self, channel: str, ts: str) -> Delivery:
        """Take a message of ours away."""
        return self._send("chat.delete", channel=channel, ts=ts)

    def who(self) -> Granted | Later | Ambiguous | Refused:
        """Ask Slack who we are and what we may do."""
        try:
            answer = self._client.api_call("auth.test")
        except SlackApiError as refusal:
            return _classify(refusal)
        except UNANSWERED as problem:
            return _unanswered(problem)
        told = next((text for name, text in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
        return Granted(answer["team"], answer["user"], frozenset(str(told).replace(" ", "").split(",")))

    def _send(self, method: str, **arguments: Any) -> Delivery:  # noqa: ANN401 - Slack's own argument names
        body = {name: value for name, value in arguments.items() if value is not None}
        try:
            answer = self._client.api_call(method, json=body)
        except SlackApiError as refusal:
            return _classify(refusal)
        except UNANSWERED as problem:
            return _unanswered(problem)
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

    def find(self, channel: str, label: Label, thread: str | None = None) -> Found:
        """Find nothing: a log is not searched."""
        del channel, label, thread
        return None


def _body(message: Message, label: Label) -> dict[str, Any]:
    blocks = list(message.blocks) or None
    return {"text": message.text, "blocks": blocks, "metadata": label.metadata()}


def _unanswered(problem: Exception) -> Later | Ambiguous:
    """Say whether a call without an answer can have arrived."""
    if isinstance(getattr(problem, "reason", problem), ConnectionRefusedError | gaierror):
        return Later(RETRY_AFTER_DEFAULT_S, "nobody answers at Slack's address")
    return Ambiguous(f"{type(problem).__name__}: {problem}")


def _classify(refusal: SlackApiError) -> Later | Ambiguous | Refused:
    """Translate what Slack answered; rate limits come as 429 and, at times, as 200 with an error."""
    answer = refusal.response
    error = str(answer.get("error") or f"HTTP {answer.status_code}")
    if answer.status_code == 429 or error in _RATE_LIMITED:  # noqa: PLR2004 - HTTP Too Many Requests
        return Later(_retry_after(answer.headers), error)
    if error in _PASSING or answer.status_code >= 500:  # noqa: PLR2004 - HTTP server errors
        return Ambiguous(error)
    why = f"{error}: {_MENDS[error]}" if error in _MENDS else error
    return Refused(why, thread_at_fault=error in _THREAD_REFUSED, channel_at_fault=error in _CHANNEL_REFUSED)


def _retry_after(headers: Mapping[str, Any]) -> float:
    """Read how long Slack asks us to wait: whole seconds, under any spelling of the header."""
    told = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    said = str(told[0] if isinstance(told, list) and told else told)
    return float(said) if said.isdecimal() else RETRY_AFTER_DEFAULT_S
