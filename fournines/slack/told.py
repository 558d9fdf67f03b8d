"""How each kind of journal entry is told: as a reply in its incident's thread, or by the parent alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from remediation.journal import Entry, EntryKind
from remediation.vocabulary import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reply looks; `broadcast` shows it in the channel too, since edits and replies notify nobody."""

    sign: str
    broadcast: bool = False


#: What needs attention is a reply; the rest (None) only changes the parent.
TOLD: Mapping[EntryKind, Manner | None] = {
    EntryKind.OPENED: Manner(":bell:", broadcast=True),
    EntryKind.JOINED: None,
    EntryKind.DIAGNOSED: Manner(":mag_right:"),
    EntryKind.DECIDED: Manner(":memo:"),
    EntryKind.ASKED: Manner(":raised_hand:", broadcast=True),
    EntryKind.ANSWERED: Manner(":speech_balloon:"),
    EntryKind.INTENDED: None,
    EntryKind.APPLIED: Manner(":wrench:"),
    EntryKind.NOT_APPLIED: Manner(":warning:"),
    EntryKind.VERIFYING: None,
    EntryKind.RECOVERED: Manner(":white_check_mark:"),
    EntryKind.ESCALATED: Manner(":rotating_light:", broadcast=True),
    EntryKind.RESTORED: Manner(":rewind:"),
    EntryKind.RESOLVED: Manner(":large_green_circle:", broadcast=True),
    EntryKind.RESTATED: None,
    EntryKind.SWITCHED: Manner(":lock:"),
    EntryKind.OVERRIDDEN: Manner(":unlock:"),
    EntryKind.QUARANTINED: Manner(":no_entry:"),
    EntryKind.STATED: Manner(":page_facing_up:", broadcast=True),
}

#: Decisions that say nothing which the thread does not hear: a call for a person is told as such, a wait is
#: no news.
SILENT = frozenset({Verdict.ESCALATE, Verdict.WAIT})


def manner(entry: Entry) -> Manner | None:
    """Return how an entry is told as a reply, or None when only the parent changes."""
    if entry.kind is EntryKind.DECIDED and entry.data.get("verdict") in SILENT:
        return None
    return TOLD[entry.kind]
