"""The simulated AWS put together: a world, its clock, its buses and its faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.aws.control import Control
from simulator.aws.eventbridge import EventBridge
from simulator.aws.face import AwsFace
from simulator.aws.neighbours import Neighbours
from simulator.aws.score import Score
from simulator.aws.stage import Stage, wall
from simulator.aws.topics import publish
from simulator.clock import FastClock
from simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from simulator.recording import Recording
    from simulator.scenario import Scenario


class Stand:
    """One scenario as AWS.  `app` answers HTTP; time passes between `stage.start()` and `stage.stop()`.

    At the real moment `epoch` (by default: once all stands) the world is at its start; it then runs
    `speed` times as fast as the wall.
    """

    def __init__(
        self,
        scenario: Scenario,
        recording: Recording | None = None,
        *,
        speed: float = 1.0,
        epoch: datetime | None = None,
        read_wall: Callable[[], datetime] = wall,
    ) -> None:
        self.world = World(scenario, recording)
        neighbours, bridge = Neighbours(self.world.estate), EventBridge()
        clock = FastClock(start=scenario.start, epoch=epoch or read_wall(), speed=speed)
        self.stage = Stage(self.world, clock, bridge.deliver, publish, read_wall)
        self.control = Control(self.stage, bridge, Score(self.stage, recording))
        self.app = AwsFace(self.stage, neighbours, self.control)

    def ended(self) -> str | None:
        """Say why there is nothing left to serve: the world failed, or somebody asked for an end (empty)."""
        if self.stage.failure:
            return self.stage.failure
        return "" if self.control.stop.is_set() else None
