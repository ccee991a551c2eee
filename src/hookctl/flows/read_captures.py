"""Reads every capture that a user names, in whatever form: files, folders, globs, standard input."""

from __future__ import annotations

from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

from hookctl.captures.archive import DEFAULT_MAX_LINE_BYTES, TooLong, read_blocks
from hookctl.captures.form import Document
from hookctl.captures.recognise import MAX_DOCUMENT_BYTES, archive_form, read_document
from hookctl.captures.sources import READ_ERRORS, Opened, Source, find_sources, open_source, reason_of
from hookctl.flows.bulk import too_long
from hookctl.model import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hookctl.captures.form import Form
    from hookctl.captures.recognise import LineForm
    from hookctl.model import Capture
    from hookctl.runtime import Runtime

_HEAD_BYTES = 64 * 1024


def read_captures(names: Sequence[str], runtime: Runtime, form: Form | None) -> Iterator[Capture | Unreadable]:
    """Yield every capture in the order of the input; of an archive no more than a block is in memory.

    Args:
        names: files, folders, globs, `-`.
        runtime: the folder that names start from, and standard input.
        form: what the user says the captures are; None to find out.
    """
    for source in find_sources(names, runtime.cwd):
        if isinstance(source, Unreadable):
            yield source
        else:
            yield from _in_source(source, runtime, form)


def _in_source(source: Source, runtime: Runtime, form: Form | None) -> Iterator[Capture | Unreadable]:
    found = False
    try:
        opened = open_source(source, runtime.stdin)
        with nullcontext() if source.path is None else closing(opened):
            for item in _items(source, opened, runtime.cwd, form):
                found = True
                yield item
    except READ_ERRORS as error:
        yield Unreadable(source.name, f"cannot read it: {reason_of(error)}")
        return
    if not found:
        yield Unreadable(source.name, "there is no capture in it")


def _items(source: Source, opened: Opened, cwd: Path, form: Form | None) -> Iterator[Capture | Unreadable]:
    head, whole = read_head(opened, DEFAULT_MAX_LINE_BYTES)
    lines = archive_form(head, form, whole=whole)
    if lines is not None:
        yield from _lines(source, opened, head, lines)
        return
    document = read_whole(source, opened, head, cwd)
    if isinstance(document, Unreadable):
        yield document
    else:
        yield from read_document(document, form)


def _lines(source: Source, opened: Opened, head: bytes, form: LineForm) -> Iterator[Capture | Unreadable]:
    blocks = read_blocks(
        opened.stream,
        head=head.removeprefix(b"\xef\xbb\xbf"),
        max_line_bytes=DEFAULT_MAX_LINE_BYTES,
        size_bytes=opened.plain_bytes,
    )
    for block in blocks:
        if isinstance(block, TooLong):
            yield _over_the_limit(f"{source.name}:{block.line}")
            continue
        for number, line in enumerate(block.lines, block.first_line):
            if line and not line.isspace():
                name = f"{source.name}:{number}"
                yield form.read_line(line, name) if len(line) <= DEFAULT_MAX_LINE_BYTES else _over_the_limit(name)


def _over_the_limit(source: str) -> Unreadable:
    # without the hint: here no option sets the limit
    return too_long(source, DEFAULT_MAX_LINE_BYTES)._replace(hint=None)


def read_head(opened: Opened, max_line_bytes: int) -> tuple[bytes, bool]:
    """Read the beginning of a file, a whole line if it has lines, and say whether that is all there is.

    Args:
        opened: the file.
        max_line_bytes: what a line may have at most.

    Raises:
        OSError, EOFError, zlib.error: reading fails.
    """
    head = b""
    wanted = _HEAD_BYTES
    while len(head) < wanted:
        piece = opened.stream.read1(wanted - len(head))
        if not piece:
            return head, True
        head += piece
        if len(head) == wanted and b"\n" not in head.lstrip() and wanted <= max_line_bytes:
            wanted *= 2
    return head, False


def read_whole(source: Source, opened: Opened, head: bytes, cwd: Path) -> Document | Unreadable:
    """Read a file of any form but an archive to its end.

    Args:
        source: the file.
        opened: the same, opened.
        head: what has been read of it.
        cwd: the folder that stands for that of standard input.

    Raises:
        OSError, EOFError, zlib.error: reading fails.
    """
    data = head + opened.stream.read(MAX_DOCUMENT_BYTES + 1 - len(head))
    if len(data) > MAX_DOCUMENT_BYTES:
        hint = "only archives, one capture to a line, may be larger"
        return Unreadable(source.name, f"it is larger than {MAX_DOCUMENT_BYTES // 1024 // 1024} MiB", hint)
    return Document(data, source.name, cwd if source.path is None else source.path.parent)
