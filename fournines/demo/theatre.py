"""The three processes on one stage: stood up, watched while the story runs, judged."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fournines.clock import real_now
from fournines.demo import stage
from fournines.demo.door import Unanswered, get, get_json, post_json
from fournines.demo.pace import Turns
from fournines.demo.process import Process
from fournines.demo.story import Story
from fournines.rehearsal.direct import CALLER
from fournines.rehearsal.rehearse import charter
from fournines.rehearsal.score import name_causes
from fournines.rehearsal.unnoticed import states, unnoticed
from fournines.store.books import Books
from fournines.trouble import Trouble
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from datetime import datetime

    from rich.console import Console

#: How long the simulated AWS and the service may take to stand up before the story begins, in real time: so
#: long, or so many times what the fake Slack took, if that is longer.
LEAD = timedelta(seconds=9)
LEAD_PER_START = 6
LOOK_EVERY_S = 0.5
#: After the end, what is on its way to Slack may still arrive.
LAST_WORDS_S = 3.0
#: Who plays, by the names of their logs.
PARTS = {"slack": "fake Slack", "aws": "simulated AWS", "service": "service"}
#: While the history is read there is no AWS yet: nobody listens at the discard port.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Play:
    """What is played, where its things lie, and how fast."""

    scenario: Scenario
    folder: Path
    speed: float

    @property
    def config(self) -> Path:
        """The service's configuration."""
        return self.folder / "fournines.yaml"


class Theatre:
    """The three processes, from before the curtain to after it; `stack` ends them whatever happens."""

    def __init__(self, play: Play, console: Console, stack: ExitStack) -> None:
        self._play, self._console, self._stack = play, console, stack
        self._aws = self._slack = self._web = ""
        self._cast: dict[str, Process] = {}

    def stand_up(self) -> None:
        """Start the simulated AWS and the fake Slack, put history and queues in place, start the service."""
        play, began = self._play, real_now()
        self._slack = self._start("slack", "simulate", "--slack", "--port", "0", "--channel", stage.CHANNEL)
        lead = max(LEAD, LEAD_PER_START * (real_now() - began))
        port = _free_port()
        self._configure(NOWHERE, {}, real_now(), port)
        _own(
            "import", str(play.folder / "history.csv"), "--label", "the world's history",
            "--config", str(play.config),
        )  # fmt: skip
        epoch = real_now() + lead
        self._aws = self._start(
            "aws", "simulate", "--port", "0", "--speed", str(play.speed), "--epoch", epoch.isoformat(),
            "--scenario", str(stage.write_scenario(play.scenario, play.folder)),
        )  # fmt: skip
        self._configure(self._aws, stage.listen_everywhere(play.scenario, self._aws), epoch, port)
        self._web = self._start("service", "serve", "--config", str(play.config))
        self._console.print(
            f"Simulated AWS {self._aws}, Slack {self._slack}, fournines {self._web}, "
            f"{play.speed:.0f} times as fast as the wall.\n",
            highlight=False,
        )

    def tell(self, *, kill: bool) -> None:
        """Tell what happens until the scenario is over; kill the service once, if that was wished for."""
        story = Story(self._console)
        while True:
            status = self._status()
            if status["failure"]:
                raise Trouble(status["failure"])
            story.hear(status["now"], status["faults"], self._journal())
            if kill and self._acted():
                kill = False
                story.note(status["now"], "the service is killed with SIGKILL in the middle of this")
                self._kill()
            if status["ended"]:
                break
            time.sleep(LOOK_EVERY_S)
        time.sleep(LAST_WORDS_S)
        story.hear(status["now"], status["faults"], self._journal())
        story.end()

    def judged(self) -> tuple[dict[str, Any], list[str]]:
        """Let the world judge, leave everything in the folder; return the summary and what is to be said."""
        folder = self._play.folder
        messages = get_json(f"{self._slack}/_slack/messages")["messages"]
        incidents = get_json(f"{self._web}/api/incidents")
        summary: dict[str, Any] = post_json(f"{self._aws}/_world/score", {"messages": messages})
        name_causes(summary, incidents)
        (folder / "slack.html").write_text(get(self._slack), encoding="utf-8")
        (folder / "aws-calls.jsonl").write_text(get(f"{self._aws}/_world/calls"), encoding="utf-8")
        (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        with Books.visit(str(folder / "fournines.db")) as books:
            books.export_journal(folder / "journal.jsonl")
            remarks = list(self._remarks(summary, books))
        self._papers()
        return summary, remarks

    def hold(self) -> None:
        """Keep everything up until Ctrl-C."""
        self._console.print(
            f"Holding: {self._web}, {self._web}/metrics and {self._slack} stay up until Ctrl-C.\n"
            "The world's clock has stopped, and that of fournines with it: they show how the story ended."
        )
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            self._console.print("Closing.")

    def _remarks(self, summary: dict[str, Any], books: Books) -> Iterator[str]:
        """Say whether the machine kept up, and what nobody could measure.

        Where traffic was replayed, say how far it went for budgets.
        """
        strained = Turns.told(get(f"{self._web}/metrics")).remark(self._play.speed)
        if strained is not None:
            yield strained
        scenario = self._play.scenario
        objectives = charter(scenario).objectives
        yield from unnoticed(summary, books, objectives)
        if scenario.estate.traffic.csv is not None:
            count = states(books, objectives, scenario.end)
            said = ", ".join(f"{state} {number}" for state, number in sorted(count.items()))
            yield f"Budgets at the end, as `fournines budget --config {self._play.config}` has them: {said}."

    def _papers(self) -> None:
        """Write the month's statement and the dashboards, by the commands that users have."""
        folder, scenario = self._play.folder, self._play.scenario
        _own("dashboards", "--out", str(folder / "dashboards"))
        _own(
            "report", "--config", str(self._play.config), "--month", f"{scenario.start:%Y-%m}",
            "--tenant", stage.star(scenario).name, "--out", str(folder / "statement"),
        )  # fmt: skip

    def _status(self) -> dict[str, Any]:
        """Return where the world stands.  Raises Trouble if one of the three has ended by itself."""
        try:
            status: dict[str, Any] = get_json(f"{self._aws}/_world/status")
        except Unanswered:
            time.sleep(LOOK_EVERY_S)  # if it is dying, it is dead by then
            self._must_live()
            raise
        self._must_live()
        return status

    def _must_live(self) -> None:
        for process in self._cast.values():
            process.must_live()

    def _journal(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in get(f"{self._web}/api/journal").splitlines()]
        except Unanswered:
            return []  # too busy to answer this time; whether it lives is asked elsewhere

    def _acted(self) -> bool:
        calls = get(f"{self._aws}/_world/calls").splitlines()
        return any(json.loads(line)["caller"] == CALLER for line in calls)

    def _kill(self) -> None:
        self._cast["service"].kill()
        self._cast["service"].start()

    def _configure(self, aws: str, queues: dict[str, str], epoch: datetime, port: int) -> None:
        play = self._play
        addresses = stage.Addresses(aws, self._slack, play.scenario.start, epoch, play.speed)
        stage.write_config(play.scenario, play.folder, addresses, queues, port)

    def _start(self, name: str, *arguments: str) -> str:
        """Start a process and return its address."""
        process = self._cast[name] = Process(PARTS[name], arguments, self._play.folder / f"{name}.log")
        self._stack.callback(process.stop)
        return f"http://127.0.0.1:{process.start()['port']}"


def _own(*arguments: str) -> None:
    """Run one of our own commands to its end."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "fournines.cli", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Trouble(f"`fournines {arguments[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
