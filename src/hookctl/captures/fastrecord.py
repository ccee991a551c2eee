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


class _Record(msgspec.Struct, gc=False):
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


_decode = msgspec.json.Decoder(_Record).decode


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
            at_ms = (datetime.fromisoformat(record.received_at) - _EPOCH) // _MILLISECOND
            if not 0 <= at_ms <= LAST_MS:
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


def _body(record: _Record | _Response) -> bytes:
    if record.body_b64 is None and record.body is not None:
        return record.body.encode()
    if record.body is None and record.body_b64 is not None:
        return binascii.a2b_base64(record.body_b64, strict_mode=True)
    raise ValueError
