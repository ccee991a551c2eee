"""TLS: whom a delivery trusts, and how it says that it does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hookctl.delivery import Client, ClientOptions
from hookctl.errors import InputError
from hookctl.model import FailureKind
from tests.delivery import faults
from tests.delivery.faults import Script, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.delivery.conftest import Certificates, Deliver, Here
    from tests.harness import Cli


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_certificate_of_a_given_authority_is_trusted(host: str, certificates: Certificates, deliver: Deliver) -> None:
    address = "::1" if host == "[::1]" else "127.0.0.1"
    with serve(faults.reply(200, b"secure"), host=address, tls=certificates.good) as server:
        attempt = deliver(server.at(host), options=ClientOptions(cacert=certificates.authority))
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.body == b"secure"
    assert faults.header_of(server.requests[0], b"host") == f"{host}:{server.port}".encode()


def test_the_authorities_of_ssl_cert_file_are_trusted(
    certificates: Certificates, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with serve(faults.reply(200), tls=certificates.good) as server:
        assert deliver(server.url).failure is None


def test_a_given_authority_replaces_the_usual_ones(
    certificates: Certificates, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with serve(faults.reply(200), tls=certificates.good) as server:
        attempt = deliver(server.url, options=ClientOptions(cacert=certificates.other_authority))
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TLS
    assert server.requests == []


@pytest.mark.parametrize(
    ("server_has", "trusted", "reason"),
    [
        ("good", None, "unable to get local issuer certificate"),
        ("good", "other_authority", "unable to get local issuer certificate"),
        ("expired", "authority", "certificate has expired"),
        ("wrong_host", "authority", "certificate is not valid for 'localhost'"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused_before_anything_is_sent(
    server_has: str, trusted: str | None, reason: str, certificates: Certificates, deliver: Deliver
) -> None:
    cacert = None if trusted is None else getattr(certificates, trusted)
    with serve(faults.reply(200), tls=getattr(certificates, server_has)) as server:
        attempt = deliver(server.at("localhost"), options=ClientOptions(cacert=cacert))
    assert attempt.response is None
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TLS
    assert attempt.failure.message.startswith("the certificate of localhost is not trusted: ")
    assert reason in attempt.failure.message
    assert attempt.failure.hint is not None
    assert "--cacert" in attempt.failure.hint
    assert server.requests == []


@pytest.mark.parametrize("server_has", ["good", "expired", "wrong_host"])
def test_insecure_accepts_any_certificate(server_has: str, certificates: Certificates, deliver: Deliver) -> None:
    with serve(faults.reply(200), tls=getattr(certificates, server_has)) as server:
        assert deliver(server.at("localhost"), options=ClientOptions(insecure=True)).failure is None
    assert len(server.requests) == 1


def _close_in_handshake(connection: faults.Connection) -> None:
    connection.socket.recv(65536)
    connection.finish()


def _reset_in_handshake(connection: faults.Connection) -> None:
    connection.socket.recv(65536)
    connection.reset()


def _alert_in_handshake(connection: faults.Connection) -> None:
    connection.socket.recv(65536)
    connection.send(b"\x15\x03\x03\x00\x02\x02\x28")
    connection.finish()


def _garbage_in_handshake(connection: faults.Connection) -> None:
    connection.socket.recv(65536)
    connection.send(bytes(range(256)))
    connection.finish()


def _plain_http(connection: faults.Connection) -> None:
    # as an http server answers a handshake
    connection.socket.recv(65536)
    connection.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    connection.finish()


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        (_close_in_handshake, "no TLS connection with 127.0.0.1: ", None),
        (_reset_in_handshake, "no TLS connection with 127.0.0.1: it ended the handshake", None),
        (_alert_in_handshake, "no TLS connection with 127.0.0.1: ", None),
        (_garbage_in_handshake, "no TLS connection with 127.0.0.1: ", None),
        (_plain_http, "no TLS connection with 127.0.0.1: ", "does it speak plain http?"),
    ],
)
def test_a_handshake_that_fails_says_so(script: Script, message: str, hint: str | None, deliver: Deliver) -> None:
    with serve(script) as server:
        attempt = deliver(f"https://127.0.0.1:{server.port}/")
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TLS
    assert attempt.failure.message.startswith(message)
    assert "\n" not in attempt.failure.message
    if hint is not None:
        assert attempt.failure.hint == hint


@pytest.mark.parametrize("script", [faults.never_read, faults.trickle(b"", b"\x16\x03\x03\x3f\xff")])
def test_a_handshake_that_never_ends_is_given_up_at_the_deadline(script: Script, deliver: Deliver) -> None:
    def handshake(connection: faults.Connection) -> None:
        # the client's greeting is no HTTP request that could be waited for
        connection.socket.recv(65536)
        script(connection)

    with serve(handshake) as server:
        attempt = deliver(f"https://127.0.0.1:{server.port}/", timeout_s=0.3)
    assert attempt.failure is not None
    assert attempt.failure.kind in {FailureKind.TIMEOUT, FailureKind.TLS}


def test_a_tls_server_on_an_http_url_is_told_from_one_that_speaks_http(
    certificates: Certificates, deliver: Deliver
) -> None:
    with serve(faults.reply(200), tls=certificates.good) as server:
        attempt = deliver(f"http://127.0.0.1:{server.port}/")
    assert attempt.response is None
    assert attempt.failure is not None
    assert attempt.failure.kind in {FailureKind.RESET, FailureKind.INVALID_HTTP}


def test_an_answer_that_is_a_tls_alert_asks_whether_it_is_https(deliver: Deliver) -> None:
    with serve(faults.answer(b"\x15\x03\x01\x00\x02\x02\x46")) as server:
        attempt = deliver(server.url)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.INVALID_HTTP
    assert attempt.failure.hint == "is it https there, or another protocol?"


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        (faults.close_before_answer, FailureKind.RESET, None),
        (faults.reset_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"), FailureKind.RESET, 200),
        (faults.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"a"), FailureKind.TIMEOUT, 200),
        (faults.never_answer, FailureKind.TIMEOUT, None),
    ],
)
def test_a_fault_behind_tls_is_told_as_without(
    script: Script, kind: FailureKind, status: int | None, certificates: Certificates, deliver: Deliver
) -> None:
    with serve(script, tls=certificates.good) as server:
        attempt = deliver(server.url, timeout_s=0.4, options=ClientOptions(cacert=certificates.authority))
    assert attempt.failure is not None
    assert attempt.failure.kind is kind
    assert (attempt.response.status if attempt.response else None) == status


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory"), (b"", "not a PEM file"), (b"\xff\x00", "not a PEM file")],
)
def test_an_authority_file_that_cannot_be_used_is_refused_at_once(
    content: bytes | None, message: str, tmp_path: Path, here: Here
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        Client(ClientOptions(cacert=file))
    with serve(faults.reply(200)) as server:
        result = here("send", "order.paid", "--to", server.url, "--cacert", str(file))
        assert server.connections == 0
    assert result.code == 3
    assert f"error: --cacert {file}: {message}" in result.err


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_an_ssl_cert_file_that_cannot_be_read_is_a_tls_failure_that_names_it(
    content: bytes | None, tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    result = here("send", "order.paid", "--to", "https://localhost:9/")
    assert result.code == 4
    assert "SSL_CERT_FILE" in result.out
    assert "bug" not in result.err


def test_the_command_line_trusts_what_it_is_given_and_nothing_else(certificates: Certificates, cli: Cli) -> None:
    run = cli.with_secrets()
    with serve(faults.reply(200), tls=certificates.good) as server:
        url = server.at("localhost")
        refused = run("send", "order.paid", "--to", url)
        assert refused.code == 4
        assert "the certificate of localhost is not trusted" in refused.out
        assert server.requests == []
        assert run("send", "order.paid", "--to", url, "--cacert", str(certificates.authority)).code == 0
        insecure = run("send", "order.paid", "--to", url, "--insecure", "-q")
        assert insecure.code == 0
        assert "--insecure: certificates are not checked" in insecure.err
        assert len(server.requests) == 2
    assert "SSL_CERT_FILE" not in os.environ
