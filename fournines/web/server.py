"""Serves the page from threads of our own process."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.server import create_server

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from flask import Flask

THREADS = 4
#: How soon the thread notices that it is to stop.
LOOK_S = 0.25


class Server:
    """A web server in a thread."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._sockets: dict[int, Any] = {}
        self._stopping = threading.Event()
        try:
            self._server = create_server(
                app, self._sockets, host=host, port=port, threads=THREADS, ident=None
            )
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise Trouble(
                    f"port {port} on {host} is in use; stop what listens there or change web.port (0: any)"
                ) from None
            raise Trouble(
                f"cannot listen on {host}:{port}: {problem.strerror}; set web.host and web.port"
            ) from None
        self.port = _port(self._server)
        self._thread = threading.Thread(target=self._answer, name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering: first nobody looks at the sockets any more, then they are closed."""
        self._stopping.set()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._sockets)

    def _answer(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=LOOK_S, map=self._sockets, count=1)


def _port(server: Any) -> int:  # noqa: ANN401 - waitress has a class for one address and one for several
    """Return where it listens; `localhost` and `*` are often an address of each family."""
    several = getattr(server, "effective_listen", None)
    return int(several[0][1] if several else server.effective_port)
