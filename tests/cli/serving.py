"""A server of hookctl's as its users run it: a process of its own, found by its ready file, read line by line."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tests import schemas
from tests.receiver.rawclient import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.harness import Cli
    from tests.receiver.rawclient import Answer

PATIENCE_S = 30.0
_END = None


@dataclass
class Serving:
    """A server under way, or one that has ended."""

    process: subprocess.Popen[bytes]
    url: str = ""
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)
    _errors: list[str] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The address it listens on."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.url).port or 0

    def client(self) -> RawClient:
        """Return a connection to it."""
        return RawClient(self.host, self.port)

    def send(self, request: bytes) -> Answer:
        """Send a request over a connection of its own and return the answer."""
        with self.client() as client:
            client.send(request)
            return client.answer(to_head=request.startswith(b"HEAD "))

    def line(self) -> str:
        """Return the next line of standard output; fail when none comes."""
        line = self._lines.get(timeout=PATIENCE_S)
        assert line is not None, f"it has ended: {self.errors}"
        return line

    def record(self, kind: str = "request") -> dict[str, Any]:
        """Return the next record of a kind."""
        while True:
            record = schemas.record(self.line())
            if record["type"] == kind:
                return record

    def rest(self) -> list[str]:
        """Return the lines that are left, of a server that ends."""
        lines: list[str] = []
        while (line := self._lines.get(timeout=PATIENCE_S)) is not _END:
            lines.append(line)
        return lines

    def records(self) -> list[dict[str, Any]]:
        """Return the records that are left, of a server that ends."""
        return [schemas.record(line) for line in self.rest()]

    @property
    def errors(self) -> str:
        """What it has written to standard error so far."""
        return "".join(self._errors)

    def wait_for_error(self, text: str) -> None:
        """Return as soon as it has complained of something."""
        until_s = time.monotonic() + PATIENCE_S
        while text not in self.errors:
            assert time.monotonic() < until_s, self.errors
            time.sleep(0.01)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Return its exit code as soon as it has ended; what it wrote is then all there."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        self.send_signal(number)
        return self.wait()

    def read(self) -> None:
        """Begin to read its output."""
        for stream, take in ((self.process.stdout, self._lines.put), (self.process.stderr, self._errors.append)):
            reader = threading.Thread(target=_read, args=(stream, take), daemon=True)
            reader.start()
            self._readers.append(reader)


def _read(stream: Any, take: Callable[[str | None], None]) -> None:  # noqa: ANN401 - a pipe of subprocess
    for line in stream:
        take(line.decode())
    if take.__name__ == "put":
        take(_END)


Server = TypeVar("Server", bound=Serving)


@contextmanager
def serving(
    kind: type[Server],
    cli: Cli,
    arguments: Sequence[str],
    *,
    env: Mapping[str, str | None] | None = None,
    before: Callable[[], object] | None = None,
    ready_file: str = "ready",
) -> Iterator[Server]:
    """Run a command that serves for the length of a `with` block.

    Args:
        kind: what it is.
        cli: whose folder and environment it has.
        arguments: the command line after `hookctl`.
        env: further variables.
        before: is called in the new process before it becomes hookctl.
        ready_file: its name, of which two servers in one folder need two.
    """
    ready = cli.folder / ready_file
    # one that was killed has left its own
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        [cli.python, "-m", "hookctl", *arguments, "--ready-file", str(ready)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cli.folder,
        env=cli.environment({"PYTHONUNBUFFERED": None, **(env or {})}),
        preexec_fn=before,  # noqa: PLW1509 - the test has no other thread that holds a lock at this moment
    )
    server = kind(process)
    with process:
        server.read()
        try:
            server.url = _url(server, ready)
            yield server
        finally:
            process.kill()
            # before the pipes are closed under those who read them
            server.wait()


def _url(server: Serving, ready: Path) -> str:
    """Return where it listens, as soon as it does."""
    until_s = time.monotonic() + PATIENCE_S
    while not ready.exists():
        ended = server.process.poll() is not None
        assert not ended, server.errors
        assert time.monotonic() < until_s, server.errors
        time.sleep(0.005)
    # it appears whole
    return ready.read_text().strip()
