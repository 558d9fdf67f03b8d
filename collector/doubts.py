"""For how long whose numbers have not added up: one reading is no news, ten minutes of them are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collector.indicators import COUNTERS, Doubt
from collector.plan import LATE_STEP
from collector.watermarks import unanswered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from collector.watermarks import Window
    from slo.cells import Placement

#: People are told after so long; what is read a minute early and revised is no contradiction.
TOLD_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Doubted:
    """The newest doubt of a placement, and since when it has had any."""

    doubt: Doubt
    since: datetime

    def lasting(self, now: datetime) -> bool:
        """Whether people should know."""
        return now - self.since >= TOLD_AFTER


def weighed(
    before: Mapping[Placement, Doubted], window: Window, doubts: Iterable[Doubt], now: datetime
) -> dict[Placement, Doubted]:
    """Return who is doubted after a reading: minutes at least as new that add up end it.

    A queue counts nothing that could, nor does what was not answered.  Nor does a look so far back that what
    does not add up now is lost in it; and what is found there is no news of what is doubted since.
    """
    found = {doubt.placement: doubt for doubt in doubts}
    silent = {key.owner for key in unanswered([window])}
    heard = {*window.asked.owners} - silent - found.keys() if window.asked.front in COUNTERS else set()
    kept = {place: old for place, old in before.items() if place not in heard or not _says(window, old.doubt)}
    anew = {
        place: Doubted(doubt, kept[place].since if place in kept else now)
        for place, doubt in found.items()
        if place not in kept or window.end >= kept[place].doubt.end
    }
    return kept | anew


def _says(window: Window, doubt: Doubt) -> bool:
    """Whether a window speaks of the minutes that are doubted, or newer ones, and not of many others too."""
    return window.end >= doubt.end and window.start >= doubt.start - LATE_STEP
