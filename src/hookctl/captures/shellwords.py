"""Splits what was typed into a POSIX shell, with bash's $'...', into commands and words.

Words are bytes: a body that stands between quotes need not be UTF-8.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookctl.captures.commands import Command
from hookctl.captures.numbering import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

# what makes a dollar sign the beginning of an expansion
_EXPANDS = rb"[A-Za-z_0-9{(*@#?$!-]"

_BLANK = re.compile(rb"(?:[ \t\r]++|\\\r?\n)++")
_COMMENT = re.compile(rb"#[^\n]*")
_END = re.compile(rb"\n|;;?|&&|\|\|?|&(?!>)|[()]")
_REDIRECTION = re.compile(rb"[0-9]*+(?:&>>?|<<<|<<-?|<>|>>|>\||[<>]&|[<>])[ \t]*+")

_PLAIN = re.compile(rb"[^ \t\r\n'\"\\$`;&|<>()]++")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_CONTINUED = re.compile(rb"\\\r?\n")
_SINGLE = re.compile(rb"'([^']*+)'")
_ANSI = re.compile(rb"\$'((?:[^'\\]++|\\.)*+)'", re.DOTALL)
_DOUBLE = re.compile(rb'\$?"((?:[^"\\$`]++|\\.|\$(?!%s))*+)"' % _EXPANDS, re.DOTALL)
_DOUBLE_EXPANDED = re.compile(rb'\$?"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_IN_DOUBLE = re.compile(rb'\\([$`"\\\n])')
_EXPANSION = re.compile(rb"`(?:[^`\\]++|\\.)*+`|\$(?:\{[^}]*+\}|[A-Za-z_][A-Za-z_0-9]*+|%s)" % _EXPANDS, re.DOTALL)
_DOLLAR = re.compile(rb"\$(?!%s)" % _EXPANDS)
_PARENTHESES = re.compile(rb"[()]")
_BRACES = re.compile(rb"\{(?:[^{},.]++|\.(?!\.))*+(?:,|\.\.)[^{}]*+\}")

_ANSI_ESCAPE = re.compile(
    rb"\\(?:([abeEfnrtv\\'\"?])|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|c(.))",
    re.DOTALL,
)
_ANSI_LETTERS = dict(zip(b"abeEfnrtv\\'\"?", b"\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))


def shell_commands(data: bytes) -> Iterator[Command]:
    """Yield the commands of a script or of what was typed at a prompt, in order.

    Separators of every kind end a command; redirections and here-documents are left out. What only a running
    shell could know makes the command's `problem`.
    """
    yield from _Shell(data).commands()


class _Shell:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._words: list[bytes] = []
        self._begin = 0
        self._problem: str | None = None
        self._here_documents: list[bytes] = []
        self._piped_from: Command | None = None

    def commands(self) -> Iterator[Command]:
        while self._at < len(self._data):
            self._skip(_BLANK)
            if end := _END.match(self._data, self._at):
                last = None
                if self._words:
                    yield (last := self._command())
                self._piped_from = last if end.group() == b"|" else None
                self._at = end.end()
                if end.group() == b"\n":
                    self._skip_here_documents()
            elif not self._skip(_COMMENT) and self._at < len(self._data):
                self._redirection_or_word()
        if self._words:
            yield self._command()

    def _command(self) -> Command:
        command = Command(tuple(self._words), self._begin, self._problem, piped_from=self._piped_from)
        self._words, self._problem = [], None
        return command

    def _skip(self, pattern: re.Pattern[bytes]) -> bool:
        match = pattern.match(self._data, self._at)
        self._at = match.end() if match else self._at
        return match is not None

    def _redirection_or_word(self) -> None:
        redirection = _REDIRECTION.match(self._data, self._at)
        if redirection is None:
            if not self._words:
                self._begin = self._at
            self._words.append(self._word())
            return
        self._at = redirection.end()
        target = self._word()
        if b"<<" in redirection.group() and b"<<<" not in redirection.group():
            self._here_documents.append(target)

    def _skip_here_documents(self) -> None:
        for delimiter in self._here_documents:
            ending = re.compile(rb"(?m)^\t*%s\r?$\n?" % re.escape(delimiter)).search(self._data, self._at)
            self._at = ending.end() if ending else len(self._data)
        self._here_documents = []

    def _word(self) -> bytes:
        pieces: list[bytes] = []
        unquoted: list[bytes] = []
        while (piece := self._piece()) is not None:
            pieces.append(piece[0])
            unquoted.append(piece[0] if piece[1] else b"_")
        if braces := _BRACES.search(b"".join(unquoted)):
            self._expanded(braces.group())
        return b"".join(pieces)

    def _piece(self) -> tuple[bytes, bool] | None:
        """Take one piece of a word and return it, with whether it was unquoted; None where the word ends."""
        if plain := self._take(_PLAIN):
            return plain.group(), True
        if self._take(_CONTINUED):
            return b"", False
        if escaped := self._take(_ESCAPED):
            return escaped[1], False
        if single := self._take(_SINGLE):
            return single[1], False
        if ansi := self._take(_ANSI):
            return _ANSI_ESCAPE.sub(_ansi, ansi[1]), False
        if double := self._take(_DOUBLE):
            return _IN_DOUBLE.sub(_in_double, double[1]), False
        if dollar := self._take(_DOLLAR):
            return dollar.group(), False
        return self._unknown_piece()

    def _unknown_piece(self) -> tuple[bytes, bool] | None:
        if double := self._take(_DOUBLE_EXPANDED):
            expansion = _EXPANSION.search(double[1])
            self._expanded(expansion.group() if expansion else double.group())
            return double[1], False
        if self._data.startswith(b"$(", self._at):
            begin = self._at
            self._at = self._behind_parentheses()
            self._expanded(self._data[begin : self._at])
            return b"", False
        if expansion := self._take(_EXPANSION):
            self._expanded(expansion.group())
            return b"", False
        if self._data[self._at : self._at + 1] in {b"'", b'"', b"$", b"`", b"\\"}:
            self._problem = self._problem or f"a quote is never closed: {shown(self._data[self._at : self._at + 100])}"
            self._at = len(self._data)
        return None

    def _take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        match = pattern.match(self._data, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _behind_parentheses(self) -> int:
        depth = 0
        for parenthesis in _PARENTHESES.finditer(self._data, self._at):
            depth += 1 if parenthesis.group() == b"(" else -1
            if depth == 0:
                return parenthesis.end()
        return len(self._data)

    def _expanded(self, what: bytes) -> None:
        self._problem = self._problem or f"the shell would put something else in place of {shown(what)}"


def _in_double(match: re.Match[bytes]) -> bytes:
    return b"" if match[1] == b"\n" else match[1]


def _ansi(match: re.Match[bytes]) -> bytes:
    letter, hexadecimal, octal, short, long, control = match.groups()
    if letter:
        return bytes([_ANSI_LETTERS[letter[0]]])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if control:
        return bytes([control[0] & 0x1F])
    code = int(short or long, 16)
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else match.group()
