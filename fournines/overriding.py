"""A person's word that a service may be deployed all the same: kept, journaled, told, and taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remediation.journal import Entry, EntryKind

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.store.books import Books
    from slo.gate import Override


def give(books: Books, override: Override) -> str:
    """Keep an override, journal it, and return it in words."""
    sentence = f"The gate of {_named(override.service, override.region)} is {override.sentence}."
    about = {"service": override.service, "region": override.region, "until": override.until.isoformat()}
    entry = Entry(EntryKind.OVERRIDDEN, override.since, sentence, actor=override.who, data=about)
    books.override(override, _told(books, override.service, entry))
    return sentence


def revoke(books: Books, service: str, region: str | None, who: str, now: datetime) -> str:
    """End every override that was given for just this service and region; return what came of it."""
    held = [one for one in books.overrides(now) if (one.service, one.region) == (service, region)]
    sentence = f"The gate of {_named(service, region)} is no more overridden: {who} took it back."
    about = {"service": service, "region": region, "until": now.isoformat()}
    entry = Entry(EntryKind.OVERRIDDEN, now, sentence, actor=who, data=about)
    if not held:
        return f"The gate of {_named(service, region)} is not overridden."
    books.revoke(held, _told(books, service, entry))
    return sentence


def _told(books: Books, service: str, entry: Entry) -> tuple[Entry, ...]:
    """Return the entry for each open incident of the service, whose thread hears it, or as it is."""
    concerned = [one.id for one in books.open_incidents() if one.service == service]
    return tuple(replace(entry, incident=incident) for incident in concerned) or (entry,)


def _named(service: str, region: str | None) -> str:
    return f"{service} in {region}" if region else service
