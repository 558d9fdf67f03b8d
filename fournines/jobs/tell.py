"""Empties the outbox: what must be told goes out in its order, and stays until it has arrived."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from fournines.board import Board
from fournines.clock import real_now
from fournines.slack import messages
from fournines.slack.chat import Ambiguous, Chat, Label, Later, Refused, Sent
from fournines.store.books import Books
from fournines.store.outbox import Kind

if TYPE_CHECKING:
    from fournines.slack.blocks import Message
    from fournines.slack.chat import Delivery
    from fournines.store.outbox import Telling

_log = logging.getLogger(__name__)

#: After an answer that never came, wait before looking whether the message is there; ever longer, since what
#: passes is tried again without end: an alert may be late, not lost.
AMBIGUOUS_WAIT = timedelta(seconds=2)
AMBIGUOUS_WAIT_MAX = timedelta(minutes=1)
#: What Slack refuses is tried again so often: somebody may have mended the reason.
REFUSED_EVERY = timedelta(minutes=1)
#: A turn sends no more of one incident than this, so that the job shows that it lives.
ROUNDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Tell:
    """Sends what is due.  Sending runs on real time, whatever clock decisions run on."""

    books: Books
    chat: Chat
    board: Board
    channel: str
    wall: Callable[[], datetime] = real_now
    #: Until when Slack wants no more posts (False) or edits (True): each has a rate limit of its own.
    _held: dict[bool, datetime] = field(default_factory=dict, init=False)

    def run(self, now: datetime) -> None:
        """Send every message whose turn it is, and those that follow, until nothing goes out any more."""
        del now
        failures = list[Exception]()
        for _ in range(ROUNDS_MAX):
            if not sum(self._try(telling, failures) for telling in self.books.outbox.due(self.wall())):
                break
        if failures:
            raise ExceptionGroup(f"{len(failures)} messages could not be told", failures)

    def _try(self, telling: Telling, failures: list[Exception]) -> bool:
        """Tell it; whatever fails about one message keeps no other waiting, and is tried again."""
        try:
            return self._tell(telling)
        except Exception as problem:  # noqa: BLE001 - one message must not keep the others waiting
            failures.append(problem)
            self.books.outbox.sending(telling)
            why = f"{type(problem).__name__}: {problem}"
            self.books.outbox.retry(telling, self.wall() + REFUSED_EVERY, why, ambiguous=True)
            return False

    def _tell(self, telling: Telling) -> bool:
        """Send one message; return whether Slack has it now."""
        held = self._held.get(telling.kind is Kind.EDIT)
        if held is not None and self.wall() < held:
            return False
        label = Label(telling.incident, telling.seq, self.board.now())
        if telling.ambiguous and telling.kind is not Kind.EDIT:
            match self.chat.find(self._channel(telling), label, telling.parent_ts):
                case Sent() as found:
                    return self._settle(telling, found)
                case Later() | Ambiguous() as unseen:
                    return self._wait(telling, unseen, ambiguous=True)
                case None:
                    pass
        message = self._rendered(telling)
        self.books.outbox.sending(telling)
        return self._settle(telling, self._deliver(telling, message, label))

    def _rendered(self, telling: Telling) -> Message:
        """Render the parent as the incident is now, a reply from its entry, at worst its sentence."""
        entry = self.books.entry(telling.entry).entry
        try:
            view = None if telling.kind is Kind.REPLY else self.board.incident(telling.incident)
            return messages.reply(entry) if view is None else messages.parent(view)
        except Exception:  # noqa: BLE001 - whatever fails, the alert goes out
            _log.exception("a message of %s cannot be rendered: its sentence goes alone", telling.incident)
            return messages.plain(entry)

    def _deliver(self, telling: Telling, message: Message, label: Label) -> Delivery:
        """Send it, plainer and plainer while Slack refuses: without blocks, then outside of its thread."""
        delivery = self._send(telling, message, label, telling.parent_ts)
        if isinstance(delivery, Refused) and message.blocks:
            _log.warning("Slack refuses the blocks of %s (%s): the sentence goes alone", label, delivery.why)
            message = message.plain()
            delivery = self._send(telling, message, label, telling.parent_ts)
        if isinstance(delivery, Refused) and delivery.thread_at_fault and telling.kind is Kind.REPLY:
            _log.warning("the thread of %s is gone (%s): the channel is told", label, delivery.why)
            delivery = self._send(telling, message, label, None)
        return delivery

    def _send(self, telling: Telling, message: Message, label: Label, thread: str | None) -> Delivery:
        channel = self._channel(telling)
        match telling.kind:
            case Kind.PARENT | Kind.REPLY:
                return self.chat.post(channel, message, label, thread)
            case Kind.EDIT:
                assert telling.parent_ts is not None
                return self.chat.edit(channel, telling.parent_ts, message, label)
            case _:
                assert_never(telling.kind)

    def _settle(self, telling: Telling, delivery: Delivery) -> bool:
        match delivery:
            case Sent(channel=channel, ts=ts):
                self.books.outbox.sent(telling, channel, ts, self.wall())
                return True
            case Later():
                return self._wait(telling, delivery, ambiguous=False)
            case Ambiguous():
                return self._wait(telling, delivery, ambiguous=True)
            case Refused(channel_at_fault=True) if telling.channel not in {None, self.channel}:
                _log.warning("the channel of %s is gone (%s): it moves", telling.incident, delivery.why)
                self.books.outbox.move_thread(telling, delivery.why)
                return True
            case Refused(why=why):
                _log.error(
                    "Slack refuses a message of %s (%s); it is tried again every minute",
                    telling.incident,
                    why,
                )
                self.books.outbox.refused(telling, self.wall() + REFUSED_EVERY, why)
                return False
            case _:
                assert_never(delivery)

    def _wait(self, telling: Telling, delivery: Later | Ambiguous, *, ambiguous: bool) -> bool:
        """Have it sent again later, and hold back what would fare the same meanwhile."""
        wait = min(AMBIGUOUS_WAIT * (telling.attempts + 1), AMBIGUOUS_WAIT_MAX)
        if isinstance(delivery, Later):
            wait = timedelta(seconds=delivery.after_s)
        _log.warning(
            "%s is not told yet (%s); again in %.0f s", telling.incident, delivery.why, wait.total_seconds()
        )
        until = self.wall() + wait
        self._held[telling.kind is Kind.EDIT] = until
        self.books.outbox.retry(telling, until, delivery.why, ambiguous=ambiguous)
        return False

    def _channel(self, telling: Telling) -> str:
        return telling.channel or self.channel
