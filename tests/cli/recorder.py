"""A receiver inside the test's own process that keeps what it gets and answers what the test wants."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever its case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


Answer: TypeAlias = tuple[int, bytes]


class Recorder:
    """What a running receiver has got so far, and what it answers: status and body."""

    def __init__(self, answer: Callable[[int, Received], Answer]) -> None:
        self.answer = answer
        self.base = ""
        """The receiver's URL without a path."""
        self._requests: list[Received] = []
        self._changed = threading.Condition()

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in order of arrival."""
        with self._changed:
            return list(self._requests)

    def wait(self, count: int, timeout_s: float = 10.0) -> list[Received]:
        """Return the requests as soon as there are so many; fail when there never are."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s), self._requests
            return list(self._requests)

    def take(self, request: Received) -> Answer:
        """Keep a request and return its answer; the answer gets its number, from 0."""
        with self._changed:
            number = len(self._requests)
            self._requests.append(request)
            self._changed.notify_all()
        return self.answer(number, request)


class _Server(ThreadingHTTPServer):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recorder = recorder
        recorder.base = f"http://127.0.0.1:{self.server_address[1]}"

    def server_bind(self) -> None:
        # HTTPServer's own looks the host's name up, which can hang where there is no resolver
        TCPServer.server_bind(self)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        status, answer = self.server.recorder.take(Received(self.path, tuple(self.headers.items()), body))
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except ConnectionError:
            self.close_connection = True  # the sender was interrupted and waits no longer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def always(status: int, body: bytes = b"") -> Callable[[int, Received], Answer]:
    """Return an answer that is the same for every request."""
    return lambda *_: (status, body)


@contextmanager
def recording(answer: Callable[[int, Received], Answer] | None = None) -> Iterator[Recorder]:
    """Run a receiver on a free port of 127.0.0.1 for the length of a `with` block; it accepts everything by default."""
    recorder = Recorder(answer or always(200, b"OK"))
    server = _Server(recorder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="test-recorder")
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unused_port() -> int:
    """Return a port on which nothing listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
