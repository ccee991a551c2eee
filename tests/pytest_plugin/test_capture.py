"""The capture server: what is sent to it is there, verified, and answered as the test says."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import hookctl
from hookctl.pytest_plugin import UnexpectedAnswerError

if TYPE_CHECKING:
    from hookctl.pytest_plugin import WebhookCapture, Webhooks


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_delivery_is_there_with_its_verdict(capture_server: WebhookCapture, webhooks: Webhooks) -> None:
    order = hookctl.render("order.paid")
    headers = order.sign(webhooks.secret("arky"))
    assert _post(f"{capture_server.url}/a?b=1", order.body, headers) == 200
    (one,) = capture_server.wait()
    assert (one.method, one.path, one.body) == ("POST", "/a?b=1", order.body)
    assert (one.provider, one.event, one.event_id) == ("arky", "order.paid", order.event_id)
    assert one.header("X-ARKY-Timestamp") == headers["x-arky-timestamp"]
    assert one.json()["event"] == "order.paid"
    assert one.verification
    assert abs((datetime.now(UTC) - one.received_at).total_seconds()) < 60


def test_one_that_is_not_genuine_says_why(capture_server: WebhookCapture, webhooks: Webhooks) -> None:
    made = webhooks.request("order.paid")
    _post(capture_server.url, made.body + b"\n", made.headers)
    _post(capture_server.url, b"not JSON", {"content-type": "text/plain"})
    forged, unknown = capture_server.wait(2)
    assert forged.verification is not None
    assert (bool(forged.verification), forged.verification.diagnosis) == (False, "trailing_newline")
    assert (unknown.provider, unknown.event, unknown.verification) == (None, None, None)


def test_answers_are_what_the_test_says(capture_server: WebhookCapture) -> None:
    capture_server.respond(503, 204, 201, body=b"busy", headers={"Retry-After": "1"})
    assert [_post(capture_server.url, b"{}", {}) for _ in range(4)] == [503, 204, 201, 201]
    capture_server.respond()
    assert _post(capture_server.url, b"{}", {}) == 200
    with pytest.raises(ValueError, match="99 is not the status"):
        capture_server.respond(99)


def test_what_does_not_come_fails_the_test_and_says_what_did(
    capture_server: WebhookCapture, webhooks: Webhooks
) -> None:
    with pytest.raises(AssertionError, match=r"0 of 1 deliveries arrived within 0.01 s: nothing"):
        capture_server.wait(timeout_s=0.01)
    webhooks.deliver(f"{capture_server.url}/x", "order.paid")
    _post(f"{capture_server.url}/y", b"", {})
    with pytest.raises(AssertionError, match=r"2 of 3 deliveries arrived within 0.01 s: order.paid, POST /y"):
        capture_server.wait(3, timeout_s=0.01)


def test_an_answer_may_be_held_back(capture_server: WebhookCapture, webhooks: Webhooks) -> None:
    capture_server.respond(200, delay_s=2)
    with pytest.raises(UnexpectedAnswerError, match=r"order.paid: .*0\.1 s"):
        webhooks.deliver(f"{capture_server.url}/x", "order.paid", timeout_s=0.1)
    assert len(capture_server.deliveries) == 1
