"""An ECS service: what it should be, the tasks that it has, and what was deployed to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator import fate
from simulator.ecs.definitions import Definitions
from simulator.ecs.rollout import Deployment, Revision, Rollout, State, Status
from simulator.ecs.shift import ALL, Shift
from simulator.ecs.task import Task
from simulator.estate import Place
from simulator.scenario import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

#: ECS tells of stopped tasks for about an hour, and keeps the last hundred service events.
STOPPED_KEPT_S = 3600
STOPPED_KEPT_MAX = 500
MESSAGES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a service's event list."""

    id: str
    at: int
    text: str


@dataclass(slots=True, eq=False)
class Service:
    """One service.  `rollouts[-1]` is the primary; `completed` is the newest that was completed.

    `shift` is how traffic moves between two of them; None where every task that serves gets its part.
    `cut_off_s` gathers the task-seconds of requests that died with their tasks.
    """

    place: Place
    created_at: int
    desired: int
    strategy: tuple[Share, ...]
    configuration: dict[str, Any]
    rollouts: list[Rollout] = field(default_factory=list)
    completed: Rollout | None = None
    shift: Shift | None = None
    deployments: list[Deployment] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    stopped: deque[Task] = field(default_factory=lambda: deque(maxlen=STOPPED_KEPT_MAX))
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MESSAGES_KEPT))
    settings: dict[str, Any] = field(default_factory=dict)
    serial: int = 0
    steady: bool = True
    crashes: int = 0
    retry_at: int = 0
    refusals: int = 0
    cut_off_s: float = 0.0
    definitions: Definitions | None = None

    @property
    def group(self) -> str:
        """How ECS groups its tasks."""
        return f"service:{self.place.service}"

    @property
    def primary(self) -> Rollout:
        """The rollout that tasks are started for."""
        return self.rollouts[-1]

    @property
    def deployment(self) -> Deployment | None:
        """The deployment under way."""
        newest = self.deployments[-1] if self.deployments else None
        return newest if newest is not None and newest.is_open else None

    @property
    def task_definition(self) -> str:
        """What the primary rollout runs: during a rollback, what it goes back to."""
        return self.primary.revision.task_definition

    @property
    def running(self) -> int:
        """Tasks whose last status is RUNNING."""
        return sum(task.running for task in self.tasks)

    @property
    def pending(self) -> int:
        """Tasks on their way to RUNNING."""
        return sum(task.starting for task in self.tasks)

    @property
    def serving(self) -> int:
        """Tasks that the load balancer sends requests to."""
        return sum(task.serving for task in self.tasks)

    @property
    def kept(self) -> tuple[Rollout, ...]:
        """The rollouts that tasks are kept for."""
        rollouts = (self.primary,) if self.shift is None else self.shift.kept
        return tuple(rollout for rollout in rollouts if rollout.state is not State.FAILED)

    def colours(self, serving: Sequence[Task]) -> list[tuple[float, Sequence[Task]]]:
        """Return which share of the requests goes to which of these tasks: all alike, or by colour."""
        if self.shift is None or self.place.spec.front == "none":
            return [(1.0, serving)]
        rollouts = (self.shift.blue, self.shift.green)
        return [
            (self.shift.weight(rollout) / ALL, [task for task in serving if task.rollout is rollout])
            for rollout in rollouts
            if rollout is not None and self.shift.weight(rollout)
        ]

    def carries(self, task: Task) -> bool:
        """Whether a task gets requests."""
        return task.serving and any(task in tasks for _, tasks in self.colours([task]))

    def number(self, purpose: str) -> str:
        """Return a 19-digit number of the kind that ECS names revisions and rollouts by."""
        self.serial += 1
        digits = int.from_bytes(fate.digest(self.place, purpose, self.serial), "big")
        return str(10**18 + digits % (9 * 10**18))

    def identity(self, purpose: str) -> str:
        """Return a new identifier of 32 hexadecimal digits."""
        self.serial += 1
        return fate.hexadecimal(32, self.place, purpose, self.serial)

    def say(self, at: int, text: str) -> None:
        """Add a line to the event list."""
        identity = fate.uuid(self.place, "message", at, text, len(self.messages))
        self.messages.appendleft(Message(identity, at, f"(service {self.place.service}) {text}"))

    def revise(self, task_definition: str, at: int) -> Revision:
        """Make a new revision of the service as it is set now."""
        arn = self.place.arn(
            "service-revision", self.place.cluster, self.place.service, self.number("revision")
        )
        image = self.definitions.image(task_definition) if self.definitions else ""
        return Revision(arn, task_definition, self.strategy, at, image)

    def roll_out(self, revision: Revision, at: int) -> Rollout:
        """Make a rollout the primary; those that still have tasks stay beside it."""
        rollout = Rollout(f"ecs-svc/{self.number('rollout')}", revision, at, at)
        held = {id(task.rollout) for task in self.tasks}
        self.rollouts = [r for r in self.rollouts if id(r) in held or r is self.completed] + [rollout]
        return rollout

    def deploy(self, task_definition: str, at: int) -> Deployment:
        """Begin a deployment; one that was under way is over."""
        if self.deployment is not None:
            self.deployment.move(Status.STOPPED, at, "Superseded by a newer service deployment.")
        held = {id(task.rollout) for task in self.tasks if not task.stopping}
        sources = tuple(dict.fromkeys(r.revision for r in self.rollouts if id(r) in held))
        rollout = self.roll_out(self.revise(task_definition, at), at)
        deployment = Deployment(
            arn=self.place.arn(
                "service-deployment", self.place.cluster, self.place.service, self.identity("d")[:21]
            ),
            sources=sources,
            fallback=self.completed,
            rollout=rollout,
            configuration=self.configuration,
            created_at=at,
            updated_at=at,
        )
        self.deployments.append(deployment)
        self.steady = False
        return deployment

    def complete(self, rollout: Rollout, at: int) -> None:
        """Note that a rollout stands; the others are gone, or on their way."""
        rollout.state, rollout.updated_at = State.COMPLETED, at
        rollout.reason = f"ECS deployment {rollout.id} completed."
        self.completed = rollout
        self.shift = None
        left = {id(task.rollout) for task in self.tasks if not task.stopping} - {id(rollout)}
        self.rollouts = [*(each for each in self.rollouts if id(each) in left), rollout]
