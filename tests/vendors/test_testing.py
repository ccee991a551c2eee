"""`hookctl webhook test EVENT`: what is asked for, what the API says became of it, and what that is to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.cli.inprocess import run_here
from tests.vendors.business import ACCOUNT, error, hook, refusing

if TYPE_CHECKING:
    from tests.harness import Cli
    from tests.vendors.business import Business

TEST = ("webhook", "test", "order.paid")
STORES = ("--dialect", "stores")


def test_the_request_of_the_page(asking: Cli, business: Business) -> None:
    result = run_here(asking, *TEST)
    assert (result.code, result.err) == (0, "")
    assert result.out == "✓ test of order.paid: Arky's API took the request; `hookctl listen` shows what arrives\n"
    (record,) = run_here(asking, *TEST, "--format", "json").document["results"]
    assert (record["event"], record["result"]) == ("order.paid", "asked_for")
    asked, _ = business.writes
    assert (asked.method, asked.path) == ("POST", f"/v1/businesses/{ACCOUNT}/webhooks/test")
    assert asked.body == b'{"businessId":"biz_abc123","event":"order.paid"}'


def test_the_request_of_the_stores(asking: Cli, business: Business) -> None:
    business.test_answer = {"delivery_id": "x", "status": "succeeded", "provider_status_code": 200}
    result = run_here(asking, *TEST, *STORES)
    assert (result.code, result.out) == (
        0,
        "✓ test: delivered (succeeded), the receiver answered 200\n",
    )
    assert result.err == " note: in the dialect stores the vendor chooses the event: order.paid is not sent\n"
    assert run_here(asking, *TEST, *STORES).code == 0
    bodies = [asked.json for asked in business.writes]
    assert all(body["webhook_id"] == "wh_1" for body in bodies)
    ids = [UUID(body["delivery_id"]) for body in bodies]
    assert ids[0] != ids[1]
    assert [one.version for one in ids] == [4, 4]


@pytest.mark.parametrize(
    ("answer", "code", "result", "line"),
    [
        ({"status": "requested"}, 0, "pending", "it is under way (requested)"),
        ({"status": "processing"}, 0, "pending", "it is under way (processing)"),
        (
            {"status": "rejected", "provider_status_code": 401, "error": "Unauthorized"},
            5,
            "undelivered",
            "not delivered (rejected), the receiver answered 401: Unauthorized",
        ),
        (
            {"status": "failed", "provider_status_code": None, "error": {"message": "no connection"}},
            5,
            "undelivered",
            "not delivered (failed): no connection",
        ),
        ({"status": "unknown"}, 6, "unknown", "whether it was delivered is not known (unknown)"),
        ({"status": "new-word"}, 6, "unknown", "whether it was delivered is not known (new-word)"),
        ({"status": 5, "error": 7}, 6, "unknown", "whether it was delivered is not known"),
        ({}, 6, "unknown", "whether it was delivered is not known"),
        ([], 6, "unknown", "whether it was delivered is not known"),
        (None, 6, "unknown", "whether it was delivered is not known"),
    ],
)
def test_what_became_of_it(
    asking: Cli,
    business: Business,
    answer: object,
    code: int,
    result: str,
    line: str,
) -> None:
    business.test_answer = answer
    text = run_here(asking, *TEST, *STORES)
    assert text.code == code
    assert text.out.endswith(f" test: {line}\n")
    assert text.out.startswith("✓" if code == 0 else "✗")
    machine = run_here(asking, *TEST, *STORES, "--format", "json")
    (record,) = machine.document["results"]
    assert machine.code == code
    assert (record["type"], record["event"], record["result"]) == ("webhook_test", None, result)


@pytest.mark.parametrize("event", ["order.piad", "order.payment_received"])
def test_an_event_that_the_page_does_not_have_is_a_note(asking: Cli, business: Business, event: str) -> None:
    # the live service has others
    result = run_here(asking, "webhook", "test", event)
    assert result.code == 0
    assert f"note: Arky's page has no event '{event}'" in result.err
    assert ("did you mean 'order.paid'" in result.err) is (event == "order.piad")
    assert business.writes[0].json["event"] == event


def test_a_refusal_names_the_field_and_is_not_tried_again(asking: Cli, business: Business) -> None:
    body = {"message": "Invalid", "validationErrors": [{"field": "event", "message": "unknown event"}]}
    business.before = refusing("POST", answer=error(400, body))
    result = run_here(asking, *TEST)
    assert (result.code, len(business.writes)) == (5, 1)
    assert "400 Bad Request: Invalid - event: unknown event" in result.err


@pytest.mark.parametrize("url", [None, ""])
def test_without_a_url_nothing_is_asked_for(asking: Cli, business: Business, url: str | None) -> None:
    business.settings["webhookUrl"] = url
    result = run_here(asking, *TEST)
    assert (result.code, business.writes) == (3, [])
    assert "there is no webhook to deliver to" in result.err


def test_one_of_several_has_to_be_named(asking: Cli, business: Business) -> None:
    business.webhooks = [hook(1), hook(2)]
    business.test_answer = {"status": "succeeded"}
    assert run_here(asking, *TEST, *STORES).code == 3
    assert run_here(asking, *TEST, *STORES, "--webhook", "shop-2").code == 0
    assert business.writes[0].json["webhook_id"] == "wh_2"


def test_an_event_is_needed(asking: Cli, business: Business) -> None:
    result = run_here(asking, "webhook", "test")
    assert (result.code, business.asked) == (2, [])
    assert "Missing argument" in result.err


def test_an_unknown_command_is_answered_with_the_nearest(asking: Cli) -> None:
    result = run_here(asking, "webhook", "shwo")
    assert result.code == 2
    assert "no such command of webhook: 'shwo'" in result.err
    assert "did you mean 'show'?" in result.err
