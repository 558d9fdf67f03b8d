"""What a statement is written as: each format by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from slo.statement import Statement

CONTENT_TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


def rendered(statement: Statement, formats: Iterable[str]) -> Mapping[str, bytes]:
    """Return the statement in each format."""
    from fournines.paper import spreadsheet  # noqa: PLC0415 - typst and jinja are heavy
    from fournines.paper import statement as paper  # noqa: PLC0415
    from slo.statement import to_json  # noqa: PLC0415

    made: Mapping[str, Callable[[], bytes]] = {
        "html": lambda: paper.html(statement).encode(),
        "pdf": lambda: paper.pdf(statement),
        "csv": lambda: spreadsheet.text(statement).encode(),
        "json": f"{to_json(statement)}\n".encode,
    }
    return {kind: made[kind]() for kind in formats}
