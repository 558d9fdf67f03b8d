"""Empties the outbox: what must be told goes out in its order, and stays until it has arrived."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from fournines.board import Board
from fournines.clock import real_now
from fournines.slack import messages
from fournines.slack.chat import Ambiguous, Chat, Label, Later, Refused, Sent
from fournines.store.books import Books
from fournines.store.outbox import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.slack.blocks import Message
    from fournines.slack.chat import Delivery
    from fournines.store.outbox import Telling

_log = logging.getLogger(__name__)

#: After an answer that never came, wait before looking whether the message is there.
AMBIGUOUS_WAIT = timedelta(seconds=2)
#: What passes is tried again ever later, but never given up: an alert may be late, not lost.
BACKOFF_MAX = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tell:
    """Sends what is due.  Sending runs on real time, whatever clock decisions run on."""

    books: Books
    chat: Chat
    board: Board
    channel: str

    def run(self, now: datetime) -> None:
        """Send every message whose turn it is."""
        del now
        for telling in self.books.due(real_now()):
            self._tell(telling)

    def _tell(self, telling: Telling) -> None:
        message = self._render(telling)
        if message is None:
            self.books.failed(telling, "there is nothing to say of this entry")
            return
        label = Label(telling.incident, telling.seq)
        if telling.ambiguous and telling.kind is not Kind.EDIT:
            found = self.chat.find(self._channel(telling), label, telling.parent_ts)
            if found is not None:
                self.books.sent(telling, found.channel, found.ts, real_now())
                return
        self.books.sending(telling)
        delivery = self._send(telling, message, label)
        if isinstance(delivery, Refused) and message.blocks:
            _log.warning("Slack refused the blocks of %s (%s); the sentence goes alone", label, delivery.why)
            delivery = self._send(telling, message.plain(), label)
        self._settle(telling, delivery)

    def _render(self, telling: Telling) -> Message | None:
        """Render the parent as the incident is now, a reply from its entry."""
        if telling.kind is Kind.REPLY:
            return messages.reply(self.books.entry(telling.entry).entry)
        view = self.board.incident(telling.incident)
        return None if view is None else messages.parent(view)

    def _send(self, telling: Telling, message: Message, label: Label) -> Delivery:
        channel = self._channel(telling)
        match telling.kind:
            case Kind.PARENT:
                return self.chat.post(channel, message, label)
            case Kind.REPLY:
                return self.chat.post(channel, message, label, telling.parent_ts)
            case Kind.EDIT:
                assert telling.parent_ts is not None
                return self.chat.edit(channel, telling.parent_ts, message, label)
            case _:
                assert_never(telling.kind)

    def _settle(self, telling: Telling, delivery: Delivery) -> None:
        now = real_now()
        match delivery:
            case Sent(channel=channel, ts=ts):
                self.books.sent(telling, channel, ts, now)
            case Later(after_s=after_s, why=why):
                self.books.retry(telling, now + timedelta(seconds=after_s), why)
            case Ambiguous(why=why):
                wait = min(AMBIGUOUS_WAIT * (telling.attempts + 1), BACKOFF_MAX)
                self.books.retry(telling, now + wait, why, ambiguous=True)
            case Refused(why=why):
                _log.error("Slack refuses a message of %s for good (%s): %s", telling.incident, why, telling)
                self.books.failed(telling, why)
            case _:
                assert_never(delivery)

    def _channel(self, telling: Telling) -> str:
        return telling.channel or self.channel
