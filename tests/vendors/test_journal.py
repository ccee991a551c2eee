"""The restore journal: private, whole or not there, synced before anything is changed, claimed by one run at a time."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hookctl.vendors.journal import Entry, Journal, Target
from hookctl.vendors.problems import BusyError, JournalError
from tests.cli.processes import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Target("arky", "https://api.example.com", "biz_abc123")
ENTRY = Entry(
    target=TARGET,
    dialect="settings",
    webhook=None,
    created=False,
    old_url="https://old.example.com/",
    new_url="https://new.example.com/",
    old_events=None,
    new_events=("order.paid",),
    at_ms=1_700_000_000_000,
    pid=4711,
)

# claims the target and says so, then waits until its input ends
_CLAIM = """
import sys
from hookctl.vendors.journal import Journal, Target
from pathlib import Path
with Journal(Path(sys.argv[1])).claim(Target(*sys.argv[2:5])):
    print("claimed", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "hookctl" / "webhooks"


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has claimed the target."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CLAIM, str(folder), TARGET.provider, TARGET.api_url, TARGET.account],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    with process:
        try:
            assert line_of(process) == "claimed\n"
            yield process
        finally:
            process.kill()


def journal_file(folder: Path) -> Path:
    return folder / f"{TARGET.key}.json"


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        replace(ENTRY, secret_env="ARKY_WEBHOOK_SECRET"),
        replace(ENTRY, webhook="wh_1", created=True, old_url=None, new_events=None, old_events=()),
        replace(ENTRY, target=Target("x", "http://[::1]:1", "ü\n\0/.. \ud800"), old_url="https://ü.example/ \u202e"),
    ],
)
def test_an_entry_is_read_as_it_was_written(folder: Path, entry: Entry) -> None:
    journal = Journal(folder)
    with journal.claim(entry.target) as claim:
        assert claim.read() is None
        claim.write(entry)
        assert claim.read() == entry
        claim.write(replace(entry, at_ms=2))
    with journal.claim(entry.target) as claim:
        assert claim.read() == replace(entry, at_ms=2)
        claim.clear()
        assert claim.read() is None
    assert list(journal.entries()) == []


def test_an_entry_without_the_variable_s_name_is_read_too(folder: Path) -> None:
    journal = Journal(folder)
    with journal.claim(ENTRY.target) as claim:
        claim.write(ENTRY)
        (file,) = [path for path in folder.iterdir() if path.suffix == ".json"]
        written = json.loads(file.read_bytes())
        del written["secret_env"]
        file.write_text(json.dumps(written))
        assert claim.read() == ENTRY


def test_files_and_folders_are_private_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        with Journal(folder).claim(TARGET) as claim:
            claim.write(ENTRY)
    finally:
        os.umask(before)
    assert {path.name for path in folder.iterdir()} == {f"{TARGET.key}.json", f"{TARGET.key}.lock"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_nothing_is_made_by_looking(folder: Path) -> None:
    assert list(Journal(folder).entries()) == []
    assert not folder.parent.exists()


def test_no_state_folder_is_told() -> None:
    with pytest.raises(JournalError, match="no place for the restore journal: HOME is not set"):
        Journal.of({})
    assert isinstance(Journal.of({"HOME": "/home/x"}), Journal)


def test_what_a_killed_run_has_half_written_is_in_nobodys_way(folder: Path) -> None:
    folder.mkdir(parents=True)
    half = journal_file(folder).with_suffix(".new")
    half.write_text('{"schema":')
    assert list(Journal(folder).entries()) == []
    with Journal(folder).claim(TARGET) as claim:
        assert claim.read() is None
        claim.write(ENTRY)
        assert claim.read() == ENTRY
    assert not half.exists()


def test_the_lock_is_there_before_and_the_file_after_a_kill(other: subprocess.Popen[bytes], folder: Path) -> None:
    journal = Journal(folder)
    with pytest.raises(BusyError) as caught, journal.claim(TARGET):
        pass
    assert caught.value.message == f"the webhook of biz_abc123 is in use by process {other.pid} of hookctl"
    assert f"kill {other.pid}" in str(caught.value.hint)
    assert (caught.value.pid, int(caught.value.exit_code)) == (other.pid, 5)
    # another account is free
    with journal.claim(replace(TARGET, account="biz_other")):
        pass
    other.kill()
    other.wait()
    with journal.claim(TARGET) as claim:
        assert claim.read() is None


def test_a_journal_says_whether_its_run_is_under_way(other: subprocess.Popen[bytes], folder: Path) -> None:
    journal_file(folder).write_bytes(_encoded())
    (leftover,) = Journal(folder).entries()
    assert (leftover.entry, leftover.held_by) == (ENTRY, other.pid)
    other.kill()
    other.wait()
    (leftover,) = Journal(folder).entries()
    assert (leftover.entry, leftover.held_by) == (ENTRY, None)


def test_one_process_cannot_claim_twice(folder: Path) -> None:
    journal = Journal(folder)
    with journal.claim(TARGET):
        with pytest.raises(BusyError, match=f"process {os.getpid()}"), journal.claim(TARGET):
            pass
        assert [one.held_by for one in journal.entries()] == []
    with journal.claim(TARGET):
        pass


def test_looking_does_not_refuse_a_claim(folder: Path) -> None:
    # the lock is looked at by taking it for a moment: a claim that meets it waits that long
    journal = Journal(folder)
    with journal.claim(TARGET) as claim:
        claim.write(ENTRY)
    pauses: list[float] = []
    lock = os.open(folder / f"{TARGET.key}.lock", os.O_RDWR)
    import fcntl

    fcntl.flock(lock, fcntl.LOCK_SH)

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        fcntl.flock(lock, fcntl.LOCK_UN)

    with Journal(folder, wait).claim(TARGET):
        assert len(pauses) == 1
    os.close(lock)


def _encoded(**changes: Any) -> bytes:  # noqa: ANN401 - JSON
    record = {
        "schema": "hookctl.webhook-journal/1",
        "provider": TARGET.provider,
        "api_url": TARGET.api_url,
        "account": TARGET.account,
        "dialect": "settings",
        "webhook": None,
        "created": False,
        "old": {"url": "https://old.example.com/", "events": None},
        "new": {"url": "https://new.example.com/", "events": ["order.paid"]},
        "at_ms": 1_700_000_000_000,
        "pid": 4711,
    }
    return json.dumps({**record, **changes}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b"\xff\xfe",
        b"[" * 200_000,
        _encoded()[:-5],
        _encoded(schema="hookctl.webhook-journal/2"),
        _encoded(provider=None),
        _encoded(new={"url": None, "events": None}),
        _encoded(old=None),
        _encoded(old={"url": 5, "events": None}),
        _encoded(new={"url": "https://a.example/", "events": [1]}),
        _encoded(at_ms="x"),
        b" " * (300 * 1024) + _encoded(),
    ],
)
def test_a_file_that_is_no_journal_is_named_and_kept(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    journal_file(folder).write_bytes(content)
    (leftover,) = Journal(folder).entries()
    assert leftover.entry is None
    assert leftover.problem is not None
    assert str(journal_file(folder)) in leftover.problem.message
    with Journal(folder).claim(TARGET) as claim, pytest.raises(JournalError, match="is not a restore journal"):
        claim.read()
    assert journal_file(folder).read_bytes() == content


def test_a_planted_link_is_neither_read_nor_written_through(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_bytes(_encoded())
    journal_file(folder).symlink_to(victim)
    journal_file(folder).with_suffix(".new").symlink_to(victim)
    with Journal(folder).claim(TARGET) as claim:
        with pytest.raises(JournalError, match="cannot read"):
            claim.read()
        claim.write(ENTRY)
    assert victim.read_bytes() == _encoded()
    assert not journal_file(folder).is_symlink()


@pytest.mark.parametrize("what", ["link", "folder"])
def test_a_planted_lock_is_refused(folder: Path, tmp_path: Path, what: str) -> None:
    folder.mkdir(parents=True)
    lock = journal_file(folder).with_suffix(".lock")
    if what == "link":
        lock.symlink_to(tmp_path / "victim")
    else:
        lock.mkdir()
    with pytest.raises(JournalError, match=r"cannot make .*\.lock"), Journal(folder).claim(TARGET):
        pass
    assert not (tmp_path / "victim").exists()


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    journal = Journal(tmp_path / "state" / "hookctl" / "webhooks")
    with pytest.raises(JournalError, match="cannot make") as caught, journal.claim(TARGET):
        pass
    assert caught.value.hint == "without it the webhook could not be set back: nothing was changed"


def test_a_full_disk_is_told_and_the_old_entry_stays(folder: Path) -> None:
    # under a limit on the size of files, in a process of its own
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from dataclasses import replace\n"
        "from hookctl.vendors.problems import JournalError\n"
        "from tests.vendors.test_journal import ENTRY, TARGET, Journal\n"
        "with Journal(Path(sys.argv[1])).claim(TARGET) as claim:\n"
        "    claim.write(ENTRY)\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))\n"
        "    try:\n"
        "        claim.write(replace(ENTRY, at_ms=2))\n"
        "    except JournalError as error:\n"
        "        print(error.message)\n"
        "    assert claim.read() == ENTRY\n"
    )
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, cwd=root, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout


def test_keys_are_of_one_length_and_tell_accounts_apart() -> None:
    targets = [
        TARGET,
        replace(TARGET, account="x" * 10_000),
        replace(TARGET, account="../../etc"),
        replace(TARGET, api_url="http://127.0.0.1:1"),
        replace(TARGET, provider="other"),
        Target("a", "b\0c", "d"),
        Target("a", "b", "c\0d"),
    ]
    keys = [target.key for target in targets]
    assert {len(key) for key in keys} == {20}
    assert len(set(keys[:5])) == 5
    assert all(key.isalnum() for key in keys)
