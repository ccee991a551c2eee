"""A sandbox of the business API in a process of its own, for tests that need an API to talk to."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.cli.serving import PATIENCE_S, Serving, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.harness import Cli

ACCOUNT = "biz_sandbox"
TOKEN = "sandbox-token"


@dataclass(frozen=True)
class Answered:
    """What a call was answered."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def body(self) -> Any:  # noqa: ANN401 - whatever JSON it is
        """The body as JSON."""
        return json.loads(self.raw)


@dataclass
class Sandboxed(Serving):
    """A sandbox under way, or one that has ended."""

    token: str = TOKEN
    account: str = ACCOUNT

    @property
    def settings(self) -> str:
        """The path of the account's settings."""
        return f"/v1/businesses/{self.account}"

    @property
    def webhooks(self) -> str:
        """The path of the account's webhooks."""
        return f"/v1/stores/{self.account}/webhooks"

    def call(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Call the API, with the token unless the headers say otherwise. Bytes are sent as they are."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, data, {"Authorization": f"Bearer {self.token}", **(headers or {})})
            response = connection.getresponse()
            lines = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, lines, response.read())
        finally:
            connection.close()

    def configure(self, url: str, *events: str, secret: str | None = None) -> Answered:
        """Write the settings, with nothing in them but the webhook."""
        settings: dict[str, object] = {"webhookUrl": url, "webhookEvents": list(events)}
        if secret is not None:
            settings["webhookSecret"] = secret
        return self.call("PUT", self.settings, {"id": self.account, "settings": settings})

    def test(self, event: str) -> Answered:
        """Ask for a test delivery to the URL in the settings."""
        body = {"businessId": self.account, "event": event}
        return self.call("POST", f"{self.settings}/webhooks/test", body)

    def create(self, url: str, *events: str, **others: object) -> Answered:
        """Make a webhook."""
        record = {"key": "ours", "url": url, "events": [{"event": event} for event in events], **others}
        return self.call("POST", self.webhooks, record)

    def test_webhook(self, webhook: str, delivery: str) -> Answered:
        """Ask for a test delivery of a webhook, or for what became of it."""
        return self.call("POST", f"{self.webhooks}/test", {"delivery_id": delivery, "webhook_id": webhook})


@contextmanager
def sandboxed(
    cli: Cli,
    *arguments: str,
    form: str = "ndjson",
    env: Mapping[str, str | None] | None = None,
    before: Callable[[], object] | None = None,
) -> Iterator[Sandboxed]:
    """Run `hookctl sandbox` on a free port for the length of a `with` block.

    Args:
        cli: whose folder and environment it has.
        arguments: further ones.
        form: of its output.
        env: further variables.
        before: is called in the new process before it becomes hookctl.
    """
    port = () if "--port" in arguments else ("--port", "0")
    line = ("sandbox", *port, "--format", form, *arguments)
    with serving(Sandboxed, cli, line, env=env, before=before, ready_file="ready-sandbox") as sandbox:
        yield sandbox
