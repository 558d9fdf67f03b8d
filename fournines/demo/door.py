"""Small JSON over loopback HTTP: how the demo asks the simulated AWS, the fake Slack and the service."""

from __future__ import annotations

import json
import urllib.request
from http.client import HTTPException
from typing import Any

from fournines.trouble import Trouble

TIMEOUT_S = 30.0
#: Judging lives through the whole scenario once more, without fournines.
JUDGE_TIMEOUT_S = 120.0


class Unanswered(Trouble):
    """Nobody answers there, or not what was asked for."""


def get(url: str) -> str:
    """Return what is at an address of this machine.  Raises Unanswered."""
    return _ask(urllib.request.Request(url), TIMEOUT_S)  # noqa: S310 - loopback, made by us


def get_json(url: str) -> Any:  # noqa: ANN401 - whatever JSON is there
    """Return the JSON at an address of this machine.  Raises Unanswered."""
    return json.loads(get(url))


def post_json(url: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON comes back
    """Post JSON and return the JSON that comes back.  Raises Unanswered."""
    request = urllib.request.Request(  # noqa: S310 - loopback, made by us
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    return json.loads(_ask(request, JUDGE_TIMEOUT_S))


def _ask(request: urllib.request.Request, timeout_s: float) -> str:
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - loopback, made by us
            text: str = answer.read().decode()
            return text
    except (OSError, HTTPException) as problem:
        raise Unanswered(f"{request.full_url} does not answer: {problem}") from None
