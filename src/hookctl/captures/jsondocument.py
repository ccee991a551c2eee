"""JSON documents as other tools write them, and the bytes that their texts stand for."""

from __future__ import annotations

import codecs
import json
import re
from typing import NoReturn

from hookctl.captures.form import NotThisForm

_MAX_INTEGER_DIGITS = 1000
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# a file that begins so is JSON whatever comes later: no other form need be tried
_SURE = re.compile(r"""[ \t\r\n]*(?:\{[ \t\r\n]*"|\[[ \t\r\n]*\{)""")
_FIRST_LINE = re.compile(r"^line 1[,:] ")
_BASE64_ALPHABET = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def parse_json(data: bytes) -> object:
    """Parse a JSON document in UTF-8 or, with its byte order mark, in UTF-16.

    Of keys that are repeated the last one counts, and an integer of more than 1000 digits becomes a float: nothing
    that is looked at is that long.

    Raises:
        NotThisForm: it is not JSON, or nested too deep; the reason gives line and column. It is a near miss when
            the beginning is that of an object or of a list of objects.
    """
    text = _decode(data)
    try:
        value: object = json.loads(text, parse_int=_integer, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise NotThisForm(_reason(error), near=_SURE.match(text) is not None) from None
    except RecursionError:
        raise NotThisForm("its JSON is nested too deep", near=_SURE.match(text) is not None) from None
    return value


def _decode(data: bytes) -> str:
    encoding = "UTF-16" if data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "UTF-8"
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotThisForm(f"line {line}: it is not {encoding}, {error.reason}") from None


def _integer(text: str) -> int | float:
    # int() refuses more than 4300 digits
    return int(text) if len(text) <= _MAX_INTEGER_DIGITS else float(text)


def _constant(text: str) -> NoReturn:
    # the decoder does not tell where the constant stands
    raise NotThisForm(f"{text} stands in it, which is not JSON")


def _reason(error: json.JSONDecodeError) -> str:
    place = f"line {error.lineno}, column {error.colno}"
    if error.msg == "Extra data":
        return f"{place}: more follows behind the JSON"
    if error.msg.startswith("Unterminated string") or not error.doc[error.pos :].strip():
        return f"{place}: the JSON breaks off, the file is cut short"
    return f"{place}: {error.msg[:1].lower()}{error.msg[1:]}"


def reason_in_line(refusal: NotThisForm) -> str:
    """Return why one line of a file was refused, without the number that the line has on its own."""
    return _FIRST_LINE.sub("", refusal.reason)


def text_to_bytes(text: str) -> tuple[bytes, str | None]:
    """Return the bytes that a JSON text stands for.

    The surrogates U+DC80 to U+DCFF are bytes that are not UTF-8, as Python programs write them, and become those
    bytes; any other lone surrogate becomes U+FFFD.

    Returns:
        The bytes, and a sentence about what could not be kept, or None.
    """
    try:
        return text.encode(), None
    except UnicodeEncodeError:
        whole, replaced = _LONE_SURROGATE.subn("\ufffd", text)
    note = "half of a surrogate pair stands in the text: U+FFFD was put in its place" if replaced else None
    return whole.encode("utf-8", "surrogateescape"), note


def base64_to_bytes(text: str) -> bytes:
    """Return the bytes of standard base64; line ends in it do not count, and padding may be left out.

    Raises:
        ValueError: it is not base64; the message says why, as the end of a sentence.
    """
    import binascii

    packed = text.replace("\r", "").replace("\n", "")
    if not _BASE64_ALPHABET.fullmatch(packed):
        raise ValueError("has characters that are not base64's")
    bare = packed.rstrip("=")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)
    except binascii.Error:
        raise ValueError("is not base64 of a possible length") from None
