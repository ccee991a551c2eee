"""Values as rows and rows as values. Text keeps every code point, lone surrogates too, and headers every byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hookctl.model import CapturedRequest, CapturedResponse, Diagnosis, Reason, Verdict
from hookctl.store.delivery import Forwarded, StoredDelivery, Summary

if TYPE_CHECKING:
    from hookctl.model import RawHeaders

SUMMARY_COLUMNS = (
    "seq, id, occurrence, received_at_ms, method, target, http_version, body_bytes, valid, reason, diagnosis, age_s, "
    "provider, event, event_id, response_status, forwarded_url, forwarded_status, forwarded_ms, forwarded_error"
)
"""What `summary` reads, in its order."""

CONTENT_COLUMNS = "request_headers, request_body, response_headers, response_body"
"""What `stored` reads beside a summary, in its order."""


def text(value: str | None) -> str | bytes | None:
    """Return text for a parameter written `CAST(? AS TEXT)`.

    SQLite takes any bytes as text; the module sqlite3 refuses a lone surrogate, which JSON can hold. But it takes text
    faster than bytes, for which it looks up an adapter.
    """
    return value if value is None or value.isascii() else value.encode("utf-8", "surrogatepass")


def read_text(raw: bytes) -> str:
    """Return what `text` wrote."""
    return raw.decode("utf-8", "surrogatepass")


def headers_text(headers: RawHeaders) -> str:
    """Return header lines as JSON, for a parameter written `CAST(? AS TEXT)`."""
    # three times as fast as the standard library, and only what writes needs it
    import msgspec

    if not headers:
        return "[]"
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return msgspec.json.encode(lines).decode()


def read_headers(written: str) -> RawHeaders:
    """Return the header lines that `headers_text` wrote."""
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in json.loads(written))


def summary(row: tuple[Any, ...]) -> Summary:
    """Return the summary in a row of `SUMMARY_COLUMNS`."""
    (sequence, id_, occurrence, received_at_ms, method, target, http_version, body_bytes, *rest) = row
    (valid, reason, diagnosis, age_s, provider, event, event_id, status, *forwarded) = rest
    url, forwarded_status, duration_ms, error = forwarded
    return Summary(
        sequence=sequence,
        id=id_,
        occurrence=occurrence,
        received_at_ms=received_at_ms,
        method=method,
        target=target,
        http_version=http_version,
        body_bytes=body_bytes,
        verdict=Verdict(bool(valid), Reason(reason), Diagnosis(diagnosis) if diagnosis is not None else None, age_s),
        provider=provider,
        event=event,
        event_id=event_id,
        status=status,
        forwarded=None if url is None else Forwarded(url, forwarded_status, duration_ms, error),
    )


def stored(line: Summary, content: tuple[str, bytes, str | None, bytes | None]) -> StoredDelivery:
    """Return the whole delivery from its summary and its row of `CONTENT_COLUMNS`."""
    request_headers, request_body, response_headers, response_body = content
    response = None
    if line.status is not None:
        response = CapturedResponse(line.status, read_headers(response_headers or "[]"), response_body or b"")
    return StoredDelivery(
        id=line.id,
        occurrence=line.occurrence,
        request=CapturedRequest(
            received_at_ms=line.received_at_ms,
            method=line.method,
            target=line.target,
            http_version=line.http_version,
            headers=read_headers(request_headers),
            body=request_body,
        ),
        verdict=line.verdict,
        provider=line.provider,
        event=line.event,
        event_id=line.event_id,
        response=response,
        forwarded=line.forwarded,
    )
