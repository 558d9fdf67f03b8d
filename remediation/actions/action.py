"""What an action is: it plans an effect, says whether it helped, and how long a change must stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from remediation.actions.effects import Effect, SetScalingMinimum
from remediation.vocabulary import Reason
from slo.cells import minute_of

if TYPE_CHECKING:
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation
    from remediation.vocabulary import ActionName

#: So many healthy minutes after the action prove that it helped.
PROOF_MINUTES = 3
#: It is worse when so many times more fails than before ...
WORSE_TIMES = 2
#: ... and at least this share of all requests.
WORSE_RATIO_MIN = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done; a temporary change carries its inverse and how long it is kept.

    `suspect` is the task definition that a rollback leaves, `back_to` the one that it returns to.
    `usual` is how many requests a minute are usual, where more of them are the reason.  `keeps` is what part
    of the tasks that serve is left to carry the load; `shared` says that whoever shares the load balancer
    loses the same.
    """

    effect: Effect
    sentence: str
    inverse: Effect | None = None
    keep_for: timedelta | None = None
    suspect: str | None = None
    usual: float | None = None
    keeps: float = 1.0
    shared: bool = False
    back_to: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an action does not apply, in words with the numbers."""

    reason: Reason
    sentence: str


class Recovery(StrEnum):
    """Whether an action helped."""

    RECOVERED = "recovered"
    NOT_YET = "not_yet"
    WORSE = "worse"
    CANNOT_SEE = "cannot_see"


@dataclass(frozen=True, slots=True)
class Before:
    """What a later look is compared with: when the action was carried out, and what failed then."""

    acted_at: datetime
    bad_ratio: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at whether it helped, in words with the numbers."""

    recovery: Recovery
    sentence: str


class Action(Protocol):
    """Something that may be done without a person.  Pure: it turns situations into values."""

    name: ActionName

    def plan(self, situation: Situation, diagnosis: Diagnosis) -> Plan | Refusal:
        """Return what would be done now, or why nothing can be."""
        ...

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Return whether it helped, as far as is known now."""
        ...

    def must_stay(self, situation: Situation) -> str | None:
        """Return why the temporary change may not be undone yet, or None."""
        ...


@runtime_checkable
class Stepwise(Protocol):
    """An action that is carried out a part at a time, each a state of the run."""

    def further(self, situation: Situation) -> Plan | None:
        """Return the next part once the last one shows, or None while there is none to do now."""
        ...


def same_intent(planned: Effect, again: Effect) -> bool:
    """Whether a second plan wants what the first did; a measured minimum differs from minute to minute."""
    if isinstance(planned, SetScalingMinimum) and isinstance(again, SetScalingMinimum):
        return planned.placement == again.placement
    return planned == again


def served_again(before: Before, situation: Situation, idle: Recovery = Recovery.CANNOT_SEE) -> Look:
    """Judge by the objective itself: the newest minutes with requests that began after the action.

    `idle` is what a service is called that nobody has asked since: nothing is proven by that.
    """
    here = situation.here
    after = [m for m in here.known if m > minute_of(before.acted_at)] if here else []
    if here is None or not after:
        return Look(Recovery.CANNOT_SEE, "No minute after the action is known yet.")
    asked = [m for m in after if here.availability.at(m) not in {None, (0, 0)}]
    if not asked and len(after) >= PROOF_MINUTES:
        return Look(idle, f"No request came in the {len(after)} known minutes after the action.")
    newest = asked[:PROOF_MINUTES]
    ratio = float(here.availability.ratio(newest) or 0)
    numbers = f"{ratio:.2%} fail in the newest {len(newest)} min after the action"
    if any(here.sick(minute) for minute in newest):
        worse = ratio >= WORSE_RATIO_MIN and ratio > WORSE_TIMES * (before.bad_ratio or 0)
        if worse and len(newest) == PROOF_MINUTES and all(here.sick(minute) for minute in newest):
            return Look(Recovery.WORSE, f"{numbers}, {before.bad_ratio or 0:.2%} did before.")
        return Look(Recovery.NOT_YET, f"{numbers}.")
    if len(newest) < PROOF_MINUTES:
        return Look(Recovery.NOT_YET, f"{numbers}; {PROOF_MINUTES} healthy minutes prove it.")
    return Look(Recovery.RECOVERED, f"{numbers}.")


def not_worse(look: Look) -> Look:
    """Return a look at an action that only adds tasks: it is not what made more requests fail."""
    return Look(Recovery.NOT_YET, look.sentence) if look.recovery is Recovery.WORSE else look


def failing_still(situation: Situation) -> str | None:
    """Return why nothing that helps may be taken away now: the placement fails, or cannot be seen."""
    failing = situation.here.failing if situation.here else None
    if failing is None:
        return "How it serves cannot be seen now."
    return "It is failing now." if failing else None
