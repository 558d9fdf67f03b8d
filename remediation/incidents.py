"""Incidents: what belongs together - one cause, one thread, one timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from remediation.journal import Entry
from remediation.vocabulary import ActionName, Cause, Reason, Verdict, Word
from slo.burn import Severity
from slo.cells import Placement

#: What the name of a sign begins with that a check from outside saw; the address follows.
PROBED = "probe/"
#: What the name of a sign begins with that a scheduled run left; what became of it follows.
SCHEDULED = "schedule/"
#: What the name of a sign begins with that readings left which contradict one another; how they do follows.
DOUBTED = "doubt/"


class Phase(Word):
    """Where an incident stands."""

    OPEN = "open", "It is being looked into."
    PENDING = "pending", "A person has been asked."
    ACTING = "acting", "An action is being carried out."
    VERIFYING = "verifying", "The action is done; the objective is being watched."
    ESCALATED = "escalated", "A person is needed."
    RESOLVED = "resolved", "It is over."


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One sign of trouble at one placement: a firing objective, or an event that speaks of lost capacity.

    `name` is unique within the placement, so that the same sign seen again only moves `last_seen`.  An alarm
    is told when it begins and when it ends: in between it is `ringing`.
    """

    placement: Placement
    name: str
    severity: Severity
    sentence: str
    first_seen: datetime
    last_seen: datetime
    ringing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The last decision about one placement of an incident, kept so that only news is told."""

    placement: Placement
    cause: Cause
    verdict: Verdict
    reason: Reason
    action: ActionName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One service in trouble, over all of its placements that show symptoms.

    `cause` to `reason` are those of the judgement that matters most; `placement` is where.  `calm` are the
    placements that paged and serve well again, as far as was seen.
    """

    id: str
    service: str
    opened_at: datetime
    phase: Phase = Phase.OPEN
    symptoms: tuple[Symptom, ...] = ()
    cause: Cause | None = None
    action: ActionName | None = None
    placement: Placement | None = None
    verdict: Verdict | None = None
    reason: Reason | None = None
    judgements: tuple[Judgement, ...] = ()
    calm: tuple[Placement, ...] = ()
    sentence: str = ""
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None

    @property
    def placements(self) -> tuple[Placement, ...]:
        """The placements that show symptoms, in order of first appearance."""
        return tuple(dict.fromkeys(symptom.placement for symptom in self.symptoms))

    @property
    def felt(self) -> bool:
        """Whether anything tells of trouble, and not only of numbers that do not add up."""
        return any(not symptom.name.startswith(DOUBTED) for symptom in self.symptoms)

    @property
    def severity(self) -> Severity:
        """The worst severity among the symptoms."""
        return Severity.PAGE if any(s.severity is Severity.PAGE for s in self.symptoms) else Severity.TICKET


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an incident, and what the journal says of it."""

    incident: Incident
    entries: tuple[Entry, ...]
