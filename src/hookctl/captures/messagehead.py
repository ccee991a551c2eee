"""The head of an HTTP message, as logs and dumps write it: start line, headers, and what they say of the body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.model import RawHeaders

_REQUEST = rb"([A-Za-z][!#$%&'*+.^_`|~0-9A-Za-z-]{0,31}+) ([!-~\x80-\xff]++) HTTP/([0-9](?:\.[0-9])?)"
_STATUS = rb"HTTP/([0-9](?:\.[0-9])?) ([1-9][0-9]{2})(?: [^\r\n]*+)?"
START_LINE = re.compile(rb"(?:%s|%s)[ \t]*+\r?(?:\n|\Z)" % (_REQUEST, _STATUS))
"""A request line or a status line, at the position asked for: method, target, version; version, status."""

START_OF_LINE = re.compile(rb"(?m)^(?=(?:%s|%s)[ \t]*+\r?$)" % (_REQUEST, _STATUS))
"""The same, found at the beginning of a line."""

_BARE_REQUEST = re.compile(
    rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) ((?:https?://|/)[!-~\x80-\xff]*+)[ \t]*+\r?(?:\n|\Z)"
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++")
_BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request or of a response."""

    headers: RawHeaders
    end: int
    """Offset of the body."""
    method: str | None = None
    target: str | None = None
    http_version: str | None = None
    status: int | None = None
    """Set in a response."""

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a header, its name in lower case, in their order."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def is_chunked(self) -> bool:
        """Whether the body is said to be in chunks."""
        return b",".join(self.values(b"transfer-encoding")).lower().rstrip(b" ,").endswith(b"chunked")


class BrokenHead(Exception):  # noqa: N818 - an answer rather than an error
    """The head of a message cannot be read.

    Args:
        at: offset of the line at fault.
        why: what is wrong with it, as the end of a sentence.
        unended: whether it is the missing blank line at the end.
    """

    def __init__(self, at: int, why: str, *, unended: bool = False) -> None:
        super().__init__(why)
        self.at = at
        self.why = why
        self.unended = unended


def read_head(data: bytes, at: int) -> Head:
    """Read the head that begins at an offset; lines end with LF or CRLF, the start line may be missing.

    Args:
        data: the whole file.
        at: where the head begins.

    Returns:
        The head. Folded header lines are joined by one space, white space around values is taken off.

    Raises:
        BrokenHead: a line is no header, or a head without start line does not end in a blank line.
    """
    full = START_LINE.match(data, at)
    bare = None if full else _BARE_REQUEST.match(data, at)
    start = full or bare
    headers, end, has_end = _read_headers(data, start.end() if start else at)
    if full is None and bare is None and not (headers and has_end):
        raise BrokenHead(at, "begins a head that no blank line ends", unended=True)
    if bare:
        return Head(headers, end, bare[1].decode(), bare[2].decode("latin-1"))
    if full and full[1]:
        return Head(headers, end, full[1].decode(), full[2].decode("latin-1"), full[3].decode())
    if full:
        return Head(headers, end, http_version=full[4].decode(), status=int(full[5]))
    return Head(headers, end)


def _read_headers(data: bytes, at: int) -> tuple[RawHeaders, int, bool]:
    """Return the headers, the offset behind them, and whether a blank line ended them."""
    found: list[tuple[bytes, list[bytes]]] = []
    while at < len(data):
        line_end = data.find(b"\n", at)
        line_end = len(data) if line_end < 0 else line_end + 1
        line = data[at:line_end].rstrip(b"\r\n")
        if not line:
            return _joined(found), line_end, True
        if line[:1] in {b" ", b"\t"} and found:
            found[-1][1].append(line.strip(_BLANK))
        else:
            name, colon, value = line.partition(b":")
            if not colon or not _NAME.fullmatch(name.rstrip(b" \t")):
                raise BrokenHead(at, "has no colon after a header's name" if found else "is no header")
            found.append((name.rstrip(b" \t"), [value.strip(_BLANK)]))
        at = line_end
    return _joined(found), len(data), False


def _joined(found: list[tuple[bytes, list[bytes]]]) -> RawHeaders:
    return tuple((name, b" ".join(pieces).strip(_BLANK)) for name, pieces in found)
