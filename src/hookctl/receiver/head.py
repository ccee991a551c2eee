"""The head of a request: its syntax, and what it says about the body and the connection.

llhttp, by way of httptools, is the judge of the syntax; what it lets pass and this server does not is refused here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from hookctl.receiver.refusal import RequestError

if TYPE_CHECKING:
    from hookctl.model import RawHeaders
    from hookctl.receiver.limits import Limits

BLANK_LINE = b"\r\n\r\n"
"""The end of every head."""

# llhttp also takes RTSP, HTTP/0.9 and several blanks in a row
_REQUEST_LINE = re.compile(rb"([A-Z-]+) ([!-~]+) HTTP/([0-9]\.[0-9])\r\n")
_VERSIONS = frozenset({b"1.0", b"1.1"})
_TELLING = frozenset({b"host", b"connection", b"content-length", b"transfer-encoding", b"expect"})


class Head(NamedTuple):
    """What a head says. A tuple, as one is made for every request."""

    method: str
    target: str
    http_version: str
    """"1.0" or "1.1"."""
    headers: RawHeaders
    keep_alive: bool
    """Whether the peer wants the connection to stay open."""
    body_bytes: int | None
    """The declared length of the body, zero without one; None when it comes in chunks."""
    expects_continue: bool
    """Whether the peer may be waiting for `100 Continue` before it sends the body."""


class HeadReader:
    """Reads one head, in whatever pieces it comes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bytes = bytearray()
        self._events = _HeadEvents()
        # the parser refers to the events and not to the reader: no cycle is left behind by each request
        self._parser = HttpRequestParser(self._events)

    def __len__(self) -> int:
        """Return how many bytes were fed."""
        return len(self._bytes)

    def feed(self, data: bytearray, start: int) -> tuple[int, Head | None]:
        """Take bytes from `start` on, up to the next blank line at most.

        Returns:
            Where to go on in `data`, and the head when it is complete.

        Raises:
            RequestError: the head is malformed, beyond a limit or not supported.
        """
        room = self._limits.max_head_bytes - len(self._bytes)
        end = _section_end(bytes(self._bytes[-3:]), data, start, room)
        piece = bytes(data[start:end])
        self._bytes += piece
        try:
            _parse(self._parser, piece)
        finally:
            # also when something after the lines too many is malformed: in smaller pieces they would come first
            _check_count(self._events, self._limits)
        if self._bytes.endswith(BLANK_LINE):
            return end, _judge(bytes(self._bytes), self._events, self._limits)
        if len(self._bytes) >= self._limits.max_head_bytes:
            raise RequestError(431, f"the headers are longer than {self._limits.max_head_bytes} bytes")
        return end, None


def read_head(head: bytes, limits: Limits) -> Head:
    """Return what a complete head says.

    Args:
        head: request line and headers, the blank line at the end included and no other.
        limits: what a peer may take; the length of the head is the caller's to check.

    Raises:
        RequestError: it is malformed, beyond a limit or not supported.
    """
    events = _HeadEvents()
    _parse(HttpRequestParser(events), head)
    _check_count(events, limits)
    return _judge(head, events, limits)


class _HeadEvents:
    """What httptools reports of a head."""

    __slots__ = ("complete", "headers")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # blanks around a value are not part of it (RFC 9112, 5.1); llhttp drops only those before it
        self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def _parse(parser: HttpRequestParser, piece: bytes) -> None:
    try:
        parser.feed_data(piece)
    except HttpParserUpgrade:
        pass  # nothing here speaks another protocol, so the request is an ordinary one
    except HttpParserError as error:
        raise RequestError(400, f"malformed request: {error}") from error


def _check_count(events: _HeadEvents, limits: Limits) -> None:
    if len(events.headers) > limits.max_headers:
        raise RequestError(431, f"more than {limits.max_headers} header lines")


def _judge(head: bytes, events: _HeadEvents, limits: Limits) -> Head:
    match = _REQUEST_LINE.match(head)
    if match is None or not events.complete:
        raise RequestError(400, "malformed request line")
    method, target, version = match.groups()
    if version not in _VERSIONS:
        raise RequestError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if method == b"CONNECT":
        raise RequestError(400, "this is not a proxy")
    told: dict[bytes, list[bytes]] = {}
    for name, value in events.headers:
        lower = name.lower()
        if lower in _TELLING:
            told.setdefault(lower, []).append(value)
    recent = version == b"1.1"
    hosts = len(told.get(b"host", ()))
    if hosts > 1 or (hosts == 0 and recent):
        raise RequestError(400, "exactly one Host header is needed")
    keep_alive = recent
    if b"connection" in told:
        options = {option.strip().lower() for value in told[b"connection"] for option in value.split(b",")}
        keep_alive = b"close" not in options and (recent or b"keep-alive" in options)
    return Head(
        method.decode(),
        target.decode(),
        version.decode(),
        tuple(events.headers),
        keep_alive,
        _body_bytes(told, limits, recent=recent),
        recent and _expects_continue(told),
    )


def _body_bytes(told: dict[bytes, list[bytes]], limits: Limits, *, recent: bool) -> int | None:
    lengths = told.get(b"content-length")
    codings = told.get(b"transfer-encoding")
    if codings:
        if lengths or not recent:
            raise RequestError(400, "Transfer-Encoding contradicts the rest of the request")
        if [coding.lower() for coding in codings] != [b"chunked"]:
            raise RequestError(501, "chunked is the only transfer coding that is understood")
        return None
    if not lengths:
        return 0
    # llhttp has checked both already; the price of being wrong about a length is a smuggled request
    if len(lengths) > 1 or not lengths[0].isdigit():
        raise RequestError(400, "malformed Content-Length")
    length_bytes = int(lengths[0])
    if length_bytes > limits.max_body_bytes:
        raise RequestError(413, f"the body is longer than {limits.max_body_bytes} bytes")
    return length_bytes


def _expects_continue(told: dict[bytes, list[bytes]]) -> bool:
    expectations = told.get(b"expect")
    if not expectations:
        return False
    if any(value.lower() != b"100-continue" for value in expectations):
        raise RequestError(417, "100-continue is the only expectation that can be met")
    return True


def _section_end(tail: bytes, data: bytearray, start: int, room: int) -> int:
    """Return where to stop feeding: after the next blank line, or `room` bytes on, or at the end.

    llhttp would read on into the body or the next request, so it is never shown more than that.

    Args:
        tail: up to three bytes fed before, where the blank line may have begun.
        data: the bytes at hand.
        start: index of the first byte to feed.
        room: how many bytes may be fed at most, one or more.
    """
    limit = min(len(data), start + room)
    straddling = (tail + data[start : start + 3]).find(BLANK_LINE)
    if straddling >= 0:
        return min(limit, start + straddling + len(BLANK_LINE) - len(tail))
    found = data.find(BLANK_LINE, start, limit)
    return limit if found < 0 else found + len(BLANK_LINE)
