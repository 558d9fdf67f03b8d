"""The two makers of the outside, over one small world that a test moves on by hand.

In process, the wire's own adapters run on clients that call the world directly, and metrics are read as
columns; over the wire they are boto3 clients that speak HTTP to the simulated AWS.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Protocol

import boto3

from collector.probes import Check, Target
from collector.wire.beacon import AwsBeacon
from collector.wire.probe import HttpProber
from collector.wire.session import Access, Sessions
from collector.wire.source import AwsSource
from fournines.rehearsal.direct import CALLER, WorldMailbox, WorldMetrics, WorldSessions
from fournines.rehearsal.probed import WorldProber
from fournines.template import RULES
from fournines.wire import InProcess
from remediation.wire.actuator import AwsActuator
from remediation.wire.queues import Queue, SqsMailbox
from remediation.wire.witness import AwsWitness
from simulator.aws.stand import Stand
from simulator.world import World
from tests.living import ACCOUNT, NOON, REGIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from wsgiref.types import WSGIApplication

    from collector.beacon import Beacon
    from collector.probes import Answer
    from collector.source import Source
    from remediation.actions.effects import Actuator
    from remediation.events.event import Letter, Mailbox
    from remediation.events.witness import Witness
    from simulator.calls import Call
    from simulator.scenario import Scenario
    from slo.cells import Placement

#: Never set: lets the mailbox's threads work between two looks.
_PAUSE = Event()


class Outside(Protocol):
    """What is tried: the seams, and the world behind them."""

    @property
    def source(self) -> Source: ...

    @property
    def actuator(self) -> Actuator: ...

    @property
    def mailbox(self) -> Mailbox: ...

    @property
    def witness(self) -> Witness: ...

    @property
    def beacon(self) -> Beacon: ...

    @property
    def now(self) -> datetime:
        """The time in the world."""
        ...

    def live(self, minutes: float) -> None:
        """Let time pass in the world."""
        ...

    def check(self, placement: Placement) -> Answer:
        """Check a service from outside."""
        ...

    def calls(self) -> Sequence[Call]:
        """Return what the world recorded of us."""
        ...

    def custom_metrics(self) -> int:
        """Return how many series were written by hand."""
        ...


class Direct:
    """In process."""

    def __init__(self, scenario: Scenario) -> None:
        self.world = World(scenario)
        wired = InProcess(WorldSessions(self.world), WorldMetrics(self.world).read, lambda: self.world.now)
        self.source, self.actuator = wired.source(), wired.actuator()
        self.mailbox, self.beacon = WorldMailbox(), wired.beacon(ACCOUNT)
        self.witness = wired.witness()

    @property
    def now(self) -> datetime:
        return self.world.now

    def live(self, minutes: float) -> None:
        self.mailbox.post(self.world.step(self.world.now + timedelta(minutes=minutes)))

    def check(self, placement: Placement) -> Answer:
        url = f"https://{placement.service}.example/"
        return WorldProber(self.world).check(Target(placement, Check(url=url)))

    def calls(self) -> Sequence[Call]:
        return [call for call in self.world.calls if call.caller == CALLER]

    def custom_metrics(self) -> int:
        return self.world.cloudwatch.billed()["custom_metrics"]


class Wire:
    """Over HTTP, through boto3."""

    def __init__(self, scenario: Scenario, serve: Callable[[WSGIApplication], str]) -> None:
        self._at = NOON
        self._stand = Stand(scenario, speed=60, epoch=NOON, read_wall=lambda: self._at)
        self._url = serve(self._stand.app)
        access = Access(endpoint_url=self._url, access_key_id=CALLER, secret_access_key="any")
        self._sessions = Sessions(access)
        self.source = AwsSource(self._sessions, lambda: self.now)
        self.actuator, self.beacon = AwsActuator(self._sessions), AwsBeacon(self._sessions, ACCOUNT)
        self.witness = AwsWitness(self._sessions)
        self.mailbox = SqsMailbox(self._sessions, [self._listen(region) for region in REGIONS], wait_s=0)

    @property
    def now(self) -> datetime:
        return self._stand.stage.now

    def live(self, minutes: float) -> None:
        self._at += timedelta(minutes=minutes) / 60
        self._stand.stage.step()

    def check(self, placement: Placement) -> Answer:
        door = f"{self._url}/_door/{placement.account}/{placement.region}/{placement.service}"
        return HttpProber().check(Target(placement, Check(url=door, allow_private=True)))

    def calls(self) -> Sequence[Call]:
        return [call for call in self._stand.stage.calls() if call.caller == CALLER]

    def custom_metrics(self) -> int:
        return self._stand.world.cloudwatch.billed()["custom_metrics"]

    def close(self) -> None:
        self.mailbox.close()
        self._sessions.close()

    def _listen(self, region: str) -> Queue:
        """Have an operator make a queue and the rules that fill it, as the template does."""
        session = boto3.Session("operator", "any", region_name=region)
        queues = session.client("sqs", endpoint_url=self._url)
        events = session.client("events", endpoint_url=self._url)
        made = queues.create_queue(
            QueueName="fournines-events",
            Attributes={"VisibilityTimeout": "1"},  # what is not deleted comes again soon
        )
        for name, pattern in RULES.items():
            events.put_rule(Name=name, EventPattern=json.dumps(pattern))
            arn = f"arn:aws:sqs:{region}:{ACCOUNT}:fournines-events"
            events.put_targets(Rule=name, Targets=[{"Id": "fournines", "Arn": arn}])
        return Queue(ACCOUNT, region, made["QueueUrl"])


@contextmanager
def made(maker: str, scenario: Scenario, serve: Callable[[WSGIApplication], str]) -> Iterator[Direct | Wire]:
    """Make an outside by its name."""
    if maker == "direct":
        yield Direct(scenario)
        return
    wire = Wire(scenario, serve)
    yield wire
    wire.close()


def received(mailbox: Mailbox, wanted: Callable[[str], bool], *, only: bool = False) -> Letter:
    """Receive until a letter with a wanted body has come; pytest's timeout is the bound.

    With `only`, the others are deleted: a queue hands out what came first, again and again.
    """
    while True:
        letters = mailbox.receive()
        found = next((letter for letter in letters if wanted(letter.body)), None)
        if found is not None:
            return found
        if only:
            mailbox.delete(letters)
        _PAUSE.wait(0.01)
