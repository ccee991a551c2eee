"""What the plugin promises: its types, its fixtures, and what a delivery may be given, all of it in its guide."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from hookctl import pytest_plugin
from hookctl.pytest_plugin import CapturedWebhook, WebhookCapture, WebhookRequest, WebhookResponse, Webhooks
from hookctl.pytest_plugin.webhooks import RequestOptions

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")

# not for tests: what the plugin itself keeps with a request
_OWN = {"asked_path", "own_secret", "source", "job", "plan", "signed"}
MEMBERS: dict[type, set[str]] = {
    Webhooks: {"request", "deliver", "secret", "provider", "providers"},
    WebhookRequest: {"provider", "event", "event_id", "method", "path", "headers", "body", "tamper", "json"},
    WebhookResponse: {"status", "headers", "body", "duration_s", "request", "text", "json"},
    WebhookCapture: {"url", "deliveries", "wait", "respond"},
    CapturedWebhook: {
        *("method", "path", "headers", "header", "body", "json", "received_at"),
        *("provider", "event", "event_id", "verification"),
    },
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_type_has_these_members(kind: type) -> None:
    assert {name for name in dir(kind) if not name.startswith("_")} - _OWN == MEMBERS[kind]


def test_a_request_takes_what_its_options_say() -> None:
    taken = inspect.signature(Webhooks._request).parameters
    assert set(taken) - {"self", "event"} == set(RequestOptions.__annotations__)
    every = list(inspect.signature(Webhooks.deliver).parameters)
    assert every == ["self", "to", "event", "expect", "timeout_s", "allow_remote", "diagnose", "options"]


def test_the_guide_names_everything() -> None:
    named = set(re.findall(r"\w+", GUIDE))
    promised = {*RequestOptions.__annotations__, "expect", "timeout_s", "allow_remote", "diagnose"}
    promised |= {"webhooks", "capture_server", "webhook_event", "webhook_tamper", "webhook_events"}
    promised |= {pytest_plugin.PROVIDERS, pytest_plugin.SECRETS, *pytest_plugin.__all__}
    assert promised <= named


def test_another_name_is_an_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Webhook'"):
        _ = pytest_plugin.Webhook  # type: ignore[attr-defined]
