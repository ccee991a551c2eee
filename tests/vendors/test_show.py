"""`hookctl webhook show`: how the webhook is, in both dialects, for people and for programs; steps by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.terminal import on_terminal
from tests.delivery.faults import response
from tests.vendors.business import ACCOUNT, EVENTS, JSON, SECRET, TOKEN, URL, hook

if TYPE_CHECKING:
    from tests.harness import Cli
    from tests.vendors.business import Asked, Business


def test_one_webhook_in_the_settings(asking: Cli, business: Business) -> None:
    result = asking("webhook", "show")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"Arky business {ACCOUNT}, {business.base}, settings\n"
        f"  url    {URL}\n"
        "  events order.paid, order.shipped\n"
        "  secret set\n"
    )


def test_the_request_is_the_documented_one(asking: Cli, business: Business) -> None:
    assert asking("webhook", "show").code == 0
    (asked,) = business.asked
    assert (asked.method, asked.path, asked.body) == ("GET", f"/v1/businesses/{ACCOUNT}", b"")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["host"] == business.base.removeprefix("http://")
    assert "content-type" not in asked.headers
    assert "cookie" not in asked.headers


def test_the_record_for_programs(asking: Cli, business: Business) -> None:
    result = asking("webhook", "show", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert result.document == {
        "results": [
            {
                "type": "webhook",
                "provider": "arky",
                "url": URL,
                "events": EVENTS,
                "secret_set": True,
                "id": None,
                "name": None,
                "account": ACCOUNT,
                "dialect": "settings",
                "api_url": business.base,
            }
        ],
        "summary": {"type": "summary", "total": 1},
    }


def test_several_webhooks_of_a_store(asking: Cli, business: Business) -> None:
    business.webhooks = [hook(1), hook(2, key="", url=None, events=[], secret=None)]
    result = asking("webhook", "show", "--dialect", "stores")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"Arky business {ACCOUNT}, {business.base}, stores\n"
        f"  shop-1  wh_1\n  url    {URL}\n  events order.paid, order.shipped\n  secret set\n"
        "  wh_2  wh_2\n  url    none\n  events none\n  secret not set\n"
    )
    records = asking("webhook", "show", "--dialect", "stores", "--format", "json").document["results"]
    assert [(one["id"], one["name"], one["url"], one["events"], one["secret_set"]) for one in records] == [
        ("wh_1", "shop-1", URL, EVENTS, True),
        ("wh_2", None, None, [], False),
    ]


def test_a_store_without_a_webhook(asking: Cli, business: Business) -> None:
    business.webhooks = []
    result = asking("webhook", "show", "--dialect", "stores")
    assert (result.code, result.err) == (0, "")
    assert "no webhook yet: `hookctl webhook set --url URL` makes one" in result.out
    assert asking("webhook", "show", "--dialect", "stores", "--format", "json").document["results"] == []


@pytest.mark.parametrize("settings", [None, {}, {"webhookUrl": "", "webhookSecret": "", "webhookEvents": []}])
def test_settings_without_a_webhook(asking: Cli, business: Business, settings: object) -> None:
    business.settings = settings
    result = asking("webhook", "show")
    assert (result.code, result.err) == (0, "")
    assert "  url    none\n  events none\n  secret not set\n" in result.out


@pytest.mark.parametrize(
    "settings",
    [
        {"webhookUrl": 5, "webhookSecret": ["x"], "webhookEvents": "order.paid"},
        {"webhookUrl": {}, "webhookSecret": None, "webhookEvents": [1, None, {"event": "order.paid"}]},
    ],
)
def test_fields_of_other_types_count_as_not_there(asking: Cli, business: Business, settings: object) -> None:
    business.settings = settings
    result = asking("webhook", "show")
    assert (result.code, result.err) == (0, "")
    assert "  url    none\n  events none\n  secret not set\n" in result.out


def test_a_masked_secret_is_a_set_one(asking: Cli, business: Business) -> None:
    business.masks = True
    assert "  secret set, shown masked\n" in asking("webhook", "show").out
    assert asking("webhook", "show", "--format", "json").document["results"][0]["secret_set"] is True


def test_pages_of_webhooks_are_followed(asking: Cli, business: Business) -> None:
    def paged(asked: Asked) -> bytes:
        second = asked.path.endswith("?cursor=a%2Fb+c")
        page = {"items": [hook(2 if second else 1)], "cursor": None if second else "a/b c"}
        return response(200, json.dumps(page).encode(), JSON)

    business.before = paged
    records = asking("webhook", "show", "--dialect", "stores", "--format", "json").document["results"]
    assert [record["id"] for record in records] == ["wh_1", "wh_2"]
    assert len(business.asked) == 2


def test_pages_without_end_end(asking: Cli, business: Business) -> None:
    business.before = lambda _: response(200, b'{"items":[],"cursor":"again"}', JSON)
    result = asking("webhook", "show", "--dialect", "stores")
    assert result.code == 5
    assert "more than 100 pages" in result.err
    assert len(business.asked) <= 102


def test_an_array_without_pages_is_read_too(asking: Cli, business: Business) -> None:
    business.before = lambda _: response(200, json.dumps([hook(7)]).encode(), JSON)
    records = asking("webhook", "show", "--dialect", "stores", "--format", "json").document["results"]
    assert [record["id"] for record in records] == ["wh_7"]


@pytest.mark.parametrize(
    ("dialect", "answer", "named"),
    [
        ("settings", b'{"id":"biz_abc123","data":{}}', "nothing at /settings"),
        ("settings", b'{"settings":[]}', "no object where the webhook should be"),
        ("settings", b"[]", "nothing at /settings"),
        ("settings", b"null", "nothing at /settings"),
        ("settings", b"", "nothing at /settings"),
        ("stores", b'{"webhooks":[]}', "nothing at /items"),
        ("stores", b'{"items":["wh_1"]}', "no object where the webhook should be"),
        ("stores", b'{"items":[{"url":"https://a.example"}]}', "a webhook without id"),
        ("stores", b'{"items":{"a":1}}', "no array of webhooks at /items"),
    ],
)
def test_other_json_than_the_dialect_has_is_no_webhook(
    asking: Cli, business: Business, dialect: str, answer: bytes, named: str
) -> None:
    business.before = lambda _: response(200, answer, JSON)
    result = asking("webhook", "show", "--dialect", dialect)
    assert (result.code, result.out) == (5, "")
    assert f"other JSON than the dialect {dialect} has: {named}" in result.err
    assert "--dialect chooses another: settings, stores" in result.err


def test_a_vendor_without_an_api_says_what_to_do_by_hand(cli: Cli) -> None:
    # no token, no account, no network is needed
    result = cli("webhook", "show", "--provider", "arcade")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(
        "Arcade has no API for webhooks. By hand:\n  1. Open your advanced settings in Arcade."
    )
    assert max(map(len, result.out.splitlines())) <= 80
    record = cli("webhook", "show", "--provider", "arcade", "--format", "json").document["results"][0]
    assert (record["type"], record["provider"], len(record["steps"])) == ("webhook_manual", "arcade", 4)


@pytest.mark.parametrize("command", [["set", "--url", "https://a.example"], ["test", "order.paid"], ["restore"]])
def test_a_vendor_without_an_api_can_be_asked_for_nothing_else(cli: Cli, command: list[str]) -> None:
    yes = ["--yes"] if command[0] == "set" else []
    result = cli("webhook", *command, *yes, "--provider", "arcade")
    assert (result.code, result.out) == (3, "")
    assert "Arcade has no API for webhooks" in result.err
    assert "`hookctl webhook show --provider arcade` says what to do by hand" in result.err


def test_nothing_from_outside_acts_on_a_terminal(asking: Cli, business: Business) -> None:
    business.webhooks = [
        hook(
            id="wh\x1b[31m\u202e",
            key="\x1b[31mred\u202e",
            url="https://a.example/\x07\x9b",
            events=[{"event": "a\x1b]0;b"}],
        )
    ]
    page = {"items": business.webhooks, "cursor": None}
    business.before = lambda _: response(200, json.dumps(page).encode(), JSON)
    screen = on_terminal(asking, "webhook", "show", "--dialect", "stores", "--business", "biz\x9b2J\u202e")
    assert screen.code == 0
    for character in ("\x1b[31m", "\u202e", "\x07", "\x9b", "\x1b]"):
        assert character not in screen.raw


def test_no_secret_is_shown(asking: Cli, business: Business) -> None:
    # an API may well put it where nobody expects it
    business.settings["webhookUrl"] = f"https://a.example/?t={SECRET}"
    business.settings["webhookEvents"] = [TOKEN]
    for form in ("text", "json"):
        result = asking("webhook", "show", "--format", form)
        assert result.code == 0
        for secret in (SECRET, SECRET.removeprefix("whsec_"), TOKEN):
            assert secret not in result.out + result.err


def test_a_long_list_of_events_fits_80_columns(asking: Cli, business: Business) -> None:
    business.settings["webhookEvents"] = [f"order.something_number_{number}" for number in range(40)]
    result = asking("webhook", "show")
    assert max(map(len, result.out.splitlines())) <= 80
    assert all(f"number_{number}" in result.out for number in range(40))


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_the_path_of_the_base_url_comes_first(asking: Cli, business: Business, slash: str) -> None:
    business.before = lambda _: response(200, b'{"settings":{}}', JSON)
    assert asking("webhook", "show", "--api-url", f"{business.base}/behind/a%20proxy{slash}").code == 0
    assert business.asked[0].path == f"/behind/a%20proxy/v1/businesses/{ACCOUNT}"
