"""Fields of JSON values that came from outside: read with their types, refused with their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from hookctl.captures.jsondocument import base64_to_bytes
from hookctl.model import TimeUnit
from hookctl.timestamps import read_time

if TYPE_CHECKING:
    from hookctl.model import RawHeaders

_T = TypeVar("_T", str, int, "list[object]", "dict[str, object]")

_IN_WORDS: dict[type, str] = {str: "a text", int: "an integer", list: "a list", dict: "an object"}
LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_HTTP_VERSIONS = {"1.0": "1.0", "1.1": "1.1", "2": "2", "2.0": "2", "h2": "2", "3": "3", "3.0": "3", "h3": "3"}


class BrokenField(Exception):  # noqa: N818 - an answer rather than an error
    """A field is missing or of the wrong type, or its value cannot be used.

    Args:
        message: the field's name and what is wrong, as a sentence without full stop.
        hint: what to do about it, or None.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def expect(value: object, kind: type[_T], where: str) -> _T:
    """Return a value that has to be of a type; true and false are no integers.

    Args:
        value: the value.
        kind: str, int, list or dict.
        where: its name in the message, such as `request.headers[3]`.

    Raises:
        BrokenField: it is of another type.
    """
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BrokenField(f"{where} is missing" if value is None else f"{where} is not {_IN_WORDS[kind]}")
    return value


def text_or_none(value: object) -> str | None:
    """Return a text, or None for anything else."""
    return value if isinstance(value, str) else None


def object_or_empty(value: object) -> dict[str, object]:
    """Return an object, or an empty one for anything else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def decode_base64(value: object, where: str) -> bytes:
    """Return the bytes of a text in base64.

    Raises:
        BrokenField: it is no text, or no base64.
    """
    try:
        return base64_to_bytes(expect(value, str, where))
    except ValueError as error:
        raise BrokenField(f"{where} {error}") from None


def time_or_none(value: object) -> int | None:
    """Return an RFC 3339 time in milliseconds since the epoch; None for anything else, or outside 1970 to 9999."""
    at_ms = read_time(value, TimeUnit.ISO8601_MILLISECONDS)
    return at_ms if at_ms is not None and 0 <= at_ms <= LAST_MS else None


def http_version_or_none(value: object) -> str | None:
    """Return the version as `Capture` has it, from `HTTP/1.1`, `http/2.0`, `h2` or `1.1`; None for anything else."""
    return _HTTP_VERSIONS.get(value.lower().removeprefix("http/")) if isinstance(value, str) else None


def header_bytes(text: str) -> bytes:
    """Return a header's name or value: Latin-1, as HTTP has it, or UTF-8 where that does not hold its characters."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape" if _is_escaped(text) else "replace")


def _is_escaped(text: str) -> bool:
    return all("\udc80" <= character <= "\udcff" for character in text if "\ud800" <= character <= "\udfff")


def named_headers(value: object, where: str) -> RawHeaders:
    """Return headers that are a list of objects with a name (or key) and a value; `:method` and its like are left out.

    Raises:
        BrokenField: it is not such a list.
    """
    found: list[tuple[bytes, bytes]] = []
    for position, item in enumerate(expect(value, list, where)):
        here = f"{where}[{position}]"
        pair = expect(item, dict, here)
        name = expect(pair.get("name", pair.get("key")), str, f"{here}.name")
        text = expect(pair.get("value"), str, f"{here}.value")
        # the pseudo-headers of HTTP/2 were never header lines
        if not name.startswith(":"):
            found.append((header_bytes(name), header_bytes(text)))
    return tuple(found)


def mapped_headers(value: object, where: str) -> RawHeaders:
    """Return headers that are an object of texts, numbers, or lists of them: one line for each.

    Raises:
        BrokenField: it is no such object.
    """
    found: list[tuple[bytes, bytes]] = []
    for name, values in expect(value, dict, where).items():
        if values is None or name.startswith(":"):
            continue
        for one in values if isinstance(values, list) else [values]:
            text = str(one) if isinstance(one, int) and not isinstance(one, bool) else one
            found.append((header_bytes(name), header_bytes(expect(text, str, f"{where}[{name!a}]"))))
    return tuple(found)
