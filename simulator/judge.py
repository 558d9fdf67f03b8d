"""The judge: the world's truth and its record of calls say whether an operator was right.

Nobody's opinion is asked: `messages` are what reached the fake Slack, `causes` are only passed on.
`judge` returns one JSON-ready mapping:

- `scenario`, `seed`;
- `faults`: each `kind`, `where`, `started_at` (when it could first do harm), `detected_after_s` (the first
  message about its service), `called_after_s` (the first that calls a person), `cause` (as the operator
  named it), `actions` (each `operation`, `what`, `after_s`, `outcome`), `expected`, `right`,
  `recovered_after_s` (0: no harm; null: not by the end), `budget_minutes` and `budget_minutes_without` (of
  its worst placement, in minutes of complete outage);
- `availability_with`, `availability_without`: `contracts`, `worst` (`placement`, `availability`), `pooled`;
- `wrong_actions`: like `actions`, with `where`;
- `alerts`: faults that needed one and got it (`delivered`) or not (`lost`), messages told twice
  (`duplicated`), and calls for a person where another answer was asked for (`needless`);
- `metrics_billed`: metrics asked of CloudWatch, by the dearer reading of the price list.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator import verdict
from simulator.calls import Call
from simulator.fault import Disturbance, Expect, ScheduleFault
from simulator.harm import availability, outage_minutes, recovered
from simulator.moment import MINUTE_S, moment, seconds, written
from simulator.without import PAGE_LAG_MINUTES, PERSON_MINUTES, live_without
from simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from simulator.injection import Ordeal
    from simulator.recording import Recording
    from simulator.scenario import Scenario

OPERATOR = "fournines"
#: What comes later than the person without an operator would act at the soonest was not in time.
IN_TIME_S = (PAGE_LAG_MINUTES + PERSON_MINUTES) * MINUTE_S

#: A message with these words calls a person; any other only tells.
CALL = "a person is needed"


@dataclass(frozen=True, slots=True)
class Message:
    """A message that reached the fake Slack, in the world's time."""

    at: datetime
    text: str
    thread: str = ""

    @property
    def calls(self) -> bool:
        """Whether it calls a person."""
        return CALL in self.text.lower()

    def names(self, subjects: Iterable[str]) -> bool:
        """Whether it speaks of one of these services or schedules; one whose name begins alike is another."""
        either = "|".join(map(re.escape, sorted(subjects)))
        return re.search(rf"(?<![\w-])(?:{either})(?![\w-])", self.text) is not None


@dataclass(frozen=True, slots=True)
class Alone:
    """What a life without any operator came to: availability, and what each fault cost, in their order."""

    overall: dict[str, Any]
    spent: tuple[float, ...]


def alone(world: World) -> Alone:
    """Sum up a life without any operator."""
    return Alone(overall(world), tuple(spent(world, ordeal) for ordeal in world.ordeals))


def lived_alone(scenario: Scenario, recording: Recording | None = None) -> Alone:
    """Live through a scenario without any operator: apart from all else, so that another process can."""
    return alone(live_without(scenario, recording))


def judge(
    world: World,
    *,
    without: World | Alone | None = None,
    messages: Sequence[Message] = (),
    causes: Mapping[int, str] | None = None,
    operator: str = OPERATOR,
) -> dict[str, Any]:
    """Judge what the operator did.  `causes` maps a fault's index to the cause that the operator named."""
    bench = Bench(world, [call for call in world.calls if call.caller == operator], list(messages))
    named = causes or {}
    wrong = [call for call in bench.calls if not bench.fits(call)]
    lone = alone(without) if isinstance(without, World) else without
    faults = [bench.tell(ordeal, named.get(ordeal.index), lone) for ordeal in world.ordeals]
    needed = [ordeal for ordeal in world.ordeals if bench.needs_alert(ordeal)]
    delivered = sum(bench.detected(ordeal) is not None for ordeal in needed)
    told_twice = Counter((message.text, message.thread) for message in bench.messages)
    return {
        "scenario": world.scenario.name,
        "seed": world.scenario.seed,
        "faults": faults,
        "availability_with": overall(world),
        "availability_without": None if lone is None else lone.overall,
        "wrong_actions": [bench.action(call, None) | {"where": bench.where(call)} for call in wrong],
        "alerts": {
            "delivered": delivered,
            "lost": len(needed) - delivered,
            "duplicated": sum(count - 1 for count in told_twice.values()),
            "needless": sum(bench.needless(message) for message in bench.messages),
        },
        "metrics_billed": world.cloudwatch.billed(operator)["metrics_requested"],
    }


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What the judge goes by."""

    world: World
    calls: list[Call]
    messages: list[Message]

    def cause_of(self, call: Call) -> Ordeal | None:
        """Return the fault that a call answers: the newest on its placement; disturbances ask for nothing."""
        candidates = [
            ordeal
            for ordeal in self.world.ordeals
            if not isinstance(ordeal.fault, Disturbance)
            and ordeal.began is not None
            and ordeal.began <= seconds(call.at)
            and call.placement in ordeal.placements
        ]
        return max(candidates, key=lambda ordeal: ordeal.began or 0, default=None)

    def fits(self, call: Call) -> bool:
        """Whether a call is what a good operator would have done about a fault."""
        ordeal = self.cause_of(call)
        return ordeal is not None and verdict.fits(ordeal.fault.expect, call)

    def answers(self, ordeal: Ordeal) -> list[Call]:
        """Return the calls that answer a fault."""
        return [call for call in self.calls if self.cause_of(call) is ordeal]

    def told(self, ordeal: Ordeal) -> list[Message]:
        """Return the messages about what a fault befell since it did harm, until another fault."""
        if ordeal.onset is None:
            return []
        names = self.names(ordeal)
        since, over = moment(ordeal.onset), moment(MINUTE_S * until(self.world, ordeal))
        return [m for m in self.messages if since <= m.at < over and m.names(names)]

    def detected(self, ordeal: Ordeal) -> datetime | None:
        """Return when the first message about the fault's service arrived."""
        return min((message.at for message in self.told(ordeal)), default=None)

    def called(self, ordeal: Ordeal) -> datetime | None:
        """Return when a person was first called for the fault's service."""
        return min((message.at for message in self.told(ordeal) if message.calls), default=None)

    def needless(self, message: Message) -> bool:
        """Whether it calls a person for something whose newest fault asks for another answer, or for none."""
        if not message.calls or not message.names(self.subjects):
            return False
        begun = [
            ordeal
            for ordeal in self.world.ordeals
            if not isinstance(ordeal.fault, Disturbance)
            and ordeal.began is not None
            and moment(ordeal.began) <= message.at
            and message.names(self.names(ordeal))
        ]
        newest = max(begun, key=lambda ordeal: ordeal.began or 0, default=None)
        return newest is None or newest.fault.expect is not Expect.ESCALATE

    def names(self, ordeal: Ordeal) -> set[str]:
        """Return what a message about a fault must name: one of its services, or its schedule."""
        if isinstance(ordeal.fault, ScheduleFault):
            return {ordeal.fault.schedule}
        return {self.world.estate.places[index].service for index in ordeal.placements}

    @property
    def subjects(self) -> set[str]:
        """What a message can be about: every service and schedule of the estate."""
        estate = self.world.scenario.estate
        return {service.name for service in estate.services} | {each.name for each in estate.schedules}

    def needs_alert(self, ordeal: Ordeal) -> bool:
        """Whether people had to be told: something was to be done, and it did harm or was theirs."""
        if ordeal.onset is None or ordeal.fault.expect is Expect.NONE:
            return False
        return ordeal.fault.expect is Expect.ESCALATE or self.recovered_after(ordeal, self.world) != 0

    def right(self, ordeal: Ordeal) -> bool:
        """Whether the operator did what the fault asked for, in time, and nothing else."""
        if ordeal.began is None:
            return False
        if isinstance(ordeal.fault, Disturbance):
            over = ordeal.ended or ordeal.began
            meanwhile = [c for c in self.calls if ordeal.began <= seconds(c.at) <= over]
            return all(self.fits(call) for call in meanwhile)
        calls = self.answers(ordeal)
        accepted = [call for call in calls if call.accepted]
        expect = ordeal.fault.expect
        return (
            all(verdict.fits(expect, call) for call in calls)
            and (expect is not Expect.ESCALATE or self.detected(ordeal) is not None)
            and self.in_time(ordeal, accepted)
            and verdict.achieved(expect, self.world, ordeal, accepted)
        )

    def in_time(self, ordeal: Ordeal, accepted: Sequence[Call]) -> bool:
        """Whether people heard, or each placement was acted on first, soon enough after the onset."""
        if ordeal.onset is None:
            return True
        if ordeal.fault.expect is Expect.ESCALATE:
            firsts = [self.detected(ordeal)]
        else:
            acted_on = {call.placement for call in accepted}
            firsts = [min(call.at for call in accepted if call.placement == index) for index in acted_on]
        return all(first is None or first.timestamp() <= ordeal.onset + IN_TIME_S for first in firsts)

    def recovered_after(self, ordeal: Ordeal, world: World) -> float | None:
        """Return the seconds from the onset until its placements kept their objective again."""
        if ordeal.onset is None or isinstance(ordeal.fault, ScheduleFault):
            return None
        start = ordeal.onset // MINUTE_S
        objective = min(world.estate.places[index].spec.objective for index in ordeal.placements)
        end = until(world, ordeal)
        minute = recovered(world.truth, ordeal.placements, start, end, objective)
        return None if minute is None else max(0.0, float(minute * MINUTE_S - ordeal.onset))

    def tell(self, ordeal: Ordeal, cause: str | None, without: Alone | None) -> dict[str, Any]:
        """Describe a fault and what was done about it."""
        fault = ordeal.fault
        since = ordeal.onset if ordeal.onset is not None else ordeal.began
        disturbance = isinstance(fault, Disturbance)
        return {
            "kind": fault.kind,
            "where": where(ordeal),
            "started_at": None if since is None else written(since, milliseconds=False),
            "detected_after_s": None if disturbance else after(since, self.detected(ordeal)),
            "called_after_s": None if disturbance else after(since, self.called(ordeal)),
            "cause": cause,
            "actions": [self.action(call, since) for call in self.answers(ordeal)],
            "expected": fault.expect.value,
            "right": self.right(ordeal),
            "recovered_after_s": None if disturbance else self.recovered_after(ordeal, self.world),
            "budget_minutes": None if disturbance else spent(self.world, ordeal),
            "budget_minutes_without": (
                None if disturbance or without is None else without.spent[ordeal.index]
            ),
        }

    def action(self, call: Call, since: int | None) -> dict[str, Any]:
        """Describe a call."""
        return {
            "operation": call.operation,
            "what": verdict.gist(call),
            "after_s": after(since, call.at),
            "outcome": call.outcome,
        }

    def where(self, call: Call) -> str | None:
        """Name the placement of a call."""
        return None if call.placement is None else str(self.world.estate.places[call.placement])


def after(since: int | None, at: datetime | None) -> float | None:
    """Return the seconds from one moment to another to a tenth, if both are known."""
    return None if since is None or at is None else round(at.timestamp() - since, 1)


def following(world: World, placement: int, ordeal: Ordeal) -> int:
    """Return the minute in which another fault befell the placement, or the minute after the end."""
    later = [
        other.began // MINUTE_S
        for other in world.ordeals
        if placement in other.placements
        and other.began is not None
        and other.began > (ordeal.began or 0)
        and not isinstance(other.fault, Disturbance)
    ]
    return min(later, default=seconds(world.scenario.end) // MINUTE_S + 1)


def where(ordeal: Ordeal) -> dict[str, str]:
    """Name what a fault befell."""
    named: dict[str, str] = ordeal.fault.where.model_dump(exclude_none=True)
    return {"schedule": ordeal.fault.schedule, **named} if isinstance(ordeal.fault, ScheduleFault) else named


def until(world: World, ordeal: Ordeal) -> int:
    """Return the minute in which another fault befell any of its placements, or the minute after the end."""
    after = seconds(world.scenario.end) // MINUTE_S + 1
    return min((following(world, index, ordeal) for index in ordeal.placements), default=after)


def spent(world: World, ordeal: Ordeal) -> float:
    """Return what a fault cost its worst placement, until another one befell it or the end."""
    if ordeal.onset is None:
        return 0.0
    start = ordeal.onset // MINUTE_S
    costs = (outage_minutes(world.truth, i, start, following(world, i, ordeal)) for i in ordeal.placements)
    return round(max(costs, default=0.0), 3)


def overall(world: World) -> dict[str, Any]:
    """Return the availability of each contract, of the worst placement, and of all requests together."""
    truth, places = world.truth, world.estate.places
    whole = (truth.start, truth.end)
    contracts = {}
    for tenant in world.scenario.estate.tenants:
        scope = [
            place.index
            for place in places
            if (not tenant.services or place.service in tenant.services)
            and (not tenant.regions or place.region in tenant.regions)
        ]
        contracts[tenant.name] = availability(truth, scope, *whole)
    each = {str(place): availability(truth, [place.index], *whole) for place in places}
    known = {name: ratio for name, ratio in each.items() if ratio is not None}
    worst = min(known, key=lambda name: known[name], default=None)
    return {
        "contracts": contracts,
        "worst": None if worst is None else {"placement": worst, "availability": known[worst]},
        "pooled": availability(truth, [place.index for place in places], *whole),
    }
