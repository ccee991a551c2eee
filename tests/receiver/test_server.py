"""Where the server listens, how it starts and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.errors import InputError
from hookctl.receiver import BackgroundServer, CaptureServer, Limits, Reply, listening, new_event_loop, run
from tests.receiver.rawclient import RawClient, assert_serves, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.model import CapturedRequest
    from hookctl.receiver import Handler
    from tests.receiver.conftest import Recorder


async def _say_ok(_: CapturedRequest) -> Reply:
    return Reply(200, b"ok")


def _start_and_stop(host: str, port: int = 0) -> str:
    """Return the URL of a server that could start."""

    async def run() -> str:
        server = CaptureServer(_say_ok)
        await server.start(host, port)
        url = server.url
        await server.stop()
        return url

    return asyncio.run(run())


def _has_ipv6_loopback() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


def test_ipv4_is_the_default(recorder: Recorder) -> None:
    with BackgroundServer(recorder) as server:
        assert server.host == "127.0.0.1"
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert_serves(server)
        with pytest.raises(ConnectionRefusedError):
            RawClient("::1", server.port)


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="no IPv6 on this machine")
def test_ipv6(recorder: Recorder) -> None:
    with BackgroundServer(recorder, host="::1") as server:
        assert server.host == "::1"
        assert server.url == f"http://[::1]:{server.port}"
        assert_serves(server)
        with pytest.raises(ConnectionRefusedError):
            RawClient("127.0.0.1", server.port)


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="no IPv6 on this machine")
def test_every_ipv6_address_is_no_ipv4_address(recorder: Recorder) -> None:
    with BackgroundServer(recorder, host="::") as server:
        with RawClient("::1", server.port) as client:
            client.send(post(b""))
            assert client.answer().status == 200
        with pytest.raises(ConnectionRefusedError):
            RawClient("127.0.0.1", server.port)


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("name", ["localhost", "LocalHost"])
def test_localhost_is_both_loopback_addresses(name: str, recorder: Recorder) -> None:
    with BackgroundServer(recorder, host=name) as server:
        assert server.addresses == ("127.0.0.1", "::1")
        assert server.host == "127.0.0.1"
        assert server.url == f"http://localhost:{server.port}"
        for address in server.addresses:
            with RawClient(address, server.port) as client:
                client.send(post(b""))
                assert client.answer().status == 200
    for address in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionRefusedError):
            RawClient(address, server.port)


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_localhost_with_a_port_that_is_taken_on_one_address_is_refused(taken: str, recorder: Recorder) -> None:
    with BackgroundServer(recorder, host=taken) as server:
        with pytest.raises(InputError, match=rf"port {server.port} on {re.escape(taken)} is already in use"):
            _start_and_stop("localhost", server.port)
        # nothing of the attempt stays on the other address
        other = "::1" if taken == "127.0.0.1" else "127.0.0.1"
        assert _start_and_stop(other, server.port).endswith(f":{server.port}")


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="no IPv6 on this machine")
def test_localhost_takes_another_port_when_the_first_is_not_free_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    listen_on = listening._listen_on
    ports: list[int] = []

    with contextlib.ExitStack() as occupied:

        def meddle(family: int, address: tuple[Any, ...]) -> socket.socket:
            listener = listen_on(family, address)
            if family == socket.AF_INET:
                ports.append(listener.getsockname()[1])
                if len(ports) < 3:
                    occupied.enter_context(listen_on(socket.AF_INET6, ("::1", ports[-1])))
            return listener

        monkeypatch.setattr(listening, "_listen_on", meddle)
        assert _start_and_stop("localhost") == f"http://localhost:{ports[-1]}"
    assert len(ports) == 3


@pytest.mark.parametrize(("absent", "left"), [(socket.AF_INET6, "127.0.0.1"), (socket.AF_INET, "::1")])
def test_localhost_is_the_address_that_exists(
    absent: int, left: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    if left == "::1" and not _has_ipv6_loopback():
        pytest.skip("no IPv6 on this machine")
    listen_on = listening._listen_on

    def half(family: int, address: tuple[Any, ...]) -> socket.socket:
        if family == absent:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return listen_on(family, address)

    monkeypatch.setattr(listening, "_listen_on", half)
    with BackgroundServer(recorder, host="localhost") as server:
        assert server.addresses == (left,)
        assert server.url == f"http://localhost:{server.port}"
        assert_serves(server)


@pytest.mark.skipif(not _has_ipv6_loopback(), reason="no IPv6 on this machine")
def test_of_several_addresses_the_first_ipv4_one_is_taken(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def resolver(host: str, port: int, *_: object, **__: object) -> list[object]:
        assert host == "both.test"
        return [
            entry
            for address in ("::1", "127.0.0.1", "127.0.0.2")
            for entry in resolve(address, port, type=socket.SOCK_STREAM)
        ]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolver)
        server = BackgroundServer(recorder, host="both.test").__enter__()
    try:
        assert server.host == "127.0.0.1"
        assert_serves(server)
    finally:
        server.__exit__(None, None, None)


def test_a_port_in_use_is_named() -> None:
    with BackgroundServer(_say_ok) as server:
        with pytest.raises(InputError, match=rf"port {server.port} on 127\.0\.0\.1 is already in use") as failure:
            _start_and_stop("127.0.0.1", server.port)
        assert failure.value.hint is not None
        with pytest.raises(InputError, match="in use"), BackgroundServer(_say_ok, port=server.port):
            pass
        assert_serves(server)


def test_a_port_can_be_taken_again_at_once() -> None:
    with BackgroundServer(_say_ok) as server:
        port = server.port
        with RawClient.to(server) as client:
            client.send(post(b"", b"Connection: close"))
            # our side closes first and so gets TIME_WAIT
            assert client.rest()
    for _ in range(3):
        with BackgroundServer(_say_ok, port=port) as server:
            assert server.port == port
            assert_serves(server)


_FIRST_FREE_FOR_ALL = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@pytest.mark.skipif(
    not _FIRST_FREE_FOR_ALL.exists() or int(_FIRST_FREE_FOR_ALL.read_text()) < 2,
    reason="no port is reserved on this machine",
)
def test_a_privileged_port_is_explained() -> None:
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(InputError, match=r"port 1 on 127.0.0.1 is reserved") as failure:
            _start_and_stop("127.0.0.1", 1)
    finally:
        os.seteuid(user)
    assert failure.value.hint == "use a port from 1024 up"


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        # TEST-NET-3 and the documentation prefix: nobody's addresses
        ("203.0.113.1", 0, "203.0.113.1 is not an address of this machine"),
        ("a..b", 0, "cannot find the address of host 'a..b'"),
        ("a\0b", 0, "cannot find the address of host"),
        ("", 0, "the host to listen on is empty"),
        ("127.0.0.1", 65536, "65536 is not a port"),
        ("127.0.0.1", -1, "-1 is not a port"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained(host: str, port: int, message: str) -> None:
    with pytest.raises(InputError) as failure:
        _start_and_stop(host, port)
    assert failure.value.message.startswith(message)
    assert failure.value.hint


def test_before_the_start_there_is_no_address() -> None:
    async def run() -> None:
        server = CaptureServer(_say_ok)
        with pytest.raises(RuntimeError):
            _ = server.url
        await server.stop()
        await server.start()
        with pytest.raises(RuntimeError):
            await server.start()
        await server.stop()
        await server.stop()

    asyncio.run(run())


def test_the_default_clock_is_the_systems(recorder: Recorder) -> None:
    before_ms = time.time_ns() // 1_000_000
    with BackgroundServer(recorder) as server:
        assert_serves(server)
    assert before_ms <= recorder.requests[0].received_at_ms <= time.time_ns() // 1_000_000


def test_stopping_answers_what_is_under_way_and_closes_what_is_idle() -> None:
    async def run() -> None:
        began = asyncio.Event()
        go_on = asyncio.Event()

        async def wait(request: CapturedRequest) -> Reply:
            if request.target == "/wait":
                began.set()
                await go_on.wait()
            return Reply(200, request.body)

        server = CaptureServer(wait)
        await server.start()
        idle_reader, idle_writer = await asyncio.open_connection(server.host, server.port)
        idle_writer.write(post(b"idle"))
        await idle_reader.readuntil(b"idle")
        fresh_reader, fresh_writer = await asyncio.open_connection(server.host, server.port)
        busy_reader, busy_writer = await asyncio.open_connection(server.host, server.port)
        busy_writer.write(post(b"handled", target=b"/wait") + post(b"dropped"))
        half_reader, half_writer = await asyncio.open_connection(server.host, server.port)
        half_writer.write(post(b"half")[:-1])
        await began.wait()
        await asyncio.sleep(0.05)

        stopping = asyncio.create_task(server.stop(grace_s=5))
        async with asyncio.timeout(2):
            assert await idle_reader.read() == b""
            assert await fresh_reader.read() == b""
        assert not stopping.done()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(server.host, server.port)
        half_writer.write(b"f")
        go_on.set()
        for reader, writer, body in (
            (busy_reader, busy_writer, b"handled"),
            (half_reader, half_writer, b"half"),
        ):
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nConnection: close\r\n" in answer
            assert answer.endswith(b"\r\n\r\n" + body)
            writer.close()
        async with asyncio.timeout(2):
            await stopping
        for writer in (idle_writer, fresh_writer):
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_grace_ends(stubborn: bool) -> None:
    async def run() -> None:
        began = asyncio.Event()
        ended: list[str] = []

        async def hang(_: CapturedRequest) -> Reply:
            began.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cancelled")
                if not stubborn:
                    raise
                await asyncio.sleep(1.5)
            return Reply(200)

        server = CaptureServer(hang)
        await server.start()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(post(b""))
        await began.wait()
        began_s = time.monotonic()
        await server.stop(grace_s=0.2)
        assert 0.15 < time.monotonic() - began_s < 1.4
        assert ended == ["cancelled"]
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    asyncio.run(run())


def test_leaving_the_context_closes_idle_connections_at_once() -> None:
    with BackgroundServer(_say_ok, grace_s=5) as server:
        client = RawClient.to(server)
        client.send(post(b""))
        assert client.answer().status == 200
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 1
    with client:
        assert client.rest() == b""


def test_a_context_is_entered_once() -> None:
    server = BackgroundServer(_say_ok)
    with server:
        pass
    with pytest.raises(RuntimeError), server:
        pass


def test_a_handler_that_blocks_the_loop_does_not_block_the_exit(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookctl.receiver.background._STOP_MARGIN_S", 0.2)

    async def block(_: CapturedRequest) -> Reply:
        time.sleep(1)
        return Reply(200)

    began_s = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="hookctl"):
        with BackgroundServer(block, grace_s=0.1) as server, RawClient.to(server) as client:
            client.send(post(b""))
            time.sleep(0.1)
        assert time.monotonic() - began_s < 0.9
    assert "did not stop" in caplog.text
    server._thread.join(5)
    assert not server._thread.is_alive()


def test_a_clock_that_fails_leaves_nobody_waiting() -> None:
    times = iter([0])

    def clock() -> int:
        return next(times)

    async def run() -> None:
        failures: list[Exception] = []
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: seen.append(context["message"]))
        server = CaptureServer(_say_ok, clock=clock, on_error=failures.append)
        await server.start()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(post(b""))
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        writer.close()
        await server.stop()
        assert failures

    asyncio.run(run())


def test_limits_reach_the_server_behind() -> None:
    with (
        BackgroundServer(_say_ok, limits=Limits(max_body_bytes=1)) as server,
        RawClient.to(server) as client,
    ):
        client.send(post(b"ab"))
        assert client.answer().status == 413


class _Counting:
    """Handlers of each kind that answer with many bytes and count the answers."""

    body = b"x" * 3000

    def __init__(self) -> None:
        self.answered = 0

    def at_once(self, _: CapturedRequest) -> Reply:
        self.answered += 1
        return Reply(200, self.body)

    async def coroutine(self, request: CapturedRequest) -> Reply:
        await asyncio.sleep(0.001)
        return self.at_once(request)

    def future(self, request: CapturedRequest) -> asyncio.Future[Reply]:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        loop.call_soon(lambda: answer.set_result(self.at_once(request)))
        return answer


class _Load(threading.Thread):
    """Sends requests and reads the answers until the server closes the connection."""

    def __init__(self, server: BackgroundServer, pipelined: int) -> None:
        super().__init__()
        self.client = RawClient.to(server)
        self.pipelined = pipelined
        self.bodies: list[bytes] = []

    def run(self) -> None:
        with contextlib.suppress(AssertionError, ConnectionError):
            while True:
                self.client.send(post(b"y" * 100) * self.pipelined)
                for _ in range(self.pipelined):
                    self.bodies.append(self.client.answer().body)
        self.client.socket.close()

    def rest(self) -> bytes:
        """Return the bytes of an answer that was cut."""
        self.join(10)
        assert not self.is_alive()
        return bytes(self.client._read)


@pytest.mark.parametrize("way", ["at once", "coroutine", "future"])
def test_stopping_under_load_cuts_no_answer(way: str, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    counting = _Counting()
    handlers: dict[str, Handler] = {
        "at once": counting.at_once,
        "coroutine": counting.coroutine,
        "future": counting.future,
    }
    with BackgroundServer(handlers[way], grace_s=5, new_loop=new_loop) as server:
        loads = [_Load(server, 1 + number % 2) for number in range(8)]
        for load in loads:
            load.start()
        time.sleep(0.3)
    assert [load.rest() for load in loads] == [b""] * 8
    bodies = [body for load in loads for body in load.bodies]
    assert set(bodies) == {counting.body}
    assert len(bodies) == counting.answered > 100


def test_run_is_a_loop_from_beginning_to_end() -> None:
    async def served() -> tuple[asyncio.AbstractEventLoop, str]:
        server = CaptureServer(_say_ok)
        await server.start()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(post(b"", b"Connection: close"))
        answer = await reader.read()
        writer.close()
        await server.stop()
        return asyncio.get_running_loop(), answer.partition(b" ")[0].decode()

    loop, answer = run(served())
    assert answer == "HTTP/1.1"
    assert loop.is_closed()


def test_without_uvloop_the_loop_is_asyncios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    assert type(loop).__module__.startswith("asyncio")
    loop.close()


def test_with_uvloop_the_loop_is_uvloops() -> None:
    uvloop = pytest.importorskip("uvloop")
    loop = new_event_loop()
    assert isinstance(loop, uvloop.Loop)
    loop.close()
