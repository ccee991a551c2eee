"""The language in which a step's output speaks to GitHub's runner, and how to keep others from speaking it.

The runner looks for commands in every line that a step writes: `::name properties::data` where a line begins, white
space and a byte order mark aside, and the older `##[name properties]data` wherever it stands. Lines end at CR and LF.
Source: ActionCommand.cs and ActionCommandManager.cs of actions/runner, read on 2026-11-25.
"""

from __future__ import annotations

import re

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}

# the last character of what would make a command: behind all that may have been written already
_NEW_STYLE = re.compile(r"([\r\n](?:[^\S\r\n]|\ufeff)*:)(?=:)")
_OLD_STYLE = re.compile(r"##\[")


def command(name: str, data: str, **properties: str) -> str:
    """Return a command as a line, without its end; whatever the texts hold stays within it."""
    given = ",".join(f"{key}={_escaped(value, _PROPERTY)}" for key, value in properties.items())
    return f"::{name} {given}::{_escaped(data, _DATA)}" if given else f"::{name}::{_escaped(data, _DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


class CommandGuard:
    r"""Rewrites a stream, piece by piece, so that nothing in it is a command.

    Args:
        json: whether the stream is JSON: what is changed then stays the same value. In text a backslash shows it.
    """

    def __init__(self, *, json: bool) -> None:
        self._bracket = r"##\u005b" if json else r"##\["
        self._written = "\n"
        """What the next piece goes on from, as far as it matters: the line so far if that could begin a command."""

    def __call__(self, text: str) -> str:
        """Return the next piece, rewritten."""
        whole = self._written + text
        self._written = _open_end(whole)
        safe = _OLD_STYLE.sub(lambda _: self._bracket, _NEW_STYLE.sub(r"\1\\", whole))
        return safe[len(whole) - len(text) :]


def _open_end(text: str) -> str:
    """Return a text that stands for the end of another: what follows either is a command behind both or behind none."""
    line = re.split(r"[\r\n]", text)[-1]
    if begun := re.fullmatch(r"[\s\ufeff]*(:?)", line):
        return f"\n{begun[1]}"
    return "#" * min(2, len(line) - len(line.rstrip("#"))) or "."
