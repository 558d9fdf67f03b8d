"""What is wrong with the installation: each line says how something is, and what mends it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown

if TYPE_CHECKING:
    from pathlib import Path

    from fournines.config import Config
    from fournines.doctor.finding import Finding

COLUMNS = ("Where", "State", "Found", "What mends it")


@click.command(epilog="Example: fournines doctor --config fournines.yaml --no-slack")
@click.option("--no-slack", is_flag=True, help="Ask Slack nothing, and post no test message.")
@opened.config_option
@opened.json_option
def doctor(file: Path, *, no_slack: bool, as_json: bool) -> None:
    """Say what is wrong with credentials, permissions, queues, Slack, store, clock and heartbeat.

    It runs beside the service, and changes nothing but a message in Slack, which it takes away again.
    """
    from fournines import wire  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.doctor.examine import examine  # noqa: PLC0415
    from fournines.doctor.finding import Mark  # noqa: PLC0415

    config, missing = _read(file)
    settings, clock = config.settings, config.settings.clock.clock()
    chat = None if no_slack else wire.slack(settings)
    found = [*missing, *examine(config, wire.checkup(settings, clock.now), chat, clock.now())]
    well = all(one.mark is not Mark.WRONG for one in found)
    if as_json:
        shown.document({"ok": well, "findings": found})
    else:
        shown.table(COLUMNS, [(one.area, one.mark, one.what, one.fix) for one in found])
    sys.exit(0 if well else 1)


def _read(file: Path) -> tuple[Config, list[Finding]]:
    """Read the configuration; a secret that is not here is a finding, all other faults are told as ever."""
    from fournines import config as configuration  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.doctor.finding import wrong  # noqa: PLC0415
    from fournines.documents import DocumentError  # noqa: PLC0415

    read = opened.read(file)
    try:
        return configuration.read(file), []
    except DocumentError as error:
        fix = "set it here as where the service runs, or look from there"
        return read, [wrong("documents", str(fault), fix) for fault in error.faults]
