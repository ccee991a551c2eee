"""HTTP Archive 1.2, as browsers, proxies and test tools write it.

The format is described at http://www.softwareishard.com/blog/har-12-spec/. Tools differ in what they keep of a
body that is not text: `encoding` (or `_encoding`) "base64" says that it is whole; a text that Content-Length does
not agree with gets a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookctl.captures.entries import may_deliver, read_entries
from hookctl.captures.form import NotThisForm
from hookctl.captures.jsonfields import (
    BrokenField,
    decode_base64,
    expect,
    http_version_or_none,
    named_headers,
    object_or_empty,
    time_or_none,
)
from hookctl.captures.keptbody import announces_body, body_from_text, length_notes
from hookctl.model import Capture, CapturedResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.captures.form import Document
    from hookctl.model import RawHeaders, Unreadable

_HINT = "capture it with a tool that keeps the raw body, for instance hookctl listen"


def read_har(document: Document, value: object) -> Iterator[Capture | Unreadable]:
    """Read an HTTP Archive.

    Args:
        document: the file.
        value: what is in it, parsed.

    Yields:
        What may be deliveries, in the file's order: requests with a body, and those of other methods than GET, HEAD
        and OPTIONS. An entry whose body was not kept is an `Unreadable`.

    Raises:
        NotThisForm: it is no archive, or one without any such request.
    """
    log = value.get("log") if isinstance(value, dict) else None
    if not isinstance(log, dict) or "entries" not in log:
        raise NotThisForm("it is no object with log.entries")
    entries = log["entries"]
    if not isinstance(entries, list):
        raise NotThisForm("log.entries is not a list", near=True)
    yield from read_entries(document.source, entries, _read_entry)


def _read_entry(entry: object) -> Capture | None:
    fields = expect(entry, dict, "the entry")
    request = expect(fields.get("request"), dict, "request")
    method = expect(request.get("method"), str, "request.method")
    posted = _posted(request.get("postData"))
    if not posted and not may_deliver(method):
        return None
    headers = named_headers(request.get("headers"), "request.headers")
    body, notes = _body(request, posted, headers)
    response, about_response = _read_response(fields.get("response"))
    return Capture(
        "",
        headers,
        body,
        method,
        expect(request.get("url"), str, "request.url"),
        http_version_or_none(request.get("httpVersion")),
        time_or_none(fields.get("startedDateTime")),
        response=response,
        notes=notes + about_response,
    )


def _posted(value: object) -> dict[str, object]:
    """Return postData, or an empty object where it says nothing: some tools write one into every entry."""
    if value is None:
        return {}
    posted = expect(value, dict, "request.postData")
    return posted if posted.get("text") or posted.get("params") else {}


def _body(request: dict[str, object], posted: dict[str, object], headers: RawHeaders) -> tuple[bytes, tuple[str, ...]]:
    text = posted.get("text")
    if not text:
        size = request.get("bodySize")
        if posted:
            raise BrokenField("the archive has the form's fields, but not the bytes of the body (postData.text)", _HINT)
        if announces_body(headers) or (isinstance(size, int) and size > 0):
            raise BrokenField("the archive does not have the body, though the headers say there was one", _HINT)
        return b"", ()
    if _is_base64(posted):
        body = decode_base64(text, "request.postData.text")
        return body, length_notes(body, headers)
    return body_from_text(expect(text, str, "request.postData.text"), headers)


def _is_base64(content: dict[str, object]) -> bool:
    return "base64" in (content.get("encoding"), content.get("_encoding"))


def _read_response(value: object) -> tuple[CapturedResponse | None, tuple[str, ...]]:
    """Return the response, or None with a note where it is broken: the request is what matters."""
    try:
        response = expect(value, dict, "response")
        status = expect(response.get("status"), int, "response.status")
        # browsers write 0 for a request that got no response
        if status <= 0:
            return None, ()
        headers = named_headers(response.get("headers", []), "response.headers")
        content = object_or_empty(response.get("content"))
        text = content.get("text") or ""
        if _is_base64(content):
            return CapturedResponse(status, headers, decode_base64(text, "response.content.text")), ()
        # a response's Content-Length counts what was compressed: nothing to compare with
        body, _ = body_from_text(expect(text, str, "response.content.text"), ())
        return CapturedResponse(status, headers, body), ()
    except BrokenField as broken:
        return None, () if value is None else (f"the response was left out: {broken.message}",)
