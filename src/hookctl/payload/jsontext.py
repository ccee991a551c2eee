r"""JSON text in and out, with nothing lost on the way.

Python's own decoder turns 1e400 into infinity and 1.0 into a float that may print otherwise; here a number
that Python's types would not give back letter for letter stays text. Output is compact UTF-8 as
JSON.stringify writes it: no spaces, non-ASCII characters as they are, lone surrogates as \udXXX.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias, Union

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = Union[bool, int, str, "Number", list["Json"], dict[str, "Json"], None]
"""A JSON value. Numbers are `int` or `Number`, never `float`."""

_MAX_DEPTH = 200
_SURROGATE = re.compile("[\ud800-\udfff]")
_encode_string: Callable[[str], str] = json.encoder.encode_basestring


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number kept as it was written."""

    text: str

    @property
    def is_integer(self) -> bool:
        """Whether JSON Schema counts it as an integer: 1.0 and 1e3 are, 1e-3 is not."""
        mantissa, _, exponent = self.text.lower().partition("e")
        whole, _, fraction = mantissa.partition(".")
        digits = whole.lstrip("-") + fraction
        zeros = len(digits) - len(digits.rstrip("0"))
        # an exponent of thousands of digits is beyond int(), and far beyond any mantissa
        sign, size = (-1, exponent[1:]) if exponent.startswith("-") else (1, exponent.lstrip("+"))
        power = sign * (int(size[:18] or "0") if len(size) <= 18 else 10**18)
        return not digits.strip("0") or power + zeros >= len(fraction)


class JsonTextError(ValueError):
    """The text is not JSON that can be kept; the message says why and where."""


def _integer(text: str) -> int | Number:
    # int() refuses more than 4300 digits, and "-0" would lose its sign
    if len(text) > 1000 or text == "-0":
        return Number(text)
    return int(text)


def _constant(text: str) -> NoReturn:
    raise JsonTextError(f"{text} is not JSON")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonTextError(f"the key {key!r} is there twice")
            seen.add(key)
    return value


def parse(text: str) -> Json:
    """Parse JSON text, keeping numbers exact and key order.

    Raises:
        JsonTextError: it is not valid JSON, repeats a key, or is nested more than 200 deep.
    """
    decoder = json.JSONDecoder(
        parse_float=Number, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object
    )
    try:
        value: Json = decoder.decode(text)
        _check_depth(value)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}" if "\n" in text else f"column {error.colno}"
        raise JsonTextError(f"{error.msg} at {where}") from None
    except RecursionError:
        raise JsonTextError(f"nested more than {_MAX_DEPTH} deep") from None
    return value


def _check_depth(value: Json, depth: int = 0) -> None:
    if depth > _MAX_DEPTH:
        raise JsonTextError(f"nested more than {_MAX_DEPTH} deep")
    if isinstance(value, dict):
        for member in value.values():
            _check_depth(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _check_depth(member, depth + 1)


def encode(value: Json) -> bytes:
    """Return the value as compact UTF-8 JSON, keys in their order."""
    pieces: list[str] = []
    _write(value, pieces.append)
    text = "".join(pieces)
    # well-formed JSON.stringify: a surrogate without its partner is escaped
    return _SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", text).encode()


def _write(value: Json, put: Callable[[str], None]) -> None:
    if isinstance(value, str):
        put(_encode_string(value))
    elif value is None or isinstance(value, bool):
        put({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, Number):
        put(value.text)
    elif isinstance(value, list):
        mark = "["
        for member in value:
            put(mark)
            _write(member, put)
            mark = ","
        put("]" if value else "[]")
    else:
        mark = "{"
        for key, member in value.items():
            put(f"{mark}{_encode_string(key)}:")
            _write(member, put)
            mark = ","
        put("}" if value else "{}")
