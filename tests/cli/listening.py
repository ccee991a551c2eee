"""A listener as its users run it: a process of its own, found by its ready file, read line by line, ended by its id."""

from __future__ import annotations

import ctypes
import json
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.cli.signed import arcade, arky
from tests.receiver.rawclient import RawClient, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.cli.signed import Lines
    from tests.harness import Cli
    from tests.receiver.rawclient import Answer

PATIENCE_S = 30.0
_END = None


@dataclass
class Listening:
    """A listener under way, or one that has ended."""

    process: subprocess.Popen[bytes]
    url: str
    state: Path
    """The folder that its store is in."""
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
            record: dict[str, Any] = json.loads(self.line())
            if record["type"] == kind:
                return record

    def rest(self) -> list[str]:
        """Return the lines that are left, of a listener that ends."""
        lines: list[str] = []
        while (line := self._lines.get(timeout=PATIENCE_S)) is not _END:
            lines.append(line)
        return lines

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

    def rows(self, columns: str = "event_id") -> list[tuple[Any, ...]]:
        """Return columns of the stored deliveries, in the order in which they were stored."""
        return stored(self.state, columns)

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


@contextmanager
def listening(
    cli: Cli,
    *arguments: str,
    form: str = "ndjson",
    env: Mapping[str, str | None] | None = None,
    before: Callable[[], object] | None = None,
) -> Iterator[Listening]:
    """Run `hookctl listen` on a free port for the length of a `with` block.

    Args:
        cli: whose folder and environment it has; its store is in the folder `state` there.
        arguments: further ones.
        form: of its output.
        env: further variables.
        before: is called in the new process before it becomes hookctl.
    """
    state = cli.folder / "state"
    ready = cli.folder / "ready"
    # one that was killed has left its own
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        command(*arguments, "--ready-file", str(ready), form=form),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cli.folder,
        env=cli.environment({"XDG_STATE_HOME": str(state), "PYTHONUNBUFFERED": None, **(env or {})}),
        preexec_fn=before,  # noqa: PLW1509 - the test has no other thread that holds a lock at this moment
    )
    listener = Listening(process, "", state)
    with process:
        listener.read()
        try:
            listener.url = _url(listener, ready)
            yield listener
        finally:
            process.kill()
            # before the pipes are closed under those who read them
            listener.wait()


def command(*arguments: str, form: str = "ndjson") -> Sequence[str]:
    """Return the command line of a listener on a free port."""
    port = () if "--port" in arguments else ("--port", "0")
    return [sys.executable, "-m", "hookctl", "listen", *port, "--format", form, *arguments]


def _url(listener: Listening, ready: Path) -> str:
    """Return where it listens, as soon as it does."""
    until_s = time.monotonic() + PATIENCE_S
    while not ready.exists():
        ended = listener.process.poll() is not None
        assert not ended, listener.errors
        assert time.monotonic() < until_s, listener.errors
        time.sleep(0.005)
    # it appears whole
    return ready.read_text().strip()


def stored(state: Path, columns: str = "event_id") -> list[tuple[Any, ...]]:
    """Return columns of the deliveries in a store, in the order in which they were stored."""
    # with nothing of hookctl's, and not through a copy: what a listener has committed is there for everybody
    connection = sqlite3.connect(f"file:{state / 'hookctl' / 'deliveries.db'}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT {columns} FROM deliveries ORDER BY seq").fetchall()  # noqa: S608 - ours
    finally:
        connection.close()


def body_of(id_: str, event: str = "order.paid") -> bytes:
    """Return the body of a delivery of Arky's."""
    return b'{"id":"%b","event":"%b","timestamp":1704067200,"data":{}}' % (id_.encode(), event.encode())


def delivery(id_: str = "evt_1", event: str = "order.paid", target: str = "/hook") -> bytes:
    """Return a genuine delivery of Arky's as it goes over the wire."""
    body = body_of(id_, event)
    return post(body, *lines(arky(body)), target=target.encode())


def submission(body: bytes = b'{"type":"formSubmission.created","timestamp":"2024-01-01T00:00:00.000Z"}') -> bytes:
    """Return a genuine delivery of Arcade's as it goes over the wire."""
    return post(body, *lines(arcade(body)))


def unsigned(name: str, body: bytes = b"{}") -> bytes:
    """Return a delivery that a header shows to be of a provider, with nothing that signs it."""
    return post(body, name.encode() + b": ")


def lines(headers: Lines) -> list[bytes]:
    """Return header lines as they go over the wire."""
    return [f"{name}: {value}".encode() for name, value in headers]


def without_privileges() -> None:
    """Take away from the process to come what root may do in spite of permissions, and reserved ports.

    Of another user it takes nothing. Called between fork and exec.
    """
    drop_from_bounding_set, dac_override, dac_read_search, net_bind_service = 24, 1, 2, 10
    libc = ctypes.CDLL(None)
    for capability in (dac_override, dac_read_search, net_bind_service):
        libc.prctl(drop_from_bounding_set, capability, 0, 0, 0)


def resident_kib(pid: int) -> int:
    """Return how much memory a process has in use, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def send_together(
    listener: Listening, senders: int, each: int, name: str = "evt", acknowledge: Callable[[], None] = lambda: None
) -> dict[int, list[str]]:
    """Deliver over so many connections at once, and return the ids that each has been told 200 for, in order.

    A sender ends early when the listener is gone.

    Args:
        listener: where to.
        senders: how many connections.
        each: how many deliveries over each of them.
        name: what the ids begin with.
        acknowledge: is called in the sender's thread after each 200.
    """
    acknowledged: dict[int, list[str]] = {number: [] for number in range(senders)}

    def deliver(sender: int) -> None:
        # gone in the middle of an answer, or between two
        with suppress(OSError, AssertionError), listener.client() as client:
            for number in range(each):
                id_ = f"{name}-{sender}-{number}"
                client.send(delivery(id_))
                if client.answer().status == 200:
                    acknowledged[sender].append(id_)
                    acknowledge()

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    return acknowledged
