"""A service that lives through a small scenario in memory, to be looked at from every side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from collector.scheme import Scheme
from fournines.clock import Stepped, Steps
from fournines.desk import Desk
from fournines.jobs.respond import Remediate
from fournines.known import Known
from fournines.look import Looker
from fournines.rehearsal.calm import STEP
from fournines.rehearsal.direct import WorldMailbox, WorldMetrics, WorldSessions
from fournines.rehearsal.rehearse import Ear, charter
from fournines.rehearsal.scheduled import every_schedule
from fournines.service import Outside, Pace, Setting, build
from fournines.wire import InProcess
from remediation.workflow.engine import SETTLE, Engine
from simulator.scenario import Scenario
from simulator.world import World
from slo.cells import Placement

if TYPE_CHECKING:
    from collector.estate import Deployed, RegionEstate, Revision, ServiceView
    from collector.remains import Remains
    from collector.runs import TaskRun
    from collector.source import Batch, Readings, Source
    from fournines.slack.chat import Chat
    from fournines.store.books import Books

ACCOUNT, CLUSTER = "123456789012", "mylearning"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
REGIONS = ("eu-west-1", "us-east-1")
BAD_DEPLOYMENT = {
    "kind": "bad_deployment",
    "at": "8m",
    "where": {"service": "course-catalog", "region": "eu-west-1"},
    "error_ratio": 0.15,
    "expect": "rollback",
}


def small(*faults: dict[str, Any], **changes: Any) -> Scenario:  # noqa: ANN401 - a document
    """Two services in two regions."""
    return Scenario.model_validate(
        {
            "name": "small",
            "start": NOON,
            "duration": "2h",
            "estate": {
                "regions": REGIONS,
                "traffic": {"shape": "flat"},
                "services": [
                    {"name": "course-catalog", "requests_per_minute": 2400},
                    {"name": "payment", "requests_per_minute": 1800},
                ],
            },
            "faults": faults,
            **changes,
        }
    )


def at(service: str, region: str = REGIONS[0]) -> Placement:
    return Placement(ACCOUNT, region, CLUSTER, service)


class Life:
    """The world, the service's own jobs, and the clock that both are stepped by."""

    def __init__(
        self, scenario: Scenario, books: Books, chat: Chat | None = None, scheme: Scheme | None = None
    ) -> None:
        self.scenario, self.books = scenario, books
        self.world, self.clock = World(scenario), Stepped(scenario.start)
        self.mailbox, self.ear = WorldMailbox(), Ear(self.clock.now)
        wired = InProcess(WorldSessions(self.world), WorldMetrics(self.world).read, self.clock.now)
        self.source, self.beacon = wired.source(), wired.beacon(self.world.estate.home)
        setting = Setting(
            scopes=list(self.world.estate.sites),
            channel="incidents",
            base_url="http://fournines",
            heartbeat_regions=tuple(scenario.estate.regions[:2]),
            workers=1,
            pace=Pace(real_s=timedelta(seconds=10)),
            schedules=every_schedule(scenario.estate),
            scheme=scheme or Scheme(),
        )
        outside = Outside(
            self.source,
            wired.actuator(),
            self.mailbox,
            chat or self.ear,
            self.beacon,
            witness=wired.witness(),
        )
        self.charter, self.actuator = charter(scenario), wired.actuator()
        self.witness = wired.witness()
        self.service = build(self.charter, setting, books, outside, self.clock)
        self.desk, self.objectives = Desk(books), self.charter.objectives
        self._steps = Steps(self.service.jobs, self.clock, self.service.record)

    def until(self, minutes: float) -> None:
        """Live until so many minutes after the scenario's start."""
        end = self.scenario.start + timedelta(minutes=minutes)
        while self.world.now < end:
            moment = min(self.world.now + STEP, end)
            self.mailbox.post(self.world.step(moment))
            self._steps.until(moment)

    @property
    def failures(self) -> dict[str, str]:
        """The jobs that failed, and how."""
        return {
            name: health.last_error
            for name, health in self.service.record.health().items()
            if health.failures
        }

    def looker(self, source: Source, kind: type[Looker] = Looker) -> Looker:
        """Return one who looks through another source."""
        return kind(
            source=source,
            witness=self.witness,
            books=self.books,
            known=Known(self.books, lambda _: 1.0),
            objectives=self.objectives,
            clock=self.clock,
            workers=1,
        )

    def remediate(self, looker: Looker) -> Remediate:
        """Return the job that remediates by what somebody else sees."""
        policies = self.charter.policies
        engine = Engine(
            runs=self.books.runs,
            look=looker.at_run,
            actuator=self.actuator,
            policies=policies,
            settle=SETTLE,
        )
        return Remediate(looker, self.books, self.desk, engine, policies)


class Through:
    """A source that answers as another does."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def estate(self, account: str, region: str) -> RegionEstate:
        return self._source.estate(account, region)

    def metrics(self, batch: Batch, start: int, end: int) -> Readings:
        return self._source.metrics(batch, start, end)

    def runs(self, account: str, region: str, cluster: str, family: str) -> tuple[TaskRun, ...]:
        return self._source.runs(account, region, cluster, family)

    def service(self, placement: Placement) -> ServiceView:
        return self._source.service(placement)

    def deployed(self, placement: Placement, since: datetime) -> tuple[Deployed, ...]:
        return self._source.deployed(placement, since)

    def remains(self, placement: Placement, revision: Revision) -> Remains:
        return self._source.remains(placement, revision)

    def stale(self, placement: Placement) -> None:
        self._source.stale(placement)
