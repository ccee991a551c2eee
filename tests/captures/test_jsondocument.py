"""JSON documents: what is refused says where, and texts become the bytes they stand for."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.captures.form import NotThisForm
from hookctl.captures.jsondocument import base64_to_bytes, parse_json, text_to_bytes


def reason(data: bytes) -> str:
    with pytest.raises(NotThisForm) as caught:
        parse_json(data)
    return caught.value.reason


def test_byte_order_marks_are_allowed() -> None:
    for data in (
        b'\xef\xbb\xbf{"a":"\xc3\xab"}',
        '{"a":"ë"}'.encode("utf-16"),
        b"\xfe\xff" + '{"a":"ë"}'.encode("utf-16-be"),
    ):
        assert parse_json(data) == {"a": "ë"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"log": {"entries": [\n{"a": "unfini', "line 2, column 7: the JSON breaks off, the file is cut short"),
        (b'{"log": [\n', "line 2, column 1: the JSON breaks off, the file is cut short"),
        (b'{"a": 1}\n{"a": 2}', "line 2, column 1: more follows behind the JSON"),
        (b"{'a': 1}", "line 1, column 2: expecting property name enclosed in double quotes"),
        (b'{"a":\n "\xff"}', "line 2: it is not UTF-8, invalid start byte"),
        (b"\xff\xfe{", "line 1: it is not UTF-16, truncated data"),
        (b'{"a": NaN}', "NaN stands in it, which is not JSON"),
        (b'{"a": -Infinity}', "-Infinity stands in it, which is not JSON"),
        (b"", "line 1, column 1: the JSON breaks off, the file is cut short"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(data: bytes, said: str) -> None:
    assert reason(data) == said


def test_depth_without_end_is_refused() -> None:
    for data in (b"[" * 200_000, b'{"a":' * 200_000):
        assert reason(data) == "its JSON is nested too deep"


def test_a_huge_integer_is_no_trouble() -> None:
    assert parse_json(b"[" + b"9" * 5000 + b",-12]") == [float("inf"), -12]


def test_of_repeated_keys_the_last_counts() -> None:
    assert parse_json(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize(
    ("data", "near"), [(b' {\n"a', True), (b'[ {"a', True), (b"{a}", False), (b"[1", False), (b"x", False)]
)
def test_only_what_begins_as_json_does_is_a_near_miss(data: bytes, near: bool) -> None:
    with pytest.raises(NotThisForm) as caught:
        parse_json(data)
    assert caught.value.near is near


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=40), st.text('{}[]",:\\u19dEe+-.nul ', max_size=40).map(str.encode)))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    said = ""
    with contextlib.suppress(NotThisForm):
        said = f"{parse_json(data)!a}"
    assert said.isprintable()


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_bytes_written_with_surrogateescape_come_back(body: bytes) -> None:
    assert text_to_bytes(body.decode("utf-8", "surrogateescape")) == (body, None)


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    body, note = text_to_bytes("a\ud83d\udcffb\udd00")
    assert body == b"a\xef\xbf\xbd\xffb\xef\xbf\xbd"
    assert note is not None


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_base64_comes_back_with_line_ends_and_without_padding(body: bytes) -> None:
    text = base64.b64encode(body).decode()
    assert base64_to_bytes(text) == body
    assert base64_to_bytes(text.rstrip("=")) == body
    assert base64_to_bytes(base64.encodebytes(body).decode().replace("\n", "\r\n")) == body


@pytest.mark.parametrize("text", ["A", "AAAAA", "A=AA", "AA==AA==", "-_==", "AA AA", "ÿ", "\udcff", "AAA\0"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        base64_to_bytes(text)
