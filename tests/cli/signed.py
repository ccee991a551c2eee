"""Signed deliveries in every form of capture, made without hookctl: what its verdicts are held against."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from hookctl.captures.form import Form
from tests.harness import ARCADE_SECRET, ARKY_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

Lines = list[tuple[str, str]]

BODY = b'{"id":"evt_1","event":"order.paid","timestamp":1704067200,"data":{}}'
AT = "1704067200"
"""2024-01-01T00:00:00Z, in seconds."""


def arky(body: bytes = BODY, *, at: str = AT, secret: str = ARKY_SECRET) -> Lines:
    """Return the headers of a genuine delivery of Arky."""
    signature = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return [("x-arky-signature", signature), ("x-arky-timestamp", at)]


def arcade(body: bytes, *, secret: str = ARCADE_SECRET) -> Lines:
    """Return the header of a genuine delivery of Arcade."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return [("x-arcade-signature", base64.b64encode(digest).decode())]


def http(headers: Lines, body: bytes = BODY, target: str = "/hook") -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"POST {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def record(headers: Lines, body: bytes = BODY, received_at: str | None = None) -> bytes:
    """Return hookctl's own record on a line without its end."""
    text = body.decode("utf-8", "replace")
    packed = base64.b64encode(body).decode()
    kept = {"body": text} if text.encode() == body else {"body_b64": packed}
    what = {"schema": "hookctl.capture/1", "received_at": received_at, "headers": headers, **kept}
    return json.dumps(what).encode()


def archive(*lines: bytes) -> bytes:
    """Return an archive of these lines."""
    return b"".join(line + b"\n" for line in lines)


def genuine(number: int, received_at: str | None = None) -> bytes:
    """Return the record of a genuine delivery with an id of its own."""
    body = BODY.replace(b"evt_1", b"evt_%d" % number)
    return record(arky(body), body, received_at)


def forged(number: int) -> bytes:
    """Return the record of a delivery whose signature belongs to another one."""
    return record(arky(), BODY.replace(b"evt_1", b"evt_x%d" % number))


def _curl(headers: Lines, body: bytes) -> bytes:
    given = " ".join(f"-H '{name}: {value}'" for name, value in headers)
    data = "".join(f"\\x{byte:02x}" for byte in body)
    return f"curl http://localhost/hook {given} --data-raw $'{data}'\n".encode()


def _curl_trace(headers: Lines, body: bytes) -> bytes:
    head, _, _ = http(headers, body).partition(b"\r\n\r\n")
    head += b"\r\n\r\n"
    parts = [(f"=> Send header, {len(head)} bytes", head), (f"=> Send data, {len(body)} bytes", body)]
    lines: list[str] = []
    for title, data in parts:
        lines.append(f"{title} (0x{len(data):x})")
        for at in range(0, len(data), 16):
            row = data[at : at + 16]
            shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            lines.append(f"{at:04x}: {' '.join(f'{byte:02x}' for byte in row):<47} {shown}")
    return "\n".join([*lines, ""]).encode()


def _har(headers: Lines, body: bytes) -> bytes:
    named = [{"name": name, "value": value} for name, value in headers]
    post = {"mimeType": "application/json", "text": body.decode()}
    request = {"method": "POST", "url": "http://localhost/hook", "headers": named, "postData": post}
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": request}]}}).encode()


def _ngrok(headers: Lines, body: bytes) -> bytes:
    raw = base64.b64encode(http(headers, body)).decode()
    one = {"id": "airt_1", "request": {"method": "POST", "uri": "/hook", "raw": raw}}
    return json.dumps({"uri": "/api/requests/http", "requests": [one]}).encode()


def _request(headers: Lines, body: bytes) -> bytes:
    packed = base64.b64encode(body).decode()
    return json.dumps({"headers": dict(headers), "body": packed, "isBase64Encoded": True}).encode()


IN_FORM: dict[Form, Callable[[Lines, bytes], bytes]] = {
    Form.HTTP: http,
    Form.CURL: _curl,
    Form.CURL_TRACE: _curl_trace,
    Form.HAR: _har,
    Form.NGROK: _ngrok,
    Form.REQUEST: _request,
    Form.CAPTURE: record,
}
"""A delivery in each form that holds its headers too. HAR has no place for bytes that are not UTF-8."""
