"""Serves the page from threads of our own process."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

from waitress.server import create_server

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from flask import Flask

THREADS = 4


class Server:
    """A web server in a thread."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        try:
            self._server = create_server(app, host=host, port=port, threads=THREADS, ident=None)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise Trouble(
                    f"port {port} on {host} is in use; stop what listens there or change web.port (0: any)"
                ) from None
            raise Trouble(
                f"cannot listen on {host}:{port}: {problem.strerror}; set web.host and web.port"
            ) from None
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.close()
