"""HTTP Archives, as each tool writes them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from hookctl.captures.form import NotThisForm
from hookctl.captures.har import read_har
from hookctl.model import CapturedResponse
from tests.captures.jsoncaptures import (
    DATA,
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

CHROME = load("chrome.har")
FIREFOX = load("firefox.har")


def with_request(**changes: object) -> dict[str, Any]:
    """Return Firefox's archive with the fields of its second request changed; None takes one out."""
    archive: dict[str, Any] = copy.deepcopy(FIREFOX)
    request = archive["log"]["entries"][1]["request"]
    for key, value in changes.items():
        if value is None:
            request.pop(key, None)
        else:
            request[key] = value
    return archive


def headers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


@pytest.mark.parametrize(
    ("name", "bodies", "sources"),
    [
        ("chrome.har", [TEXT_BODY, RAW_BODY], ["file#2", "file#3"]),
        ("firefox.har", [TEXT_BODY], ["file"]),
        ("charles.har", [TEXT_BODY], ["file"]),
        ("fiddler.har", [TEXT_BODY], ["file"]),
        ("mitmproxy.har", [RAW_BODY, TEXT_BODY], ["file#1", "file#2"]),
    ],
)
def test_the_deliveries_are_read_byte_for_byte(name: str, bodies: list[bytes], sources: list[str]) -> None:
    found = captures(read(read_har, (DATA / name).read_bytes()))
    assert [capture.body for capture in found] == bodies
    assert [capture.source for capture in found] == sources
    assert all(is_genuine(capture) for capture in found)
    assert found[0].received_at_ms == 1_704_067_201_250
    assert {capture.method for capture in found} == {"POST"}
    assert {capture.target for capture in found} == {"https://shop.example/webhooks/arky?source=test"}
    assert found[0].response == CapturedResponse(200, ((b"Content-Type", b"text/plain"),), b"ok")


def test_an_archive_in_utf_16_is_read() -> None:
    data = (DATA / "firefox.har").read_text(encoding="utf-8").encode("utf-16")
    [capture] = captures(read(read_har, data))
    assert is_genuine(capture)


def test_pseudo_headers_were_no_header_lines() -> None:
    first, second = captures(read_value(read_har, CHROME))
    assert not [name for name, _ in first.headers if name.startswith(b":")]
    assert (first.http_version, second.http_version) == ("2", "1.1")


def test_bytes_kept_as_characters_are_taken_with_a_note() -> None:
    text, raw = captures(read_value(read_har, CHROME))
    assert text.notes == ()
    assert "one byte for each character" in raw.notes[0]


def test_a_body_in_base64_is_decoded() -> None:
    for key in ("encoding", "_encoding"):
        posted = {"mimeType": "application/json", "text": "AP+AeyJhIjoxfQ==", key: "base64"}
        [capture] = captures(read_value(read_har, with_request(postData=posted)))
        assert capture.body == RAW_BODY
        [part] = read_value(read_har, with_request(postData={**posted, "text": "AP+*"}))
        assert unreadable(part).message == "request.postData.text has characters that are not base64's"


def test_a_body_that_lost_bytes_says_so() -> None:
    length = headers(("Content-Length", "10"))
    posted = {"text": '\0\ufffd\ufffd{"a":1}'}
    [capture] = captures(read_value(read_har, with_request(headers=length, postData=posted)))
    assert capture.notes[0] == "the file has 14 bytes of body, Content-Length says 10"
    assert "U+FFFD" in capture.notes[1]


def test_a_body_that_fits_its_length_has_no_notes_even_with_a_replacement_character() -> None:
    length = headers(("Content-Length", "3"))
    [capture] = captures(read_value(read_har, with_request(headers=length, postData={"text": "\ufffd"})))
    assert (capture.body, capture.notes) == (b"\xef\xbf\xbd", ())


def test_half_a_surrogate_pair_is_replaced_with_a_note() -> None:
    [capture] = captures(read_value(read_har, with_request(headers=[], postData={"text": "a\ud83d"})))
    assert capture.body == b"a\xef\xbf\xbd"
    assert "surrogate" in capture.notes[0]


def test_a_body_that_the_browser_dropped_is_unreadable() -> None:
    for posted in (None, {"mimeType": "application/octet-stream", "text": "", "params": []}):
        [part] = read_value(read_har, with_request(postData=posted))
        assert "does not have the body" in unreadable(part).message
    [part] = read_value(read_har, with_request(postData=None, headers=[], bodySize=12))
    assert "does not have the body" in unreadable(part).message


def test_fields_of_a_form_are_not_its_bytes() -> None:
    posted = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "1"}]}
    [part] = read_value(read_har, with_request(postData=posted))
    assert "the form's fields, but not the bytes" in unreadable(part).message


def test_a_post_without_a_body_is_a_delivery_with_an_empty_one() -> None:
    [capture] = captures(read_value(read_har, with_request(postData=None, headers=[], bodySize=0)))
    assert capture.body == b""


def test_an_archive_of_visits_is_refused_as_such() -> None:
    error = refusal(read_har, with_request(method="GET", postData={"mimeType": "", "text": ""}))
    assert (error.reason, error.near) == ("it has 2 requests, none of them with a body", True)
    error = refusal(read_har, {"log": {"entries": []}})
    assert (error.reason, error.near) == ("it has no requests", True)


def test_a_get_with_a_body_is_a_delivery() -> None:
    [capture] = captures(read_value(read_har, with_request(method="GET")))
    assert (capture.method, capture.body) == ("GET", TEXT_BODY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": 5}, "request.method is not a text"),
        ({"url": None}, "request.url is missing"),
        ({"headers": {}}, "request.headers is not a list"),
        ({"headers": [{"name": "a", "value": "b"}, 3]}, "request.headers[1] is not an object"),
        ({"headers": [{"name": "a", "value": 4}]}, "request.headers[0].value is not a text"),
        ({"postData": "text"}, "request.postData is not an object"),
        ({"postData": {"text": 7}}, "request.postData.text is not a text"),
    ],
)
def test_a_broken_entry_is_named_by_its_field(changes: dict[str, object], message: str) -> None:
    [part] = read_value(read_har, with_request(**changes))
    assert unreadable(part).message == message


def test_a_broken_response_does_not_cost_the_request() -> None:
    archive = with_request()
    archive["log"]["entries"][1]["response"]["headers"] = 5
    [capture] = captures(read_value(read_har, archive))
    assert is_genuine(capture)
    assert capture.response is None
    assert capture.notes == ("the response was left out: response.headers is not a list",)


def test_a_request_that_got_no_response_has_none() -> None:
    archive = with_request()
    archive["log"]["entries"][1]["response"]["status"] = 0
    [capture] = captures(read_value(read_har, archive))
    assert (capture.response, capture.notes) == (None, ())


@pytest.mark.parametrize("value", [None, [], {}, {"log": []}, {"log": {}}, {"entries": []}, "log", 1.5])
def test_other_json_is_no_archive(value: object) -> None:
    assert not refusal(read_har, value).near


def test_entries_that_are_no_list_are_a_near_miss() -> None:
    assert refusal(read_har, {"log": {"entries": {}}}).near


@settings(max_examples=150)
@given(spoilt({"log": {"entries": [CHROME["log"]["entries"][1], FIREFOX["log"]["entries"][1]]}}))
def test_any_value_anywhere_is_read_or_refused(value: object) -> None:
    survives(read_har, value)


def test_an_archive_cut_short_anywhere_is_a_near_miss() -> None:
    data = (DATA / "charles.har").read_bytes().rstrip()
    for end in range(30, len(data), 7):
        with pytest.raises(NotThisForm, match=r"^line \d+") as caught:
            read(read_har, data[:end])
        assert caught.value.near
