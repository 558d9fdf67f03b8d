"""What the journal holds: entries in a hash chain, so that nothing can be changed or left out unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from remediation.vocabulary import Word

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What the first entry names as its predecessor.
GENESIS = "0" * 64


class EntryKind(Word):
    """What an entry tells."""

    OPENED = "opened", "An incident was opened."
    JOINED = "joined", "More belongs to the incident."
    DIAGNOSED = "diagnosed", "A cause was named, with its evidence."
    DECIDED = "decided", "It was decided what to do, guard by guard."
    ASKED = "asked", "A person was asked."
    ANSWERED = "answered", "A person answered."
    INTENDED = "intended", "An effect is about to be carried out."
    APPLIED = "applied", "An effect was carried out and read back."
    NOT_APPLIED = "not_applied", "An effect was refused, or could not be read back."
    VERIFYING = "verifying", "The objective is being watched after the action."
    RECOVERED = "recovered", "The objective recovered."
    ESCALATED = "escalated", "A person is needed."
    RESTORED = "restored", "A temporary change was undone."
    RESOLVED = "resolved", "The incident is over."
    RESTATED = "restated", "Minutes that were already counted were corrected."
    SWITCHED = "switched", "A switch was set."
    OVERRIDDEN = "overridden", "The gate for deployments was overridden, or is no more."
    QUARANTINED = "quarantined", "A revision was put into quarantine, or released."
    STATED = "stated", "A month's statement was issued."


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, in words and as data.  `data` is JSON."""

    kind: EntryKind
    at: datetime
    sentence: str
    incident: str | None = None
    placement: str | None = None
    run: str | None = None
    actor: str = "fournines"
    data: Mapping[str, Any] = field(default_factory=dict)


def canonical(entry: Entry) -> str:
    """Return the entry as the one JSON text that is hashed."""
    return json.dumps(
        {
            "kind": str(entry.kind),
            "at": entry.at.isoformat(),
            "sentence": entry.sentence,
            "incident": entry.incident,
            "placement": entry.placement,
            "run": entry.run,
            "actor": entry.actor,
            "data": entry.data,
        },
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )


def chain_hash(previous: str, entry: Entry) -> str:
    """Return the entry's hash: SHA-256 over the predecessor's hash and the entry's canonical text."""
    return hashlib.sha256(f"{previous}\n{canonical(entry)}".encode()).hexdigest()


def first_break(chain: Iterable[tuple[Entry, str]]) -> int | None:
    """Return the position of the first entry whose hash does not follow from what precedes it, or None."""
    previous = GENESIS
    for position, (entry, digest) in enumerate(chain):
        if chain_hash(previous, entry) != digest:
            return position
        previous = digest
    return None
