"""Requests of every kind that receivers get wrong, made and signed with nothing but the standard library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PATIENCE_S = 20.0
# Node's as text and as Express writes it in HTML; Python's.
STACK_MARKS = (b"\n    at ", b"<br> &nbsp; &nbsp;at ", b"Traceback (most recent call last)")

_serial = count(1)


@dataclass(frozen=True)
class Reply:
    """What came back; status 0 when nothing did."""

    status: int
    head: bytes = b""
    body: bytes = b""


@dataclass(frozen=True)
class Request:
    """A POST, unless it says otherwise."""

    headers: tuple[tuple[str, bytes], ...]
    body: bytes
    method: str = "POST"
    chunked: bool = False
    content_type: bytes = b"application/json"

    def encode(self, path: str, connection: str = "close") -> bytes:
        """Return the bytes to send."""
        framing = b"Transfer-Encoding: chunked" if self.chunked else b"Content-Length: %d" % len(self.body)
        lines = [
            f"{self.method} {path} HTTP/1.1\r\nHost: receiver\r\nConnection: {connection}".encode(),
            b"Content-Type: " + self.content_type,
            framing,
            *(name.encode() + b": " + value for name, value in self.headers),
        ]
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.body), self.body) if self.chunked else self.body
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(url: str, request: Request, patience_s: float = PATIENCE_S) -> Reply:
    """Send a request over a connection of its own."""
    try:
        with connect(url, patience_s) as connection:
            connection.sendall(request.encode(urlsplit(url).path))
            return read_reply(connection, to_the_end=True)
    except ConnectionError:
        return Reply(0)


def connect(url: str, patience_s: float = PATIENCE_S) -> socket.socket:
    """Open a connection to a receiver."""
    parts = urlsplit(url)
    return socket.create_connection((str(parts.hostname), parts.port or 80), timeout=patience_s)


def ask_in_turn(url: str, requests: Iterable[Request]) -> list[int]:
    """Send requests one after the other over one connection; return the statuses."""
    path = urlsplit(url).path
    statuses = []
    with connect(url) as connection:
        for request in requests:
            with suppress(ConnectionError):
                connection.sendall(request.encode(path, "keep-alive"))
            statuses.append(read_reply(connection).status)
    return statuses


def ask_at_once(url: str, request: Request, times: int) -> list[int]:
    """Send one request over several connections at the same moment; return the statuses."""
    path = urlsplit(url).path
    release = threading.Barrier(times)

    def send(connection: socket.socket) -> int:
        release.wait(PATIENCE_S)
        connection.sendall(request.encode(path))
        return read_reply(connection, to_the_end=True).status

    with ExitStack() as stack, ThreadPoolExecutor(times) as threads:
        connections = [stack.enter_context(connect(url)) for _ in range(times)]
        return list(threads.map(send, connections))


def read_reply(connection: socket.socket, *, to_the_end: bool = False) -> Reply:
    """Read an answer, which is all that comes or as long as its Content-Length says."""
    data = b""
    while to_the_end or not _is_whole(data):
        try:
            piece = connection.recv(65536)
        except (ConnectionError, TimeoutError):
            break
        if not piece:
            break
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return Reply(int(head.split(b" ", 2)[1]) if head else 0, head, body)


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    # an answer without the header has no body
    return bool(end) and len(body) >= (int(sizes[0]) if sizes else 0)


@dataclass(frozen=True)
class Vendor:
    """How a vendor's deliveries are made."""

    signature: str
    secret: bytes
    event: str

    @property
    def is_stamped(self) -> bool:
        """Whether a timestamp travels in a header, and is signed."""
        return self.signature == "x-arky-signature"

    def envelope(self, event: str = "", text: str = "a", at_s: float = 0) -> dict[str, object]:
        """Return a fresh event; `text` is somewhere in it."""
        serial = next(_serial)
        at_s = at_s or time.time()
        if self.is_stamped:
            data = {"note": text, "order": {"id": f"ord_{serial}"}}
            return {"id": f"evt_{serial}", "event": event or self.event, "timestamp": int(at_s), "data": data}
        at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at_s))
        return {"type": event or self.event, "timestamp": at, "flowId": f"flow{serial}", "answers": {"q": text}}

    def sign(self, body: bytes, *, stamp: bytes | None = None, secret: bytes | None = None) -> bytes:
        """Return the signature; without a stamp it is over the body alone."""
        signed = body if stamp is None else stamp + b"." + body
        digest = hmac.new(self.secret if secret is None else secret, signed, hashlib.sha256).digest()
        return digest.hex().encode() if self.is_stamped else base64.b64encode(digest)

    def delivery(self, body: bytes, *, secret: bytes | None = None, stamp: bytes | None = None) -> Request:
        """Return a correctly signed delivery, as long as no other secret is given.

        Its stamp is the body's own time, when that has one: the second may have ended since the body was made.
        """
        if not self.is_stamped:
            return Request(((self.signature, self.sign(body, secret=secret)),), body)
        if stamp is None:
            own = re.search(rb'"timestamp":([0-9]+)', body)
            stamp = own[1] if own else b"%d" % time.time()
        signature = self.sign(body, stamp=stamp, secret=secret)
        return Request(((self.signature, signature), ("x-arky-timestamp", stamp)), body)

    def fresh(self, event: str = "", text: str = "a") -> Request:
        """Return a genuine delivery of a fresh event."""
        return self.delivery(compact(self.envelope(event, text)))


def compact(value: object) -> bytes:
    """Return JSON as JSON.stringify writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def with_header(request: Request, name: str, value: bytes | None) -> Request:
    """Return the request with another value in a header, or without it."""
    kept = tuple((key, old if key != name else value) for key, old in request.headers)
    return replace(request, headers=tuple((key, text) for key, text in kept if text is not None))


def battery(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    """Yield one request of each kind with its name."""
    yield "valid", vendor.fresh()
    yield "unknown-type", vendor.fresh("hookctl.check.x")
    yield from _tampered(vendor)
    yield from _malformed_signatures(vendor)
    yield from _odd_bodies(vendor)
    yield from _odd_requests(vendor)
    yield from _stamps(vendor) if vendor.is_stamped else _rotation(vendor)


def _tampered(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    genuine = vendor.fresh(text="abc")
    yield "body-tampered", replace(genuine, body=genuine.body.replace(b'"abc"', b'"abd"'))
    yield "body-appended", replace(genuine, body=genuine.body + b" ")
    body = compact(vendor.envelope())
    yield "wrong-secret", vendor.delivery(body, secret=b"another")
    yield "empty-secret", vendor.delivery(body, secret=b"")
    yield "body-alone", with_header(vendor.delivery(body), vendor.signature, vendor.sign(body))


def _is_telling(vendor: Vendor, signature: bytes) -> bool:
    """Whether a signature reads otherwise in every other form."""
    if vendor.is_stamped:
        # in base64 it begins with what no decoder of hexadecimal takes for a digit
        return base64.b64encode(bytes.fromhex(signature.decode()))[:1] not in b"0123456789abcdefABCDEF"
    # base64 with both of its special characters
    return {43, 47} <= set(signature)


def _malformed_signatures(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    genuine = vendor.fresh()
    while not _is_telling(vendor, dict(genuine.headers)[vendor.signature]):
        genuine = vendor.fresh()
    good = dict(genuine.headers)[vendor.signature]
    digest = bytes.fromhex(good.decode()) if vendor.is_stamped else base64.b64decode(good)
    values: dict[str, bytes | None] = {
        "sig-missing": None,
        "sig-empty": b"",
        "sig-half": good[: len(good) // 2],
        "sig-1": good[:1],
        "sig-n-1": good[:-1],
        "sig-n+1": good + good[:1],
        "sig-nonhex": b"z" * 64,
        "sig-nonascii": b"\xe9" * 64,
        "sig-undefined": b"undefined",
        "sig-null": b"null",
        "sig-swapped": base64.b64encode(digest) if vendor.is_stamped else digest.hex().encode(),
        "sig-labelled": b"sha256=" + good,
        "sig-quoted": b'"' + good + b'"',
        "sig-twice": good + b", " + good,
    }
    if vendor.is_stamped:
        values["sig-upperhex"] = good.upper()
    else:
        values["sig-urlsafe"] = good.replace(b"+", b"-").replace(b"/", b"_")
    for name, value in values.items():
        yield name, with_header(genuine, vendor.signature, value)


def _odd_bodies(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    plain = compact(vendor.envelope(text="T"))

    def told(text: str) -> bytes:
        serial = str(next(_serial)).encode()
        return plain.replace(b'"T"', text.encode()).replace(b'"id":"evt_', b'"id":"evt_' + serial + b"_")

    bodies = {
        "body-unicode": told('"\u00eb \u2028 \U0001f4a5"'),
        "body-escapes": told('"\\u00eb \\/"'),
        "body-numbers": told("[1.0,1e2,18446744073709551616]"),
        "body-ws": b"\r\n\t" + told('"T"'),
        "body-lf": told('"T"') + b"\n",
        "body-bom": b"\xef\xbb\xbf" + told('"T"'),
        "body-badutf8": told('"T"').replace(b'"T"', b'"\xff"'),
        "body-empty": b"",
        "body-badjson": b'{"id":',
        "size-20k": told(f'"{"x" * 20_000}"'),
        "size-90k": told(f'"{"x" * 90_000}"'),
        "size-256k": told(f'"{"x" * 256_000}"'),
    }
    for name, body in bodies.items():
        yield name, vendor.delivery(body)


def _odd_requests(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    genuine = vendor.fresh()
    upper = tuple((name.upper(), value + b"  ") for name, value in genuine.headers)
    yield "hdr-case", replace(genuine, headers=upper)
    genuine = vendor.fresh()
    yield "extra-headers", replace(genuine, headers=(*genuine.headers, ("Signature", b"sig1=:AAAA:")))
    genuine = vendor.fresh()
    yield "ct-charset", replace(genuine, content_type=b"application/json; charset=utf-8")
    genuine = vendor.fresh()
    yield "chunked", replace(genuine, chunked=True)
    yield "get", Request((), b"", "GET")
    yield "put", Request((), b"", "PUT")


def _stamps(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    now = int(time.time())
    body = compact(vendor.envelope(at_s=now))
    yield "ts-missing", with_header(vendor.delivery(body), "x-arky-timestamp", None)
    for text in ("undefined", "null", "None"):
        coerced = vendor.delivery(body, stamp=text.encode())
        yield f"ts-coerced-{text.lower()}", with_header(coerced, "x-arky-timestamp", None)
    yield "ts-tampered", with_header(vendor.delivery(body, stamp=b"%d" % now), "x-arky-timestamp", b"%d" % (now + 1))
    stamps = {
        "ts-old": b"%d" % (now - 3600),
        "ts-future": b"%d" % (now + 3600),
        "ts-abc": b"abc",
        "ts-nan": b"NaN",
        "ts-negative": b"-1",
        "ts-empty": b"",
        "ts-fullwidth": "\uff11\uff17".encode(),
        "ts-ms": b"%d000" % now,
        "ts-suffix": b"%d.junk" % now,
    }
    for name, stamp in stamps.items():
        yield name, vendor.delivery(body, stamp=stamp)


def _rotation(vendor: Vendor) -> Iterator[tuple[str, Request]]:
    second = f"{vendor.signature}-2"
    for name, first_is_good, second_is_good in (
        ("rot-second", False, True),
        ("rot-first", True, False),
        ("rot-neither", False, False),
    ):
        body = compact(vendor.envelope())
        good, bad = vendor.sign(body), vendor.sign(body, secret=b"another")
        signatures = ((vendor.signature, good if first_is_good else bad), (second, good if second_is_good else bad))
        yield name, Request(signatures, body)
    body = compact(vendor.envelope())
    yield "rot-only-second", Request(((second, vendor.sign(body)),), body)
    stale = compact(vendor.envelope(at_s=time.time() - 3600))
    yield "body-stale", vendor.delivery(stale)


def leak(reply: Reply, vendor: Vendor, request: Request) -> str | None:
    """Name what the answer tells that it should not, if it does."""
    stamp = dict(request.headers).get("x-arky-timestamp")
    if vendor.sign(request.body, stamp=stamp) in reply.body:
        return "signature"
    return "stack" if any(mark in reply.body for mark in STACK_MARKS) else None
