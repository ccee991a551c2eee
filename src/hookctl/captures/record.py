"""hookctl's own record of a capture: one JSON object, on a line of its own in an archive.

`{"schema":"hookctl.capture/1","id":..,"received_at":..,"method":..,"target":..,"http_version":..,"headers":[[name,
value]..],"body":text,"response":{"status":..,"headers":..,"body":text},"notes":[..]}`: headers are Latin-1 and stand as
they came, `body_b64` stands for `body` where the bytes are not UTF-8, `notes` is there when there are any. What is
not known is null or left out; keys beside these are not looked at.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from hookctl.captures.form import NotThisForm
from hookctl.captures.jsondocument import parse_json, reason_in_line, text_to_bytes
from hookctl.captures.jsonfields import BrokenField, decode_base64, expect, time_or_none
from hookctl.captures.numbering import numbered, shown
from hookctl.model import Capture, CapturedResponse, TimeUnit, Unreadable
from hookctl.timestamps import write_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookctl.captures.form import Document
    from hookctl.model import RawHeaders

SCHEMA = "hookctl.capture/1"
SCHEMA_FAMILY = "hookctl.capture/"
"""What `schema` begins with in every version of the record."""


def capture_line(capture: Capture) -> bytes:
    """Return a capture as one line of an archive, without its end: compact JSON in ASCII.

    The capture's `source` is not in it; all the rest is.

    Raises:
        UsageError: it was received outside the years 1970 to 9999.
    """
    at_ms, response = capture.received_at_ms, capture.response
    record: dict[str, object] = {
        "schema": SCHEMA,
        "id": capture.id,
        "received_at": None if at_ms is None else write_time(at_ms, TimeUnit.ISO8601_MILLISECONDS),
        "method": capture.method,
        "target": capture.target,
        "http_version": capture.http_version,
        "headers": _written_headers(capture.headers),
        **_written_body(capture.body),
        "response": None,
    }
    if response is not None:
        headers = _written_headers(response.headers)
        record["response"] = {"status": response.status, "headers": headers, **_written_body(response.body)}
    if capture.notes:
        record["notes"] = capture.notes
    return json.dumps(record, separators=(",", ":")).encode("ascii")


def _written_headers(headers: RawHeaders) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _written_body(body: bytes) -> dict[str, object]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        import binascii

        return {"body_b64": binascii.b2a_base64(body, newline=False).decode("ascii")}


def read_records(document: Document, value: object) -> Iterator[Capture | Unreadable]:
    """Read hookctl's records: one, or a list of them.

    Args:
        document: the file.
        value: what is in it, parsed.

    Yields:
        A `Capture` for each record and an `Unreadable` for each that is broken.

    Raises:
        NotThisForm: it is no record, and no list with one in it.
    """
    records = value if isinstance(value, list) else [value]
    if not any(_is_record(one) for one in records):
        raise NotThisForm(f'it has no "schema":"{SCHEMA}"')
    yield from numbered(document.source, (_read(record, "") for record in records))


def _is_record(value: object) -> bool:
    schema = value.get("schema") if isinstance(value, dict) else None
    return isinstance(schema, str) and schema.startswith(SCHEMA_FAMILY)


def read_record_line(line: bytes, source: str) -> Capture | Unreadable:
    """Read one line of an archive; whatever its bytes are, nothing is raised.

    Args:
        line: the line, with or without its end.
        source: what the capture is called.

    Returns:
        The capture, or why there is none.
    """
    capture = _fast_reader()(line, source)
    if capture is not None:
        return capture
    try:
        value = parse_json(line)
    except NotThisForm as refusal:
        return Unreadable(source, f"it is no record: {reason_in_line(refusal)}")
    return _read(value, source)


def _read(value: object, source: str) -> Capture | Unreadable:
    if not isinstance(value, dict):
        return Unreadable(source, "it is no record: it is not an object")
    try:
        return _read_fields(value, source)
    except BrokenField as broken:
        return Unreadable(source, broken.message, broken.hint)


def _read_fields(record: dict[str, object], source: str) -> Capture:
    schema = record.get("schema")
    if schema != SCHEMA:
        raise BrokenField(*_about_schema(schema))
    received_at = _text(record, "received_at")
    at_ms = None if received_at is None else time_or_none(received_at)
    if received_at is not None and at_ms is None:
        raise BrokenField("received_at is not a time such as 2026-01-31T12:00:00.000Z, from 1970 to 9999")
    response, about_response = _read_response(record.get("response"))
    body, about_body = _read_body(record, "")
    notes = expect(record.get("notes") or [], list, "notes")
    return Capture(
        source,
        _read_headers(record.get("headers"), "headers"),
        body,
        _text(record, "method"),
        _text(record, "target"),
        _text(record, "http_version"),
        at_ms,
        _text(record, "id"),
        response,
        (*(expect(note, str, f"notes[{at}]") for at, note in enumerate(notes)), *about_body, *about_response),
    )


def _about_schema(schema: object) -> tuple[str, str | None]:
    if not isinstance(schema, str) or not schema.startswith(SCHEMA_FAMILY):
        return f'it has no "schema":"{SCHEMA}"', None
    version = shown(schema.removeprefix(SCHEMA_FAMILY).encode("utf-8", "replace"))
    return f"its schema is version {version} of the record, this hookctl reads version 1", "a newer hookctl may read it"


def _text(record: dict[str, object], key: str) -> str | None:
    value = record.get(key)
    return None if value is None else expect(value, str, key)


def _read_response(value: object) -> tuple[CapturedResponse | None, tuple[str, ...]]:
    if value is None:
        return None, ()
    response = expect(value, dict, "response")
    status = expect(response.get("status"), int, "response.status")
    body, notes = _read_body(response, "response.")
    return CapturedResponse(status, _read_headers(response.get("headers"), "response.headers"), body), notes


def _read_headers(value: object, where: str) -> RawHeaders:
    found: list[tuple[bytes, bytes]] = []
    for position, pair in enumerate(expect(value, list, where)):
        here = f"{where}[{position}]"
        if not isinstance(pair, list) or [type(part) for part in pair] != [str, str]:
            raise BrokenField(f"{here} is not a pair of texts")
        try:
            found.append((pair[0].encode("latin-1"), pair[1].encode("latin-1")))
        except UnicodeEncodeError:
            raise BrokenField(f"{here} has a character beyond Latin-1, which no header can hold") from None
    return tuple(found)


def _read_body(record: dict[str, object], prefix: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a body and notes on it, given what the names of its keys begin with in messages."""
    text, packed = record.get("body"), record.get("body_b64")
    if (text is None) == (packed is None):
        found = "neither is" if text is None else "both are"
        raise BrokenField(f"one of {prefix}body and {prefix}body_b64 has to be there: {found}")
    if packed is not None:
        return decode_base64(packed, f"{prefix}body_b64"), ()
    body, note = text_to_bytes(expect(text, str, f"{prefix}body"))
    return body, () if note is None else (note,)


@cache
def _fast_reader() -> Callable[[bytes, str], Capture | None]:
    """Return what reads a well-formed line and answers None for any other; an import for each line would cost more."""
    from hookctl.captures.fastrecord import read_well_formed

    return read_well_formed
