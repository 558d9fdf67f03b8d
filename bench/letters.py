"""A queue in this process that answers as SQS does: some at a call, after a while, until they are deleted."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any


class Sqs:
    """One queue, as boto3's client sees it.  A call takes `call_s`."""

    def __init__(self, call_s: float = 0.0) -> None:
        self._call_s, self._bodies = call_s, deque[str]()
        self._changed = threading.Condition()
        self.deleted = 0

    def sqs(self, *_: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        """Be the client of every region."""
        return self

    def put(self, bodies: Iterable[str]) -> None:
        """Let messages arrive."""
        with self._changed:
            self._bodies.extend(bodies)
            self._changed.notify_all()

    def receive_message(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own parameters
        """Hand over at most ten, at once or when some arrive."""
        with self._changed:
            self._changed.wait_for(lambda: self._bodies, timeout=asked["WaitTimeSeconds"])
            few = min(len(self._bodies), asked["MaxNumberOfMessages"])
            given = [self._bodies.popleft() for _ in range(few)]
        time.sleep(self._call_s)
        return {"Messages": [{"ReceiptHandle": body[:20], "Body": body} for body in given]}

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own parameters
        """Forget what is stored."""
        time.sleep(self._call_s)
        with self._changed:
            self.deleted += len(asked["Entries"])
        return {}
