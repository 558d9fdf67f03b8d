"""Events gone wrong in every way that a seed can think of: none may break anything, or lead to an action."""

import json
import random
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.figure import Figure
from bench.letters import Sqs
from bench.stand import REGION, Stand, scenario, stand
from slo.cells import Placement

EVENTS, AT_ONCE = 100_000, 2_000
SAMPLES = Path(__file__).parents[1] / "tests" / "remediation" / "events"
SERVICE = "cart"
#: What stands in the samples, and what stands there in the world that is told of.
WRITTEN_AT = "2026-10-01T12:00:00Z"
SETTLED, EVERY = timedelta(minutes=12), timedelta(seconds=15)

Json = Any

TEXTS = (
    "",
    "\x00",
    "\ud800",
    "\u202ecart\u202c",
    "🛒" * 500,
    "x" * 100_000,
    "null",
    "%s{}'\"--;",
    "../..",
    "arn:::::",
)
VALUES: tuple[Json, ...] = (
    None, True, False, 0, -1, 3, 2**63, -(2**200), 1e308, float("inf"), float("nan"), [], {}, [[]], {"": {}},
)  # fmt: skip


def figures() -> Iterator[Figure]:
    """Let them all arrive at a healthy estate in which every remedy is allowed."""
    began = perf_counter()
    harm = harmed(EVENTS)
    yield Figure(
        name="remediation.fuzz_harm",
        value=len(harm),
        unit="",
        goal=0,
        better="lower",
        how=f"crashes, lost letters and actions after {EVENTS:,} mutated events at a healthy estate, all "
        f"policies on act, in {perf_counter() - began:.0f} s{': ' if harm else ''}{'; '.join(harm[:3])}",
    )


def harmed(many: int, seed: int = 1) -> list[str]:
    """Return every harm that so many mutated events did, in words."""
    queue = Sqs()
    with stand(scenario([SERVICE, "web-app"], ()), queue) as here:
        here.until(here.world.now + SETTLED)
        told = mutants(here, many, seed)
        harm = []
        for start in range(0, many, AT_ONCE):
            harm += _arrive(here, told, min(AT_ONCE, many - start))
            here.until(here.world.now + EVERY)
        failed = here.service.record.health()
        harm += [f"job {name}: {health.last_error}" for name, health in failed.items() if health.failures]
        harm += [
            f"{call.operation} of {call.params}" for call in here.calls() if call.service != "cloudwatch"
        ]
        harm += [f"run {run.id}" for run in here.books.runs.every()]
    return harm


def _arrive(here: Stand, told: Iterator[str], many: int) -> list[str]:
    before = here.queue.deleted
    here.queue.put([next(told) for _ in range(many)])
    while here.queue.deleted - before < many:
        here.arrived.wait(1)
        here.arrived.clear()
        try:
            here.jobs["listen"].run(here.world.now)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return [f"{type(error).__name__}: {error}"]
    return []


def samples(home: Placement) -> list[str]:
    """Return our own samples of every kind, as if they spoke of a service of the world."""
    names = {
        "111122223333": home.account,
        "us-west-2": home.region,
        "/shop": f"/{home.cluster}",
        "service:cart": f"service:{home.service}",
    }
    bodies = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.json"))]
    for written, meant in names.items():
        bodies = [body.replace(written, meant) for body in bodies]
    return bodies


def mutants(here: Stand, many: int, seed: int) -> Iterator[str]:
    """Yield bodies, the same for the same seed; every tenth is a sample unchanged but for its id."""
    place = here.world.estate.places[0]
    whole = samples(Placement(place.account, REGION, place.cluster, SERVICE))
    chance = random.Random(seed)  # noqa: S311 - the same mutants every time
    for number in range(many):
        body = chance.choice(whole).replace(WRITTEN_AT, here.world.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        event = json.loads(body)
        event["id"] = f"{seed}-{number}"
        if number % 10:
            for _ in range(chance.randint(1, 4)):
                mutate(event, whole, chance)
        yield mangle(json.dumps(event), chance) if chance.random() < 0.3 else json.dumps(event)  # noqa: PLR2004


def mutate(event: dict[str, Json], whole: Sequence[str], chance: random.Random) -> None:
    """Change one thing in a document: another type, a value that nobody expects, another sample's."""
    holders = [one for one in _holders(event) if one]
    holder = chance.choice(holders)
    key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match chance.randrange(6):
        case 0:
            holder[key] = deepcopy(chance.choice(VALUES))
        case 1:
            holder[key] = chance.choice(TEXTS)
        case 2:
            del holder[key]
        case 3:
            holder[key] = [holder[key]] * chance.choice((1, 2, 20))
        case 4 if isinstance(holder, dict):
            other = chance.choice([one for one in _holders(json.loads(chance.choice(whole))) if one])
            holder[key] = chance.choice(list(other.values()) if isinstance(other, dict) else other)
        case _:
            holder[key] = {chance.choice(("arn", "detail", "", "\ud800")): holder[key]}


def _holders(part: Json) -> Iterator[Json]:
    if isinstance(part, dict | list):
        yield part
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _holders(inner)


def mangle(body: str, chance: random.Random) -> str:
    """Break a text: cut off, doubled keys, far too deep, or with some bytes that are others."""
    at = chance.randrange(len(body))
    match chance.randrange(5):
        case 0:
            return body[:at]
        case 1:
            return '{"detail": {"eventName": 7}, "source": "aws.ecs", ' + body[1:]
        case 2:
            return body.replace("{", '{"detail": ' + "[" * 3_000, 1)
        case 3:
            return body[:at] + chance.choice('\x00\ud800{}[]",:9e') * chance.choice((1, 40)) + body[at + 1 :]
        case _:
            return body.replace('"detail": {', '"detail": {"detail": {}, "detail": ' + "9" * 5_000 + ", ", 1)
