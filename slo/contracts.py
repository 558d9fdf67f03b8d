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
    for position, document in enumerate(documents):
        if not isinstance(document, Mapping):
            problems.append(Problem((position,), f"expected a mapping, got {document!r}"))
        elif (contract := _contract(Section(document, (position,), problems))) is not None:
            contracts.append(contract)
            if [one.id for one in contracts].count(contract.id) > 1:
                problems.append(Problem((position, "id"), f"contract {contract.id!r} is already defined"))
    return Reading(tuple(contracts), tuple(problems))


def _contract(section: Section) -> Contract | None:
    before = len(section.problems)
    if section.text("kind", "Contract", needed=False) not in (None, "Contract"):
        section.refuse("kind", f"expected Contract, got {section.data['kind']!r}")
    fields: dict[str, Any] = {
        "id": section.text("id", "a short name"),
        "tenant": section.text("tenant", "whom it was promised to"),
        "services": section.texts("services", "a list of services, or ['*']"),
        "regions": section.texts("regions", "a list of regions, or ['*']"),
        "indicator": section.word("indicator", Indicator),
        "target": section.number("target", "a ratio such as 0.9999"),
        "zone": section.text("zone", "an IANA time zone such as Europe/Berlin"),
        "measure": section.word("measure", Measure, needed=False) or Measure.REQUESTS,
        "scope": section.word("scope", Scope, needed=False) or Scope.POOLED,
        "tiers": tuple(_tiers(section)),
    }
    fields["display_name"] = section.text("display_name", needed=False) or fields["tenant"]
    if (minute := section.section("bad_minute", "ratio and min_events", needed=False)) is not None:
        fields |= _bad_minute(minute)
    section.refuse_unread()
    if len(section.problems) > before:
        return None
    try:
        return Contract(**fields)
    except ValueError as error:
        section.refuse(None, str(error))
        return None


def _bad_minute(section: Section) -> dict[str, Any]:
    ratio = section.number("ratio", "a ratio such as 0.05", needed=False)
    events = section.number("min_events", "a whole number of requests", needed=False)
    section.refuse_unread()
    if events is not None and events % 1:
        section.refuse("min_events", f"expected a whole number of requests, got {events}")
        return {}
    return {
        "bad_minute_ratio": BAD_MINUTE_RATIO if ratio is None else ratio,
        "bad_minute_events": 1 if events is None else int(events),
    }


def _tiers(section: Section) -> list[CreditTier]:
    tiers = []
    for part in section.sections("tiers", "a list of {below, credit}", needed=False):
        below = part.number("below", "a ratio such as 0.9999")
        credit = part.number("credit", "a part of the fee such as 0.1")
        part.refuse_unread()
        try:
            tiers += [CreditTier(below, credit)] if below is not None and credit is not None else []
        except ValueError as error:
            part.refuse(None, str(error))
    return tiers
