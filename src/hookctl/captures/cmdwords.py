"""Splits what was typed into cmd.exe into commands and words, as cmd.exe and then the C runtime do.

A browser's "Copy as cURL (cmd)" has rules of its own: every special character has a caret before it, within quotes
too, every backslash is doubled, and a caret with two line ends is one line end. The three generations of it,
which quote with `"`, with `^"` where there is a line end, and with `^"` always, are all read as they were meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookctl.captures.commands import Command
from hookctl.captures.numbering import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = re.compile(rb'[^\^"&|<>\r\n]++')
_QUOTED_TEXT = re.compile(rb'[^"\n]++')
_COPIED_QUOTED_TEXT = re.compile(rb'[^"^\n]++')
_COPIED_LINE_END = re.compile(rb"\^\r?\n\r?\n")
_CONTINUED = re.compile(rb"\^\r?\n")
_CARET = re.compile(rb"\^(.?)", re.DOTALL)
_LINE_END = re.compile(rb"\r?\n|\r")
_LINE_FEED = re.compile(rb"\n")
_END = re.compile(rb"&&?|\|\|?")
_REDIRECTION = re.compile(rb"(?:>>?|<)(?:&[0-9]|[ \t]*+[^\s&|<>]*+)")
_VARIABLE = re.compile(rb"%(?![0-9A-Fa-f]{2})[A-Za-z_][A-Za-z0-9_]*%")

_QUOTE = ord('"')
_BACKSLASHES_AND_QUOTE = re.compile(rb'(\\*+)"')
_BACKSLASHES = re.compile(rb"\\++")
_COPIED_ESCAPE = re.compile(rb'\\([\\"])')
_WORD_TEXT = re.compile(rb'[^\\" \t]++')
_INNER_TEXT = re.compile(rb'[^\\"]++')
_SPACE = re.compile(rb"[ \t]++")

_SPACES_NOTE = (
    "the browser's copy for cmd.exe writes a space for each character that is not printable ASCII:"
    " some of the spaces may have been others"
)
_LINE_ENDS_NOTE = "the browser's copy for cmd.exe writes every line end the same way: each was read as a line feed"


def cmd_commands(data: bytes) -> Iterator[Command]:
    """Yield the commands of a batch file or of what was typed into cmd.exe, in order.

    Separators of every kind end a command; redirections are left out. `%NAME%` outside a URL's percent-encoding
    makes the command's `problem`, as does a quote that is not closed.
    """
    yield from _Cmd(data).commands()


class _Cmd:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._copied = b'^"' in data
        self._at = 0
        self._begin = 0
        self._line = bytearray()
        self._quoted = False
        self._notes: list[str] = []

    def commands(self) -> Iterator[Command]:
        while self._at < len(self._data):
            if self._take(_LINE_FEED if self._quoted else _LINE_END) or (not self._quoted and self._take(_END)):
                yield from self._command()
            elif not self._quoted and self._take(_REDIRECTION):
                if self._line.endswith((b" 1", b" 2")):
                    del self._line[-1]
            else:
                self._piece()
        yield from self._command()

    def _command(self) -> Iterator[Command]:
        raw = self._data[self._begin : self._at]
        words, closed = (_copied_words if self._copied else _runtime_words)(bytes(self._line))
        problem = None
        if variable := _VARIABLE.search(raw):
            problem = f"cmd.exe would put something else in place of {shown(variable.group())}"
        elif not closed:
            problem = "a quote is not closed where the line ends"
        if words:
            begin = self._begin + len(raw) - len(raw.lstrip())
            yield Command(tuple(words), begin, problem, tuple(dict.fromkeys(self._notes)))
        self._line = bytearray()
        self._quoted, self._notes = False, []
        self._begin = self._at

    def _piece(self) -> None:
        inside = _COPIED_QUOTED_TEXT if self._copied else _QUOTED_TEXT
        if text := self._take(inside if self._quoted else _TEXT):
            self._line += text.group()
        elif self._quoted and self._take(_COPIED_LINE_END):
            self._line += b"\n"
            self._notes.append(_LINE_ENDS_NOTE)
        elif self._take(_CONTINUED):
            pass
        elif caret := self._take(_CARET):
            self._caret(caret[1])
        else:
            self._quote()

    def _caret(self, character: bytes) -> None:
        if self._copied and character == b'"':
            self._at -= 1
            self._quote()
            return
        if self._copied and self._quoted and character == b" ":
            self._notes.append(_SPACES_NOTE)
        self._line += character

    def _quote(self) -> None:
        # cmd.exe itself does not know that a backslash escapes a quote; the browsers' way of writing relies on it
        backslashes = 0
        while self._copied and self._line[len(self._line) - 1 - backslashes : len(self._line) - backslashes] == b"\\":
            backslashes += 1
        if backslashes % 2 == 0:
            self._quoted = not self._quoted
        self._line += self._data[self._at : self._at + 1]
        self._at += 1

    def _take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        match = pattern.match(self._data, self._at)
        if match is not None:
            self._at = match.end()
        return match


def _copied_words(line: bytes) -> tuple[list[bytes], bool]:
    """Return the words of a browser's command, its carets gone, and whether every quote is closed.

    A backslash escapes a backslash or a quote, wherever they stand.
    """
    words: list[bytes] = []
    word: bytearray | None = None
    quoted, at = False, 0
    while at < len(line):
        space = None if quoted else _SPACE.match(line, at)
        if space:
            if word is not None:
                words.append(bytes(word))
            word, at = None, space.end()
            continue
        word = bytearray() if word is None else word
        text = (_INNER_TEXT if quoted else _WORD_TEXT).match(line, at)
        escape = _COPIED_ESCAPE.match(line, at)
        if text:
            word += text.group()
        elif escape:
            word += escape[1]
        elif line[at] == _QUOTE:
            quoted = not quoted
        else:
            word += b"\\"
        match = text or escape
        at = match.end() if match else at + 1
    if word is not None:
        words.append(bytes(word))
    return words, not quoted


def _runtime_words(line: bytes) -> tuple[list[bytes], bool]:
    """Return the words that Microsoft's C runtime makes of a command line, and whether every quote is closed."""
    words: list[bytes] = []
    word: bytearray | None = None
    quoted, at = False, 0
    while at < len(line):
        space = None if quoted else _SPACE.match(line, at)
        if space:
            if word is not None:
                words.append(bytes(word))
            word, at = None, space.end()
            continue
        word = bytearray() if word is None else word
        if quote := _BACKSLASHES_AND_QUOTE.match(line, at):
            word += quote[1][: len(quote[1]) // 2]
            at = quote.end()
            if len(quote[1]) % 2:
                word += b'"'
            elif quoted and line[at : at + 1] == b'"':
                word += b'"'
                at += 1
            else:
                quoted = not quoted
            continue
        text = (_INNER_TEXT if quoted else _WORD_TEXT).match(line, at) or _BACKSLASHES.match(line, at)
        if text is None:
            raise AssertionError(f"no piece of a word at {at}")
        word += text.group()
        at = text.end()
    if word is not None:
        words.append(bytes(word))
    return words, not quoted
