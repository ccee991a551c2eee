"""Real programs that the tests of captures need: curl, and a Node server that dumps what it receives."""

from __future__ import annotations

import queue
import shutil
import socketserver
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hookctl.model import Capture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hookctl.model import Unreadable

HERE = Path(__file__).resolve().parent
WAIT_S = 30


def program(name: str) -> str:
    """Return where a program is; fail when the machine lacks it."""
    found = shutil.which(name)
    assert found is not None, f"these tests need the program {name}"
    return found


def one(parts: Sequence[Capture | Unreadable]) -> Capture:
    """Return the only capture of a file."""
    [part] = parts
    return capture(part)


def capture(part: Capture | Unreadable) -> Capture:
    """Return what was read when it is a capture."""
    assert isinstance(part, Capture), part
    return part


class _Recorder(socketserver.StreamRequestHandler):
    """Takes one request, of a given length or without a body, and answers with nothing."""

    timeout = WAIT_S

    def handle(self) -> None:
        lines: list[bytes] = []
        while line := self.rfile.readline().rstrip(b"\r\n"):
            lines.append(line)
        pairs = [tuple(line.split(b":", 1)) for line in lines[1:]]
        headers = [(name.lower(), value.strip()) for name, value in pairs]
        body = self.rfile.read(int(dict(headers).get(b"content-length", b"0")))
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert isinstance(self.server, _RecorderServer)
        self.server.requests.put(Recorded(lines[0], headers, body))


class _RecorderServer(socketserver.TCPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recorder)
        self.requests: queue.Queue[Recorded] = queue.Queue()


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived; names of headers in lower case, their values trimmed."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass
class Recorder:
    """A server of plain sockets, and what it got."""

    url: str
    requests: queue.Queue[Recorded]

    def take(self) -> Recorded:
        """Return the next request; fail when none has come."""
        return self.requests.get(timeout=WAIT_S)


@contextmanager
def recorder() -> Iterator[Recorder]:
    """Record requests on a free loopback port."""
    with _RecorderServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Recorder(f"http://127.0.0.1:{server.server_address[1]}/hook", server.requests)
        finally:
            server.shutdown()
            thread.join(WAIT_S)


@dataclass
class Dumper:
    """A Node server that appends each request to a file, as raw HTTP text of its own making."""

    url: str
    file: Path

    def take(self) -> bytes:
        """Return what it has written since the last time."""
        content = self.file.read_bytes()
        self.file.write_bytes(b"")
        return content


@contextmanager
def dumper(folder: Path) -> Iterator[Dumper]:
    """Run `data/dump-server.mjs` on a free loopback port."""
    file = folder / "dump.http"
    file.write_bytes(b"")
    command = [program("node"), str(HERE / "data" / "dump-server.mjs"), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        try:
            yield Dumper(f"http://127.0.0.1:{port}", file)
        finally:
            # it ends when its standard input does
            process.stdin.close()
            process.wait(WAIT_S)
