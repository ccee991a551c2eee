"""Ids of deliveries: short, sortable by time, safe in file names and shells."""

from __future__ import annotations

import re
from functools import lru_cache

# Crockford's: no I, L, O and U, and in the order of ASCII, so that text sorts as numbers do
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple([first + second for first in _DIGITS for second in _DIGITS])
_PREFIX = "dl_"
_TIME_DIGITS = 10
_RANDOM_DIGITS = 8
RANDOM_BYTES = 5
"""How much randomness an id takes."""

_REFERENCE = re.compile(rf"{_PREFIX}[{_DIGITS}]{{1,{_TIME_DIGITS + _RANDOM_DIGITS}}}")


def make_id(at_ms: int, randomness: bytes) -> str:
    """Return `dl_` with ten digits of time and eight of randomness.

    Args:
        at_ms: milliseconds since the Unix epoch; only the lowest 50 bits are kept, which last for 35,000 years.
        randomness: `RANDOM_BYTES` bytes. Of a thousand ids of one millisecond two are the same once in two
            million times.
    """
    number = int.from_bytes(randomness)
    # `_digits(number, 8)`, written out: an id is made for every delivery, and this takes half the time
    return (
        f"{_start(at_ms)}{_PAIRS[number >> 30 & 1023]}{_PAIRS[number >> 20 & 1023]}"
        f"{_PAIRS[number >> 10 & 1023]}{_PAIRS[number & 1023]}"
    )


def as_prefix(reference: str) -> str | None:
    """Return the id, or the beginning of one, that a user typed in any case; None when it cannot be one."""
    written = _PREFIX + reference[len(_PREFIX) :].upper()
    return written if reference.lower().startswith(_PREFIX) and _REFERENCE.fullmatch(written) else None


# deliveries of one millisecond share it
@lru_cache(maxsize=4)
def _start(at_ms: int) -> str:
    return _PREFIX + _digits(at_ms, _TIME_DIGITS)


def _digits(number: int, count: int) -> str:
    """Return the lowest digits of a number; `count` is even."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * count - 10, -1, -10)])
