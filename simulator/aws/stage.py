"""One world, its fast clock and its lock: moved on by one thread, asked by many."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from simulator.calls import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.aws.authorization import Caller
    from simulator.bus import Delivery
    from simulator.clock import FastClock
    from simulator.cloudwatch.notice import Notice
    from simulator.world import World

LOG = logging.getLogger(__name__)
#: How often the world is moved on, in real time: short against what a person or a poller would notice.
STEP_S = 0.15


class Stage:
    """Lets one world be shared.

    The world is moved on and asked under one lock; events and notices leave for their targets outside
    of it, in the order in which the world told them.
    """

    def __init__(
        self,
        world: World,
        clock: FastClock,
        deliver: Callable[[Delivery], None],
        notify: Callable[[Notice], None],
        read_wall: Callable[[], datetime],
    ) -> None:
        self.world = world
        self.clock = clock
        self.failure: str | None = None
        self._deliver, self._notify = deliver, notify
        self._wall = read_wall
        self._lock = Lock()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="world", daemon=True)

    @property
    def now(self) -> datetime:
        """The time in the world, as far as it was moved on."""
        return self.world.now

    @property
    def behind_s(self) -> float:
        """How many simulated seconds the world lags behind its clock: much, if this machine is too slow."""
        due = min(self.clock.at(self._wall()), self.world.scenario.end)
        return max(0.0, (due - self.world.now).total_seconds())

    @property
    def ended(self) -> bool:
        """Whether the scenario is over; the world then stands still and can still be asked."""
        return self.world.now >= self.world.scenario.end

    def start(self) -> None:
        """Let time pass in the world."""
        self._thread.start()

    def stop(self) -> None:
        """Let time stand still for good."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self) -> None:
        """Move the world on to what its clock shows now and send off what its buses were told."""
        now = min(self.clock.at(self._wall()), self.world.scenario.end)
        with self._lock:
            deliveries = self.world.step(max(now, self.world.now))
            notices = self.world.notices()
        for delivery in deliveries:
            self._deliver(delivery)
        for notice in notices:
            self._notify(notice)

    def call(self, api: str, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Ask one of the world's services by its name; raise `Refusal` if it says no."""
        where = {"region": caller.region, "account": caller.account, "caller": caller.name}
        with self._lock:
            return self._answers[api](operation, params, **where)

    @property
    def _answers(self) -> Mapping[str, Callable[..., dict[str, Any]]]:
        world = self.world
        return {
            "ecs": world.ecs.call,
            "cloudwatch": partial(world.cloudwatch.call, now=world.now),
            **{api: partial(world.materials.call, api) for api in ("ecr", "secretsmanager", "ssm")},
            "resourcegroupstaggingapi": world.tagging.call,
            "arc-zonal-shift": world.shifting.call,
            "ec2": world.network.call,
            "application-autoscaling": world.scaling.call,
        }

    def note(self, api: str, operation: str, params: Mapping[str, Any], caller: Caller, outcome: str) -> None:
        """Write down a call that was answered elsewhere and changed something there, or tried to."""
        with self._lock:
            who = (caller.name, caller.account, caller.region)
            self.world.calls.append(Call(self.world.now, *who, api, operation, params, outcome))

    def calls(self) -> list[Call]:
        """Return every call so far that changed the world or tried to."""
        with self._lock:
            return list(self.world.calls)

    def locked(self, ask: Callable[[World], Any]) -> Any:  # noqa: ANN401 - whatever is asked of the world
        """Ask the world something else while it stands still."""
        with self._lock:
            return ask(self.world)

    def _run(self) -> None:
        while not self._stopped.wait(STEP_S):
            try:
                self.step()
            except Exception as error:
                self.failure = f"the world stopped at {self.world.now:%H:%M:%S}: {error!r}"
                LOG.debug("the world stopped", exc_info=True)
                return


def wall() -> datetime:
    """Return the real time."""
    return datetime.now(UTC)  # noqa: TID251 - the world's fast clock is driven by the wall's
