"""Events as values, and the seam that they arrive through.

Every event keeps the id that its sender gave it: delivery is at least once and in any order, so the id is
what makes a duplicate harmless, and nothing is decided from an event alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from collector.runs import TaskRun
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where and when an event comes from; `at` is the sender's time, None where the event names none."""

    id: str
    account: str
    region: str
    at: datetime | None


class DeploymentPhase(StrEnum):
    """What a deployment event tells."""

    STARTED = "started"
    ROLLING_BACK = "rolling_back"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentChanged:
    """A deployment of a service started, turned back, completed or failed.

    An ARN of before 2021 names no cluster, and nothing else does: `service_arn` is then all that is known.
    """

    kind: Literal["deployment_changed"] = "deployment_changed"
    origin: Origin
    placement: Placement | None
    deployment_id: str
    phase: DeploymentPhase
    reason: str
    service_arn: str = ""


class HookStatus(StrEnum):
    """Where a lifecycle hook of a deployment stands [ECS DeploymentLifecycleHookStatus]."""

    IN_PROGRESS = "in_progress"
    AWAITING_ACTION = "awaiting_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookChanged:
    """A deployment has come to a lifecycle hook, or past it."""

    kind: Literal["hook_changed"] = "hook_changed"
    origin: Origin
    placement: Placement | None
    deployment_arn: str
    hook_id: str
    status: HookStatus
    stage: str = ""
    expires_at: datetime | None = None


class TaskEnd(StrEnum):
    """Why a task stops."""

    RUNNING = "running"
    CRASHED = "crashed"
    OUT_OF_MEMORY = "out_of_memory"
    UNHEALTHY = "unhealthy"
    FAILED_TO_START = "failed_to_start"
    SPOT_INTERRUPTION = "spot_interruption"
    SCALED_IN = "scaled_in"
    STOPPED_BY_USER = "stopped_by_user"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged:
    """A task changed state; `version` orders the events of one task.

    A Spot warning is a task that is to stop (`desired_status` STOPPED) and still runs.  Of a task
    that belongs to no service `run` tells how it began and ended.
    """

    kind: Literal["task_changed"] = "task_changed"
    origin: Origin
    placement: Placement | None
    task_arn: str
    version: int | None
    last_status: str
    desired_status: str
    end: TaskEnd
    reason: str
    zone: str | None = None
    provider: str | None = None
    task_definition: str | None = None
    run: TaskRun | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAction:
    """The ECS scheduler told something about a service: steady state, placement failure, impaired start."""

    kind: Literal["service_action"] = "service_action"
    origin: Origin
    placement: Placement | None
    name: str
    level: str
    reason: str
    providers: tuple[str, ...] = ()
    service_arn: str = ""

    @property
    def spot_refused(self) -> bool:
        """Whether Fargate Spot had no capacity; plain Fargate gives the same reason, another provider."""
        return (
            self.name == "SERVICE_TASK_PLACEMENT_FAILURE"
            and self.reason.startswith("RESOURCE:FARGATE")
            and any(
                provider.endswith("/FARGATE_SPOT") or provider == "FARGATE_SPOT"
                for provider in self.providers
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmChanged:
    """A CloudWatch alarm changed state; `dimensions` are those of its metrics, none for a composite alarm.

    `suppressed` is an alarm whose actions another one holds back: nothing is done about it.  `changed_at` is
    the alarm's own time, which orders what it tells.
    """

    kind: Literal["alarm_changed"] = "alarm_changed"
    origin: Origin
    name: str
    state: str
    previous: str
    suppressed: bool
    metrics: tuple[str, ...] = ()
    dimensions: tuple[tuple[str, str], ...] = ()
    placement: Placement | None = None
    changed_at: datetime | None = None
    rule: str = ""

    @property
    def told_at(self) -> datetime | None:
        """When it changed, as exactly as is known."""
        return self.changed_at or self.origin.at


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceWarning:
    """An EC2 Spot instance is about to be taken, or is at higher risk of it."""

    kind: Literal["instance_warning"] = "instance_warning"
    origin: Origin
    instance: str
    interrupted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInstanceChanged:
    """An EC2 host of a cluster changed state."""

    kind: Literal["container_instance_changed"] = "container_instance_changed"
    origin: Origin
    container_instance: str
    status: str
    agent_connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeDeployChanged:
    """A CodeDeploy deployment changed state; it names no ECS service."""

    kind: Literal["codedeploy_changed"] = "codedeploy_changed"
    origin: Origin
    application: str
    deployment_group: str
    deployment_id: str
    state: str


class HealthCategory(StrEnum):
    """What AWS Health speaks of [AWS Health, eventTypeCategory]."""

    ISSUE = "issue"
    ACCOUNT_NOTIFICATION = "accountNotification"
    SCHEDULED_CHANGE = "scheduledChange"
    INVESTIGATION = "investigation"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged:
    """AWS itself says that something of it is not well, or will be changed.

    `region` is the one that it speaks of; the event may be delivered in another.  `entities` are what it
    names of ours: ARNs or other ids, as many as are kept.
    """

    kind: Literal["health_changed"] = "health_changed"
    origin: Origin
    arn: str
    service: str
    code: str
    category: HealthCategory
    region: str
    status: str
    text: str
    public: bool = False
    began_at: datetime | None = None
    ended_at: datetime | None = None
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person answered a question: approve, hold (refuse) or acknowledge.

    It comes through a door that knows who speaks; whoever writes to a queue of events is nobody.
    """

    kind: Literal["answer"] = "answer"
    origin: Origin
    incident: str
    choice: Literal["approve", "hold", "ack"]
    actor: str
    note: str = ""


class Doubt(StrEnum):
    """Why an event is not recognised."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_STATE = "unknown_state"
    UNPROVEN_ANSWER = "unproven_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecognised:
    """An event that we do not know: kept as it came, counted, never acted on."""

    kind: Literal["unrecognised"] = "unrecognised"
    origin: Origin
    why: str
    doubt: Doubt = Doubt.UNKNOWN_KIND


Event = (
    DeploymentChanged
    | HookChanged
    | TaskChanged
    | ServiceAction
    | AlarmChanged
    | InstanceWarning
    | ContainerInstanceChanged
    | CodeDeployChanged
    | HealthChanged
    | Answer
    | Unrecognised
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it came off a queue: its raw body, and the handle that deletes it."""

    queue: str
    handle: str
    body: str


class Mailbox(Protocol):
    """Where events arrive: one queue per region, at least once, in any order."""

    def receive(self) -> Sequence[Letter]:
        """Return what has arrived; a letter that is not deleted comes again."""
        ...

    def delete(self, letters: Sequence[Letter]) -> None:
        """Delete letters that are stored safely."""
        ...

    @property
    def troubles(self) -> Mapping[str, str]:
        """The queues that could not be asked last time, and why."""
        ...
