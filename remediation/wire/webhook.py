"""Notices by HTTP POST: signed, sent once, answered within a few seconds or tried again by whoever sends."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from remediation.notice import ID_HEADER, SIGNATURE_HEADER, TIME_HEADER, Handed, signature

TIMEOUT_S = 5
_TAKEN = range(200, 300)


class HttpHook:
    """One address, and the secret that is shared with it."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = urlsplit(url), secret

    def hand(self, name: str, body: str) -> Handed:
        """Send a notice once; redirects are not followed, since the secret vouches for one address."""
        now = int(time.time())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "fournines",
            ID_HEADER: name,
            TIME_HEADER: str(now),
            SIGNATURE_HEADER: signature(self._secret, now, body),
        }
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.netloc, timeout=TIMEOUT_S)
        path = f"{self._url.path or '/'}{f'?{self._url.query}' if self._url.query else ''}"
        try:
            connection.request("POST", path, body.encode(), headers)
            status = connection.getresponse().status
        except (OSError, HTTPException) as problem:
            return Handed(taken=False, why=f"no answer: {problem}")
        finally:
            connection.close()
        return Handed(taken=True) if status in _TAKEN else Handed(taken=False, why=f"it answered {status}")
