"""What `curl --trace` and `curl --trace-ascii` write: every byte that went out and came in, record by record."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookctl.captures.chunked import ChunkReader
from hookctl.captures.form import NotThisForm
from hookctl.captures.messagehead import BrokenHead, read_head
from hookctl.captures.numbering import numbered, shown
from hookctl.model import Capture, CapturedResponse, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.captures.form import Document

_PREFIX = rb"(?:[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+ )?(?:\[([0-9x]+)-[0-9x]+\] )?"
_RECORD = re.compile(_PREFIX + rb"(=> Send|<= Recv) (header|data|SSL data), ([0-9]{1,18}) bytes \(0x[0-9a-f]+\)\r?")
_INFO = re.compile(_PREFIX + rb"== Info: ")
_DATA = re.compile(rb"([0-9a-f]{4,16}): ")
_HEX_WIDTH = 16
_HEX_ROW = re.compile(rb"(?=[0-9a-f ]{48})(?:[0-9a-f]{2} )+ *")
_ASCII_WIDTH = 64
_DOTS_NOTE = "curl --trace-ascii shows every byte that is not printable ASCII as a dot: some of the dots may be others"


@dataclass(slots=True)
class _Record:
    line: int
    transfer: bytes
    direction: bytes
    kind: bytes
    size: int
    """Bytes, as its first line says."""
    rows: list[tuple[int, bytes]]
    """Offset and text of each line below."""


@dataclass(slots=True)
class _Exchange:
    """One request and what came back, as far as the records tell."""

    line: int
    sent_head: list[bytes] = field(default_factory=list)
    sent_body: list[bytes] = field(default_factory=list)
    received_head: list[bytes] = field(default_factory=list)
    received_body: list[bytes] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    problem: str | None = None

    @property
    def head_is_whole(self) -> bool:
        return b"".join(self.sent_head[-2:]).endswith(b"\r\n\r\n")


def read_curl_trace(document: Document) -> Iterator[Capture | Unreadable]:
    """Read a trace of curl's, with or without `--trace-time` and `--trace-ids`.

    Records of TLS, of connecting through a proxy and curl's own remarks are passed over.

    Args:
        document: the file.

    Yields:
        A `Capture` for each request, in order, and an `Unreadable` for each of which a part is missing.

    Raises:
        NotThisForm: the file does not begin as a trace does, or no request went out in it.
    """
    yield from numbered(document.source, _parts(document.data))


def _parts(data: bytes) -> Iterator[Capture | Unreadable]:
    first = data.lstrip(b"\xef\xbb\xbf\r\n").partition(b"\n")[0]
    if not _RECORD.match(first) and not _INFO.match(first):
        shown_line = shown(first[:100].rstrip(b"\r"))
        raise NotThisForm(f"its first line does not begin a trace of curl's: {shown_line}" if first else "it is empty")
    exchanges = _exchanges(_records(data))
    if not exchanges:
        raise NotThisForm("it is a trace of curl's in which no request was sent", near=True)
    for exchange in exchanges:
        part = _capture(exchange)
        if part is not None:
            yield part


def _records(data: bytes) -> Iterator[_Record]:
    record: _Record | None = None
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if record is not None and (row := _DATA.match(line)):
            record.rows.append((int(row[1], 16), line[row.end() :]))
            continue
        if record is not None:
            yield record
        start = _RECORD.fullmatch(line)
        record = _Record(number, start[1] or b"", start[2], start[3], int(start[4]), []) if start else None
    if record is not None:
        yield record


def _exchanges(records: Iterator[_Record]) -> list[_Exchange]:
    exchanges: list[_Exchange] = []
    current: dict[bytes, _Exchange] = {}
    for record in records:
        if record.kind == b"SSL data":
            continue
        exchange = current.get(record.transfer)
        sends_head = record.direction == b"=> Send" and record.kind == b"header"
        if sends_head and (exchange is None or exchange.head_is_whole or exchange.problem):
            exchange = current[record.transfer] = _Exchange(record.line)
            exchanges.append(exchange)
        if exchange is not None:
            _add(exchange, record)
    return exchanges


def _add(exchange: _Exchange, record: _Record) -> None:
    sent = record.direction == b"=> Send"
    content = _from_hex(record)
    if content is None:
        content, complete = _from_text(record)
        if sent and not complete:
            note = f"the trace announces {record.size} bytes in line {record.line} and does not show all of them"
            if not record.rows or _is_hex(record):
                exchange.problem = exchange.problem or note
            exchange.notes[note] = None
        if sent and record.kind == b"data" and b"." in content:
            exchange.notes[_DOTS_NOTE] = None
    if record.kind == b"header":
        (exchange.sent_head if sent else exchange.received_head).append(content)
    else:
        (exchange.sent_body if sent else exchange.received_body).append(content)


def _from_hex(record: _Record) -> bytes | None:
    """Return what a record of `--trace` holds, or None when it is not one, or not whole."""
    pieces: list[bytes] = []
    for index, (offset, text) in enumerate(record.rows):
        count = min(_HEX_WIDTH, record.size - offset)
        if offset != index * _HEX_WIDTH or count <= 0:
            return None
        try:
            piece = bytes.fromhex(text[: 3 * count].decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            return None
        if len(piece) != count or len(text.rstrip(b"\r")) != 3 * _HEX_WIDTH + count:
            return None
        pieces.append(piece)
    content = b"".join(pieces)
    return content if len(content) == record.size else None


def _is_hex(record: _Record) -> bool:
    """Return whether the first line of a record that is not whole was written by `--trace`."""
    second_is_near = len(record.rows) < 2 or record.rows[1][0] == _HEX_WIDTH
    return second_is_near and _HEX_ROW.match(record.rows[0][1]) is not None


def _from_text(record: _Record) -> tuple[bytes, bool]:
    r"""Return what a record of `--trace-ascii` holds, and whether all of it stands there.

    A line ends behind 64 characters or where CR LF stands, which is not shown: the offset of the next line tells.
    """
    if not record.rows:
        return b"", record.size == 0
    pieces: list[bytes] = []
    expected = 0
    complete = True
    ends = [offset for offset, _ in record.rows[1:]] + [record.size]
    for (offset, text), end in zip(record.rows, ends, strict=True):
        shown_text = text[:_ASCII_WIDTH].rstrip(b"\r")
        pieces.append(shown_text)
        gap = end - offset - len(shown_text)
        if gap == 2:
            pieces.append(b"\r\n")
        complete = complete and offset == expected and gap in {0, 2}
        expected = end
    return b"".join(pieces), complete


def _capture(exchange: _Exchange) -> Capture | Unreadable | None:
    if exchange.problem is not None:
        return Unreadable("", exchange.problem)
    sent_head = b"".join(exchange.sent_head)
    try:
        head = read_head(sent_head, 0)
    except BrokenHead as broken:
        return Unreadable("", f"the header of the request in line {exchange.line} {broken.why}")
    if head.method is None:
        return Unreadable("", f"the header of the request in line {exchange.line} has no request line")
    if head.method == "CONNECT":
        return None
    # with little data, curl once wrote header and data in one record
    body = sent_head[head.end :] + b"".join(exchange.sent_body)
    notes = list(exchange.notes)
    if head.is_chunked and body:
        chunked = ChunkReader(body).read(0)
        if chunked is None:
            notes.append("Transfer-Encoding says chunked, but the body is not in chunks: it was taken as it stands")
        else:
            body = chunked.body
    response = _response(exchange)
    return Capture(
        "", head.headers, body, head.method, head.target, head.http_version, response=response, notes=tuple(notes)
    )


def _response(exchange: _Exchange) -> CapturedResponse | None:
    # interim answers come before the final one, and nothing says how their heads are parted in the trace
    begins = [index for index, line in enumerate(exchange.received_head) if line.startswith(b"HTTP/")]
    if not begins:
        return None
    try:
        final = read_head(b"".join(exchange.received_head[begins[-1] :]), 0)
    except BrokenHead:
        return None
    if final.status is None or final.status < 200:
        return None
    body = b"".join(exchange.received_body)
    chunked = ChunkReader(body).read(0) if final.is_chunked else None
    return CapturedResponse(final.status, final.headers, body if chunked is None else chunked.body)
