"""Reads a signature header: what the provider's template put there, taken apart again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookctl.model import Encoding
from hookctl.signing.scheme import digest_size

if TYPE_CHECKING:
    from hookctl.model import SignatureSpec


@dataclass(frozen=True, slots=True)
class ReadSignatures:
    """What one signature header holds."""

    signatures: tuple[bytes, ...]
    """The well-formed signatures, as text without what is written around them."""
    timestamp: bytes | None
    """The time's text, where the header carries it."""


class HeaderReader:
    """Reads the signature headers of one scheme."""

    def __init__(self, spec: SignatureSpec) -> None:
        size = digest_size(spec)
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
        outer, item = (
            "".join(names.get(part) or re.escape(part) for part in parts) for parts in (spec.value, spec.item)
        )
        self._outer = re.compile(outer.encode(), re.DOTALL)
        self._item = re.compile(item.encode())
        self._separator = None if spec.separator is None else spec.separator.encode()
        self._bare = spec.value == ("{signatures}",) and self._separator is None

    def read(self, value: bytes) -> ReadSignatures | None:
        """Take a signature header apart.

        Returns:
            What it holds, signatures of other kinds left out, or None when it has not the form of the template.
        """
        if self._bare:
            # the commonest form: one signature and nothing around it
            match = self._item.fullmatch(value)
            return ReadSignatures((match[1],) if match is not None else (), None)
        match = self._outer.fullmatch(value)
        if match is None:
            return None
        groups = match.groupdict()
        text = groups["signatures"]
        items = [text] if self._separator is None else text.split(self._separator)
        found = tuple(one[1] for part in items if (one := self._item.fullmatch(part)) is not None)
        return ReadSignatures(found, groups.get("timestamp"))
