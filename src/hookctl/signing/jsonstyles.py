"""Writes a JSON value as one program or another does: white space, escapes, numbers.

The styles are held against the programs' own output in tests/vectors/reserialised, but for two things that follow their
documentation: those of System.Text.Json, and how Go writes backspace and form feed since 1.22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hookctl.payload.jsontext import Number
from hookctl.signing import numberstyles

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookctl.payload.jsontext import Json
    from hookctl.signing.numberstyles import NumberStyle

_LETTERS = {
    '"': '\\"',
    "\\": "\\\\",
    "/": "\\/",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
_SHORT = '"\\\b\f\n\r\t'
_SURROGATES = "\ud800-\udfff"
_SURROGATE = re.compile(f"[{_SURROGATES}]")
_NEWLINE = "{newline}"


@dataclass(frozen=True, slots=True)
class Escaping:
    """Which characters of a text are escaped, and how. A surrogate without its partner needs a rule of its own."""

    also: str = ""
    """What is escaped besides the quote, the backslash and U+0000 to U+001F: the inside of a regex character class."""
    short: str = _SHORT
    """The characters that are escaped by a letter or by themselves; the others are by \\uXXXX."""
    upper: bool = False
    """Whether the hexadecimal digits are upper-case."""
    replaces_surrogates: bool = False
    """Whether a lone surrogate becomes U+FFFD. Where it does not and is not escaped either, nothing is written."""


@dataclass(frozen=True, slots=True)
class JsonStyle:
    """How one program, called in one way, writes JSON."""

    name: str
    """The program in words, for people."""
    item: str = ","
    """What stands between two members, before the new line if there is one."""
    colon: str = ":"
    """What stands between a key and its member."""
    indent: str | None = None
    """White space for each level; None writes it all on one line."""
    arrays_on_one_line: bool = False
    """Whether only the members of objects get lines of their own; those of arrays are then spaced."""
    empty_array: str = "[]"
    """With `{newline}` for a new line and the indentation."""
    empty_object: str = "{}"
    """Likewise."""
    end: str = ""
    """What follows the value."""
    escaping: Escaping = Escaping()
    numbers: NumberStyle | None = None
    """How numbers are written; None keeps them as they were."""


class _UnwritableError(Exception):
    """The program writes nothing for such a value."""


def write(value: Json, style: JsonStyle) -> bytes | None:
    """Return the value as UTF-8 JSON in a style, keys in their order; None when the program cannot write it."""
    writer = _Writer(style)
    try:
        writer.value(value, "" if style.indent is None else "\n")
        writer.pieces.append(style.end)
        # a surrogate that was not escaped has no bytes in UTF-8
        return "".join(writer.pieces).encode()
    except (_UnwritableError, UnicodeEncodeError):
        return None


class _Writer:
    """Collects the pieces of one text."""

    def __init__(self, style: JsonStyle) -> None:
        self.pieces: list[str] = []
        self._style = style
        self._quoted = _quoting(style.escaping)
        self._indent = style.indent or ""

    def value(self, value: Json, line: str) -> None:
        """Write a value.

        Args:
            value: what to write.
            line: the new line and indentation of the value's own line; empty when all is on one.
        """
        if isinstance(value, str):
            self.pieces.append(self._quoted(value))
        elif value is None or isinstance(value, bool):
            self.pieces.append({None: "null", True: "true", False: "false"}[value])
        elif isinstance(value, (int, Number)):
            self.pieces.append(self._number(value.text if isinstance(value, Number) else int.__repr__(value)))
        elif isinstance(value, list):
            self._array(value, line)
        else:
            self._object(value, line)

    def _number(self, text: str) -> str:
        if self._style.numbers is None:
            return text
        written = self._style.numbers.write(text)
        if written is None:
            raise _UnwritableError
        return written

    def _array(self, value: list[Json], line: str) -> None:
        put, style = self.pieces.append, self._style
        if not value:
            put(style.empty_array.replace(_NEWLINE, line))
            return
        if style.arrays_on_one_line:
            inner, before, after = line, " ", " "
        else:
            inner = before = line + self._indent
            after = line
        mark = "["
        for member in value:
            put(mark + before)
            self.value(member, inner)
            mark = style.item
        put(after + "]")

    def _object(self, value: dict[str, Json], line: str) -> None:
        put, style = self.pieces.append, self._style
        if not value:
            put(style.empty_object.replace(_NEWLINE, line))
            return
        inner = line + self._indent
        mark = "{"
        for key, member in value.items():
            put(mark + inner + self._quoted(key) + style.colon)
            self.value(member, inner)
            mark = style.item
        put(line + "}")


@lru_cache(maxsize=64)
def _quoting(escaping: Escaping) -> Callable[[str], str]:
    """Return the function that writes a text with its quotes."""
    escaped = re.compile(f'[\\x00-\\x1f"\\\\{escaping.also}]')
    digits = "04X" if escaping.upper else "04x"

    def escape(match: re.Match[str]) -> str:
        character = match.group()
        if character in escaping.short:
            return _LETTERS[character]
        units = character.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):{digits}}" for at in range(0, len(units), 2))

    def quoted(text: str) -> str:
        if escaping.replaces_surrogates:
            text = _SURROGATE.sub("\ufffd", text)
        return f'"{escaped.sub(escape, text)}"'

    return quoted


_NOT_ASCII = "\x80-\ud7ff\ue000-\U0010ffff"
_LINE_SEPARATORS = "\u2028\u2029"
_RAW = Escaping()
_JAVASCRIPT = Escaping(_SURROGATES)
_PYTHON = Escaping(f"\x7f{_NOT_ASCII}{_SURROGATES}")
_PHP = Escaping(f"/{_NOT_ASCII}", _SHORT + "/")
_PHP_SLASHES = Escaping(_NOT_ASCII)
_PHP_UNICODE = Escaping(f"/{_LINE_SEPARATORS}", _SHORT + "/")
_PHP_BOTH = Escaping(_LINE_SEPARATORS)
_HTML = f"<>&{_LINE_SEPARATORS}"
_GO = Escaping(_HTML, replaces_surrogates=True)
_OLD_GO_SHORT = '"\\\n\r\t'
_OLD_GO = Escaping(_HTML, _OLD_GO_SHORT, replaces_surrogates=True)
_GO_RAW = Escaping(_LINE_SEPARATORS, replaces_surrogates=True)
# written as bytes, which is how a body is sent: the same as a string does not escape beyond the BMP
_JACKSON = Escaping(f"\U00010000-\U0010ffff{_SURROGATES}", upper=True)
_GSON = Escaping(f"{_HTML}='")
_SYSTEM_TEXT_JSON = Escaping(f"<>&'+`\x7f{_NOT_ASCII}", "\\\b\f\n\r\t", upper=True)
_NEWTONSOFT = Escaping(f"\x85{_LINE_SEPARATORS}", replaces_surrogates=True)
_JQ = Escaping("\x7f")

STRINGIFY = JsonStyle("JSON.stringify", escaping=_JAVASCRIPT, numbers=numberstyles.JAVASCRIPT)
STRINGIFY_2 = JsonStyle(
    "JSON.stringify with 2 spaces", colon=": ", indent="  ", escaping=_JAVASCRIPT, numbers=numberstyles.JAVASCRIPT
)
STRINGIFY_3 = JsonStyle(
    "JSON.stringify with 3 spaces", colon=": ", indent="   ", escaping=_JAVASCRIPT, numbers=numberstyles.JAVASCRIPT
)
STRINGIFY_4 = JsonStyle(
    "JSON.stringify with 4 spaces", colon=": ", indent="    ", escaping=_JAVASCRIPT, numbers=numberstyles.JAVASCRIPT
)
STRINGIFY_TABS = JsonStyle(
    "JSON.stringify with tabs", colon=": ", indent="\t", escaping=_JAVASCRIPT, numbers=numberstyles.JAVASCRIPT
)

PYTHON = JsonStyle("Python json.dumps", ", ", ": ", escaping=_PYTHON, numbers=numberstyles.PYTHON)
PYTHON_RAW = JsonStyle("Python json.dumps, ensure_ascii=False", ", ", ": ", numbers=numberstyles.PYTHON)
PYTHON_COMPACT = JsonStyle("Python json.dumps, compact", escaping=_PYTHON, numbers=numberstyles.PYTHON)
PYTHON_2 = JsonStyle(
    "Python json.dumps, indent=2", colon=": ", indent="  ", escaping=_PYTHON, numbers=numberstyles.PYTHON
)
PYTHON_4 = JsonStyle(
    "Python json.dumps, indent=4", colon=": ", indent="    ", escaping=_PYTHON, numbers=numberstyles.PYTHON
)

PHP = JsonStyle("PHP json_encode", escaping=_PHP, numbers=numberstyles.PHP)
PHP_SLASHES = JsonStyle("PHP json_encode, slashes unescaped", escaping=_PHP_SLASHES, numbers=numberstyles.PHP)
PHP_UNICODE = JsonStyle("PHP json_encode, Unicode unescaped", escaping=_PHP_UNICODE, numbers=numberstyles.PHP)
PHP_BOTH = JsonStyle("PHP json_encode, slashes and Unicode unescaped", escaping=_PHP_BOTH, numbers=numberstyles.PHP)
PHP_PRETTY = JsonStyle("PHP json_encode, pretty", colon=": ", indent="    ", escaping=_PHP, numbers=numberstyles.PHP)
PHP_PRETTY_SLASHES = JsonStyle(
    "PHP json_encode, pretty, slashes unescaped",
    colon=": ",
    indent="    ",
    escaping=_PHP_SLASHES,
    numbers=numberstyles.PHP,
)
PHP_PRETTY_BOTH = JsonStyle(
    "PHP json_encode, pretty, slashes and Unicode unescaped",
    colon=": ",
    indent="    ",
    escaping=_PHP_BOTH,
    numbers=numberstyles.PHP,
)

GO = JsonStyle("Go encoding/json", escaping=_GO, numbers=numberstyles.GO)
GO_OLD = JsonStyle("Go encoding/json before 1.22", escaping=_OLD_GO, numbers=numberstyles.GO)
GO_2 = JsonStyle("Go encoding/json with 2 spaces", colon=": ", indent="  ", escaping=_GO, numbers=numberstyles.GO)
GO_TABS = JsonStyle("Go encoding/json with tabs", colon=": ", indent="\t", escaping=_GO, numbers=numberstyles.GO)
GO_ENCODER = JsonStyle("Go json.Encoder", end="\n", escaping=_GO, numbers=numberstyles.GO)
GO_ENCODER_RAW = JsonStyle("Go json.Encoder without HTML escapes", end="\n", escaping=_GO_RAW, numbers=numberstyles.GO)

RUBY = JsonStyle("Ruby to_json", numbers=numberstyles.RUBY)
RUBY_PRETTY = JsonStyle(
    "Ruby JSON.pretty_generate",
    colon=": ",
    indent="  ",
    empty_array=f"[\n{_NEWLINE}]",
    empty_object=f"{{{_NEWLINE}}}",
    numbers=numberstyles.RUBY,
)
"""As its older releases write empty containers; newer ones write [] and {}, as JSON.stringify does."""

JACKSON = JsonStyle("Java Jackson", escaping=_JACKSON, numbers=numberstyles.JAVA)
JACKSON_PRETTY = JsonStyle(
    "Java Jackson, pretty",
    ",",
    " : ",
    indent="  ",
    arrays_on_one_line=True,
    empty_array="[ ]",
    empty_object="{ }",
    escaping=_JACKSON,
    numbers=numberstyles.JAVA,
)
GSON = JsonStyle("Java Gson", escaping=_GSON)
GSON_PRETTY = JsonStyle("Java Gson, pretty", colon=": ", indent="  ", escaping=_GSON)

SYSTEM_TEXT_JSON = JsonStyle(".NET System.Text.Json", escaping=_SYSTEM_TEXT_JSON)
SYSTEM_TEXT_JSON_INDENTED = JsonStyle(
    ".NET System.Text.Json, indented", colon=": ", indent="  ", escaping=_SYSTEM_TEXT_JSON
)
NEWTONSOFT = JsonStyle(".NET Newtonsoft.Json", escaping=_NEWTONSOFT)
NEWTONSOFT_INDENTED = JsonStyle(".NET Newtonsoft.Json, indented", colon=": ", indent="  ", escaping=_NEWTONSOFT)

RUST = JsonStyle("Rust serde_json", numbers=numberstyles.RUST)

JQ = JsonStyle("jq", colon=": ", indent="  ", end="\n", escaping=_JQ)
JQ_COMPACT = JsonStyle("jq -c", end="\n", escaping=_JQ)
