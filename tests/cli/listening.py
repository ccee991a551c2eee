"""A listener as its users run it: a process of its own, found by its ready file, read line by line, ended by its id."""

from __future__ import annotations

import ctypes
import sqlite3
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cli.serving import PATIENCE_S, Serving, serving
from tests.cli.signed import arcade, arky
from tests.receiver.rawclient import post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.cli.signed import Lines
    from tests.harness import Cli


@dataclass
class Listening(Serving):
    """A listener under way, or one that has ended."""

    state: Path = Path()
    """The folder that its store is in."""

    def rows(self, columns: str = "event_id") -> list[tuple[Any, ...]]:
        """Return columns of the stored deliveries, in the order in which they were stored."""
        return stored(self.state, columns)


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
    line = command(*arguments, form=form)[3:]
    with serving(Listening, cli, line, env={"XDG_STATE_HOME": str(state), **(env or {})}, before=before) as listener:
        listener.state = state
        yield listener


def command(*arguments: str, form: str = "ndjson") -> Sequence[str]:
    """Return the command line of a listener on a free port."""
    port = () if "--port" in arguments else ("--port", "0")
    return [sys.executable, "-m", "hookctl", "listen", *port, "--format", form, *arguments]


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
