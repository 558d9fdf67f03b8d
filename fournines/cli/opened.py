"""What a command opens before it can answer: the configuration, and the books beside the running service."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fournines.board import Board
    from fournines.clock import Clock
    from fournines.config import Config
    from fournines.store.books import Books


class Opened(NamedTuple):
    """The configuration, its clock, and its books."""

    config: Config
    clock: Clock
    books: Books

    def board(self) -> Board:
        """Return what there is to see: the same values as on the web page and in Slack."""
        from fournines.board import Board  # noqa: PLC0415 - what is heavy waits until it is needed
        from fournines.clock import Record  # noqa: PLC0415
        from fournines.known import Known  # noqa: PLC0415
        from fournines.service import Charter  # noqa: PLC0415

        config = self.config
        charter = Charter(config.objectives, config.policies, config.contracts, config.shelf)
        return Board(
            clock=self.clock,
            books=self.books,
            known=Known(self.books, charter.threshold_s),
            objectives=config.objectives,
            policies=config.policies,
            budget_policies=config.budget_policies,
            shelf=config.shelf,
            record=Record(),
            periods={},
            contracts=config.contracts,
            exclusions=config.exclusions,
            composites=config.composites,
        )


@contextmanager
def visit(file: Path) -> Iterator[Opened]:
    """Open the books beside their owner: to read, to answer, to set switches."""
    from fournines.store.books import Books  # noqa: PLC0415 - what is heavy waits until it is needed

    config = read(file)
    with Books.visit(config.settings.books) as books:
        books.exclude(config.exclusions.of_objectives())
        yield Opened(config, config.settings.clock.clock(), books)


@contextmanager
def own(file: Path) -> Iterator[Opened]:
    """Open the books as their only owner: to bring cells in."""
    from fournines.store.books import Books  # noqa: PLC0415 - what is heavy waits until it is needed

    config = read(file)
    with Books.open(config.settings.books) as books:
        yield Opened(config, config.settings.clock.clock(), books)


def read(file: Path) -> Config:
    """Read the configuration, without its secrets: whoever asks at night need not have them."""
    from fournines import config as configuration  # noqa: PLC0415 - what is heavy waits until it is needed

    if not file.is_file():
        raise Trouble(f"there is no configuration {file}: name yours with --config FILE")
    return configuration.read(file, secrets=False)


def login(option: str = "--actor") -> str:
    """Return who is logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        raise Trouble(f"this user has no name here: say who you are with {option} NAME") from None


class Moment(click.ParamType[datetime]):
    """A moment in ISO 8601, UTC where no zone is named."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read a moment, or say what was expected."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"expected a moment such as 2026-11-23T12:00Z, got {str(value)!r}", param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


config_option = click.option(
    "--config",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("fournines.yaml"),
    show_default=True,
    help="The document that names all others.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
