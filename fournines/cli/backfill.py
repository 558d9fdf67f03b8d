"""Reading the past anew: by the running service, or here where none runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from fournines.cli import opened
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from fournines.cli.opened import Opened
    from fournines.store.backfills import Backfill as Asked

#: How often the running service is asked how far it is.
LOOK_EVERY_S = 2.0


@click.command(epilog="Example: fournines backfill --from 2026-11-01 --to 2026-11-20")
@click.option("--from", "start", type=opened.Moment(), required=True, help="The first minute, ISO 8601.")
@click.option("--to", "end", type=opened.Moment(), help="The minute after the last; now by default.")
@click.option("--region", "regions", multiple=True, help="Only this region; may be given several times.")
@opened.config_option
def backfill(start: datetime, end: datetime | None, regions: tuple[str, ...], file: Path) -> None:
    """Read past minutes anew: by the minute for 15 days, as sums of five minutes for 63.

    A running service does it beside its work, and goes on if this command is interrupted; where none runs it
    is done here.  What was measured by the minute is never replaced by coarser sums.
    """
    from collector.bundle import Area  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.store.place import StoreBusyError  # noqa: PLC0415
    from slo.cells import minute_of  # noqa: PLC0415

    config = opened.read(file)
    scopes = [Area(*scope) for scope in config.settings.aws.scopes if not regions or scope[1] in regions]
    if strangers := set(regions) - set(config.settings.aws.regions):
        raise Trouble(
            f"{', '.join(sorted(strangers))} is not watched: {', '.join(config.settings.aws.regions)} are"
        )
    now = config.settings.clock.clock().now()
    span = (minute_of(start), minute_of(min(end or now, now)))
    if span[0] >= span[1]:
        raise Trouble(f"--from {start:%Y-%m-%dT%H:%MZ} is not before --to, or lies in the future")
    try:
        with opened.own(file) as found:
            _here(found, found.books.ask_backfill(scopes, *span, now))
    except StoreBusyError:
        with opened.visit(file) as found:
            _watch(found, found.books.ask_backfill(scopes, *span, now))


def _here(found: Opened, numbers: Sequence[int]) -> None:
    """Do it ourselves, step by step."""
    from fournines import wire  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.jobs.backfill import Backfill  # noqa: PLC0415
    from fournines.known import Known  # noqa: PLC0415
    from fournines.serving import charter  # noqa: PLC0415

    settings, clock = found.config.settings, found.clock
    chart = charter(found.config)
    known = Known(found.books, chart.threshold_s, settings.collect.scheme)
    if not known.layout.bundles:
        raise Trouble("nothing was discovered yet: start `fournines serve` with the same config first")
    job = Backfill(wire.source(settings, clock.now), known, found.books, chart.indicators)

    def steps() -> Iterator[Sequence[Asked]]:
        while _open(found, numbers):
            if not job.advance(_open(found, numbers), clock.now()):
                time.sleep(LOOK_EVERY_S)
            yield _asked(found, numbers)

    _progress(steps(), _asked(found, numbers))


def _watch(found: Opened, numbers: Sequence[int]) -> None:
    """Look how far the running service is."""
    click.echo("The running service reads them beside its work; Ctrl-C leaves it to that.", err=True)

    def steps() -> Iterator[Sequence[Asked]]:
        while _open(found, numbers):
            time.sleep(LOOK_EVERY_S)
            yield _asked(found, numbers)

    _progress(steps(), _asked(found, numbers))


def _progress(steps: Iterator[Sequence[Asked]], first: Sequence[Asked]) -> None:
    whole = sum(one.end - one.start for one in first)
    with click.progressbar(length=whole, label="Reading") as bar:
        done = 0
        for now in steps:
            further = sum(min(one.position, one.end) - one.start for one in now)
            bar.update(further - done)
            done = further
    days, regions = whole / len(first) / 1440, "a region" if len(first) == 1 else f"{len(first)} regions"
    click.echo(f"{days:,.1f} days of {regions} were read anew.")


def _asked(found: Opened, numbers: Sequence[int]) -> list[Asked]:
    return [one for one in found.books.backfills() if one.number in numbers]


def _open(found: Opened, numbers: Sequence[int]) -> list[Asked]:
    return [one for one in _asked(found, numbers) if not one.done]
