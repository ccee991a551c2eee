"""Requests as Node servers and serverless platforms log them."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures.record import capture_line
from hookctl.captures.requestobject import read_request_line, read_request_objects
from hookctl.model import Capture, Unreadable
from tests.captures.jsoncaptures import (
    RAW_BODY,
    TEXT_BODY,
    captures,
    is_genuine,
    load,
    read,
    read_value,
    refusal,
    spoilt,
    survives,
    unreadable,
)
from tests.captures.toolservers import program

if TYPE_CHECKING:
    from collections.abc import Iterator

DUMPER = Path(__file__).parent / "data" / "dump-request-objects.mjs"
V1 = load("lambda-v1.json")
V2 = load("lambda-v2.json")
NODE = load("node-dump.json")


def one(value: object) -> Capture:
    """Return the only capture in a value."""
    [capture] = captures(read_value(read_request_objects, value))
    return capture


def complaint(value: object) -> Unreadable:
    """Return what is wrong with the only request in a value."""
    [part] = read_value(read_request_objects, value)
    return unreadable(part)


def test_an_event_of_api_gateway_in_format_1() -> None:
    capture = one(V1)
    assert (capture.method, capture.target, capture.http_version) == ("POST", "/webhooks/arky", "1.1")
    assert (capture.received_at_ms, capture.id, capture.body) == (1_704_067_201_250, "id=", TEXT_BODY)
    assert is_genuine(capture)
    assert capture.notes == ()


def test_an_event_of_api_gateway_in_format_2() -> None:
    capture = one(V2)
    assert (capture.method, capture.target, capture.http_version) == ("POST", "/webhooks/arky?source=test", "1.1")
    assert (capture.received_at_ms, capture.id, capture.body) == (1_704_067_201_250, "id", RAW_BODY)
    assert is_genuine(capture)
    assert capture.notes == ()


def test_what_node_servers_log() -> None:
    found = captures(read_value(read_request_objects, NODE))
    assert [capture.body for capture in found] == [TEXT_BODY, RAW_BODY]
    assert [capture.source for capture in found] == ["file#1", "file#2"]
    assert all(is_genuine(capture) for capture in found)
    assert found[0].headers[0] == (b"Host", b"shop.example")


@pytest.fixture
def node_server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Yield the port of a Node server, and the server."""
    with subprocess.Popen([program("node"), str(DUMPER)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline()), server
        server.kill()


@pytest.mark.parametrize("body", [TEXT_BODY, RAW_BODY, b"", b"\xef\xbb\xbf{}\n"])
def test_what_a_real_node_server_logs_is_genuine(body: bytes, node_server: tuple[int, subprocess.Popen[bytes]]) -> None:
    port, server = node_server
    assert server.stdout is not None
    signature = hmac.new(b"key", b"1704067200." + body, hashlib.sha256).hexdigest()
    headers = {"X-Arky-Signature": signature, "X-Arky-Timestamp": "1704067200", "Set-Cookie": "one=1"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/hook?a=1", body, headers)
    connection.getresponse().read()
    connection.close()
    line = server.stdout.readline()
    parts = captures(read(read_request_objects, line))
    assert len(parts) == 5
    lossless = [part for part in parts if part.body == body]
    # toString() keeps nothing of bytes that are not UTF-8 but their places
    assert len(lossless) == (4 if body == RAW_BODY else 5)
    assert all(is_genuine(part, b"key") for part in lossless)
    assert (b"Set-Cookie", b"one=1") in parts[3].headers
    assert {(part.method, part.target, part.http_version) for part in parts} == {("POST", "/hook?a=1", "1.1")}
    for lossy in set(parts) - set(lossless):
        assert any("U+FFFD" in note for note in lossy.notes)


HEADERS = {"a": "1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"headers": {"X-A": "1", "x-b": ["2", "3"]}},
        {"headers": [["X-A", "1"], ["x-b", "2"], ["x-b", "3"]]},
        {"headers": [{"name": "X-A", "value": "1"}, {"name": "x-b", "value": "2"}, {"key": "x-b", "value": "3"}]},
        {"rawHeaders": ["X-A", "1", "x-b", "2", "x-b", "3"], "headers": {"other": "4"}},
        {"multiValueHeaders": {"X-A": ["1"], "x-b": ["2", "3"]}, "headers": {"X-A": "1", "x-b": "3"}},
        {"headers": {"X-A": 1, "x-b": [2, 3], "gone": None, ":path": "/"}},
        {"rawHeaders": [], "headers": {"X-A": "1", "x-b": ["2", "3"]}},
    ],
)
def test_headers_are_read_in_every_form(headers: dict[str, object]) -> None:
    assert one({**headers, "body": ""}).headers == ((b"X-A", b"1"), (b"x-b", b"2"), (b"x-b", b"3"))


@pytest.mark.parametrize(
    "fields",
    [
        {"body": "{}\n"},
        {"data": "{}\n"},
        {"rawBody": "{}\n", "body": {}},
        {"raw_body": "{}\n", "body": {}},
        {"body_b64": "e30K", "body": {}},
        {"bodyBase64": "e30K"},
        {"body": "e30K", "isBase64Encoded": True},
        {"body": "e30K", "encoding": "base64"},
        {"body": {"type": "Buffer", "data": [123, 125, 10]}},
    ],
)
def test_bodies_are_read_in_every_form(fields: dict[str, object]) -> None:
    assert one({"headers": HEADERS, **fields}).body == b"{}\n"


def test_a_body_that_was_parsed_is_unreadable() -> None:
    for body in ({"event": "order.paid"}, [1, 2], {"type": "Buffer"}, {}):
        part = complaint({"headers": HEADERS, "body": body})
        assert part.message == "body is an object that was parsed"
        assert part.hint is not None
        assert "log the body before it is parsed" in part.hint
    assert complaint({"headers": HEADERS, "body": 5}).message == "body is not a text"


def test_a_body_that_was_not_logged_is_unreadable() -> None:
    assert "does not have the body" in complaint({"headers": {"Content-Length": "5"}, "body": None}).message
    assert one({"headers": HEADERS, "body": None}).body == b""


@pytest.mark.parametrize(
    ("request_object", "message"),
    [
        ({"headers": 5, "body": ""}, "headers is not an object"),
        ({"headers": {"a": {}}, "body": ""}, "headers['a'] is not a text"),
        ({"headers": {"\ud800": True}, "body": ""}, "headers['\\ud800'] is not a text"),
        ({"headers": [["a"]], "body": ""}, "headers[0] is not a pair of texts"),
        ({"headers": [["a", "b"], {}], "body": ""}, "headers[1] is not a pair of texts"),
        ({"headers": [{"name": "a"}], "body": ""}, "headers[0].value is missing"),
        ({"headers": ["a"], "body": ""}, "headers[0] is not an object"),
        ({"rawHeaders": ["a"], "body": ""}, "rawHeaders has a name without a value at its end"),
        ({"rawHeaders": ["a", 1], "body": ""}, "rawHeaders[1] is not a text"),
        ({"rawHeaders": {"a": 1}, "body": ""}, "rawHeaders is not a list"),
        ({"headers": HEADERS, "body": "*", "isBase64Encoded": True}, "body has characters that are not base64's"),
        ({"headers": HEADERS, "body_b64": 1}, "body_b64 is not a text"),
        ({"headers": HEADERS, "body": {"type": "Buffer", "data": [1, 256]}}, "body.data[1] is no byte"),
        ({"headers": HEADERS, "body": {"type": "Buffer", "data": [True]}}, "body.data[0] is no byte"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(request_object: dict[str, Any], message: str) -> None:
    assert complaint(request_object).message == message


def test_a_length_that_does_not_fit_gets_a_note() -> None:
    for fields in ({"body": "{}"}, {"body_b64": "e30="}):
        capture = one({"headers": {"content-length": "3"}, **fields})
        assert capture.notes == ("the file has 2 bytes of body, Content-Length says 3",)


def test_a_header_beyond_latin_1_is_utf_8() -> None:
    assert one({"headers": {"a": "€", "b": "ë", "c": "€\udcff", "d": "\ud800"}, "body": ""}).headers == (
        (b"a", "€".encode()),
        (b"b", b"\xeb"),
        (b"c", "€".encode() + b"\xff"),
        (b"d", b"?"),
    )


def test_what_else_is_of_another_type_is_left_out() -> None:
    capture = one({"headers": HEADERS, "body": "", "method": 1, "url": [], "requestContext": "x", "time": 5, "id": 7})
    assert capture == Capture("file", ((b"a", b"1"),), b"")


def test_a_time_in_words_is_read() -> None:
    assert one({"headers": HEADERS, "body": "", "time": "2024-01-01T00:00:01.25Z"}).received_at_ms == 1_704_067_201_250


def test_lines_are_read_one_by_one() -> None:
    part = read_request_line(json.dumps(NODE[1]).encode() + b"\r\n", "log:3")
    assert isinstance(part, Capture)
    assert (part.source, part.body) == ("log:3", RAW_BODY)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "it is no JSON object: column 1: the JSON breaks off, the file is cut short"),
        (b"12:30:01 started", "it is no JSON object: column 3: more follows behind the JSON"),
        (b"[]", "it is not an object"),
        (b"null", "it is not an object"),
        (b"{}", "headers is missing"),
        (b'{"headers":{}}', "it has no body: none of rawBody, raw_body, body_b64, bodyBase64, body, data"),
        (capture_line(Capture("f", (), b"x")), "it is hookctl's own record, not a logged request"),
        (b"[" * 100_000, "it is no JSON object: its JSON is nested too deep"),
    ],
    ids=["empty", "a log line", "a list", "null", "no headers", "no body", "a record", "deep"],
)
def test_a_line_that_is_no_request_says_so(line: bytes, message: str) -> None:
    assert unreadable(read_request_line(line, "log:1")).message == message


def test_parts_of_a_list_that_are_no_requests_are_unreadable() -> None:
    parts = read_value(read_request_objects, [NODE[0], {}, 5])
    assert [part.source for part in parts] == ["file#1", "file#2", "file#3"]
    assert [type(part) for part in parts] == [Capture, Unreadable, Unreadable]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        "x",
        [1],
        {"headers": {}},
        {"body": "x"},
        {"schema": "hookctl.capture/2", "headers": [], "body": ""},
    ],
)
def test_other_json_is_no_request(value: object) -> None:
    assert not refusal(read_request_objects, value).near


@settings(max_examples=200)
@given(st.sampled_from([V1, V2, NODE]).flatmap(spoilt))
def test_any_value_anywhere_is_read_or_refused(value: object) -> None:
    survives(read_request_objects, value)


@settings(max_examples=150)
@given(st.binary(max_size=60))
def test_any_line_is_answered(line: bytes) -> None:
    assert isinstance(read_request_line(line, "s"), Unreadable)


@settings(max_examples=150)
@given(st.binary(max_size=60))
def test_a_body_comes_back_from_a_buffer_and_from_base64(body: bytes) -> None:
    assert one({"headers": HEADERS, "body": {"type": "Buffer", "data": list(body)}}).body == body
    packed = {"headers": HEADERS, "body": b64encode(body).decode(), "isBase64Encoded": True}
    assert one(packed).body == body
