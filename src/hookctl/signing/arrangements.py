"""The same JSON value as it is after a program has read it: keys in another order, PHP's arrays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.payload.jsontext import Json

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_LAST_INDEX = 2**32 - 2


def keys_sorted(value: Json) -> Json:
    """Sort the keys of every object by code point, which is the order of their UTF-8 bytes too."""
    return _rearranged(value, sorted)


def keys_as_javascript_sorts(value: Json) -> Json:
    """Sort the keys of every object as JavaScript's sort() does, by UTF-16 unit, and put them into new objects."""
    return _rearranged(value, lambda keys: _indices_first(sorted(keys, key=_utf16)))


def keys_as_javascript_keeps(value: Json) -> Json:
    """Put keys that are array indices first, ascending, as JavaScript's objects hold them."""
    return _rearranged(value, _indices_first)


def keys_as_in(sample: Json, value: Json) -> Json:
    """Put keys into the order of a sample.

    Members that the sample has come first, in its order; the others follow in their own. The first element of an array
    in the sample stands for all. Where the sample's objects are all alike, as in a map of answers, the first stands
    for those that it does not name. An empty array where the sample has an object becomes an empty object: that is
    what PHP's arrays lose.
    """
    if isinstance(sample, list) and isinstance(value, list):
        first = sample[0] if sample else None
        return [keys_as_in(first, member) for member in value]
    if isinstance(sample, dict) and value == []:
        return {}
    if isinstance(sample, dict) and isinstance(value, dict):
        members = list(sample.values())
        stand_in = members[0] if members and all(isinstance(member, dict) for member in members) else None
        keys = [key for key in sample if key in value] + [key for key in value if key not in sample]
        return {key: keys_as_in(sample.get(key, stand_in), value[key]) for key in keys}
    return value


def php_arrays(value: Json) -> Json:
    """Make arrays of the objects that PHP's arrays cannot tell from them: empty ones and those with keys 0, 1, 2 on."""
    if isinstance(value, list):
        return [php_arrays(member) for member in value]
    if isinstance(value, dict):
        members = {key: php_arrays(member) for key, member in value.items()}
        counts_up = all(key == str(index) for index, key in enumerate(members))
        return list(members.values()) if counts_up else members
    return value


def _rearranged(value: Json, order: Callable[[list[str]], list[str]]) -> Json:
    if isinstance(value, list):
        return [_rearranged(member, order) for member in value]
    if isinstance(value, dict):
        return {key: _rearranged(value[key], order) for key in order(list(value))}
    return value


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _indices_first(keys: list[str]) -> list[str]:
    indices = [key for key in keys if _INDEX.fullmatch(key) and int(key) <= _LAST_INDEX]
    if not indices:
        return keys
    others = set(keys).difference(indices)
    return sorted(indices, key=int) + [key for key in keys if key in others]
