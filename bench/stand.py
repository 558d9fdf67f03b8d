"""The service on a simulated world, with its store on disk and its queue in this process."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.letters import Sqs
from fournines.clock import Clock, Stepped, Steps
from fournines.rehearsal.calm import STEP
from fournines.rehearsal.direct import CALLER, WorldMetrics, WorldSessions
from fournines.rehearsal.rehearse import Ear, charter
from fournines.service import Outside, Pace, Setting, build
from fournines.store.books import Books
from fournines.wire import InProcess
from remediation.wire.queues import Queue, SqsMailbox
from simulator.bus import Delivery
from simulator.calls import Call
from simulator.scenario import Scenario
from simulator.world import World

REGION = "eu-west-1"
SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]


def scenario(services: Sequence[str], faults: Sequence[Mapping[str, Any]], **policy: Any) -> Scenario:  # noqa: ANN401
    """Return an estate of services on Spot in one region, whose policies let every remedy be carried out."""
    causes = {"deployment": {}, "spot_shortage": {"keep_for": "2h"}, "surge": {"keep_for": "2h"}}
    allowed = [
        {"name": cause, "cause": cause, "mode": "act", "services_max_percent": 100, **extra, **policy}
        for cause, extra in causes.items()
    ]
    return Scenario.model_validate(
        {
            "name": "bench",
            "start": "2026-11-23T12:00:00Z",
            "duration": "2h",
            "estate": {
                "regions": [REGION],
                "traffic": {"shape": "flat"},
                "services": [
                    {"name": name, "requests_per_minute": 2400, "strategy": SPOT} for name in services
                ],
            },
            "faults": faults,
            "policies": {"policies": allowed},
        }
    )


class Clockwork:
    """A clock that is stepped first, and then goes as another does."""

    def __init__(self, start: datetime) -> None:
        self.stepped = Stepped(start)
        self.now_on: Clock = self.stepped

    def now(self) -> datetime:
        """Return the present moment."""
        return self.now_on.now()

    def real_seconds(self, span: timedelta) -> float:
        """Return how long a person waits."""
        return self.now_on.real_seconds(span)


class Stand:
    """World, books, queue and jobs.  What the world tells is in `told`; nobody hears it until it is put.

    `sessions` may wrap the clients of the world, to see when they are called.
    """

    def __init__(
        self,
        lived: Scenario,
        books: Books,
        queue: Sqs,
        sessions: Callable[[WorldSessions], Any] = lambda made: made,
    ) -> None:
        self.world, self.books, self.queue = World(lived), books, queue
        self.clock, self.told = Clockwork(lived.start), list[Delivery]()
        made = sessions(WorldSessions(self.world))
        wired = InProcess(made, WorldMetrics(self.world).read, self.clock.now)
        arrived, home = threading.Event(), self.world.estate.home
        self.mailbox = SqsMailbox(queue, [Queue(home, REGION, "events")], wait_s=1, arrived=arrived)
        self.arrived = arrived
        outside = Outside(
            wired.source(),
            wired.actuator(),
            self.mailbox,
            Ear(self.clock.now),
            wired.beacon(home),
            witness=wired.witness(),
            arrived=arrived,
        )
        setting = Setting(scopes=list(self.world.estate.sites), workers=1, pace=Pace())
        self.service = build(charter(lived), setting, books, outside, self.clock)
        self.jobs = {job.name: job for job in self.service.jobs}
        self._steps = Steps(self.service.jobs, self.clock.stepped, self.service.record)

    def until(self, moment: datetime) -> None:
        """Live until the moment."""
        while self.world.now < moment:
            following = min(self.world.now + STEP, moment)
            self.told += self.world.step(following)
            self._steps.until(following)

    def calls(self) -> list[Call]:
        """Return what fournines changed or tried to, but for its heartbeat."""
        return [call for call in self.world.calls if call.caller == CALLER]


@contextmanager
def stand(lived: Scenario, queue: Sqs, **more: Any) -> Iterator[Stand]:  # noqa: ANN401 - as the stand takes them
    """Open a stand, its store in a folder of its own."""
    with TemporaryDirectory() as folder, Books.open(str(Path(folder) / "fournines.db")) as books:
        made = Stand(lived, books, queue, **more)
        try:
            yield made
        finally:
            made.mailbox.close()
