"""From what a user names to streams of bytes: files, folders, globs, standard input, gzip."""

from __future__ import annotations

import glob
import gzip
import io
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from hookctl.model import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import BufferedIOBase

STDIN = "-"

READ_ERRORS = (OSError, EOFError, zlib.error)
"""What reading a stream from here may raise: OSError (gzip's own among them) and what a broken gzip ends in."""

_GZIP_MAGIC = b"\x1f\x8b"
_GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read."""

    name: str
    """As the user knows it; `-` for standard input."""
    path: Path | None
    """None for standard input."""
    named: bool
    """Whether the user named the file itself, not a folder or a glob."""


def find_sources(names: Sequence[str], cwd: Path) -> Iterator[Source | Unreadable]:
    """Yield every file that the names stand for, in order; a folder's in alphabetical order.

    In a folder and below `**`, files and folders whose names begin with a dot are left out, and links to folders are
    not followed, so that no loop of them is walked.

    Args:
        names: files, folders, globs, `-`.
        cwd: what relative names start from.
    """
    for name in names:
        path = cwd / name
        if name == STDIN:
            yield Source(STDIN, None, named=True)
        elif os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            yield from _folder(name, path)
        elif os.path.lexists(path) or not _GLOB_CHARACTERS.intersection(name):
            yield Source(name, path, named=True)
        else:
            yield from _matches(name, cwd)


def _folder(name: str, folder: Path) -> Iterator[Source | Unreadable]:
    problems: list[OSError] = []
    found = False
    for where, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            if not file.startswith("."):
                found = True
                path = Path(where, file)
                yield Source(str(Path(name, path.relative_to(folder))), path, named=False)
        while problems:
            found = True
            error = problems.pop()
            yield Unreadable(str(error.filename), f"cannot read the folder: {error.strerror}")
    if problems:
        yield Unreadable(name, f"cannot read the folder: {problems[0].strerror}")
    elif not found:
        yield Unreadable(name, "the folder holds no file", "names that begin with a dot are left out")


def _matches(pattern: str, cwd: Path) -> Iterator[Source | Unreadable]:
    names = sorted({name for name in _expand(pattern, cwd) if not os.path.isdir(cwd / name)})  # noqa: PTH112 - as above
    for name in names:
        yield Source(name, cwd / name, named=False)
    if not names:
        yield Unreadable(pattern, "no file matches")


def _expand(pattern: str, cwd: Path) -> Iterator[str]:
    """Yield what a glob matches; `**` is any number of folders, as in `glob`, which follows links and so any loop."""
    if f"/{pattern}".endswith("/**"):
        pattern += "/*"
    before, stars, after = f"/{pattern}".partition("/**/")
    if not stars:
        yield from glob.glob(pattern, root_dir=cwd)  # noqa: PTH207 - takes absolute ones
        return
    start = f"{before}/"[1:]
    for top in glob.glob(start, root_dir=cwd) if start else [""]:  # noqa: PTH207
        for where, folders, _ in os.walk(cwd / top):
            folders[:] = [one for one in folders if not one.startswith(".")]
            below = os.path.relpath(where, cwd / top)
            folder = top if below == os.curdir else f"{top}{below}{os.sep}"
            yield from _expand(glob.escape(folder) + after, cwd)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file opened for reading."""

    stream: BufferedIOBase
    """Its bytes, gzip undone."""
    raw: BufferedIOBase
    """Its bytes as they are on the disk."""
    size_bytes: int | None
    """What the file has on the disk; None for a pipe."""
    path: Path | None = None
    """Where the very bytes of the stream can be read again; None for standard input, a pipe and gzip."""

    @property
    def plain_bytes(self) -> int | None:
        """How many bytes there are to read, if that is known beforehand."""
        return self.size_bytes if self.stream is self.raw else None

    @property
    def position_bytes(self) -> int | None:
        """How far reading is on the disk; None for a pipe."""
        return None if self.size_bytes is None else self.raw.tell()

    def close(self) -> None:
        """Close it."""
        self.stream.close()
        self.raw.close()


def open_source(source: Source, stdin: BinaryIO) -> Opened:
    """Open a file for reading.

    Raises:
        OSError: it cannot be opened, or is of a kind that is never at an end.
    """
    if source.path is None:
        raw = cast("io.BufferedReader", stdin)
        size = _size(raw)
    else:
        raw, size = _open_file(source.path, named=source.named)
    # standard input may be a stream in memory, which has no peek()
    if not hasattr(raw, "peek"):
        raw = io.BufferedReader(cast("io.RawIOBase", raw))
    try:
        zipped = raw.peek(2)[:2] == _GZIP_MAGIC
    except OSError:
        raw.close()
        raise
    if zipped:
        return Opened(gzip.GzipFile(fileobj=raw, mode="rb"), raw, size)
    return Opened(raw, raw, size, source.path if size is not None else None)


def _size(stream: io.BufferedReader) -> int | None:
    try:
        kind = os.fstat(stream.fileno())
    except (OSError, io.UnsupportedOperation):
        return None
    return kind.st_size if stat.S_ISREG(kind.st_mode) else None


def _open_file(path: Path, *, named: bool) -> tuple[io.BufferedReader, int | None]:
    kind = path.stat()
    regular = stat.S_ISREG(kind.st_mode)
    # a pipe that the user names is a process substitution; one found in a folder would be waited for without end
    if not regular and not (named and stat.S_ISFIFO(kind.st_mode)):
        raise OSError(None, "it is not a regular file")
    return path.open("rb"), kind.st_size if regular else None


def reason_of(error: Exception) -> str:
    """Return in words why reading failed."""
    if isinstance(error, EOFError):
        return "the gzip data are cut off"
    if isinstance(error, OSError):
        return error.strerror or str(error).lower() or type(error).__name__
    return f"the gzip data are broken ({error})"
