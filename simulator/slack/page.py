"""The workspace as one HTML page that needs nothing else: every channel, every thread, no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from simulator.slack.mrkdwn import mrkdwn, plain
from simulator.slack.workspace import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

    from simulator.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as it is read: with its own time, and its thread."""

    message: Message
    at: datetime
    edited_at: datetime | None
    replies: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it is read, oldest message first."""

    identity: str
    name: str
    entries: Sequence[Entry]

    @property
    def messages(self) -> int:
        """How many messages it holds, replies included."""
        return sum(1 + len(entry.replies) for entry in self.entries)


def render(workspace: Workspace) -> str:
    """Render the whole workspace."""
    channels = [_channel(workspace, identity, name) for identity, name in workspace.channels.items()]
    return _template().render(workspace=workspace, channels=channels)


def told_at(message: Message) -> datetime:
    """Return the time that the message is about.

    A sender on a fast clock says it in the metadata, `{"event_payload": {"at": "2026-11-02T14:08:00Z"}}`;
    without that it is the time of posting.
    """
    payload = message.metadata.get("event_payload")
    at = payload.get("at") if payload else None
    try:
        return datetime.fromisoformat(at) if isinstance(at, str) else message.posted_at
    except ValueError:
        return message.posted_at


def text_of(element: Mapping[str, str]) -> Markup:
    """Render a Block Kit text object."""
    shown = plain(element["text"]) if element["type"] == "plain_text" else mrkdwn(element["text"])
    return Markup(shown)  # noqa: S704 - both escape every character of the message


def _channel(workspace: Workspace, identity: str, name: str) -> Channel:
    parents = [each for each in workspace.messages.values() if each.channel == identity and not each.thread]
    entries = [_entry(each, [_entry(reply) for reply in workspace.thread(each)]) for each in parents]
    return Channel(identity, name, entries)


def _entry(message: Message, replies: Sequence[Entry] = ()) -> Entry:
    return Entry(message, told_at(message), message.edited_at, replies)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("simulator.slack", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["text"] = text_of
    environment.filters["mrkdwn"] = lambda text: Markup(mrkdwn(text))  # noqa: S704 - escapes every character
    return environment.get_template("page.html")
