"""A client that sends exactly the bytes it is given, and reads answers without knowing much HTTP."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookctl.receiver import BackgroundServer

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as read from the wire."""

    status: int
    headers: dict[str, str]
    """Names in lower case; a repeated name would fail the reading."""
    body: bytes


class RawClient:
    """One TCP connection. Everything it waits for is bounded by `PATIENCE_S`."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = bytearray()

    @classmethod
    def to(cls, server: BackgroundServer) -> Self:
        return cls(server.host, server.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        """Send each piece with a system call of its own."""
        for piece in pieces:
            self.socket.sendall(piece)

    def try_to_send(self, pieces: Iterable[bytes]) -> None:
        """Send until the peer will have no more of it."""
        with contextlib.suppress(ConnectionError):
            self.send(*pieces)

    def finish(self) -> None:
        """Close the sending side."""
        self.socket.shutdown(socket.SHUT_WR)

    def answer(self, *, to_head: bool = False) -> Answer:
        """Read one final answer."""
        head = self._until(b"\r\n\r\n")
        status_line, *lines = head[:-4].decode("latin-1").split("\r\n")
        version, status = status_line.split(" ")[:2]
        assert version == "HTTP/1.1"
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers, f"{name} is there twice"
            headers[name.lower()] = value
        body_bytes = 0 if to_head else int(headers.get("content-length", "0"))
        while len(self._read) < body_bytes:
            self._fill()
        body = bytes(self._read[:body_bytes])
        del self._read[:body_bytes]
        return Answer(int(status), headers, body)

    def interim(self) -> bytes:
        """Read one interim answer."""
        return self._until(b"\r\n\r\n")

    def rest(self) -> bytes:
        """Read until the peer closes its side; a reset is an error."""
        while piece := self.socket.recv(65536):
            self._read += piece
        rest = bytes(self._read)
        self._read.clear()
        return rest

    def silent_for(self, seconds: float) -> bool:
        """Return whether nothing arrives, neither bytes nor the end."""
        if self._read:
            return False
        self.socket.settimeout(seconds)
        try:
            self._read += self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE_S)
        return False

    def _until(self, mark: bytes) -> bytes:
        while (found := self._read.find(mark)) < 0:
            self._fill()
        head = bytes(self._read[: found + len(mark)])
        del self._read[: found + len(mark)]
        return head

    def _fill(self) -> None:
        piece = self.socket.recv(65536)
        assert piece, f"the connection closed after {bytes(self._read)!r}"
        self._read += piece


def post(body: bytes, *headers: bytes, target: bytes = b"/hook") -> bytes:
    """Return a POST with its length declared."""
    lines = [b"POST " + target + b" HTTP/1.1", b"Host: test", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def post_in_chunks(chunks: Iterable[bytes], *headers: bytes, target: bytes = b"/hook") -> bytes:
    """Return a POST in chunks; empty ones are left out, as they would end the body."""
    lines = [b"POST " + target + b" HTTP/1.1", b"Host: test", *headers, b"Transfer-Encoding: chunked"]
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return b"\r\n".join([*lines, b"", sent]) + b"0\r\n\r\n"


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Return `data` in pieces, cut at the places given, modulo its length; no piece is empty."""
    marks = sorted({0, len(data), *(place % len(data) for place in places)})
    return [data[begin:end] for begin, end in pairwise(marks)]


def assert_serves(server: BackgroundServer) -> None:
    """Check that a well-behaved client on a new connection gets its answer."""
    with RawClient.to(server) as client:
        client.send(post(b"hi"))
        assert client.answer().status == 200
