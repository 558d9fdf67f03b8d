"""The demo: three processes, one story, and the world's own judgement at the end."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fournines.demo import pace, stage
from fournines.demo.folder import taken
from fournines.demo.theatre import Play, Theatre
from fournines.rehearsal import recorded, scenarios
from fournines.rehearsal.score import passed, table, wide_console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SCENARIO = "mylearning"
#: What a shell returns for a command that SIGTERM ended.
TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line."""

    out: Path
    seed: int | None = None
    hold: bool = False
    observe: bool = False
    kill: bool = False
    speed: float | None = None
    traffic: Path | None = None
    scale: float | None = None
    start: datetime | None = None


def play(wish: Wish) -> bool:
    """Play the story; return whether each fault got the right answer."""
    console = wide_console()
    scenario = recorded.shaped(scenarios.read(SCENARIO, wish.seed), wish.traffic, wish.scale, wish.start)
    recording = recorded.read(scenario)
    estate = scenario.estate
    with leaving_on_sigterm(), taken(wish.out) as folder, ExitStack() as stack:
        console.print(
            f"[bold]fournines[/] keeps a promise of 99.99 % on {len(estate.services)} services "
            f"in {len(estate.regions)} regions."
        )
        for sentence in recorded.sentences(scenario, recording) if recording else ():
            console.print(sentence, highlight=False)
        stage.write_promises(scenario, folder, observe=wish.observe)
        stage.write_history(scenario, folder, recording)
        speed = wish.speed or pace.affordable(scenario, recording)
        theatre = Theatre(Play(scenario, folder, speed), console, stack)
        theatre.stand_up()
        theatre.tell(kill=wish.kill)
        summary, remarks = theatre.judged()
        table(summary, console)
        for remark in remarks:
            console.print(remark, highlight=False)
        console.print(f"Everything that it left is in {folder}.")
        if wish.hold:
            theatre.hold()
    return passed(summary)


@contextmanager
def leaving_on_sigterm() -> Iterator[None]:
    """End on SIGTERM as on an error, so that no process is left behind; afterwards it means what it meant."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(TERMINATED)
