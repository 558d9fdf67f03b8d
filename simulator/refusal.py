"""What the world answers when it refuses a call: an AWS error, before it becomes HTTP."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is AWS's answer, not a defect of ours
    """An error that AWS would answer: its code, its message, and the HTTP status that carries it.

    `details` are the members that its shape has beside the message.
    """

    def __init__(self, code: str, message: str, status: int = 400, **details: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = details
