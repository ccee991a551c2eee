"""What the program behind the server learns of requests that its handler never sees."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from hookctl.receiver import Limits
from tests.receiver.conftest import CLOCK_MS
from tests.receiver.rawclient import RawClient, assert_serves, post, post_in_chunks

if TYPE_CHECKING:
    from hookctl.receiver import Refusal
    from tests.receiver.conftest import Recorder, Serve


@pytest.mark.parametrize(
    ("sent", "status", "sentence", "received"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed request", b"NONSENSE\r\n\r\n"),
        (b"\r\nNONSENSE\r\n\r\n", 400, "malformed request", b"NONSENSE\r\n\r\n"),
        (post(b"x" * 5000)[:-5000], 413, "the body is longer than 4000 bytes", post(b"x" * 5000)[:-5000]),
        (post_in_chunks([b"x" * 4001])[:3000], 413, "the body is longer", post_in_chunks([b"x" * 4001])[:2048]),
        (b"GET /" + b"x" * 16384, 431, "the headers are longer", b"GET /" + b"x" * 2043),
        (post(b"", b"Expect: cake"), 417, "100-continue", post(b"", b"Expect: cake")),
    ],
    ids=["nonsense", "after a line end", "length", "chunks", "head", "expectation"],
)
def test_a_refusal_says_what_came_from_whom_and_what_was_answered(
    sent: bytes, status: int, sentence: str, received: bytes, recorder: Recorder, serve: Serve
) -> None:
    refusals: list[Refusal] = []
    server = serve(recorder, Limits(max_body_bytes=4000), on_refused=refusals.append)
    with RawClient.to(server) as client:
        peer = "{}:{}".format(*client.socket.getsockname())
        client.send(sent)
        answer = client.answer()
        assert client.rest() == b""
    (refusal,) = refusals
    assert (refusal.at_ms, refusal.status, refusal.peer) == (CLOCK_MS, status, peer)
    assert refusal.sentence.startswith(sentence)
    assert refusal.received == received
    assert (answer.status, answer.body) == (status, refusal.sentence.encode() + b"\n")
    assert recorder.requests == []


def test_an_early_end_a_slow_peer_and_one_too_many_are_told(recorder: Recorder, serve: Serve) -> None:
    refusals: list[Refusal] = []
    server = serve(recorder, Limits(max_connections=1, head_deadline_s=0.2), on_refused=refusals.append)
    with RawClient.to(server) as client:
        client.send(b"POST / HT")
        with RawClient.to(server) as refused:
            assert refused.answer().status == 503
        assert client.answer().status == 408
        assert client.rest() == b""
    assert [(refusal.status, refusal.received) for refusal in refusals] == [(503, b""), (408, b"POST / HT")]
    refusals.clear()
    server = serve(recorder, on_refused=refusals.append)
    with RawClient.to(server) as client:
        client.send(post(b"", target=b"/good") + post(b"abc")[:-1])
        client.finish()
        assert [client.answer().status for _ in range(2)] == [200, 400]
    assert [(refusal.status, refusal.received) for refusal in refusals] == [(400, post(b"abc")[:-1])]
    assert recorder.targets == ["/good"]


def test_what_is_served_or_idle_is_no_refusal(recorder: Recorder, serve: Serve) -> None:
    refusals: list[Refusal] = []
    server = serve(recorder, Limits(idle_s=0.1), on_refused=refusals.append)
    with RawClient.to(server) as client:
        client.send(post(b""))
        assert client.answer().status == 200
        assert client.rest() == b""
    assert refusals == []


def test_on_refused_may_fail_and_the_peer_is_answered_all_the_same(
    recorder: Recorder, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Refusal) -> None:
        raise LookupError("no such thing")

    server = serve(recorder, on_refused=broken)
    with caplog.at_level(logging.ERROR, logger="hookctl"), RawClient.to(server) as client:
        client.send(b"NONSENSE\r\n\r\n")
        assert client.answer().status == 400
        assert client.rest() == b""
    assert [record.message for record in caplog.records] == ["on_refused failed"]
    assert_serves(server)
