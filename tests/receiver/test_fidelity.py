"""What is captured is what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.receiver import BackgroundServer, Limits
from hookctl.receiver.refusal import RequestError
from hookctl.receiver.request import RequestReader
from tests.receiver.conftest import CLOCK_MS, Recorder
from tests.receiver.rawclient import RawClient, cut, post, post_in_chunks

if TYPE_CHECKING:
    from tests.receiver.conftest import Serve

ALL_BYTES = bytes(range(256))

_NAMES = st.text(st.sampled_from("!#$%&'*+-.^_`|~09azAZxX"), min_size=1, max_size=12).map(
    lambda name: b"X-" + name.encode()
)
_VALUES = st.binary(max_size=20).map(
    lambda value: bytes(byte for byte in value if byte == 9 or (byte >= 32 and byte != 127)).strip(b" \t")
)
_HEADERS = st.lists(st.tuples(_NAMES, _VALUES), max_size=8)
_CHUNKS = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n\r\n", b"0\r\n\r\n", b"\r\n"])))
_CUTS = st.lists(st.integers(min_value=0), max_size=30)


def test_names_values_order_and_repeats_are_kept(recorder: Recorder, serve: Serve) -> None:
    server = serve(recorder)
    with RawClient.to(server) as client:
        client.send(
            b"PATCH /Hook/a%20b?x=1&x=2&y= HTTP/1.1\r\n"
            b"hOsT: Example.test:80\r\n"
            b"X-Multi: one\r\n"
            b"x-multi:two\r\n"
            b"X-MULTI: \t three  \t\r\n"
            b"X-Empty:\r\n"
            b"X-Blank:   \r\n"
            b"X-Latin: caf\xe9 \xff\r\n"
            b"content-length: 2\r\n"
            b"X-Multi: one\r\n"
            b"\r\n{}"
        )
        assert client.answer().status == 200
    (request,) = recorder.requests
    assert request.method == "PATCH"
    assert request.target == "/Hook/a%20b?x=1&x=2&y="
    assert request.http_version == "1.1"
    assert request.received_at_ms == CLOCK_MS
    assert request.headers == (
        (b"hOsT", b"Example.test:80"),
        (b"X-Multi", b"one"),
        (b"x-multi", b"two"),
        (b"X-MULTI", b"three"),
        (b"X-Empty", b""),
        (b"X-Blank", b""),
        (b"X-Latin", b"caf\xe9 \xff"),
        (b"content-length", b"2"),
        (b"X-Multi", b"one"),
    )
    assert request.body == b"{}"


@pytest.mark.parametrize(
    "sent",
    [post(ALL_BYTES), post_in_chunks([ALL_BYTES[:100], ALL_BYTES[100:]])],
    ids=["length", "chunked"],
)
def test_all_byte_values_survive(sent: bytes, recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(sent)
        assert client.answer().status == 200
    assert recorder.requests[0].body == ALL_BYTES


def test_a_coded_body_is_not_decoded(recorder: Recorder, serve: Serve) -> None:
    gzipped = bytes.fromhex("1f8b08000000000002034b040043beb7e801000000")
    with RawClient.to(serve(recorder)) as client:
        client.send(post(gzipped, b"Content-Encoding: gzip"))
        assert client.answer().status == 200
    assert recorder.requests[0].body == gzipped
    assert recorder.requests[0].header("content-encoding") == b"gzip"


def test_chunk_extensions_and_trailers_leave_no_trace(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
            b'0003;name="value";flag\r\nabc\r\nA\r\n0123456789\r\n'
            b"0\r\nX-Trailer: late\r\nHost: other\r\n\r\n",
            post(b"", target=b"/next"),
        )
        assert [client.answer().status for _ in range(2)] == [200, 200]
    assert recorder.requests[0].body == b"abc0123456789"
    assert recorder.requests[0].headers == ((b"Host", b"a"), (b"Transfer-Encoding", b"Chunked"))
    assert recorder.targets == ["/", "/next"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "PUT"])
def test_any_method_may_have_a_body(method: str, recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(post(b"body").replace(b"POST", method.encode()))
        assert client.answer().status == 200
    assert (recorder.requests[0].method, recorder.requests[0].body) == (method, b"body")


def test_a_body_of_the_largest_size_passes(recorder: Recorder, serve: Serve) -> None:
    body = ALL_BYTES * 4096
    with RawClient.to(serve(recorder, Limits(max_body_bytes=len(body)))) as client:
        client.send(post(body), post_in_chunks([body[:7], body[7:]]))
        assert [client.answer().status for _ in range(2)] == [200, 200]
    assert [request.body == body for request in recorder.requests] == [True, True]


@given(headers=_HEADERS, chunks=_CHUNKS, places=_CUTS, chunked=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_request_arrives_identical_over_a_socket(
    headers: list[tuple[bytes, bytes]], chunks: list[bytes], places: list[int], chunked: bool
) -> None:
    body = b"".join(chunks)
    lines = [b"%b: %b" % header for header in headers]
    sent = post_in_chunks(chunks, *lines) if chunked else post(body, *lines)
    recorder = Recorder()
    with BackgroundServer(recorder, grace_s=0.5) as server, RawClient.to(server) as client:
        client.send(*cut(sent, places))
        assert client.answer().status == 200
    (request,) = recorder.requests
    assert request.body == body
    assert list(request.headers)[1:-1] == headers


@given(
    bodies=st.lists(st.tuples(_HEADERS, _CHUNKS, st.booleans()), min_size=1, max_size=4),
    places=_CUTS,
    every_byte=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_a_stream_of_requests_is_told_apart_however_it_is_cut(
    bodies: list[tuple[list[tuple[bytes, bytes]], list[bytes], bool]], places: list[int], every_byte: bool
) -> None:
    stream = b""
    for headers, chunks, chunked in bodies:
        lines = [b"%b: %b" % header for header in headers]
        stream += post_in_chunks(chunks, *lines) if chunked else post(b"".join(chunks), *lines)
    got = _read_all(cut(stream, range(len(stream)) if every_byte else places))
    assert [(list(headers)[1:-1], body) for headers, body in got] == [
        (headers, b"".join(chunks)) for headers, chunks, _ in bodies
    ]


@given(
    request=st.sampled_from(
        [
            post(b"abc", b"A: 1", b"B:"),
            post_in_chunks([b"abc", b"\r\n\r\n"], b"Connection: Upgrade", b"Upgrade: websocket"),
            b"GET / HTTP/1.0\r\nA: 1\r\n\r\n",
            post_in_chunks([b"abc"])[: -len(b"0\r\n\r\n")] + b"1;x=y\r\nd\r\n0\r\nT: 1\r\n\r\n",
        ]
    ),
    at=st.integers(min_value=0, max_value=200),
    removed=st.integers(min_value=0, max_value=2),
    inserted=st.sampled_from(
        [
            b"",
            b"\r",
            b"\n",
            b"\r\n",
            b" ",
            b"\t",
            b":",
            b"\0",
            b"0",
            b";",
            b",",
            b"\xff",
            b"\r\n\r\n",
            b"\r\n ",
        ]
    ),
)
@settings(max_examples=600, deadline=None)
def test_a_damaged_request_is_judged_the_same_however_it_is_cut(
    request: bytes, at: int, removed: int, inserted: bytes
) -> None:
    at %= len(request)
    damaged = request[:at] + inserted + request[at + removed :] + post(b"next")
    at_once = _judge([damaged])
    assert _judge(cut(damaged, range(len(damaged)))) == at_once
    assert _judge(cut(damaged, [at, at + 1, at + 2])) == at_once


def _read_all(pieces: list[bytes]) -> list[tuple[tuple[tuple[bytes, bytes], ...], bytes]]:
    """Return headers and body of each request in a stream."""
    reader = RequestReader(Limits())
    inbox = bytearray()
    got = []
    for piece in pieces:
        inbox += piece
        while inbox:
            del inbox[: reader.feed(inbox)]
            if reader.complete:
                arrived = reader.arrived()
                got.append((arrived.head.headers, arrived.body))
                reader = RequestReader(Limits())
    return got


def _judge(pieces: list[bytes]) -> object:
    """Return what a stream holds, or the status that refuses it."""
    try:
        return _read_all(pieces)
    except RequestError as error:
        return error.status
