"""The body of a request on its way: where it ends, and what is left of it after transfer coding."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from hookctl.receiver.refusal import RequestError

if TYPE_CHECKING:
    from hookctl.receiver.limits import Limits

# RFC 9112, 7.1, but for the grammar inside an extension, which is dropped; no control is let pass in it
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:;[\t -~\x80-\xff]*)?\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n")
_LINE_END = b"\r\n"
# what other programs count sizes in: a larger one may mean something else to them
_MAX_SIZE = 2**64 - 1
# a body in one-byte chunks with sizes padded to eight digits costs twelve bytes of framing for each
_FRAMING_PER_BODY_BYTE = 16


class Body(Protocol):
    """A body on its way."""

    content: bytearray
    """What has arrived, after transfer coding."""

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived."""

    def feed(self, data: bytearray, start: int) -> int:
        """Take bytes from `start` on; return where the body ends in `data`, or the length of `data`.

        Raises:
            RequestError: the body is malformed or too large.
        """


class SizedBody:
    """A body whose length in bytes was declared, zero included."""

    def __init__(self, length_bytes: int) -> None:
        self.content = bytearray()
        self._length_bytes = length_bytes

    @property
    def complete(self) -> bool:
        """Whether as many bytes have arrived as were declared."""
        return len(self.content) == self._length_bytes

    def feed(self, data: bytearray, start: int) -> int:
        """Take bytes up to the declared length."""
        end = min(len(data), start + self._length_bytes - len(self.content))
        self.content += data[start:end]
        return end


class _Expected(Enum):
    """What comes next in a chunked body."""

    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkedBody:
    """A body in chunks. Trailers and chunk extensions are read and dropped.

    The work for a byte is bounded, whatever the bytes are and however they are cut. What is wrong is judged by
    whole lines, and their length before their form, so that the cuts do not change the verdict.
    """

    def __init__(self, limits: Limits) -> None:
        self.content = bytearray()
        self._limits = limits
        self._expected = _Expected.SIZE
        self._line = bytearray()
        """The beginning of a line whose end has not arrived."""
        self._missing_bytes = 0
        """Of the present chunk's data, or of the line end after it."""
        self._framing_bytes = 0
        """Sizes, extensions, line ends and trailers so far."""

    @property
    def complete(self) -> bool:
        """Whether the last chunk and the trailers have arrived."""
        return self._expected is _Expected.NOTHING

    def feed(self, data: bytearray, start: int) -> int:
        """Take bytes up to the end of the trailers."""
        while start < len(data) and self._expected is not _Expected.NOTHING:
            if self._expected is _Expected.DATA:
                start = self._feed_data(data, start)
            elif self._expected is _Expected.DATA_END:
                start = self._feed_data_end(data, start)
            else:
                start = self._feed_line(data, start)
        return start

    def _feed_data(self, data: bytearray, start: int) -> int:
        end = min(len(data), start + self._missing_bytes)
        self.content += data[start:end]
        self._missing_bytes -= end - start
        if not self._missing_bytes:
            self._expected = _Expected.DATA_END
            self._missing_bytes = len(_LINE_END)
        return end

    def _feed_data_end(self, data: bytearray, start: int) -> int:
        wanted = _LINE_END[-self._missing_bytes :]
        piece = data[start : start + len(wanted)]
        if not wanted.startswith(piece):
            raise RequestError(400, "malformed chunked body: a chunk is longer than its size")
        self._missing_bytes -= len(piece)
        if not self._missing_bytes:
            self._framing_bytes += len(_LINE_END)
            self._expected = _Expected.SIZE
        return start + len(piece)

    def _feed_line(self, data: bytearray, start: int) -> int:
        found = data.find(b"\n", start)
        end = len(data) if found < 0 else found + 1
        self._line += data[start:end]
        allowed_bytes = self._limits.max_head_bytes + _FRAMING_PER_BODY_BYTE * len(self.content)
        if self._framing_bytes + len(self._line) > allowed_bytes:
            raise RequestError(413, "too much chunk framing, extensions or trailers for so small a body")
        if found >= 0:
            self._framing_bytes += len(self._line)
            if self._expected is _Expected.SIZE:
                self._begin_chunk()
            elif self._line == _LINE_END:
                self._expected = _Expected.NOTHING
            elif not _TRAILER_LINE.fullmatch(self._line):
                raise RequestError(400, "malformed chunked body: not a trailer")
            self._line.clear()
        return end

    def _begin_chunk(self) -> None:
        match = _SIZE_LINE.fullmatch(self._line)
        size_bytes = int(match[1], 16) if match else _MAX_SIZE + 1
        if size_bytes > _MAX_SIZE:
            raise RequestError(400, "malformed chunked body: not a chunk size")
        if len(self.content) + size_bytes > self._limits.max_body_bytes:
            raise RequestError(413, f"the body is longer than {self._limits.max_body_bytes} bytes")
        self._missing_bytes = size_bytes
        self._expected = _Expected.DATA if size_bytes else _Expected.TRAILER
