"""curl command lines, from documentation, shell histories and browsers: what curl would have sent."""

from __future__ import annotations

import errno
import os
import re
import stat
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookctl.captures.cmdwords import cmd_commands
from hookctl.captures.curloptions import SHORT, SWITCHES, VALUED
from hookctl.captures.form import NotThisForm
from hookctl.captures.numbering import Lines, numbered, shown
from hookctl.captures.shellwords import shell_commands
from hookctl.model import Capture, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hookctl.captures.commands import Command
    from hookctl.captures.form import Document

MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest file that a command may name as its data."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIRST_LINE = re.compile(rb"(?:[ \t]*(?:#(?!!)[^\n]*)?\r?\n)*+")
_PROGRAM = re.compile(rb"(?i)(?:.*[/\\])?curl(?:\.exe)?")
_BEGINNING = re.compile(
    rb"(?i)[ \t]*(?:\$[ \t]+)?(?:[A-Z_][A-Z0-9_]*=[^\s]*[ \t]+)*"
    rb"(?:(?:[^\s'\"]*[/\\])?curl(?:\.exe)?(?:[\s^\\]|$)|(?:printf|echo|cat)[ \t])"
)
_PROMPT = re.compile(rb"\$|[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_DIALECT_SIGN = re.compile(
    rb"""(?P<cmd> \^["\r\n]) | (?P<shell> ['`] | \\\r?\n) | "(?:[^"\\]++|\\.)*+" | \\.""", re.VERBOSE | re.DOTALL
)
_GLOB_ESCAPE = re.compile(rb"\\([\[\]{}])")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_OCTAL = re.compile(rb"\\0([0-7]{1,3})")
_FORMATS = re.compile(rb"[%\\]")
_NOT_IN_TEXT_FILES = b"\r\n\0"
_OTHER_AUTHENTICATION = frozenset({"digest", "ntlm", "ntlm-wb", "negotiate", "anyauth"})
_HTTP_VERSIONS = {"http1.0": "1.0", "http1.1": "1.1", "http2-prior-knowledge": "2"}

_UNKNOWABLE = {
    "form": "makes up a boundary at random when it runs: the bytes that it sent cannot be known",
    "form-string": "makes up a boundary at random when it runs: the bytes that it sent cannot be known",
    "upload-file": "uploads a file, as it was when the command ran: the bytes that it sent cannot be known",
    "config": "takes more options from another file",
    "variable": "fills in variables when it runs",
}


class _Unknowable(Exception):  # noqa: N818 - becomes an `Unreadable`
    """What a command would have sent cannot be known; the text says why."""


def read_curl(document: Document) -> Iterator[Capture | Unreadable]:
    """Read curl command lines, quoted for bash or another POSIX shell, or for cmd.exe.

    Files that they name as data are read, from the folder of the document. Headers that curl adds by itself are
    left out, but for the content type of data. Commands other than curl are passed over.

    Args:
        document: the file.

    Yields:
        A `Capture` for each request, in order, and an `Unreadable` for each command whose request cannot be known.

    Raises:
        NotThisForm: the first thing in the file is no curl command.
    """
    yield from numbered(document.source, _parts(document))


def _parts(document: Document) -> Iterator[Capture | Unreadable]:
    data = document.data.removeprefix(_BYTE_ORDER_MARK)
    lines = Lines(data)
    found = False
    script = data.startswith(b"#!")
    begin = _FIRST_LINE.match(data)
    at = begin.end() if begin else 0
    if not script and not _BEGINNING.match(data, at):
        end = data.find(b"\n", at)
        line = data[at : end if end >= 0 else len(data)][:100].rstrip(b"\r")
        raise NotThisForm(f"line {lines.number_at(at)} is no curl command: {shown(line)}" if line else "it is empty")
    for command in (cmd_commands if _is_cmd(data, at) else shell_commands)(data):
        arguments = _arguments(command)
        if arguments is None:
            continue
        found = True
        try:
            yield from _captures(command, arguments, document.folder)
        except _Unknowable as unknowable:
            yield Unreadable("", f"the command in line {lines.number_at(command.at)}: {unknowable}")
    if not found:
        raise NotThisForm("there is no curl command in it")


def _is_cmd(data: bytes, at: int) -> bool:
    for sign in _DIALECT_SIGN.finditer(data, at):
        if sign.lastgroup is not None:
            return sign.lastgroup == "cmd"
    return False


def _arguments(command: Command) -> tuple[bytes, ...] | None:
    """Return what stands behind `curl`, or None when it is another command."""
    for index, word in enumerate(command.words):
        if _PROGRAM.fullmatch(word):
            return command.words[index + 1 :]
        if not _PROMPT.fullmatch(word):
            return None
    return None


@dataclass
class _Operation:
    """What the options between two `--next` say."""

    files: _Files
    urls: list[bytes] = field(default_factory=list)
    method: str | None = None
    headers: list[bytes] = field(default_factory=list)
    """Arguments of -H, or lines of the file that it names."""
    data: bytes | None = None
    is_json: bool = False
    as_query: bool = False
    head: bool = False
    queries: list[bytes] = field(default_factory=list)
    agent: bytes | None = None
    referer: bytes | None = None
    cookies: list[bytes] = field(default_factory=list)
    user: bytes | None = None
    bearer: bytes | None = None
    basic: bool = True
    globs: bool = True
    http_version: str | None = None


def _captures(command: Command, arguments: tuple[bytes, ...], folder: Path) -> Iterator[Capture]:
    if command.problem is not None:
        raise _Unknowable(command.problem)
    files = _Files(folder, command.piped_from)
    operations = [_Operation(files)]
    for name, value in _options(arguments):
        if name == "next":
            operations.append(_Operation(files))
        else:
            _apply(operations[-1], name, value)
    for operation in operations:
        if not operation.urls:
            raise _Unknowable("it names no URL")
    for operation in operations:
        for url in operation.urls:
            yield _capture(operation, url, command.notes)


def _options(arguments: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield the options by their long names, with their values; a URL is the value of `url`."""
    remaining = iter(arguments)
    only_urls = False
    for argument in remaining:
        if only_urls or argument in {b"", b"-"} or not argument.startswith(b"-"):
            yield "url", argument
        elif argument == b"--":
            only_urls = True
        elif argument.startswith(b"--"):
            yield _long(argument[2:], remaining)
        else:
            yield from _short(argument[1:], remaining)


def _long(text: bytes, remaining: Iterator[bytes]) -> tuple[str, bytes]:
    name = text.decode("latin-1")
    if name in VALUED:
        return name, _value(f"--{name}", remaining)
    if name in SWITCHES:
        return name, b""
    # not curl's syntax, but often written
    name, equals, _ = name.partition("=")
    if equals and name in VALUED:
        return name, text.partition(b"=")[2]
    raise _Unknowable(f"the option {shown(b'--' + text)} is not known, nor whether a value follows it")


def _short(letters: bytes, remaining: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    for index in range(len(letters)):
        name = SHORT.get(chr(letters[index]))
        if name is None:
            raise _Unknowable(f"the option {shown(b'-' + letters[index : index + 1])} is not known")
        if name in VALUED:
            yield name, letters[index + 1 :] or _value(f"-{chr(letters[index])}", remaining)
            return
        yield name, b""


def _value(option: str, remaining: Iterator[bytes]) -> bytes:
    value = next(remaining, None)
    if value is None:
        raise _Unknowable(f"the option {option} lacks its value")
    return value


def _apply(operation: _Operation, name: str, value: bytes) -> None:
    if name in _UNKNOWABLE:
        raise _Unknowable(f"with --{name} curl {_UNKNOWABLE[name]}")
    if name in _DATA:
        _add_data(operation, name, _DATA[name](value, operation.files))
    elif name in _SETTINGS:
        _SETTINGS[name](operation, value)
    elif name in _HTTP_VERSIONS:
        operation.http_version = _HTTP_VERSIONS[name]
    elif name in _OTHER_AUTHENTICATION:
        operation.basic = False


def _add_data(operation: _Operation, name: str, value: bytes) -> None:
    if operation.data is None:
        operation.data = value
    else:
        operation.data += value if name == "json" else b"&" + value
    operation.is_json = operation.is_json or name == "json"


def _text(value: bytes, files: _Files) -> bytes:
    if not value.startswith(b"@"):
        return value
    return files.read(value[1:]).translate(None, _NOT_IN_TEXT_FILES)


def _binary(value: bytes, files: _Files) -> bytes:
    return files.read(value[1:]) if value.startswith(b"@") else value


def _raw(value: bytes, _: _Files) -> bytes:
    return value


def _urlencoded(value: bytes, files: _Files) -> bytes:
    name, separator, content = value.partition(b"=")
    if not separator:
        name, separator, content = value.partition(b"@")
        if separator:
            content = files.read(content)
        else:
            name, content = b"", value
    escaped = b"".join(bytes([byte]) if byte in _UNRESERVED else b"%%%02X" % byte for byte in content)
    return (name + b"=" if name else b"") + escaped.replace(b"%20", b"+")


_DATA: dict[str, Callable[[bytes, _Files], bytes]] = {
    "data": _text,
    "data-ascii": _text,
    "data-binary": _binary,
    "data-raw": _raw,
    "data-urlencode": _urlencoded,
    "json": _binary,
}


def _add_headers(operation: _Operation, value: bytes) -> None:
    if value.startswith(b"@"):
        operation.headers += operation.files.read(value[1:]).splitlines()
    else:
        operation.headers.append(value)


def _set_method(operation: _Operation, value: bytes) -> None:
    operation.method = value.decode("latin-1")


def _add_cookies(operation: _Operation, value: bytes) -> None:
    # without an equals sign it is the name of a file, which fills in cookies for the hosts that it names
    if b"=" in value:
        operation.cookies.append(value)


def _set(name: str, fixed: bool | None = None) -> Callable[[_Operation, bytes], None]:  # noqa: FBT001
    def setting(operation: _Operation, value: bytes) -> None:
        setattr(operation, name, value if fixed is None else fixed)

    return setting


_SETTINGS: dict[str, Callable[[_Operation, bytes], None]] = {
    "url": lambda operation, value: operation.urls.append(value),
    "header": _add_headers,
    "request": _set_method,
    "get": _set("as_query", fixed=True),
    "head": _set("head", fixed=True),
    "url-query": lambda operation, value: operation.queries.append(_query(value, operation.files)),
    "user-agent": _set("agent"),
    "referer": _set("referer"),
    "cookie": _add_cookies,
    "user": _set("user"),
    "oauth2-bearer": _set("bearer"),
    "globoff": _set("globs", fixed=False),
}


def _query(value: bytes, files: _Files) -> bytes:
    return value[1:] if value.startswith(b"+") else _urlencoded(value, files)


@dataclass(frozen=True, slots=True)
class _Files:
    """What a command reads: files, and what is piped into it."""

    folder: Path
    piped_from: Command | None

    def read(self, name: bytes) -> bytes:
        """Return a file that a command names: a regular one, of at most `MAX_FILE_BYTES`."""
        if name == b"-":
            return self._piped()
        try:
            with open(self.folder / os.fsdecode(name), "rb", opener=_open_regular) as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or "it has no such name"
            raise _Unknowable(f"the file {shown(name)}, which it names, cannot be read: {reason}") from None
        if len(content) > MAX_FILE_BYTES:
            raise _Unknowable(f"the file {shown(name)}, which it names, is larger than {MAX_FILE_BYTES >> 20} MiB")
        return content

    def _piped(self) -> bytes:
        source = self.piped_from
        if source is None:
            raise _Unknowable("its data came from standard input and does not stand in the command")
        if source.problem is not None:
            raise _Unknowable(source.problem)
        match source.words:
            case (b"printf", b"%s", text) | (b"echo", b"-n", text):
                return text
            case (b"printf", b"%b", text):
                return _OCTAL.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), text)
            case (b"printf", text) if not _FORMATS.search(text):
                return text
            case (b"echo", *words) if words and not words[0].startswith(b"-"):
                return b" ".join(words) + b"\n"
            case (b"cat", name):
                return self.read(name)
            case _:
                other = shown(b" ".join(source.words))
                raise _Unknowable(f"its data came from another command, and what that wrote is not known: {other}")


def _open_regular(path: str, flags: int) -> int:
    # a pipe must not be waited for
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return descriptor


def _capture(operation: _Operation, url: bytes, notes: tuple[str, ...]) -> Capture:
    body = b"" if operation.as_query or operation.data is None else operation.data
    has_body = operation.data is not None and not operation.as_query
    method = operation.method or ("HEAD" if operation.head else "POST" if has_body else "GET")
    return Capture(
        "",
        tuple(_headers(operation, has_body=has_body)),
        body,
        method,
        _target(operation, url).decode("latin-1"),
        operation.http_version,
        notes=(*notes, *_missing(operation)),
    )


def _missing(operation: _Operation) -> Iterator[str]:
    if operation.user is not None and (not operation.basic or b":" not in operation.user):
        yield "the Authorization header that curl makes when it runs is missing"


def _target(operation: _Operation, url: bytes) -> bytes:
    if operation.globs:
        url = _GLOB_ESCAPE.sub(rb"\1", url)
    added = [operation.data] if operation.as_query and operation.data else []
    for query in (*operation.queries, *added):
        bare, hash_sign, fragment = url.partition(b"#")
        url = bare + (b"&" if b"?" in bare else b"?") + query + hash_sign + fragment
    return url


def _headers(operation: _Operation, *, has_body: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield the headers, those that options make before those of -H, which replace or remove them."""
    custom = [header for header in map(_header, operation.headers) if header is not None]
    taken = {name.lower() for name, _ in custom}
    for name, made in _made(operation, has_body=has_body):
        if made is not None and name.lower() not in taken:
            yield name, made
    for name, value in custom:
        if value is not None:
            yield name, value


def _made(operation: _Operation, *, has_body: bool) -> Iterator[tuple[bytes, bytes | None]]:
    if operation.bearer is not None:
        yield b"Authorization", b"Bearer " + operation.bearer
    elif operation.user is not None and operation.basic and b":" in operation.user:
        yield b"Authorization", b"Basic " + b64encode(operation.user)
    yield b"User-Agent", operation.agent or None
    # ";auto" has curl name the page before when it follows a redirect
    yield b"Referer", (operation.referer or b"").removesuffix(b";auto") or None
    yield b"Cookie", b";".join(operation.cookies) or None
    if operation.is_json:
        yield b"Content-Type", b"application/json"
        yield b"Accept", b"application/json"
    elif has_body:
        yield b"Content-Type", b"application/x-www-form-urlencoded"


def _header(line: bytes) -> tuple[bytes, bytes | None] | None:
    """Return name and value of an argument of -H; None as the value takes a header away, None alone does nothing."""
    name, colon, value = line.partition(b":")
    if colon:
        return name.strip(), value.strip() or None
    name, semicolon, rest = line.partition(b";")
    return (name.strip(), b"") if semicolon and not rest.strip() else None
