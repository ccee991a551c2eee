"""Requests as programs log them: a JSON object with headers and body, one, a list of them, or one to a line.

Node servers write `req.headers`, `req.rawHeaders` and a text or a Buffer; AWS Lambda's events have `headers`,
`multiValueHeaders` and `isBase64Encoded` (https://docs.aws.amazon.com/apigateway/latest/developerguide/
http-api-develop-integrations-lambda.html); handlers of Web-standard requests write what they like, mostly `method`,
`url`, `headers` and `body`. What the body is has to be certain; the rest is taken where it is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.captures.form import NotThisForm
from hookctl.captures.jsondocument import parse_json, reason_in_line
from hookctl.captures.jsonfields import (
    LAST_MS,
    BrokenField,
    decode_base64,
    expect,
    header_bytes,
    http_version_or_none,
    mapped_headers,
    named_headers,
    object_or_empty,
    text_or_none,
    time_or_none,
)
from hookctl.captures.keptbody import announces_body, body_from_text, length_notes
from hookctl.captures.numbering import numbered
from hookctl.captures.record import SCHEMA_FAMILY
from hookctl.model import Capture, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hookctl.captures.form import Document
    from hookctl.model import RawHeaders

_HEADER_KEYS = ("rawHeaders", "multiValueHeaders", "headers")
_BASE64_KEYS = ("body_b64", "bodyBase64")
# what says that it is raw goes before what may have been parsed
_BODY_KEYS = ("rawBody", "raw_body", *_BASE64_KEYS, "body", "data")
_METHOD_KEYS = ("method", "httpMethod", "requestMethod")
_TARGET_KEYS = ("originalUrl", "url", "rawPath", "path", "uri")
_TIME_KEYS = ("received_at", "receivedAt", "timestamp", "time")
_PARSED_HINT = "the signature is over the raw bytes: log the body before it is parsed"


def read_request_objects(document: Document, value: object) -> Iterator[Capture | Unreadable]:
    """Read logged requests.

    Args:
        document: the file.
        value: what is in it, parsed: one object or a list of them.

    Yields:
        A `Capture` for each request and an `Unreadable` for each that is broken or whose raw body was not kept.

    Raises:
        NotThisForm: there is no object with headers and a body in it.
    """
    requests = value if isinstance(value, list) else [value]
    if not any(_is_request(one) for one in requests):
        raise NotThisForm(f"no object in it has headers and a body ({', '.join(_BODY_KEYS)})")
    yield from numbered(document.source, (_read(request, "") for request in requests))


def _is_request(value: object) -> bool:
    if not isinstance(value, dict) or _is_record(value):
        return False
    return any(value.get(key) is not None for key in _HEADER_KEYS) and any(key in value for key in _BODY_KEYS)


def _is_record(request: dict[str, object]) -> bool:
    schema = request.get("schema")
    return isinstance(schema, str) and schema.startswith(SCHEMA_FAMILY)


def read_request_line(line: bytes, source: str) -> Capture | Unreadable:
    """Read one line of a log that has a request in each; whatever its bytes are, nothing is raised.

    Args:
        line: the line, with or without its end.
        source: what the capture is called.

    Returns:
        The capture, or why there is none.
    """
    try:
        value = parse_json(line)
    except NotThisForm as refusal:
        return Unreadable(source, f"it is no JSON object: {reason_in_line(refusal)}")
    return _read(value, source)


def _read(value: object, source: str) -> Capture | Unreadable:
    if not isinstance(value, dict):
        return Unreadable(source, "it is not an object")
    try:
        return _read_request(value, source)
    except BrokenField as broken:
        return Unreadable(source, broken.message, broken.hint)


def _read_request(request: dict[str, object], source: str) -> Capture:
    if _is_record(request):
        raise BrokenField("it is hookctl's own record, not a logged request")
    headers = _headers(request)
    body, notes = _body(request, headers)
    context = object_or_empty(request.get("requestContext"))
    http = object_or_empty(context.get("http"))
    versions = (request.get("httpVersion"), request.get("protocol"), context.get("protocol"), http.get("protocol"))
    ids = (context.get("requestId"), request.get("id"), request.get("requestId"))
    return Capture(
        source,
        headers,
        body,
        _first_text([*(request.get(key) for key in _METHOD_KEYS), http.get("method")]),
        _target(request, http),
        next((version for one in versions if (version := http_version_or_none(one))), None),
        _received_at_ms(request, context),
        _first_text(ids),
        notes=notes,
    )


def _headers(request: dict[str, object]) -> RawHeaders:
    key = next((key for key in _HEADER_KEYS if request.get(key)), "headers")
    value = request.get(key)
    if key == "rawHeaders":
        return _flat_headers(expect(value, list, key))
    if not isinstance(value, list):
        return mapped_headers(value, key)
    if value and isinstance(value[0], list):
        return tuple(_pair(pair, f"{key}[{position}]") for position, pair in enumerate(value))
    return named_headers(value, key)


def _flat_headers(flat: list[object]) -> RawHeaders:
    """Return headers that Node lists as name, value, name, value."""
    if len(flat) % 2:
        raise BrokenField("rawHeaders has a name without a value at its end")
    found = [header_bytes(expect(text, str, f"rawHeaders[{position}]")) for position, text in enumerate(flat)]
    pairs = zip(found[::2], found[1::2], strict=True)
    return tuple((name, value) for name, value in pairs if not name.startswith(b":"))


def _pair(value: object, where: str) -> tuple[bytes, bytes]:
    if not isinstance(value, list) or [type(part) for part in value] != [str, str]:
        raise BrokenField(f"{where} is not a pair of texts")
    return header_bytes(value[0]), header_bytes(value[1])


def _body(request: dict[str, object], headers: RawHeaders) -> tuple[bytes, tuple[str, ...]]:
    key = next((key for key in _BODY_KEYS if request.get(key) is not None), None)
    if key is None:
        if announces_body(headers):
            raise BrokenField("it does not have the body, though the headers say there was one", _PARSED_HINT)
        if not any(key in request for key in _BODY_KEYS):
            raise BrokenField(f"it has no body: none of {', '.join(_BODY_KEYS)}")
        return b"", ()
    value = request[key]
    if isinstance(value, str):
        encoded = key in _BASE64_KEYS or request.get("isBase64Encoded") is True or request.get("encoding") == "base64"
        if not encoded:
            return body_from_text(value, headers)
        body = decode_base64(value, key)
    elif isinstance(value, dict) and value.get("type") == "Buffer" and isinstance(value.get("data"), list):
        body = _buffer(value["data"], f"{key}.data")
    else:
        what = "an object that was parsed" if isinstance(value, dict | list) else "not a text"
        raise BrokenField(f"{key} is {what}", _PARSED_HINT)
    return body, length_notes(body, headers)


def _buffer(numbers: list[object], where: str) -> bytes:
    """Return the bytes of a Node Buffer that JSON.stringify has written."""
    for position, number in enumerate(numbers):
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 255:
            raise BrokenField(f"{where}[{position}] is no byte")
    return bytes(number for number in numbers if isinstance(number, int))


def _target(request: dict[str, object], http: dict[str, object]) -> str | None:
    target = _first_text([*(request.get(key) for key in _TARGET_KEYS), http.get("path")])
    query = request.get("rawQueryString")
    return f"{target}?{query}" if target is not None and query and isinstance(query, str) else target


def _received_at_ms(request: dict[str, object], context: dict[str, object]) -> int | None:
    for epoch in (context.get("requestTimeEpoch"), context.get("timeEpoch")):
        if isinstance(epoch, int) and not isinstance(epoch, bool) and 0 <= epoch <= LAST_MS:
            return epoch
    return next((at for key in _TIME_KEYS if (at := time_or_none(request.get(key))) is not None), None)


def _first_text(values: Iterable[object]) -> str | None:
    return next((text for value in values if (text := text_or_none(value))), None)
