"""How a connection goes on: keep-alive, order, Expect, HEAD, HTTP/1.0, errors of the handler."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from hookctl.receiver import Limits, Reply
from tests.receiver.conftest import CLOCK_MS
from tests.receiver.rawclient import RawClient, assert_serves, post, post_in_chunks

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from tests.receiver.conftest import Recorder, Serve


def test_an_answer_has_length_and_date_and_the_handlers_headers(serve: Serve) -> None:
    async def teapot(_: CapturedRequest) -> Reply:
        return Reply(418, b"short\x00", (("X-One", "1"), ("X-Two", "2")))

    with RawClient.to(serve(teapot)) as client:
        client.send(post(b""))
        answer = client.answer()
    assert (answer.status, answer.body) == (418, b"short\x00")
    assert list(answer.headers) == ["x-one", "x-two", "date", "content-length"]
    assert parsedate_to_datetime(answer.headers["date"]).timestamp() == CLOCK_MS // 1000


def test_a_connection_takes_many_requests(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        for number in range(20):
            client.send(post(b"x" * number, target=b"/%d" % number))
            assert client.answer().body == b"/%d" % number
            # a line end too many after a body is an old habit
            client.send(b"\r\n")
    assert [len(request.body) for request in recorder.requests] == list(range(20))


def test_connection_close_is_honoured(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(post(b"", b"Connection: x, Close") + post(b"", target=b"/ignored"))
        assert client.answer().headers["connection"] == "close"
        assert client.rest() == b""
    assert recorder.targets == ["/hook"]


def test_pipelined_answers_come_in_order_from_one_handler_at_a_time(serve: Serve) -> None:
    running = 0
    most = 0

    async def uneven(request: CapturedRequest) -> Reply:
        nonlocal running, most
        running += 1
        most = max(most, running)
        # the earlier, the slower: answers would overtake each other
        await asyncio.sleep(0.02 / (1 + int(request.target[1:])))
        running -= 1
        return Reply(200, request.target.encode())

    with RawClient.to(serve(uneven)) as client:
        client.send(b"".join(post(b"x", target=b"/%d" % number) for number in range(30)))
        assert [client.answer().body for _ in range(30)] == [b"/%d" % number for number in range(30)]
    assert most == 1


def test_connections_are_served_at_the_same_time(serve: Serve) -> None:
    everyone_is_here = asyncio.Barrier(3)

    async def meet(_: CapturedRequest) -> Reply:
        await everyone_is_here.wait()
        return Reply(200)

    server = serve(meet)
    clients = [RawClient.to(server) for _ in range(3)]
    for client in clients:
        client.send(post(b""))
    assert [client.answer().status for client in clients] == [200] * 3
    for client in clients:
        client.socket.close()


def test_a_queue_of_pipelined_requests_stops_the_sender(serve: Serve) -> None:
    gate = threading.Event()
    seen = 0

    async def wait(_: CapturedRequest) -> Reply:
        nonlocal seen
        seen += 1
        while not gate.is_set():
            await asyncio.sleep(0.005)
        return Reply(200)

    request = post(b"x" * 500_000)
    with RawClient.to(serve(wait, Limits(max_queued_bytes=100_000))) as client:
        client.socket.settimeout(0.5)
        sent = 0
        limit = 200 * len(request)
        stream = memoryview(request * 200)
        try:
            while sent < limit:
                sent += client.socket.send(stream[sent : sent + 65536])
        except TimeoutError:
            pass
        # what the kernel's buffers of both sides hold is not ours to bound
        assert sent < limit // 2
        assert seen == 1
        gate.set()
        client.socket.settimeout(10)
        whole = sent // len(request)
        client.send(bytes(stream[sent : (whole + 1) * len(request)]))
        assert [client.answer().status for _ in range(whole + 1)] == [200] * (whole + 1)
    assert seen == whole + 1


def test_a_peer_that_does_not_read_gets_no_second_answer_made(serve: Serve) -> None:
    seen = 0

    async def big(_: CapturedRequest) -> Reply:
        nonlocal seen
        seen += 1
        return Reply(200, b"x" * 4_000_000)

    with RawClient.to(serve(big)) as client:
        client.send(post(b"") * 100)
        time.sleep(0.5)
        made = seen
        assert 1 <= made < 20
        assert [len(client.answer().body) for _ in range(100)] == [4_000_000] * 100
    assert seen == 100


def test_continue_is_sent_when_the_body_is_awaited(recorder: Recorder, serve: Serve) -> None:
    sized = post(b"abc", b"Expect: 100-Continue")
    chunked = post_in_chunks([b"abc"], b"Expect: 100-continue")
    with RawClient.to(serve(recorder)) as client:
        for sent in (sized, chunked):
            head, _, body = sent.partition(b"\r\n\r\n")
            client.send(head, b"\r\n\r\n")
            assert client.interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(body[:1], body[1:])
            assert client.answer().status == 200
    assert [request.body for request in recorder.requests] == [b"abc", b"abc"]


@pytest.mark.parametrize(
    ("at_once", "later"),
    [
        (post(b"abc", b"Expect: 100-continue"), b""),
        (post(b"abc", b"Expect: 100-continue")[:-2], b"bc"),
        (post(b"", b"Expect: 100-continue"), b""),
        (post(b"abc", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")[:-3], b"abc"),
        (post(b"abc")[:-3], b"abc"),
    ],
    ids=["body is here", "body has begun", "no body", "HTTP/1.0", "not asked for"],
)
def test_continue_is_not_sent_when_nobody_waits_for_it(
    at_once: bytes, later: bytes, recorder: Recorder, serve: Serve
) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(at_once)
        if later:
            assert client.silent_for(0.1)
            client.send(later)
        assert client.answer().status == 200


def test_continue_waits_for_the_answers_before_it(serve: Serve) -> None:
    async def slow(request: CapturedRequest) -> Reply:
        await asyncio.sleep(0.1)
        return Reply(200, request.body)

    with RawClient.to(serve(slow)) as client:
        client.send(post(b"first") + post(b"second", b"Expect: 100-continue")[: -len(b"second")])
        assert client.answer().body == b"first"
        assert client.interim().startswith(b"HTTP/1.1 100 ")
        client.send(b"second")
        assert client.answer().body == b"second"


def test_another_expectation_is_refused(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(post(b"abc", b"Expect: miracles"))
        assert client.answer().status == 417
        assert client.rest() == b""
    assert recorder.requests == []


def test_head_gets_the_headers_of_the_body_only(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(b"HEAD /four HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer(to_head=True).headers["content-length"] == "5"
        client.send(post(b""))
        assert client.answer().status == 200


@pytest.mark.parametrize("status", [204, 304])
def test_a_bodiless_status_has_no_length(status: int, serve: Serve) -> None:
    async def bodiless(_: CapturedRequest) -> Reply:
        return Reply(status)

    with RawClient.to(serve(bodiless)) as client:
        client.send(post(b"") * 2)
        assert [client.answer().status for _ in range(2)] == [status, status]
        client.send(post(b""))
        assert "content-length" not in client.answer().headers


def test_http_1_0_closes_unless_keep_alive_is_asked_for(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(b"GET /kept HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert client.answer().headers["connection"] == "keep-alive"
        client.send(b"GET /last HTTP/1.0\r\n\r\n")
        assert client.answer().headers["connection"] == "close"
        assert client.rest() == b""
    assert [request.http_version for request in recorder.requests] == ["1.0", "1.0"]


@pytest.mark.parametrize("in_chunks", [False, True])
def test_upgrade_is_an_ordinary_request(in_chunks: bool, recorder: Recorder, serve: Serve) -> None:
    asked = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
    sent = post_in_chunks([b"bo", b"dy"], *asked) if in_chunks else post(b"body", *asked)
    with RawClient.to(serve(recorder)) as client:
        client.send(sent + post(b"", target=b"/next"))
        assert [client.answer().body for _ in range(2)] == [b"/hook", b"/next"]
    assert recorder.requests[0].body == b"body"
    assert recorder.requests[0].header("upgrade") == b"h2c"


def test_a_peer_that_has_closed_its_side_still_gets_all_answers(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(post(b"", target=b"/1") + post(b"", target=b"/2"))
        client.finish()
        assert [client.answer().body for _ in range(2)] == [b"/1", b"/2"]
        assert client.rest() == b""


def test_a_request_that_ends_early_is_refused(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder)
    for length in (10, len(post(b"abc")) - 1):
        with RawClient.to(server) as client:
            client.send(post(b"abc")[:length])
            client.finish()
            assert client.answer().status == 400
            assert client.rest() == b""
    assert recorder.requests == []


def test_a_handler_that_raises_costs_one_answer(serve: Serve) -> None:
    failures: list[Exception] = []

    async def fragile(request: CapturedRequest) -> Reply:
        if request.target == "/raise":
            raise LookupError("no such thing")
        if request.target == "/cancelled":
            raise asyncio.CancelledError
        if request.target == "/bad":
            return Reply(200, b"", (("X", "a\r\nb"),))
        if request.target == "/nothing":
            return None  # type: ignore[return-value]
        return Reply(200)

    with RawClient.to(serve(fragile, on_error=failures.append)) as client:
        for target in (b"/raise", b"/cancelled", b"/bad", b"/nothing"):
            client.send(post(b"abc", target=target))
            answer = client.answer()
            assert (answer.status, answer.body) == (500, b"the handler failed\n")
            client.send(post(b"abc"))
            assert client.answer().status == 200
    assert [type(failure) for failure in failures] == [LookupError, RuntimeError, ValueError, AttributeError]


def test_an_exception_is_logged_and_on_error_may_fail_too(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: CapturedRequest) -> Reply:
        raise LookupError("no such thing")

    def broken_too(error: Exception) -> None:
        raise error

    with caplog.at_level(logging.ERROR, logger="hookctl"):
        for server in (serve(broken), serve(broken, on_error=broken_too)):
            with RawClient.to(server) as client:
                client.send(post(b"") * 2)
                assert [client.answer().status for _ in range(2)] == [500, 500]
    assert [record.message for record in caplog.records] == [
        "the handler failed",
        "the handler failed",
        "on_error failed",
        "on_error failed",
    ]
    assert all(record.exc_info is not None for record in caplog.records)


def test_a_handler_goes_on_when_its_peer_is_gone(serve: Serve) -> None:
    began = threading.Event()
    done = threading.Event()

    async def slow(request: CapturedRequest) -> Reply:
        if request.target == "/slow":
            began.set()
            await asyncio.sleep(0.2)
            done.set()
        return Reply(200)

    server = serve(slow)
    with RawClient.to(server) as client:
        client.send(post(b"", target=b"/slow"))
        assert began.wait(5)
    assert done.wait(5)
    assert_serves(server)


def test_a_plain_function_and_a_future_answer_too(serve: Serve) -> None:
    waiting: list[asyncio.Future[Reply]] = []

    def commit() -> None:
        for future in waiting:
            future.set_result(Reply(200, b"together"))
        waiting.clear()

    def store(request: CapturedRequest) -> asyncio.Future[Reply] | Reply:
        loop = asyncio.get_running_loop()
        if request.target == "/now":
            return Reply(200, b"now")
        future = loop.create_future()
        if request.target == "/done":
            future.set_result(Reply(200, b"done"))
        else:
            if not waiting:
                loop.call_later(0.02, commit)
            waiting.append(future)
        return future

    server = serve(store)
    with RawClient.to(server) as first, RawClient.to(server) as second:
        for client in (first, second):
            client.send(b"".join(post(b"", target=target) for target in (b"/now", b"/later", b"/done", b"/now")))
        for client in (first, second):
            assert [client.answer().body for _ in range(4)] == [b"now", b"together", b"done", b"now"]


def test_a_plain_function_that_fails_costs_one_answer(serve: Serve) -> None:
    failures: list[Exception] = []

    def fragile(request: CapturedRequest) -> asyncio.Future[Reply] | Reply:
        if request.target == "/raise":
            raise LookupError("no such thing")
        if request.target == "/nothing":
            return None  # type: ignore[return-value]
        future = asyncio.get_running_loop().create_future()
        if request.target == "/cancelled":
            future.cancel()
        elif request.target == "/failed":
            future.set_exception(OSError("the disk is full"))
        else:
            future.set_result(Reply(200))
        return future

    with RawClient.to(serve(fragile, on_error=failures.append)) as client:
        for target in (b"/raise", b"/nothing", b"/cancelled", b"/failed"):
            client.send(post(b"", target=target) + post(b""))
            assert [client.answer().status for _ in range(2)] == [500, 200]
    assert [type(failure) for failure in failures] == [LookupError, TypeError, RuntimeError, OSError]


def test_a_mebibyte_is_answered_and_repeated_headers_reach_the_peer(serve: Serve) -> None:
    body = bytes(range(256)) * 4096

    def forward(_: CapturedRequest) -> Reply:
        return Reply(502, body, (("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")))

    with RawClient.to(serve(forward)) as client:
        client.send(post(b"", b"Connection: close"))
        head, _, rest = client.rest().partition(b"\r\n\r\n")
    assert head.count(b"\r\nSet-Cookie: ") == 2
    assert rest == body
