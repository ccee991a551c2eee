"""Raw HTTP is read byte for byte, whoever wrote it down."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.captures.form import Document, NotThisForm
from hookctl.captures.rawhttp import read_http
from hookctl.model import Capture, Unreadable
from tests.captures.toolservers import capture, dumper, one, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.captures.toolservers import Dumper

BODY = b'{"type":"order.paid","total":2999}'


def read(data: bytes) -> list[Capture | Unreadable]:
    return list(read_http(Document(data, "dump.http", Path())))


def message(body: bytes, *headers: bytes, line: bytes = b"POST /hook HTTP/1.1", end: bytes = b"\r\n") -> bytes:
    return end.join([line, *headers, b"", b""]) + body


def with_length(body: bytes) -> bytes:
    return message(body, b"Content-Length: %d" % len(body))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumper]:
    with dumper(tmp_path_factory.mktemp("dump")) as running:
        yield running


def curl(*arguments: str | bytes, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        [program("curl"), "-q", "-sS", "--noproxy", "*", *arguments], input=stdin, capture_output=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "body",
    [BODY, b"", b"\n", b"a\r\n", b"\xef\xbb\xbf{}\n", b"\xff", bytes(range(256)), b"x\n\nPOST / HTTP/1.1\r\n\r\n"],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_servers_own_dump_gives_the_body_that_curl_sent(server: Dumper, body: bytes, chunked: bool) -> None:
    # without a length, only the end of the file can end such a body
    if chunked and b"HTTP/1.1" in body:
        body = body.replace(b"\n\nPOST", b"\nPOST")
    transfer = ["-H", "Transfer-Encoding: chunked"] if chunked else []
    curl(*transfer, "-H", "X-Odd-CASE:  v ", "--data-binary", "@-", f"{server.url}/hook?a=b", stdin=body)
    found = one(read(server.take()))
    assert found.body == body
    assert (found.method, found.target, found.http_version) == ("POST", "/hook?a=b", "1.1")
    assert (b"X-Odd-CASE", b"v") in found.headers
    assert found.source == "dump.http"


def test_a_body_of_a_dump_has_the_signature_that_openssl_gives_it(server: Dumper) -> None:
    signed = subprocess.run(
        [program("openssl"), "dgst", "-sha256", "-hmac", "key", "-r"], input=BODY, capture_output=True, check=True
    )
    signature = signed.stdout.split()[0].decode()
    curl("-H", f"x-arky-signature: {signature}", "--data-binary", BODY, f"{server.url}/hook")
    found = one(read(server.take()))
    again = subprocess.run(
        [program("openssl"), "dgst", "-sha256", "-hmac", "key", "-r"], input=found.body, capture_output=True, check=True
    )
    assert dict(found.headers)[b"x-arky-signature"] == again.stdout.split()[0]


def test_a_file_that_a_server_appended_several_requests_to_holds_them_all(server: Dumper) -> None:
    bodies = [b"one", b"two\n", b"POST / HTTP/1.1\r\n\r\n", b"\r\n\r\n"]
    for body in bodies:
        curl("--data-binary", "@-", f"{server.url}/hook", stdin=body)
    found = [capture(part) for part in read(server.take())]
    assert [part.body for part in found] == bodies
    assert [part.source for part in found] == [f"dump.http#{number}" for number in (1, 2, 3, 4)]
    assert all(not part.notes for part in found)


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.sampled_from([b"", b"\n", b"\r\n\r\n", b"\n\n\n"]))
@settings(max_examples=60)
def test_with_a_length_any_bodies_are_kept(bodies: list[bytes], between: bytes) -> None:
    found = [capture(part) for part in read(between.join(map(with_length, bodies)))]
    assert [part.body for part in found] == bodies


@given(st.binary(max_size=300))
@example(b"\r\n\r\n\xff")
@settings(max_examples=60)
def test_the_only_body_without_a_length_is_all_the_rest(body: bytes) -> None:
    if b"HTTP/" not in body:
        found = one(read(message(body, b"A: b")))
        assert (found.body, found.notes) == (body, ())


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5), st.booleans())
@settings(max_examples=60)
def test_chunks_are_put_together(pieces: list[bytes], extended: bool) -> None:
    extension = b";name=value" if extended else b""
    wire = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    trailer = b"X-Trailer: 1\r\n" if extended else b""
    head = message(b"", b"Transfer-Encoding: chunked")
    found = [capture(part) for part in read((head + wire + b"0\r\n" + trailer + b"\r\n") * 2)]
    assert [part.body for part in found] == [b"".join(pieces)] * 2
    assert all(part.notes == () for part in found)


def test_a_body_that_is_not_in_chunks_though_said_to_be_is_taken_as_it_is() -> None:
    found = one(read(message(BODY, b"Transfer-Encoding: chunked")))
    assert found.body == BODY
    assert found.notes == ("Transfer-Encoding says chunked, but the body is not in chunks: it was taken as it stands",)


@pytest.mark.parametrize("said", [b"3", b"33", b"35", b"500", b"abc", b"9" * 5000])
def test_a_length_that_lies_is_noted_and_the_body_goes_on_to_the_end(said: bytes) -> None:
    found = one(read(message(BODY, b"Content-Length: " + said)))
    assert found.body == BODY
    [note] = found.notes
    assert note.startswith("Content-Length says ")
    assert note.endswith(f", the body has {len(BODY)} bytes")


def test_after_a_length_that_lies_the_next_request_is_found() -> None:
    first = message(b"a\r\nb\r\nc", b"Content-Length: 5")
    found = [capture(part) for part in read(first + b"\r\n" + with_length(BODY))]
    assert [part.body for part in found] == [b"a\r\nb\r\nc", BODY]
    assert found[0].notes == ("Content-Length says 5, the body has 7 bytes",)


def test_line_ends_behind_a_body_of_the_right_length_are_not_its_own() -> None:
    assert one(read(with_length(BODY) + b"\n\r\n")).body == BODY


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize(
    "between", [b"\n\n", b"\r\n\r\n", b"\n\n###\n", b"\n###\n\n", b"\n-----\n", b"\n\n=== 2 ===\n"]
)
def test_without_lengths_requests_are_told_apart_by_what_stands_between(end: bytes, between: bytes) -> None:
    found = [capture(part) for part in read(message(b"one\nmore", end=end) + between + message(b"two\n", end=end))]
    assert [part.body for part in found] == [b"one\nmore", b"two\n"]
    assert len(found[0].notes) == 1
    assert found[1].notes == ()


def test_a_request_line_inside_a_body_without_a_blank_line_before_it_is_body() -> None:
    assert one(read(message(b"see\nPOST / HTTP/1.1\nabove"))).body == b"see\nPOST / HTTP/1.1\nabove"


def test_mixed_line_ends_odd_cases_folded_lines_and_white_space_are_read() -> None:
    headers = b"HOST: h\r\nx-A : \t1 \n folded\r\n\ton\nX-a:2\nEmpty:\r\n\r\n"
    data = b"\r\n\nPOST http://h.example/hook?x=1 HTTP/1.0\n" + headers + b"body"
    found = one(read(data))
    assert found.headers == ((b"HOST", b"h"), (b"x-A", b"1 folded on"), (b"X-a", b"2"), (b"Empty", b""))
    assert (found.method, found.target, found.http_version) == ("POST", "http://h.example/hook?x=1", "1.0")
    assert found.body == b"body"


def test_http_2_written_as_text_is_read() -> None:
    assert one(read(message(b"b", line=b"POST /hook HTTP/2"))).http_version == "2"


def test_a_head_without_a_request_line_is_read() -> None:
    found = one(read(b"x-arcade-signature: abc\nContent-Type: application/json\n\n{}\n"))
    assert (found.method, found.target, found.http_version) == (None, None, None)
    assert found.headers == ((b"x-arcade-signature", b"abc"), (b"Content-Type", b"application/json"))
    assert found.body == b"{}\n"


def test_an_editors_file_of_requests_is_read() -> None:
    data = b"# @name first\nPOST http://localhost:3000/hook\nA: 1\n\n{}\n\n### second\n// why\nGET /x HTTP/1.1\nB: 2\n"
    first, second = (capture(part) for part in read(data))
    assert (first.method, first.target, first.body) == ("POST", "http://localhost:3000/hook", b"{}")
    assert (second.method, second.target, second.body) == ("GET", "/x", b"")


def test_a_response_belongs_to_the_request_before_it() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    data = with_length(BODY) + b"\n" + interim + answer + b"\n\n" + with_length(b"x") + b"HTTP/1.1 204 No\r\n\r\n"
    first, second = (capture(part) for part in read(data))
    assert first.body == BODY
    assert first.response is not None
    assert (first.response.status, first.response.body) == (200, b"ok")
    assert first.response.headers == ((b"Content-Length", b"2"),)
    assert second.response is not None
    assert second.response.status == 204


def test_a_response_without_a_request_is_unreadable() -> None:
    lone, after = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\n" + with_length(BODY))
    assert isinstance(lone, Unreadable)
    assert lone.message.startswith("line 1 is a response")
    assert capture(after).body == BODY


def test_a_broken_message_does_not_take_the_others_with_it() -> None:
    broken = b"POST / HTTP/1.1\r\nA: b\r\nno colon here\r\n\r\nbody\r\n"
    first, second, third = read(with_length(b"1") + broken + with_length(b"3"))
    assert capture(first).body == b"1"
    assert isinstance(second, Unreadable)
    assert second.source == "dump.http#2"
    assert second.message == "line 6 has no colon after a header's name: 'no colon here'"
    assert capture(third).body == b"3"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no request stands in it"),
        (b"\n\n", "no request stands in it"),
        (b'{"a": 1}', "line 1 is neither a request line nor a header: '{\"a\": 1}'"),
        (b"\nA: b\n" + b"word " * 20, "line 3 is neither a request line nor a header: '" + "word " * 7 + "wo...'"),
        (b"A: b\nC: d\n", "line 1 begins a head that no blank line ends: 'A: b'"),
        (b"12:00:01 GET\n\n", "line 1 is neither a request line nor a header: '12:00:01 GET'"),
        (b"curl -d x https://h/\n", "line 1 is neither a request line nor a header: 'curl -d x https://h/'"),
        (b"\xff\n", "line 1 is neither a request line nor a header: '\\xff'"),
    ],
)
def test_what_is_no_http_says_where_it_gives_up(data: bytes, reason: str) -> None:
    with pytest.raises(NotThisForm) as raised:
        read(data)
    assert raised.value.reason == reason


LINES = st.sampled_from(
    [
        b"POST / HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"A: b",
        b" folded",
        b"###",
        b"-----",
        b"",
        b"5",
        b"0",
        b"hello",
        b"\xff",
    ]
)


@given(st.binary(max_size=200) | st.lists(LINES, max_size=25).map(b"\r\n".join) | st.lists(LINES).map(b"\n".join))
@settings(max_examples=300)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        parts = read(data)
    except NotThisForm as no:
        assert no.reason  # noqa: PT017 - both ways out are right
    else:
        assert parts


@pytest.mark.parametrize(
    "piece",
    [
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n33\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx\n",
        b"POST / HTTP/1.1\r\nbroken\r\n",
        b"POST / HTTP/1.1\r\n\r\nx\nGET / HTTP/1.1\n",
        b"###\n\n",
        b"A: b\n folded\n",
        b"POST / HTTP/1.1\n",
        b"A",
        b"\n",
    ],
)
def test_four_times_as_much_takes_no_more_than_about_four_times_as_long(piece: bytes) -> None:
    def seconds(data: bytes) -> float:
        # collecting garbage takes as long as the whole test run has objects
        gc.collect()
        gc.disable()
        try:
            begin = time.process_time()
            with contextlib.suppress(NotThisForm):
                read(data)
            return time.process_time() - begin
        finally:
            gc.enable()

    small = b"POST / HTTP/1.1\r\n" + piece * (100_000 // len(piece))
    large = b"POST / HTTP/1.1\r\n" + piece * (400_000 // len(piece))
    # quadratic work would take sixteen times as long
    assert min(seconds(large) for _ in range(3)) < 10 * min(seconds(small) for _ in range(3)) + 0.05
