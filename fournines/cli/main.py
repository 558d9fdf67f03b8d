"""The table of commands.  Nothing heavy is imported before a command is known: `--help` answers at once."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Spot(NamedTuple):
    """Where a command lives, and what it does in a sentence."""

    module: str
    name: str
    does: str


COMMANDS: Mapping[str, Spot] = {
    "demo": Spot("run", "demo", "Tell the whole story on a simulated estate: no AWS, no account."),
    "serve": Spot("run", "serve", "Run the service: jobs, event consumers and web page in one process."),
    "simulate": Spot("run", "simulate", "Run the simulated AWS alone, for any AWS client."),
    "rehearse": Spot(
        "run", "rehearse", "Live through scenarios on a stepped clock, and score what was done."
    ),
    "validate": Spot("ask", "validate", "Check documents: every error with its file and line."),
    "budget": Spot("ask", "budget", "Print every objective: SLI, budget left, burn, coverage, forecast."),
    "gate": Spot("gate", "gate", "Say whether a service may be deployed now: exit status 0, 1 or 2."),
    "incidents": Spot("ask", "incidents", "List what happened."),
    "explain": Spot("ask", "explain", "Say why something was done or not: each guard, with its numbers."),
    "events": Spot("ask", "events", "Read raw AWS events."),
    "approve": Spot("answer", "approve", "Answer yes to a proposed action."),
    "hold": Spot("answer", "hold", "Answer no to a proposed action."),
    "pause": Spot("answer", "pause", "Pull the kill switch: no action until `resume`."),
    "resume": Spot("answer", "resume", "Release the kill switch."),
    "import": Spot("make", "import_", "Read history from a CSV of cells."),
    "export": Spot("make", "export", "Write history as a CSV of cells."),
    "backfill": Spot("backfill", "backfill", "Read past minutes anew from CloudWatch."),
    "report": Spot("make", "report", "Write a tenant's SLA statement of a month."),
    "dashboards": Spot("make", "dashboards", "Write the Grafana pages and their provisioning."),
    "rules": Spot("rules", "rules", "Write rules for Prometheus: good and total, one alert for each tier."),
    "runbook": Spot("runbook", "runbook", "List, show and check runbooks."),
    "cost": Spot("cost", "cost", "Print what collecting will cost a month, before it is spent."),
    "doctor": Spot("doctor", "doctor", "Say what is wrong with the installation, and the fix of each."),
    "aws": Spot("aws", "aws", "Print what AWS needs: CloudFormation, and the least permissions."),
}


class Table(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        del ctx
        spot = COMMANDS.get(cmd_name)
        if spot is None:
            return None
        command = getattr(importlib.import_module(f"fournines.cli.{spot.module}"), spot.name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, spot.does) for name, spot in COMMANDS.items()])


@click.group(cls=Table, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="fournines")
def cli() -> None:
    """Keep a 99.99 % promise for services on Amazon ECS.

    \b
    Try it without AWS:      fournines demo
    Point it at AWS:         fournines serve --config fournines.yaml
    Ask what it would do:    fournines rehearse bad-deployment
    """  # noqa: D301 - click wants the control character itself


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.  What the user can mend is one sentence; only our own mistakes show a traceback."""
    try:
        cli.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except click.exceptions.Exit as left:
        sys.exit(left.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except Trouble as trouble:
        click.echo(str(trouble), err=True)
        sys.exit(1)
    except BrokenPipeError:  # whoever read the output has left: nothing is to be flushed to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
