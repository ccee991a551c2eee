"""hookctl's pytest plugin: signed webhooks for the tests of the code that receives or sends them.

pytest loads this module in every run, so it imports nothing but pytest: what a fixture or a marker needs is loaded
where one is used. The types to annotate with are here, too: `from hookctl.pytest_plugin import Webhooks`. See
docs/pytest.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hookctl.pytest_plugin.capture import CapturedWebhook, WebhookCapture
    from hookctl.pytest_plugin.judging import UnexpectedAnswerError
    from hookctl.pytest_plugin.requests import WebhookEvent, WebhookRequest, WebhookResponse
    from hookctl.pytest_plugin.webhooks import Webhooks

__all__ = [
    "CapturedWebhook",
    "UnexpectedAnswerError",
    "WebhookCapture",
    "WebhookEvent",
    "WebhookRequest",
    "WebhookResponse",
    "Webhooks",
]

_HOMES = {
    "CapturedWebhook": "capture",
    "UnexpectedAnswerError": "judging",
    "WebhookCapture": "capture",
    "WebhookEvent": "requests",
    "WebhookRequest": "requests",
    "WebhookResponse": "requests",
    "Webhooks": "webhooks",
}

PROVIDERS = "hookctl_providers"
"""Option of pytest's configuration: folders of providers beside the built-in ones."""

SECRETS = "hookctl_secrets"
"""Option of pytest's configuration: providers whose secret is in the environment before anything is imported."""

MARKER = "webhook_events"

EVENT, TAMPER = "webhook_event", "webhook_tamper"
"""Arguments that the marker gives values to."""

# a type checker that saw it would take any name for one of ours
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of pytest's configuration."""
    parser.addini(PROVIDERS, "folders of webhook providers beside those that hookctl knows", type="paths")
    parser.addini(
        SECRETS,
        "webhook providers whose signing secret is put into the environment before conftest.py is imported",
        type="args",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Put secrets into the environment before anything of the project is imported, where that is asked for."""
    if names := early_config.getini(SECRETS):
        from hookctl.pytest_plugin.environment import set_for_session

        set_for_session(early_config, names)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*events, provider=None): run the test for each event, by names and globs, all of them without; "
        f"the test takes `{EVENT}`, and `{TAMPER}` to run with each way to spoil it",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked so for each event."""
    markers = list(metafunc.definition.iter_markers(MARKER))
    if markers:
        from hookctl.pytest_plugin.selection import parametrise

        parametrise(metafunc, markers[0])


@pytest.fixture
def webhooks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhooks]:
    """Signed webhooks: `request()` makes one for any test client, `deliver()` sends one to an app or a URL."""
    from hookctl.pytest_plugin.webhooks import Webhooks

    with Webhooks(request.config, monkeypatch) as made:
        yield made


@pytest.fixture
def capture_server(webhooks: Webhooks) -> Iterator[WebhookCapture]:
    """A server on this machine that keeps what it is sent, verified: for the code that sends webhooks."""
    from hookctl.pytest_plugin.capture import WebhookCapture

    with WebhookCapture(webhooks) as server:
        yield server


@pytest.fixture
def webhook_event() -> str:
    """Stand for the event of a test that lacks the marker."""
    pytest.fail(f"mark the test with @pytest.mark.{MARKER}(): it is run for each event then", pytrace=False)


@pytest.fixture
def webhook_tamper() -> str:
    """Stand for the way to spoil a delivery of a test that lacks the marker."""
    pytest.fail(f"mark the test with @pytest.mark.{MARKER}(): it is run for each way to spoil one", pytrace=False)
