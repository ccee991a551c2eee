"""Cuts an archive, one capture to a line, into blocks of whole lines, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase

BLOCK_BYTES = 1024 * 1024
"""About how much one block holds; a line that is longer makes a block of its own."""

DEFAULT_MAX_LINE_BYTES = 8 * 1024 * 1024
"""A line longer than this is an error for that line, unless the user says otherwise."""

MAX_ENDLESS_BYTES = 1024 * 1024 * 1024
"""Bytes without a line end after which the rest of a file is not worth reading: a bomb, or no archive."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of an archive."""

    first_line: int
    """Number of the first line, from 1."""
    data: bytes
    """The lines, their ends included; the very last one of a file may have none."""
    offset: int = 0
    """Where in the stream they begin, in bytes."""

    @property
    def lines(self) -> list[bytes]:
        """The lines without their ends."""
        lines = self.data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        return lines


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line over the limit; its bytes were thrown away."""

    line: int
    endless: bool = False
    """Whether its end was not found, and the rest of the file was not read."""


def read_blocks(
    stream: BufferedIOBase, *, head: bytes = b"", max_line_bytes: int, size_bytes: int | None = None
) -> Iterator[Block | TooLong]:
    """Yield an archive's lines, in order.

    Args:
        stream: what to read.
        head: what has been read of it before.
        max_line_bytes: what a line may have at most, its end not counted. A longer one may still be in a block that
            has room for it; nothing is kept of one that is longer than a block.
        size_bytes: read no more than this in all: what was there when it was opened, of a file that grows.

    Raises:
        OSError, EOFError, zlib.error: reading fails; what came before has been yielded.
    """
    pieces = _Pieces(stream, head, size_bytes)
    line = 1
    rest = b""
    while piece := pieces.take():
        end = piece.rfind(b"\n") + 1
        if end:
            data = rest + piece[:end]
            yield Block(line, data, pieces.position - len(piece) - len(rest))
            line += data.count(b"\n")
            rest = piece[end:]
            continue
        rest += piece
        if len(rest) > max(max_line_bytes, BLOCK_BYTES):
            rest = b""
            ended = pieces.skip_line()
            yield TooLong(line, endless=not ended)
            if not ended:
                return
            line += 1
    if rest:
        yield Block(line, rest, pieces.position - len(rest))


class _Pieces:
    """Reads a stream piece by piece."""

    def __init__(self, stream: BufferedIOBase, head: bytes, size_bytes: int | None) -> None:
        self._stream = stream
        self._left = None if size_bytes is None else max(0, size_bytes - len(head))
        self._ready = head
        self.position = 0
        """How many bytes have been taken."""

    def take(self) -> bytes:
        """Return the next piece; empty at the end."""
        if self._ready:
            piece, self._ready = self._ready, b""
            self.position += len(piece)
            return piece
        # read1: what a pipe has now, without waiting for more
        piece = self._stream.read1(BLOCK_BYTES if self._left is None else min(BLOCK_BYTES, self._left))
        if self._left is not None:
            self._left -= len(piece)
        self.position += len(piece)
        return piece

    def skip_line(self) -> bool:
        """Throw away the rest of a line; return whether that took no more than can be waited for."""
        skipped = 0
        while piece := self.take():
            head, end, tail = piece.partition(b"\n")
            if end:
                self._ready = tail
                self.position -= len(tail)
                return True
            skipped += len(head)
            if skipped > MAX_ENDLESS_BYTES:
                return False
        return True
