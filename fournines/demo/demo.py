"""The demo: three processes, one story, and the world's own judgement at the end."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fournines.cli.run import recording_of, scenario_of
from fournines.clock import real_now
from fournines.demo import stage
from fournines.demo.door import get, get_json, post_json
from fournines.demo.process import Process
from fournines.demo.story import Story
from fournines.rehearsal.direct import CALLER
from fournines.rehearsal.score import name_causes, passed, table, wide_console
from fournines.store.books import Books
from fournines.trouble import Trouble
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from rich.console import Console

#: How long the processes may take to stand up before the story begins, in real time.
LEAD = timedelta(seconds=9)
LOOK_EVERY_S = 0.5
#: Marks a folder as a demo's, so that the next one may empty it.
MARK = ".fournines-demo"
#: After the end, what is on its way to Slack may still arrive.
LAST_WORDS_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line."""

    out: Path
    seed: int | None = None
    hold: bool = False
    observe: bool = False
    kill: bool = False
    speed: float = 45.0
    traffic: Path | None = None
    scale: float = 1.0
    from_: str | None = None


def play(wish: Wish) -> bool:
    """Play the story; return whether each fault got the right answer."""
    console = wide_console()
    scenario = _scenario(wish)
    folder = _clean(wish.out)
    recording = recording_of(scenario)
    console.print(f"[bold]fournines[/] keeps a promise of 99.99 % on {_estate(scenario)}.")
    if recording is not None:
        _report(console, scenario, recording)
    stage.write_promises(scenario, folder, observe=wish.observe)
    stage.write_history(scenario, folder, recording)
    with ExitStack() as stack:
        theatre = Theatre(scenario, folder, wish, console, stack)
        theatre.stand_up()
        theatre.tell()
        summary = theatre.close()
    table(summary, console)
    console.print(f"Everything that it left is in {folder}.")
    return passed(summary)


class Theatre:
    """The three processes, from before the curtain to after it."""

    def __init__(
        self, scenario: Scenario, folder: Path, wish: Wish, console: Console, stack: ExitStack
    ) -> None:
        self._scenario, self._folder, self._wish = scenario, folder, wish
        self._console, self._stack = console, stack
        self._aws = self._slack = self._web = ""
        self._service: Process | None = None

    def stand_up(self) -> None:
        """Start the simulated AWS and the fake Slack, put history and queues in place, start the service."""
        scenario, folder = self._scenario, self._folder
        slack = self._process("slack", "simulate", "--slack", "--port", "0", "--channel", stage.CHANNEL)
        self._slack = f"http://127.0.0.1:{slack['port']}"
        port = _free_port()
        epoch = real_now()  # the history ends where the story begins
        addresses = stage.Addresses(
            "http://127.0.0.1:9", self._slack, scenario.start, epoch, self._wish.speed
        )
        config = stage.write_config(scenario, folder, addresses, {}, port)
        self._own(
            "import", str(folder / "history.csv"), "--label", "the world's history", "--config", str(config)
        )
        epoch = real_now() + LEAD
        world = self._process(
            "aws", "simulate", "--port", "0", "--speed", str(self._wish.speed), "--epoch", epoch.isoformat(),
            "--scenario", str(stage.write_scenario(scenario, folder)),
        )  # fmt: skip
        self._aws = f"http://127.0.0.1:{world['port']}"
        addresses = stage.Addresses(self._aws, self._slack, scenario.start, epoch, self._wish.speed)
        queues = stage.listen_everywhere(scenario, self._aws)
        stage.write_config(scenario, folder, addresses, queues, port)
        self._service = Process("service", ("serve", "--config", str(config)), folder / "service.log")
        self._stack.callback(self._service.stop)
        self._service.start()
        self._web = f"http://127.0.0.1:{port}"
        self._console.print(f"Simulated AWS {self._aws}, Slack {self._slack}, fournines {self._web}\n")

    def tell(self) -> None:
        """Tell what happens until the scenario is over; kill the service once, if that was wished for."""
        story, killed = Story(self._console), not self._wish.kill
        while True:
            status = get_json(f"{self._aws}/_world/status")
            if status["failure"]:
                raise Trouble(status["failure"])
            story.hear(status["now"], status["faults"], self._journal())
            if not killed and self._acted():
                killed = True
                self._kill()
            if status["ended"]:
                break
            time.sleep(LOOK_EVERY_S)
        time.sleep(LAST_WORDS_S)
        story.hear(status["now"], status["faults"], self._journal())

    def close(self) -> dict[str, Any]:
        """Let the world judge, hold if wished, and leave everything in the folder."""
        messages = get_json(f"{self._slack}/_slack/messages")["messages"]
        incidents = get_json(f"{self._web}/api/incidents")
        summary: dict[str, Any] = post_json(f"{self._aws}/_world/score", {"messages": messages})
        name_causes(summary, incidents)
        (self._folder / "slack.html").write_text(get(self._slack), encoding="utf-8")
        (self._folder / "aws-calls.jsonl").write_text(get(f"{self._aws}/_world/calls"), encoding="utf-8")
        (self._folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        if self._wish.hold:
            self._hold()
        assert self._service is not None
        self._service.stop()
        with Books.visit(str(self._folder / "fournines.db")) as books:
            books.export_journal(self._folder / "journal.jsonl")
        self._papers()
        return summary

    def _papers(self) -> None:
        """Write the month's statement and the dashboards, by the commands that users have."""
        folder, month = self._folder, f"{self._scenario.start:%Y-%m}"
        config = str(folder / "fournines.yaml")
        tenant = stage.star(self._scenario).name
        self._own("dashboards", "--out", str(folder / "dashboards"))
        self._own(
            "report",
            "--config",
            config,
            "--month",
            month,
            "--tenant",
            tenant,
            "--out",
            str(folder / "statement"),
        )

    def _journal(self) -> list[dict[str, Any]]:
        try:
            return [json.loads(line) for line in get(f"{self._web}/api/journal").splitlines()]
        except OSError:
            return []  # it was killed, or is starting

    def _acted(self) -> bool:
        calls = get(f"{self._aws}/_world/calls").splitlines()
        return any(json.loads(line)["caller"] == CALLER for line in calls)

    def _kill(self) -> None:
        assert self._service is not None
        self._console.print(
            "[bold red]The service is killed with SIGKILL in the middle of this, and started again.[/]"
        )
        self._service.kill()
        self._service.start()

    def _hold(self) -> None:
        self._console.print(
            f"Holding: {self._web}, {self._web}/metrics and {self._slack} stay up until Ctrl-C."
        )
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            self._console.print("Closing.")

    def _process(self, name: str, *arguments: str) -> dict[str, Any]:
        process = Process(name, arguments, self._folder / f"{name}.log")
        self._stack.callback(process.stop)
        return process.start()

    def _own(self, *arguments: str) -> None:
        """Run one of our own commands to its end."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "fournines.cli", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Trouble(f"`fournines {arguments[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")


def _scenario(wish: Wish) -> Scenario:
    scenario = scenario_of("mylearning", wish.seed)
    if wish.traffic is None:
        return scenario
    document = scenario.model_dump(by_alias=True)
    document["estate"]["traffic"] = {"csv": wish.traffic.absolute(), "scale": wish.scale, "from": wish.from_}
    return Scenario.model_validate(document)


def _report(console: Console, scenario: Scenario, recording: Any) -> None:  # noqa: ANN401 - simulator.recording.Recording
    """Say what of the recorded traffic is used, and what it lacks."""
    traffic = scenario.estate.traffic
    begin = int(recording.starts[0]) if traffic.from_ is None else int(traffic.from_.timestamp()) // 60
    minutes = int(scenario.duration.total_seconds()) // 60
    told = recording.report(begin, begin + minutes, traffic.scale)
    console.print(
        f"Traffic as recorded in {traffic.csv}: {told['rows_used']} rows of {told['minutes_per_row']} min, "
        f"{told['requests_recorded']:,.0f} requests, times {told['scale']:g}; "
        f"{told['minutes_missing']} of {told['minutes']} min are missing and stay so."
    )


def _estate(scenario: Scenario) -> str:
    estate = scenario.estate
    return f"{len(estate.services)} services in {len(estate.regions)} regions"


def _clean(folder: Path) -> Path:
    """Return an empty folder: what an earlier demo left is gone, what anybody else left is refused."""
    try:
        if (folder / MARK).exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Trouble(f"{folder} holds something that is no demo's: name another folder with --out")
        (folder / MARK).touch()
    except OSError as problem:
        raise Trouble(f"{folder} cannot be made: {problem.strerror}; name another with --out") from None
    return folder


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
