"""Requests that no server should take, and bytes that are no request at all."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.receiver import BackgroundServer
from tests.receiver.conftest import Recorder
from tests.receiver.rawclient import RawClient, assert_serves, cut, post, post_in_chunks

if TYPE_CHECKING:
    from tests.receiver.conftest import Serve

_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /hook HTTP/1.1", b"Host: a", *lines, b"", body])


def _chunks(body: bytes) -> bytes:
    return _post(b"Transfer-Encoding: chunked", body=body)


_REFUSED: dict[str, tuple[int, bytes]] = {
    "length and coding": (400, _post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    "coding and length": (400, _post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n")),
    "equal lengths": (400, _post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc")),
    "different lengths": (400, _post(b"Content-Length: 3", b"content-length: 4", body=b"abc")),
    "list of lengths": (400, _post(b"Content-Length: 3, 3", body=b"abc")),
    "signed length": (400, _post(b"Content-Length: +3", body=b"abc")),
    "negative length": (400, _post(b"Content-Length: -1")),
    "hexadecimal length": (400, _post(b"Content-Length: 0x3", body=b"abc")),
    "underscored length": (400, _post(b"Content-Length: 1_0", body=b"0123456789")),
    "empty length": (400, _post(b"Content-Length:", body=b"abc")),
    "overflowing length": (400, _post(b"Content-Length: 18446744073709551619", body=b"abc")),
    "other digits": (400, _post("Content-Length: ３".encode(), body=b"abc")),
    "blank before colon": (400, _post(b"Content-Length : 3", body=b"abc")),
    "blank before colon of coding": (400, _post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    "tab before colon": (400, _post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n")),
    "unknown coding": (400, _post(b"Transfer-Encoding: gzip", body=b"abc")),
    "identity": (400, _post(b"Transfer-Encoding: identity", body=b"abc")),
    "misspelt coding": (400, _post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n")),
    "coding before chunked": (501, _post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n")),
    "coding after chunked": (400, _post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n")),
    "chunked twice": (400, _post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n")),
    "codings in two lines": (
        501,
        _post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    "chunked in two lines": (
        400,
        _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    "vertical tab in coding": (400, _post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n")),
    "quoted coding": (400, _post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n")),
    "empty coding": (400, _post(b"Transfer-Encoding:", body=b"0\r\n\r\n")),
    "folded coding": (400, _post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n")),
    "chunked in HTTP/1.0": (400, post_in_chunks([b"abc"]).replace(b"HTTP/1.1", b"HTTP/1.0")),
    "folded header": (400, _post(b"X: a\r\n b")),
    "folded with a tab": (400, _post(b"X: a\r\n\tb")),
    "fold after the request line": (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "bare CR in a value": (400, _post(b"X: a\rb")),
    "bare CR before a header": (400, _post(b"X: a\rTransfer-Encoding: chunked")),
    "bare LF between headers": (400, _post(b"X: a\nY: b")),
    "bare LF at the end": (400, b"GET / HTTP/1.1\r\nHost: a\n\n"),
    "bare LF everywhere": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "NUL in a value": (400, _post(b"X: a\x00b")),
    "control in a value": (400, _post(b"X: a\x01b")),
    "DEL in a value": (400, _post(b"X: a\x7fb")),
    "NUL in a name": (400, _post(b"X\x00Y: a")),
    "blank in a name": (400, _post(b"X Y: a")),
    "no name": (400, _post(b": a")),
    "no colon": (400, _post(b"X")),
    "Latin-1 in a name": (400, _post(b"X\xe9: a")),
    "no Host": (400, b"GET / HTTP/1.1\r\nX: a\r\n\r\n"),
    "no headers": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, _post(b"hOST: b")),
    "two Hosts in HTTP/1.0": (400, b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    "chunk size in words": (400, _chunks(b"three\r\nabc\r\n0\r\n\r\n")),
    "negative chunk size": (400, _chunks(b"-1\r\n\r\n0\r\n\r\n")),
    "chunk size with prefix": (400, _chunks(b"0x3\r\nabc\r\n0\r\n\r\n")),
    "blank after chunk size": (400, _chunks(b"3 \r\nabc\r\n0\r\n\r\n")),
    "no chunk size": (400, _chunks(b"\r\nabc\r\n0\r\n\r\n")),
    "overflowing chunk size": (400, _chunks(b"10000000000000003\r\nabc\r\n0\r\n\r\n")),
    "bare LF after chunk size": (400, _chunks(b"3\nabc\r\n0\r\n\r\n")),
    "bare CR in an extension": (400, _chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n")),
    "bare LF in an extension": (400, _chunks(b"3;a\nb\r\nabc\r\n0\r\n\r\n")),
    "chunk too long": (400, _chunks(b"3\r\nabcd\r\n0\r\n\r\n")),
    "chunk without line end": (400, _chunks(b"3\r\nabc0\r\n\r\n")),
    "bare LF after chunk": (400, _chunks(b"3\r\nabc\n0\r\n\r\n")),
    "malformed trailer": (400, _chunks(b"0\r\nX y\r\n\r\n")),
    "bare LF at the end of chunks": (400, _chunks(b"0\r\n\n")),
    "CONNECT": (400, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "HTTP/0.9 spelt out": (505, b"GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    "HTTP/1.2": (400, b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    "HTTP/2 preface": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/1.10": (400, b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    "HTTP in lower case": (400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    "RTSP": (400, b"GET / RTSP/1.0\r\nHost: a\r\n\r\n"),
    "blank after version": (400, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    "two blanks": (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "tab for blank": (400, b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "blank in target": (400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    "control in target": (400, b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "Latin-1 in target": (400, b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "no target": (400, b"GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    "method in lower case": (400, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "unknown method": (400, b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
}


@pytest.mark.parametrize(("status", "sent"), _REFUSED.values(), ids=_REFUSED.keys())
@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "bytewise"])
def test_it_is_refused_and_nothing_after_it_is_taken(
    status: int, sent: bytes, bytewise: bool, recorder: Recorder, serve: Serve
) -> None:
    server = serve(recorder)
    sent += _SMUGGLED
    with RawClient.to(server) as client:
        client.send(*(cut(sent, range(len(sent))) if bytewise else [sent]))
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert answer.body.endswith(b"\n")
        assert client.rest() == b""
    assert recorder.requests == []
    assert_serves(server)


def test_what_came_before_is_answered_first(recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(post(b"", target=b"/good") + b"NONSENSE\r\n\r\n" + _SMUGGLED)
        assert [client.answer().status for _ in range(2)] == [200, 400]
        assert client.rest() == b""
    assert recorder.targets == ["/good"]


@pytest.mark.parametrize("sent", [_post(b"X: \xff\x80\ttab"), b"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"])
def test_odd_but_valid(sent: bytes, recorder: Recorder, serve: Serve) -> None:
    with RawClient.to(serve(recorder)) as client:
        client.send(sent)
        assert client.answer().status == 200


_GARBAGE = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"\r\n",
                b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\n",
                b"HEAD / HTTP/1.0\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Content-Length: 5\r\n",
                b"Expect: 100-continue\r\n",
                b"Upgrade: x\r\nConnection: upgrade\r\n",
                b"Connection: close\r\n",
                b"5\r\nabcde\r\n",
                b"0\r\n\r\n",
            ]
        ),
    ),
    min_size=1,
    max_size=12,
).map(b"".join)


def test_no_bytes_kill_the_server() -> None:
    failures: list[Exception] = []
    recorder = Recorder()
    with BackgroundServer(recorder, grace_s=0.5, on_error=failures.append) as server:

        @given(garbage=_GARBAGE, places=st.lists(st.integers(min_value=0), max_size=5))
        @settings(max_examples=300, deadline=None)
        def survives(garbage: bytes, places: list[int]) -> None:
            with RawClient.to(server) as client:
                # the server may close as soon as it has seen enough
                with contextlib.suppress(OSError):
                    if garbage:
                        client.send(*cut(garbage, places))
                    client.finish()
                # whatever it was, the conversation ends, in answers or in silence
                ending = client.rest()
                assert not ending or ending.startswith(b"HTTP/1.1 ")
            assert_serves(server)

        survives()
    assert failures == []
