"""The commands that run something: the service, the demo, the simulated AWS, rehearsals."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fournines.cli import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_SCENARIO = "a shipped scenario's name, or a YAML file"


def _recorded(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that shape an estate's traffic by a recording."""
    for option in (
        click.option("--from", "start", type=opened.Moment(), help="The recorded moment that it starts at."),
        click.option("--scale", type=float, help="What recorded counts are multiplied by; 1 by default."),
        click.option(
            "--traffic", type=click.Path(path_type=Path), help="Recorded request counts: CSV timestamp,value."
        ),
    ):
        command = option(command)
    return command


@click.command(epilog="Example: fournines serve --config fournines.yaml")
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=Path("fournines.yaml"),
    show_default=True,
    help="The document that names all others.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["work", "tell", "pages"]),
    help="What this replica may do, where several share a store on PostgreSQL; all by default.",
)
@click.option("--verbose", is_flag=True, help="Log what each job does.")
def serve(file: Path, roles: tuple[str, ...], *, verbose: bool) -> None:
    """Run the service: jobs, event consumers and web page in one process, until SIGTERM."""
    from fournines import config, serving  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.store.leading import Role  # noqa: PLC0415

    _log_to_stderr(verbose=verbose)
    serving.serve(config.read(file), [role for role in Role if not roles or role in roles])


@click.command(
    epilog="Example: fournines simulate, then, with any credentials: "
    "aws --endpoint-url http://127.0.0.1:5000 --region eu-west-1 ecs list-clusters"
)
@click.option("--scenario", default="mylearning", show_default=True, help=_SCENARIO)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=5000,
    show_default=True,
    help="0 takes any that is free.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="How many times as fast as the wall it runs.",
)
@click.option(
    "--epoch",
    type=opened.Moment(),
    metavar="TIME",
    help="The real moment of its start; by default, when it is ready.",
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
    from fournines.rehearsal import recorded, scenarios  # noqa: PLC0415

    lived = scenarios.read(scenario, seed)
    sys.exit(serve_world(lived, port=port, speed=speed, epoch=epoch, recording=recorded.read(lived)))


@click.command(epilog="Example: fournines rehearse bad-deployment surge --seed 7")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--seed", type=int, help="Another service, time and severity.")
@_recorded
@click.option("--probes", "probed", is_flag=True, help="Check every service from outside too, every 10 s.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per scenario.")
def rehearse(  # noqa: PLR0913 - each is an option
    scenarios: tuple[str, ...],
    seed: int | None,
    traffic: Path | None,
    scale: float | None,
    start: datetime | None,
    *,
    probed: bool,
    as_json: bool,
) -> None:
    """Live through scenarios on a stepped clock; exit status 1 where fournines did wrong.

    A scenario is a YAML file, or one of those that come with it:

    \b
      bad-blue-green, bad-canary, bad-deployment, bad-month, crash-loop, dependency,
      image-gone, mylearning, no-way-back, out-of-memory, quiet-hour,
      redeployed, spot-shortage, stuck-at-hook, stuck-tasks, surge,
      target-also-bad, zone-outage
    """  # noqa: D301 - the mark by which click leaves lines as they are
    from fournines.rehearsal import recorded  # noqa: PLC0415
    from fournines.rehearsal import scenarios as shelf  # noqa: PLC0415
    from fournines.rehearsal.rehearse import rehearse as live  # noqa: PLC0415
    from fournines.rehearsal.score import passed, table, wide_console  # noqa: PLC0415

    _log_to_stderr(verbose=False)
    # What is wrong with any of them is told before the first one runs.
    chosen = [recorded.shaped(shelf.read(name, seed), traffic, scale, start) for name in scenarios]
    recordings = [recorded.read(scenario) for scenario in chosen]
    good, words = True, (lambda sentence: click.echo(sentence, err=True)) if as_json else click.echo
    for scenario, recording in zip(chosen, recordings, strict=True):
        for sentence in recorded.sentences(scenario, recording) if recording else ():
            words(sentence)
        unnoticed: list[str] = []
        summary = live(scenario, recording=recording, probed=probed, tell=unnoticed.append)
        good = good and passed(summary)
        if as_json:
            click.echo(json.dumps(summary))
        else:
            table(summary, wide_console())
        for sentence in unnoticed:
            words(sentence)
    sys.exit(0 if good else 1)


@click.command(epilog="Example: fournines demo --seed 7")
@click.option("--seed", type=int, help="Another service, time and severity.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True)
@click.option("--hold", is_flag=True, help="Keep the web page and /metrics up afterwards.")
@click.option("--observe", is_flag=True, help="Let every policy only observe: the judge must then say no.")
@click.option(
    "--kill", is_flag=True, help="Kill the service in the middle of a remediation, and start it again."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=1),
    help="How many times as fast as the wall it runs.  [default: as this machine keeps up with, at most 45]",
)
@_recorded
def demo(**options: Any) -> None:  # noqa: ANN401 - they are named above
    """Tell the whole story: a simulated estate, a fake Slack and the service, over real HTTP."""
    from fournines.demo.demo import Wish, play  # noqa: PLC0415

    sys.exit(0 if play(Wish(**options)) else 1)


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
