"""What may go wrong while `hookctl listen` runs: full disks, locks, kill -9, peers that trickle or talk nonsense."""

from __future__ import annotations

import itertools
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import schemas
from tests.cli.listening import (
    Listening,
    body_of,
    command,
    delivery,
    lines,
    listening,
    send_together,
    stored,
    without_privileges,
)
from tests.cli.serving import PATIENCE_S
from tests.cli.signed import arky
from tests.harness import Cli
from tests.receiver.rawclient import post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of another process: Linux only")


def big(id_: str) -> bytes:
    """Return a genuine delivery of 100 KB."""
    body = body_of(id_) + b" " * 100_000
    return post(body, *lines(arky(body)))


def integrity(state: Path) -> list[tuple[str]]:
    """Return what SQLite says about the whole database."""
    connection = sqlite3.connect(state / "hookctl" / "deliveries.db")
    try:
        return connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()


# the store


@linux_only
@pytest.mark.parametrize("forward", [False, True])
def test_on_a_full_disk_nothing_is_acknowledged_and_it_goes_on_when_there_is_space(signing: Cli, forward: bool) -> None:
    # a limit on the size of files is to SQLite what a full disk is: writing fails
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    # passed on to where nothing listens: what is not kept is not passed on either
    arguments = ("--forward-to", "http://127.0.0.1:1/") if forward else ()
    kept = 502 if forward else 200
    with listening(signing, *arguments) as listener, listener.client() as client:
        client.send(delivery("evt_before"))
        assert client.answer().status == kept
        resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE, (64 * 1024, unlimited[1]))
        for number in range(5):
            client.send(big(f"evt_lost_{number}"))
            answer = client.answer()
            assert (answer.status, answer.body) == (507, b"hookctl could not store this delivery\n")
        listener.wait_for_error("note: not stored, answered 507: ")
        resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE, unlimited)
        client.send(big("evt_after"))
        assert client.answer().status == kept
        assert listener.end() == 0
        records = listener.records()
        assert listener.rows() == [("evt_before",), ("evt_after",)]
        assert integrity(listener.state) == [("ok",)]
    answered = [(record["id"] is None, record["response_status"]) for record in records if record["type"] == "request"]
    assert answered == [(False, kept), *[(True, 507)] * 5, (False, kept)]
    assert (records[-1]["not_stored"], records[-1]["stored"]) == (5, 2)
    assert "deliveries.db" in listener.errors
    assert "Traceback" not in listener.errors


@linux_only
def test_what_was_lost_does_not_count_as_one_that_has_come(signing: Cli) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    with listening(signing, "--until", "1") as listener:
        resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE, (64 * 1024, unlimited[1]))
        assert listener.send(big("evt_lost")).status == 507
        resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert listener.process.poll() is None
        assert listener.send(delivery("evt_kept")).status == 200
        assert listener.wait() == 0


def test_a_store_that_another_program_holds_is_507_and_nothing_more(signing: Cli) -> None:
    with listening(signing) as listener:
        assert listener.send(delivery("evt_1")).status == 200
        other = sqlite3.connect(listener.state / "hookctl" / "deliveries.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert listener.send(delivery("evt_2")).status == 507
        other.execute("ROLLBACK")
        other.close()
        assert listener.send(delivery("evt_3")).status == 200
        assert listener.end() == 0
        assert "locked by another program" in listener.errors
        assert listener.rows() == [("evt_1",), ("evt_3",)]


def run_without_privileges(cli: Cli, state: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a listener that has to obey permissions, root's too."""
    return subprocess.run(
        command("--timeout", "0"),
        capture_output=True,
        cwd=cli.folder,
        env=cli.environment({"XDG_STATE_HOME": str(state)}),
        timeout=PATIENCE_S,
        preexec_fn=without_privileges,
        check=False,
    )


def test_a_folder_that_cannot_be_written_to_is_said_before_a_port_is_opened(signing: Cli, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o500)
    done = run_without_privileges(signing, state)
    assert (done.returncode, done.stdout) == (3, b"")
    assert re.match(rb"error: cannot make the store \S+deliveries\.db: Permission denied\n hint: ", done.stderr)


def test_a_database_that_cannot_be_written_to_is_said(signing: Cli) -> None:
    with listening(signing) as listener:
        assert listener.send(delivery()).status == 200
        assert listener.end() == 0
    folder = listener.state / "hookctl"
    # what another user's store is like
    (folder / "deliveries.db").chmod(0o400)
    folder.chmod(0o500)
    try:
        done = run_without_privileges(signing, listener.state)
    finally:
        folder.chmod(0o700)
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"error: " in done.stderr
    assert b"deliveries.db" in done.stderr
    assert b"Traceback" not in done.stderr
    assert stored(listener.state) == [("evt_1",)]


def test_a_store_that_is_no_database_is_said_and_left_alone(signing: Cli) -> None:
    folder = signing.folder / "state" / "hookctl"
    folder.mkdir(parents=True)
    (folder / "deliveries.db").write_bytes(b"my diary, not a database\n" * 100)
    result = signing("listen", "--port", "0", "--timeout", "0", env={"XDG_STATE_HOME": str(folder.parent)})
    assert result.code == 3
    assert "is not a database" in result.err
    assert (folder / "deliveries.db").read_bytes() == b"my diary, not a database\n" * 100


def test_two_listeners_share_a_store(signing: Cli) -> None:
    other = Cli(signing.folder / "other", signing.env)
    other.folder.mkdir()
    shared = signing.folder / "state"
    with listening(signing) as one, listening(other, env={"XDG_STATE_HOME": str(shared)}) as two:
        with ThreadPoolExecutor() as threads:
            told = list(threads.map(send_together, (one, two), (8, 8), (25, 25), ("one", "two")))
        acknowledged = sorted(itertools.chain.from_iterable(ids for by in told for ids in by.values()))
        assert len(acknowledged) == 2 * 8 * 25
        assert sorted(id_ for (id_,) in stored(shared)) == acknowledged
        assert [one.end(), two.end()] == [0, 0]
        assert one.errors + two.errors == ""


def test_eight_senders_at_once_lose_nothing_and_keep_their_order(signing: Cli) -> None:
    with listening(signing) as listener:
        acknowledged = send_together(listener, 8, 200)
        rows = [id_ for (id_,) in listener.rows()]
        assert listener.end() == 0
        said = [record["event_id"] for record in listener.records() if record["type"] == "request"]
    assert len(rows) == 1600
    # told in the order in which they were stored
    assert said == rows
    for sender, ids in acknowledged.items():
        assert ids == [f"evt-{sender}-{number}" for number in range(200)]
        assert [id_ for id_ in rows if id_.startswith(f"evt-{sender}-")] == ids


class Countdown:
    """Does something when it is called for the nth time, and whenever it is called again."""

    def __init__(self, count: int, end: Callable[[], None]) -> None:
        self._left = count
        self._end = end
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                self._end()


def kill_under_load(cli: Cli, runs: int, seed: int) -> None:
    """Kill listeners with -9 while eight senders deliver, and look for all that was ever acknowledged."""
    moments = random.Random(seed)  # noqa: S311 - when to kill
    acknowledged: set[str] = set()
    for run in range(runs):
        with listening(cli) as listener:
            # after so many answers, while those to the other senders are under way
            last = Countdown(moments.randrange(1, 600), listener.process.kill)
            told = send_together(listener, 8, 100_000, f"run{run}", last)
            assert listener.wait() == -signal.SIGKILL
        acknowledged.update(itertools.chain.from_iterable(told.values()))
        # opened by another program as it was left
        assert integrity(listener.state) == [("ok",)]
        assert acknowledged <= {id_ for (id_,) in stored(listener.state)}
    # and by hookctl itself
    with listening(cli) as listener:
        assert listener.send(delivery("evt_at_last")).status == 200


def test_killed_under_load_it_has_lost_nothing_acknowledged(signing: Cli) -> None:
    kill_under_load(signing, runs=3, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_thirty_times_under_load_it_has_lost_nothing_acknowledged(signing: Cli) -> None:
    kill_under_load(signing, runs=30, seed=2)


# the peers


@pytest.mark.slow
def test_peers_that_trickle_hold_nobody_up_and_are_closed_in_time(signing: Cli) -> None:
    head = b"POST /hook HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 1000
    with listening(signing, "--forward-to", "http://127.0.0.1:1/") as listener:
        started_s = time.monotonic()
        slow = [listener.client() for _ in range(20)]
        closed_s: dict[int, float] = {}
        waits: list[float] = []
        for at in itertools.count():
            for number, client in enumerate(slow):
                if number not in closed_s:
                    try:
                        client.send(head[at : at + 1])
                        if not client.silent_for(0.001):
                            closed_s[number] = time.monotonic() - started_s
                    except OSError:
                        closed_s[number] = time.monotonic() - started_s
            asked_s = time.monotonic()
            assert listener.send(delivery(f"evt_{at}")).status == 502
            waits.append(time.monotonic() - asked_s)
            if len(closed_s) == len(slow):
                break
            assert time.monotonic() - started_s < 20
            time.sleep(0.2)
        for client in slow:
            client.socket.close()
        assert all(9 < at_s < 14 for at_s in closed_s.values())
        assert max(waits) < 2
        assert listener.end() == 0
        refused = [record for record in listener.records() if record["type"] == "refused"]
        assert [record["response_status"] for record in refused] == [408] * 20


def test_one_connection_too_many_is_refused_and_told(signing: Cli) -> None:
    with listening(signing) as listener:
        idle = [listener.client() for _ in range(64)]
        for client in idle:
            client.send(delivery())
            assert client.answer().status == 200
        assert listener.send(delivery()).status == 503
        assert listener.record("refused")["response_status"] == 503
        for client in idle:
            client.socket.close()
        assert listener.end() == 0


def test_a_body_over_the_limit_is_refused_and_one_at_it_is_not(signing: Cli) -> None:
    with listening(signing, "--max-body", "1000") as listener:
        assert listener.send(post(b"x" * 1000)).status == 200
        assert listener.send(post(b"x" * 1001)).status == 413
        refused = listener.record("refused")
        assert list(refused) == ["type", "received_at", "response_status", "error", "peer"]
        assert refused["response_status"] == 413
        assert refused["peer"].startswith("127.0.0.1:")


def test_what_is_refused_is_told_to_people_too(signing: Cli) -> None:
    with listening(signing, form="text") as listener:
        assert listener.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").status == 400
        assert listener.end() == 0
        said = listener.rest()
    assert re.match(r"\d\d:\d\d:\d\d . refused with 400: .+ \(from 127\.0\.0\.1:\d+\)\n", said[1])
    assert said[-1] == "0 deliveries: 1 refused\n"
    assert not [line for line in said if "\x16" in line]


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """Return a listener that all examples of a property share."""
    with listening(Cli(tmp_path_factory.mktemp("hearing")), "--delay", "0") as listener:
        assert listener.record("ready")["url"] == listener.url
        yield listener


def statuses_of(data: bytes) -> list[int]:
    """Return the statuses of the answers on a connection, interim ones left out."""
    found = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]
    return [status for status in found if status != 100]


_WHOLE = delivery() + b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
_GARBAGE = [b"\r\n", b"\x00", b":", b" ", b"HTTP/9.9", b"Content-Length: 5\r\n", b"\xff" * 20, b"GET", b"\n", b"-1"]


@settings(max_examples=150)
@given(
    cut=st.integers(0, len(_WHOLE)),
    edits=st.lists(
        st.tuples(st.integers(0, len(_WHOLE)), st.binary(max_size=6) | st.sampled_from(_GARBAGE)), max_size=4
    ),
)
@example(cut=len(_WHOLE), edits=[])
@example(cut=10, edits=[])
@example(cut=0, edits=[])
def test_whatever_a_peer_sends_it_is_told_and_the_next_one_is_served(
    hearing: Listening, cut: int, edits: list[tuple[int, bytes]]
) -> None:
    data = _WHOLE
    for at, what in edits:
        data = data[:at] + what + data[at + len(what) :]
    with hearing.client() as client:
        client.send(data[:cut])
        client.finish()
        statuses = statuses_of(client.rest())
    assert hearing.send(delivery("evt_next")).status == 200
    told: list[dict[str, Any]] = []
    while not told or told[-1].get("event_id") != "evt_next":
        told.append(schemas.record(hearing.line()))
    assert [record["response_status"] for record in told[:-1]] == statuses
    for record in told[:-1]:
        assert record["type"] == ("request" if record["response_status"] == 200 else "refused")
    assert hearing.process.poll() is None
    assert hearing.errors == ""


ODD_BODIES = [
    b"[" * 100_000,
    b'{"event":"\\ud800","id":"\\udfff"}',
    b'{"event":' + b"9" * 5000 + b"}",
    b'{"event":"order.paid","event":"x","id":1}',
    b'{"event":NaN,"id":null}',
    b'{"event":{"a":[]},"id":[{}]}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe\x00",
    b"\x00" * 1000,
    b'{"event":"\\u0000\\u001b[31m","id":"\\u202e"}',
    b"",
]


@pytest.mark.parametrize("form", ["text", "ndjson"])
def test_odd_bodies_are_kept_and_told_like_any_others(signing: Cli, form: str) -> None:
    with listening(signing, *(("-v",) if form == "text" else ()), form=form) as listener:
        for body in ODD_BODIES:
            assert listener.send(post(body, *lines(arky(body)))).status == 200
        assert listener.end() == 0
        said = "".join(listener.rest())
        assert listener.errors == ""
        assert listener.rows("valid, body_bytes") == [(1, len(body)) for body in ODD_BODIES]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", said)
    if form == "ndjson":
        assert len(schemas.records(said)) == len(ODD_BODIES) + 2


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are read from /proc")
def test_no_file_stays_open_for_a_connection_that_has_gone(signing: Cli) -> None:
    def open_files(listener: Listening) -> int:
        return len(list(Path(f"/proc/{listener.process.pid}/fd").iterdir()))

    with listening(signing, "--forward-to", "http://127.0.0.1:1/") as listener:
        listener.send(delivery())
        before = open_files(listener)
        for number in range(100):
            assert listener.send(delivery(f"evt_{number}")).status == 502
        until_s = time.monotonic() + PATIENCE_S
        while open_files(listener) > before + 2:
            assert time.monotonic() < until_s
            time.sleep(0.05)
