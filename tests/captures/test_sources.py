"""From names to bytes: the order of files, gzip or not, and what is never opened."""

from __future__ import annotations

import gzip
import os
import threading
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookctl.captures.sources import READ_ERRORS, STDIN, Source, find_sources, open_source, reason_of
from hookctl.model import Unreadable


def read(source: Source, stdin: bytes = b"") -> bytes:
    """Return what is in a source."""
    opened = open_source(source, BytesIO(stdin))
    try:
        return opened.stream.read()
    finally:
        opened.close()


def named(path: Path) -> Source:
    return Source(str(path), path, named=True)


def names(folder: Path, *arguments: str) -> list[str]:
    """Return the names of the sources that arguments stand for, all of which are there."""
    found = list(find_sources(arguments, folder))
    assert all(isinstance(one, Source) for one in found), found
    return [one.name for one in found if isinstance(one, Source)]


@given(data=st.binary(max_size=200), members=st.integers(1, 3))
def test_gzip_is_undone_and_all_else_is_left_alone(data: bytes, members: int) -> None:
    standard_input = Source(STDIN, None, named=True)
    assert read(standard_input, gzip.compress(data) * members) == data * members
    if not data.startswith(b"\x1f\x8b"):
        assert read(standard_input, data) == data


def test_what_a_file_has_is_known_beforehand_unless_it_is_zipped_or_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"12345")
    (tmp_path / "zipped").write_bytes(gzip.compress(b"12345", mtime=0))
    plain, zipped = (open_source(named(tmp_path / name), BytesIO()) for name in ("plain", "zipped"))
    piped = open_source(Source(STDIN, None, named=True), BytesIO(b"12345"))
    assert (plain.plain_bytes, plain.size_bytes) == (5, 5)
    assert (zipped.plain_bytes, zipped.size_bytes) == (None, (tmp_path / "zipped").stat().st_size)
    assert (piped.plain_bytes, piped.position_bytes) == (None, None)
    assert plain.stream.read(2) == b"12"
    assert plain.position_bytes is not None
    for one in (plain, zipped, piped):
        one.close()


def test_a_pipe_is_read_when_it_is_named_and_left_alone_when_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        open_source(Source("pipe", path, named=False), BytesIO())
    writer = threading.Thread(target=lambda: path.write_bytes(b"through"))
    writer.start()
    assert read(named(path)) == b"through"
    writer.join()


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_device_is_never_opened(path: str) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        open_source(named(Path(path)), BytesIO())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(b"x" * 1000, mtime=0)[:-3], "the gzip data are cut off"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-8] + b"\1" * 8, "crc check failed"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 100, "the gzip data are broken"),
        (b"\x1f\x8b\x09" + bytes(20), "unknown compression method"),
        (b"\x1f\x8b", "the gzip data are cut off"),
    ],
    ids=["cut", "sum", "data", "method", "magic"],
)
def test_every_way_in_which_gzip_fails_is_caught_and_put_into_words(data: bytes, reason: str) -> None:
    with pytest.raises(READ_ERRORS) as caught:
        read(Source(STDIN, None, named=True), data)
    assert reason in reason_of(caught.value)


def test_files_of_folders_and_globs_come_in_order(tmp_path: Path) -> None:
    for name in ("b/2", "b/10", "b/1", "a/x", "b/c/y", ".hidden/z", "b/.z"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert names(tmp_path, "b", "a") == ["b/1", "b/10", "b/2", "b/c/y", "a/x"]
    assert names(tmp_path, "b/*", "**/x", STDIN, "b/2") == ["b/1", "b/10", "b/2", "a/x", "-", "b/2"]
    assert names(tmp_path, ".hidden") == [".hidden/z"]
    assert names(tmp_path, ".hid*/*") == [".hidden/z"]
    assert names(tmp_path, ".") == ["a/x", "b/1", "b/10", "b/2", "b/c/y"]


def test_stars_for_folders_find_what_the_shell_finds_but_follow_no_links(tmp_path: Path) -> None:
    for name in ("a/b/c/x", "a/x", "x", "odd[1]/x", "dot./x", "a/.h/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for number in range(4):
        (tmp_path / f"a/loop{number}").symlink_to(tmp_path)
    everywhere = ["a/b/c/x", "a/x", "dot./x", "odd[1]/x", "x"]
    assert names(tmp_path, "**/x") == everywhere
    assert names(tmp_path, "**") == everywhere
    assert names(tmp_path, "./**/x") == [f"./{name}" for name in everywhere]
    assert names(tmp_path, "a/**/b/**/x") == ["a/b/c/x"]
    assert names(tmp_path, f"{tmp_path}/*/**/x") == [
        str(tmp_path / name)
        for name in (
            *("a/b/c/x", "a/x"),
            *("dot./x", "odd[1]/x"),
        )
    ]
    # a link that is named is where to start
    assert "a/loop0/a/b/c/x" in names(tmp_path, "a/loop0/**/c/*")


def test_a_folder_below_which_there_is_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / ".f").touch()
    (found,) = find_sources(["d"], tmp_path)
    assert isinstance(found, Unreadable)
    assert (found.source, found.message) == ("d", "the folder holds no file")
