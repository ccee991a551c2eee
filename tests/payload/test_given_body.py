"""A body that the user gives goes out byte for byte, and is called what its envelope says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookctl.payload import given_body
from hookctl.payload.jsontext import Json, encode
from hookctl.payload.render import read_envelope
from tests.payload.material import AT_MS, CATALOGUE, NUMBERS, documents

ARKY = CATALOGUE.provider("arky")
ARCADE = CATALOGUE.provider("arcade")


@settings(max_examples=150, deadline=None)
@given(
    body=st.one_of(st.binary(), documents(NUMBERS).map(encode), st.text().map(str.encode)),
    provider=st.sampled_from([ARKY, ARCADE]),
    event=st.none() | st.text(),
    at_ms=st.integers(),
)
def test_any_bytes_are_kept(body: bytes, provider: object, event: str | None, at_ms: int) -> None:
    payload = given_body(ARKY if provider is ARKY else ARCADE, body, event=event, at_ms=at_ms)
    assert payload.body == body
    assert payload.at_ms == at_ms


@settings(max_examples=150, deadline=None)
@given(name=documents(NUMBERS), event_id=documents(NUMBERS))
def test_names_are_read_from_the_envelope_where_they_are_strings(name: Json, event_id: Json) -> None:
    body = encode({"id": event_id, "event": name})
    payload = given_body(ARKY, body, event="fallback", at_ms=AT_MS)
    assert payload.event == (name if isinstance(name, str) else "fallback")
    assert payload.event_id == (event_id if isinstance(event_id, str) else None)


@pytest.mark.parametrize("event", [None, "order.paid"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"order.created"',
        b"{}",
        b'{"event":5,"id":[]}',
        b'{"data":{"event":"order.created"}}',
        # what JSON.parse would take or a lenient reader guess is not read either
        b'\xef\xbb\xbf{"event":"order.created"}',
        '{"event":"order.created"}'.encode("utf-16"),
        b'{"event":"order.created","event":"order.paid"}',
        b'{"event":"order.created","x":NaN}',
        b'{"event":"order.created","x":"\xff"}',
        b"[" * 100_000,
        b'{"event":"order.created","x":' + b"[" * 300 + b"]" * 300 + b"}",
    ],
)
def test_a_body_that_does_not_say_is_called_what_the_user_calls_it(body: bytes, event: str | None) -> None:
    payload = given_body(ARKY, body, event=event, at_ms=AT_MS)
    assert (payload.body, payload.event, payload.event_id) == (body, event, None)


def test_the_envelope_goes_before_what_the_user_calls_it() -> None:
    body = b'{ "id" : "evt_1", "event":"order.unheard-of", "n": 1e400, "big": ' + b"9" * 5000 + b"}\n"
    payload = given_body(ARKY, body, event="order.paid", at_ms=AT_MS)
    assert (payload.body, payload.event, payload.event_id) == (body, "order.unheard-of", "evt_1")


def test_each_provider_has_its_own_envelope() -> None:
    body = json.dumps({"id": "evt_1", "event": "order.paid", "type": "formSubmission.created"}).encode()
    arcade = given_body(ARCADE, body, event=None, at_ms=AT_MS)
    assert (arcade.event, arcade.event_id) == ("formSubmission.created", None)
    arky = given_body(ARKY, body, event=None, at_ms=AT_MS)
    assert (arky.event, arky.event_id) == ("order.paid", "evt_1")


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(), st.text(st.sampled_from('{}[]":,\\ud80e1.-')).map(str.encode)))
def test_reading_an_envelope_never_fails(body: bytes) -> None:
    value = read_envelope(body)
    # what is read is JSON; what is not JSON is null like null itself
    if value is not None:
        json.loads(body)
