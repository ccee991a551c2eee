"""A handler that promises a reply: given later, too late, twice, or to nobody."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from hookctl.receiver import BackgroundServer, CaptureServer, LaterReply, Reply
from tests.receiver.rawclient import PATIENCE_S, RawClient, post

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from tests.receiver.conftest import Serve


class Promising:
    """A handler whose replies are given from outside."""

    def __init__(self) -> None:
        self.promised: list[LaterReply] = []

    def __call__(self, _: CapturedRequest) -> LaterReply:
        self.promised.append(LaterReply())
        return self.promised[-1]

    def wait_for(self, count: int) -> None:
        """Wait until so many requests were handled."""
        until_s = time.monotonic() + PATIENCE_S
        while len(self.promised) < count:
            assert time.monotonic() < until_s
            time.sleep(0.005)


def test_a_reply_is_written_when_it_is_given_and_each_to_its_own(serve: Serve) -> None:
    waiting: list[tuple[LaterReply, bytes]] = []

    def handler(request: CapturedRequest) -> LaterReply:
        # all are given together, when the last has come
        waiting.append((LaterReply(), request.body))
        if len(waiting) == 3:
            for later, body in reversed(waiting[:-1]):
                later.give(Reply(201, body))
            asyncio.get_running_loop().call_soon(waiting[-1][0].give, Reply(201, waiting[-1][1]))
        return waiting[-1][0]

    server = serve(handler)
    clients = [RawClient("127.0.0.1", server.port) for _ in range(3)]
    for client, body in zip(clients, (b"a", b"b", b"c"), strict=True):
        client.send(post(body))
    for client, body in zip(clients, (b"a", b"b", b"c"), strict=True):
        answer = client.answer()
        assert (answer.status, answer.body) == (201, body)
        client.socket.close()


def test_a_reply_that_is_given_before_the_handler_returns_is_one_like_any_other(serve: Serve) -> None:
    def handler(request: CapturedRequest) -> LaterReply:
        later = LaterReply()
        later.give(Reply(200, request.body))
        return later

    with RawClient("127.0.0.1", serve(handler).port) as client:
        # as many as would be too many calls within each other
        client.send(post(b"x") * 2000)
        assert [client.answer().body for _ in range(2000)] == [b"x"] * 2000


def test_the_first_reply_counts_and_the_next_request_waits_for_it(serve: Serve) -> None:
    promising = Promising()
    server = serve(promising)
    with RawClient("127.0.0.1", server.port) as client:
        client.send(post(b"1") + post(b"2"))
        promising.wait_for(1)
        assert client.silent_for(0.05)
        assert len(promising.promised) == 1
        loop = loop_of(server)
        loop.call_soon_threadsafe(promising.promised[0].give, Reply(200, b"first"))
        loop.call_soon_threadsafe(promising.promised[0].give, Reply(200, b"again"))
        assert client.answer().body == b"first"
        promising.wait_for(2)
        loop.call_soon_threadsafe(promising.promised[1].give, Reply(200, b"second"))
        assert client.answer().body == b"second"


def test_a_peer_that_does_not_wait_for_it_harms_nobody(serve: Serve) -> None:
    promising = Promising()
    server = serve(promising)
    with RawClient("127.0.0.1", server.port) as client:
        client.send(post(b"1"))
        promising.wait_for(1)
        # what is not read when it closes makes that a reset
        client.socket.close()
    with RawClient("127.0.0.1", server.port) as client:
        client.send(post(b"2"))
        promising.wait_for(2)
        for later in promising.promised:
            loop_of(server).call_soon_threadsafe(later.give, Reply(200))
        assert client.answer().status == 200
    # the fixture stops the server: had the first connection stayed, that would take the grace


@pytest.mark.parametrize("gone", [False, True])
def test_when_the_grace_ends_nobody_waits_for_it_any_more(gone: bool) -> None:
    async def scenario() -> float:
        promised: list[LaterReply] = []

        def handler(_: CapturedRequest) -> LaterReply:
            promised.append(LaterReply())
            return promised[-1]

        server = CaptureServer(handler)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(b"x"))
        while not promised:
            await asyncio.sleep(0.005)
        if gone:
            writer.transport.abort()
            await asyncio.sleep(0.05)
        began_s = time.monotonic()
        await server.stop(0.2)
        took_s = time.monotonic() - began_s
        promised[0].give(Reply(200))
        if not gone:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        return took_s

    took_s = asyncio.run(scenario())
    assert 0.15 < took_s < PATIENCE_S


def test_given_within_the_grace_it_is_the_last_answer() -> None:
    async def scenario() -> bytes:
        loop = asyncio.get_running_loop()

        def handler(_: CapturedRequest) -> LaterReply:
            later = LaterReply()
            loop.call_later(0.2, later.give, Reply(200, b"late"))
            return later

        server = CaptureServer(handler)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(b"x"))
        await asyncio.sleep(0.05)
        stopping = loop.create_task(server.stop(PATIENCE_S))
        said = await reader.read()
        writer.close()
        await stopping
        return said

    said = asyncio.run(scenario())
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in said
    assert said.endswith(b"\r\n\r\nlate")


def test_a_clock_that_fails_leaves_nobody_waiting_for_it() -> None:
    times = iter([0])

    async def scenario() -> list[Exception]:
        failures: list[Exception] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)

        def handler(_: CapturedRequest) -> LaterReply:
            later = LaterReply()
            loop.call_soon(later.give, Reply(200))
            return later

        server = CaptureServer(handler, clock=lambda: next(times), on_error=failures.append)
        await server.start()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(post(b"x"))
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.read() == b""
        writer.close()
        await server.stop()
        return failures

    assert [type(failure) for failure in asyncio.run(scenario())] == [StopIteration]


def loop_of(server: BackgroundServer) -> asyncio.AbstractEventLoop:
    """Return the loop that a server runs on."""
    return server._started.result(timeout=PATIENCE_S)
