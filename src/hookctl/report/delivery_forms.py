"""Stored deliveries in the forms that other programs, and `hookctl verify`, read. Their bytes are never altered."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from hookctl.captures.record import capture_line
from hookctl.model import SignedRequest
from hookctl.report.request_forms import as_curl

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest, RawHeaders
    from hookctl.store import StoredDelivery

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
# curl leaves out a header of its own that is given without a value
_LEFT_OUT = " "


class ExportForm(StrEnum):
    """The forms of an export."""

    CAPTURE = "capture"
    """hookctl's own record, one to a line: all that is known of a delivery, the answer too."""
    HTTP = "http"
    """Raw requests, one behind the other."""
    CURL = "curl"
    """Shell commands, one behind the other."""


def exported(delivery: StoredDelivery, form: ExportForm) -> bytes:
    """Return a delivery in a form, such that several make a file when they stand behind each other.

    Raises:
        UsageError: a record cannot hold its time, which is outside the years 1970 to 9999.
    """
    match form:
        case ExportForm.CAPTURE:
            # the help names the forms, and does without SQLite
            from hookctl.store import as_capture

            return capture_line(as_capture(delivery)) + b"\n"
        case ExportForm.HTTP:
            return as_http(delivery.request)
        case ExportForm.CURL:
            return as_command(delivery).encode() + b"\n"
    assert_never(form)


def as_http(request: CapturedRequest) -> bytes:
    """Return a request as it came over the wire; one that came in chunks has a Content-Length instead."""
    lines = [f"{request.method} {request.target} HTTP/{request.http_version}".encode("latin-1")]
    lines += [name + b": " + value if value else name + b":" for name, value in _framed(request)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


def _framed(request: CapturedRequest) -> RawHeaders:
    """Return the header lines with one that says how long the body is, in the place of what said so before."""
    length = (b"Content-Length", str(len(request.body)).encode("ascii"))
    kept: list[tuple[bytes, bytes]] = []
    told = False
    for name, value in request.headers:
        if name.lower() not in _FRAMING:
            kept.append((name, value))
        elif not told:
            told = True
            kept.append((name, length[1]) if name.lower() == b"content-length" else length)
    # a reader of several requests has to know where each ends
    return tuple(kept) if told else (*kept, length)


def as_command(delivery: StoredDelivery) -> str:
    """Return a curl command that sends a request again, to where it was sent: by plain HTTP, as it came here.

    curl writes Host and Content-Length by itself. It adds User-Agent and Accept where there were none.
    """
    request = delivery.request
    # Latin-1 gives each byte a character and takes it back
    lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    given = next((value for name, value in lines if name.lower() == "host"), "")
    usable = _AUTHORITY.fullmatch(given) is not None
    left_out = {"content-length", "transfer-encoding", *(("host",) if usable else ())}
    headers = tuple((name, value) for name, value in lines if name.lower() not in left_out)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", _LEFT_OUT))
    return as_curl(
        SignedRequest(
            provider=delivery.provider or "",
            event=delivery.event,
            event_id=delivery.event_id,
            method=request.method,
            url=_url(given if usable else "localhost", request.target),
            headers=headers,
            body=request.body,
        )
    )


def _url(authority: str, target: str) -> str:
    if target.lower().startswith(("http://", "https://")):
        return target
    return f"http://{authority}{target if target.startswith('/') else f'/{target}'}"
