"""A small estate to try decisions on: one service in three regions, told minute by minute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from collector.estate import (
    Deployment,
    DeploymentStatus,
    ProviderShare,
    Revision,
    ScalingRange,
    ServiceView,
    Task,
    TaskHealth,
    ZonalShift,
)
from collector.remains import Part, PartKind, Remains
from collector.source import UnreachableError
from remediation.actions.effects import (
    Delivery,
    Effect,
    EndShift,
    Receipt,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StartShift,
    StopDeployment,
    StopTasks,
    TurnBackAtHook,
)
from remediation.diagnosis.health import Health, Series
from remediation.diagnosis.situation import Situation
from remediation.events.event import Event, Origin, ServiceAction, TaskChanged, TaskEnd
from remediation.floor import Floor
from remediation.history import PastAction
from remediation.incidents import Incident, Symptom
from remediation.quarantine import Quarantined, short
from remediation.tenure import Tally, Tenure, observed
from remediation.workflow.run import Claim, Leave, LostClaimError, Run, RunState
from slo.burn import Severity
from slo.cells import Placement, minute_of

if TYPE_CHECKING:
    from remediation.journal import Entry

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IRELAND, VIRGINIA, SINGAPORE = (
    Placement("123456789012", region, "mylearning", "course-catalog")
    for region in ("eu-west-1", "us-east-1", "ap-southeast-1")
)
PLACES = (IRELAND, VIRGINIA, SINGAPORE)
SPOT_MIX = (ProviderShare("FARGATE", 1, 2), ProviderShare("FARGATE_SPOT", 3))


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def definition(version: int) -> str:
    return f"arn:aws:ecs:eu-west-1:123456789012:task-definition/course-catalog:{version}"


def revision(version: int) -> Revision:
    return Revision(arn=f"arn:revision/{version}", task_definition=definition(version))


def deployment(
    version: int,
    created: float,
    status: DeploymentStatus = DeploymentStatus.SUCCESSFUL,
    finished: float | None = None,
) -> Deployment:
    """A deployment from the version before; times are minutes after noon."""
    return Deployment(
        arn=f"arn:deployment/{version}",
        status=status,
        created_at=at(created),
        target=revision(version),
        sources=(revision(version - 1),),
        finished_at=None if finished is None else at(finished),
        sources_running=0 if status is DeploymentStatus.SUCCESSFUL else 10,
    )


@dataclass
class Trouble:
    """A share of a placement's requests that fails in `[start, end)`, in minutes after noon."""

    placement: Placement
    start: float
    ratio: float
    end: float = 1e9


@dataclass
class Stage:
    """The estate, to be put into any state, looked at and acted on; `lag` is how late minutes come."""

    places: Sequence[Placement] = PLACES
    neighbours: Sequence[Placement] = ()
    rate: int = 6000
    lag: dict[Placement, int] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    demand: dict[Placement, tuple[float, float]] = field(default_factory=dict)
    cpu: dict[Placement, float] = field(default_factory=dict)
    cpu_minute: dict[Placement, int] = field(default_factory=dict)
    views: dict[Placement, ServiceView] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    history: list[PastAction] = field(default_factory=list)
    sent: list[Effect] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    on_apply: Callable[[Effect], None] = lambda _effect: None
    unreachable: bool = False
    tenures: dict[int, Tenure | None] = field(default_factory=dict)
    remains: dict[int, Remains] = field(default_factory=dict)
    quarantine: list[Quarantined] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)
    now: datetime = NOON

    def __post_init__(self) -> None:
        for place in self.places:
            self.views[place] = ServiceView(
                placement=place,
                seen_at=NOON,
                status="ACTIVE",
                desired=10,
                running=10,
                pending=0,
                task_definition=definition(1),
                strategy=(ProviderShare("FARGATE", 1),),
                deployments=(deployment(1, -5000, finished=-4990),),
                scaling=ScalingRange(4, 40),
            )

    def change(self, place: Placement, **fields: object) -> None:
        self.views[place] = replace(self.views[place], **fields)  # type: ignore[arg-type]

    def deploys(self, place: Placement, new: Deployment) -> None:
        """Put a deployment on top of the others; the service runs what it targets."""
        self.change(
            place,
            deployments=(new, *self.views[place].deployments),
            task_definition=new.target.task_definition,
        )

    def fails(self, place: Placement, start: float, ratio: float = 0.3) -> None:
        self.troubles.append(Trouble(place, start, ratio))

    def refuses(self, place: Placement, *minutes: float) -> None:
        """Let Spot refuse tasks, at minutes after noon."""
        for minute in minutes:
            self.events.append(
                ServiceAction(
                    origin=Origin(id=f"e{len(self.events)}", account="1", region=place.region, at=at(minute)),
                    placement=place,
                    name="SERVICE_TASK_PLACEMENT_FAILURE",
                    level="ERROR",
                    reason="RESOURCE:FARGATE",
                    providers=("FARGATE_SPOT",),
                )
            )

    def ends(self, place: Placement, end: TaskEnd, minute: float, version: int = 1) -> None:
        """Let a task end, at a minute after noon."""
        self.events.append(
            TaskChanged(
                origin=Origin(id=f"e{len(self.events)}", account="1", region=place.region, at=at(minute)),
                placement=place,
                task_arn=f"task/{len(self.events)}",
                version=1,
                last_status="STOPPED",
                desired_status="STOPPED",
                end=end,
                reason="",
                task_definition=definition(version),
            )
        )

    def starts(self, place: Placement, minute: float, version: int) -> None:
        """Let a task of a version run, at a minute after noon."""
        self.ends(place, TaskEnd.RUNNING, minute, version)
        ended = self.events.pop()
        assert isinstance(ended, TaskChanged)
        self.events.append(replace(ended, last_status="RUNNING", desired_status="RUNNING"))

    def warns(self, place: Placement, minute: float) -> None:
        """Let Spot give notice of a task, at a minute after noon."""
        self.ends(place, TaskEnd.SPOT_INTERRUPTION, minute)
        warned = self.events.pop()
        assert isinstance(warned, TaskChanged)
        self.events.append(replace(warned, last_status="RUNNING"))

    def health(self, place: Placement) -> Health:
        """The last hour as the ledger knows it."""
        newest = minute_of(self.now) - 1 - self.lag.get(place, 2)
        start = minute_of(self.now) - 60
        cells = [
            self._cell(place, minute) if minute <= newest else None for minute in range(start, start + 60)
        ]
        series = Series(start, tuple(cells), Fraction(1, 10_000))
        return Health(
            placement=place,
            availability=series,
            cpu=self.cpu.get(place, 40.0),
            cpu_minute=self._measured(place),
        )

    def _measured(self, place: Placement) -> int | None:
        return minute_of(NOON) + self.cpu_minute[place] if place in self.cpu_minute else None

    def _cell(self, place: Placement, minute: int) -> tuple[int, int]:
        after_noon = minute - minute_of(NOON)
        since, times = self.demand.get(place, (1e9, 1.0))
        total = int(self.rate * (times if after_noon >= since else 1))
        ratio = sum(t.ratio for t in self.troubles if t.placement == place and t.start <= after_noon < t.end)
        return int(total * min(ratio, 1)), total

    def situation(self, place: Placement = IRELAND, minutes: float | None = None) -> Situation:
        """What is known of a placement, at so many minutes after noon."""
        if minutes is not None:
            self.now = at(minutes)
        return Situation(
            incident=incident(place),
            placement=place,
            at=self.now,
            views={p: replace(v, seen_at=self.now) for p, v in self.views.items()},
            health={p: self.health(p) for p in self.places},
            neighbours={p: self.health(p) for p in self.neighbours},
            events=tuple(e for e in self.events if e.origin.at is None or e.origin.at <= self.now),
            history=tuple(self.history),
            estate_placements=105,
            siblings=tuple(self.places),
            tenures=self.served(place),
            remains=self.found(place),
            quarantine=tuple(self.quarantine),
            floors=tuple(self.floors),
        )

    def served(self, place: Placement) -> tuple[Tenure, ...]:
        """Who served: whatever was deployed successfully, and well for long, unless a test says otherwise."""
        if place not in self.views:
            return ()
        view = replace(self.views[place], seen_at=self.now)
        found = observed((), view, lambda _, end: Tally(10_000, 0, 10_000, end))
        told = [self.tenures.get(_version(one.revision), one) for one in found]
        return tuple(one for one in told if one is not None)

    def found(self, place: Placement) -> dict[str, Remains]:
        """What is left of every version: all of it, unless a test says otherwise."""
        versions = {_version(one.revision) for one in self.served(place)}
        return {definition(v): self.remains.get(v, whole(v)) for v in versions}

    def look(self, run: Run) -> Situation:
        """What the engine is shown."""
        if self.unreachable:
            raise UnreachableError("no answer")
        return self.situation(run.placement)

    def apply(self, effect: Effect) -> Receipt:
        """Carry an effect out as AWS would; `deliveries` says what is answered."""
        delivery = self.deliveries.pop(0) if self.deliveries else Delivery.ACCEPTED
        self.sent.append(effect)
        self.on_apply(effect)
        if delivery in {Delivery.ACCEPTED, Delivery.AMBIGUOUS}:
            self.carry_out(effect)
        return Receipt(delivery, "as the test wants it")

    def carry_out(self, effect: Effect) -> None:
        place, view = effect.placement, self.views[effect.placement]
        match effect:
            case RestoreRevision():
                minutes = (self.now - NOON) / MINUTE
                good = replace(
                    deployment(99, minutes, finished=minutes + 1),
                    target=Revision(effect.revision_arn, effect.task_definition),
                )
                self.deploys(place, good)
                self.heals(place)
            case StopDeployment() | TurnBackAtHook():
                rolled = [
                    replace(d, status=DeploymentStatus.ROLLBACK_REQUESTED)
                    if d.arn == effect.deployment_arn
                    else d
                    for d in view.deployments
                ]
                self.change(place, deployments=tuple(rolled))
                self.heals(place)
            case SetStrategy():
                self.change(place, strategy=effect.strategy, running=view.desired)
            case SetScalingMinimum():
                desired = max(view.desired, effect.minimum)
                scaling = ScalingRange(effect.minimum, 40)
                self.change(place, scaling=scaling, desired=desired, running=desired)
                self.heals(place)
            case StopTasks():
                fresh = [Task(f"{arn}-new", "RUNNING", TaskHealth.HEALTHY) for arn in effect.tasks]
                kept = [task for task in view.tasks or () if task.arn not in effect.tasks]
                self.change(place, tasks=(*kept, *fresh))
                for _ in effect.tasks:
                    self.ends(place, TaskEnd.STOPPED_BY_USER, (self.now - NOON) / MINUTE)
            case StartShift():
                shift = ZonalShift("shift-1", effect.zone_id, self.now + 180 * MINUTE, effect.comment)
                self.change(place, balancers=(replace(view.balancers[0], shifts=(shift,)),))
                self.heals(place)
            case EndShift():
                self.change(place, balancers=(replace(view.balancers[0], shifts=()),))

    def heals(self, place: Placement, after: float = 1) -> None:
        """End every trouble of a placement."""
        end = (self.now - NOON) / MINUTE + after
        for trouble in self.troubles:
            if trouble.placement == place:
                trouble.end = min(trouble.end, end)


def _version(revision: Revision) -> int:
    return int(revision.task_definition.rpartition(":")[2])


def whole(version: int, *parts: Part) -> Remains:
    """All that a version is made of, and what else a test wants of it."""
    made_of = Part(PartKind.TASK_DEFINITION, short(definition(version)))
    return Remains(NOON, (made_of, Part(PartKind.IMAGE, f"catalog:1.{version}"), *parts))


def incident(place: Placement = IRELAND) -> Incident:
    sign = Symptom(
        placement=place,
        name="availability/page_quick",
        severity=Severity.PAGE,
        sentence="It burns.",
        first_seen=NOON,
        last_seen=NOON,
    )
    return Incident(
        id="course-catalog-20261001-1200", service="course-catalog", opened_at=NOON, symptoms=(sign,)
    )


class MemoryRuns:
    """Runs as the store keeps them, in memory: fenced, locked by placement; `restart` ends the leases."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.numbers: dict[str, int] = {}
        self.held: dict[str, int] = {}
        self.locks: dict[Placement, str] = {}
        self.entries: list[Entry] = []
        self.answers: dict[str, tuple[str, str]] = {}
        self.switched = Leave.GRANTED
        self.die_in_move = False

    def start(self, run: Run, entries: Sequence[Entry]) -> bool:
        if run.id in self.runs:
            return False
        self.runs[run.id], self.numbers[run.id] = run, 0
        self.entries += entries
        return True

    def claim(self, now: datetime) -> Claim | None:
        if self.switched is Leave.PAUSED:
            return None
        for run in self.runs.values():
            free = self.locks.get(run.placement, run.id) == run.id and run.id not in self.held
            if not run.state.final and run.wake <= now and free:
                self.numbers[run.id] += 1
                self.locks[run.placement] = run.id
                self.held[run.id] = self.numbers[run.id]
                return Claim(run, self.numbers[run.id])
        return None

    def move(self, claim: Claim, run: Run, entries: Sequence[Entry], follow_up: Run | None = None) -> None:
        if self.die_in_move:
            raise Killed
        if self.held.get(run.id) != claim.number:
            raise LostClaimError
        del self.held[run.id]
        self.runs[run.id] = run
        self.entries += entries
        if run.state.final or run.state is RunState.QUEUED:
            self.locks.pop(run.placement, None)
        if follow_up is not None:
            self.start(follow_up, ())

    def leave(self, claim: Claim) -> Leave:
        if self.held.get(claim.run.id) != claim.number:
            raise LostClaimError
        return self.switched

    def answer(self, run: Run) -> tuple[str, str] | None:
        return self.answers.get(run.id) or self.answers.get(run.question)

    def restart(self) -> None:
        """What the database does once the leases of a dead worker end."""
        self.held.clear()
        self.die_in_move = False


class Killed(Exception):  # noqa: N818 - not an error: the process is gone
    """The process died here."""
