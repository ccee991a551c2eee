"""The quick way through the server and the patient one lead to the same: only the cuts differ, never the result."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.receiver import BackgroundServer, Limits, Reply
from hookctl.receiver.body import ChunkedBody
from hookctl.receiver.refusal import RequestError
from hookctl.receiver.request import RequestReader, read_whole
from tests.receiver.conftest import CLOCK_MS, Recorder
from tests.receiver.rawclient import RawClient, cut, post, post_in_chunks

if TYPE_CHECKING:
    from hookctl.model import CapturedRequest
    from hookctl.receiver import Refusal
    from tests.receiver.conftest import Serve


def _with_head_of(size_bytes: int) -> bytes:
    """Return a request without a body, of exactly that many bytes."""
    return post(b"", b"X: " + b"y" * (size_bytes - len(post(b"", b"X: "))))


_LIMITS = Limits(max_head_bytes=400, max_headers=6, max_body_bytes=60)
_REQUESTS = st.one_of(
    st.binary(max_size=70).map(post),
    st.lists(st.binary(min_size=1, max_size=30), max_size=4).map(post_in_chunks),
    # about the limits of head and body
    st.integers(min_value=-2, max_value=2).map(lambda over: _with_head_of(_LIMITS.max_head_bytes + over)),
    st.integers(min_value=59, max_value=62).map(lambda size: post(b"x" * size)),
    st.sampled_from(
        [
            b"GET / HTTP/1.0\r\nA: 1\r\n\r\n",
            b"HEAD /?a=%20 HTTP/1.1\r\nhOST: x\r\nX-A:  one \t\r\nx-a:\xff\r\n\r\n",
            post(b"abc", b"Connection: keep-alive, Upgrade", b"Upgrade: h2c"),
            post(b"abc", b"Connection: close"),
            post(b"abc", b"Expect: 100-continue"),
            post(b"abc", b"Content-Length: 3"),
            post(b"abc", b"Transfer-Encoding: chunked"),
            post(b"", *[b"X: y"] * 8),
            post(b"", b"X: " + b"y" * 400),
            b"\r\n\r\n" + post(b"after blank lines"),
        ]
    ),
)
_DAMAGE = st.one_of(
    st.none(),
    st.tuples(
        st.integers(min_value=0, max_value=400),
        st.integers(min_value=0, max_value=2),
        st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b":", b"\0", b"9", b"\xff", b"\r\n\r\n"]),
    ),
)
_STREAMS = st.tuples(st.lists(_REQUESTS, min_size=1, max_size=3), _DAMAGE).map(lambda drawn: _damaged(*drawn))


def _damaged(requests: list[bytes], damage: tuple[int, int, bytes] | None) -> bytes:
    stream = b"".join(requests)
    if damage is not None:
        at, removed, inserted = damage
        at %= len(stream)
        stream = stream[:at] + inserted + stream[at + removed :]
    return stream


class _Witness:
    """What one server has seen on one connection."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.refusals: list[Refusal] = []

    def seen(self) -> object:
        refused = [(refusal.status, refusal.sentence) for refusal in self.refusals]
        return self.recorder.requests, refused


def _converse(server: BackgroundServer, witness: _Witness, pieces: list[bytes]) -> tuple[object, bytes]:
    """Return what the server has seen and everything it has said, interim answers left out."""
    witness.recorder.requests = []
    witness.refusals.clear()
    with RawClient.to(server) as client:
        client.try_to_send(pieces)
        # the server may have closed already
        with contextlib.suppress(OSError):
            client.finish()
        said = client.rest()
    # whether a peer still waits for it depends on what has arrived by then
    return witness.seen(), said.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")


def test_over_sockets_every_cut_gives_the_same_requests_refusals_and_answers() -> None:
    witness = _Witness()

    def refused(refusal: Refusal) -> None:
        witness.refusals.append(refusal)

    with BackgroundServer(
        witness.recorder, grace_s=0.5, limits=_LIMITS, clock=lambda: CLOCK_MS, on_refused=refused
    ) as server:

        @given(stream=_STREAMS, places=st.lists(st.integers(min_value=0), max_size=6))
        @settings(max_examples=150, deadline=None)
        def same(stream: bytes, places: list[int]) -> None:
            at_once = _converse(server, witness, [stream])
            assert _converse(server, witness, cut(stream, places)) == at_once
            assert _converse(server, witness, cut(stream, range(len(stream)))) == at_once

        same()


@given(stream=_STREAMS)
@settings(max_examples=500, deadline=None)
def test_what_is_read_whole_is_read_the_same_bit_by_bit(stream: bytes) -> None:
    whole = read_whole(bytearray(stream), _LIMITS)
    reader = RequestReader(_LIMITS)
    try:
        taken = 0
        while taken < len(stream) and not reader.complete:
            taken += reader.feed(bytearray(stream[taken : taken + 1]))
    except RequestError:
        assert whole is None
        return
    if whole is not None:
        assert (reader.arrived(), taken) == whole


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_too_many_header_lines_are_refused_as_such_whatever_follows(size: int) -> None:
    stream = post(b"", *[b"X: y"] * 8)[:-2] + b"\nmalformed\r\n\r\n"
    reader = RequestReader(_LIMITS)

    def feed_all() -> None:
        for start in range(0, len(stream), size):
            reader.feed(bytearray(stream[start : start + size]))

    with pytest.raises(RequestError, match="431: more than 6 header lines"):
        feed_all()


def test_the_quick_way_is_taken_for_an_ordinary_delivery_and_left_for_the_rest() -> None:
    limits = Limits()
    ordinary = post(b"{}", b"Expect: 100-continue")
    whole = read_whole(bytearray(ordinary + b"next"), limits)
    assert whole is not None
    assert (whole[0].body, whole[1]) == (b"{}", len(ordinary))
    largest, too_large = (_with_head_of(limits.max_head_bytes + over) for over in (0, 1))
    assert read_whole(bytearray(largest), limits) is not None
    for other in (
        too_large,
        ordinary[:-1],
        ordinary[:20],
        post_in_chunks([b"{}"]),
        b"\r\n" + ordinary,
        b"NONSENSE\r\n\r\n",
    ):
        assert read_whole(bytearray(other), limits) is None


@pytest.mark.parametrize("suspends", [False, True], ids=["at once", "later"])
def test_a_hundred_requests_in_one_segment_are_answered_in_order(suspends: bool, serve: Serve) -> None:
    recorder = Recorder()

    def at_once(request: CapturedRequest) -> Reply:
        recorder.requests.append(request)
        return Reply(200, request.body)

    async def later(request: CapturedRequest) -> Reply:
        return at_once(request)

    bodies = [b"%03d" % number for number in range(100)]
    with RawClient.to(serve(later if suspends else at_once)) as client:
        client.send(b"".join(post(body) for body in bodies))
        assert [client.answer().body for _ in bodies] == bodies
    assert [request.body for request in recorder.requests] == bodies


_CHUNKS = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n\r\n", b"0\r\n\r\n", b"\r\n"])))


@given(chunks=_CHUNKS, places=st.lists(st.integers(min_value=0), max_size=30), left_over=st.binary(max_size=9))
@settings(max_examples=300, deadline=None)
def test_chunks_are_joined_and_what_follows_is_left(chunks: list[bytes], places: list[int], left_over: bytes) -> None:
    wire = post_in_chunks(chunks).partition(b"\r\n\r\n")[2]
    body = ChunkedBody(Limits())
    taken = 0
    for piece in cut(wire + left_over, places):
        if not body.complete:
            taken += body.feed(bytearray(piece), 0)
    assert body.complete
    assert (bytes(body.content), taken) == (b"".join(chunks), len(wire))


@pytest.mark.parametrize(
    ("unit", "chunk_bytes"), [(b"\r\n\r\n", 65536), (b"0\r\n\r\n", 65536), (b"x", 16)], ids=["blank", "end", "small"]
)
def test_a_mebibyte_in_chunks_is_read_quickly_whatever_it_looks_like(unit: bytes, chunk_bytes: int) -> None:
    content = unit * (1024 * 1024 // len(unit))
    chunks = [content[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes)]
    wire = bytearray(post_in_chunks(chunks).partition(b"\r\n\r\n")[2])
    costs_s = []
    for _ in range(3):
        body = ChunkedBody(Limits())
        began_s = time.process_time()
        assert body.feed(wire, 0) == len(wire)
        costs_s.append(time.process_time() - began_s)
        assert bytes(body.content) == content
    # about 0.1 s in the smallest chunks; a look at each blank line alone would take a second
    assert min(costs_s) < 0.5


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"3\r\nabcd\r\n", "longer than its size"),
        (b"x\r\n", "not a chunk size"),
        (b"0\r\nno trailer\r\n\r\n", "not a trailer"),
        (b"0\r\nX: a\rb\r\n\r\n", "not a trailer"),
        (b"0\r\n X: folded\r\n\r\n", "not a trailer"),
        (b"f" * 17 + b"\r\n", "not a chunk size"),
    ],
)
def test_a_malformed_chunk_is_told_from_any_cut(sent: bytes, message: str) -> None:
    for pieces in ([sent], cut(sent, range(len(sent)))):
        with pytest.raises(RequestError, match=message) as failure:
            _feed_all(ChunkedBody(Limits()), pieces)
        assert failure.value.status == 400


def _feed_all(body: ChunkedBody, pieces: list[bytes]) -> None:
    for piece in pieces:
        body.feed(bytearray(piece), 0)
