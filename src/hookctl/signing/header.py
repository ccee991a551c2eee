"""Reads a signature header: what the provider's template put there, taken apart again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import new
from typing import TYPE_CHECKING

from hookctl.model import Encoding
from hookctl.signing.scheme import HASHES

if TYPE_CHECKING:
    from hookctl.model import SignatureSpec


@dataclass(frozen=True, slots=True)
class ReadSignatures:
    """What one signature header holds."""

    signatures: tuple[bytes, ...]
    """The well-formed signatures, as text without what is written around them."""
    timestamp: bytes | None
    """The time's text, where the header carries it."""


def read_signatures(spec: SignatureSpec, value: bytes) -> ReadSignatures | None:
    """Take a signature header apart.

    Returns:
        What it holds, signatures of other kinds left out, or None when it has not the form of the template.
    """
    outer, item = _patterns(spec)
    match = outer.fullmatch(value)
    if match is None:
        return None
    groups = match.groupdict()
    text = groups["signatures"]
    items = [text] if spec.separator is None else text.split(spec.separator.encode())
    found = tuple(one[1] for part in items if (one := item.fullmatch(part)) is not None)
    return ReadSignatures(found, groups.get("timestamp"))


@lru_cache(maxsize=64)
def _patterns(spec: SignatureSpec) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what the whole header and each signature in it look like."""
    size = new(HASHES[spec.algorithm], usedforsecurity=False).digest_size
    if spec.encoding is Encoding.HEX:
        digits = f"[0-9a-f]{{{size * 2}}}"
    else:
        padding = -size % 3
        digits = f"[A-Za-z0-9+/]{{{-(-size * 4 // 3)}}}" + "=" * padding
    # a time is whatever stands between the literal pieces: its form is judged later
    names = {
        "{timestamp}": "(?P<timestamp>[^,; ]*)",
        "{signatures}": "(?P<signatures>.*)",
        "{signature}": f"({digits})",
    }
    outer, item = ("".join(names.get(part) or re.escape(part) for part in parts) for parts in (spec.value, spec.item))
    return re.compile(outer.encode(), re.DOTALL), re.compile(item.encode())
