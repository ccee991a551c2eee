"""Traces are read as the curl on this machine writes them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookctl.captures.curltrace import read_curl_trace
from hookctl.captures.form import Document, NotThisForm
from hookctl.model import Capture, Unreadable
from tests.captures.toolservers import capture, dumper, one, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.captures.toolservers import Dumper

BODY = b'{"type":"order.paid","name":"Zo\xc3\xab","lines":"a\r\nb\nc"}\r\n'


def read(data: bytes) -> list[Capture | Unreadable]:
    return list(read_curl_trace(Document(data, "trace.txt", Path())))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumper]:
    with dumper(tmp_path_factory.mktemp("dump")) as running:
        yield running


def trace(folder: Path, option: str, *arguments: str, body: bytes = BODY) -> bytes:
    file = folder / "trace.txt"
    file.unlink(missing_ok=True)
    command = [program("curl"), "-q", "-sS", "--noproxy", "*", option, str(file), "--data-binary", "@-", *arguments]
    subprocess.run(command, input=body, capture_output=True, check=True, timeout=30)
    return file.read_bytes()


BODIES = {
    "json": BODY,
    "one byte": b"\n",
    "sixteen": b"0123456789abcdef",
    "seventeen": b"0123456789abcdefg",
    "all bytes": bytes(range(256)),
    "hex text": b"48 65 6c 6c 6f 20 48 65 6c 6c 6f 20 48 65 6c 6c 6f 20 48 65 6c 6c 6f 20 ",
    "large": bytes(range(256)) * 600,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("more", [(), ("--trace-time",)], ids=["plain", "time"])
def test_a_trace_holds_the_body_byte_for_byte(
    server: Dumper, tmp_path: Path, body: bytes, more: tuple[str, ...]
) -> None:
    found = one(read(trace(tmp_path, "--trace", *more, "-H", "X-Odd-CASE: v", f"{server.url}/hook?a=b", body=body)))
    assert (found.body, found.notes) == (body, ())
    assert (found.method, found.target, found.http_version) == ("POST", "/hook?a=b", "1.1")
    assert (b"X-Odd-CASE", b"v") in found.headers
    assert found.response is not None
    assert (found.response.status, found.response.body) == (200, b"taken")
    assert found.source == "trace.txt"


TEXT = st.text("".join(map(chr, range(32, 127))).replace(".", ""), max_size=150).map(str.encode)
LINES = st.lists(TEXT | st.just(b"x" * 62) | st.just(b"x" * 63) | st.just(b"x" * 64) | st.just(b""), max_size=6)


@given(LINES.map(b"\r\n".join))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_printable_text_in_lines_survives_a_trace_in_ascii(server: Dumper, tmp_path: Path, body: bytes) -> None:
    found = one(read(trace(tmp_path, "--trace-ascii", f"{server.url}/hook", body=body)))
    assert (found.body, found.notes) == (body, ())


def test_what_a_trace_in_ascii_cannot_show_is_noted(server: Dumper, tmp_path: Path) -> None:
    found = one(read(trace(tmp_path, "--trace-ascii", "--trace-time", f"{server.url}/hook")))
    assert found.body == re.sub(rb"[^ -~\r\n]|(?<!\r)\n", b".", BODY)
    [note] = found.notes
    assert "as a dot" in note


@pytest.mark.parametrize("option", ["--trace", "--trace-ascii"])
def test_an_upload_in_chunks_is_put_together(server: Dumper, tmp_path: Path, option: str) -> None:
    body = b"a\r\nb\r\n"
    found = one(read(trace(tmp_path, option, "-H", "Transfer-Encoding: chunked", f"{server.url}/hook", body=body)))
    assert (found.body, found.notes) == (body, ())


@pytest.mark.parametrize("option", ["--trace", "--trace-ascii"])
def test_several_requests_and_redirects_are_told_apart(server: Dumper, tmp_path: Path, option: str) -> None:
    again = (f"{server.url}/away", "-L", "--next", "-d", "more", f"{server.url}/last")
    found = [capture(part) for part in read(trace(tmp_path, option, *again, body=b"one"))]
    assert [part.target for part in found] == ["/away", "/there", "/last"]
    assert [part.body for part in found] == [b"one", b"", b"more"]
    assert [part.response.status for part in found if part.response] == [302, 200, 200]
    assert [part.source for part in found] == ["trace.txt#1", "trace.txt#2", "trace.txt#3"]


def test_a_body_behind_an_interim_answer_is_read(server: Dumper, tmp_path: Path) -> None:
    found = one(read(trace(tmp_path, "--trace", "-H", "Expect: 100-continue", f"{server.url}/hook")))
    assert found.body == BODY
    assert found.response is not None
    assert found.response.status == 200


def test_transfers_that_ran_at_once_are_told_apart_by_their_ids() -> None:
    # as curl 8.2 and later write them with --trace-ids; the one on this machine may be older
    def record(number: int, what: bytes, text: bytes) -> bytes:
        rows = b"".join(
            b"%04x: %s %s\n" % (at, text[at : at + 16].hex(" ").ljust(47).encode(), b"." * len(text[at : at + 16]))
            for at in range(0, len(text), 16)
        )
        return b"12:00:00.000001 [%d-%d] %s, %d bytes (0x%x)\n%s" % (number, number, what, len(text), len(text), rows)

    head = b"POST /%d HTTP/1.1\r\nHost: h\r\n\r\n"
    data = b"12:00:00.000000 [0-x] == Info:   Trying\n"
    data += record(0, b"=> Send header", head % 0) + record(1, b"=> Send header", head % 1)
    data += record(1, b"=> Send data", b"second") + record(0, b"=> Send data", b"first")
    data += record(1, b"<= Recv header", b"HTTP/1.1 201 C\r\n") + record(1, b"<= Recv header", b"\r\n")
    first, second = (capture(part) for part in read(data))
    assert (first.target, first.body, first.response) == ("/0", b"first", None)
    assert (second.target, second.body) == ("/1", b"second")
    assert second.response is not None
    assert second.response.status == 201


def test_a_trace_that_breaks_off_is_unreadable(server: Dumper, tmp_path: Path) -> None:
    whole = trace(tmp_path, "--trace", f"{server.url}/hook")
    start = whole.index(b"=> Send data")
    second_row = whole.index(b"\n0010: ", start)
    [part] = read(whole[: second_row + 1])
    assert isinstance(part, Unreadable)
    line = whole[:start].count(b"\n") + 1
    assert part.message == f"the trace announces {len(BODY)} bytes in line {line} and does not show all of them"


def test_a_trace_in_ascii_that_breaks_off_is_noted(server: Dumper, tmp_path: Path) -> None:
    whole = trace(tmp_path, "--trace-ascii", f"{server.url}/hook", body=b"a\r\nb\r\nc")
    cut = whole.index(b"\n0003: b")
    found = one(read(whole[: cut + 1]))
    assert "announces 7 bytes" in found.notes[0]


def test_windows_line_ends_in_the_trace_do_no_harm(server: Dumper, tmp_path: Path) -> None:
    for option, body in (("--trace", BODY), ("--trace-ascii", b"a\r\nb\r\n" + b"x" * 70)):
        data = trace(tmp_path, option, f"{server.url}/hook", body=body).replace(b"\n", b"\r\n")
        assert one(read(data)).body == body


@pytest.mark.parametrize(
    ("data", "reason", "near"),
    [
        (b"", "it is empty", False),
        (b"POST / HTTP/1.1\n", "its first line does not begin a trace of curl's: 'POST / HTTP/1.1'", False),
        (b"== Info: could not connect\n", "it is a trace of curl's in which no request was sent", True),
    ],
)
def test_what_is_no_trace_says_so(data: bytes, reason: str, near: bool) -> None:
    with pytest.raises(NotThisForm) as raised:
        read(data)
    assert (raised.value.reason, raised.value.near) == (reason, near)


ROWS = st.sampled_from(
    [
        b"=> Send header, 18 bytes (0x12)",
        b"0000: 50 4f 53 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d POST / HTTP/1.1.",
        b"0010: 0a 0d                                           ..",
        b"0000: POST / HTTP/1.1",
        b"0011: A: b",
        b"=> Send data, 4 bytes (0x4)",
        b"0000: abcd",
        b"0004: ",
        b"<= Recv header, 4 bytes (0x4)",
        b"<= Recv data, 0 bytes (0x0)",
        b"[0-0] => Send header, 1 bytes (0x1)",
        b"ffffffffffffffff: x",
        b"",
        b"\xff",
    ]
)


@given(st.lists(ROWS, max_size=12).map(b"\n".join) | st.binary(max_size=60))
@settings(max_examples=300)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for whole in (data, b"== Info: x\n" + data):
        try:
            parts = read(whole)
        except NotThisForm as no:
            assert no.reason  # noqa: PT017 - both ways out are right
        else:
            assert parts
