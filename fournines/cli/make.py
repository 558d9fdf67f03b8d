"""The commands that bring history in and out, and write statements and dashboards."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import datetime  # noqa: TC003 - click gives it
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown, written
from fournines.paper.formats import CONTENT_TYPES, rendered
from fournines.trouble import Trouble
from slo import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from fournines.cli.opened import Opened
    from fournines.issuing import Issue
    from slo.cells import Block
    from slo.contracts import Contract
    from slo.exchange import Reading, Rejection
    from slo.months import Month
    from slo.statement import Statement

#: So many rejected lines are shown; what is wrong with a file is seldom wrong in one line only.
REJECTIONS_SHOWN = 20


@click.command("import", epilog="Example: fournines import october.csv --label 'from Datadog'")
@click.argument("cells", type=click.Path(path_type=Path), metavar="CELLS.csv")
@click.option("--label", help="Where the cells are from; without it, the file's name.")
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where every row that cannot be taken is written, with its line and the reason.",
)
@opened.config_option
@opened.json_option
def import_(cells: Path, label: str | None, rejected: Path | None, file: Path, *, as_json: bool) -> None:
    """Read history from a CSV of cells, all of it or nothing; stop `serve` first.

    What fournines measured itself stays as it is.  The columns are minute (its start in UTC), account,
    region, cluster, service, indicator, good, bad, total, state; counts are empty where a minute is unknown.
    """
    with opened.own(file) as found:
        now = found.clock.now()
        reading = _read(cells, now)
        if reading.rejections:
            if rejected is not None:
                written.lines(rejected, _report(cells, reading.rejections))
            raise Trouble(_rejected(cells, reading, rejected))
        if not reading.rows:
            raise Trouble(f"{cells} holds no cells below its header")
        with _progress("Keeping", sum(len(block.minutes) for block in reading.blocks)) as step:
            done = found.books.import_cells(_stepped(reading.blocks, step), label or cells.name, now)
        notes = tuple(_unwatched(reading, found.config.settings.aws.regions))
    if as_json:
        shown.document(shown.plain(done) | {"notes": notes})
        return
    click.echo(
        f"{done.cells:,} cells were taken from {reading.rows:,} rows, {done.first:%Y-%m-%d %H:%M} to "
        f"{done.last:%Y-%m-%d %H:%M} UTC, labelled {done.label!r}."
    )
    if unknown := reading.rows - done.cells - done.kept:
        click.echo(f"{unknown:,} rows say that nothing is known, which changes nothing.")
    if done.kept:
        click.echo(f"{done.kept:,} cells stay as fournines measured them itself.")
    for note in notes:
        click.echo(f"note: {note}")


def _unwatched(reading: Reading, watched: Collection[str]) -> Iterator[str]:
    """Say of which regions rows were taken that nobody watches: most often a slip of the pen."""
    found = {region: rows for region, rows in sorted(reading.regions.items()) if region not in watched}
    if found:
        told = ", ".join(f"{figures.several(rows, 'row')} of {region}" for region, rows in found.items())
        yield f"{told}: none of the regions that are watched, {', '.join(watched)}"


def _read(cells: Path, now: datetime) -> Reading:
    from slo import exchange  # noqa: PLC0415 - what is heavy waits until it is needed

    try:
        with (
            cells.open(encoding="utf-8", newline="") as lines,
            _progress("Reading", cells.stat().st_size) as step,
        ):
            return exchange.read(_counted(lines, step), now=now)
    except UnicodeDecodeError as problem:
        raise Trouble(f"{cells} cannot be read: not UTF-8 text, {problem.reason}") from None
    except OSError as problem:
        raise Trouble(f"{cells} cannot be read: {problem.strerror}") from None


def _counted(lines: Iterable[str], step: Callable[[int], None]) -> Iterator[str]:
    for line in lines:
        step(len(line))
        yield line


def _rejected(cells: Path, reading: Reading, report: Path | None) -> str:
    """Return the first rejected lines, how often each reason holds, and what that means."""
    count, reasons = len(reading.rejections), Counter(one.reason for one in reading.rejections)
    told = [f"{cells}:{one.line}: {one.reason}, {one.found}" for one in reading.rejections[:REJECTIONS_SHOWN]]
    if count > REJECTIONS_SHOWN:
        told.append(f"and {count - REJECTIONS_SHOWN:,} more")
    if count > 1:
        told += [f"{number:,} x {reason}" for reason, number in reasons.most_common()]
    if reading.rows:
        told.append(f"{count:,} of {reading.rows:,} rows cannot be taken, so nothing was imported")
    return "\n".join([*told, *([] if report is None else [f"each of them is in {report}"])])


def _report(cells: Path, rejections: Sequence[Rejection]) -> Iterator[str]:
    """Yield a CSV of what was rejected: its line, the reason, and the row as it stands in the file."""
    reasons = {one.line: one.reason for one in rejections}
    yield _row("line", "reason", "row")
    with cells.open(encoding="utf-8", newline="") as lines:
        for number, line in enumerate(lines, 1):
            if number in reasons:
                yield _row(number, reasons[number], line.rstrip("\r\n"))


def _row(*values: object) -> str:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerow(values)
    return made.getvalue()


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on the standard error while something long is done, in a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(task, amount)


@click.command(epilog="Example: fournines export --from 2026-11-01 --to 2026-12-01 --out november.csv")
@click.option("--from", "start", type=opened.Moment(), help="The first minute, ISO 8601; without it, all.")
@click.option("--to", "end", type=opened.Moment(), help="The minute after the last; without it, all.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; without it, printed.")
@opened.config_option
def export(start: datetime | None, end: datetime | None, out: Path | None, file: Path) -> None:
    """Write history as a CSV of cells, as `import` reads it; unknown minutes say so."""
    from slo import exchange  # noqa: PLC0415 - what is heavy waits until it is needed
    from slo.cells import minute_of  # noqa: PLC0415

    with opened.visit(file) as found:
        kept = found.books.extent()
        first = kept.start if start is None else max(kept.start, minute_of(start))
        last = kept.stop if end is None else min(kept.stop, minute_of(end))
        span = range(first, max(first, last))
        if not span:
            raise Trouble(_nothing_kept(kept))
        with _progress("Writing", len(span)) as step:
            lines = exchange.write(_stepped(found.books.blocks(span), step))
            if out is None:
                sys.stdout.writelines(lines)
            else:
                count = written.lines(out, lines)
    if out is not None:
        click.echo(f"{count - 1:,} cells were written to {out}.")


def _nothing_kept(kept: range) -> str:
    from slo.cells import moment_of  # noqa: PLC0415 - what is heavy waits until it is needed

    if not kept:
        return "no minute is kept yet: run `fournines serve`, or bring history in with `fournines import`"
    return (
        f"nothing is kept of that time: there are minutes from {moment_of(kept.start):%Y-%m-%dT%H:%MZ} "
        f"to {moment_of(kept.stop):%Y-%m-%dT%H:%MZ}"
    )


def _stepped(blocks: Iterable[Block], step: Callable[[int], None]) -> Iterator[Block]:
    for block in blocks:
        yield block
        step(len(block.minutes))


@click.command(
    epilog="Example: fournines report --month 2026-10 --tenant acme --format pdf,csv --out statements"
)
@click.option("--month", required=True, metavar="YYYY-MM", help="In the contract's time zone.")
@click.option("--tenant", required=True, help="As a contract names it.")
@click.option("--format", "formats", default="html,pdf,csv,json", show_default=True, help="Which files.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="A folder.")
@click.option("--restate", is_flag=True, help="Close the month again; what has changed is a new revision.")
@opened.config_option
@opened.json_option
def report(  # noqa: PLR0913 - each is an option
    month: str, tenant: str, formats: str, out: Path, file: Path, *, restate: bool, as_json: bool
) -> None:
    """Write a tenant's SLA statement of a month.

    Once the month is over it is issued: kept in the store as a revision, which is what is written from then
    on.  Before, it says what holds so far.
    """
    from fournines import issuing  # noqa: PLC0415 - what is heavy waits until it is needed

    wanted = _formats(formats)
    with opened.visit(file) as found:
        now = found.clock.now()
        contracts = _contracts(found.config.contracts, tenant)
        period = _month(month, contracts[0], now)
        issued = []
        for contract in _held(contracts, period, tenant):
            before = issuing.latest(found.books, contract.id, str(period))
            one = before if before and not restate else _closed(found, contract, period, now, restate=restate)
            issued.append((one, _standing(one, before, restate=restate)))
    made = []
    for one, standing in issued:
        stem = f"{tenant if len(issued) == 1 else one.statement.contract}-{month}"
        texts = {f"{stem}.{kind}": text for kind, text in rendered(one.statement, wanted).items()}
        made.append((one, standing, written.files(out, texts)))
    if as_json:
        shown.document([_told(one, files) for one, _, files in made])
        return
    for one, standing, files in made:
        click.echo(one.statement.sentence)
        click.echo(standing)
        for path in files:
            click.echo(str(path))


def _standing(issue: Issue, before: Issue | None, *, restate: bool) -> str:
    """Say whether it was issued just now, before, or not at all."""
    from slo.statement import Verdict  # noqa: PLC0415 - what is heavy waits until it is needed

    statement, revision = issue.statement, issue.revision
    if revision is None and statement.verdict is Verdict.NOT_FINAL:
        return "Not issued: the month is not over."
    if revision is None:
        return (
            "Not issued: no minute of the month is known.  Bring history in with `fournines import`; with "
            "--restate it is issued all the same."
        )
    if before is None or before.revision != revision:
        return f"Issued as revision {revision}."
    when = f"{statement.issued_at:%Y-%m-%d %H:%M} UTC"
    if restate:
        return f"Nothing has changed: revision {revision} stays as it was issued {when}."
    return f"Revision {revision} as it was issued {when}; --restate closes the month again."


def _formats(asked: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(part.strip() for part in asked.split(",")))
    strange = [name for name in wanted if name not in CONTENT_TYPES]
    if strange:
        known = ", ".join(CONTENT_TYPES)
        raise Trouble(f"--format takes {known}, parted by commas, got {', '.join(strange)!r}")
    return wanted


def _contracts(contracts: Iterable[Contract], tenant: str) -> list[Contract]:
    known = list(contracts)
    own = [contract for contract in known if contract.tenant == tenant]
    if not own:
        names = ", ".join(dict.fromkeys(contract.tenant for contract in known))
        raise Trouble(f"no contract is with a tenant {tenant!r}: the configuration knows {names or 'none'}")
    return own


def _held(contracts: Iterable[Contract], month: Month, tenant: str) -> list[Contract]:
    """Return the contracts that hold for the month."""
    holding = [contract for contract in contracts if contract.holds(month)]
    if not holding:
        raise Trouble(f"no contract with {tenant} holds for {month}: see its valid_from and valid_until")
    return holding


def _closed(found: Opened, contract: Contract, month: Month, now: datetime, *, restate: bool) -> Issue:
    """Close the month, and issue it if it is over and anything is known of it."""
    from fournines import issuing  # noqa: PLC0415 - what is heavy waits until it is needed

    config = found.config
    made = issuing.close(
        found.books,
        contract,
        month,
        now,
        contracts=config.contracts,
        exclusions=config.exclusions,
        prices=config.settings.prices.listed,
    )
    if not restate and _dark(made):
        return issuing.Issue(made, None)
    return issuing.issue(found.books, made, now)


def _dark(made: Statement) -> bool:
    """Whether nothing at all is known of the month: then it was mistyped, or its history is still to come."""
    return made.totals.coverage.exact == 0


def _month(text: str, contract: Contract, now: datetime) -> Month:
    from slo.months import Month, zone_named  # noqa: PLC0415 - what is heavy waits until it is needed

    try:
        month = Month.parse(text)
    except ValueError as problem:
        raise Trouble(f"--month: {problem}") from None
    starts = month.stretch(zone_named(contract.zone)).starts_at
    if starts >= now:
        raise Trouble(
            f"--month {text} has not begun: it starts {starts:%Y-%m-%d %H:%M} UTC ({contract.zone})"
        )
    return month


def _told(issue: Issue, files: Iterable[Path]) -> dict[str, object]:
    statement = issue.statement
    return {
        "contract": statement.contract,
        "verdict": statement.verdict,
        "sentence": statement.sentence,
        "revision": issue.revision,
        "files": [str(path) for path in files],
    }


@click.command(epilog="Example: fournines dashboards --out grafana --web-url https://fournines.example.com")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="A folder.")
@click.option(
    "--web-url", help="Where fournines' own pages are, for links.  [default: http://localhost:8080]"
)
@click.option("--prometheus-url", help="As Grafana reaches it.  [default: http://prometheus:9090]")
@click.option("--cloudwatch-region", help="Where CloudWatch is asked first.  [default: us-east-1]")
@click.option(
    "--folder", help="Where Grafana finds `dashboards/` of the tree.  [default: /etc/grafana/dashboards]"
)
def dashboards(out: Path, **places: str | None) -> None:
    """Write the Grafana pages and their provisioning: a tree to mount into Grafana."""
    from dashboards.files import Mount, PageError, tree  # noqa: PLC0415 - what is heavy waits

    try:
        files = tree(Mount(**{name: place for name, place in places.items() if place is not None}))
    except PageError as problem:
        raise Trouble(str(problem)) from None
    for path in written.files(out, {name: text.encode() for name, text in files.items()}):
        click.echo(str(path))
