"""Every limit has its answer, and the other peers go on."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from itertools import repeat
from typing import TYPE_CHECKING

import pytest

from hookctl.receiver import Limits, Reply
from tests.receiver.rawclient import PATIENCE_S, RawClient, assert_serves, post, post_in_chunks

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from hookctl.receiver import BackgroundServer
    from tests.receiver.conftest import Recorder, Serve


def _head_of(size_bytes: int) -> bytes:
    """Return a request without a body, of exactly that many bytes."""
    fixed = b"GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
    return fixed.replace(b"X: ", b"X: " + b"x" * (size_bytes - len(fixed)))


def _with_headers(count: int) -> bytes:
    lines = [b"X-%d: x" % number for number in range(count - 1)]
    return b"\r\n".join([b"GET / HTTP/1.1", b"Host: a", *lines, b"", b""])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (_head_of(500), 200),
        (_head_of(501), 431),
        (b"GET /" + b"x" * 500, 431),
        (b"GET / HTTP/1.1\r\nHost: " + b"x" * 5_000, 431),
        (_with_headers(10), 200),
        (_with_headers(11), 431),
        (_with_headers(12), 431),
        (post(b"x" * 2000), 200),
        (post(b"x" * 2001), 413),
        (post_in_chunks([b"x" * 1000] * 2), 200),
        (post_in_chunks([b"x" * 1000, b"x" * 1000, b"x"]), 413),
        (post_in_chunks(repeat(b"x", 2000)), 200),
        (post_in_chunks([b"x"]).replace(b"1\r\nx", b"%032x\r\nx" % 1), 200),
        (post_in_chunks([b"abc"]).replace(b"3\r\n", b"3;" + b"e" * 600 + b"\r\n"), 413),
        (post_in_chunks([])[:-5] + b"3;" + b"e" * 600, 413),
        (post_in_chunks([b"abc"])[:-2] + b"X: " + b"t" * 600 + b"\r\n\r\n", 413),
        (post_in_chunks([b"abc"])[:-2] + b"X: t\r\n" * 100 + b"\r\n", 413),
    ],
)
def test_sizes(sent: bytes, status: int, recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_head_bytes=500, max_headers=10, max_body_bytes=2000))
    with RawClient.to(server) as client:
        client.send(sent)
        answer = client.answer()
        assert answer.status == status
        if status != 200:
            assert answer.headers["connection"] == "close"
            assert client.rest() == b""
            assert recorder.requests == []
    assert_serves(server)


def test_sizes_count_from_each_request_on(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_head_bytes=500, max_headers=10))
    with RawClient.to(server) as client:
        client.send((_head_of(500) + _with_headers(10)) * 5 + _head_of(501))
        assert [client.answer().status for _ in range(11)] == [200] * 10 + [431]


def test_a_declared_length_over_the_limit_is_refused_before_the_body(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_body_bytes=10))
    with RawClient.to(server) as client:
        client.send(post(b"x" * 11, b"Expect: 100-continue")[:-11])
        assert client.answer().status == 413
        assert client.rest() == b""
    assert_serves(server)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (post(b"x" * 900_000)[:-900_000], 413),
        (b"GET / HTTP/1.1\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", 413),
        (b"NONSENSE\r\n", 400),
    ],
    ids=["length", "headers", "chunked", "nonsense"],
)
def test_a_peer_that_keeps_sending_can_read_why(head: bytes, status: int, recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_body_bytes=1000, max_head_bytes=1000))
    with RawClient.to(server) as client:
        # without a pause nothing would be under way when the answer is written
        client.send(head)
        for _ in range(90):
            client.send(b"x" * 10_000)
            time.sleep(0.001)
        assert client.answer().status == status
        assert client.rest() == b""
    assert_serves(server)


def test_discarding_is_bounded(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_body_bytes=1000, linger_s=0.3, max_discarded_bytes=100_000))
    with RawClient.to(server) as client:
        began_s = time.monotonic()
        client.send(post(b"x" * 1001)[:-1001])
        with pytest.raises((ConnectionError, TimeoutError)):
            client.send(*repeat(b"x" * 65536, 1600))
        assert time.monotonic() - began_s < 5
    assert_serves(server)


def test_lingering_is_bounded_in_time(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(linger_s=0.2, max_connections=1))
    with RawClient.to(server) as client:
        client.send(post(b"", b"Connection: close"))
        assert client.answer().status == 200
        assert client.rest() == b""
        # the client does not close, yet its place is free again
        _assert_serves_soon(server)


@pytest.mark.parametrize(
    ("limits", "begin", "drip"),
    [
        (Limits(head_deadline_s=0.3), b"", b""),
        (Limits(head_deadline_s=0.3), b"", b"\r\n"),
        (Limits(head_deadline_s=0.3), b"GET /", b"x"),
        (Limits(head_deadline_s=0.3), b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (Limits(request_deadline_s=0.3), post(b"x" * 5000)[:-5000], b"x"),
        (Limits(request_deadline_s=0.3), post_in_chunks([])[:-5], b"1\r\nx\r\n"),
        (Limits(request_deadline_s=0.3), post_in_chunks([])[:-2], b"X: y\r\n"),
        (Limits(request_deadline_s=0.3), b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
    ],
    ids=["silent", "line ends", "target", "headers", "body", "chunks", "trailers", "headers, whole request"],
)
def test_a_trickling_peer_is_stopped_in_time(
    limits: Limits, begin: bytes, drip: bytes, recorder: Recorder, serve: Serve
) -> None:
    server = serve(recorder, limits)
    began_s = time.monotonic()
    with RawClient.to(server) as client:
        client.send(begin)
        while client.silent_for(0.02):
            client.try_to_send([drip])
            assert time.monotonic() - began_s < 3
        assert time.monotonic() - began_s > 0.28
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert client.rest() == b""
    assert_serves(server)
    assert recorder.targets == ["/hook"]


def test_the_head_deadline_of_a_new_connection_counts_from_accepting(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(head_deadline_s=0.6))
    began_s = time.monotonic()
    with RawClient.to(server) as client:
        time.sleep(0.4)
        client.send(b"GET / HTTP/1.1\r\n")
        assert client.answer().status == 408
    assert time.monotonic() - began_s < 0.9


def test_the_head_deadline_begins_anew_with_each_request(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(head_deadline_s=0.4))
    with RawClient.to(server) as client:
        for _ in range(3):
            client.send(post(b"")[:20])
            time.sleep(0.25)
            client.send(post(b"")[20:])
            assert client.answer().status == 200
        client.send(post(b"")[:20])
        assert client.answer().status == 408


def test_the_request_deadline_counts_from_the_first_byte(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(request_deadline_s=0.5))
    with RawClient.to(server) as client:
        for _ in range(2):
            time.sleep(0.4)
            client.send(post(b"ab")[:-1])
            time.sleep(0.25)
            client.send(b"b")
            assert client.answer().status == 200


def test_the_handlers_time_is_not_the_requests(serve: Serve) -> None:
    async def slow(_: CapturedRequest) -> Reply:
        await asyncio.sleep(0.4)
        return Reply(200)

    server = serve(slow, Limits(head_deadline_s=0.1, request_deadline_s=0.2, idle_s=0.2))
    with RawClient.to(server) as client:
        client.send(post(b"") * 2)
        assert [client.answer().status for _ in range(2)] == [200, 200]


def test_an_idle_connection_is_closed_without_a_word(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(idle_s=0.3, head_deadline_s=0.1))
    with RawClient.to(server) as client:
        client.send(post(b""))
        assert client.answer().status == 200
        began_s = time.monotonic()
        assert client.rest() == b""
        assert 0.25 < time.monotonic() - began_s < 1.5
    assert_serves(server)


def test_a_peer_that_never_reads_is_dropped(serve: Serve) -> None:
    seen = threading.Event()

    async def big(request: CapturedRequest) -> Reply:
        seen.set()
        return Reply(200, b"x" * (20_000_000 if request.target == "/big" else 1))

    server = serve(big, Limits(response_deadline_s=0.3, max_connections=1))
    with RawClient.to(server) as client:
        client.send(post(b"", target=b"/big"))
        assert seen.wait(5)
        _assert_serves_soon(server)
        with pytest.raises((ConnectionError, AssertionError)):
            client.answer()


def test_one_connection_too_many_is_refused_and_the_others_go_on(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_connections=3))
    clients = [RawClient.to(server) for _ in range(3)]
    for client in clients:
        client.send(post(b""))
        assert client.answer().status == 200
    for _ in range(10):
        with RawClient.to(server) as refused:
            refused.send(post(b"x" * 1000, target=b"/refused"))
            answer = refused.answer()
            assert (answer.status, answer.headers["connection"]) == (503, "close")
            assert refused.rest() == b""
    for client in clients:
        client.send(post(b""))
        assert client.answer().status == 200
    clients.pop().socket.close()
    _assert_serves_soon(server)
    for client in clients:
        client.send(post(b""))
        assert client.answer().status == 200
        client.socket.close()
    assert "/refused" not in recorder.targets


def test_refused_connections_are_bounded_too(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder, Limits(max_connections=2, linger_s=5))
    clients = [RawClient.to(server) for _ in range(10)]
    ends = []
    for client in clients[4:]:
        try:
            ends.append(client.rest())
        except ConnectionResetError:
            ends.append(b"")
    assert ends == [b""] * 6
    assert [client.answer().status for client in clients[2:4]] == [503, 503]
    for client in clients:
        client.socket.close()
    _assert_serves_soon(server)


def test_a_handler_whose_peer_is_gone_still_counts(serve: Serve) -> None:
    gate = threading.Event()

    async def wait(request: CapturedRequest) -> Reply:
        while request.target == "/wait" and not gate.is_set():
            await asyncio.sleep(0.005)
        return Reply(200)

    server = serve(wait, Limits(max_connections=1))
    with RawClient.to(server) as client:
        client.send(post(b"", target=b"/wait"))
        time.sleep(0.1)
        # zero seconds of lingering: the peer's end resets the connection
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.1)
    with RawClient.to(server) as client:
        assert client.answer().status == 503
    gate.set()
    _assert_serves_soon(server)


def _assert_serves_soon(server: BackgroundServer) -> None:
    """Check that a place gets free for a new connection."""
    until_s = time.monotonic() + PATIENCE_S
    status = 0
    while status != 200 and time.monotonic() < until_s:
        with RawClient.to(server) as client:
            client.try_to_send([post(b"")])
            try:
                status = client.answer().status
            except (AssertionError, ConnectionError):
                time.sleep(0.02)
    assert status == 200
