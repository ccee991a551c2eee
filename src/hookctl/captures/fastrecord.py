"""The quick way through an archive: records that are as the writer makes them, decoded straight into their fields.

It loads msgspec, so import it where a line is read. What it refuses is read again, slowly, by `record`, which either
allows it or says what is wrong.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime, timedelta

import msgspec

from hookctl.captures.jsonfields import LAST_MS
from hookctl.captures.record import SCHEMA
from hookctl.model import Capture, CapturedResponse

# msgspec looks the types up when the decoder is made: nothing here may be imported for type checking alone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class _Response(msgspec.Struct, gc=False):
    status: int
    headers: list[tuple[str, str]]
    body: str | None = None
    body_b64: str | None = None


class Record(msgspec.Struct, gc=False):
    """A line as it is written; names and values of headers are Latin-1 text."""

    schema: str
    headers: list[tuple[str, str]]
    body: str | None = None
    body_b64: str | None = None
    id: str | None = None
    received_at: str | None = None
    method: str | None = None
    target: str | None = None
    http_version: str | None = None
    response: _Response | None = None
    notes: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(Record).decode


def read_plain(line: bytes) -> Record | None:
    """Read a line without making a capture of it; None when its body is not text or a header's value not ASCII.

    A line that is read here is one that `read_well_formed` reads too, if its headers' names are ASCII.
    """
    try:
        record = _decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if record.body is None or record.body_b64 is not None or record.notes or record.schema != SCHEMA:
        return None
    if not "".join([value for _, value in record.headers]).isascii():
        return None
    response = record.response
    if response is not None:
        if response.body is None or response.body_b64 is not None:
            return None
        if response.headers and not "".join([text for line in response.headers for text in line]).isascii():
            return None
    return record


def arrival_ms(received_at: str) -> int | None:
    """Return milliseconds since the epoch for the time in a record, or None when it is none that is kept."""
    try:
        at_ms = (datetime.fromisoformat(received_at) - _EPOCH) // _MILLISECOND
    except (ValueError, TypeError):
        # a time without zone is a TypeError
        return None
    return at_ms if 0 <= at_ms <= LAST_MS else None


def read_well_formed(line: bytes, source: str) -> Capture | None:
    """Read a line that holds one record; None when it is not as the writer makes them.

    Args:
        line: one line of an archive.
        source: what the capture is called.
    """
    try:
        record = _decode(line)
        if record.schema != SCHEMA:
            return None
        at_ms = None
        if record.received_at is not None:
            at_ms = arrival_ms(record.received_at)
            if at_ms is None:
                return None
        response = None
        if record.response is not None:
            answer = record.response
            response = CapturedResponse(answer.status, _headers(answer.headers), _body(answer))
        return Capture(
            source,
            _headers(record.headers),
            _body(record),
            record.method,
            record.target,
            record.http_version,
            at_ms,
            record.id,
            response,
            record.notes,
        )
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError):
        # a time without zone is a TypeError; text that is not UTF-8, Latin-1 or base64 is a ValueError
        return None


def _headers(pairs: list[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])


def _body(record: Record | _Response) -> bytes:
    if record.body_b64 is None and record.body is not None:
        return record.body.encode()
    if record.body is None and record.body_b64 is not None:
        return binascii.a2b_base64(record.body_b64, strict_mode=True)
    raise ValueError
