"""What is exported is read back with every byte, and curl sends it as it came."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures.curl import read_curl
from hookctl.captures.form import Document
from hookctl.captures.rawhttp import read_http
from hookctl.captures.record import read_record_line
from hookctl.model import Capture, CapturedRequest, CapturedResponse
from hookctl.report.delivery_forms import ExportForm, exported
from hookctl.store import StoredDelivery
from tests.rawserver import RawServer, raw_server
from tests.store.material import NOW_MS, OK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hookctl.model import RawHeaders, Unreadable

HOST = (b"Host", b"localhost:3000")
FRAMING = {b"content-length", b"transfer-encoding"}


def stored(
    body: bytes,
    headers: RawHeaders = (HOST,),
    target: str = "/hook?a=b",
    method: str = "POST",
    response: CapturedResponse | None = None,
) -> StoredDelivery:
    """Return a delivery as the store returns it."""
    return StoredDelivery(
        id="dl_01HK153X000000000",
        occurrence=1,
        request=CapturedRequest(NOW_MS, method, target, "1.1", headers, body),
        verdict=OK,
        provider="arky",
        event="order.paid",
        event_id="evt_1",
        response=response,
        forwarded=None,
    )


def document(deliveries: Iterable[StoredDelivery], form: ExportForm) -> Document:
    return Document(b"".join(exported(delivery, form) for delivery in deliveries), "made", Path("/"))


def captures(found: Iterable[Capture | Unreadable]) -> list[Capture]:
    items = list(found)
    assert all(isinstance(item, Capture) and not item.notes for item in items), items
    return [item for item in items if isinstance(item, Capture)]


def without(headers: RawHeaders, *names: bytes) -> RawHeaders:
    return tuple((name, value) for name, value in headers if name.lower() not in {*FRAMING, *names})


BODIES = st.binary(max_size=60) | st.sampled_from(
    [
        b"",
        b"\n",
        b"{}\r\n\r\n",
        b"POST /other HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\n\nHTTP/1.1 200 OK\r\n\r\n",
        b"### next\nGET / HTTP/1.1\n\n",
        b"0\r\n\r\n",
        b"it's $HOME `date` \\\n",
        b"\xff\x00\xfe",
        b"\xef\xbb\xbf{}",
    ]
)
NAMES = st.from_regex(rb"X-[A-Za-z0-9-]{1,8}", fullmatch=True)
VALUES = st.from_regex(rb"(?:[!-~\x80-\xff](?:[ -~\x80-\xff]{0,10}[!-~\x80-\xff])?)?", fullmatch=True)
FRAMED = st.sampled_from(["length", "chunked", "none"])


def framing(kind: str, body: bytes) -> RawHeaders:
    if kind == "length":
        return ((b"content-LENGTH", str(len(body)).encode()),)
    return ((b"Transfer-Encoding", b"Chunked"),) if kind == "chunked" else ()


@settings(max_examples=150)
@given(st.lists(st.tuples(BODIES, st.lists(st.tuples(NAMES, VALUES), max_size=3), FRAMED), min_size=1, max_size=5))
def test_raw_http_is_read_back_with_every_byte(parts: list[tuple[bytes, list[tuple[bytes, bytes]], str]]) -> None:
    deliveries = [stored(body, (HOST, *framing(kind, body), *headers)) for body, headers, kind in parts]
    found = captures(read_http(document(deliveries, ExportForm.HTTP)))
    assert [item.body for item in found] == [body for body, _, _ in parts]
    for item, delivery in zip(found, deliveries, strict=True):
        assert (item.method, item.target, item.http_version) == ("POST", "/hook?a=b", "1.1")
        assert without(item.headers) == without(delivery.request.headers)
        assert [value for name, value in item.headers if name.lower() in FRAMING] == [str(len(item.body)).encode()]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((HOST, (b"content-LENGTH", b"2"), (b"A", b"b")), b"Host: localhost:3000\r\ncontent-LENGTH: 2\r\nA: b\r\n"),
        (
            (HOST, (b"transfer-encoding", b"chunked"), (b"A", b"")),
            b"Host: localhost:3000\r\nContent-Length: 2\r\nA:\r\n",
        ),
        ((HOST, (b"A", b"\xe9")), b"Host: localhost:3000\r\nA: \xe9\r\nContent-Length: 2\r\n"),
    ],
    ids=["with a length", "chunked", "without either"],
)
def test_the_length_stands_where_the_request_told_it(before: RawHeaders, after: bytes) -> None:
    assert exported(stored(b"{}", before), ExportForm.HTTP) == b"POST /hook?a=b HTTP/1.1\r\n" + after + b"\r\n{}"


@settings(max_examples=150)
@given(st.lists(st.tuples(BODIES, FRAMED), min_size=1, max_size=5))
def test_curl_commands_are_read_back_with_every_byte(parts: list[tuple[bytes, str]]) -> None:
    signature = (b"x-arky-signature", b'it\'s "quoted" $HOME')
    deliveries = [stored(body, (HOST, *framing(kind, body), signature, (b"X-Empty", b""))) for body, kind in parts]
    found = captures(read_curl(document(deliveries, ExportForm.CURL)))
    assert [item.body for item in found] == [body for body, _ in parts]
    for item in found:
        assert (item.method, item.target) == ("POST", "http://localhost:3000/hook?a=b")
        assert item.headers == (signature, (b"X-Empty", b""))


@settings(max_examples=100)
@given(BODIES, st.lists(st.tuples(NAMES, VALUES), max_size=3), BODIES)
def test_records_hold_everything(body: bytes, headers: list[tuple[bytes, bytes]], answer: bytes) -> None:
    response = CapturedResponse(502, ((b"X-A", b"\xff"),), answer)
    delivery = stored(body, (HOST, *headers), response=response)
    line = exported(delivery, ExportForm.CAPTURE)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    item = read_record_line(line, "")
    assert isinstance(item, Capture)
    assert (item.id, item.received_at_ms, item.body) == (delivery.id, NOW_MS, body)
    assert (item.headers, item.response) == (delivery.request.headers, response)


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("given_type", [b"application/json", None], ids=["a type", "no type"])
def test_curl_itself_sends_what_came(server: RawServer, method: str, given_type: bytes | None) -> None:
    body = b'\x00{"a":"it\'s"}\n\n'
    lines: RawHeaders = ((b"User-Agent", b"Arky/1"), (b"X-Own", "é".encode()))
    if given_type is not None:
        lines = (*lines, (b"Content-Type", given_type))
    host = (b"HOST", f"127.0.0.1:{server.port}".encode())
    delivery = stored(body, (host, (b"Transfer-Encoding", b"chunked"), *lines), "/a/../b?x=[1-3]&y={a,b}", method)
    command = exported(delivery, ExportForm.CURL).decode()
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout[:12]) == (0, b"HTTP/1.1 200")
    received = server.take()
    assert received.lines[0] == f"{method} /a/../b?x=[1-3]&y={{a,b}} HTTP/1.1".encode()
    assert received.body == body
    lowered = {(name.lower(), value) for name, value in lines}
    assert {line for line in received.headers if line[0] not in {b"accept", b"host", b"content-length"}} == lowered


@pytest.mark.parametrize(
    ("host", "target", "url"),
    [
        (b"hooks.example.com", "/hook", "http://hooks.example.com/hook"),
        (b"[::1]:3000", "/", "http://[::1]:3000/"),
        (b"localhost", "http://other.example/x", "http://other.example/x"),
        (b"localhost", "*", "http://localhost/*"),
    ],
)
def test_a_command_goes_to_where_the_request_went(host: bytes, target: str, url: str) -> None:
    (item,) = captures(read_curl(document([stored(b"{}", ((b"host", host),), target)], ExportForm.CURL)))
    assert (item.target, item.headers) == (url, ())


@pytest.mark.parametrize("host", [b"user:password@host", b"a b'; rm -rf /", b"host/path", b""])
def test_a_host_that_no_url_can_hold_is_sent_as_it_came(host: bytes) -> None:
    (item,) = captures(read_curl(document([stored(b"{}", ((b"host", host),))], ExportForm.CURL)))
    assert (item.target, item.headers) == ("http://localhost/hook?a=b", ((b"host", host),))
