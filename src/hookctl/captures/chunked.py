"""Bodies in chunks (RFC 9112, section 7.1), put together again."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*+(?:;[^\r\n]*+)?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[^\r\n]*+\r?\n")


@dataclass(frozen=True, slots=True)
class Dechunked:
    """A body that was in chunks."""

    body: bytes
    end: int
    """Offset behind the last chunk, its trailers and the blank line after them."""


class ChunkReader:
    """Reads chunked bodies out of one file.

    It remembers which offsets lead nowhere, so that a file of many broken bodies is still read in linear time.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._dead_ends: set[int] = set()

    def read(self, at: int) -> Dechunked | None:
        """Return the body in chunks that begins at an offset, or None when the bytes there are no such body.

        Extensions and trailers are left out. Line ends may be bare line feeds, and the file may end behind the
        line of the last chunk.
        """
        passed: list[int] = []
        pieces: list[tuple[int, int]] = []
        while at not in self._dead_ends:
            passed.append(at)
            size_line = _SIZE_LINE.match(self._data, at)
            if size_line is None:
                break
            start = size_line.end()
            end = start + int(size_line[1], 16)
            if end == start:
                body = b"".join(self._data[first:last] for first, last in pieces)
                return Dechunked(body, self._after_trailers(start))
            line_end = _LINE_END.match(self._data, end)
            if line_end is None:
                break
            pieces.append((start, end))
            at = line_end.end()
        self._dead_ends.update(passed)
        return None

    def _after_trailers(self, at: int) -> int:
        while trailer := _TRAILER.match(self._data, at):
            at = trailer.end()
        last = _LINE_END.match(self._data, at)
        return last.end() if last else at
