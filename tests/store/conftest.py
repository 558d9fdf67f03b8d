"""A store of each kind for every test: a file of SQLite, and a schema of a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Schemas


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, which may be opened again and again."""
    if request.param == "sqlite":
        return str(tmp_path / "books.db")
    schemas: Schemas = request.getfixturevalue("schemas")
    return schemas()
