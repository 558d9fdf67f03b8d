"""The thread that answers, and how it ends."""

from __future__ import annotations

from http.client import HTTPException
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from flask import Flask

from fournines.web.server import Server


@pytest.mark.parametrize("host", ["127.0.0.1", "*"])
def test_a_page_that_is_asked_while_it_stops_ends_quietly(host: str) -> None:
    server, asked = Server(Flask("page"), host, 0), Event()
    server.start()
    reader = Thread(target=_ask_until_nobody_answers, args=(server.port, asked))
    reader.start()
    asked.wait()
    server.stop()
    reader.join()
    assert not _answers(server.port)


def _ask_until_nobody_answers(port: int, asked: Event) -> None:
    while _answers(port):
        asked.set()


def _answers(port: int) -> bool:
    try:
        urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except HTTPError:
        return True
    except (OSError, HTTPException):
        return False
    return True
