"""What all tests share: one option that rewrites golden files, and one way to compare with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write golden files anew; then read their diff"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(path, text)`: the file holds exactly this text; `--rewrite-golden` makes it so."""
    rewrite = bool(request.config.getoption("--rewrite-golden"))

    def check(path: Path, text: str) -> None:
        if rewrite:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: run pytest --rewrite-golden, and read what it wrote"
        assert text == path.read_text(encoding="utf-8"), "if this is meant: pytest --rewrite-golden"

    return check
