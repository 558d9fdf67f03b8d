"""The record of calls that change the world: what the judge goes by.

Recorded is every call that leaves something set up in another way than before, whichever service answers it,
also when it is refused.  Looks are not, nor is what only passes through: messages, measurements, objects,
sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator import fate
from simulator.moment import moment
from simulator.reach import Reach
from simulator.refusal import Refusal

Params = Mapping[str, Any]

ACCEPTED = "accepted"

#: How the names of operations begin that only look.
LOOKS = ("Describe", "Get", "List", "Test")
#: Messages, measurements, objects and sessions pass through what is set up, and leave it as it is.
TRAFFIC = frozenset(
    {
        "AssumeRole",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "DeleteMessage",
        "DeleteMessageBatch",
        "Publish",
        "PublishBatch",
        "PutMetricData",
        "PutObject",
        "ReceiveMessage",
        "SendMessage",
        "SendMessageBatch",
    }
)


def changes(operation: str) -> bool:
    """Whether an operation leaves something set up in another way, and so is recorded."""
    return not operation.startswith(LOOKS) and operation not in TRAFFIC


@dataclass(frozen=True, slots=True)
class Call:
    """One mutating call, also a refused one.

    `service` is the API (`ecs`, `cloudwatch`, `sqs`), `placement` the index of the placement that it names,
    `outcome` is `accepted` or the code of the refusal.
    """

    at: datetime
    caller: str
    account: str
    region: str
    service: str
    operation: str
    params: Params
    outcome: str
    placement: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the world did as it was told."""
        return self.outcome == ACCEPTED


@dataclass(slots=True, eq=False)
class Desk:
    """Where calls come in: some are refused while throttled, those that change something are recorded."""

    seed: int
    reach: Reach
    made: list[Call] = field(default_factory=list)
    now: float = 0.0
    throttled: dict[str, float] = field(default_factory=dict)
    asked: int = 0

    def admit(self, region: str) -> None:
        """Refuse calls that do not get through, and a share of them while the region is throttled."""
        self.reach.admit(region)
        if ratio := self.throttled.get(region, 0.0):
            self.asked += 1
            if fate.fraction(self.seed, "throttled", self.asked) < ratio:
                raise Refusal("ThrottlingException", "Rate exceeded")

    def answer(  # noqa: PLR0913 - the parts of a call
        self,
        service: str,
        operation: str,
        params: Params,
        carry_out: Callable[[], dict[str, Any]],
        *,
        account: str,
        region: str,
        caller: str,
        placement: Callable[[], int | None] = lambda: None,
    ) -> dict[str, Any]:
        """Carry a call out; one that changes something is written down with how it ended."""
        if not changes(operation):
            return carry_out()
        about, outcome = placement(), ACCEPTED
        try:
            return carry_out()
        except Refusal as refusal:
            outcome = refusal.code
            raise
        finally:
            at = moment(self.now)
            call = Call(at, caller, account, region, service, operation, params, outcome, about)
            self.made.append(call)
