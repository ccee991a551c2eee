"""The texts that a JSON body may have been before something parsed it and wrote it again.

A signature is over bytes, and JSON that has been through a parser comes out as other bytes of the same value. The usual
programs write in a few dozen ways; whichever makes the signature match is what was signed, and its name says who wrote
it. What a program rounded or threw away is gone: no style brings it back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookctl.payload.jsontext import JsonTextError, Number, encode, parse
from hookctl.signing import jsonstyles
from hookctl.signing.arrangements import (
    keys_as_in,
    keys_as_javascript_keeps,
    keys_as_javascript_sorts,
    keys_sorted,
    php_arrays,
)
from hookctl.signing.jsonstyles import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.payload.jsontext import Json
    from hookctl.signing.jsonstyles import JsonStyle

MAX_CANDIDATES = 150
"""No body has more candidates than this."""

_USUAL = (
    jsonstyles.STRINGIFY,
    jsonstyles.PYTHON,
    jsonstyles.PYTHON_RAW,
    jsonstyles.PYTHON_COMPACT,
    jsonstyles.PHP,
    jsonstyles.PHP_BOTH,
    jsonstyles.GO,
    jsonstyles.STRINGIFY_2,
)
_OTHERS = (
    jsonstyles.PHP_SLASHES,
    jsonstyles.PHP_UNICODE,
    jsonstyles.GO_OLD,
    jsonstyles.GO_ENCODER,
    jsonstyles.GO_ENCODER_RAW,
    jsonstyles.SYSTEM_TEXT_JSON,
    jsonstyles.NEWTONSOFT,
    jsonstyles.JACKSON,
    jsonstyles.GSON,
    jsonstyles.JQ_COMPACT,
    jsonstyles.JQ,
    jsonstyles.STRINGIFY_4,
    jsonstyles.STRINGIFY_TABS,
    jsonstyles.STRINGIFY_3,
    jsonstyles.PYTHON_2,
    jsonstyles.PYTHON_4,
    jsonstyles.PHP_PRETTY,
    jsonstyles.PHP_PRETTY_SLASHES,
    jsonstyles.PHP_PRETTY_BOTH,
    jsonstyles.GO_2,
    jsonstyles.GO_TABS,
    jsonstyles.JACKSON_PRETTY,
    jsonstyles.GSON_PRETTY,
    jsonstyles.SYSTEM_TEXT_JSON_INDENTED,
    jsonstyles.NEWTONSOFT_INDENTED,
    jsonstyles.RUBY_PRETTY,
)
_JAVASCRIPT = (jsonstyles.STRINGIFY, jsonstyles.STRINGIFY_2, jsonstyles.STRINGIFY_4)
_PHP = (jsonstyles.PHP, jsonstyles.PHP_BOTH, jsonstyles.PHP_SLASHES, jsonstyles.PHP_UNICODE)
# a number's text comes from its program whatever the white space: one or two styles speak for each
_REWRITE_NUMBERS = (
    jsonstyles.STRINGIFY,
    jsonstyles.PYTHON,
    jsonstyles.PYTHON_COMPACT,
    jsonstyles.PHP,
    jsonstyles.PHP_BOTH,
    jsonstyles.GO,
    jsonstyles.RUBY,
    jsonstyles.JACKSON,
    jsonstyles.RUST,
    jsonstyles.STRINGIFY_2,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way in which the value of a body can be written."""

    style: str
    """The program that writes so, in words for people: "JSON.stringify", "Go encoding/json, keys sorted"."""
    body: bytes


@dataclass(frozen=True, slots=True)
class _Arranged:
    """A value as some program holds it."""

    value: Json
    words: str = ""
    """What is special about it, as the end of a style's name."""


def reserialised(body: bytes, key_order: Json | None = None) -> Iterator[Candidate]:
    """Yield the other texts of a JSON body, as the usual programs write it, the most likely first.

    Each is made when it is asked for, in one pass over the value. No two have the same bytes, and none has the body's.

    Args:
        body: the body. When it is not JSON in UTF-8, or repeats a key, or is nested more than 200 deep, there is
            nothing to yield.
        key_order: the event's sample: its objects say in which order the vendor writes keys. None when it is not known.
    """
    try:
        value = parse(body.decode())
    except (UnicodeDecodeError, JsonTextError):
        return
    # digests rather than the texts: a hundred texts of a megabyte are a lot of memory
    seen = {_digest(body)}
    for arranged, style in _ways(value, key_order):
        written = write(arranged.value, style)
        if written is None or _digest(written) in seen:
            continue
        seen.add(_digest(written))
        words = "" if style.numbers is None else ", numbers rewritten"
        yield Candidate(f"{style.name}{arranged.words}{words}", written)


def _ways(value: Json, key_order: Json | None) -> Iterator[tuple[_Arranged, JsonStyle]]:
    """Yield what to write and how. A style without number format keeps the numbers as they are."""
    given = _Arranged(value)
    for style in _USUAL:
        yield given, replace(style, numbers=None)
    orders = [_Arranged(keys_sorted(value), ", keys sorted")]
    if key_order is not None:
        orders.insert(0, _Arranged(keys_as_in(key_order, value), ", keys as documented"))
    orders = _different([given], orders)
    for arranged in orders:
        for style in _USUAL:
            yield arranged, replace(style, numbers=None)
    for arranged in [given, *orders]:
        for style in _OTHERS:
            yield arranged, replace(style, numbers=None)
    yield from _as_javascript_holds([given, *orders])
    yield from _as_php_holds(given)
    yield from _with_numbers_rewritten([given, *orders])


def _as_javascript_holds(orders: list[_Arranged]) -> Iterator[tuple[_Arranged, JsonStyle]]:
    held = [_Arranged(keys_as_javascript_sorts(orders[0].value), ", keys sorted by UTF-16 unit")]
    held += [_Arranged(keys_as_javascript_keeps(one.value), f"{one.words}, integer keys first") for one in orders]
    for arranged in _different(orders, held):
        for style in _JAVASCRIPT:
            yield arranged, replace(style, numbers=None)


def _as_php_holds(given: _Arranged) -> Iterator[tuple[_Arranged, JsonStyle]]:
    for arranged in _different([given], [_Arranged(php_arrays(given.value), ", objects as arrays")]):
        for style in _PHP:
            yield arranged, replace(style, numbers=None)


def _with_numbers_rewritten(orders: list[_Arranged]) -> Iterator[tuple[_Arranged, JsonStyle]]:
    numbers = set(_numbers(orders[0].value))
    styles = [
        style
        for style in _REWRITE_NUMBERS
        if style.numbers is not None and any(style.numbers.write(text) != text for text in numbers)
    ]
    for arranged in orders:
        for style in styles:
            yield arranged, style


def _different(known: list[_Arranged], others: list[_Arranged]) -> list[_Arranged]:
    """Return those of the others that are none of the known values, nor one another, in the same order."""
    # equal dicts may differ in order: their text does not
    seen = {_digest(encode(arranged.value)) for arranged in known}
    found: list[_Arranged] = []
    for arranged in others:
        digest = _digest(encode(arranged.value))
        if digest not in seen:
            seen.add(digest)
            found.append(arranged)
    return found


def _numbers(value: Json) -> Iterator[str]:
    """Yield the text of every number."""
    if isinstance(value, Number):
        yield value.text
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, (list, dict)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _numbers(member)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
