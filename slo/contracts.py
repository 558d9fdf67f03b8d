"""What a tenant was promised: over which services, counted how, and what a breach is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from slo import charges
from slo.cells import Indicator, Placement
from slo.charges import Charges, CreditTerms, Per
from slo.months import Month, zone_named
from slo.problem import Problem, Section, documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    PER_REGION = "per_region"


class Unknown(StrEnum):
    """How minutes count of which nothing is known, where minutes are what is promised."""

    NEITHER = "neither"
    BAD = "bad"
    GOOD = "good"


class MisfitError(ValueError):
    """A term of a contract does not go with the others."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


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


@dataclass(frozen=True, slots=True)
class Allowance:
    """Which exclusions the contract allows: by these clauses, and so many minutes a month at a placement."""

    clauses: tuple[str, ...] = ()
    minutes_max: int | None = None

    def __post_init__(self) -> None:
        if self.minutes_max is not None and self.minutes_max < 0:
            raise ValueError(f"minutes of exclusions are not negative, got {self.minutes_max}")


@dataclass(frozen=True, slots=True)
class Quickness:
    """Beside the promise: this part of all requests is answered within so many seconds."""

    threshold_s: Decimal
    target: Decimal

    def __post_init__(self) -> None:
        if self.threshold_s <= 0 or not 0 < self.target < 1:
            raise ValueError("a latency objective has seconds above 0 and a ratio between 0 and 1, exclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A promise to a tenant, in whole months of its zone from `valid_from` to `valid_until`, both included.

    A minute is bad where more than `bad_minute_ratio` of at least `bad_minute_events` requests were bad, and
    `bad_minutes_in_a_row` of them came together.  Every named service is promised in every named region; `*`
    stands for those that exist.  `own` says why what is counted is of this tenant alone; empty if it is not.
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
    bad_minutes_in_a_row: int = 1
    unknown: Unknown = Unknown.NEITHER
    exclusions: Allowance = Allowance()
    latency: Quickness | None = None
    tiers: tuple[CreditTier, ...] = ()
    charges: Charges | None = None
    credit: CreditTerms = field(default_factory=CreditTerms)
    own: str = ""
    valid_from: Month | None = None
    valid_until: Month | None = None

    def __post_init__(self) -> None:
        zone_named(self.zone)
        if not 0 < self.target < 1:
            raise ValueError(
                f"a target is a ratio between 0 and 1, exclusive (0.9999 is 99.99 %), got {self.target}"
            )
        if not 0 < self.bad_minute_ratio < 1 or min(self.bad_minute_events, self.bad_minutes_in_a_row) < 1:
            raise ValueError(
                "a bad minute has a ratio between 0 and 1, at least 1 request, and is one or more"
            )
        if not self.services or not self.regions:
            raise ValueError("a contract names services and regions, or '*'")
        if self.tiers and self.tiers[0].below > self.target:
            raise ValueError("a credit is due below the target, so no tier lies above it")
        if any(a.below <= b.below or a.credit >= b.credit for a, b in pairwise(self.tiers)):
            raise ValueError("tiers go down in what was attained and up in credit")
        for key, why in self._misfits():
            raise MisfitError(key, why)

    def _misfits(self) -> Iterator[tuple[str, str]]:
        """Yield which term does not go with the others, and why."""
        if self.measure is Measure.REQUESTS and self.unknown is not Unknown.NEITHER:
            yield "unknown", "requests of an unknown minute cannot be counted; expected `measure: minutes`"
        if self.latency is not None and self.indicator is Indicator.LATENCY:
            yield "latency", "is what the contract is about already; it stands beside another indicator"
        if self.charges is not None and self.scope is Scope.PER_REGION and self.charges.per is not Per.REGION:
            yield "charges", "credits for each region need charges `per: region`"
        if self.charges is not None and (unpriced := self._unpriced()):
            fix = f"; name each {self.charges.per} that has one of `amounts`"
            yield "charges", f"has no amount for {', '.join(unpriced)}{fix if EVERY in unpriced else ''}"
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            yield "valid_until", f"is before it begins, {self.valid_from}, got {self.valid_until}"

    def _unpriced(self) -> list[str]:
        """Return the regions or services that nothing is charged for, by oversight."""
        if self.charges is None or self.charges.amount is not None:
            return []
        promised = self.regions if self.charges.per is Per.REGION else self.services
        return [name for name in promised if name not in dict(self.charges.amounts)]

    def covers(self, placement: Placement) -> bool:
        """Whether the promise includes this placement."""
        return (EVERY in self.services or placement.service in self.services) and (
            EVERY in self.regions or placement.region in self.regions
        )

    def holds(self, month: Month) -> bool:
        """Whether the promise is made for this month."""
        return (self.valid_from is None or self.valid_from <= month) and (
            self.valid_until is None or month <= self.valid_until
        )

    def overlaps(self, other: Contract) -> bool:
        """Whether both promise the same tenant the same: a service, a region, an indicator and a month."""
        return (
            (self.tenant, self.indicator) == (other.tenant, other.indicator)
            and _meet(self.services, other.services)
            and _meet(self.regions, other.regions)
            and not _before(self.valid_until, other.valid_from)
            and not _before(other.valid_until, self.valid_from)
        )

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Each service and region that the contract names, whether it exists or not; `*` is any."""
        services = (EVERY,) if EVERY in self.services else self.services
        regions = (EVERY,) if EVERY in self.regions else self.regions
        return tuple((service, region) for service in services for region in regions)

    def tier(self, attained: Fraction) -> CreditTier | None:
        """Return the lowest tier that the attained ratio falls below; exactly on it is not below."""
        due = [tier for tier in self.tiers if attained < Fraction(tier.below)]
        return due[-1] if due else None


def _meet(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return EVERY in (*some, *others) or not set(some).isdisjoint(others)


def _before(end: Month | None, start: Month | None) -> bool:
    return end is not None and start is not None and end < start


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents came to: sound contracts, and every problem."""

    contracts: tuple[Contract, ...]
    problems: tuple[Problem, ...]


def read(written: Sequence[object]) -> Reading:
    """Return the contract of each document; paths of problems begin with the document's position."""
    problems: list[Problem] = []
    contracts: list[Contract] = []
    ids: set[str] = set()
    for section in documents(written, problems):
        name = section.data.get("id")
        for contract in _contract(section):
            twice = [one.id for one in contracts if one.overlaps(contract) and one.id != name]
            if twice:
                section.refuse(None, f"promises what {twice[0]!r} does: a service, region and month of both")
            contracts.append(contract)
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
    zone, month = "an IANA time zone such as Europe/Berlin", "a month such as 2026-10"
    fields: dict[str, Any] = {
        "id": section.text("id", "a short name"),
        "tenant": section.text("tenant", "whom it was promised to"),
        "services": section.some("services", "a list of services, or ['*']"),
        "regions": section.some("regions", "a list of regions, or ['*']"),
        "indicator": section.word("indicator", Indicator),
        "target": target,
        "zone": section.parsed("zone", lambda name: zone_named(name).key, zone),
        "measure": section.word("measure", Measure, needed=False) or Measure.REQUESTS,
        "scope": section.word("scope", Scope, needed=False) or Scope.POOLED,
        "unknown": section.word("unknown", Unknown, needed=False) or Unknown.NEITHER,
        "exclusions": _allowance(section),
        "latency": _latency(section),
        "tiers": _tiers(section, target),
        "own": section.text("own", "why it is counted for this tenant alone", needed=False) or "",
        "valid_from": section.parsed("valid_from", Month.parse, month, needed=False),
        "valid_until": section.parsed("valid_until", Month.parse, month, needed=False),
    }
    fields["display_name"] = section.text("display_name", needed=False) or fields["tenant"]
    fields |= _bad_minute(section) | _money(section)
    section.refuse_unread()
    return [] if len(section.problems) > before else _fitting(section, fields)


def _fitting(section: Section, fields: dict[str, Any]) -> list[Contract]:
    """Return the contract if its terms go with each other."""
    try:
        return [Contract(**fields)]
    except MisfitError as misfit:
        section.refuse(misfit.key, str(misfit))
        return []


def _money(section: Section) -> dict[str, Any]:
    """Read what is charged and how a credit is paid."""
    charged = section.section("charges", "a currency and amounts", needed=False)
    terms = section.section("credit", "how a credit is paid", needed=False)
    return {
        "charges": None if charged is None else charges.read_charges(charged),
        "credit": CreditTerms() if terms is None else charges.read_terms(terms),
    }


def _allowance(section: Section) -> Allowance:
    part = section.section("exclusions", "clauses and max_minutes", needed=False)
    if part is None:
        return Allowance()
    clauses = part.texts("clauses", "a list of clauses that an exclusion may rest on")
    most = _whole(part, "max_minutes", "a whole number of minutes a month", least=0)
    part.refuse_unread()
    return Allowance(clauses, most)


def _latency(section: Section) -> Quickness | None:
    part = section.section("latency", "threshold_s and target", needed=False)
    if part is None:
        return None
    threshold = part.number("threshold_s", "seconds such as 1")
    target = _ratio(part, "target", "a ratio between 0 and 1, exclusive, such as 0.99")
    part.refuse_unread()
    if threshold is not None and threshold <= 0:
        part.refuse("threshold_s", f"expected seconds above 0, got {threshold}")
    return Quickness(threshold, target) if target and threshold and threshold > 0 else None


def _whole(section: Section, key: str, expected: str, *, least: int = 1) -> int | None:
    """Read a whole number that is not too small."""
    number = section.number(key, expected, needed=False)
    if number is None or (number % 1 == 0 and number >= least):
        return None if number is None else int(number)
    section.refuse(key, f"expected {expected}, at least {least}, got {number}")
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


def _bad_minute(contract: Section) -> dict[str, Any]:
    section = contract.section("bad_minute", "ratio, min_events and min_consecutive", needed=False)
    if section is None:
        return {}
    ratio = _ratio(section, "ratio", "a ratio between 0 and 1, exclusive, such as 0.05", needed=False)
    events = _whole(section, "min_events", "a whole number of requests")
    in_a_row = _whole(section, "min_consecutive", "a whole number of minutes")
    section.refuse_unread()
    return {
        "bad_minute_ratio": BAD_MINUTE_RATIO if ratio is None else ratio,
        "bad_minute_events": events or 1,
        "bad_minutes_in_a_row": in_a_row or 1,
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
