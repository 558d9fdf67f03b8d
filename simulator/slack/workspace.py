"""A Slack workspace as a state: channels, threads, edits, rate limits and faults.  `now` is an argument.

Slack says no in two ways, and so does this: `Refusal` is an answer (`ok: false`, or HTTP 429), `Dropped` and
`Outage` are the absence of one.  A dropped post was kept: that is what makes it ambiguous.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from simulator.slack.limits import BLOCKS_CHARACTERS_MAX, TEXT_MAX, complaints

if TYPE_CHECKING:
    from collections.abc import Iterable

#: chat.postMessage: about one message per second and channel, short bursts [api.slack.com/apis/rate-limits].
POSTS_PER_S = 1.0
POSTS_BURST = 5
#: chat.update is Tier 3: fifty a minute and more, for the whole workspace [docs.slack.dev, chat.update].
UPDATES_PER_S = 50 / 60
UPDATES_BURST = 50
HISTORY_MAX = 999


class Refusal(Exception):  # noqa: N818 - the word of Slack's domain, not an error of ours
    """Slack answers, and the answer is no."""

    def __init__(self, error: str, *, details: Sequence[str] = (), retry_after_s: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.details = tuple(details)
        self.retry_after_s = retry_after_s


class Outage(Exception):  # noqa: N818 - a state of Slack
    """Slack is down: HTTP 503, nothing is kept."""


class Dropped(Exception):  # noqa: N818 - a state of the connection
    """Slack took the message and the connection broke before it could say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What stands in a channel now.  `thread` is the parent's `ts`, or empty for a message of the channel."""

    ts: str
    channel: str
    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    thread: str = ""
    broadcast: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    user: str = "fournines"
    posted_at: datetime
    edited_at: datetime | None = None
    edits: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which Slack is down; `end` is outside."""

    start: datetime
    end: datetime


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate_per_s` on average, `burst` at once."""

    rate_per_s: float
    burst: int
    tokens: float = -1.0
    at: datetime | None = None

    def take(self, now: datetime) -> int:
        """Take one token; return 0, or how many whole seconds to wait for one."""
        if self.at is None:
            self.tokens = float(self.burst)
        else:
            self.tokens = min(self.burst, self.tokens + self.rate_per_s * (now - self.at).total_seconds())
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        return ceil((1 - self.tokens) / self.rate_per_s)


@dataclass(slots=True)
class Faults:
    """What goes wrong on purpose.  Counts run down with each message that they hit."""

    outages: list[Window] = field(default_factory=list)
    drops: int = 0
    refusals: int = 0
    error: str = ""
    throttles: int = 0
    retry_after_s: int = 1


def channel_id(name: str) -> str:
    """Give a channel the same id in every run."""
    return "C" + hashlib.sha256(name.encode()).hexdigest()[:10].upper()


class Workspace:
    """Everything that the fake Slack knows."""

    def __init__(
        self, channels: Iterable[str], *, name: str = "MyLearning", posts_burst: int = POSTS_BURST
    ) -> None:
        self.name = name
        self.channels = {channel_id(channel): channel for channel in channels}
        self.messages: dict[str, Message] = {}
        self.faults = Faults()
        self.accepted: list[str] = []
        self._posts = {channel: Bucket(POSTS_PER_S, posts_burst) for channel in self.channels}
        self._updates = Bucket(UPDATES_PER_S, UPDATES_BURST)
        self._last_us = 0

    def authenticate(self, token: str, now: datetime) -> None:
        """Let a bot token in; every method asks this first."""
        if any(window.start <= now < window.end for window in self.faults.outages):
            raise Outage
        if not token:
            raise Refusal("not_authed")
        if not token.startswith("xoxb-"):
            raise Refusal("invalid_auth")

    def post(self, arguments: Mapping[str, Any], now: datetime) -> Message:
        """Add a message (chat.postMessage)."""
        channel = self._channel(arguments)
        self._throttle(self._posts[channel], now)
        self._unlucky()
        text, blocks = self._content(arguments)
        thread = str(arguments.get("thread_ts") or "")
        message = Message(
            ts=self._stamp(now),
            channel=channel,
            text=text,
            blocks=blocks,
            thread=self._parent(channel, thread) if thread else "",
            broadcast=bool(arguments.get("reply_broadcast")),
            metadata=_structure(arguments.get("metadata")) or {},
            user=str(arguments.get("username") or "fournines"),
            posted_at=now,
        )
        return self._keep(message)

    def update(self, arguments: Mapping[str, Any], now: datetime) -> Message:
        """Replace what a message says (chat.update); it keeps its place and is marked as edited."""
        channel = self._channel(arguments)
        self._throttle(self._updates, now)
        self._unlucky()
        old = self.messages.get(str(arguments.get("ts")))
        if old is None or old.channel != channel:
            raise Refusal("message_not_found")
        text, blocks = self._content(arguments)
        metadata = _structure(arguments.get("metadata")) or old.metadata
        new = replace(old, text=text, blocks=blocks, metadata=metadata, edited_at=now, edits=old.edits + 1)
        return self._keep(new)

    def delete(self, arguments: Mapping[str, Any]) -> str:
        """Take a message away (chat.delete); its replies stay, as Slack keeps them."""
        channel, ts = self._channel(arguments), str(arguments.get("ts"))
        found = self.messages.get(ts)
        if found is None or found.channel != channel:
            raise Refusal("message_not_found")
        del self.messages[ts]
        return ts

    def history(self, arguments: Mapping[str, Any]) -> list[Message]:
        """Return the channel's own messages, newest first (conversations.history)."""
        channel = self._channel(arguments)
        found = [each for each in self._between(channel, arguments) if not each.thread or each.broadcast]
        return found[::-1][: _limit(arguments)]

    def replies(self, arguments: Mapping[str, Any]) -> list[Message]:
        """Return a parent and its replies, oldest first (conversations.replies)."""
        channel = self._channel(arguments)
        parent = self._parent(channel, str(arguments.get("ts") or ""))
        found = [each for each in self._between(channel, arguments) if each.thread == parent]
        return [self.messages[parent], *found][: _limit(arguments)]

    def thread(self, parent: Message) -> list[Message]:
        """Return what was answered to a message, oldest first."""
        return [message for message in self.messages.values() if message.thread == parent.ts]

    def _channel(self, arguments: Mapping[str, Any]) -> str:
        asked = str(arguments.get("channel") or "").removeprefix("#")
        if asked in self.channels:
            return asked
        for identity, name in self.channels.items():
            if name == asked:
                return identity
        raise Refusal("channel_not_found")

    def _parent(self, channel: str, ts: str) -> str:
        parent = self.messages.get(ts)
        if parent is None or parent.channel != channel:
            raise Refusal("thread_not_found")
        return parent.thread or parent.ts

    def _between(self, channel: str, arguments: Mapping[str, Any]) -> list[Message]:
        oldest, latest = str(arguments.get("oldest") or "0"), str(arguments.get("latest") or "9999999999")
        try:
            first, last = float(oldest), float(latest)
        except ValueError:
            raise Refusal("invalid_arguments") from None
        return [
            each
            for each in self.messages.values()
            if each.channel == channel and first <= float(each.ts) <= last
        ]

    def _throttle(self, bucket: Bucket, now: datetime) -> None:
        if self.faults.throttles > 0:
            self.faults.throttles -= 1
            raise Refusal("ratelimited", retry_after_s=self.faults.retry_after_s)
        if wait_s := bucket.take(now):
            raise Refusal("ratelimited", retry_after_s=wait_s)

    def _unlucky(self) -> None:
        if self.faults.refusals > 0:
            self.faults.refusals -= 1
            raise Refusal(self.faults.error)

    def _content(self, arguments: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]]]:
        text, blocks = str(arguments.get("text") or ""), _structure(arguments.get("blocks")) or ()
        if not text and not blocks:
            raise Refusal("no_text")
        if len(text) > TEXT_MAX:
            raise Refusal("msg_too_long")
        if problems := complaints(blocks):
            raise Refusal("invalid_blocks", details=problems)
        if blocks and len(json.dumps(blocks, ensure_ascii=False)) > BLOCKS_CHARACTERS_MAX:
            raise Refusal("msg_blocks_too_long")
        return text, blocks

    def _stamp(self, now: datetime) -> str:
        """Make a message's id: its time in microseconds, never the same twice."""
        self._last_us = max(self._last_us + 1, int(now.timestamp()) * 1_000_000 + now.microsecond)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def _keep(self, message: Message) -> Message:
        self.messages[message.ts] = message
        self.accepted.append(message.ts)
        if self.faults.drops > 0:
            self.faults.drops -= 1
            raise Dropped
        return message


def outage(start: datetime, seconds: float) -> Window:
    """Return the stretch that begins at `start`."""
    return Window(start, start + timedelta(seconds=seconds))


def _structure(value: object) -> Any:  # noqa: ANN401 - blocks and metadata are free JSON
    """Arguments that are structures come as JSON text in a form and as themselves in a JSON body."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise Refusal("invalid_arguments", details=["must be valid JSON"]) from None


def _limit(arguments: Mapping[str, Any]) -> int:
    try:
        return max(1, min(int(arguments.get("limit") or 100), HISTORY_MAX))
    except ValueError:
        raise Refusal("invalid_limit") from None
