"""Header lines that a user adds: checked so that nothing can be smuggled in, and nothing that signs replaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookctl.errors import InputError, UsageError
from hookctl.model import FRAMING_HEADERS

if TYPE_CHECKING:
    from hookctl.model import Headers, Provider

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110: visible characters, obs-text, and spaces and tabs between them
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def parse_header(line: str) -> tuple[str, str]:
    """Read the argument of -H, `Name: value`.

    Returns:
        Name and value; the value as text whose characters are its bytes (Latin-1).

    Raises:
        UsageError: no colon, a name that is not a token, or CR, LF, NUL or another control in the value.
    """
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError(f"-H {_shown(line)} has no colon", hint="write -H 'Name: value'")
    if not _TOKEN.fullmatch(name):
        raise UsageError(f"-H: {_shown(name)} is not a header name", hint="letters, digits and - only, no spaces")
    # HTTP carries bytes: what the shell gave as UTF-8 goes out as the same bytes
    raw = value.strip(" \t").encode("utf-8", "surrogateescape").decode("latin-1")
    if not _VALUE.fullmatch(raw):
        raise UsageError(f"-H {name}: the value has a line break, NUL or another control character in it")
    return name, raw


def sendable(name: str, value: str) -> str:
    """Return a header value as the text whose characters are its bytes (Latin-1).

    Raises:
        InputError: it has a line break, NUL or another control character in it, or half of a surrogate pair.
    """
    try:
        raw = value.encode("utf-8", "surrogateescape").decode("latin-1")
    except UnicodeEncodeError:
        raw = "\0"
    if not _VALUE.fullmatch(raw) or raw != raw.strip(" \t"):
        raise InputError(f"the header {name} cannot hold {_shown(value)}")
    return raw


def check_headers(headers: Headers, provider: Provider) -> None:
    """Raise `UsageError` when a user's header would replace one that hookctl itself has to write."""
    for name, _ in headers:
        if name.lower() in FRAMING_HEADERS:
            raise UsageError(f"-H {name}: hookctl writes that header itself")
        if name.lower() in provider.protected_headers:
            raise UsageError(
                f"-H {name}: that header belongs to the signature",
                hint="to send a wrong one, use --tamper; to sign for another time, --at",
            )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
