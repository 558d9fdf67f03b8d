"""What journal entries say to people: findings, guards, and changes in words beside the calls of AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from remediation.journal import EntryKind
from remediation.vocabulary import ActionName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remediation.journal import Entry

#: A finding that does not hold is no trouble; a guard that does not agree stops everything.
_FINDING_TONES = {"yes": "strong", "no": "quiet", "unknown": "warn"}
_GUARD_TONES = {"yes": "good", "no": "bad"}

#: Findings that part the causes from one another: told whatever the answer, the others only when they hold.
KEY = frozenset({"failing_here", "failing_elsewhere", "deployed_before"})

UNDOING = "Take the temporary change back."


@dataclass(frozen=True, slots=True)
class Row:
    """A finding or a guard: `holds` is yes, no or unknown."""

    name: str
    holds: str
    sentence: str
    tone: str

    @property
    def label(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ")


def said(entry: Entry) -> str:
    """Return an entry's sentence; a change of AWS is told with what it is for."""
    action = entry.data.get("action")
    if entry.kind is not EntryKind.APPLIED or action not in set(ActionName):
        return entry.sentence or entry.kind.sentence
    purpose = UNDOING if entry.data.get("undo") else ActionName(action).sentence  # type: ignore[call-arg]  # looks a word up
    return f"{purpose} {entry.sentence}"


def findings(entry: Entry) -> tuple[Row, ...]:
    """Return the evidence of a diagnosis."""
    return _rows(entry, "findings", _FINDING_TONES)


def checks(entry: Entry) -> tuple[Row, ...]:
    """Return every guard's answer of a decision."""
    return _rows(entry, "checks", _GUARD_TONES)


def in_short(entry: Entry) -> tuple[Row, ...]:
    """Return what is worth telling of the evidence or the guards behind an entry; the page has them all."""
    match entry.kind:
        case EntryKind.DIAGNOSED:
            return tuple(row for row in findings(entry) if row.holds == "yes" or row.name in KEY)
        case EntryKind.DECIDED:
            return _refusals(checks(entry))
        case _:
            return ()


def _refusals(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Return the guards that refuse; all that agree are one line."""
    refusing = tuple(row for row in rows if row.holds != "yes")
    if refusing or not rows:
        return refusing
    return (Row("guards", "yes", f"All {len(rows)} guards agreed.", _GUARD_TONES["yes"]),)


def _rows(entry: Entry, key: str, tones: Mapping[str, str]) -> tuple[Row, ...]:
    return tuple(
        Row(row["name"], row["holds"], row["sentence"], tones.get(row["holds"], "quiet"))
        for row in entry.data.get(key, ())
    )
