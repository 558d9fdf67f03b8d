"""What else a month brought: on what tasks ran, how far services scaled, what was deployed, what we did.

It is no part of the promise, and moves no number of it.  What was not looked at is said, never filled in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import groupby
from math import floor

import numpy as np
from numpy.typing import NDArray

from slo import figures
from slo.cells import Placement
from slo.figures import Figure
from slo.months import Stretch
from slo.usage import CAPACITIES, SLOT_MINUTES, SPOT, UNTOLD, Usage, slots

#: What stands for every service, or for every region of one.
EVERY = "*"
#: What is said of savings without prices, or where a task's size or region has none.
NOT_STATED = "not stated"
#: The action of ours that takes a deployment back.
ROLLBACK = "rollback"

_SLOTS_PER_HOUR = 60 // SLOT_MINUTES
_VCPU_UNITS = 1024
_GB_MIB = 1024


class Outcome(StrEnum):
    """What became of a deployment: carried out, given up, taken back by ECS or a person, or as we asked."""

    UNDER_WAY = "under_way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment that began in the month."""

    placement: Placement
    id: str
    started_at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """An action of ours that was carried out."""

    placement: Placement
    action: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What Fargate costs in some regions, and what Spot does, by the hour of a vCPU and of a GB."""

    regions: tuple[str, ...]
    currency: str
    vcpu_hour: Decimal
    gb_hour: Decimal
    spot_vcpu_hour: Decimal
    spot_gb_hour: Decimal

    def __post_init__(self) -> None:
        if not (0 <= self.spot_vcpu_hour <= self.vcpu_hour and 0 <= self.spot_gb_hour <= self.gb_hour):
            raise ValueError("Spot costs nothing or more, and no more than on demand")

    @property
    def saved(self) -> tuple[Fraction, Fraction]:
        """What an hour on Spot saves for a vCPU and for a GB."""
        return (
            Fraction(self.vcpu_hour) - Fraction(self.spot_vcpu_hour),
            Fraction(self.gb_hour) - Fraction(self.spot_gb_hour),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of a placement: when it was there, and what was seen of it then."""

    placement: Placement
    lived: Stretch
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a month beside its cells; `records` come by service and region."""

    records: Iterable[Record] = ()
    deployments: Sequence[Deployment] = ()
    deeds: Sequence[Deed] = ()
    prices: Sequence[Price] = ()

    def __post_init__(self) -> None:
        if len({price.currency for price in self.prices}) > 1:
            raise ValueError("prices are in one currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often something was done."""

    name: str
    count: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsLine:
    """A service in a region, a service over its regions (`region` is `*`), or everything.

    `recorded` of `due` hours were looked at; all that follows is of those.  Of several placements `fewest`,
    `most` and the bounds are sums of one moment, over the moments at which all of them were looked at.
    `spot_share` is of the task-hours whose capacity is known, `untold` are the others.
    """

    service: str
    region: str
    due: Figure
    recorded: Figure
    task_hours: Figure
    spot_share: Figure
    untold: Figure
    savings: Figure
    fewest: Figure
    most: Figure
    bound_minimum: Figure
    bound_maximum: Figure
    deployments: Figure
    succeeded: Figure
    failed: Figure
    rolled_back: Figure
    rolled_back_by_us: Figure
    actions: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What else the month brought, in total, by service, and by service and region."""

    totals: OperationsLine
    services: tuple[OperationsLine, ...]
    lines: tuple[OperationsLine, ...]
    method: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One placement or several, over the slots of a month.  Counts of tasks are sums of slots.

    `lived` is where any was there, `whole` where all that were there were looked at, `bounded` where all of
    them had bounds.  `saved` is None where the size or the price of a Spot task is not known.
    """

    due: int
    looked: int
    tasks: NDArray[np.int64]
    running: NDArray[np.int64]
    bounds: NDArray[np.int64]
    lived: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    bounded: NDArray[np.bool_]
    saved: Fraction | None

    def __add__(self, other: _Part) -> _Part:
        return _Part(
            self.due + other.due,
            self.looked + other.looked,
            self.tasks + other.tasks,
            self.running + other.running,
            self.bounds + other.bounds,
            self.lived | other.lived,
            self.whole & other.whole,
            self.bounded & other.bounded,
            None if self.saved is None or other.saved is None else self.saved + other.saved,
        )

    @classmethod
    def of(cls, record: Record, within: range, prices: Sequence[Price]) -> _Part:
        """Return what one placement comes to."""
        usage, lived = record.usage, _lived(record.lived, within)
        seen = usage.seen & lived
        tasks, bounded = usage.tasks.astype(np.int64) * seen[:, None], seen & (usage.bounds >= 0).all(axis=1)
        return cls(
            due=int(lived.sum()),
            looked=int(seen.sum()),
            tasks=tasks.sum(axis=0, dtype=np.int64),
            running=tasks.sum(axis=1, dtype=np.int64),
            bounds=usage.bounds.astype(np.int64) * bounded[:, None],
            lived=lived,
            whole=seen | ~lived,
            bounded=bounded | ~lived,
            saved=_saved(record, tasks[:, SPOT], prices),
        )

    @classmethod
    def nothing(cls, within: range) -> _Part:
        """Return what no placement comes to."""
        slots = len(within)
        counts, all_of_it = np.zeros(slots, np.int64), np.ones(slots, np.bool_)
        tasks, bounds = np.zeros(len(CAPACITIES), np.int64), np.zeros((slots, 2), np.int64)
        return cls(0, 0, tasks, counts, bounds, ~all_of_it, all_of_it, all_of_it, Fraction(0))

    @property
    def spot_share(self) -> Fraction | None:
        """The part of the known task-time that was on Fargate Spot."""
        known = int(self.tasks.sum() - self.tasks[UNTOLD])
        return Fraction(int(self.tasks[SPOT]), known) if known else None


def _lived(lived: Stretch, within: range) -> NDArray[np.bool_]:
    """Return in which slots a placement was there, from first to last."""
    numbers = np.arange(within.start, within.stop)
    there = slots(lived)
    return (numbers >= there.start) & (numbers < there.stop)


def _saved(record: Record, spot: NDArray[np.int64], prices: Sequence[Price]) -> Fraction | None:
    """Return what Spot tasks cost less than on demand; None where size or price of one is not known."""
    if not spot.any():
        return Fraction(0)
    region, size = record.placement.region, record.usage.size.astype(np.int64)
    price = next((one for one in prices if any(fnmatchcase(region, glob) for glob in one.regions)), None)
    if price is None or (size[spot > 0] <= 0).any():
        return None
    vcpu, gb = price.saved
    units, mib = (int((spot * size[:, column]).sum()) for column in range(2))
    return (units * vcpu / _VCPU_UNITS + mib * gb / _GB_MIB) / _SLOTS_PER_HOUR


@dataclass(frozen=True, slots=True)
class _Tally:
    """What events and actions come to, by whoever asks."""

    facts: Facts

    def line(self, service: str, region: str, part: _Part) -> OperationsLine:
        """Return the line of what such a placement, or all such, came to."""

        def here(where: Placement) -> bool:
            return service in {EVERY, where.service} and region in {EVERY, where.region}

        begun = Counter(one.outcome for one in self.facts.deployments if here(one.placement))
        deeds = Counter(one.action for one in self.facts.deeds if here(one.placement))
        return OperationsLine(
            service=service,
            region=region,
            due=_hours(part.due),
            recorded=_hours(part.looked),
            task_hours=_hours(int(part.tasks.sum())),
            spot_share=figures.attained(part.spot_share),
            untold=_hours(int(part.tasks[UNTOLD]), worse_when_more=True),
            savings=_savings(part.saved, self.facts.prices),
            fewest=_least(part.running, part.lived & part.whole),
            most=_largest(part.running, part.lived & part.whole),
            bound_minimum=_least(part.bounds[:, 0], part.lived & part.bounded),
            bound_maximum=_largest(part.bounds[:, 1], part.lived & part.bounded),
            deployments=figures.count(begun.total()),
            succeeded=figures.count(begun[Outcome.SUCCEEDED]),
            failed=figures.count(begun[Outcome.FAILED]),
            rolled_back=figures.count(begun[Outcome.ROLLED_BACK]),
            rolled_back_by_us=figures.count(deeds[ROLLBACK]),
            actions=tuple(Count(name=name, count=figures.count(deeds[name])) for name in sorted(deeds)),
        )


def operations(span: Stretch, facts: Facts) -> Operations:
    """Return what a month brought beside its promise; `span` is the month, or as much of it as has passed."""
    within, tally = slots(span), _Tally(facts)
    everything = _Part.nothing(within)
    services, lines = [], []
    for service, records in groupby(facts.records, lambda record: record.placement.service):
        whole = _Part.nothing(within)
        for region, here in groupby(records, lambda record: record.placement.region):
            parts = (_Part.of(record, within, facts.prices) for record in here)
            part = sum(parts, start=_Part.nothing(within))
            lines.append(tally.line(service, region, part))
            whole += part
        services.append(tally.line(service, EVERY, whole))
        everything += whole
    return Operations(
        totals=tally.line(EVERY, EVERY, everything),
        services=tuple(services),
        lines=tuple(lines),
        method=METHOD,
    )


#: How it was counted.
METHOD = (
    f"What runs is counted by {SLOT_MINUTES} minutes; a look stands for the time since the one before.",
    "Hours at which nobody looked are left out, and said beside those that were due.",
    "The share of Spot is of the task-hours whose capacity ECS told.",
    "Savings compare the configured prices of Fargate Spot and of Fargate, for what each task was given.",
    "A deployment counts in the month in which it began.",
    "Failed are deployments that ended without success and were not taken back, those replaced included.",
    "Rolled back are those that ECS or a person took back; what we rolled back is among our own actions.",
)


def _hours(five_minutes: int, *, worse_when_more: bool = False) -> Figure:
    return figures.count(Fraction(five_minutes, _SLOTS_PER_HOUR), worse_when_more=worse_when_more)


def _savings(saved: Fraction | None, prices: Sequence[Price]) -> Figure:
    """Say what was saved, cut off to a hundredth; nothing can be said without a price."""
    if saved is None or not prices:
        return Figure(None, NOT_STATED)
    whole, cents = divmod(floor(saved * 100), 100)
    return Figure(saved, f"{whole:,}.{cents:02} {prices[0].currency}")


def _least(counts: NDArray[np.int64], where: NDArray[np.bool_]) -> Figure:
    found = counts[where]
    return figures.count(int(found.min())) if len(found) else Figure(None, figures.NOTHING)


def _largest(counts: NDArray[np.int64], where: NDArray[np.bool_]) -> Figure:
    found = counts[where]
    return figures.count(int(found.max())) if len(found) else Figure(None, figures.NOTHING)
