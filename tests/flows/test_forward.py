"""Passing on: whatever a server has taken in, a client of ours sends or says that it cannot."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.delivery import ClientOptions
from hookctl.flows.forward import Forwarder, ForwardOptions, Passed
from hookctl.model import CapturedRequest
from tests.cli.recorder import recording, unused_port
from tests.rawserver import RawServer, answer, raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.model import RawHeaders


def request(
    headers: RawHeaders = (), target: str = "/hook", method: str = "POST", body: bytes = b"{}"
) -> CapturedRequest:
    """Return a request as it may have arrived."""
    return CapturedRequest(0, method, target, "1.1", headers, body)


def pass_on(url: str, *requests: CapturedRequest, timeout_s: float = 10.0) -> list[Passed]:
    """Pass requests on together and return what came of each."""

    async def main() -> list[Passed]:
        options = ForwardOptions(url, loopback_only=True, timeout_s=timeout_s, client=ClientOptions())
        with Forwarder(options) as forwarder:
            return await asyncio.gather(*(forwarder.forward(one) for one in requests))

    return asyncio.run(main())


@pytest.fixture(scope="module")
def app() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


@pytest.mark.parametrize(
    "odd",
    [
        request(((b"X-Odd", b"a\x00b"),)),
        request(((b"X-Odd", b"a\r\nX-Smuggled: yes"),)),
        request(((b"X Odd", b"a"),)),
        request(((b"", b"a"),)),
        request(((b"X-\xff", b"a"),)),
        request(target="/caf\xe9"),
        request(target="/\x00"),
        request(target="/" + "x" * 70_000),
        request(method="A B"),
    ],
    ids=lambda odd: repr((odd.headers, odd.target[:20], odd.method)),
)
def test_what_a_client_will_not_send_is_502_with_the_reason(odd: CapturedRequest) -> None:
    with raw_server() as app:
        (passed,) = pass_on(f"http://127.0.0.1:{app.port}/", odd)
    assert (passed.reply.status, passed.forwarded.status) == (502, None)
    assert b"the delivery cannot be sent again as it is: " in passed.reply.body
    assert passed.failure is not None
    assert passed.failure.hint is not None
    assert app.requests.empty()


@settings(max_examples=100)
@given(
    headers=st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=12)), max_size=3),
    target=st.text(max_size=12),
    method=st.sampled_from(["POST", "GET", "HEAD", "OPTIONS", "CONNECT", "M-SEARCH"]),
)
@example(headers=[], target="http://[", method="POST")
@example(headers=[(b"Connection", b"\xff")], target="//x", method="POST")
def test_nothing_that_arrives_makes_it_raise(
    app: RawServer, headers: list[tuple[bytes, bytes]], target: str, method: str
) -> None:
    (passed,) = pass_on(f"http://127.0.0.1:{app.port}/", request(tuple(headers), target, method))
    # nothing went out that was not whole: the app's server would not have answered 200
    assert passed.reply.status in {200, 502}
    assert (passed.forwarded.status is None) == (passed.failure is not None)


def test_where_nothing_listens_is_502_with_a_hint() -> None:
    (passed,) = pass_on(f"http://127.0.0.1:{unused_port()}/", request())
    assert passed.reply.status == 502
    assert passed.to_be_retried
    assert passed.failure is not None
    assert passed.failure.hint == "is the app running, and on that port?"


@pytest.mark.parametrize(
    ("status", "again"),
    [(b"200 OK", False), (b"400 No", False), (b"404 No", False), (b"429 Later", True), (b"503 No", True)],
)
def test_what_may_go_better_later_is_passed_on_again(status: bytes, again: bool) -> None:
    with raw_server(lambda _: answer(b"", status)) as server:
        (passed,) = pass_on(server.url, request())
    assert passed.to_be_retried is again


def test_an_app_that_takes_too_long_is_502() -> None:
    release = threading.Event()

    def late(_: object) -> bytes:
        release.wait(10)
        return answer(b"", b"200 OK")

    with raw_server(late) as server:
        (passed,) = pass_on(server.url, request(), timeout_s=0.2)
        release.set()
    assert passed.reply.status == 502
    assert b"no answer within 0.2 s" in passed.reply.body


def test_deliveries_of_one_moment_are_not_mixed_up() -> None:
    with recording(lambda _, received: (200, received.body)) as app:
        passed = pass_on(f"{app.base}/", *(request(body=b"%d" % number) for number in range(30)))
    assert [one.reply.body for one in passed] == [b"%d" % number for number in range(30)]
