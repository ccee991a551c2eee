"""Makes text from outside safe to show: nothing in it can move the cursor, set colours or reorder a line."""

from __future__ import annotations

import re

# C0 and C1 controls and DEL, without newline and tab; bidirectional controls; line and paragraph separators
_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
UNSAFE = re.compile(rf"[{_CONTROLS}\ud800-\udfff]")
"""Matches each character that is not shown as it is."""


def safe_text(text: str) -> str:
    """Return the text with every character that could act on a terminal escaped; newline and tab stay."""
    return UNSAFE.sub(lambda match: _escape(match.group()), text.replace("\r\n", "\n"))


def safe_line(text: str) -> str:
    """Return the text on one line: as `safe_text`, with newline and tab escaped too."""
    return UNSAFE.sub(lambda match: _escape(match.group()), text).replace("\n", "\\n").replace("\t", "\\t")


def safe_bytes(data: bytes) -> str:
    r"""Return bytes as safe text; what is not UTF-8 shows as \xNN."""
    return safe_text(data.decode("utf-8", "backslashreplace"))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
