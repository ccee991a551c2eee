"""A client, ready requests, and a certificate authority that is thrown away afterwards."""

from __future__ import annotations

import io
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from hookctl.catalogue import load_catalogue
from hookctl.cli.main import main
from hookctl.delivery import Client, ClientOptions
from hookctl.model import SignedRequest
from hookctl.runtime import Output, Runtime
from tests.authority import new_authority
from tests.harness import ARCADE_SECRET, ARKY_SECRET, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hookctl.model import Attempt, Headers, Provider

SLACK_S = 1.0
"""How far past its deadline a delivery may return on a machine that is busy with other tests."""


class Deliver(Protocol):
    """Sends a POST, and checks that it is over in time."""

    def __call__(
        self,
        url: str,
        *,
        timeout_s: float = 5.0,
        options: ClientOptions | None = None,
        headers: Headers = (),
        body: bytes = b"{}",
        loopback_only: bool = False,
    ) -> Attempt: ...


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread of a server or of the resolver running."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(1.0)
        assert not thread.is_alive(), f"{thread.name} is still running"


@pytest.fixture
def deliver() -> Deliver:
    def send(
        url: str,
        *,
        timeout_s: float = 5.0,
        options: ClientOptions | None = None,
        headers: Headers = (),
        body: bytes = b"{}",
        loopback_only: bool = False,
    ) -> Attempt:
        request = SignedRequest("arky", "order.paid", "evt_1", "POST", url, headers, body)
        with Client(options or ClientOptions()) as client:
            started = time.monotonic()
            attempt = client.deliver(request, timeout_s=timeout_s, loopback_only=loopback_only)
            took_s = time.monotonic() - started
        assert took_s < timeout_s + SLACK_S
        assert 0 <= attempt.duration_ms <= took_s * 1000 + 1
        assert attempt.response is not None or attempt.failure is not None
        return attempt

    return send


class Here(Protocol):
    """Runs a command line with both secrets in this process: as `cli` does, in a twentieth of the time."""

    def __call__(self, *arguments: str) -> Result: ...


@pytest.fixture
def here(tmp_path: Path) -> Here:
    def run(*arguments: str) -> Result:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2))
        runtime = Runtime(
            env={"ARKY_WEBHOOK_SECRET": ARKY_SECRET, "ARCADE_SIGNING_SECRET": ARCADE_SECRET},
            cwd=tmp_path,
            stdin=io.BytesIO(),
            out=Output(out, "standard output"),
            err=Output(err, "standard error"),
        )
        code = main(arguments, runtime)
        raw_out, raw_err = (stream.buffer.getvalue() for stream in (out, err))
        return Result(code, raw_out.decode(), raw_err.decode(), raw_out)

    return run


@pytest.fixture(scope="session")
def arky() -> Provider:
    return load_catalogue().provider("arky")


@pytest.fixture(scope="session")
def arcade() -> Provider:
    return load_catalogue().provider("arcade")


@dataclass(frozen=True)
class Certificates:
    """What servers can show, and whom a client may trust."""

    authority: Path
    other_authority: Path
    good: ssl.SSLContext
    """For localhost, 127.0.0.1, ::1 and receiver.example."""
    expired: ssl.SSLContext
    wrong_host: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    first = new_authority(tmp_path_factory.mktemp("authority"))
    second = new_authority(tmp_path_factory.mktemp("other"))
    names = "DNS:localhost,DNS:receiver.example,IP:127.0.0.1,IP:::1"
    return Certificates(
        first.file,
        second.file,
        good=server_context(first.issue("good", alternative=names)),
        expired=server_context(first.issue("expired", alternative=names, days=-1)),
        wrong_host=server_context(first.issue("wrong", alternative="DNS:another.example")),
    )


def server_context(file: Path) -> ssl.SSLContext:
    """Return what a server with this certificate and key speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
