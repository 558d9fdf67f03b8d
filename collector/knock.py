"""Whether AWS answers at all, region by region: asked once, before anything is started on its word."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Door(StrEnum):
    """What came of knocking.  An answer that asks for patience, or tells a fault of AWS' own, is one too."""

    OPEN = "open"
    NO_CREDENTIALS = "no_credentials"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Knock:
    """What one region of one account answered; `said` is what the door itself says of it."""

    account: str
    region: str
    door: Door
    said: str = ""
