"""Runbooks on the command line: which there are, what one says, and whether all of them are sound."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from runbooks.runbook import Runbook
    from runbooks.shelf import Shelf

_config_option = click.option(
    "--config",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The document that names your own folders; without it ./fournines.yaml, or only ours.",
)


@click.group()
def runbook() -> None:
    """List, show and check runbooks: those that come with fournines, and your own over them."""


@runbook.command("list", epilog="Example: fournines runbook list")
@_config_option
@opened.json_option
def list_(file: Path | None, *, as_json: bool) -> None:
    """List every runbook with what it is for."""
    books = _shelf(file).runbooks.values()
    if as_json:
        shown.document([book.model_dump(mode="json", exclude={"markdown"}) for book in books])
        return
    shown.table(
        ("Runbook", "For", "Owner", "Review due", "Title"),
        [
            (book.id, ", ".join(_subjects(book)), book.owner, book.review_due.isoformat(), book.title)
            for book in books
        ],
    )


def _subjects(book: Runbook) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*book.causes, *book.actions, *book.alerts)))


@runbook.command(epilog="Example: fournines runbook show spot_shortage")
@click.argument("name", metavar="ID")
@_config_option
@opened.json_option
def show(name: str, file: Path | None, *, as_json: bool) -> None:
    """Print a runbook."""
    shelf = _shelf(file)
    if name not in shelf:
        raise Trouble(f"there is no runbook {name!r}: there are {', '.join(shelf.runbooks)}")
    book = shelf[name]
    if as_json:
        shown.document(book.model_dump(mode="json"))
    elif sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.markdown import Markdown  # noqa: PLC0415

        Console().print(Markdown(book.markdown))
    else:
        click.echo(book.markdown, nl=False)


@runbook.command(epilog="Example: fournines runbook check my-runbooks/")
@click.argument(
    "folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[FOLDER]..."
)
@_config_option
@opened.json_option
def check(folders: tuple[Path, ...], file: Path | None, *, as_json: bool) -> None:
    """Check that every cause and action has a runbook, and that runbooks name only what exists.

    Exit status 1 if not.  A runbook whose review is overdue is told, and is no error.
    """
    from fournines.clock import real_now  # noqa: PLC0415 - what is heavy waits until it is needed
    from fournines.config import shelve  # noqa: PLC0415
    from fournines.documents import DocumentError  # noqa: PLC0415
    from remediation.vocabulary import ActionName, Cause  # noqa: PLC0415

    shelf, faults = shelve(folders)
    if faults:
        raise DocumentError(faults)
    shelf = shelf.over(_shelf(file))
    problems = shelf.check(map(str, Cause), map(str, ActionName))
    today = real_now().date()
    stale = [book for book in shelf.runbooks.values() if book.stale(today)]
    if as_json:
        shown.document(
            {"ok": not problems, "problems": problems, "review_overdue": [book.id for book in stale]}
        )
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        for book in stale:
            click.echo(f"{book.id}: its review was due on {book.review_due}; {book.owner} owns it")
        if not problems:
            click.echo(f"{len(shelf.runbooks)} runbooks are sound: every cause and every action has one.")
    sys.exit(1 if problems else 0)


def _shelf(file: Path | None) -> Shelf:
    """Return our runbooks under those of the configuration, if one is named or lies here."""
    from runbooks.shelf import shipped  # noqa: PLC0415 - what is heavy waits until it is needed

    here = Path("fournines.yaml")
    if file is None and not here.is_file():
        return shipped()
    return opened.read(file or here).shelf
