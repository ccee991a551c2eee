"""A request that was not sent, in forms that can be read, pasted into a shell or piped into another program."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.report.safe import UNSAFE, safe_bytes, safe_line

if TYPE_CHECKING:
    from hookctl.model import SignedRequest


def as_curl(request: SignedRequest) -> str:
    """Return one shell command, curl last, that sends the very same body and headers.

    The body reaches curl through a pipe: an argument could hold neither NUL nor more than 128 KiB.
    """
    # a bracket in the URL is a bracket, not a range of URLs, and dots in its path stay where they are
    words: list[str | bytes] = ["curl", "--silent", "--show-error", "--include", "--globoff", "--path-as-is"]
    words += ["--request", request.method]
    for name, value in request.headers:
        # curl drops a header written "Name:"; with a semicolon it sends it empty
        line = f"{name}: {value}" if value else f"{name};"
        words += ["--header", line.encode("latin-1")]
    words += ["--data-binary", "@-", request.url]
    return f"{_printf(request.body)} | {' '.join(map(_word, words))}"


def _word(word: str | bytes) -> str:
    """Return one word of a shell command that stands for the text or bytes."""
    data = word.encode() if isinstance(word, str) else word
    text = _plain(data)
    # the substitution drops newlines at the end, but no word has one
    return f'"$({_printf(data)})"' if text is None else shlex.quote(text)


def _plain(data: bytes) -> str | None:
    """Return bytes as text that can be pasted into a terminal, or None: a control character would not survive."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if UNSAFE.search(text) else text


def _printf(data: bytes) -> str:
    text = _plain(data)
    if text is not None:
        return f"printf %s {shlex.quote(text)}"
    # POSIX printf %b: a backslash, a zero and three octal digits for each byte that is not plain ASCII
    escaped = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\0{byte:03o}" for byte in data)
    return f"printf %b {shlex.quote(escaped)}"


def as_http(request: SignedRequest) -> bytes:
    """Return the request as it goes over the wire (HTTP/1.1)."""
    return _head(request) + request.body


def _head(request: SignedRequest) -> bytes:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(request.body)}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def as_text(request: SignedRequest) -> str:
    """Return the request for reading, safe for a terminal."""
    lines = [f"{request.method} {request.url}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    return "\n".join(map(safe_line, lines)) + "\n\n" + safe_bytes(request.body) + "\n"
