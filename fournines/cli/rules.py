"""The command that writes rules for Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown, written
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@click.command(epilog="Example: fournines rules --out /etc/prometheus/rules")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="A folder.")
@opened.config_option
@opened.json_option
def rules(out: Path, file: Path, *, as_json: bool) -> None:
    """Write rules for Prometheus, Mimir or Amazon Managed Prometheus: a file for each objective.

    They record good and total, and alert by the tiers of fournines with its exact thresholds.
    """
    from slo import rulefile  # noqa: PLC0415 - what is heavy waits until it is needed
    from slo.rules import UNWRITTEN_COMPOSITE, unwritten  # noqa: PLC0415

    config = opened.read(file)
    texts = rulefile.files(config.objectives, file.name, config.settings.clock.clock().now())
    if foreign := [path for path in _there(out, texts) if not _ours(path)]:
        raise Trouble(f"{foreign[0]} was not written by `fournines rules`: move it, or name another --out")
    paths = written.files(out, {name: text.encode() for name, text in texts.items()})
    reasons = {one.name: why for one in config.objectives if (why := unwritten(one))}
    reasons |= dict.fromkeys((one.name for one in config.composites), UNWRITTEN_COMPOSITE)
    stale = [path for path in sorted(out.glob("*.yaml")) if path not in paths and _ours(path)]
    if as_json:
        files, left = [str(path) for path in paths], [str(path) for path in stale]
        shown.document({"files": files, "unwritten": reasons, "stale": left})
        return
    for path in paths:
        click.echo(str(path))
    for name, why in reasons.items():
        click.echo(f"{name} has no rules: {why}.")
    for path in stale:
        click.echo(f"{path} is of no objective any more: delete it, or it goes on alerting.")


def _there(out: Path, names: Iterable[str]) -> Iterator[Path]:
    yield from (out / name for name in names if (out / name).exists())


def _ours(path: Path) -> bool:
    """Return whether the file begins as ours do."""
    from slo.rulefile import MARK  # noqa: PLC0415 - what is heavy waits until it is needed

    try:
        with path.open("rb") as lines:
            return lines.read(len(MARK)) == MARK.encode()
    except OSError:  # a folder, or a file that nobody may read
        return False
