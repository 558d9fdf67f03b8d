"""How results are shown: a table in a terminal, aligned plain text in a pipe, or JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Words that are told apart at a glance; every state is also a word, so colour is never needed.
STYLES: Mapping[str, str] = {
    "ok": "green",
    "warn": "yellow",
    "wrong": "bold red",
    "page": "bold red",
    "spent": "red",
    "ticket": "yellow",
    "escalated": "bold red",
    "resolved": "green",
}


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[str] = frozenset()
) -> None:
    """Print rows under their columns; those in `right` are aligned to the right."""
    if sys.stdout.isatty():
        _rich(columns, rows, right)
        return
    widths = [max(len(line[place]) for line in (columns, *rows)) for place in range(len(columns))]
    for line in (columns, *rows):
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _rich(columns: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str]) -> None:
    from rich import box  # noqa: PLC0415 - only a terminal needs it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        shown.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(text, STYLES.get(text, "")) for text in row))
    Console().print(shown)


def document(value: object) -> None:
    """Print a value as one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=plain))


def plain(value: object) -> Any:  # noqa: ANN401 - JSON is anything
    """Return what JSON does not know as what it does: values as mappings, moments in ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value.isoformat() if isinstance(value, datetime) else str(value)
