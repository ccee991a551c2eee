"""How much room text takes on a terminal, where letters of some scripts are two columns wide and others none."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookctl.runtime import Output

USUAL_WIDTH = 80
"""Columns of a terminal that nobody has made wider, and of what is no terminal."""

_LEAST_WIDTH = 40
_READABLE_WIDTH = 100

_CUT = "..."
_WIDE = frozenset("WF")
_WITHOUT_WIDTH = frozenset({"Mn", "Me", "Cf"})
# a letter can carry any number of marks that take no room
_CHARACTERS_PER_COLUMN = 4


def text_width(output: Output) -> int:
    """Return the columns that sentences are broken to: the terminal's, as long as they are neither few nor many."""
    import shutil

    width = shutil.get_terminal_size((USUAL_WIDTH, 24)).columns if output.is_terminal else USUAL_WIDTH
    return max(_LEAST_WIDTH, min(width, _READABLE_WIDTH))


def columns(text: str) -> int:
    """Return how many columns a line of safe text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, room: int) -> str:
    """Return text that takes no more than `room` columns: as it is, or its beginning and three dots.

    With less than three columns there is only room for as many dots.
    """
    if columns(text) <= room and len(text) <= room * _CHARACTERS_PER_COLUMN:
        return text
    kept: list[str] = []
    left = room - len(_CUT)
    for character in text[: max(0, left) * _CHARACTERS_PER_COLUMN]:
        left -= _width(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept) + _CUT[: max(0, room)]


def padded(text: str, width: int) -> str:
    """Return text filled up with blanks to so many columns; longer text as it is."""
    return text + " " * (width - columns(text))


def _width(character: str) -> int:
    if unicodedata.category(character) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
