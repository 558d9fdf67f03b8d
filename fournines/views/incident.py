"""An incident as people see it: what is wrong, what automation does about it, and all that happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fournines.slack.told import manner
from fournines.views import evidence
from fournines.views.impact import Impact
from remediation.incidents import Incident, Phase
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import Cause, Reason
from slo.burn import Tier
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fournines.views.evidence import Row

_TONES = {Phase.RESOLVED: "good", Phase.ESCALATED: "bad", Phase.OPEN: "bad"}
_TIERS = frozenset(Tier)

#: How a state is said to people.
STATES = {
    Phase.OPEN: "being looked into",
    Phase.PENDING: "waits for an answer",
    Phase.ACTING: "being mended",
    Phase.VERIFYING: "watched after an action",
    Phase.ESCALATED: "needs a person",
    Phase.RESOLVED: "over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One incident with its journal; `links` are names and addresses, `runbooks` ids of the shelf.

    `impacts` is what its placements' users feel now, the worst placement first.
    """

    incident: Incident
    entries: tuple[Entry, ...]
    runbooks: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    impacts: tuple[Impact, ...] = ()

    @property
    def regions(self) -> str:
        """Where it shows."""
        return ", ".join(dict.fromkeys(placement.region for placement in self.incident.placements))

    @property
    def state(self) -> str:
        """Where it stands, in words."""
        return STATES[self.incident.phase]

    @property
    def cause(self) -> str:
        """What it comes from, in a sentence."""
        return self.incident.cause.sentence if self.incident.cause else "Not known yet."

    @property
    def signs(self) -> tuple[str, ...]:
        """What was seen beside burning objectives, which the impact tells: each sentence with its regions."""
        told = {impact.row.budget.placements[0] for impact in self.impacts}
        regions: dict[str, list[str]] = {}
        for symptom in self.incident.symptoms:
            if symptom.placement not in told or symptom.name.rpartition("/")[2] not in _TIERS:
                regions.setdefault(symptom.sentence, []).append(symptom.placement.region)
        return tuple(
            f"{sentence.rstrip('.')} ({', '.join(where)})." if len(where) > 1 else sentence
            for sentence, where in regions.items()
        )

    @property
    def tone(self) -> str:
        """How its state looks."""
        return _TONES.get(self.incident.phase, "warn")

    @property
    def gist(self) -> str:
        """What is wrong in a sentence: the diagnosis once there is one, the first symptom before."""
        if self.incident.sentence:
            return self.incident.sentence
        return (
            self.incident.symptoms[0].sentence if self.incident.symptoms else "No symptom is known any more."
        )

    @property
    def headline(self) -> str:
        """What it is or was: the last diagnosis that named a cause."""
        last = self._newest(_names_a_cause) or self._newest(_diagnoses)
        return last.sentence if last else self.gist

    @property
    def automation(self) -> str:
        """What the service does about it, in its last words on that."""
        last = self._newest(_acts) or self._newest(_decides)
        if last is None:
            return "Looking for the cause; nothing has been changed."
        reason = last.data.get("reason")
        if last.kind is EntryKind.ESCALATED and reason in set(Reason):
            return f"{Reason(reason).sentence} A person is needed."  # type: ignore[call-arg]  # looks a word up
        return evidence.said(last)

    @property
    def findings(self) -> tuple[Row, ...]:
        """The evidence of the last diagnosis."""
        last = self._newest(_diagnoses)
        return evidence.findings(last) if last else ()

    @property
    def checks(self) -> tuple[Row, ...]:
        """Every guard's answer of the last decision about an action: others have nothing to ask them."""
        last = self._newest(_plans)
        return evidence.checks(last) if last else ()

    @property
    def judged(self) -> str:
        """Where the last diagnosis was made."""
        last = self._newest(_diagnoses)
        return Placement.parse(last.placement).region if last and last.placement else ""

    @property
    def highlights(self) -> tuple[Entry, ...]:
        """What a reader of the timeline must not miss: all that the thread was told."""
        return tuple(entry for entry in self.entries if entry.kind is EntryKind.OPENED or manner(entry))

    def _newest(self, wanted: Callable[[Entry], bool]) -> Entry | None:
        return next((entry for entry in reversed(self.entries) if wanted(entry)), None)

    @property
    def standing(self) -> str:
        """How urgent it is, since when, and where it stands."""
        incident = self.incident
        over = f", over {incident.resolved_at:%Y-%m-%d %H:%M}" if incident.resolved_at else ""
        since = f"opened {incident.opened_at:%Y-%m-%d %H:%M}{over} UTC"
        return f"{incident.severity}, {incident.phase}, {since}. {incident.phase.sentence}"

    def explain(self) -> tuple[str, ...]:
        """Return every why as lines: evidence, guards, and what was done when."""
        return (
            f"{self.incident.id}: {self.headline}",
            self.standing,
            "",
            "Evidence",
            *_lines(self.findings),
            "",
            "Guards",
            *_lines(self.checks),
            "",
            "What happened",
            *(f"  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.kind:<12} {entry.sentence}" for entry in self.entries),
            "",
            f"Runbooks (fournines runbook show ID): {', '.join(self.runbooks) or 'none'}",
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        incident = self.incident
        return {
            "id": incident.id,
            "service": incident.service,
            "placements": [str(placement) for placement in incident.placements],
            "severity": incident.severity,
            "phase": incident.phase,
            "cause": incident.cause,
            "action": incident.action,
            "gist": self.gist,
            "automation": self.automation,
            "impact": [impact.as_json() for impact in self.impacts],
            "opened_at": incident.opened_at.isoformat(),
            "resolved_at": incident.resolved_at and incident.resolved_at.isoformat(),
            "findings": [_plain(row) for row in self.findings],
            "checks": [_plain(row) for row in self.checks],
            "runbooks": self.runbooks,
            "timeline": [
                {"at": entry.at.isoformat(), "kind": entry.kind, "sentence": entry.sentence}
                for entry in self.entries
            ],
        }


_CARRIED_OUT = (
    EntryKind.ASKED,
    EntryKind.ANSWERED,
    EntryKind.INTENDED,
    EntryKind.APPLIED,
    EntryKind.NOT_APPLIED,
    EntryKind.RECOVERED,
    EntryKind.ESCALATED,
    EntryKind.RESTORED,
)


def _diagnoses(entry: Entry) -> bool:
    return entry.kind is EntryKind.DIAGNOSED


def _names_a_cause(entry: Entry) -> bool:
    return _diagnoses(entry) and entry.data.get("cause") not in {None, Cause.UNKNOWN}


def _decides(entry: Entry) -> bool:
    return entry.kind is EntryKind.DECIDED


def _plans(entry: Entry) -> bool:
    """Whether an action was decided about, whatever came of it."""
    return _decides(entry) and bool(entry.data.get("action"))


def _acts(entry: Entry) -> bool:
    return entry.kind in _CARRIED_OUT or _plans(entry)


def _lines(rows: Iterable[Row]) -> list[str]:
    return [f"  {row.holds:<8} {row.name:<27} {row.sentence}" for row in rows] or ["  none yet"]


def _plain(row: Row) -> dict[str, str]:
    return {"name": row.name, "holds": row.holds, "sentence": row.sentence}
