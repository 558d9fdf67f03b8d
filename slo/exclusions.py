"""Minutes that were agreed not to count: windows on the clocks of a zone, laid over cells and never written.

A window is told by its first start and its length; an RRULE of FREQ, INTERVAL, COUNT and UNTIL has it come
again at the same wall time.  A start that clocks leap over is read with the offset from before the leap, and
one that they show twice is the first of both [RFC 5545, 3.3.5].  A length is time that passes, so that two
hours are 120 minutes also in the night in which clocks change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Self
from zoneinfo import ZoneInfo

import numpy as np
from dateutil import rrule

from slo import durations
from slo.cells import MINUTE_S, minute_of
from slo.months import Stretch, zone_named
from slo.problem import Problem, Section, documents

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from slo.cells import Placement

#: What is left out for longer is no maintenance: it is another promise.
LENGTH_MAX = timedelta(days=31)

FREQUENCIES: Mapping[str, Literal[0, 1, 2, 3]] = {
    "YEARLY": rrule.YEARLY,
    "MONTHLY": rrule.MONTHLY,
    "WEEKLY": rrule.WEEKLY,
    "DAILY": rrule.DAILY,
}

_PARTS = {
    "FREQ": re.compile("|".join(FREQUENCIES)),
    "INTERVAL": re.compile(r"[1-9][0-9]{0,3}"),
    "COUNT": re.compile(r"[1-9][0-9]{0,3}"),
    "UNTIL": re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?"),
}
_RULE = "an RRULE of FREQ, INTERVAL, COUNT and UNTIL such as FREQ=WEEKLY;INTERVAL=2"
_MINUTE = timedelta(seconds=MINUTE_S)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How a window comes again on the wall clock; `until` is the last wall time that may be a start."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if (
            self.frequency not in FREQUENCIES
            or self.interval < 1
            or (self.count is not None and self.count < 1)
        ):
            raise ValueError(f"expected {_RULE}")
        if self.count is not None and self.until is not None:
            raise ValueError("a rule ends with COUNT or with UNTIL, not with both")

    def __str__(self) -> str:
        parts = [f"FREQ={self.frequency}"]
        parts += [f"INTERVAL={self.interval}"] if self.interval > 1 else []
        parts += [] if self.count is None else [f"COUNT={self.count}"]
        parts += [] if self.until is None else [f"UNTIL={self.until:%Y%m%dT%H%M%S}"]
        return ";".join(parts)

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Self:
        """Read an RRULE.  A UNTIL without a time means the whole day, with Z it is UTC, else the zone's."""
        written = [part.partition("=") for part in text.split(";")]
        parts = {name: value for name, _, value in written}
        sound = all(name in _PARTS and _PARTS[name].fullmatch(value) for name, value in parts.items())
        if not sound or "FREQ" not in parts or len(parts) < len(written):
            raise ValueError(f"expected {_RULE}, got {text!r}")
        return cls(
            parts["FREQ"],
            int(parts.get("INTERVAL", "1")),
            int(parts["COUNT"]) if "COUNT" in parts else None,
            _until(parts["UNTIL"], zone) if "UNTIL" in parts else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A window that was agreed not to count, and who agreed to it, when, and by which clause.

    Services and regions may hold `*`.  Without tenants it holds for everybody, and for objectives too.
    `start` is wall time in the zone.
    """

    id: str
    reason: str
    approver: str
    clause: str
    created_at: datetime
    services: tuple[str, ...]
    regions: tuple[str, ...]
    tenants: tuple[str, ...] = ()
    zone: str
    start: datetime
    length: timedelta
    recurrence: Recurrence | None = None

    def __post_init__(self) -> None:
        zone_named(self.zone)
        if self.created_at.tzinfo is None or self.start.tzinfo is not None:
            raise ValueError(
                "it was created at a moment with an offset, and starts at a wall time without one"
            )
        if self.start.second or self.start.microsecond or self.length % _MINUTE:
            raise ValueError("a window starts with a minute and is whole minutes long")
        if not timedelta(0) < self.length <= LENGTH_MAX:
            raise ValueError(f"a window ends after it starts, at most {LENGTH_MAX.days} days later")
        if not self.services or not self.regions:
            raise ValueError("an exclusion names services and regions, or '*'")
        until = self.recurrence.until if self.recurrence is not None else None
        if until is not None and until < self.start:
            raise ValueError(f"a rule ends after its first start, got {until} before {self.start}")

    def covers(self, placement: Placement) -> bool:
        """Whether it is about this placement."""
        return _named(placement.service, self.services) and _named(placement.region, self.regions)

    @property
    def first(self) -> Stretch:
        """The first time it comes."""
        return self.beginning(self.start)

    def stretches(self, within: Stretch) -> tuple[Stretch, ...]:
        """Return each time it comes that touches these minutes, from its first minute to its last."""
        return _stretches(self, within)

    def afterwards(self, stretch: Stretch) -> bool:
        """Whether it was entered when this time had begun: a correction, and no announcement."""
        return self.created_at > stretch.starts_at

    def beginning(self, start: datetime) -> Stretch:
        """Return the window that begins at a wall time, read as Python does: with the offset from before."""
        begin = minute_of(start.replace(tzinfo=ZoneInfo(self.zone)))
        return Stretch(begin, begin + self.length // _MINUTE)


@dataclass(frozen=True, slots=True)
class Excluded:
    """Minutes that one exclusion covers.  `corrected` says that it was entered after they had begun."""

    exclusion: Exclusion
    minutes: Stretch
    corrected: bool


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Many exclusions; a minute that several cover is left out once."""

    each: tuple[Exclusion, ...] = ()

    def of_objectives(self) -> Exclusions:
        """Return those that hold for everybody."""
        return Exclusions(tuple(one for one in self.each if not one.tenants))

    def of_contract(self, tenant: str, clauses: Collection[str]) -> Exclusions:
        """Return those that hold for the tenant by a clause that its contract allows."""
        return Exclusions(
            tuple(
                one
                for one in self.each
                if one.clause in clauses and (not one.tenants or tenant in one.tenants)
            )
        )

    def spans(self, placement: Placement, within: Stretch) -> tuple[Excluded, ...]:
        """Return which exclusion covers which of these minutes of a placement, the earliest first."""
        found = [
            Excluded(one, _common(stretch, within), one.afterwards(stretch))
            for one in self.each
            if one.covers(placement)
            for stretch in one.stretches(within)
        ]
        return tuple(
            sorted(found, key=lambda span: (span.minutes.start, span.minutes.end, span.exclusion.id))
        )

    def mask(self, placement: Placement, start: int, end: int) -> NDArray[np.bool_]:
        """Return which of the minutes `[start, end)` of a placement are left out."""
        mask = np.zeros(end - start, np.bool_)
        for span in self.spans(placement, Stretch(start, end)):
            mask[span.minutes.start - start : span.minutes.end - start] = True
        return mask


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents came to: sound exclusions, and every problem."""

    exclusions: tuple[Exclusion, ...]
    problems: tuple[Problem, ...]


def read(written: Sequence[object]) -> Reading:
    """Return the exclusions of all documents; paths of problems begin with the document's position."""
    problems: list[Problem] = []
    exclusions: list[Exclusion] = []
    ids: set[str] = set()
    for section in documents(written, problems):
        for part in section.sections("exclusions", "a list of exclusions"):
            exclusions += _exclusion(part)
            name = part.data.get("id")
            if name in ids:
                part.refuse("id", f"exclusion {name!r} is already defined")
            ids |= {name} if isinstance(name, str) else set()
        section.refuse_unread()
    return Reading(tuple(exclusions), tuple(problems))


def _exclusion(section: Section) -> list[Exclusion]:
    """Return the exclusion, or none when anything in it is wrong."""
    before = len(section.problems)
    zone = section.parsed("zone", zone_named, "an IANA time zone such as Europe/Berlin")
    start = _moment(section, "start", aware=False)
    fields: dict[str, Any] = {
        "id": section.text("id", "a short name"),
        "reason": section.text("reason", "what is done meanwhile"),
        "approver": section.text("approver", "who agreed to it"),
        "clause": section.text("clause", "the clause of the contract that allows it"),
        "created_at": _moment(section, "created_at", aware=True),
        "services": section.some("services", "a list of services, or ['*']"),
        "regions": section.some("regions", "a list of regions, or ['*']"),
        "tenants": section.texts("tenants", "a list of tenants", needed=False),
        "zone": zone and zone.key,
        "start": start,
        "length": _length(section, start, zone),
        "recurrence": _recurrence(section, start, zone),
    }
    section.refuse_unread()
    return [] if len(section.problems) > before else [Exclusion(**fields)]


def _moment(section: Section, key: str, *, aware: bool, needed: bool = True) -> datetime | None:
    """Read a moment: wall time of the zone, or with an offset where it must not depend on one."""
    expected = "a moment such as 2026-10-04T02:00Z" if aware else "a wall time such as 2026-10-04T02:00"
    text = section.text(key, expected, needed=needed)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and (moment.tzinfo is not None) is aware and (aware or _whole(moment)):
        return moment
    section.refuse(key, f"expected {expected}, {'with' if aware else 'without'} an offset, got {text!r}")
    return None


def _length(section: Section, start: datetime | None, zone: ZoneInfo | None) -> timedelta | None:
    """Read how long a window is, by its length or by the wall time that it ends at the first time."""
    if section.has("end") == section.has("duration"):
        section.refuse(None, "expected either `duration` or `end`")
    end = _moment(section, "end", aware=False, needed=False)
    written = section.value("duration", "a length such as 2h", needed=False)
    length = durations.parse(written, "mhd")
    if written is not None and not length:
        section.refuse("duration", f"expected a length such as 90m, 2h or 1d, got {written!r}")
    if end is not None and start is not None and zone is not None:
        length = end.replace(tzinfo=zone).astimezone(UTC) - start.replace(tzinfo=zone).astimezone(UTC)
        if length <= timedelta(0):
            section.refuse("end", f"expected a wall time after the start, {start}, got {end}")
    if length is not None and length > LENGTH_MAX:
        section.refuse(
            "end" if section.has("end") else "duration",
            f"expected at most {LENGTH_MAX.days} days, got {length}",
        )
    return length


def _recurrence(section: Section, start: datetime | None, zone: ZoneInfo | None) -> Recurrence | None:
    text = section.text("rrule", _RULE, needed=False)
    if text is None or zone is None:
        return None
    try:
        recurrence = Recurrence.parse(text, zone)
    except ValueError as error:
        section.refuse("rrule", str(error))
        return None
    if start is not None and recurrence.until is not None and recurrence.until < start:
        section.refuse("rrule", f"expected a UNTIL after the start, {start}, got {recurrence.until}")
    return recurrence


def _until(text: str, zone: ZoneInfo) -> datetime:
    """Return the last wall time in the zone that a rule may start at; raises ValueError."""
    if "T" not in text:
        return datetime.strptime(text, "%Y%m%d") + _DAY - _MINUTE  # noqa: DTZ007 - wall time has no zone
    moment = datetime.strptime(text[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - wall time has no zone
    return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if text.endswith("Z") else moment


def _named(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _whole(moment: datetime) -> bool:
    return not (moment.second or moment.microsecond)


def _common(one: Stretch, other: Stretch) -> Stretch:
    return Stretch(max(one.start, other.start), min(one.end, other.end))


@lru_cache(maxsize=1024)
def _stretches(exclusion: Exclusion, within: Stretch) -> tuple[Stretch, ...]:
    """Return when it comes, remembered, since every placement asks for the same minutes."""
    times = [exclusion.beginning(start) for start in _starts(exclusion, within)]
    return tuple(time for time in times if time.start < within.end and time.end > within.start)


def _starts(exclusion: Exclusion, within: Stretch) -> list[datetime]:
    """Return the wall times of its starts about these minutes; clocks change by less than a day."""
    if exclusion.recurrence is None:
        return [exclusion.start]
    zone = ZoneInfo(exclusion.zone)
    first, last = (
        moment.astimezone(zone).replace(tzinfo=None) for moment in (within.starts_at, within.ends_at)
    )
    rule = _rule(exclusion.recurrence, exclusion.start)
    return list(rule.between(first - exclusion.length - _DAY, last + _DAY, inc=True))


@lru_cache(maxsize=1024)
def _rule(recurrence: Recurrence, start: datetime) -> rrule.rrule:
    return rrule.rrule(
        FREQUENCIES[recurrence.frequency],
        dtstart=start,
        interval=recurrence.interval,
        count=recurrence.count,
        until=recurrence.until,
        cache=True,
    )
