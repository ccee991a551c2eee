"""What a handler answers, and how it is written on the wire."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.model import Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""The interim answer to `Expect: 100-continue`."""

_SERVER_HEADERS = frozenset({"connection", "content-length", "date", "transfer-encoding"})
_BODILESS_STATUSES = frozenset({204, 304})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# visible Latin-1, blanks inside: what RFC 9110, 5.5 lets a field value be
_VALUE = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Persistence(Enum):
    """What an answer says about its connection."""

    DEFAULT = None
    """Nothing: HTTP/1.1 stays open."""
    KEEP_ALIVE = "keep-alive"
    """It stays open, said to an HTTP/1.0 client that asked."""
    CLOSE = "close"
    """It closes after this answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to one request.

    The server adds Content-Length, Date and Connection itself and leaves the body out for HEAD.

    Raises:
        ValueError: the status is not between 200 and 599, a 204 or 304 has a body, a header cannot be
            sent as it is, or a header is one that the server writes.
    """

    status: int
    body: bytes = b""
    headers: Headers = ()
    """Further header lines; values are Latin-1 text without surrounding blanks."""

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"{self.status} is not the status of a final answer")
        if self.body and self.status in _BODILESS_STATUSES:
            raise ValueError(f"an answer with status {self.status} has no body")
        for name, value in self.headers:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a header name")
            if name.lower() in _SERVER_HEADERS:
                raise ValueError(f"the server itself writes {name}")
            if not _VALUE.fullmatch(value):
                raise ValueError(f"the value of {name} cannot be sent: {value!r}")


def plain_reply(status: int, sentence: str) -> Reply:
    """Return a reply whose body is one line of text."""
    return Reply(status, f"{sentence}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))


def encode_reply(reply: Reply, *, at_ms: int, persistence: Persistence, with_body: bool) -> bytes:
    """Return the bytes of an answer.

    Args:
        reply: what to say.
        at_ms: the time for the Date header, in milliseconds since the Unix epoch.
        persistence: what the Connection header says.
        with_body: False for the answer to HEAD, which has the headers of the body but not the body.
    """
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    lines.append(f"Date: {formatdate(at_ms // 1000, usegmt=True)}")
    if reply.status not in _BODILESS_STATUSES:
        lines.append(f"Content-Length: {len(reply.body)}")
    if persistence is not Persistence.DEFAULT:
        lines.append(f"Connection: {persistence.value}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + reply.body if with_body else head
