"""What is lost, stuck or done twice when the service is killed and stopped again and again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.figure import Figure
from bench.ordeal import Ordeal, Plan
from bench.server import schema, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.judging import Verdict

#: So much must have been done meanwhile, or nothing was put to the proof.
ACTS_MIN = 20
#: On each database five rounds, each of another seed: 100 SIGKILLs and 20 SIGSTOPs in all.
ROUNDS = 5
PLAN = Plan(seed=1, kills=20, stops=4, troubles=10, finish_s=300)
HOW = (
    f"{ROUNDS * PLAN.kills} SIGKILLs and {ROUNDS * PLAN.stops} SIGSTOPs longer than the lease, at boundaries "
    "and at random, on SQLite, and on PostgreSQL with two replicas; by the simulated AWS' record of calls"
)


def figures() -> Iterator[Figure]:
    """Undergo the ordeals, both databases side by side."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        Path(folder).chmod(0o755)  # the server runs as another user
        ways = [pool.submit(way, Path(folder)) for way in (on_a_file, on_a_server)]
        verdicts = [verdict for way in ways for verdict in way.result()]
    counted = {
        "runs_lost": [verdict.lost for verdict in verdicts],
        "runs_stuck": [verdict.stuck for verdict in verdicts],
        "second_effects": [verdict.second for verdict in verdicts],
        "ordeal_wrongs": [verdict.wrong for verdict in verdicts],
    }
    for name, found in counted.items():
        told = [one for each in found for one in each]
        print(*told, sep="\n", end="\n" if told else "")
        yield Figure(name=f"remediation.{name}", value=len(told), unit="", goal=0, better="lower", how=HOW)
    yield Figure(
        name="remediation.ordeal_acts",
        value=sum(verdict.acts for verdict in verdicts),
        unit="acts",
        goal=ACTS_MIN,
        better="higher",
        how=f"what was carried out meanwhile, of {sum(verdict.runs for verdict in verdicts)} runs",
    )


def on_a_file(folder: Path) -> list[Verdict]:
    """Undergo all rounds with one process on SQLite."""
    return _rounds(PLAN, folder / "file", lambda place, _: str(place / "books.db"))


def on_a_server(folder: Path) -> list[Verdict]:
    """Undergo all rounds with two replicas on PostgreSQL."""
    with server(folder / "data") as found:
        name = partial(schema, found)
        plan = replace(PLAN, seed=PLAN.seed + ROUNDS, replicas=2)
        return _rounds(plan, folder / "server", lambda _, number: name(f"round{number}"))


def _rounds(plan: Plan, folder: Path, store: Callable[[Path, int], str]) -> list[Verdict]:
    verdicts = []
    for number in range(ROUNDS):
        place = folder / str(number)
        place.mkdir(parents=True)
        ordeal = Ordeal(replace(plan, seed=plan.seed + number), store(place, number), place)
        verdicts.append(ordeal.undergo())
    return verdicts
