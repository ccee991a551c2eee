"""No space, no permission, somebody else's lock: an error that says so, nothing lost, and it goes on afterwards."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from hookctl.errors import ExitCode
from hookctl.model import CapturedResponse
from hookctl.store import Outcome, StoreFullError, StoreLockedError, StoreProblem, StoreReadOnlyError
from tests.store.material import arrival, finish, open_store, python

if TYPE_CHECKING:
    from pathlib import Path

    from hookctl.store import Store, Writer

# the kernel refuses to let any file grow beyond a limit, as a full disk would
_FULL = """
import resource, sys
from pathlib import Path
from hookctl.store import StoreError
from tests.store.material import arrival, open_store

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

with open_store(Path(sys.argv[1])) as store, store.writer() as writer:
    limit(1_000_000)
    kept, number = [], 0
    try:
        while True:
            kept += [stored.id for stored in writer.write([arrival(number, body=bytes(20_000))])]
            number += 1
    except StoreError as error:
        print(error.kind, str(store.path) in error.message, bool(error.hint), int(error.exit_code))
    for _ in range(2):
        try:
            writer.write([arrival(5000 + number, body=bytes(900_000))])
        except StoreError as error:
            print(error.kind)
    assert {line.id for line in store.summaries()} == set(kept), "what was refused is not there, the rest is"
    limit(resource.RLIM_INFINITY)
    kept += [stored.id for stored in writer.write([arrival(9000, body=bytes(900_000))])]
    assert {line.id for line in store.summaries()} == set(kept)
    assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print(len(kept) > 10)
"""

_NOTHING_FITS = """
import resource, sys
from pathlib import Path
from hookctl.store import StoreError
from tests.store.material import open_store

resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    open_store(Path(sys.argv[1]))
except StoreError as error:
    print(error.kind, "deliveries.db" in error.message)
"""

# root may write wherever it likes, unless it gives that privilege up before the program starts
_UNPRIVILEGED = """
import ctypes, os, sys

if os.geteuid() == 0:
    PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""

_READ_ONLY = """
import sys
from pathlib import Path
from hookctl.store import StoreError
from tests.store.material import arrival, open_store

try:
    with open_store(Path(sys.argv[1])) as store, store.writer() as writer:
        writer.write([arrival(1)])
        print("written")
except StoreError as error:
    print(error.kind, "deliveries.db" in error.message)
"""


def test_a_full_disk_is_an_error_and_writing_goes_on_when_there_is_space_again(tmp_path: Path) -> None:
    first, *later, went_on = finish(python(_FULL, str(tmp_path)))
    kind, names_path, has_hint, code = first.split()
    # a limit on file sizes comes back from the kernel as a short write or as an error of its own
    assert kind in {StoreProblem.FULL, StoreProblem.IO}
    assert (names_path, has_hint, code) == ("True", "True", str(int(ExitCode.INPUT)))
    assert len(later) == 2
    assert set(later) <= {StoreProblem.FULL, StoreProblem.IO}
    assert went_on == "True"


@pytest.mark.parametrize("exists", [False, True])
def test_a_store_that_cannot_be_made_or_opened_for_want_of_space_says_so(tmp_path: Path, exists: bool) -> None:
    if exists:
        open_store(tmp_path).close()
    (line,) = finish(python(_NOTHING_FITS, str(tmp_path)))
    kind, names_path = line.split()
    assert kind in {StoreProblem.FULL, StoreProblem.IO}
    assert names_path == "True"
    # and when there is space, it works
    with open_store(tmp_path) as store, store.writer() as writer:
        assert writer.write([arrival()])[0].occurrence == 1


def test_a_database_that_may_not_grow_is_full_and_keeps_what_it_has(store: Store, writer: Writer) -> None:
    (kept,) = writer.write([arrival()])
    assert writer._connection is not None
    (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
    writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    batch = [arrival(1), arrival(2, body=bytes(500_000)), arrival(3)]
    with pytest.raises(StoreFullError, match="there is no space left") as caught:
        writer.write(batch, [Outcome(kept.id, CapturedResponse(200))])
    assert str(store.path) in caught.value.message
    assert (caught.value.kind, caught.value.exit_code) == (StoreProblem.FULL, ExitCode.INPUT)
    # all or nothing
    assert list(store.deliveries()) == [kept]
    # the limit was the connection's, and it makes a new one
    assert len(writer.write(batch)) == 3
    assert store.count() == 4


def test_a_connection_that_may_not_write_says_so(store: Store, writer: Writer) -> None:
    assert writer._connection is not None
    writer._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreReadOnlyError, match="cannot be written to"):
        writer.write([arrival()])
    assert store.count() == 0
    assert len(writer.write([arrival()])) == 1


def test_a_folder_and_file_without_permission_to_write_say_so(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        path = store.path
    before = path.read_bytes()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        (line,) = finish(python(_UNPRIVILEGED, _READ_ONLY, str(tmp_path)))
    finally:
        path.parent.chmod(0o700)
    kind, names_path = line.split()
    assert kind in {StoreProblem.READ_ONLY, StoreProblem.UNAVAILABLE}
    assert names_path == "True"
    assert path.read_bytes() == before


def test_a_lock_that_is_held_too_long_is_an_error_and_writing_goes_on_afterwards(store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    with store.writer(busy_timeout_s=0.05) as writer:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLockedError, match="is locked by another program") as caught:
            writer.write([arrival()])
        assert caught.value.kind is StoreProblem.LOCKED
        # reading goes on all the while
        assert store.count() == 0
        other.execute("ROLLBACK")
        other.close()
        assert len(writer.write([arrival()])) == 1


def test_what_no_database_can_hold_fails_alone_and_whole(store: Store, writer: Writer) -> None:
    with pytest.raises(OverflowError):
        writer.write([arrival(1), arrival(at_ms=2**63)])
    assert store.count() == 0
    assert len(writer.write([arrival(1)])) == 1


def test_a_closed_writer_opens_again_and_closing_twice_is_fine(store: Store, writer: Writer) -> None:
    writer.close()
    writer.close()
    assert len(writer.write([arrival()])) == 1
    store.close()
    store.close()


def test_no_descriptor_is_left_open_after_errors(store: Store, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "state").mkdir()
    (tmp_path / "none" / "state" / "deliveries.db").write_bytes(b"no database" * 100)
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112
    before = len(os.listdir(folder))  # noqa: PTH208
    for _ in range(5):
        with pytest.raises(Exception, match="is not a database"):
            open_store(tmp_path / "none")
    assert len(os.listdir(folder)) == before  # noqa: PTH208
