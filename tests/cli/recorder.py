"""A receiver inside the test's own process that keeps what it gets and answers what the test wants.

It is hookctl's own server; what the bytes on the wire are is checked elsewhere, over raw sockets and by other programs.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hookctl.receiver import BackgroundServer, Limits, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.model import CapturedRequest

_AT_ONCE = 64


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

    def keep(self, request: Received) -> int:
        """Keep a request and return its number, from 0."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            return len(self._requests) - 1


def always(status: int, body: bytes = b"") -> Callable[[int, Received], Answer]:
    """Return an answer that is the same for every request."""
    return lambda *_: (status, body)


@contextmanager
def recording(answer: Callable[[int, Received], Answer] | None = None) -> Iterator[Recorder]:
    """Run a receiver on a free port of 127.0.0.1 for the length of a `with` block; it accepts everything by default."""
    recorder = Recorder(answer or always(200, b"OK"))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="test-recorder") as threads:

        async def handle(request: CapturedRequest) -> Reply:
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
            received = Received(request.target, headers, request.body)
            number = recorder.keep(received)
            # an answer may take its time, and others come meanwhile
            loop = asyncio.get_running_loop()
            status, body = await loop.run_in_executor(threads, recorder.answer, number, received)
            return Reply(status, body)

        with BackgroundServer(handle, grace_s=0.2, limits=Limits(max_connections=_AT_ONCE * 2)) as server:
            recorder.base = server.url
            yield recorder


def unused_port() -> int:
    """Return a port on which nothing listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
