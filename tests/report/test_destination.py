"""A file is written whole or not at all, and what is no file is not replaced by one."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from hookctl.errors import InputError
from hookctl.report.destination import written

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    with written(path) as stream:
        stream.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("problem", [RuntimeError, KeyboardInterrupt])
def test_the_old_file_stays_when_something_fails(tmp_path: Path, problem: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail() -> None:
        with written(path) as stream:
            stream.write(b"half of the n")
            raise problem

    with pytest.raises(problem):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        with written(tmp_path / "file"):
            pass
    finally:
        os.umask(mask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("file")
    with written(link) as stream:
        stream.write(b"new")
    assert (link.is_symlink(), (tmp_path / "file").read_bytes()) == (True, b"new")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    with written(path) as stream:
        stream.write(b"through")
    reader.join(10)
    assert (got, path.is_fifo()) == ([b"through"], True)


@pytest.mark.parametrize("name", [".", "file/below", "n" * 300])
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(InputError, match="cannot write ") as caught, written(tmp_path / name) as stream:
        stream.write(b"x")
    assert str(tmp_path / name) in caught.value.message
    assert names(tmp_path) == ["file"]


def test_a_full_device_is_an_error(tmp_path: Path) -> None:
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left"), written(link) as stream:
        stream.write(b"x")
    assert link.is_symlink()
