"""Lives through a scenario: steps the world and the service's own jobs, then lets the world judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from collector.probes import Probes
from fournines import staging
from fournines.clock import Stepped, Steps
from fournines.rehearsal.calm import IDLE, STEP, Calm
from fournines.rehearsal.direct import WorldMailbox, WorldMetrics, WorldSessions
from fournines.rehearsal.probed import WorldProber, every_door
from fournines.rehearsal.scheduled import every_schedule
from fournines.rehearsal.score import name_causes
from fournines.rehearsal.unnoticed import unnoticed
from fournines.service import Charter, Outside, Pace, Setting, build
from fournines.settings import HEARTBEAT_REGIONS
from fournines.slack.chat import Sent
from fournines.store.books import Books
from fournines.store.place import IN_MEMORY
from fournines.wire import InProcess
from remediation.decision import policy
from runbooks import shelf
from simulator.judge import Alone, Message, judge, lived_alone
from simulator.world import World
from slo import contracts
from slo.openslo.reader import read as read_openslo

if TYPE_CHECKING:
    from fournines.slack import blocks
    from fournines.slack.chat import Delivery, Label
    from simulator.recording import Recording
    from simulator.scenario import Scenario

#: A real second takes ten; nothing of the store's upkeep can be seen in a rehearsal.
PACE = Pace(real_s=timedelta(seconds=10), upkeep=timedelta(hours=12))
#: How long a temporary change is kept in a story: long enough to help, short enough to see it undone.
KEEP_FOR = "25m"


#: From this length on the life without fournines is lived through beside, in a process of its own.
BESIDE_FROM = timedelta(hours=12)


@dataclass(slots=True)
class Ear:
    """A chat that remembers what it was told, and when."""

    now: Callable[[], datetime]
    heard: list[Message] = field(default_factory=list)
    _number: itertools.count[int] = field(default_factory=itertools.count)

    def post(
        self, channel: str, message: blocks.Message, label: Label, thread: str | None = None
    ) -> Delivery:
        """Hear a message."""
        del label
        self.heard.append(Message(self.now(), message.text, thread or ""))
        return Sent(channel, f"{next(self._number)}")

    def edit(self, channel: str, ts: str, message: blocks.Message, label: Label) -> Delivery:
        """Hear nothing new: an edit notifies nobody."""
        del message, label
        return Sent(channel, ts)

    def find(self, channel: str, label: Label, thread: str | None = None) -> Sent | None:
        """Never be asked: every message is heard at once."""
        del channel, label, thread
        return None


def charter(scenario: Scenario) -> Charter:
    """Return what the scenario's estate is kept by: its own policies, or what its stories need."""
    written = scenario.policies or staging.policies(stories(scenario), keep_for=KEEP_FOR)
    promised = [staging.contract(t.name, t.services, t.regions) for t in scenario.estate.tenants]
    return Charter(
        objectives=read_openslo(staging.objectives()).objectives,
        policies=policy.read(written).policies,
        contracts=contracts.read(promised).contracts,
        shelf=shelf.shipped(),
    )


def stories(scenario: Scenario) -> list[tuple[str, str, str]]:
    """Return (expected action, service, region) of every fault at one placement."""
    return [
        (str(fault.expect), fault.where.service, fault.where.region)
        for fault in scenario.faults
        if fault.where.service and fault.where.region
    ]


@contextmanager
def _alone(scenario: Scenario, recording: Recording | None) -> Iterator[Callable[[], Alone]]:
    """Live through the scenario without fournines; what is handed out waits for it."""
    if scenario.duration < BESIDE_FROM:
        yield partial(lived_alone, scenario, recording)
        return
    with ProcessPoolExecutor(1) as beside:
        yield beside.submit(lived_alone, scenario, recording).result


def rehearse(  # noqa: PLR0913 - each says how it is lived through
    scenario: Scenario,
    *,
    recording: Recording | None = None,
    probed: bool = False,
    stepped: bool = False,
    attend: Callable[[Books, datetime], None] = lambda _books, _now: None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return the world's judgement of what fournines did in the scenario.

    `probed` has every service checked from outside as well; `stepped` lives through every minute by itself,
    also those in which nothing happens, to the same end; `attend` is called after every step, for whoever
    answers questions meanwhile; `tell` hears, in words, what the burn tiers answered about faults that nobody
    noticed.
    """
    world = World(scenario, recording)
    clock = Stepped(scenario.start)
    ear, mailbox = Ear(clock.now), WorldMailbox()
    wired = InProcess(WorldSessions(world), WorldMetrics(world).read, clock.now)
    beacon, prober = wired.beacon(world.estate.home), WorldProber(world)
    outside = Outside(wired.source(), wired.actuator(), mailbox, ear, beacon, prober, witness=wired.witness())
    setting = Setting(
        scopes=list(world.estate.sites),
        channel="rehearsal",
        heartbeat_regions=tuple(scenario.estate.regions[:HEARTBEAT_REGIONS]),
        workers=1,
        pace=PACE,
        probes=every_door(world.estate) if probed else Probes(),
        schedules=every_schedule(scenario.estate),
    )
    kept_by = charter(scenario)
    with Books.open(IN_MEMORY) as books, _alone(scenario, recording) as alone:
        service = build(kept_by, setting, books, outside, clock)
        steps = Steps(service.jobs, clock, service.record)
        calm = Calm(world, service, books, mailbox, kept_by.objectives)
        while world.now < scenario.end:
            if not stepped and calm.rest():
                steps.leap(world.now, IDLE)
                attend(books, world.now)
                continue
            moment = min(world.now + STEP, scenario.end)
            mailbox.post(world.step(moment))
            steps.until(moment, () if stepped else calm.idle())
            attend(books, moment)
        summary = judge(world, without=alone(), messages=ear.heard)
        name_causes(summary, [view.as_json() for view in service.board.incidents()])
        for sentence in unnoticed(summary, books, kept_by.objectives):
            tell(sentence)
        return summary
