"""What ngrok's inspector answers."""

from __future__ import annotations

import copy
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings

from hookctl.captures.ngrok import read_ngrok
from hookctl.model import CapturedResponse
from tests.captures.jsoncaptures import (
    RAW_BODY,
    TEXT_BODY,
    captures,
    is_genuine,
    load,
    read_value,
    refusal,
    spoilt,
    survives,
    unreadable,
)

ANSWER = load("ngrok.json")
NEWEST, VISIT, OLDEST = ANSWER["requests"]


def with_raw(raw: bytes | str | None, part: str = "request", **changes: object) -> dict[str, Any]:
    """Return the oldest request with other raw bytes, and fields of the request changed."""
    entry: dict[str, Any] = copy.deepcopy(OLDEST)
    entry[part]["raw"] = b64encode(raw).decode() if isinstance(raw, bytes) else raw
    entry["request"].update(changes)
    return entry


def complaint(entry: object) -> str:
    [part] = read_value(read_ngrok, entry)
    return unreadable(part).message


def test_the_list_is_read_in_its_order() -> None:
    found = captures(read_value(read_ngrok, ANSWER))
    assert [capture.source for capture in found] == ["file#1", "file#3"]
    assert [capture.body for capture in found] == [RAW_BODY, TEXT_BODY]
    assert [capture.id for capture in found] == ["airs_3", "airs_1"]
    assert [capture.received_at_ms for capture in found] == [1_704_067_202_250, 1_704_067_201_250]
    assert all(is_genuine(capture) for capture in found)
    assert not any(capture.notes for capture in found)


def test_a_single_request_is_read() -> None:
    [capture] = captures(read_value(read_ngrok, OLDEST))
    assert (capture.source, capture.method, capture.http_version) == ("file", "POST", "1.1")
    assert capture.target == "/webhooks/arky?source=test"
    assert capture.response == CapturedResponse(200, ((b"Content-Length", b"2"),), b"ok")


def test_the_list_alone_is_read() -> None:
    assert len(captures(read_value(read_ngrok, ANSWER["requests"]))) == 2
    assert len(captures(read_value(read_ngrok, {"requests": ANSWER["requests"]}))) == 2


def test_header_lines_are_those_of_the_raw_bytes() -> None:
    raw = b"POST / HTTP/1.1\r\nx-A: 1\r\nX-a: 2\r\nContent-Length: 1\r\n\r\nx"
    [capture] = captures(read_value(read_ngrok, with_raw(raw)))
    assert capture.headers == ((b"x-A", b"1"), (b"X-a", b"2"), (b"Content-Length", b"1"))


def test_a_body_that_looks_like_requests_is_one_body() -> None:
    body = b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n###\r\n"
    for length in (b"", b"Content-Length: %d\r\n" % len(body)):
        [capture] = captures(read_value(read_ngrok, with_raw(b"POST / HTTP/1.1\r\n" + length + b"\r\n" + body)))
        assert capture.body == body


def test_chunks_are_put_together() -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    [capture] = captures(read_value(read_ngrok, with_raw(head + b"2\r\n{}\r\n1\r\n\n\r\n0\r\n\r\n")))
    assert (capture.body, capture.notes) == (b"{}\n", ())
    [capture] = captures(read_value(read_ngrok, with_raw(head + b'{"a":1}')))
    assert capture.body == b'{"a":1}'
    assert "not in whole chunks" in capture.notes[0]


def test_a_body_that_ngrok_cut_short_is_unreadable() -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: 20000\r\n\r\n"
    assert complaint(with_raw(head + b"x" * 10_240)) == "ngrok kept only 10240 of the body's 20000 bytes"
    assert complaint(with_raw(head)) == "ngrok kept only 0 of the body's 20000 bytes"


def test_more_body_than_announced_gets_a_note() -> None:
    [capture] = captures(read_value(read_ngrok, with_raw(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nxyz")))
    assert capture.notes == ("the file has 3 bytes of body, Content-Length says 1",)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (with_raw(None), "ngrok did not keep the raw request (request.raw)"),
        (with_raw(""), "ngrok did not keep the raw request (request.raw)"),
        (with_raw("*"), "request.raw has characters that are not base64's"),
        (with_raw(b"hello"), "request.raw is no HTTP request: a line of it is no header"),
        (with_raw(b"A: b\r\n\r\n"), "request.raw is no HTTP request: it does not begin with a request line"),
        (with_raw(b"HTTP/1.1 200 OK\r\n\r\n"), "request.raw is no HTTP request: it does not begin with a request line"),
        (with_raw(b"x", method=None), "request.method is missing"),
        ([OLDEST, "x"], "the entry is not an object"),
    ],
)
def test_what_is_wrong_is_named(entry: object, message: str) -> None:
    part = read_value(read_ngrok, entry)[-1]
    assert unreadable(part).message == message


def test_a_broken_response_does_not_cost_the_request() -> None:
    for raw in (b"no head", "*"):
        [capture] = captures(read_value(read_ngrok, with_raw(raw, "response")))
        assert is_genuine(capture)
        assert capture.response is None
        assert capture.notes[0].startswith("the response was left out: ")


def test_a_response_without_raw_bytes_has_the_listed_headers() -> None:
    [capture] = captures(read_value(read_ngrok, with_raw("", "response")))
    assert capture.response == CapturedResponse(200, ((b"Content-Length", b"2"),), b"")


def test_an_inspector_without_deliveries_is_a_near_miss() -> None:
    error = refusal(read_ngrok, {"uri": "/api/requests/http", "requests": []})
    assert (error.reason, error.near) == ("it has no requests", True)
    error = refusal(read_ngrok, VISIT)
    assert (error.reason, error.near) == ("it has one request, without a body", True)
    assert refusal(read_ngrok, {"uri": "/api/requests/http", "requests": {}}).near


@pytest.mark.parametrize("value", [None, [], {}, {"requests": []}, {"requests": [{}]}, {"request": {}}, "x", [1]])
def test_other_json_is_not_ngroks(value: object) -> None:
    assert not refusal(read_ngrok, value).near


@settings(max_examples=200)
@given(spoilt(ANSWER))
def test_any_value_anywhere_is_read_or_refused(value: object) -> None:
    survives(read_ngrok, value)
