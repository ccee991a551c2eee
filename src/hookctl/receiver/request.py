"""From the bytes of a connection to requests, one at a time, without any I/O.

llhttp, by way of httptools, is the judge of the syntax. It would read on into the next request, so it is
never shown more than the bytes up to the next blank line: a head and a chunked body can end only there.
That makes the end of every request exact, and lets bytes be counted before the parser keeps them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from hookctl.model import CapturedRequest

if TYPE_CHECKING:
    from hookctl.receiver.limits import Limits

_BLANK_LINE = b"\r\n\r\n"
_REQUEST_LINE = re.compile(rb"([A-Z-]+) ([!-~]+) HTTP/([0-9]\.[0-9])")
_VERSIONS = frozenset({b"1.0", b"1.1"})
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_PIECE_BYTES = 16 * 1024
# a body in one-byte chunks with sizes padded to eight digits costs twelve bytes of framing for each
_FRAMING_PER_BODY_BYTE = 16


class RequestError(Exception):
    """A request that cannot be taken. The connection is of no use afterwards.

    Attributes:
        status: the HTTP status that says so.
        sentence: why, for the peer.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status
        self.sentence = sentence


class RequestReader:
    """Reads one request. The next one needs a new reader."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._head = bytearray()
        self._events = _HeadEvents()
        # the parser refers to the events and not to the reader: no cycle is left behind by each request
        self._parser = HttpRequestParser(self._events)
        self._body: _Body | None = None
        self._awaits_continue = False
        self.method = ""
        """Empty until the head is complete."""
        self.keep_alive = False
        """Whether the peer wants the connection to stay open."""
        self.http_version = ""
        """"1.0" or "1.1"; empty until the head is complete."""
        self._target = ""

    @property
    def started(self) -> bool:
        """Whether anything of the request has arrived."""
        return bool(self._head)

    @property
    def head_complete(self) -> bool:
        """Whether the headers have arrived to the end."""
        return self._body is not None

    @property
    def complete(self) -> bool:
        """Whether the request has arrived to the end."""
        return self._body is not None and self._body.complete

    def feed(self, data: bytearray) -> int:
        """Take the bytes that belong to this request.

        Args:
            data: what has arrived and was not taken before. It is left as it is.

        Returns:
            How many bytes were taken: all of them, or those up to the end of the request.

        Raises:
            RequestError: the request is malformed, beyond a limit or not supported.
        """
        taken = 0
        if not self._head:
            # a stray line end after the last request is common and begins nothing
            taken = len(data) - len(data.lstrip(b"\r\n"))
        while self._body is None and taken < len(data):
            taken = self._feed_head(data, taken)
        if self._body is not None and taken < len(data) and not self._body.complete:
            self._awaits_continue = False
            taken = self._body.feed(data, taken)
        return taken

    def take_continue(self) -> bool:
        """Return whether the peer waits for `100 Continue` to send the rest; True once at most."""
        awaits, self._awaits_continue = self._awaits_continue, False
        return awaits

    def request(self, received_at_ms: int) -> CapturedRequest:
        """Return the request, which must be complete.

        Args:
            received_at_ms: when it was complete, in milliseconds since the Unix epoch.
        """
        if self._body is None or not self._body.complete:
            raise RuntimeError("the request is not complete")
        return CapturedRequest(
            received_at_ms=received_at_ms,
            method=self.method,
            target=self._target,
            http_version=self.http_version,
            headers=tuple(self._events.headers),
            body=bytes(self._body.content),
        )

    def _feed_head(self, data: bytearray, start: int) -> int:
        room = self._limits.max_head_bytes - len(self._head)
        end = _section_end(bytes(self._head[-3:]), data, start, room)
        piece = bytes(data[start:end])
        self._head += piece
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            pass  # nothing here speaks another protocol, so the request is an ordinary one
        except HttpParserError as error:
            raise RequestError(400, f"malformed request: {error}") from error
        if len(self._events.headers) > self._limits.max_headers:
            raise RequestError(431, f"more than {self._limits.max_headers} header lines")
        if self._head.endswith(_BLANK_LINE):
            self._finish_head()
        elif len(self._head) >= self._limits.max_head_bytes:
            raise RequestError(431, f"the headers are longer than {self._limits.max_head_bytes} bytes")
        return end

    def _finish_head(self) -> None:
        line = bytes(self._head[: self._head.index(b"\r\n")])
        # llhttp also takes RTSP, HTTP/0.9 and several blanks in a row
        match = _REQUEST_LINE.fullmatch(line)
        if match is None or not self._events.complete:
            raise RequestError(400, "malformed request line")
        method, target, version = match.groups()
        if version not in _VERSIONS:
            raise RequestError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        self.method, self._target, self.http_version = method.decode(), target.decode(), version.decode()
        if self.method == "CONNECT":
            raise RequestError(400, "this is not a proxy")
        hosts = len(self._values(b"host"))
        if hosts > 1 or (hosts == 0 and self.http_version == "1.1"):
            raise RequestError(400, "exactly one Host header is needed")
        options = self._options(b"connection")
        self.keep_alive = b"close" not in options and (self.http_version == "1.1" or b"keep-alive" in options)
        self._body = self._expected_body()
        self._awaits_continue = self._expects_continue()

    def _expected_body(self) -> _Body:
        codings = self._values(b"transfer-encoding")
        lengths = self._values(b"content-length")
        if codings:
            if lengths or self.http_version == "1.0":
                raise RequestError(400, "Transfer-Encoding contradicts the rest of the request")
            if [coding.lower() for coding in codings] != [b"chunked"]:
                raise RequestError(501, "chunked is the only transfer coding that is understood")
            return _ChunkedBody(self._limits)
        if not lengths:
            return _SizedBody(0)
        # llhttp has checked both already; the price of being wrong about a length is a smuggled request
        if len(lengths) > 1 or not lengths[0].isdigit():
            raise RequestError(400, "malformed Content-Length")
        length_bytes = int(lengths[0])
        if length_bytes > self._limits.max_body_bytes:
            raise _body_too_large(self._limits)
        return _SizedBody(length_bytes)

    def _expects_continue(self) -> bool:
        expectations = self._values(b"expect")
        if not expectations or self.http_version == "1.0":
            return False
        if any(value.lower() != b"100-continue" for value in expectations):
            raise RequestError(417, "100-continue is the only expectation that can be met")
        return True

    def _values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self._events.headers if key.lower() == name]

    def _options(self, name: bytes) -> set[bytes]:
        """Return the members of a comma-separated header in lower case."""
        return {option.strip().lower() for value in self._values(name) for option in value.split(b",")}


class _Body(Protocol):
    """A body on its way."""

    content: bytearray
    """What has arrived, after transfer coding."""

    @property
    def complete(self) -> bool:
        """Whether all of it has arrived."""

    def feed(self, data: bytearray, start: int) -> int:
        """Take bytes from `start` on; return where the body ends in `data`, or the length of `data`."""


class _SizedBody:
    """A body whose length in bytes was declared, zero included."""

    def __init__(self, length_bytes: int) -> None:
        self.content = bytearray()
        self._length_bytes = length_bytes

    @property
    def complete(self) -> bool:
        return len(self.content) == self._length_bytes

    def feed(self, data: bytearray, start: int) -> int:
        end = min(len(data), start + self._length_bytes - len(self.content))
        self.content += data[start:end]
        return end


class _ChunkedBody:
    """A body in chunks. Trailers and chunk extensions are read and dropped."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._events = _BodyEvents()
        self.content = self._events.content
        # a parser of its own: the one that read the head skips the body of a request with Upgrade
        self._parser = HttpRequestParser(self._events)
        self._parser.feed_data(_CHUNKED_HEAD)
        self._wire_bytes = 0
        self._tail = b""

    @property
    def complete(self) -> bool:
        return self._events.complete

    def feed(self, data: bytearray, start: int) -> int:
        while start < len(data) and not self.complete:
            end = _section_end(self._tail, data, start, _PIECE_BYTES)
            piece = bytes(data[start:end])
            try:
                self._parser.feed_data(piece)
            except HttpParserError as error:
                raise RequestError(400, f"malformed chunked body: {error}") from error
            self._tail = (self._tail + piece[-3:])[-3:]
            self._wire_bytes += len(piece)
            start = end
            self._check_size()
        return start

    def _check_size(self) -> None:
        body_bytes = len(self.content)
        if body_bytes > self._limits.max_body_bytes:
            raise _body_too_large(self._limits)
        framing_bytes = self._wire_bytes - body_bytes
        if framing_bytes > self._limits.max_head_bytes + _FRAMING_PER_BODY_BYTE * body_bytes:
            raise RequestError(413, "too much chunk framing, extensions or trailers for so small a body")


class _HeadEvents:
    """What httptools reports of a head."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # blanks around a value are not part of it (RFC 9112, 5.1); llhttp drops only those before it
        self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


class _BodyEvents:
    """What httptools reports of a body."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.complete = False

    def on_body(self, piece: bytes) -> None:
        self.content += piece

    def on_message_complete(self) -> None:
        self.complete = True


def _section_end(tail: bytes, data: bytearray, start: int, room: int) -> int:
    """Return where to stop feeding: after the next blank line, or `room` bytes on, or at the end.

    Args:
        tail: up to three bytes fed before, where the blank line may have begun.
        data: the bytes at hand.
        start: index of the first byte to feed.
        room: how many bytes may be fed at most, one or more.
    """
    limit = min(len(data), start + room)
    straddling = (tail + data[start : start + 3]).find(_BLANK_LINE)
    if straddling >= 0:
        return min(limit, start + straddling + len(_BLANK_LINE) - len(tail))
    found = data.find(_BLANK_LINE, start, limit)
    return limit if found < 0 else found + len(_BLANK_LINE)


def _body_too_large(limits: Limits) -> RequestError:
    return RequestError(413, f"the body is longer than {limits.max_body_bytes} bytes")
