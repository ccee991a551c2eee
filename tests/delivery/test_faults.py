"""What a network or a receiver can do to one delivery: never an exception, always in time, said in one sentence."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.delivery import Client, ClientOptions
from hookctl.delivery.client import RESPONSE_LIMIT_BYTES
from hookctl.model import FailureKind, SignedRequest
from tests.delivery import faults
from tests.delivery.faults import Script, in_turn, serve
from tests.delivery.outcomes import CHUNKED, FAULTS, TIMEOUT_S

if TYPE_CHECKING:
    from tests.delivery.conftest import Deliver

_LARGE = bytes(48 * 1024 * 1024)
"""More than the sockets of both sides take in."""


@pytest.mark.parametrize(
    ("name", "host"),
    [
        *((name, "127.0.0.1") for name in FAULTS),
        # waiting is the same over IPv6, and takes its time
        *((name, "::1") for name, fault in FAULTS.items() if fault.kind is not FailureKind.TIMEOUT),
    ],
)
def test_a_receiver_that_does_this_ends_in_a_failure_that_says_so(name: str, host: str, deliver: Deliver) -> None:
    fault = FAULTS[name]
    with serve(fault.script, host=host) as server:
        attempt = deliver(server.url, timeout_s=TIMEOUT_S)
        assert server.connections == 1
    assert attempt.failure is not None
    assert attempt.failure.kind is fault.kind
    assert fault.matches(attempt.failure.message), attempt.failure.message
    assert "\n" not in attempt.failure.message
    assert len(attempt.failure.message) < 300
    assert (attempt.response.status if attempt.response else None) == fault.status


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_nothing_listens_on_is_refused(host: str, deliver: Deliver) -> None:
    with faults.refuse(host) as closed:
        attempt = deliver(closed.url)
    shown = f"[{host}]" if ":" in host else host
    assert attempt.response is None
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.REFUSED
    assert attempt.failure.message == f"nothing listens on {shown}:{closed.port}"


@pytest.mark.parametrize("script", [faults.never_read, faults.read_slowly])
def test_a_large_body_that_is_not_taken_in_time_is_given_up_at_the_deadline(script: Script, deliver: Deliver) -> None:
    with serve(script) as server:
        attempt = deliver(server.url, timeout_s=TIMEOUT_S, body=_LARGE)
    assert attempt.response is None
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TIMEOUT


def test_a_large_body_arrives_whole(deliver: Deliver) -> None:
    body = b"".join(b"%08d" % number for number in range(1_000_000))
    with serve(faults.reply(200)) as server:
        attempt = deliver(server.url, body=body)
    assert attempt.failure is None
    assert faults.body_of(server.requests[0]) == body


def test_an_answer_that_comes_before_the_request_is_read_counts(deliver: Deliver) -> None:
    with serve(faults.answer_unread(faults.response(413, b"too large"))) as server:
        attempt = deliver(server.url, body=_LARGE)
    assert attempt.response is not None
    assert (attempt.response.status, attempt.response.body) == (413, b"too large")


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 20,
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n",
    ],
)
def test_an_interim_answer_is_not_the_answer(before: bytes, deliver: Deliver) -> None:
    with serve(faults.answer(before + faults.response(204, b"", b"X-Final: yes"))) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.status == 204
    assert attempt.response.header("x-final") == "yes"
    assert attempt.response.header("link") is None


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 999, b""),
        (CHUNKED + b"2\r\nab\r\n0\r\nTrailer: x\r\n\r\n", 200, b"ab"),
        (CHUNKED + b"2;extension=1\r\nab\r\n0\r\n\r\n", 200, b"ab"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more than was said", 200, b"ok"),
    ],
)
def test_a_correct_or_tolerable_answer_is_read(data: bytes, status: int, body: bytes, deliver: Deliver) -> None:
    with serve(faults.answer(data)) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert (attempt.response.status, attempt.response.body) == (status, body)
    assert not attempt.response.truncated


def test_an_answer_within_the_deadline_counts_and_its_time_is_told(deliver: Deliver) -> None:
    with serve(faults.answer_after(0.2, faults.response(200))) as server:
        attempt = deliver(server.url, timeout_s=5)
    assert attempt.failure is None
    assert 200 <= attempt.duration_ms < 2000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, deliver: Deliver) -> None:
    with (
        serve(faults.reply(200)) as other,
        serve(faults.reply(status, b"gone", b"Location: " + other.url.encode())) as server,
    ):
        attempt = deliver(server.url)
        assert attempt.failure is None
        assert attempt.response is not None
        assert attempt.response.status == status
        assert attempt.response.header("location") == other.url
        assert attempt.response.body == b"gone"
        assert (server.connections, other.connections) == (1, 0)


@pytest.mark.parametrize(
    "location",
    [b"http://[::1", b"http://\xe2\x98\x83.com/", b"//", b"http://x:port/", b"\xff\xfe", b"", b"javascript:1"],
)
def test_a_redirect_to_nonsense_is_an_answer_like_any_other(location: bytes, deliver: Deliver) -> None:
    with serve(faults.reply(302, b"", b"Location: " + location)) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.status == 302
    assert attempt.response.header("location") == location.decode("latin-1")


def test_a_compressed_body_stays_compressed_and_a_bomb_small(deliver: Deliver) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), compresslevel=1)
    with serve(faults.reply(200, bomb, b"Content-Encoding: gzip")) as server:
        tracemalloc.start()
        try:
            attempt = deliver(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.body == bomb
    assert attempt.response.header("content-encoding") == "gzip"
    assert peak < 16 * 1024 * 1024


@pytest.mark.parametrize(
    ("size", "truncated"), [(RESPONSE_LIMIT_BYTES, False), (RESPONSE_LIMIT_BYTES + 1, True), (3_000_000, True)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_read_up_to_one_mebibyte(size: int, truncated: bool, chunked: bool, deliver: Deliver) -> None:
    body = (b"0123456789abcde\n" * (size // 16 + 1))[:size]
    data = CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if chunked else faults.response(200, body)
    with serve(faults.answer(data)) as server:
        attempt = deliver(server.url)
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.body == body[:RESPONSE_LIMIT_BYTES]
    assert attempt.response.truncated is truncated


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"no end of it\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n", b"no end of it\n"),
        (CHUNKED, b"400\r\n" + bytes(0x400) + b"\r\n"),
    ],
)
def test_a_body_without_end_is_cut_off_and_the_status_counts(head: bytes, endless: bytes, deliver: Deliver) -> None:
    with serve(faults.flood(head, endless)) as server:
        attempt = deliver(server.url, timeout_s=10)
    assert attempt.failure is None
    assert attempt.response is not None
    assert attempt.response.status == 200
    assert attempt.response.truncated
    assert len(attempt.response.body) == RESPONSE_LIMIT_BYTES


def test_bytes_that_are_no_text_come_through_as_they_are(deliver: Deliver) -> None:
    odd = bytes(range(128, 256))
    with serve(faults.reply(200, bytes(range(256)), b"X-Odd: " + odd, b"set-COOKIE: \xff=a", b"X-Odd: 2")) as server:
        attempt = deliver(server.url)
    assert attempt.response is not None
    assert attempt.response.body == bytes(range(256))
    assert attempt.response.headers[:3] == (
        ("X-Odd", odd.decode("latin-1")),
        ("set-COOKIE", "\xff=a"),
        ("X-Odd", "2"),
    )


def test_a_cookie_is_not_sent_back_and_no_connection_is_used_twice() -> None:
    cookie = faults.reply(200, b"", b"Set-Cookie: session=1; Path=/", b"Connection: keep-alive")
    with serve(cookie) as server, Client(ClientOptions()) as client:
        request = SignedRequest("arky", "order.paid", None, "POST", server.url, (), b"{}")
        for _ in range(3):
            assert client.deliver(request, timeout_s=5).failure is None
        assert server.connections == 3
    assert server.requests[0] == server.requests[1] == server.requests[2]
    assert faults.header_of(server.requests[2], b"cookie") is None


def test_a_failure_does_not_spoil_the_next_delivery() -> None:
    script = in_turn(*(fault.script for fault in FAULTS.values() if fault.kind is not FailureKind.TIMEOUT))
    with (
        serve(script) as faulty,
        serve(faults.reply(200, b"fine")) as server,
        Client(ClientOptions()) as client,
    ):
        for _ in FAULTS:
            client.deliver(SignedRequest("arky", None, None, "POST", faulty.url, (), b""), timeout_s=TIMEOUT_S)
            attempt = client.deliver(SignedRequest("arky", None, None, "POST", server.url, (), b""), timeout_s=5)
            assert attempt.failure is None
            assert attempt.response is not None
            assert attempt.response.body == b"fine"


_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 302 Found",
        b"HTTP/1.0 500 ",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 101 Switching Protocols",
        b"Content-Length: 5",
        b"Content-Length: 99999999999999999999999999",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: br",
        b"Location: http://[",
        b"Set-Cookie: a=b; expires=Thu, 99 Foo 0000 00:00:00 GMT",
        b"Connection: upgrade",
        b"",
        b"5",
        b"hello",
        b"0",
    ]
)


@given(
    pieces=st.lists(_LINES | st.binary(max_size=40), max_size=12), end=st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n"])
)
@settings(max_examples=150, deadline=None)
def test_no_answer_whatever_its_bytes_raises_or_hangs(pieces: list[bytes], end: bytes) -> None:
    started = time.monotonic()
    with serve(faults.answer(end.join(pieces) + end)) as server, Client(ClientOptions()) as client:
        request = SignedRequest("arky", "order.paid", None, "POST", server.url, (), b"{}")
        attempt = client.deliver(request, timeout_s=2)
    assert attempt.failure is None or attempt.failure.kind in {FailureKind.RESET, FailureKind.INVALID_HTTP}
    assert attempt.failure is not None or attempt.response is not None
    assert time.monotonic() - started < 2
