"""What the ngrok agent's inspector answers under /api/requests/http: a list of requests, or a single one.

The fields are described at https://ngrok.com/docs/agent/api/. `raw` holds the message as it came, in base64; of a
long body ngrok may keep only the beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from hookctl.captures.chunked import ChunkReader
from hookctl.captures.entries import may_deliver, read_entries
from hookctl.captures.form import NotThisForm
from hookctl.captures.jsonfields import (
    BrokenField,
    decode_base64,
    expect,
    http_version_or_none,
    mapped_headers,
    object_or_empty,
    text_or_none,
    time_or_none,
)
from hookctl.captures.keptbody import announces_body, content_length, length_notes
from hookctl.captures.messagehead import BrokenHead, read_head
from hookctl.model import Capture, CapturedResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.captures.form import Document
    from hookctl.captures.messagehead import Head
    from hookctl.model import Unreadable

_ADDRESS = "/api/requests/http"
_OWN_KEYS = frozenset({"tunnel_name", "remote_addr"})
_HINT = "capture it with a tool that keeps the whole body, for instance hookctl listen"


def read_ngrok(document: Document, value: object) -> Iterator[Capture | Unreadable]:
    """Read requests out of ngrok's inspector.

    Args:
        document: the file.
        value: what is in it, parsed: the answer with the list, the list alone, or a single request.

    Yields:
        What may be deliveries, in the file's order: ngrok lists the newest first. A request whose raw bytes are
        missing or cut short is an `Unreadable`.

    Raises:
        NotThisForm: it is nothing of ngrok's, or has no such request.
    """
    yield from read_entries(document.source, _requests(value), _read_request)


def _requests(value: object) -> list[object]:
    if _is_ours(value):
        return [value]
    if isinstance(value, dict):
        listed, address = value.get("requests"), value.get("uri")
        if isinstance(address, str) and address.startswith(_ADDRESS):
            if not isinstance(listed, list):
                raise NotThisForm("requests is not a list", near=True)
            return listed
    else:
        listed = value
    if isinstance(listed, list) and any(_is_ours(one) for one in listed):
        return listed
    raise NotThisForm("it is not what ngrok's inspector answers")


def _is_ours(value: object) -> TypeGuard[dict[str, object]]:
    if not isinstance(value, dict) or not isinstance(value.get("request"), dict):
        return False
    address = value.get("uri")
    return (isinstance(address, str) and address.startswith(_ADDRESS)) or not _OWN_KEYS.isdisjoint(value)


def _read_request(entry: object) -> Capture | None:
    fields = expect(entry, dict, "the entry")
    request = expect(fields.get("request"), dict, "request")
    method = expect(request.get("method"), str, "request.method")
    if not request.get("raw"):
        if not may_deliver(method):
            return None
        raise BrokenField("ngrok did not keep the raw request (request.raw)", _HINT)
    raw = decode_base64(request["raw"], "request.raw")
    try:
        head = read_head(raw, 0)
    except BrokenHead as broken:
        raise BrokenField(f"request.raw is no HTTP request: a line of it {broken.why}") from None
    if head.method is None:
        raise BrokenField("request.raw is no HTTP request: it does not begin with a request line")
    body, notes = _body(raw, head)
    if not body and not announces_body(head.headers) and not may_deliver(method):
        return None
    length = None if head.is_chunked else content_length(head.headers)
    if length is not None and len(body) < length:
        raise BrokenField(f"ngrok kept only {len(body)} of the body's {length} bytes", _HINT)
    response, about_response = _read_response(fields.get("response"))
    return Capture(
        "",
        head.headers,
        body,
        method,
        head.target,
        http_version_or_none(head.http_version),
        time_or_none(fields.get("start")),
        text_or_none(fields.get("id")),
        response,
        (*notes, *(() if length is None else length_notes(body, head.headers)), *about_response),
    )


def _body(raw: bytes, head: Head) -> tuple[bytes, tuple[str, ...]]:
    """Return the body: all that is behind the head, for there is one message in `raw`."""
    rest = raw[head.end :]
    if not head.is_chunked or not rest:
        return rest, ()
    chunked = ChunkReader(raw).read(head.end)
    if chunked is not None:
        return chunked.body, ()
    return rest, ("Transfer-Encoding says chunked, but the body is not in whole chunks: it was taken as it stands",)


def _read_response(value: object) -> tuple[CapturedResponse | None, tuple[str, ...]]:
    """Return the response, or None with a note where it is broken: the request is what matters."""
    fields = object_or_empty(value)
    if not fields:
        return None, ()
    try:
        status = expect(fields.get("status_code"), int, "response.status_code")
        headers = mapped_headers(fields.get("headers") or {}, "response.headers")
        raw = decode_base64(fields.get("raw") or "", "response.raw")
        if not raw:
            return CapturedResponse(status, headers), ()
        head = read_head(raw, 0)
        body, notes = _body(raw, head)
        about = tuple(f"of the response: {note}" for note in notes)
        return CapturedResponse(status, head.headers, body), about
    except BrokenField as broken:
        return None, (f"the response was left out: {broken.message}",)
    except BrokenHead as broken:
        return None, (f"the response was left out: a line of response.raw {broken.why}",)
