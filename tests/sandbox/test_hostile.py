"""Whatever is sent to the sandbox, it answers as an API does, never with a bug's 500, and goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.sandboxed import ACCOUNT, TOKEN

if TYPE_CHECKING:
    from tests.sandboxed import Answered, Sandboxed

SETTINGS = f"/v1/businesses/{ACCOUNT}"
WEBHOOKS = f"/v1/stores/{ACCOUNT}/webhooks"
CALLS = [
    ("PUT", SETTINGS),
    ("POST", f"{SETTINGS}/webhooks/test"),
    ("POST", WEBHOOKS),
    ("PUT", f"{WEBHOOKS}/wh_1"),
    ("POST", f"{WEBHOOKS}/test"),
    ("DELETE", f"{WEBHOOKS}/wh_1"),
]
PLANNED = {200, 201, 204, 400, 404, 405, 409}

# one sandbox sees them all
together = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)

texts = st.text(st.characters(exclude_categories=[]), max_size=12)
urls = st.builds("{}{}{}".format, st.sampled_from(["", "http://", "https://", "http:", "//", "ftp://"]), texts, texts)
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | texts | urls | st.sampled_from([ACCOUNT, "order.paid"])
)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
fields = st.sampled_from(
    [
        *("id", "settings", "webhookUrl", "webhookSecret", "webhookEvents", "businessId", "event", "delivery_id"),
        *("webhook_id", "key", "url", "events", "headers", "secret", "enabled", "store_id", "created_at"),
    ]
)
# the shapes that are asked for, with anything in them
nearly = st.dictionaries(
    fields,
    anything | st.dictionaries(fields, anything, max_size=6) | st.lists(st.dictionaries(fields, leaves)),
    max_size=8,
)


def check(answer: Answered) -> None:
    """Check that an answer is one that was planned."""
    assert answer.status in PLANNED, answer
    if answer.status >= 400:
        assert answer.body["statusCode"] == answer.status
    elif answer.raw:
        json.loads(answer.raw.decode())


@together
@given(st.sampled_from(CALLS), anything | nearly)
@example(CALLS[0], {"id": ACCOUNT, "settings": {"webhookUrl": "http://\u0660/", "webhookSecret": "\ud800"}})
@example(CALLS[0], {"id": ACCOUNT, "settings": {"\udfff": "\ud800", "webhookUrl": "http://x/\ud83d\ude00"}})
@example(CALLS[2], {"url": "http://[::1%25\u00e9]/", "headers": {"": "", "a": "\u0100", "b": "\ud800"}})
@example(CALLS[2], {"url": "http://" + "\u00e9" * 500 + "/", "key": [], "events": [[], {}, {"event": {}}]})
@example(CALLS[2], {"url": "http://localhost:99999/"})
def test_any_json_is_answered_as_planned(shared: Sandboxed, call: tuple[str, str], body: Any) -> None:  # noqa: ANN401
    check(shared.call(*call, body))


@together
@given(st.sampled_from(CALLS), st.binary(max_size=60))
def test_any_bytes_are_answered_as_planned(shared: Sandboxed, call: tuple[str, str], body: bytes) -> None:
    check(shared.call(*call, body))


@together
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"]),
    st.sampled_from([SETTINGS, WEBHOOKS, "/v1/platform/events", "/v1/businesses/", "/"]),
    st.lists(st.integers(0x21, 0x7E), max_size=30).map(bytes),
)
def test_any_target_is_answered_as_planned(shared: Sandboxed, method: str, path: str, rest: bytes) -> None:
    lines = [
        f"{method} {path}".encode() + rest + b" HTTP/1.1",
        b"Host: localhost",
        f"Authorization: Bearer {TOKEN}".encode(),
        *(b"Content-Length: 2", b"", b"{}"),
    ]
    with shared.client() as client:
        client.send(b"\r\n".join(lines))
        assert client.answer(to_head=method == "HEAD").status in PLANNED


@together
@given(st.sampled_from(["Authorization", "Host", "Content-Type"]), st.binary(max_size=40))
def test_any_header_is_answered_as_planned(shared: Sandboxed, name: str, value: bytes) -> None:
    lines = {"Host": b"localhost", "Authorization": f"Bearer {TOKEN}".encode(), name: value.translate(None, b"\r\n\0")}
    head = b"".join(b"%b: %b\r\n" % (one.encode(), what) for one, what in lines.items())
    with shared.client() as client:
        client.send(b"GET %b HTTP/1.1\r\n%b\r\n" % (SETTINGS.encode(), head))
        assert client.answer().status in {*PLANNED, 401, 403}


@together
@given(urls)
def test_whatever_url_is_taken_can_be_delivered_to_or_fails_in_words(shared: Sandboxed, rest: str) -> None:
    # the loopback address in front keeps the resolver out of it
    body = {"id": ACCOUNT, "settings": {"webhookUrl": f"http://127.0.0.1:1/{rest}", "webhookSecret": "whsec_12345"}}
    written = shared.call("PUT", SETTINGS, body)
    check(written)
    test = shared.test("order.paid")
    check(test)
    if written.status == 200:
        assert test.body["sandbox"]["error"] == "nothing listens on 127.0.0.1:1"
