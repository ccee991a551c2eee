"""What a handler answers, and how it is written on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.model import Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""The interim answer to `Expect: 100-continue`."""

SERVER_HEADERS = frozenset({"connection", "content-length", "date", "transfer-encoding"})
"""Names, in lower case, of the headers that the server itself writes and a `Reply` must not have."""

_BODILESS_STATUSES = frozenset({204, 304})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# visible Latin-1, blanks inside: what RFC 9110, 5.5 lets a field value be
_VALUE = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Persistence(Enum):
    """What an answer says about its connection."""

    DEFAULT = b""
    """Nothing: HTTP/1.1 stays open."""
    KEEP_ALIVE = b"Connection: keep-alive\r\n"
    """It stays open, said to an HTTP/1.0 client that asked."""
    CLOSE = b"Connection: close\r\n"
    """It closes after this answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one request; one object can answer any number of them, and is then encoded only once.

    The server adds Content-Length, Date and Connection itself and leaves the body out for HEAD.

    Raises:
        ValueError: the status is not between 200 and 599, a 204 or 304 has a body, a header cannot be
            sent as it is, or is one that the server writes, or the length for HEAD is negative.
    """

    status: int
    body: bytes = b""
    headers: Headers = ()
    """Further header lines, in the order they are sent, repeats kept; values are Latin-1 text without
    surrounding blanks."""
    head_length_bytes: int | None = None
    """What Content-Length says in answer to HEAD where the body is not at hand, as in an answer passed on;
    the body's length without it. Any other request is told the length of `body`."""
    _start: bytes = field(init=False, repr=False, compare=False)
    """Status line and further headers, encoded."""
    _usual: tuple[int, bytes] = field(init=False, repr=False, compare=False, default=(-1, b""))
    """The usual answer, body included, over a connection that stays open, and the second of its date."""

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"{self.status} is not the status of a final answer")
        if self.body and self.status in _BODILESS_STATUSES:
            raise ValueError(f"an answer with status {self.status} has no body")
        if self.head_length_bytes is not None and self.head_length_bytes < 0:
            raise ValueError(f"{self.head_length_bytes} is not a length")
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, '')}"]
        for name, value in self.headers:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a header name")
            if name.lower() in SERVER_HEADERS:
                raise ValueError(f"the server itself writes {name}")
            if not _VALUE.fullmatch(value):
                raise ValueError(f"the value of {name} cannot be sent: {value!r}")
            lines.append(f"{name}: {value}")
        lines.append("")
        object.__setattr__(self, "_start", "\r\n".join(lines).encode("latin-1"))

    def encode(self, *, at_ms: int, persistence: Persistence, with_body: bool) -> bytes:
        """Return the bytes of the answer.

        Args:
            at_ms: the time for the Date header, in milliseconds since the Unix epoch.
            persistence: what the Connection header says.
            with_body: False for the answer to HEAD, which has the headers of the body but not the body.
        """
        at_s = at_ms // 1000
        is_usual = with_body and persistence is Persistence.DEFAULT
        if is_usual and self._usual[0] == at_s:
            return self._usual[1]
        message = self._encode(at_s, persistence, with_body=with_body)
        if is_usual:
            object.__setattr__(self, "_usual", (at_s, message))
        return message

    def _encode(self, at_s: int, persistence: Persistence, *, with_body: bool) -> bytes:
        date = _date_line(at_s)
        if self.status in _BODILESS_STATUSES:
            return b"%b%b%b\r\n" % (self._start, date, persistence.value)
        length_bytes = len(self.body)
        if not with_body and self.head_length_bytes is not None:
            length_bytes = self.head_length_bytes
        body = self.body if with_body else b""
        return b"%b%bContent-Length: %d\r\n%b\r\n%b" % (self._start, date, length_bytes, persistence.value, body)


class LaterReply:
    """A reply that somebody gives later: what a handler returns that knows who will, and costs no task and no future.

    Giving it calls the connection at once, which writes the answer. What is given after the server has dropped the
    connection, or for the second time, is ignored.
    """

    __slots__ = ("reply", "take")

    def __init__(self) -> None:
        self.reply: Reply | None = None
        """What was given."""
        self.take: Callable[[Reply], None] | None = None
        """Who is called with it: the connection, as soon as it has got this object."""

    def give(self, reply: Reply) -> None:
        """Answer."""
        if self.reply is None:
            self.reply = reply
            if self.take is not None:
                self.take(reply)


def plain_reply(status: int, sentence: str) -> Reply:
    """Return a reply whose body is one line of text."""
    return Reply(status, f"{sentence}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))


# answers of one second share it
@lru_cache(maxsize=2)
def _date_line(at_s: int) -> bytes:
    return f"Date: {formatdate(at_s, usegmt=True)}\r\n".encode()
