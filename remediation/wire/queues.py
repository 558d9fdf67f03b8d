"""The Mailbox seam on SQS: one thread per queue waits for letters, so that nobody else has to.

When a queue gives more than one thread can take, others help it until the queue runs dry.  Letters are
deleted only when the reader says so.  One that waits here too long comes again, as any may.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from remediation.events.event import Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

#: [SQS ReceiveMessage, DeleteMessageBatch]
MESSAGES_PER_CALL_MAX = 10
WAIT_MAX_S = 20
#: A queue that gives so many at once has more: SQS seldom fills a call even then.
MANY = 5
#: Letters held in memory; while it is full nobody asks for more and SQS keeps them.
BUFFER_MAX = 2000
#: So many threads empty a queue in a storm, and so many delete at once.  A call takes some ten milliseconds.
LISTENERS_MAX = 8
DELETERS_MAX = 8
#: How long a thread rests after a failure, twice as long after each further one.
REST_S = 1.0
REST_MAX_S = 30.0

_FAILURES = (BotoCoreError, ClientError, ResponseParserError)
_LOG = logging.getLogger(__name__)


class Clients(Protocol):
    """Makes clients of SQS whose read timeout is longer than a long poll."""

    def sqs(self, account: str, region: str) -> SQSClient:
        """Return a client of a region."""
        ...


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and where it is; EventBridge rules are regional, so there is one in each region.

    Its text is its name: a URL alone may be that of several, behind an endpoint that serves every region.
    """

    account: str
    region: str
    url: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region} {self.url}"


class SqsMailbox:
    """Receives from several queues.  `close` ends the threads; they are daemons and hold no process."""

    def __init__(
        self,
        clients: Clients,
        queues: Sequence[Queue],
        wait_s: int = 10,
        arrived: threading.Event | None = None,
        listens: Callable[[], bool] = lambda: True,
    ) -> None:
        if not 0 <= wait_s <= WAIT_MAX_S:
            raise ValueError(f"SQS waits 0 to {WAIT_MAX_S} s for a message, got {wait_s}")
        self._queues = {str(one): (clients.sqs(one.account, one.region), one.url) for one in queues}
        self._wait_s, self._listens = wait_s, listens
        self._letters: queue.Queue[Letter] = queue.Queue(BUFFER_MAX)
        self._troubles: dict[str, str] = {}
        self._stop, self._arrived = threading.Event(), arrived or threading.Event()
        self._helpers = {name: threading.Semaphore(LISTENERS_MAX - 1) for name in self._queues}
        self._deleting = ThreadPoolExecutor(DELETERS_MAX, thread_name_prefix="delete")
        self._threads = [
            threading.Thread(target=self._listen, args=(name,), name=f"queue {name}", daemon=True)
            for name in self._queues
        ]
        for thread in self._threads:
            thread.start()

    @property
    def troubles(self) -> Mapping[str, str]:
        """Return the queues, by name, that could not be asked last time, and why."""
        ended = {
            name: "the thread that listened has ended"
            for name, thread in zip(self._queues, self._threads, strict=True)
            if not thread.is_alive()
        }
        return self._troubles | ended

    def receive(self) -> Sequence[Letter]:
        """Return what has arrived, without waiting."""
        return list(self._buffered())

    def delete(self, letters: Sequence[Letter]) -> None:
        """Delete letters that are stored safely; one that cannot be deleted comes again."""
        by_queue: dict[str, list[Letter]] = defaultdict(list)
        for letter in letters:
            by_queue[letter.queue].append(letter)
        parts = [
            (name, found[start : start + MESSAGES_PER_CALL_MAX])
            for name, found in by_queue.items()
            for start in range(0, len(found), MESSAGES_PER_CALL_MAX)
        ]
        list(self._deleting.map(lambda part: self._delete(*part), parts))

    def close(self) -> None:
        """Stop listening; returns when the threads have ended, at most one long poll later."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=self._wait_s + REST_S)
        self._deleting.shutdown()

    def _buffered(self) -> Iterator[Letter]:
        for _ in range(BUFFER_MAX):
            try:
                yield self._letters.get_nowait()
            except queue.Empty:
                return

    def _listen(self, name: str) -> None:
        rest_s = REST_S
        while not self._stop.is_set():
            if not self._listens():  # what somebody else is to hear must not be taken from the queue
                self._stop.wait(REST_S)
                continue
            try:
                if self._poll(name) >= MANY:
                    self._call_for_help(name)
            except _FAILURES as error:
                self._note(name, str(error))
                self._stop.wait(rest_s)
                rest_s = min(2 * rest_s, REST_MAX_S)
            else:
                self._note(name, None)
                rest_s = REST_S

    def _call_for_help(self, name: str) -> None:
        """Have one more thread empty a queue that gives more than one can take."""
        if self._helpers[name].acquire(blocking=False):
            threading.Thread(target=self._help, args=(name,), name=f"queue {name}", daemon=True).start()

    def _help(self, name: str) -> None:
        """Take letters until there are few; whoever listens all the time tells what fails."""
        try:
            while not self._stop.is_set() and self._poll(name, wait_s=0) >= MANY:
                self._call_for_help(name)
        except _FAILURES:
            return
        finally:
            self._helpers[name].release()

    def _poll(self, name: str, wait_s: int | None = None) -> int:
        """Ask once, and return how many letters came."""
        client, url = self._queues[name]
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MESSAGES_PER_CALL_MAX,
            WaitTimeSeconds=self._wait_s if wait_s is None else wait_s,
        )
        messages = answer.get("Messages", ())
        for message in messages:
            self._keep(Letter(queue=name, handle=message["ReceiptHandle"], body=message["Body"]))
        if messages:
            self._arrived.set()
        return len(messages)

    def _keep(self, letter: Letter) -> None:
        """Wait for room; what is dropped at the end was never deleted and comes again."""
        while not self._stop.is_set():
            try:
                self._letters.put(letter, timeout=REST_S)
            except queue.Full:
                continue
            return

    def _note(self, name: str, trouble: str | None) -> None:
        """Remember how a queue fares, and log it when that changes."""
        if trouble is None:
            if self._troubles.pop(name, None) is not None:
                _LOG.info("queue %s answers again", name)
        elif name not in self._troubles:
            _LOG.warning("queue %s cannot be read: %s", name, trouble)
            self._troubles[name] = trouble

    def _delete(self, name: str, letters: Sequence[Letter]) -> None:
        client, url = self._queues[name]
        try:
            answer = client.delete_message_batch(
                QueueUrl=url,
                Entries=[{"Id": str(i), "ReceiptHandle": letter.handle} for i, letter in enumerate(letters)],
            )
        except _FAILURES as error:
            _LOG.warning(
                "%d letters of %s were not deleted and will come again: %s", len(letters), name, error
            )
            return
        if failed := answer.get("Failed", ()):
            _LOG.warning("%d letters of %s were not deleted and will come again", len(failed), name)
