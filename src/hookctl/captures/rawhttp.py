"""Raw HTTP, as logs, proxies and servers dump it: one request or several, with or without their responses."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookctl.captures.chunked import ChunkReader
from hookctl.captures.form import NotThisForm
from hookctl.captures.messagehead import START_LINE, START_OF_LINE, BrokenHead, Head, read_head
from hookctl.captures.numbering import Lines, numbered, shown
from hookctl.model import Capture, CapturedResponse, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.captures.form import Document

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SEPARATOR = rb"(?:\#{3,}[^\n]*+|(?:-{3,}|={3,})(?:[ ][^\n]*+)?)"
_GAP = re.compile(rb"(?x) [\r\n]++ | (?: %s | (?:\#|//)[^\n]*+ | [ \t]* ) \r? (?:\n|\Z)" % _SEPARATOR)
_SEPARATOR_LINE = re.compile(rb"(?x) %s \r? \n?" % _SEPARATOR)
_COMMENT_LINE = re.compile(rb"(?:#|//)[^\n]*\n?")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class _Message:
    head: Head
    body: bytes
    end: int
    notes: tuple[str, ...] = ()


def read_http(document: Document) -> Iterator[Capture | Unreadable]:
    """Read raw HTTP requests.

    A body is as long as Content-Length says where that leads to the end of the file or to the next message; else
    it goes on to the next request or status line, and a note says so. A response belongs to the request before it.

    Args:
        document: the file.

    Yields:
        A `Capture` for each request, in order, and an `Unreadable` for each that is broken.

    Raises:
        NotThisForm: the file begins neither with a request line nor with headers and a blank line.
    """
    yield from numbered(document.source, _Reader(document.data).parts())


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._lines = Lines(data)
        self._chunks = ChunkReader(data)
        self._gap = (0, 0)

    def parts(self) -> Iterator[Capture | Unreadable]:
        """Yield what the file holds, sources left empty."""
        at = self._skip_gap(len(_BYTE_ORDER_MARK) if self._data.startswith(_BYTE_ORDER_MARK) else 0)
        if at == len(self._data):
            raise NotThisForm("no request stands in it")
        self._check_beginning(at)
        waiting: Capture | None = None
        while at < len(self._data):
            begin = at
            try:
                message = self._message(at)
            except BrokenHead as broken:
                if waiting is not None:
                    yield waiting
                waiting = None
                yield Unreadable("", f"{self._line(broken.at)} {broken.why}: {self._shown_line(broken.at)}")
                at = self._skip_gap(self._next_start(max(broken.at, self._line_end(at)), after_blank=False))
                continue
            at = self._skip_gap(message.end)
            if message.head.status is None:
                if waiting is not None:
                    yield waiting
                waiting = _capture(message)
            elif waiting is not None and waiting.response is None:
                waiting = _answered(waiting, message)
            else:
                if waiting is not None:
                    yield waiting
                waiting = None
                why = "is a response, and no request without one stands before it"
                yield Unreadable("", f"{self._line(begin)} {why}: {self._shown_line(begin)}")
        if waiting is not None:
            yield waiting

    def _check_beginning(self, at: int) -> None:
        if START_LINE.match(self._data, at):
            return
        try:
            head = read_head(self._data, at)
        except BrokenHead as broken:
            what = broken.why if broken.unended else "is neither a request line nor a header"
            raise NotThisForm(f"{self._line(broken.at)} {what}: {self._shown_line(broken.at)}") from None
        if head.method is None and not self._data[at : at + 1].isalpha():
            # the time before a line of a log looks like a header: "12:30:01 GET /"
            raise NotThisForm(f"{self._line(at)} is neither a request line nor a header: {self._shown_line(at)}")

    def _message(self, at: int) -> _Message:
        head = read_head(self._data, at)
        if head.status is not None and (head.status < 200 or head.status in _WITHOUT_BODY):
            return _Message(head, b"", head.end)
        if not head.is_chunked:
            return self._by_length(head)
        chunked = self._chunks.read(head.end)
        if chunked is not None:
            return _Message(head, chunked.body, chunked.end)
        message = self._up_to_next(head, after_blank=True)
        note = "Transfer-Encoding says chunked, but the body is not in chunks: it was taken as it stands"
        return replace(message, notes=(note, *message.notes))

    def _by_length(self, head: Head) -> _Message:
        lengths = head.values(b"content-length")
        if not lengths:
            return self._up_to_next(head, after_blank=True)
        if _LENGTH.fullmatch(lengths[0]):
            end = head.end + int(lengths[0])
            if end <= len(self._data) and self._may_end_at(end):
                return _Message(head, self._data[head.end : end], end)
        message = self._up_to_next(head, after_blank=False)
        said = lengths[0].decode() if _LENGTH.fullmatch(lengths[0]) else shown(lengths[0])
        note = f"Content-Length says {said}, the body has {len(message.body)} bytes"
        return replace(message, notes=(note,))

    def _up_to_next(self, head: Head, *, after_blank: bool) -> _Message:
        following = self._next_start(head.end, after_blank=after_blank)
        if following == len(self._data):
            return _Message(head, self._data[head.end :], following)
        end = self._before_gap(head.end, following)
        guessed = end > head.end
        note = "no Content-Length: the body was taken to end where the blank line before the next message begins"
        return _Message(head, self._data[head.end : end], following, (note,) if guessed else ())

    def _next_start(self, at: int, *, after_blank: bool) -> int:
        """Return where the next start line stands, at a line's beginning, or the end of the file."""
        for match in START_OF_LINE.finditer(self._data, at):
            found = match.start()
            before = self._data[max(0, found - 3) : found]
            if not after_blank or found == at or before.endswith((b"\n\n", b"\n\r\n")):
                return found
            line = self._line_before(at, found)
            if _SEPARATOR_LINE.fullmatch(self._data, line, found) or _COMMENT_LINE.fullmatch(self._data, line, found):
                return found
        return len(self._data)

    def _before_gap(self, begin: int, at: int) -> int:
        """Return where a body ends that begins at one offset and is followed by a start line at another."""
        cut, line = at, at
        while line > begin:
            end, line = line, self._line_before(begin, line)
            if _SEPARATOR_LINE.fullmatch(self._data, line, end):
                cut = line
            elif self._data[line:end].strip() and not _COMMENT_LINE.fullmatch(self._data, line, end):
                break
        # the end of the body's last line, and the blank line
        for _ in range(2):
            if cut > begin and self._data[cut - 1] == 0x0A:
                cut -= 1
                cut -= cut > begin and self._data[cut - 1] == 0x0D
        return cut

    def _may_end_at(self, at: int) -> bool:
        behind = self._skip_gap(at)
        return behind == len(self._data) or START_LINE.match(self._data, behind) is not None

    def _skip_gap(self, at: int) -> int:
        """Return where the next thing stands behind line ends, separators and comments."""
        begin, end = self._gap
        # many bodies may be said to end in one long gap: it is walked through once
        if begin <= at < end and (at == begin or self._data[at - 1] == 0x0A):
            return end
        begin = at
        while (gap := _GAP.match(self._data, at)) and gap.end() > at:
            at = gap.end()
        self._gap = (begin, at)
        return at

    def _line_before(self, begin: int, at: int) -> int:
        return max(begin, self._data.rfind(b"\n", begin, at - 1) + 1)

    def _line_end(self, at: int) -> int:
        end = self._data.find(b"\n", at)
        return len(self._data) if end < 0 else end + 1

    def _line(self, at: int) -> str:
        return f"line {self._lines.number_at(at)}"

    def _shown_line(self, at: int) -> str:
        return shown(self._data[at : min(at + 100, self._line_end(at))].rstrip(b"\r\n"))


def _capture(message: _Message) -> Capture:
    head = message.head
    return Capture("", head.headers, message.body, head.method, head.target, head.http_version, notes=message.notes)


def _answered(capture: Capture, message: _Message) -> Capture:
    status = message.head.status
    if status is None or status < 200:
        return capture
    return capture._replace(response=CapturedResponse(status, message.head.headers, message.body))
