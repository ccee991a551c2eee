"""Finds out of what form a file is, by what is in it, and has it read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hookctl.captures.form import Document, Form, NotThisForm
from hookctl.model import Capture, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item: TypeAlias = Capture | Unreadable

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
"""What a file may have that is read whole: every form but archives."""

_BOM = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_LINES_LOOKED_AT = 5
_BODY_HINT = "for a bare body give its headers: --signature and --timestamp, or -H 'Name: value'"


@dataclass(frozen=True, slots=True)
class LineForm:
    """A form that is written one capture to a line."""

    form: Form
    read_line: Callable[[bytes, str], Item]
    """Reads one line; never raises. The second argument is the capture's source."""


def line_form(form: Form) -> LineForm | None:
    """Return how lines of a form are read, or None for a form that is not written so."""
    if form is Form.CAPTURE:
        from hookctl.captures.record import read_record_line

        return LineForm(form, read_record_line)
    if form is Form.REQUEST:
        from hookctl.captures.requestobject import read_request_line

        return LineForm(form, read_request_line)
    return None


def archive_form(head: bytes, form: Form | None, *, whole: bool) -> LineForm | None:
    """Return how to read a file line by line, or None when it has to be read whole.

    Args:
        head: the beginning of the file.
        form: what the user says it is; None to find out.
        whole: whether the head is the whole file.
    """
    text = head.removeprefix(_BOM).lstrip(_WHITE_SPACE)
    if not text.startswith(b"{") or b"\n" not in text.rstrip(_WHITE_SPACE):
        # a single object is read as a document, which has more to say about what is wrong with it
        return None
    lines = text.split(b"\n", _LINES_LOOKED_AT)
    if not whole or len(lines) > _LINES_LOOKED_AT:
        lines.pop()
    for kind in (Form.CAPTURE, Form.REQUEST) if form is None else (form,):
        candidate = line_form(kind)
        if candidate is not None and any(isinstance(candidate.read_line(line, ""), Capture) for line in lines):
            return candidate
    return None


def read_document(document: Document, form: Form | None) -> Iterator[Item]:
    """Yield the captures of a file that was read whole.

    Args:
        document: the file.
        form: what the user says it is; None to find out.
    """
    if not document.data.strip(_WHITE_SPACE):
        yield Unreadable(document.source, "it is empty")
        return
    refused: list[str] = []
    for kind, read in _readers(document, form):
        try:
            items = read()
            first = next(items, None)
        except NotThisForm as error:
            if error.near or form is not None:
                yield Unreadable(document.source, f"it cannot be read as {kind}: {error.reason}")
                return
            refused.append(f"{kind}: {error.reason}")
            continue
        if first is None:
            refused.append(f"{kind}: there is no request in it")
            continue
        yield first
        yield from items
        return
    yield Unreadable(document.source, f"no known form of capture fits ({'; '.join(refused)})", _BODY_HINT)


def _readers(document: Document, form: Form | None) -> Iterator[tuple[str, Callable[[], Iterator[Item]]]]:
    """Yield the readers that may fit, by name, the likeliest first."""
    begins = document.data.removeprefix(_BOM).lstrip(_WHITE_SPACE)[:1]
    # UTF-16 begins with its own mark; nothing else that is text does
    json_first = begins in {b"{", b"["} or document.data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    parts = [_json_readers, _text_readers] if json_first else [_text_readers, _json_readers]
    for part in parts:
        yield from ((kind, read) for kind, read in part(document, form) if form in {None, kind} or kind == "JSON")


def _text_readers(document: Document, form: Form | None) -> Iterator[tuple[str, Callable[[], Iterator[Item]]]]:
    if form in {None, Form.CURL_TRACE}:
        from hookctl.captures.curltrace import read_curl_trace

        yield Form.CURL_TRACE, lambda: read_curl_trace(document)
    if form in {None, Form.CURL}:
        from hookctl.captures.curl import read_curl

        yield Form.CURL, lambda: read_curl(document)
    if form in {None, Form.HTTP}:
        from hookctl.captures.rawhttp import read_http

        yield Form.HTTP, lambda: read_http(document)


def _json_readers(document: Document, form: Form | None) -> Iterator[tuple[str, Callable[[], Iterator[Item]]]]:
    if form not in {None, Form.CAPTURE, Form.HAR, Form.NGROK, Form.REQUEST}:
        return
    from hookctl.captures.har import read_har
    from hookctl.captures.jsondocument import parse_json
    from hookctl.captures.ngrok import read_ngrok
    from hookctl.captures.record import read_records
    from hookctl.captures.requestobject import read_request_objects

    try:
        value = parse_json(document.data)
    except NotThisForm as error:
        reason = error

        def refuse() -> Iterator[Item]:
            raise reason

        yield "JSON", refuse
        return
    yield Form.CAPTURE, lambda: read_records(document, value)
    yield Form.HAR, lambda: read_har(document, value)
    yield Form.NGROK, lambda: read_ngrok(document, value)
    yield Form.REQUEST, lambda: read_request_objects(document, value)
