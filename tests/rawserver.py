"""A receiver of plain sockets: keeps each request's bytes as they came, answers any bytes at all."""

from __future__ import annotations

import queue
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT_S = 20.0


@dataclass(frozen=True)
class Received:
    """One request, head and body as they came over the wire."""

    head: bytes
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        """The request line and the header lines."""
        return self.head.split(b"\r\n")

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Header lines in order, repeats kept, names in lower case."""
        pairs = (line.partition(b": ") if b": " in line else line.partition(b":") for line in self.lines[1:])
        return [(name.lower(), value) for name, _, value in pairs]


Answer: TypeAlias = "Callable[[Received], bytes]"


def ok(_: Received) -> bytes:
    """Answer 200 with nothing."""
    return answer(b"", b"200 OK")


def answer(body: bytes, status: bytes = b"500 No", headers: bytes = b"") -> bytes:
    """Return an answer with a body and header lines."""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, headers, len(body), body)


@dataclass
class RawServer:
    """Where it listens, and what it got."""

    port: int
    requests: queue.Queue[Received] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        """Its root."""
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self) -> Received:
        """Return the next request; fail when none comes."""
        return self.requests.get(timeout=WAIT_S)


@contextmanager
def raw_server(reply: Answer = ok) -> Iterator[RawServer]:
    """Serve one connection after the other on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(listener.getsockname()[1])
        stopping = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, server, reply, stopping))
        thread.start()
        try:
            yield server
        finally:
            stopping.set()
            # a connection of our own ends the wait for the next one
            socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_S).close()
            thread.join(WAIT_S)
            assert not thread.is_alive()


def _serve(listener: socket.socket, server: RawServer, reply: Answer, stopping: threading.Event) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            if stopping.is_set():
                return
            connection.settimeout(WAIT_S)
            received = _receive(connection)
            if received is not None:
                server.requests.put(received)
                connection.sendall(reply(received))


def _receive(connection: socket.socket) -> Received | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    if b"100-continue" in head.lower():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < int(lengths[0]):
        chunk = connection.recv(65536)
        if not chunk:
            return None
        body += chunk
    return Received(head, body)
