"""Bodies that a tool kept as text: turned into bytes again, and compared with what the headers say of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookctl.captures.jsondocument import text_to_bytes

if TYPE_CHECKING:
    from hookctl.model import RawHeaders

_LENGTH = re.compile(rb"[0-9]{1,18}")


def content_length(headers: RawHeaders) -> int | None:
    """Return what Content-Length says, or None where it is missing or no number."""
    value = next((value for name, value in headers if name.lower() == b"content-length"), None)
    return int(value) if value is not None and _LENGTH.fullmatch(value.strip(b" \t")) else None


def announces_body(headers: RawHeaders) -> bool:
    """Return whether the headers say that there is a body."""
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        return True
    return (content_length(headers) or 0) > 0


def body_from_text(text: str, headers: RawHeaders) -> tuple[bytes, tuple[str, ...]]:
    """Return the body that a tool kept as text.

    A body that is not UTF-8 is kept by some tools (browsers among them) with one character for each byte. That is
    taken to be so when Content-Length agrees with it and not with the text in UTF-8.

    Args:
        text: the text.
        headers: of the same request.

    Returns:
        The bytes, and notes on what could not be kept or had to be assumed.
    """
    length = content_length(headers)
    body, note = text_to_bytes(text)
    if length == len(text) != len(body) and note is None and max(text) <= "\xff":
        return text.encode("latin-1"), ("the body was taken as one byte for each character: so Content-Length fits",)
    notes = [] if note is None else [note]
    notes += length_notes(body, headers)
    if notes and "\ufffd" in text:
        notes.append("the text has U+FFFD in it, which tools put where bytes are not UTF-8: these bytes are lost")
    return body, tuple(notes)


def length_notes(body: bytes, headers: RawHeaders) -> tuple[str, ...]:
    """Return a note when Content-Length says something else than the length of the body."""
    length = content_length(headers)
    if length is None or length == len(body):
        return ()
    return (f"the file has {len(body)} bytes of body, Content-Length says {length}",)
