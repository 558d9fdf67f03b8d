"""Small JSON over loopback HTTP: how the demo asks the simulated AWS, the fake Slack and the service."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

TIMEOUT_S = 30.0
#: Judging lives through the whole scenario once more, without fournines.
JUDGE_TIMEOUT_S = 120.0


def get(url: str) -> str:
    """Return what is at an address of this machine."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - loopback, made by us
        text: str = answer.read().decode()
        return text


def get_json(url: str) -> Any:  # noqa: ANN401 - whatever JSON is there
    """Return the JSON at an address of this machine."""
    return json.loads(get(url))


def post_json(url: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON comes back
    """Post JSON and return the JSON that comes back."""
    request = urllib.request.Request(  # noqa: S310 - loopback, made by us
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=JUDGE_TIMEOUT_S) as answer:  # noqa: S310
        return json.loads(answer.read())
