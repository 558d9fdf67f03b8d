"""What a tenant was promised: over which services, counted how, and what a breach is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from slo.cells import Indicator, Placement
from slo.months import zone_named
from slo.problem import Problem, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = "*"

#: Google Cloud Functions counts from 10 % of at least 100 requests; stricter unless the contract says.
BAD_MINUTE_RATIO = Decimal("0.05")


class Measure(StrEnum):
    """What the promise is measured in."""

    REQUESTS = "requests"
    MINUTES = "minutes"


class Scope(StrEnum):
    """Whose figure is compared with the promise."""

    POOLED = "pooled"
    WORST = "worst"


@dataclass(frozen=True, slots=True)
class CreditTier:
    """Attained below this ratio, the tenant gets this part of the month's fee."""

    below: Decimal
    credit: Decimal

    def __post_init__(self) -> None:
        if not (0 < self.below < 1 and 0 < self.credit <= 1):
            given = f"below {self.below}, credit {self.credit}"
            raise ValueError(
                f"a tier has a ratio below 1 and a credit of at most 1 (0.3 is 30 %), got {given}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A promise to a tenant.  Minutes that are unknown count on neither side.

    A minute is bad where more than `bad_minute_ratio` of at least `bad_minute_events` requests were bad.
    Every named service is promised in every named region; `*` stands for those that exist.
    """

    id: str
    tenant: str
    display_name: str
    services: tuple[str, ...]
    regions: tuple[str, ...]
    indicator: Indicator
    target: Decimal
    zone: str
    measure: Measure = Measure.REQUESTS
    scope: Scope = Scope.POOLED
    bad_minute_ratio: Decimal = BAD_MINUTE_RATIO
    bad_minute_events: int = 1
    tiers: tuple[CreditTier, ...] = ()

    def __post_init__(self) -> None:
        zone_named(self.zone)
        if not 0 < self.target < 1:
            raise ValueError(
                f"a target is a ratio between 0 and 1, exclusive (0.9999 is 99.99 %), got {self.target}"
            )
        if not 0 < self.bad_minute_ratio < 1 or self.bad_minute_events < 1:
            raise ValueError("a bad minute has a ratio between 0 and 1, and at least 1 request")
        if not self.services or not self.regions:
            raise ValueError("a contract names services and regions, or '*'")
        if self.tiers and self.tiers[0].below > self.target:
            raise ValueError("a credit is due below the target, so no tier lies above it")
        if any(a.below <= b.below or a.credit >= b.credit for a, b in pairwise(self.tiers)):
            raise ValueError("tiers go down in what was attained and up in credit")

    def covers(self, placement: Placement) -> bool:
        """Whether the promise includes this placement."""
        return (EVERY in self.services or placement.service in self.services) and (
            EVERY in self.regions or placement.region in self.regions
        )

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Each service and region that the contract names, whether it exists or not."""
        if EVERY in self.services or EVERY in self.regions:
            return ()
        return tuple((service, region) for service in self.services for region in self.regions)

    def tier(self, attained: Fraction) -> CreditTier | None:
        """Return the lowest tier that the attained ratio falls below; exactly on it is not below."""
        due = [tier for tier in self.tiers if attained < Fraction(tier.below)]
        return due[-1] if due else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents came to: sound contracts, and every problem."""

    contracts: tuple[Contract, ...]
    problems: tuple[Problem, ...]


def read(documents: Sequence[object]) -> Reading:
    """Return the contract of each document; paths of problems begin with the document's position."""
    problems: list[Problem] = []
    contracts: list[Contract] = []
    ids: set[str] = set()
    for position, document in enumerate(documents):
        if not isinstance(document, Mapping):
            problems.append(Problem((position,), f"expected a mapping, got {document!r}"))
            continue
        section = Section(document, (position,), problems)
        contracts += _contract(section)
        name = document.get("id")
        if name in ids:
            section.refuse("id", f"contract {name!r} is already defined")
        ids |= {name} if isinstance(name, str) else set()
    return Reading(tuple(contracts), tuple(problems))


def _contract(section: Section) -> list[Contract]:
    """Return the contract, or none when anything in it is wrong."""
    before = len(section.problems)
    if section.text("kind", "Contract", needed=False) not in (None, "Contract"):
        section.refuse("kind", f"expected Contract, got {section.data['kind']!r}")
    target = _ratio(section, "target", "a ratio between 0 and 1, exclusive (0.9999 is 99.99 %)")
    fields: dict[str, Any] = {
        "id": section.text("id", "a short name"),
        "tenant": section.text("tenant", "whom it was promised to"),
        "services": _some(section, "services", "a list of services, or ['*']"),
        "regions": _some(section, "regions", "a list of regions, or ['*']"),
        "indicator": section.word("indicator", Indicator),
        "target": target,
        "zone": _zone(section),
        "measure": section.word("measure", Measure, needed=False) or Measure.REQUESTS,
        "scope": section.word("scope", Scope, needed=False) or Scope.POOLED,
        "tiers": _tiers(section, target),
    }
    fields["display_name"] = section.text("display_name", needed=False) or fields["tenant"]
    if (minute := section.section("bad_minute", "ratio and min_events", needed=False)) is not None:
        fields |= _bad_minute(minute)
    section.refuse_unread()
    return [] if len(section.problems) > before else [Contract(**fields)]


def _some(section: Section, key: str, expected: str) -> tuple[str, ...]:
    found = section.texts(key, expected)
    if section.data.get(key) == []:
        section.refuse(key, f"is empty; expected {expected}")
    return found


def _zone(section: Section) -> str | None:
    zone = section.text("zone", "an IANA time zone such as Europe/Berlin")
    try:
        return zone and zone_named(zone).key
    except ValueError as error:
        section.refuse("zone", str(error))
        return None


def _ratio(
    section: Section, key: str, expected: str, *, whole: bool = False, needed: bool = True
) -> Decimal | None:
    """Read a part of one; the whole of it only where that makes sense."""
    ratio = section.number(key, expected, needed=needed)
    if ratio is None or 0 < ratio < 1 or (whole and ratio == 1):
        return ratio
    section.refuse(key, f"expected {expected}, got {ratio}")
    return None


def _bad_minute(section: Section) -> dict[str, Any]:
    ratio = _ratio(section, "ratio", "a ratio between 0 and 1, exclusive, such as 0.05", needed=False)
    events = section.number("min_events", "a whole number of requests", needed=False)
    section.refuse_unread()
    if events is not None and (events % 1 or events < 1):
        section.refuse("min_events", f"expected a whole number of requests, at least 1, got {events}")
        return {}
    return {
        "bad_minute_ratio": BAD_MINUTE_RATIO if ratio is None else ratio,
        "bad_minute_events": 1 if events is None else int(events),
    }


def _tiers(section: Section, target: Decimal | None) -> tuple[CreditTier, ...]:
    written = []
    for part in section.sections("tiers", "a list of {below, credit}", needed=False):
        below = _ratio(part, "below", "a ratio below 1 such as 0.9999")
        credit = _ratio(part, "credit", "a part of the fee such as 0.1, at most 1", whole=True)
        part.refuse_unread()
        if below is not None and target is not None and below > target:
            part.refuse(
                "below", f"a credit is due below the target, {target}, so no tier lies above; got {below}"
            )
        written.append((part, below, credit))
    for (_, above, less), (part, below, more) in pairwise(written):
        if above is not None and below is not None and below >= above:
            part.refuse(
                "below", f"tiers go down in what was attained; expected less than {above}, got {below}"
            )
        if less is not None and more is not None and more <= less:
            part.refuse("credit", f"tiers go up in credit; expected more than {less}, got {more}")
    return tuple(CreditTier(below, credit) for _, below, credit in written if below and credit)
