"""What the shells' readers hand to the reader of curl's arguments: commands, as words of bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command, its quoting undone."""

    words: tuple[bytes, ...]
    at: int
    """Offset of its first word in the file."""
    problem: str | None = None
    """Why the words are not known, as a sentence without its full stop; None when they are."""
    notes: tuple[str, ...] = ()
    """What may be lost in them, in sentences."""
    piped_from: Command | None = None
    """The command whose output it reads, where the two are joined by a pipe."""
