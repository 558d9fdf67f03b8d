"""Checks against a real server on loopback: each reason why one fails, and each address that is refused."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collector.probes import Check, Reason, Target
from collector.wire.probe import BODY_BYTES_MAX, HttpProber
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from collector.probes import Answer

WEB = Placement("1", "eu-west-1", "prod", "web-app")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def serving(serve: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """Let a thread answer every connection on loopback; yield the port."""
    with socket.create_server((host, 0)) as server:

        def listen() -> None:
            with suppress(OSError):  # it is closed when the test is over
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def says(*parts: bytes, between: float = 0.0) -> Callable[[socket.socket], None]:
    """Answer with bytes, whatever was asked."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        for part in parts:
            connection.sendall(part)
            time.sleep(between)

    return serve


def at(url: str, **changes: Any) -> Target:  # noqa: ANN401 - a check's fields
    return Target(WEB, Check(url=url, **changes))


def check(port: int, host: str = "127.0.0.1", scheme: str = "http", **changes: Any) -> Target:  # noqa: ANN401
    return at(f"{scheme}://{host}:{port}/health", **{"allow_private": True, **changes})


def asked(serve: Callable[[socket.socket], None], **changes: Any) -> Answer:  # noqa: ANN401 - a check's fields
    with serving(serve) as port:
        return HttpProber().check(check(port, **changes))


def test_what_answers_as_expected_has_no_reason() -> None:
    answer = asked(says(OK), contains="ok")
    assert (answer.reason, answer.detail) == (None, "")
    assert 0 < answer.seconds < 3


def test_the_request_names_its_host_and_carries_nothing_secret() -> None:
    heard = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(65_536).decode())
        connection.sendall(OK)

    with serving(serve) as port:
        HttpProber().check(at(f"http://127.0.0.1:{port}/deep?full=1", allow_private=True))
    (request,) = heard
    assert request.startswith("GET /deep?full=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}\r\n" in request
    assert "User-Agent: fournines-probe\r\n" in request
    assert "authorization" not in request.lower()


@pytest.mark.parametrize(
    ("reason", "parts", "changes"),
    [
        (Reason.STATUS, [b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"], {}),
        (Reason.STATUS, [OK], {"expect": frozenset({204})}),
        (Reason.BODY, [OK], {"contains": "healthy"}),
        (Reason.CUT_OFF, [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"], {}),
        (Reason.CUT_OFF, [], {}),
        (Reason.PROTOCOL, [b"220 mail.example.com ESMTP\r\n"], {}),
    ],
    ids=["a-status", "another-status", "a-text-that-is-missing", "half-an-answer", "nothing", "no-http"],
)
def test_each_wrong_answer_has_its_reason(
    reason: Reason, parts: list[bytes], changes: dict[str, Any]
) -> None:
    answer = asked(says(*parts), **changes)
    assert answer.reason is reason, answer
    assert answer.detail


def test_a_redirect_is_an_answer_and_is_never_followed() -> None:
    with serving(says(OK)) as elsewhere:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
        assert asked(says(moved.encode())).reason is None
        assert asked(says(moved.encode()), expect=frozenset({200})).reason is Reason.STATUS


def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert HttpProber().check(check(port)).reason is Reason.REFUSED


def test_a_server_that_never_answers_costs_the_timeout_and_no_more() -> None:
    answer = asked(lambda _: time.sleep(1), timeout=timedelta(seconds=0.3))
    assert answer.reason is Reason.TIMEOUT
    assert 0.3 <= answer.seconds < 0.9


def test_a_server_that_drips_costs_the_timeout_and_no_more() -> None:
    dripping = says(*(b"HTTP/1.1 200 OK\r\n", *[b"X"] * 20), between=0.1)
    answer = asked(dripping, timeout=timedelta(seconds=0.4))
    assert answer.reason is Reason.TIMEOUT
    assert 0.4 <= answer.seconds < 1


def test_no_more_is_read_than_the_limit() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * BODY_BYTES_MAX + b"needle"
    assert asked(says(endless)).reason is None
    assert asked(says(endless), contains="needle").reason is Reason.BODY


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert asked(says(OK)).reason is None


def failing(error: OSError) -> HttpProber:
    def resolve(_host: str, _port: int) -> list[str]:
        raise error

    return HttpProber(resolve=resolve)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (socket.EAI_NONAME, Reason.DNS),
        (socket.EAI_AGAIN, Reason.RESOLVER),
        (socket.EAI_FAIL, Reason.RESOLVER),
    ],
    ids=["no-such-name", "no-answer-now", "no-answer"],
)
def test_a_name_that_is_gone_is_theirs_and_a_name_server_that_is_silent_is_ours(
    code: int, reason: Reason
) -> None:
    prober = failing(socket.gaierror(code, "as the test wants it"))
    assert prober.check(at("https://shop.example/")).reason is reason


def test_a_name_server_that_is_slow_is_ours() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        time.sleep(0.2)
        return ["192.0.32.7"]

    answer = HttpProber(resolve=resolve).check(at("https://shop.example/", timeout=timedelta(seconds=0.1)))
    assert answer.reason is Reason.RESOLVER


def test_an_address_inside_is_refused_before_anybody_connects() -> None:
    connected: list[socket.socket] = []
    with serving(connected.append) as port:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"):
            answer = HttpProber().check(check(port, host, allow_private=False))
            assert answer.reason is Reason.PRIVATE_ADDRESS, host
        metadata = HttpProber().check(check(80, "169.254.169.254"))
        assert metadata.reason is Reason.PRIVATE_ADDRESS, "nothing opens the way to credentials"
    assert connected == []


def test_one_address_inside_among_others_refuses_the_check() -> None:
    prober = HttpProber(resolve=lambda *_: ["192.0.32.7", "10.0.0.1"])
    answer = prober.check(at("http://shop.example/"))
    assert (answer.reason, "10.0.0.1" in answer.detail) == (Reason.PRIVATE_ADDRESS, True)


def test_a_name_is_resolved_once_so_that_it_cannot_lead_elsewhere_afterwards() -> None:
    resolved = []

    def resolve(host: str, _port: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"] if len(resolved) == 1 else ["127.0.0.2"]

    with serving(says(OK)) as port:
        assert HttpProber(resolve=resolve).check(check(port, "shop.example")).reason is None
    assert resolved == ["shop.example"]


def test_the_next_address_is_tried_when_one_does_not_let_us() -> None:
    with serving(says(OK)) as port:
        prober = HttpProber(resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
        assert prober.check(check(port, "shop.example")).reason is None


class Authority:
    """A certificate authority of its own, and what trusts it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        own = self._certificate(self._name, self._key.public_key(), 1, authority=True)
        self.trust = ssl.create_default_context(cadata=own.public_bytes(serialization.Encoding.PEM).decode())

    def server(self, *hosts: str, days: int = 1) -> ssl.SSLContext:
        """Return what a server of these hosts speaks TLS with."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = self._certificate(subject, key.public_key(), days, hosts)
        path = self._folder / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: int,
        hosts: tuple[str, ...] = (),
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if hosts:
            names = [
                x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
                for host in hosts
            ]
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self._key, hashes.SHA256())


def over_tls(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            says(OK)(secured)

    return serve


def test_tls_is_verified_against_the_name_though_an_address_is_connected_to(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    prober = HttpProber(authority.trust, resolve=lambda *_: ["127.0.0.1"])
    with serving(over_tls(authority.server("shop.example"))) as port:
        assert prober.check(check(port, "shop.example", "https", contains="ok")).reason is None
        answer = prober.check(check(port, "other.example", "https"))
    assert answer.reason is Reason.TLS
    assert "mismatch" in answer.detail.lower()


def test_a_certificate_that_has_run_out_or_that_nobody_vouches_for_fails(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(over_tls(authority.server("127.0.0.1", days=-1))) as port:
        expired = HttpProber(authority.trust).check(check(port, scheme="https"))
    with serving(over_tls(authority.server("127.0.0.1"))) as port:
        stranger = HttpProber().check(check(port, scheme="https"))
    assert (expired.reason, stranger.reason) == (Reason.TLS, Reason.TLS)
    assert "expired" in expired.detail


def test_a_server_that_speaks_no_tls_fails_so_and_one_that_is_silent_by_the_timeout() -> None:
    with serving(says(OK)) as port:
        assert HttpProber().check(check(port, scheme="https")).reason is Reason.TLS
    with serving(lambda _: time.sleep(1)) as port:
        silent = check(port, scheme="https", timeout=timedelta(seconds=0.3))
        assert HttpProber().check(silent).reason is Reason.TIMEOUT
