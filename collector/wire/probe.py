"""Checks over HTTP(S): the name is resolved once, and only an address that was looked at is connected to.

No redirect is followed, no proxy is asked, TLS is verified against the host's name, and the whole check ends
by its deadline: a timer shuts the connection, since a timeout of a socket begins anew with every byte.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from collector.addresses import may_connect
from collector.probes import OURS, Reason, answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.probes import Answer, Check, Target

#: What is read of an answer; the rest is left unread.
BODY_BYTES_MAX = 64 * 1024

USER_AGENT = "fournines-probe"

#: Which addresses a host and port have, as text; `socket.getaddrinfo` unless a test knows better.
Resolve = Callable[[str, int], Sequence[str]]

#: Names that do not exist, or have no address [getaddrinfo(3)].  Any other failure is our name server's: it
#: could not be asked, or did not know in time, and that may be our own doing.
NO_SUCH_NAME = frozenset(
    code for name in ("EAI_NONAME", "EAI_NODATA") if (code := getattr(socket, name, None)) is not None
)


class CheckError(Exception):
    """The check failed, or could not be made."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def addresses(host: str, port: int) -> Sequence[str]:
    """Return every address of the host, in the order in which they are tried.  Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class HttpProber:
    """Makes checks from where it runs; threads may share it."""

    def __init__(self, trust: ssl.SSLContext | None = None, resolve: Resolve = addresses) -> None:
        self._trust, self._resolve = trust or ssl.create_default_context(), resolve

    def check(self, target: Target) -> Answer:
        """Make the target's check and return what came of it."""
        check, began = target.check, time.monotonic()
        try:
            self._make(check, began + check.timeout.total_seconds())
        except CheckError as failed:
            return answered(check, time.monotonic() - began, failed.reason, failed.detail)
        return answered(check, time.monotonic() - began)

    def _make(self, check: Check, deadline: float) -> None:
        late = CheckError(Reason.TIMEOUT, f"no whole answer within {check.timeout.total_seconds():g} s")
        connected = self._connect(check, self._addresses(check, deadline), deadline, late)
        with connected, _ended_by(deadline, connected):
            try:
                self._ask(check, connected)
            except (CheckError, OSError, http.client.HTTPException) as error:
                if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
                    raise late from error
                raise error if isinstance(error, CheckError) else _named(error) from error
        if time.monotonic() >= deadline:  # what was shut looks like an answer that has ended
            raise late

    def _addresses(self, check: Check, deadline: float) -> Sequence[str]:
        """Return the addresses of the host, none of them forbidden."""
        host = check.parts.hostname or ""
        try:
            found = self._resolve(host, _port(check))
        except socket.gaierror as error:
            if error.errno in NO_SUCH_NAME:
                raise CheckError(Reason.DNS, "its name does not resolve") from error
            raise CheckError(Reason.RESOLVER, "our name server does not answer") from error
        except UnicodeError as error:
            raise CheckError(Reason.DNS, "its name is none that could resolve") from error
        if time.monotonic() >= deadline:
            raise CheckError(Reason.RESOLVER, "our name server does not answer in time")
        for address in found:
            if not may_connect(address, allow_private=check.allow_private):
                raise CheckError(Reason.PRIVATE_ADDRESS, f"it leads to {address}, which is not to be checked")
        return found

    def _connect(
        self, check: Check, found: Sequence[str], deadline: float, late: CheckError
    ) -> socket.socket:
        """Connect to the first address that lets us; each has its share of the time that is left."""
        failures = []
        for tried, address in enumerate(found):
            left = (deadline - time.monotonic()) / (len(found) - tried)
            if left <= 0:
                raise late
            try:
                connected = socket.create_connection((address, _port(check)), timeout=left)
            except OSError as error:
                failures.append(late if isinstance(error, TimeoutError) else _named(error))
            else:
                connected.settimeout(max(0.001, deadline - time.monotonic()))
                return connected
        raise max(failures, key=lambda failure: failure.reason not in OURS)

    def _ask(self, check: Check, connected: socket.socket) -> None:
        """Send the request, and raise what is not as expected."""
        with self._secured(check, connected) as secured:
            connection = http.client.HTTPConnection(check.parts.hostname or "")
            connection.sock = secured
            path = check.parts._replace(scheme="", netloc="").geturl() or "/"
            headers = {"Host": check.parts.netloc, "User-Agent": USER_AGENT, "Accept": "*/*"}
            connection.request("GET", path, headers={**headers, "Connection": "close"})
            with connection.getresponse() as response:
                if response.status not in check.expect:
                    raise CheckError(Reason.STATUS, f"it answers {response.status}")
                body = response.read(BODY_BYTES_MAX)
                if len(body) < BODY_BYTES_MAX and response.length:
                    raise CheckError(Reason.CUT_OFF, "the connection ends before the answer does")
        if check.contains.encode() not in body:
            raise CheckError(Reason.BODY, "the answer lacks the text that is expected in it")

    def _secured(self, check: Check, connected: socket.socket) -> socket.socket:
        if check.parts.scheme == "http":
            return connected
        try:
            return self._trust.wrap_socket(connected, server_hostname=check.parts.hostname)
        except ssl.SSLCertVerificationError as error:
            detail = f"its certificate does not prove its name: {error.verify_message}"
            raise CheckError(Reason.TLS, detail) from error
        except ssl.SSLError as error:
            raise CheckError(Reason.TLS, "no encrypted connection comes about") from error


@contextmanager
def _ended_by(deadline: float, connected: socket.socket) -> Iterator[None]:
    """Shut the connection at the deadline, whoever reads from it; what is read then ends at once."""
    handle = connected.dup()  # outlives the socket that TLS takes over
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, [handle])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _shut(handle: socket.socket) -> None:
    with suppress(OSError):  # it was closed from the other side
        handle.shutdown(socket.SHUT_RDWR)


def _port(check: Check) -> int:
    return check.parts.port or (443 if check.parts.scheme == "https" else 80)


#: What ends a connection, by whose doing [connect(2), recv(2)].  What is not here is not proved to be theirs.
_BY_ERROR = {
    errno.ECONNREFUSED: (Reason.REFUSED, "the connection is refused"),
    errno.EHOSTUNREACH: (Reason.UNREACHABLE, "no host answers there"),
    errno.ECONNRESET: (Reason.CUT_OFF, "the connection is reset"),
    errno.ECONNABORTED: (Reason.CUT_OFF, "the connection is aborted"),
    errno.EPIPE: (Reason.CUT_OFF, "the connection is closed"),
}


def _named(error: OSError | http.client.HTTPException) -> CheckError:
    """Return our name for what went wrong after the address was known."""
    match error:
        case http.client.RemoteDisconnected() | http.client.IncompleteRead() | ssl.SSLError():
            return CheckError(Reason.CUT_OFF, "the connection ends before the answer does")
        case http.client.HTTPException():
            return CheckError(Reason.PROTOCOL, "what comes is no answer in HTTP")
        case OSError() if error.errno in _BY_ERROR:
            return CheckError(*_BY_ERROR[error.errno])
        case _:
            return CheckError(Reason.LOCAL, f"we cannot connect: {error}")
