"""How fast a storm of events is written down, and that it leads to one action for each cause at most."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from time import perf_counter
from typing import Any

from bench.figure import Figure
from bench.letters import Sqs
from bench.stand import REGION, Stand, scenario, stand

EVENTS = 10_000
#: What a call of SQS takes within a region, about.
CALL_S = 0.02
SERVICES = tuple(f"service-{number:02}" for number in range(21))
SHORT = tuple(SERVICES[:3])
#: Spot takes the tasks of three services; the events of these minutes are what is told again and again.
FAULTS = [
    {"kind": "capacity_shortage", "at": "8m", "duration": "1h", "reclaim": 0.9, "expect": "spot_fallback"}
    | {"where": {"service": name, "region": REGION}}
    for name in SHORT
]
SHORT_SINCE, ENDS = timedelta(minutes=12), timedelta(minutes=20)


def figures() -> Iterator[Figure]:
    """Live into a shortage of which nobody was told, then let everything arrive at once."""
    queue = Sqs(CALL_S)
    with stand(scenario(SERVICES, FAULTS), queue) as here:
        start = here.world.now
        here.until(start + SHORT_SINCE)
        bodies = storm([delivery.event for delivery in here.told], EVENTS)
        took = journaled(here, bodies)
        here.until(start + ENDS)
        acted = Counter(call.placement for call in here.calls() if call.operation == "UpdateService")
    if not acted or max(acted.values()) > 1:
        raise RuntimeError(f"one action for each cause was expected, there were {dict(acted)}")
    yield Figure(
        name="remediation.storm_journal_s",
        value=took,
        unit="s",
        goal=10.0,
        better="lower",
        how=f"{EVENTS} events of {len(SERVICES)} services, half of them duplicates, in any order, from a "
        f"queue whose calls take {CALL_S * 1000:.0f} ms, to the last one stored on disk; they led to one "
        f"action at each of {len(acted)} services in trouble",
    )


def storm(events: Sequence[Mapping[str, Any]], many: int) -> list[str]:
    """Return so many bodies: what was told, of ever other tasks and moments, each twice and in no order."""
    chance = random.Random(1)  # noqa: S311 - the same storm every time
    told = [json.dumps(events[number % len(events)]) for number in range(many // 2)]
    for number, body in enumerate(told[len(events) :], len(events)):
        event = json.loads(body)
        told[number] = body.replace(event["id"], f"{number:08}-again")
        if arn := event["detail"].get("taskArn"):
            told[number] = told[number].replace(arn, f"{arn[:-8]}{number:08}")
    twice = told * 2
    chance.shuffle(twice)
    return twice


def journaled(here: Stand, bodies: list[str]) -> float:
    """Return how long it takes until every event is stored, and the queue is empty."""
    listen, before = here.jobs["listen"], sum(here.books.event_counts().values())
    expected = before + len({json.loads(body)["id"] for body in bodies})
    began = perf_counter()
    here.queue.put(bodies)
    while here.queue.deleted < len(bodies):
        here.arrived.wait(1)
        here.arrived.clear()
        listen.run(here.world.now)
    took = perf_counter() - began
    kept = sum(here.books.event_counts().values())
    if kept != expected:
        raise RuntimeError(f"{expected} events were to be kept, {kept} are")
    return took
