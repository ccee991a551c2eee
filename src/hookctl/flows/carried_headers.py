"""The header lines of a captured delivery as they are sent again: what stays, what is withheld, what is signed anew."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.delivery.headers import sendable
from hookctl.delivery.hops import passed_on
from hookctl.errors import InputError

if TYPE_CHECKING:
    from hookctl.model import Headers, Provider, RawHeaders

WITHHELD = frozenset({"cookie", "authorization"})
"""Lower-case names of the headers that let someone in: they were meant for the first receiver alone."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Carried:
    """What of the headers is sent again."""

    headers: Headers
    """In the order and the case they came, without framing and what concerns one connection alone."""
    withheld: tuple[str, ...]
    """The names of those of `WITHHELD` that were there, as they were written."""


def carried_headers(headers: RawHeaders) -> Carried:
    """Choose the header lines that are sent again.

    Raises:
        InputError: one cannot be sent, as with a line break in it: a capture may hold what no wire has carried.
    """
    lines: list[tuple[str, str]] = []
    withheld: dict[str, None] = {}
    # Latin-1 gives each byte a character and takes it back
    for name, value in passed_on(tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)):
        if name.lower() in WITHHELD:
            withheld[name] = None
        elif not name.lower().startswith("proxy-"):
            require_token(name, "the name of a header")
            lines.append((name, sendable(name, _as_typed(value.strip(" \t")))))
    return Carried(tuple(lines), tuple(withheld))


def require_token(text: str, what: str) -> None:
    """Raise `InputError` for a text that is no token (RFC 9110, 5.6.2), which methods and names of headers are."""
    if not _TOKEN.fullmatch(text):
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
        raise InputError(f"{shown!r} is not {what}")


def signed_anew(headers: Headers, fresh: Headers, provider: Provider) -> Headers:
    """Put fresh signature headers in the place of the captured ones, in their case; one that was not there comes last.

    What the provider sends unchanged with every delivery stays as it was captured. A second signature, sent while
    secrets rotated, goes: it was made with a secret of then.

    Raises:
        InputError: the event's name or id stands in a header and has a character that no header can hold.
    """
    left = {name.lower(): (name, sendable(name, value)) for name, value in fresh}
    lines: list[tuple[str, str]] = []
    for name, value in headers:
        key = name.lower()
        made = left.pop(key, None)
        if key not in provider.protected_headers:
            lines.append((name, value))
        elif made is not None:
            lines.append((name, made[1]))
    return (*lines, *left.values())


def _as_typed(value: str) -> str:
    """Return a value's bytes as the text that `sendable` takes: as UTF-8, which a command line's arguments are."""
    return value.encode("latin-1").decode("utf-8", "surrogateescape")
