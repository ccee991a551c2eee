"""What the sandbox answers: over real HTTP, in the shapes that such APIs are known to use."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.receiver.rawclient import post

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness import Cli
    from tests.sandboxed import Sandboxed

URL = "http://localhost:3000/api/webhooks/arky"
SETTINGS = "/v1/businesses/biz_sandbox"
WEBHOOKS = "/v1/stores/biz_sandbox/webhooks"
TEST = f"{SETTINGS}/webhooks/test"


def problem(
    sandbox: Sandboxed, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Call, check what every problem has, and return the status and the body."""
    answer = sandbox.call(method, path, body, headers=headers)
    document = answer.body
    assert answer.headers["content-type"] == "application/json"
    assert document["statusCode"] == answer.status
    assert document["error"] == http.client.responses[answer.status]
    assert isinstance(document["message"], str)
    return answer.status, document


def put(**settings: object) -> dict[str, object]:
    return {"id": "biz_sandbox", "settings": settings}


# who may call


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Authorization": "Bearer wrong"}, "The token is not the one of this sandbox"),
        ({"Authorization": "sandbox-token"}, "The token is not the one of this sandbox"),
        ({"Authorization": "bearer sandbox-token"}, "The token is not the one of this sandbox"),
        ({"Authorization": "Bearer sandbox-token "}, None),
        ({"Authorization": ""}, "The token is not the one of this sandbox"),
        ({"Authorization": "Bearer sandbox-tok\u00e9n"}, "The token is not the one of this sandbox"),
    ],
)
def test_the_token_is_checked(shared: Sandboxed, headers: dict[str, str], message: str | None) -> None:
    answer = shared.call("GET", SETTINGS, headers=headers)
    if message is None:
        # blanks around a header's value are not part of it
        assert answer.status == 200
        return
    assert (answer.status, answer.body["message"]) == (401, message)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", [SETTINGS, WEBHOOKS, "/v1/platform/events", "/v1/businesses/other"])
def test_without_a_token_nothing_is_told(shared: Sandboxed, path: str) -> None:
    connection = http.client.HTTPConnection(shared.host, shared.port, timeout=30)
    connection.request("GET", path)
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    assert document == {
        "message": "The Authorization header is missing: Bearer TOKEN",
        "error": "Unauthorized",
        "statusCode": 401,
        "validationErrors": [],
    }


@pytest.mark.parametrize(
    ("path", "noun"), [("/v1/businesses/biz_live", "biz_live"), ("/v1/stores/x%2Fy/webhooks", None)]
)
def test_another_account_is_not_there(shared: Sandboxed, path: str, noun: str | None) -> None:
    status, document = problem(shared, "GET", path)
    expected = "There is no such path"
    if noun is not None:
        expected = f"No business {noun!r}: that of this sandbox is biz_sandbox"
    assert (status, document["message"]) == (404, expected)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[", ""])
def test_a_page_whose_name_resolves_to_this_machine_is_not_let_in(shared: Sandboxed, host: str) -> None:
    status, document = problem(shared, "GET", SETTINGS, headers={"Host": host})
    assert (status, document["message"]) == (403, "This sandbox answers to the names of this machine only")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "api.localhost", "127.0.0.1", "[::1]:80"])
def test_a_name_of_this_machine_is_let_in(shared: Sandboxed, host: str) -> None:
    assert shared.call("GET", SETTINGS, headers={"Host": host}).status == 200


# where


@pytest.mark.parametrize(
    "path", ["/", "/v1", f"{SETTINGS}/", f"{SETTINGS}/webhooks", "/v2/businesses/biz_sandbox", "/%zz", "*", "//"]
)
def test_an_unknown_path_is_404(shared: Sandboxed, path: str) -> None:
    status, document = problem(shared, "GET", path)
    assert (status, document["message"]) == (404, "There is no such path")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", SETTINGS, {"GET", "HEAD", "PUT"}),
        ("PATCH", WEBHOOKS, {"GET", "HEAD", "POST"}),
        ("GET", TEST, {"POST"}),
        ("GET", f"{WEBHOOKS}/wh_1", {"PUT", "DELETE"}),
        ("POST", "/v1/platform/events", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_a_path_does_not_have_is_405(
    shared: Sandboxed, method: str, path: str, allowed: set[str]
) -> None:
    status, document = problem(shared, method, path)
    assert (status, document["message"]) == (405, f"{method} is not a method of this path")
    assert set(shared.call(method, path).headers["allow"].split(", ")) == allowed


def test_head_is_get_without_its_body(shared: Sandboxed) -> None:
    answer = shared.call("HEAD", SETTINGS)
    assert (answer.status, answer.raw) == (200, b"")
    assert int(answer.headers["content-length"]) == len(shared.call("GET", SETTINGS).raw)


def test_a_body_over_the_limit_is_413_in_plain_text(shared: Sandboxed) -> None:
    answer = shared.call("PUT", SETTINGS, b'{"id":"biz_sandbox","settings":{"a":"%s"}}' % (b"a" * 256 * 1024))
    assert answer.status == 413
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"262144 bytes" in answer.raw


# what is wrong with a body


@pytest.mark.parametrize("path", [SETTINGS, f"{WEBHOOKS}/wh_1"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is empty"),
        (b"{", "The body is not JSON: Expecting property name enclosed in double quotes at column 2"),
        (b"{'id': 1}", "The body is not JSON: Expecting property name enclosed in double quotes at column 2"),
        (b'{"a": NaN}', "The body is not JSON: NaN is not JSON"),
        (b'{"a": 1, "a": 2}', "The body is not JSON: the key 'a' is there twice"),
        (b"[" * 100_000, "The body is not JSON: nested more than 200 deep"),
        (b'{"a": "\xff"}', "The body is not UTF-8: byte 8 of 10"),
        (b"\xef\xbb\xbf{}", "The body is not JSON: Expecting value at column 1"),
    ],
    ids=str,
)
def test_a_body_that_is_not_json_is_400(shared: Sandboxed, path: str, body: bytes, message: str) -> None:
    status, document = problem(shared, "PUT", path, body)
    assert (status, document["message"], document["validationErrors"]) == (400, message, [])


PUTS: list[tuple[object, dict[str, str]]] = [
    ([], {"": "must be an object"}),
    ("x", {"": "must be an object"}),
    ({}, {"id": "is missing", "settings": "is missing"}),
    ({"id": "biz_sandbox"}, {"settings": "is missing"}),
    ({"id": "biz_other", "settings": {}}, {"id": "must be biz_sandbox, as in the path"}),
    ({"id": 5, "settings": {}}, {"id": "must be biz_sandbox, as in the path"}),
    ({"id": "biz_sandbox", "settings": []}, {"settings": "must be an object"}),
    ({"id": "biz_sandbox", "settings": None}, {"settings": "must be an object"}),
    (put(webhookEvents=["order.paid"]), {"settings.webhookUrl": "is missing"}),
    (put(webhookUrl=5), {"settings.webhookUrl": "must be a string"}),
    (put(webhookUrl="/hook"), {"settings.webhookUrl": "cannot be delivered to: '/hook' is not a URL"}),
    (put(webhookUrl="ftp://x"), {"settings.webhookUrl": "cannot be delivered to: 'ftp://x': ftp is not supported"}),
    (put(webhookUrl="http://"), {"settings.webhookUrl": "cannot be delivered to: 'http://' names no host"}),
    (
        put(webhookUrl="http://u:p@localhost/"),
        {"settings.webhookUrl": "cannot be delivered to: the URL for localhost has credentials in it"},
    ),
    (
        put(webhookUrl="http://localhost/a b"),
        {"settings.webhookUrl": "cannot be delivered to: 'http://localhost/a b' has white space in it"},
    ),
    (
        put(webhookUrl="http://x/\ud800"),
        {"settings.webhookUrl": "cannot be delivered to: 'http://x/\\ud800' has half of a surrogate pair in it"},
    ),
    (put(webhookUrl=URL, webhookSecret=5), {"settings.webhookSecret": "must be a string"}),
    (put(webhookUrl=URL, webhookSecret=""), {"settings.webhookSecret": "must have 1 to 1024 characters"}),
    (put(webhookUrl=URL, webhookSecret="a" * 1025), {"settings.webhookSecret": "must have 1 to 1024 characters"}),
    (put(webhookUrl=URL, webhookSecret="\udc00"), {"settings.webhookSecret": "has half of a surrogate pair in it"}),
    (
        put(webhookUrl=URL, webhookSecret="********"),
        {"settings.webhookSecret": "is the mask that stands for the secret when it is read, not the secret"},
    ),
    (put(webhookUrl=URL, webhookEvents="order.paid"), {"settings.webhookEvents": "must be an array"}),
    (
        put(webhookUrl=URL, webhookEvents=["order.piad", 5, "order.paid", "order.paid", {"event": "order.paid"}]),
        {
            "settings.webhookEvents[0]": "is no event: 'order.piad' "
            "(did you mean 'order.paid' or 'order.shipped' or 'order.created'?)",
            "settings.webhookEvents[1]": "must be a string",
            "settings.webhookEvents[3]": "is there twice",
            "settings.webhookEvents[4]": "must be a string",
        },
    ),
    (
        put(webhookUrl=5, webhookSecret=5),
        {"settings.webhookUrl": "must be a string", "settings.webhookSecret": "must be a string"},
    ),
]


@pytest.mark.parametrize(("body", "wrong"), PUTS, ids=[json.dumps(body)[:60] for body, _ in PUTS])
def test_settings_that_are_not_valid_are_400_and_change_nothing(
    shared: Sandboxed, body: object, wrong: dict[str, str]
) -> None:
    before = shared.call("GET", SETTINGS).raw
    status, document = problem(shared, "PUT", SETTINGS, body)
    assert (status, document["message"]) == (400, "Validation failed")
    assert document["validationErrors"] == [{"field": field, "message": why} for field, why in wrong.items()]
    assert shared.call("GET", SETTINGS).raw == before


def record(**changes: object) -> dict[str, object]:
    whole = {"key": "k", "url": URL, "events": [{"event": "order.paid"}], "headers": {}, "enabled": True}
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


RECORDS: list[tuple[object, dict[str, str]]] = [
    ([], {"": "must be an object"}),
    (record(url=...), {"url": "is missing"}),
    (record(url=None), {"url": "is missing"}),
    (record(url=""), {"url": "is missing"}),
    (record(url="x"), {"url": "cannot be delivered to: 'x' is not a URL"}),
    (record(secret=[]), {"secret": "must be a string"}),
    (record(secret="********"), {"secret": PUTS[20][1]["settings.webhookSecret"]}),
    (record(events={}), {"events": "must be an array"}),
    (record(events=["order.paid"]), {"events[0].event": "must be a string"}),
    (record(events=[{"event": "x"}]), {"events[0].event": "is no event: 'x'"}),
    (record(key=5), {"key": "must be a string"}),
    (record(enabled="yes"), {"enabled": "must be true or false"}),
    (record(headers=[]), {"headers": "must be an object"}),
    (
        record(headers={"a b": "c", "x-a": 5, "x-b": "1\r\n2", "host": "x", "x-arky-signature": "x", "x-ok": "1"}),
        {f"headers.{name}": "cannot be sent as a header" for name in ("a b", "x-a", "x-b", "host", "x-arky-signature")},
    ),
    (record(headers={"x:y": "1"}), {"headers.x:y": "cannot be sent as a header"}),
]


@pytest.mark.parametrize(("body", "wrong"), RECORDS, ids=[json.dumps(body)[:60] for body, _ in RECORDS])
def test_a_webhook_that_is_not_valid_is_400_with_the_other_word(
    shared: Sandboxed, body: object, wrong: dict[str, str]
) -> None:
    status, document = problem(shared, "POST", WEBHOOKS, body)
    assert (status, document["message"]) == (400, "Validation failed")
    assert document["validationErrors"] == [{"field": field, "error": why} for field, why in wrong.items()]
    assert shared.call("GET", WEBHOOKS).body == {"items": [], "cursor": None}


def test_an_answer_complains_of_twenty_fields_at_most(shared: Sandboxed) -> None:
    _, document = problem(shared, "PUT", SETTINGS, put(webhookUrl=URL, webhookEvents=["x"] * 10_000))
    assert len(document["validationErrors"]) == 20
    headers = {f"bad {number}": "x" for number in range(1000)}
    _, document = problem(shared, "POST", WEBHOOKS, record(headers=headers))
    assert len(document["validationErrors"]) == 20


@pytest.mark.parametrize(
    ("body", "field", "why"),
    [
        ({"businessId": "biz_sandbox"}, "event", "is missing"),
        ({"event": "order.paid"}, "businessId", "is missing"),
        ({"businessId": "biz_x", "event": "order.paid"}, "businessId", "must be biz_sandbox, as in the path"),
        ({"businessId": "biz_sandbox", "event": 5}, "event", "must be a string of 1 to 200 characters"),
        ({"businessId": "biz_sandbox", "event": ""}, "event", "must be a string of 1 to 200 characters"),
        ({"businessId": "biz_sandbox", "event": "nothing.known"}, "event", "is no event: 'nothing.known'"),
        (
            {"businessId": "biz_sandbox", "event": "formSubmission.created"},
            "event",
            "is no event: 'formSubmission.created' (did you mean 'reservation.created'?)",
        ),
    ],
    ids=str,
)
def test_a_test_that_is_not_valid_is_400(shared: Sandboxed, body: object, field: str, why: str) -> None:
    status, document = problem(shared, "POST", TEST, body)
    assert (status, document["validationErrors"]) == (400, [{"field": field, "message": why}])


@pytest.mark.parametrize(
    ("body", "field", "why"),
    [
        ({"webhook_id": "wh_1"}, "delivery_id", "is missing"),
        ({"delivery_id": "d"}, "webhook_id", "is missing"),
        ({"delivery_id": "", "webhook_id": "wh_1"}, "delivery_id", "must be a string of 1 to 200 characters"),
        ({"delivery_id": "d" * 201, "webhook_id": "x"}, "delivery_id", "must be a string of 1 to 200 characters"),
        ({"delivery_id": "d", "webhook_id": {}}, "webhook_id", "must be a string of 1 to 200 characters"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_test_of_a_webhook_that_is_not_valid_is_400(shared: Sandboxed, body: object, field: str, why: str) -> None:
    status, document = problem(shared, "POST", f"{WEBHOOKS}/test", body)
    assert (status, document["validationErrors"]) == (400, [{"field": field, "error": why}])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", f"{WEBHOOKS}/wh_none", record()),
        ("DELETE", f"{WEBHOOKS}/wh_none", None),
        ("POST", f"{WEBHOOKS}/test", {"delivery_id": "d", "webhook_id": "wh_none"}),
    ],
)
def test_a_webhook_that_is_not_there_is_404_with_details(
    shared: Sandboxed, method: str, path: str, body: object
) -> None:
    status, document = problem(shared, method, path, body)
    details = {"field": "id", "reason": "no webhook 'wh_none'"}
    assert (status, document) == (
        404,
        {"error": "Not Found", "message": "Webhook not found", "details": details, "statusCode": 404},
    )


def test_what_cannot_be_delivered_is_409_with_details(sandbox: Sandboxed) -> None:
    assert sandbox.call("PUT", SETTINGS, put()).status == 200
    status, document = problem(sandbox, "POST", TEST, {"businessId": "biz_sandbox", "event": "order.paid"})
    assert (status, document["details"]) == (409, {"field": "webhookUrl", "reason": "is not set"})
    assert sandbox.configure(URL, "order.paid").status == 200
    status, document = problem(sandbox, "POST", TEST, {"businessId": "biz_sandbox", "event": "order.paid"})
    assert (status, document["message"]) == (409, "Nothing to sign with")
    why = "is not set, and the sandbox was started without ARKY_WEBHOOK_SECRET or --secret-file"
    assert document["details"] == {"field": "webhookSecret", "reason": why}
    webhook = sandbox.create(URL, "order.paid", secret="whsec_of_the_test", enabled=False).body["id"]
    status, document = problem(sandbox, "POST", f"{WEBHOOKS}/test", {"delivery_id": "d", "webhook_id": webhook})
    assert (status, document["details"]) == (409, {"field": "enabled", "reason": "is false"})


# what is kept


def test_a_write_replaces_all_settings_and_says_what_it_has_lost(sandbox: Sandboxed) -> None:
    # a setting that is not about webhooks is there from the beginning
    assert sandbox.call("GET", SETTINGS).body == {"id": "biz_sandbox", "settings": {"timezone": "UTC"}}
    # and comes back to the letter
    whole = b'{"id":"biz_sandbox","settings":{"timezone":"Europe/Berlin","other":{"n":[1.0,1e400,-0]}}}'
    assert [sandbox.call("PUT", SETTINGS, whole).raw, sandbox.call("GET", SETTINGS).raw] == [whole, whole]
    assert sandbox.configure(URL, "order.paid").body["settings"] == {"webhookUrl": URL, "webhookEvents": ["order.paid"]}
    remarks = [sandbox.record("call")["remark"] for _ in range(4)]
    assert remarks == [None, None, None, "lost timezone, other: a write replaces the whole record"]


def test_a_secret_is_never_told(sandbox: Sandboxed) -> None:
    answers = [
        sandbox.configure(URL, "order.paid", secret="whsec_never_to_be_seen"),
        sandbox.call("GET", SETTINGS),
        sandbox.create(URL, "order.paid", secret="whsec_never_to_be_seen"),
        sandbox.call("GET", WEBHOOKS),
    ]
    assert [answer.status for answer in answers] == [200, 200, 201, 200]
    assert all(b"never_to_be_seen" not in answer.raw for answer in answers)
    assert answers[1].body["settings"]["webhookSecret"] == "********"
    assert answers[3].body["items"][0]["secret"] == "********"


def test_a_webhook_of_a_store_is_made_changed_listed_and_removed(sandbox: Sandboxed) -> None:
    made = sandbox.create(URL, "order.paid", id="wh_mine", store_id="mine", secret="whsec_1234567")
    assert made.status == 201
    webhook = made.body
    assert list(webhook) == ["key", "url", "events", "secret", "id", "store_id", "created_at", "updated_at"]
    # the API makes these, whatever is asked for
    assert webhook["id"].startswith("wh_")
    assert webhook["id"] != "wh_mine"
    assert (webhook["store_id"], webhook["created_at"]) == ("biz_sandbox", webhook["updated_at"])
    path = f"{WEBHOOKS}/{webhook['id']}"
    # what a write leaves out stays: of this dialect it is known
    changed = sandbox.call("PUT", path, {"url": "http://localhost:1/other", "created_at": 5}).body
    assert changed == {**webhook, "url": "http://localhost:1/other", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] >= webhook["updated_at"]
    assert sandbox.call("GET", WEBHOOKS).body == {"items": [changed], "cursor": None}
    gone = sandbox.call("DELETE", path)
    assert (gone.status, gone.raw) == (204, b"")
    assert sandbox.call("DELETE", path).status == 404
    assert sandbox.call("GET", WEBHOOKS).body["items"] == []


def test_a_long_list_has_pages_and_an_end(sandbox: Sandboxed) -> None:
    made = [sandbox.create(URL, "order.paid", key=f"k{number}").body["key"] for number in range(45)]
    listed, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = sandbox.call("GET", WEBHOOKS if cursor is None else f"{WEBHOOKS}?cursor={cursor}").body
        listed += [item["key"] for item in page["items"]]
        cursor, pages = page["cursor"], pages + 1
    assert (listed, pages) == (made, 3)
    status, document = problem(sandbox, "GET", f"{WEBHOOKS}?cursor=x")
    assert (status, document["validationErrors"][0]["field"]) == (400, "cursor")
    assert sandbox.call("GET", f"{WEBHOOKS}?cursor=99999").body["items"] == []


def test_there_is_an_end_to_what_is_kept(sandbox: Sandboxed) -> None:
    assert {sandbox.create(URL, "order.paid").status for _ in range(100)} == {201}
    status, document = problem(sandbox, "POST", WEBHOOKS, record())
    assert (status, document["message"]) == (409, "Too many webhooks")


def test_the_events_are_those_of_the_catalogue(shared: Sandboxed, cli: Cli) -> None:
    listed = shared.call("GET", "/v1/platform/events").body
    known = [one["name"] for one in cli("events", "--provider", "arky", "--format", "json").document["results"]]
    assert listed == [{"event": name, "scopes": []} for name in known]


def test_requests_in_any_form_that_http_has_are_answered(shared: Sandboxed) -> None:
    auth = b"Authorization: Bearer sandbox-token"
    with shared.client() as client:
        # in pieces, over one connection, with a URL for a target
        for target in (SETTINGS, f"http://127.0.0.1{SETTINGS}", f"{SETTINGS}?a=b", "/v1/businesses/biz%5Fsandbox"):
            lines = [b"GET %b HTTP/1.1" % target.encode(), b"Host: localhost", b"AUTHORIZATION: Bearer sandbox-token"]
            client.send(*(b"%b\r\n" % line for line in lines), b"\r\n")
            assert client.answer().status == 200
        client.send(post(b"{", auth, b"Host2: x", target=TEST.encode()).replace(b"Host: test", b"Host: localhost"))
        assert client.answer().status == 400
