"""The real service, killed and stopped again and again while it remediates, and what its world says of it.

The simulated AWS is a process of its own, and its record of calls is the judge's.  Meanwhile calls land late,
answers are lost, a person answers, holds and pauses, and questions go unanswered.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import mortal
from bench.judging import Verdict, judged
from fournines import staging
from fournines.answers import Word, give
from fournines.clock import Clock, Fast
from fournines.demo.door import get, get_json, post_json
from fournines.demo.process import Process
from fournines.demo.stage import listen_everywhere, write_scenario
from fournines.store.books import Books
from fournines.trouble import Trouble
from remediation.workflow.run import RunState
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fournines.answers import Choice
    from remediation.workflow.run import Run

REGIONS = ("eu-west-1", "us-east-1")
SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]
#: What befalls a service, and what is asked of people first: a third is asked and runs into its deadline.
KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("bad_deployment", "deployment", {"error_ratio": 0.3}),
    ("capacity_shortage", "spot_shortage", {"reclaim": 0.9, "duration": "12m"}),
    ("traffic_surge", "surge", {"factor": 4.0, "duration": "12m"}),
)
ASKED = {"mode": "propose", "approvers": ["*"], "deadline": "4m"}
SILENCES = ("run", "escalate", "cancel")
#: Long enough for its lease to end, and for somebody else to take over.
STOP_S = mortal.LEASE_S + 1.5
READY_S = 30.0
#: So many calls are carried out late, or answered too late; so many lives end before they have well begun.
DELAYED, STILLBORN = 0.4, 0.15
PAUSE_S, PAUSE_EVERY_S = 5.0, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How hard it is to be: so many deaths and stops, over so many troubles, among so many replicas."""

    seed: int
    kills: int
    stops: int
    troubles: int
    replicas: int = 1
    speed: float = 40.0
    first: int = 7
    apart: int = 2
    finish_s: float = 150.0

    def scenario(self) -> Scenario:
        """Return the world: one trouble after the other, each of a service of its own."""
        places = [(f"service-{n}", REGIONS[n % 2]) for n in range(self.troubles)]
        faults, policies = [], []
        for n, (service, region) in enumerate(places):
            kind, cause, figures = KINDS[(n + self.seed) % len(KINDS)]
            where = {"service": service, "region": region}
            faults.append({"kind": kind, "at": f"{self.first + n * self.apart}m", "where": where, **figures})
            asked = ASKED | {"on_timeout": SILENCES[n // 2 % 3]} if n % 2 else {"mode": "act"}
            kept = {} if cause == "deployment" else {"keep_for": "6m"}
            named = {"name": f"{cause}-{n}", "cause": cause, "services": [service], "regions": [region]}
            policies.append({**named, "services_max_percent": 100, **asked, **kept})
        services = [{"name": service, "requests_per_minute": 2400, "strategy": SPOT} for service, _ in places]
        return Scenario.model_validate(
            {
                "name": "ordeal", "seed": self.seed, "start": "2026-11-23T12:00:00Z", "duration": "4h",
                "estate": {"regions": list(REGIONS), "traffic": {"shape": "flat"}, "services": services},
                "faults": faults, "policies": {"policies": policies},
            }
        )  # fmt: skip


class Mortal:
    """One replica: its life now, and how it is to end."""

    def __init__(self, config: Path, number: int) -> None:
        self._log = config.with_name(f"replica-{number}.log")
        self._out = self._log.with_suffix(".out")
        with self._log.open("ab") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-m", "bench.mortal", str(config), str(self._out)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parents[1],
            )
        self._heard()

    def tell(self, order: str) -> bool:
        """Have the nursery do something; return whether the replica lives."""
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(f"{order}\n")
        self._nursery.stdin.flush()
        return self._heard() == "lives"

    def born(self, wish: str = "-") -> None:
        """Begin a life, the one before having ended."""
        self.tell("kill")
        self._out.write_bytes(b"")
        self.tell(f"live {wish}")

    def grown(self) -> None:
        """Wait until it is ready.  Raises Trouble if it does not come up, unless it was to die before."""
        self._until(lambda: self._out.stat().st_size > 0, READY_S)

    def passes(self, seconds: float) -> bool:
        """Let it live for so long; return whether it ended before, as it wished."""
        self._until(lambda: False, seconds)
        return not self.tell("lives")

    def close(self) -> None:
        """Kill it, stopped or not."""
        with self._nursery:
            self.tell("kill")

    def _heard(self) -> str:
        assert self._nursery.stdout is not None
        return self._nursery.stdout.readline().strip()

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline and self.tell("lives"):
            time.sleep(0.02)


@dataclass(slots=True)
class Ordeal:
    """One round: a world, the replicas on one store, and what is done to them."""

    plan: Plan
    store: str
    folder: Path
    kills: int = 0
    stops: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    _dice: random.Random = field(init=False)
    _aws: str = field(init=False, default="")
    _clock: Clock = field(init=False)
    _replicas: list[Mortal] = field(init=False, default_factory=list)
    _wished: list[str] = field(init=False, default_factory=list)
    _books: Books | None = field(init=False, default=None)
    _over: threading.Event = field(init=False, default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.plan.seed)  # noqa: S311 - the same lives each time

    def undergo(self) -> Verdict:
        """Live through it all, and judge."""
        world = Process(
            "simulated AWS",
            ("simulate", "--port", "0", "--speed", str(self.plan.speed), "--scenario", self._scenario()),
            self.folder / "aws.log",
        )
        person = threading.Thread(target=self._attend, name="person")
        try:
            ready = world.start()
            self._aws = f"http://127.0.0.1:{ready['port']}"
            start, epoch = self.plan.scenario().start, ready["epoch"]
            self._configure(start, epoch)
            Books.open(self.store).close()
            self._books = Books.visit(self.store)
            for replica in self._replicas:
                self._reborn(replica)
            person.start()
            self._torment()
            self._recover()
            return self._judge()
        finally:
            self._over.set()
            if person.is_alive():
                person.join()
            for replica in self._replicas:
                replica.close()
            world.stop()
            if self._books is not None:
                self._books.close()

    def _scenario(self) -> str:
        return str(write_scenario(self.plan.scenario(), self.folder))

    def _configure(self, start: datetime, epoch: str) -> None:
        """Write the documents of each replica: the same, each with a port of its own."""
        scenario = self.plan.scenario()
        clock = {"kind": "fast", "start": start.isoformat(), "epoch": epoch, "speed": self.plan.speed}
        self._clock = Fast(start, type(start).fromisoformat(epoch), self.plan.speed)
        queues = listen_everywhere(scenario, self._aws)
        told = {
            "store": self.store,
            "clock": clock,
            "aws": {
                "endpoint_url": self._aws,
                "credentials": {"access_key_id": "fournines", "secret_access_key": {"file": "secret"}},
                "accounts": [{"id": scenario.estate.accounts[0]}],
                "regions": list(REGIONS),
                "queues": [{"region": region, "url": url} for region, url in queues.items()],
            },
            "objectives": ["objectives.yaml"],
            "policies": ["policies.yaml"],
            "web": {"port": 0},
            "heartbeat": {"regions": []},
        }
        documents = {
            "fournines.yaml": [told],
            "objectives.yaml": staging.objectives(),
            "policies.yaml": [scenario.policies],
        }
        for name, each in documents.items():
            text = "\n---\n".join(json.dumps(document, default=str) for document in each)
            (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / "secret").write_text("any", encoding="utf-8")
        self._replicas = [
            Mortal(self.folder / "fournines.yaml", number) for number in range(self.plan.replicas)
        ]
        self._wished = ["-"] * self.plan.replicas

    # -- what is done to the service

    def _torment(self) -> None:
        """Kill and stop until it is enough, each time after a life of some length."""
        fates = ["kill"] * self.plan.kills + ["stop"] * self.plan.stops
        self._dice.shuffle(fates)
        for fate in fates:
            if self._dice.random() < DELAYED:
                late, lost = self._dice.choice([(2.5, 0), (0, 3)])
                post_json(f"{self._aws}/_world/delay", {"before_s": late, "after_s": lost})
            number = self._dice.randrange(len(self._replicas))
            if fate == "kill":
                self._kill(number)
                self.kills += 1
            else:
                self._stop(number)
                self.stops += 1

    def _kill(self, number: int) -> None:
        """End a life at the boundary that it wished for, at a random instant, or before it has well begun."""
        replica = self._replicas[number]
        if self._dice.random() < STILLBORN:
            replica.born()
            time.sleep(self._dice.uniform(0.0, 1.0))
        else:
            replica.grown()
            self.reached[self._wished[number]] += replica.passes(self._dice.uniform(0.0, 5.0))
        wish = self._dice.choice(("-", *mortal.BOUNDARIES))
        self._wished[number] = wish
        replica.born("-" if wish == "-" else f"KILL:{wish}:{self._dice.randint(1, 2)}")

    def _stop(self, number: int) -> None:
        """Let a process stand still for longer than its leases, then go on as if nothing had been.

        Half of them at a boundary, if it is reached soon.
        """
        replica, boundary = self._replicas[number], self._dice.choice(mortal.BOUNDARIES)
        replica.born(self._dice.choice(("-", f"STOP:{boundary}:1")))
        self._wished[number] = "-"
        replica.grown()
        time.sleep(self._dice.uniform(0.5, 3.5))
        replica.tell("stop")
        time.sleep(STOP_S)
        replica.tell("go")

    def _reborn(self, replica: Mortal) -> None:
        replica.born()
        replica.grown()

    def _recover(self) -> None:
        """Let the replicas live until all troubles are over and nothing is under way, or for so long."""
        for replica in self._replicas:  # those that are left may wish to die
            self._reborn(replica)
        last = timedelta(minutes=self.plan.first + self.plan.apart * self.plan.troubles + 20)
        deadline = time.monotonic() + self.plan.finish_s
        while time.monotonic() < deadline:
            time.sleep(0.5)
            runs = self._kept().runs.every()
            passed = self._clock.now() - self.plan.scenario().start > last
            if passed and all(run.state.final for run in runs):
                return

    # -- a person

    def _attend(self) -> None:
        """Answer some questions, hold some of what is proposed, pause now and then, until it is over."""
        dice, asked = random.Random(self.plan.seed + 1), set[str]()  # noqa: S311 - the same person each time
        paused_at = time.monotonic()
        while not self._over.wait(0.3):
            try:
                for run in self._kept().runs.every():
                    if run.state is RunState.ASK and run.question not in asked:
                        asked.add(run.question)
                        self._answer(run, dice)
                if time.monotonic() - paused_at > PAUSE_EVERY_S:
                    self._pause()
                    paused_at = time.monotonic()
            except Trouble:
                continue

    def _answer(self, run: Run, dice: random.Random) -> None:
        said: Choice | None = dice.choice(["approve", "approve", "approve", "hold", None])
        if said is not None:
            give(self._kept(), run.incident, Word(said, "ann", self._clock.now(), "", str(run.placement)))

    def _pause(self) -> None:
        books = self._kept()
        books.pause(on=True, actor="ann", at=self._clock.now())
        self._over.wait(PAUSE_S)
        books.pause(on=False, actor="ann", at=self._clock.now())

    def _kept(self) -> Books:
        assert self._books is not None, "the ordeal has begun"
        return self._books

    # -- the end

    def _judge(self) -> Verdict:
        told = get(f"{self._aws}/_world/calls")
        (self.folder / "calls.jsonl").write_text(told, encoding="utf-8")
        calls = [json.loads(line) for line in told.splitlines()]
        status = get_json(f"{self._aws}/_world/status")
        if status["failure"]:
            raise Trouble(status["failure"])
        own = [call for call in calls if call["caller"] == "fournines"]
        grace = timedelta(seconds=self.plan.speed * (mortal.CONNECT_S + mortal.READ_S + 1.0))
        return judged(self._kept(), own, len(self.plan.scenario().faults), grace)
