"""Report files: whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.errors import ExitCode, InputError
from hookctl.report.files import write_atomically


@given(data=st.binary(max_size=200))
def test_what_is_written_is_what_is_there(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("files") / "new" / "folders" / "report.xml"
    write_atomically(file, data)
    assert file.read_bytes() == data
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o000])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "report.xml", b"x")
    finally:
        left = os.umask(before)
    assert stat.S_IMODE((tmp_path / "report.xml").stat().st_mode) == 0o666 & ~mask
    assert left == mask


def test_who_reads_the_old_file_keeps_it_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    file.write_bytes(b"old")
    with file.open("rb") as reader:
        write_atomically(file, b"new and longer")
        assert reader.read() == b"old"
    assert file.read_bytes() == b"new and longer"


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.xml").mkdir()
    with pytest.raises(InputError, match=r"report\.xml") as caught:
        write_atomically(tmp_path / "report.xml", b"x")
    assert caught.value.exit_code is ExitCode.INPUT
    assert [one.name for one in tmp_path.iterdir()] == ["report.xml"]


@pytest.mark.parametrize("data", [b"", b"x" * 100_000])
def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path, data: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, data)
    reader.join(10)
    assert read == [data]
    assert [one.name for one in tmp_path.iterdir() if one.is_fifo()] == ["pipe"]


def test_standard_output_may_be_a_file(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from hookctl.report.files import write_atomically
print("before", flush=True)
write_atomically(Path("/dev/stdout"), b"the report\\n")
"""
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True, timeout=60)
    assert (tmp_path / "out").read_bytes() == b"before\nthe report\n"
    assert Path("/dev/stdout").is_symlink()


def test_a_device_that_takes_nothing_is_named() -> None:
    with pytest.raises(InputError, match="/dev/full: No space left on device"):
        write_atomically(Path("/dev/full"), b"x")
    assert Path("/dev/full").is_char_device()


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(InputError, match=r"file/report\.xml"):
        write_atomically(tmp_path / "file" / "report.xml", b"x")
    assert (tmp_path / "file").read_bytes() == b"kept"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    import resource

    file = tmp_path / "report.xml"
    file.write_bytes(b"old")
    # a limit stops root as well, as a full disk would; Python ignores the signal that comes with it
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(InputError, match=r"report\.xml"):
            write_atomically(file, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    file = tmp_path / ("é" * 125 + ".xml")
    write_atomically(file, b"x")
    assert file.read_bytes() == b"x"
