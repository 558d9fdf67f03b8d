"""The commands that run something: the service, the demo, the simulated AWS, rehearsals."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.recording import Recording
    from simulator.scenario import Scenario

_SCENARIO = "a shipped scenario's name, or a YAML file"


@click.command(epilog="Example: fournines serve --config fournines.yaml")
@click.option(
    "--config", "file", type=click.Path(path_type=Path), default=Path("fournines.yaml"), show_default=True
)
@click.option("--verbose", is_flag=True, help="Log what each job does.")
def serve(file: Path, *, verbose: bool) -> None:
    """Run the service: jobs, event consumers and web page in one process, until SIGTERM."""
    from fournines import config, serving  # noqa: PLC0415 - what is heavy waits until it is needed

    _log_to_stderr(verbose=verbose)
    serving.serve(config.read(file))


@click.command(
    epilog="Example: fournines simulate, then: aws --endpoint-url http://127.0.0.1:5000 ecs list-clusters"
)
@click.option("--scenario", default="mylearning", show_default=True, help=_SCENARIO)
@click.option("--port", default=5000, show_default=True, help="0 takes any that is free.")
@click.option("--speed", default=1.0, show_default=True, help="How many times as fast as the wall it runs.")
@click.option(
    "--epoch", type=click.DateTime(["%Y-%m-%dT%H:%M:%S.%f%z"]), help="The real moment of its start."
)
@click.option("--seed", type=int, help="Another service, time and severity.")
@click.option("--slack", "as_slack", is_flag=True, help="Run the fake Slack instead of the simulated AWS.")
@click.option(
    "--channel", "channels", multiple=True, default=("incidents",), help="A channel of the fake Slack."
)
def simulate(  # noqa: PLR0913 - each is an option
    scenario: str,
    port: int,
    speed: float,
    epoch: datetime | None,
    seed: int | None,
    *,
    as_slack: bool,
    channels: tuple[str, ...],
) -> None:
    """Run the simulated AWS alone: all regions on one port of this machine, for any AWS client."""
    from simulator.serve import serve_slack, serve_world  # noqa: PLC0415

    if as_slack:
        sys.exit(serve_slack(channels=channels, port=port))
    lived = scenario_of(scenario, seed)
    sys.exit(serve_world(lived, port=port, speed=speed, epoch=epoch, recording=recording_of(lived)))


@click.command(epilog="Example: fournines rehearse bad-deployment surge --seed 7")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--seed", type=int, help="Another service, time and severity.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per scenario.")
def rehearse(scenarios: tuple[str, ...], seed: int | None, *, as_json: bool) -> None:
    """Live through scenarios on a stepped clock; exit status 1 where fournines did wrong."""
    from fournines.rehearsal.rehearse import rehearse as live  # noqa: PLC0415
    from fournines.rehearsal.score import passed, table, wide_console  # noqa: PLC0415

    _log_to_stderr(verbose=False)
    good = True
    for name in scenarios:
        lived = scenario_of(name, seed)
        summary = live(lived, recording=recording_of(lived))
        good = good and passed(summary)
        if as_json:
            click.echo(json.dumps(summary))
        else:
            table(summary, wide_console())
    sys.exit(0 if good else 1)


@click.command(epilog="Example: fournines demo --seed 7")
@click.option("--seed", type=int, help="Another service, time and severity.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True)
@click.option("--hold", is_flag=True, help="Keep the web page and /metrics up afterwards.")
@click.option("--observe", is_flag=True, help="Let every policy only observe: the judge must then say no.")
@click.option(
    "--kill", is_flag=True, help="Kill the service in the middle of a remediation, and start it again."
)
@click.option("--speed", default=45.0, show_default=True, help="How many times as fast as the wall it runs.")
@click.option(
    "--traffic", type=click.Path(path_type=Path), help="Recorded request counts: CSV of timestamp,value."
)
@click.option(
    "--scale", type=float, default=1.0, show_default=True, help="What recorded counts are multiplied by."
)
@click.option("--from", "from_", help="The recorded moment that the story starts at, ISO 8601.")
def demo(**options: Any) -> None:  # noqa: ANN401 - they are named above
    """Tell the whole story: a simulated estate, a fake Slack and the service, over real HTTP."""
    from fournines.demo.demo import Wish, play  # noqa: PLC0415

    sys.exit(0 if play(Wish(**options)) else 1)


def scenario_of(name: str, seed: int | None) -> Scenario:
    """Return a shipped scenario, or the one in a file, under another seed if wanted."""
    from fournines.rehearsal import scenarios  # noqa: PLC0415

    scenario = scenarios.read(name)
    return scenario if seed is None else scenario.seeded(seed)


def recording_of(scenario: Scenario) -> Recording | None:
    """Return the recorded traffic that a scenario names."""
    from simulator.recording import RecordingError, parse  # noqa: PLC0415

    path = scenario.estate.traffic.csv
    if path is None:
        return None
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as problem:
        raise Trouble(f"the recorded traffic {path} cannot be read: {problem.strerror}") from None
    except RecordingError as problem:
        raise Trouble(str(problem)) from None


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
