"""hookctl's own record: what is written comes back, and what is broken says where."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookctl.captures.fastrecord import read_well_formed
from hookctl.captures.record import capture_line, read_record_line, read_records
from hookctl.errors import UsageError
from hookctl.model import Capture, CapturedResponse, Unreadable
from tests.captures.jsoncaptures import captures, read, read_value, refusal, spoilt, survives, unreadable
from tests.captures.toolservers import program

FULL = Capture(
    "source",
    ((b"Host", b"localhost"), (b"X-Name", b"Zo\xeb"), (b"x-name", b"")),
    '{"note":"Zoë 🦊"}\r\n'.encode(),
    "POST",
    "/hooks?a=1",
    "1.1",
    1_704_067_201_250,
    "cap_1",
    CapturedResponse(200, ((b"Content-Type", b"text/plain"),), b"\xff"),
    ("a note",),
)
RECORD: dict[str, Any] = json.loads(capture_line(FULL))

_raw_headers = st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=4).map(tuple)
_bodies = st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
_texts = st.none() | st.text(st.characters(exclude_categories=()), max_size=8)
_captures = st.builds(
    Capture,
    source=st.just("source"),
    headers=_raw_headers,
    body=_bodies,
    method=_texts,
    target=_texts,
    http_version=_texts,
    received_at_ms=st.none() | st.integers(0, 253_402_300_799_999),
    id=_texts,
    response=st.none() | st.builds(CapturedResponse, st.integers(100, 999), _raw_headers, _bodies),
    notes=st.lists(st.text(max_size=8), max_size=2).map(tuple),
)


def line(**changes: object) -> bytes:
    """Return a record with keys changed; the ellipsis takes one out."""
    record = {**RECORD, **changes}
    return json.dumps({key: value for key, value in record.items() if value is not ...}).encode()


def complaint(data: bytes) -> str:
    return unreadable(read_record_line(data, "a.ndjson:7")).message


@settings(max_examples=300)
@given(_captures)
@example(FULL)
@example(FULL._replace(target="\ud800"))
@example(FULL._replace(received_at_ms=253_402_300_799_999))
def test_a_capture_comes_back_from_its_line(capture: Capture) -> None:
    written = capture_line(capture)
    assert written.isascii()
    assert b"\n" not in written
    assert read_record_line(written, "source") == capture
    assert captures(read(read_records, written, "source")) == [capture]


@settings(max_examples=100)
@given(_captures)
def test_exactly_one_form_of_the_body_is_written(capture: Capture) -> None:
    record = json.loads(capture_line(capture))
    assert ("body" in record) != ("body_b64" in record)


def test_a_line_is_compact_and_in_a_fixed_order() -> None:
    assert capture_line(Capture("f", ((b"A", b"\xff"),), b"x", received_at_ms=1)) == (
        b'{"schema":"hookctl.capture/1","id":null,"received_at":"1970-01-01T00:00:00.001Z","method":null,"target":null,'
        b'"http_version":null,"headers":[["A","\\u00ff"]],"body":"x","response":null}'
    )


def test_node_reads_the_same_bytes() -> None:
    script = """
      const {headers, body, response} = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
      const raw = headers.map((pair) => pair.map((text) => Buffer.from(text, "latin1").toString("hex")));
      const answer = Buffer.from(response.body_b64, "base64").toString("hex");
      console.log(JSON.stringify([raw, Buffer.from(body).toString("hex"), answer]));
    """
    done = subprocess.run([program("node"), "-e", script], input=capture_line(FULL), capture_output=True, check=True)
    pairs = [[name.hex(), value.hex()] for name, value in FULL.headers]
    assert json.loads(done.stdout) == [pairs, FULL.body.hex(), "ff"]


def test_a_time_that_the_record_cannot_hold_is_not_written() -> None:
    with pytest.raises(UsageError):
        capture_line(FULL._replace(received_at_ms=-1))


def test_what_the_writer_makes_takes_the_quick_way() -> None:
    assert read_well_formed(capture_line(FULL), "source") == FULL


@pytest.mark.parametrize(
    "data",
    [
        line(extra={"deep": [1, {}]}, schema_note=10**30),
        line(id=...).replace(b"{", b'{"huge":' + b"9" * 5000 + b",", 1),
        line().replace(b"{", b'{"half":"\\ud800",', 1),
        b"\xef\xbb\xbf" + line() + b"\r\n",
        b" " + line() + b" ",
    ],
    ids=["unknown keys", "a huge integer", "half a surrogate pair", "byte order mark", "white space"],
)
def test_what_json_allows_is_read(data: bytes) -> None:
    part = read_record_line(data, "s")
    assert isinstance(part, Capture), part
    assert part.body == FULL.body


def test_keys_that_are_not_known_may_be_null_or_left_out() -> None:
    keys = ("id", "received_at", "method", "target", "http_version", "response", "notes")
    bare = Capture("s", FULL.headers, FULL.body)
    assert read_record_line(line(**dict.fromkeys(keys)), "s") == bare
    assert read_record_line(line(**dict.fromkeys(keys, ...)), "s") == bare


def test_a_time_may_have_another_zone_and_finer_parts() -> None:
    part = read_record_line(line(received_at="2024-01-01T01:00:01.250999999+01:00"), "s")
    assert isinstance(part, Capture)
    assert part.received_at_ms == FULL.received_at_ms


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"headers": [["a", "b"], ["a", 1]]}, "headers[1] is not a pair of texts"),
        ({"headers": [["a"]]}, "headers[0] is not a pair of texts"),
        ({"headers": {}}, "headers is not a list"),
        ({"headers": ...}, "headers is missing"),
        ({"headers": [["a", "€"]]}, "headers[0] has a character beyond Latin-1, which no header can hold"),
        ({"body": 5}, "body is not a text"),
        ({"body": ...}, "one of body and body_b64 has to be there: neither is"),
        ({"body_b64": ""}, "one of body and body_b64 has to be there: both are"),
        ({"body": None, "body_b64": "AA=A"}, "body_b64 has characters that are not base64's"),
        ({"method": 1}, "method is not a text"),
        ({"id": ["x"]}, "id is not a text"),
        ({"received_at": "yesterday"}, "received_at is not a time such as 2026-01-31T12:00:00.000Z, from 1970 to 9999"),
        (
            {"received_at": "2024-01-01T00:00:00"},
            "received_at is not a time such as 2026-01-31T12:00:00.000Z, from 1970 to 9999",
        ),
        (
            {"received_at": "9999-12-31T23:59:59-01:00"},
            "received_at is not a time such as 2026-01-31T12:00:00.000Z, from 1970 to 9999",
        ),
        ({"response": 3}, "response is not an object"),
        ({"response": {"status": True, "headers": [], "body": ""}}, "response.status is not an integer"),
        ({"response": {"status": 200, "headers": [], "body_b64": 1}}, "response.body_b64 is not a text"),
        ({"response": {"status": 200, "headers": [0], "body": ""}}, "response.headers[0] is not a pair of texts"),
        ({"notes": ["a", 1]}, "notes[1] is not a text"),
        ({"schema": "hookctl.capture/2"}, "its schema is version '2' of the record, this hookctl reads version 1"),
        ({"schema": "something/1"}, 'it has no "schema":"hookctl.capture/1"'),
        ({"schema": ...}, 'it has no "schema":"hookctl.capture/1"'),
    ],
)
def test_what_is_wrong_is_named_with_its_key(changes: dict[str, object], message: str) -> None:
    assert complaint(line(**changes)) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is no record: column 1: the JSON breaks off, the file is cut short"),
        (
            b'{"schema":"hookctl.capture/1","headers":[["a',
            "it is no record: column 43: the JSON breaks off, the file is cut short",
        ),
        (b"[]", "it is no record: it is not an object"),
        (b"null", "it is no record: it is not an object"),
        (b'{"schema":"\xff"}', "it is no record: it is not UTF-8, invalid start byte"),
        (b"[" * 100_000, "it is no record: its JSON is nested too deep"),
        (b'{"schema":' * 100_000, "it is no record: its JSON is nested too deep"),
    ],
    ids=["empty", "cut short", "a list", "null", "not UTF-8", "deep", "deep in a key"],
)
def test_a_line_that_is_no_record_says_so(data: bytes, message: str) -> None:
    assert complaint(data) == message


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_any_line_is_answered(data: bytes) -> None:
    assert isinstance(read_record_line(data, "s"), Unreadable)


@settings(max_examples=200)
@given(spoilt(RECORD))
def test_the_quick_way_and_the_slow_one_agree(value: object) -> None:
    data = json.dumps(value).encode()
    quick = read_well_formed(data, "s")
    part = read_record_line(data, "s")
    if quick is not None:
        assert quick == part
        assert captures(read(read_records, data, "s")) == [quick]
    elif not isinstance(part, Capture):
        assert part.message.isprintable()


@settings(max_examples=200)
@given(spoilt([RECORD, RECORD]))
def test_any_value_anywhere_is_read_or_refused(value: object) -> None:
    survives(read_records, value)


def test_a_list_of_records_is_numbered() -> None:
    good, bad = RECORD, {**RECORD, "headers": 1}
    parts = read_value(read_records, [good, bad, 7])
    assert [part.source for part in parts] == ["file#1", "file#2", "file#3"]
    assert [type(part) for part in parts] == [Capture, Unreadable, Unreadable]


@pytest.mark.parametrize("value", [None, [], {}, [{}], {"schema": 1}, {"schema": "x"}, "hookctl.capture/1"])
def test_other_json_is_no_record(value: object) -> None:
    assert not refusal(read_records, value).near
