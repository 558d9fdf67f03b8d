"""The service as a whole: the seams to the outside, what the documents say, and the jobs that follow."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from collector.archive import Archive
from collector.beacon import Beacon
from collector.indicators import ALWAYS
from collector.probes import Prober, Probes
from collector.schedules import Schedule
from collector.scheme import Scheme
from collector.source import Source
from fournines.board import Board
from fournines.clock import Job, Record
from fournines.desk import Desk
from fournines.jobs.backfill import Backfill
from fournines.jobs.deployments import Deployments
from fournines.jobs.heartbeat import Heartbeat
from fournines.jobs.letters import DeadLetters, Look
from fournines.jobs.listen import Listen
from fournines.jobs.measure import Collect, Discover, Evaluate
from fournines.jobs.missed import Missed
from fournines.jobs.probe import AT_ONCE_MAX, Probe
from fournines.jobs.respond import Remediate
from fournines.jobs.revisions import Hooks, Revisions
from fournines.jobs.schedules import Schedules
from fournines.jobs.statements import Issuance, Statements
from fournines.jobs.tell import Tell
from fournines.jobs.upkeep import Upkeep
from fournines.jobs.watch import Watch
from fournines.known import Known
from fournines.look import Looker
from fournines.replica import Replica
from fournines.samples import Samples
from fournines.slack.chat import Chat
from fournines.vitals import Patience, Pulse
from remediation.actions.effects import Actuator
from remediation.decision.policy import Policies
from remediation.events.event import Mailbox
from remediation.events.witness import Witness
from remediation.notice import Hook
from remediation.workflow.engine import SETTLE, Engine
from runbooks.shelf import Shelf
from slo.budget_policies import BudgetPolicy
from slo.composites import Composite
from slo.contracts import Contract
from slo.exclusions import Exclusions
from slo.objectives import Objective, slow_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fournines.clock import Clock
    from fournines.store.books import Books
    from slo.cells import Indicator


#: A part that has done nothing for so long is wedged: no heartbeat then.
QUIET_MAX = timedelta(minutes=5)
#: What is read seldom may be quiet for so many of its turns, but only so long after the next was due: what
#: got no answer is asked for again at once.
SELDOM, UNANSWERED_MAX = 3, timedelta(minutes=10)
#: A message that people did not get within so long silences the heartbeat: its alarm tells them something.
UNTOLD_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything beyond the process, one narrow seam each."""

    source: Source
    actuator: Actuator
    mailbox: Mailbox
    chat: Chat
    beacon: Beacon
    witness: Witness = field(kw_only=True)
    prober: Prober | None = None  # where nobody looks from outside
    letters: Look | None = None  # where no queue is listened to
    arrived: threading.Event = field(default_factory=threading.Event)  # set by the mailbox when letters come
    archives: Mapping[str, Archive] = field(default_factory=dict)  # where statements are laid up, by its name
    hook: Hook | None = None  # where CI is told of the quarantine


@dataclass(frozen=True, slots=True)
class Charter:
    """What the documents say: what was promised, what does not count, what may be done, what to read.

    `latency_threshold_s` is where a response is slow if no objective says it.
    """

    objectives: tuple[Objective, ...]
    policies: Policies
    contracts: tuple[Contract, ...]
    shelf: Shelf
    latency_threshold_s: float = 1.0
    budget_policies: tuple[BudgetPolicy, ...] = ()
    exclusions: Exclusions = field(default_factory=Exclusions)
    composites: tuple[Composite, ...] = ()

    @property
    def indicators(self) -> frozenset[Indicator]:
        """What is counted: what always is, and what somebody was promised besides."""
        return ALWAYS.union(o.indicator for o in self.objectives).union(c.indicator for c in self.contracts)

    def threshold_s(self, service: str) -> float:
        """Return what counts as slow for a service, by its own objective or by the one for all."""
        return float(slow_after(self.objectives, service, Decimal(str(self.latency_threshold_s))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often each job runs on the clock; `real_s` is a real second on it, for what crosses a wire."""

    real_s: timedelta = timedelta(seconds=1)
    discover: timedelta = timedelta(minutes=5)
    missed: timedelta = timedelta(minutes=1)
    letters: timedelta = timedelta(minutes=5)
    probe: timedelta = timedelta(seconds=1)
    schedules: timedelta = timedelta(minutes=5)
    collect: timedelta = timedelta(seconds=15)
    remediate: timedelta = timedelta(seconds=15)
    watch: timedelta = timedelta(minutes=1)
    deployments: timedelta = timedelta(minutes=5)
    revisions: timedelta = timedelta(minutes=1)
    upkeep: timedelta = timedelta(hours=1)
    backfill: timedelta = timedelta(seconds=30)
    heartbeat: timedelta = timedelta(minutes=1)

    def patience(self, turn: timedelta) -> Patience:
        """For how long each part may be quiet before the heartbeat is, if something is read at each turn.

        People are told in real time.
        """
        seldom = min(SELDOM * turn, turn + UNANSWERED_MAX)
        return Patience(
            collected=QUIET_MAX,
            answered=max(QUIET_MAX, seldom),
            evaluated=QUIET_MAX,
            told=QUIET_MAX.total_seconds() * self.real_s,
            waiting=UNTOLD_MAX.total_seconds() * self.real_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where the service runs: the accounts and regions that it reads, and where people find it."""

    scopes: Sequence[tuple[str, str]]
    channel: str = ""
    instance: str = "fournines"
    heartbeat_regions: tuple[str, ...] = ()
    base_url: str = ""
    dashboards_url: str = ""
    pace: Pace = Pace()
    scheme: Scheme = field(default_factory=Scheme)
    workers: int = 5
    probes: Probes = field(default_factory=Probes)
    schedules: tuple[Schedule, ...] = ()
    issuance: Issuance = field(default_factory=Issuance)


@dataclass(frozen=True, slots=True)
class Service:
    """What runs, and what can be seen of it."""

    jobs: tuple[Job, ...]
    board: Board
    samples: Samples
    record: Record
    known: Known
    probe: Probe | None
    replica: Replica | None = None  # where it is one of several


def build(charter: Charter, setting: Setting, books: Books, outside: Outside, clock: Clock) -> Service:
    """Put the service together; nothing runs yet."""
    pace, record = setting.pace, Record()
    books.exclude(charter.exclusions.of_objectives())
    known = Known(books, charter.threshold_s, setting.scheme)
    desk = Desk(books, known.heat)
    looker = Looker(
        source=outside.source,
        witness=outside.witness,
        books=books,
        known=known,
        objectives=charter.objectives,
        clock=clock,
        policies=charter.policies,
        workers=setting.workers,
    )
    engine = Engine(
        runs=books.runs,
        look=looker.at_run,
        actuator=outside.actuator,
        policies=charter.policies,
        settle=max(SETTLE, SETTLE.total_seconds() * pace.real_s),
        clock=clock.now,
    )
    periods = _periods(setting, outside, contracts=bool(charter.contracts))
    pulse = Pulse(setting.heartbeat_regions)
    board = Board(
        clock=clock,
        books=books,
        known=known,
        objectives=charter.objectives,
        policies=charter.policies,
        budget_policies=charter.budget_policies,
        shelf=charter.shelf,
        record=record,
        periods=periods,
        contracts=charter.contracts,
        exclusions=charter.exclusions,
        composites=charter.composites,
        unheard=lambda: outside.mailbox.troubles,
        pulse=pulse,
        base_url=setting.base_url,
        dashboards_url=setting.dashboards_url,
    )
    samples = Samples(
        clock=clock, books=books, known=known, objectives=charter.objectives, board=board, record=record
    )
    discover = Discover(outside.source, setting.scopes, known, books, setting.workers, pace.discover)
    collect = Collect(outside.source, known, books, setting.workers, charter.indicators)
    catch_up = Backfill(outside.source, known, books, charter.indicators, known.asked())
    heartbeat = Heartbeat(outside.beacon, setting.instance, pulse, known, books, record, pace.patience)
    looked_into = threading.Event()
    work: dict[str, Callable[[datetime], None]] = {
        "discover": discover.run,
        "missed": Missed(known, books).run,
        "listen": Listen(outside.mailbox, books, known, desk, outside.source.stale, looked_into.set).run,
        "schedules": Schedules(outside.source, setting.schedules, known, books, desk, setting.workers).run,
        "collect": collect.run,
        "evaluate": Evaluate(charter.objectives, known, books, desk).run,
        "remediate": Remediate(looker, books, desk, engine, charter.policies).run,
        "tell": Tell(books, outside.chat, board, setting.channel).run,
        "watch": Watch(books, known, board).run,
        "revisions": Revisions(outside.source, known, books, desk, charter.objectives).run,
        "deployments": Deployments(outside.source, known, books).run,
        "statements": Statements(charter.contracts, books, outside.archives, setting.issuance).run,
        "upkeep": Upkeep(books, known).run,
        "backfill": catch_up.run,
        "heartbeat": heartbeat.run,
    }
    probe = None
    if outside.prober is not None:
        at_once = 1 if setting.workers == 1 else AT_ONCE_MAX
        probe = Probe(outside.prober, setting.probes, known, books, desk, at_once)
        work["probe"] = probe.run
    if outside.hook is not None:
        work["hooks"] = Hooks(books, outside.hook).run
    if outside.letters is not None:
        work["letters"] = DeadLetters(outside.letters, known, books).run
    bells = {"listen": outside.arrived, "remediate": looked_into}
    jobs = tuple(
        Job(name, period, work[name], bells.get(name) or threading.Event())
        for name, period in periods.items()
    )
    if books.leads is None:
        return Service(jobs, board, samples, record, known, probe)
    replica = Replica(books.leads, known, lambda: catch_up.assume(known.asked()))
    return Service(replica.gated(jobs, pace.real_s), board, samples, record, known, probe, replica)


def _periods(setting: Setting, outside: Outside, *, contracts: bool) -> dict[str, timedelta]:
    """Return how often each job runs, in their order; what nobody asked for does not run."""
    pace, wanted = setting.pace, setting.probes
    probes = outside.prober is not None and (wanted.listed or wanted.tagged)
    return {
        "discover": pace.discover,
        "missed": pace.missed,
        "listen": pace.real_s / 2,
        **({"probe": max(pace.probe, pace.real_s / 2)} if probes else {}),
        **({"schedules": pace.schedules} if setting.schedules else {}),
        "collect": pace.collect,
        "evaluate": pace.collect,
        "remediate": pace.remediate,
        "tell": pace.real_s / 2,
        "watch": pace.watch,
        "revisions": pace.revisions,
        **({"hooks": pace.real_s} if outside.hook else {}),
        **({"letters": pace.letters} if outside.letters else {}),
        "deployments": pace.deployments,
        **({"statements": pace.upkeep} if contracts else {}),
        "upkeep": pace.upkeep,
        "backfill": pace.backfill,
        **({"heartbeat": pace.heartbeat} if setting.heartbeat_regions else {}),
    }
