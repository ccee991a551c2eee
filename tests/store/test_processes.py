"""Several processes at once, and processes that are killed: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from tests.store.material import finish, open_store, python

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

# says the id of each delivery only when it is stored
_ENDLESS = """
import asyncio, os, sys
from pathlib import Path
from hookctl.store.group_commit import GroupCommit
from tests.store.material import arrival, open_store

async def task(group, name):
    number = 0
    while True:
        stored = await group.add(arrival(number, event_id=f"{name}-{number}", body=os.urandom(2000)))
        os.write(1, f"{stored.id} {stored.event_id}\\n".encode())
        number += 1

async def main():
    with open_store(Path(sys.argv[1])) as store:
        async with GroupCommit(store, on_error=print) as group:
            await asyncio.gather(*(task(group, f"{os.getpid()}-{name}") for name in range(16)))

asyncio.run(main())
"""

_WRITE = """
import sys
from pathlib import Path
from tests.store.material import arrival, open_store

with open_store(Path(sys.argv[1])) as store, store.writer() as writer:
    for number in range(int(sys.argv[2])):
        (stored,) = writer.write([arrival(number, event_id=f"{sys.argv[3]}-{number}")])
        print(stored.id)
        writer.write([arrival(number, event_id="evt_same")])
"""

_READ = """
import sys
from pathlib import Path
from tests.store.material import open_store

seen = 0
with open_store(Path(sys.argv[1])) as store:
    while seen < int(sys.argv[2]):
        last, seen = seen, sum(1 for _ in store.deliveries())
        assert seen >= last
print(seen)
"""


def kill_and_check(folder: Path, runs: int, seed: int) -> None:
    """Kill a process under load again and again, and look for all that it ever said was stored."""
    delays = random.Random(seed)  # noqa: S311 - a delay
    acknowledged: dict[str, str] = {}
    for _ in range(runs):
        process = python(_ENDLESS, str(folder))
        said = read_for(process, lines=delays.randrange(1, 500))
        process.kill()
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        # a line that was cut off was not said
        whole = (said + rest).rpartition(b"\n")[0].decode().splitlines()
        assert whole
        for line in whole:
            id_, event_id = line.split()
            acknowledged[id_] = event_id
        with open_store(folder) as store:
            assert store._connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert store._connection.execute("PRAGMA foreign_key_check").fetchall() == []
            kept = {stored.id: stored.event_id for stored in store.summaries()}
            assert acknowledged.items() <= kept.items()
            assert all(len(delivery.request.body) == 2000 for delivery in store.deliveries())


def read_for(process: subprocess.Popen[bytes], lines: int) -> bytes:
    """Return so many lines of a process's output and what came along with them."""
    assert process.stdout is not None
    return b"".join(process.stdout.readline() for _ in range(lines))


def test_killed_under_load_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    # thirty times, through a server that is killed: tests/cli/test_listen_faults.py
    kill_and_check(tmp_path, runs=8, seed=1)


@pytest.mark.parametrize(("writers", "each"), [(2, 100), pytest.param(8, 200, marks=pytest.mark.slow)])
def test_processes_write_at_once_while_another_reads(tmp_path: Path, writers: int, each: int) -> None:
    # they also race for making the store
    processes = [python(_WRITE, str(tmp_path), str(each), str(name)) for name in range(writers)]
    reader = python(_READ, str(tmp_path), str(writers * each * 2))
    said = [id_ for process in processes for id_ in finish(process)]
    assert finish(reader) == [str(writers * each * 2)]
    assert len(set(said)) == len(said) == writers * each
    with open_store(tmp_path) as store:
        stored = list(store.summaries())
        assert set(said) <= {line.id for line in stored}
        # each was counted once, whichever process stored it
        repeated = sorted(line.occurrence for line in stored if line.event_id == "evt_same")
        assert repeated == list(range(1, writers * each + 1))


_OPEN_TOGETHER = """
import multiprocessing, sys
from pathlib import Path
from tests.store.material import arrival, open_store

def make(barrier, folder):
    barrier.wait()
    with open_store(folder) as store, store.writer() as writer:
        writer.write([arrival()])

# processes that are copies of one start within microseconds of each other
context = multiprocessing.get_context("fork")
for number in range(int(sys.argv[2])):
    folder = Path(sys.argv[1], str(number))
    folder.mkdir()
    barrier = context.Barrier(8)
    processes = [context.Process(target=make, args=(barrier, folder)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(*(process.exitcode for process in processes))
"""


def test_many_processes_may_make_the_store_at_once(tmp_path: Path) -> None:
    rounds = 10
    assert finish(python(_OPEN_TOGETHER, str(tmp_path), str(rounds))) == [" ".join("0" * 8)] * rounds
    for number in range(rounds):
        with open_store(tmp_path / str(number)) as store:
            assert store.count() == 8
            assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            # incremental, without which pruning could not give space back
            assert store._connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
