"""Colours and marks for a terminal, and their absence elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookctl.runtime import Output


class Tone(StrEnum):
    """What a piece of text means; the value is its SGR code (ECMA-48)."""

    GOOD = "32"
    BAD = "31"
    WARNING = "33"
    QUIET = "2"
    STRONG = "1"


@dataclass(frozen=True, slots=True)
class Style:
    """How to write to one stream."""

    colour: bool
    unicode: bool

    @classmethod
    def of(cls, output: Output, env: Mapping[str, str]) -> Style:
        """Return what suits a stream: NO_COLOR, CLICOLOR_FORCE and TERM=dumb decide over the terminal."""
        if env.get("NO_COLOR"):
            colour = False
        elif env.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
            colour = True
        else:
            colour = output.is_terminal and env.get("TERM") != "dumb"
        return cls(colour=colour, unicode=output.is_unicode)

    def paint(self, text: str, tone: Tone) -> str:
        """Return the text in a tone."""
        return f"\x1b[{tone}m{text}\x1b[0m" if self.colour else text

    @property
    def yes(self) -> str:
        """The mark of success."""
        return self.paint("✓" if self.unicode else "+", Tone.GOOD)

    @property
    def no(self) -> str:
        """The mark of failure."""
        return self.paint("✗" if self.unicode else "x", Tone.BAD)

    @property
    def warn(self) -> str:
        """The mark of what may be wrong."""
        return self.paint("!", Tone.WARNING)
