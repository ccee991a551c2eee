"""What the plugin hands out: events, requests, answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hookctl.model import SignedRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookctl.flows.send import Job, Plan
    from hookctl.model import Provider


class WebhookEvent(str):
    """An event's name, which knows whose it is; its test's id is the name alone."""

    __slots__ = ("source",)

    source: Provider

    def __new__(cls, name: str, source: Provider) -> WebhookEvent:
        """Make one."""
        made = super().__new__(cls, name)
        made.source = source
        return made

    @property
    def provider(self) -> str:
        """Name of the provider."""
        return self.source.name


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request as the vendor would send it, for any test client: post `body` with `headers` to `path`."""

    provider: str
    """Name of the provider."""
    event: str | None
    """The event's name; None for a body of your own that does not say."""
    event_id: str | None
    method: str
    path: str
    """The documented path, or the one that was asked for; "/" where the provider documents none."""
    headers: dict[str, str]
    """Name and value, content-type and signature among them; without Host and Content-Length, which clients write."""
    body: bytes
    tamper: str | None
    """How it was spoiled; None for a genuine one."""
    asked_path: str | None = field(repr=False, compare=False)
    """The path that was asked for. From here on, nothing is kept stable."""
    own_secret: str | bytes | None = field(repr=False, compare=False)
    source: Provider = field(repr=False, compare=False)
    job: Job = field(repr=False, compare=False)
    plan: Plan = field(repr=False, compare=False)

    def signed(self, url: str) -> SignedRequest:
        """Return it as a request to a URL."""
        return SignedRequest(
            self.provider, self.event, self.event_id, self.method, url, tuple(self.headers.items()), self.body
        )

    def json(self) -> Any:  # noqa: ANN401 - JSON may be anything
        """Return the body, parsed."""
        from json import loads

        return loads(self.body)


@dataclass(frozen=True, slots=True)
class WebhookResponse:
    """What a receiver answered."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name; of a repeated one the first."""
    body: bytes
    duration_s: float
    """From the beginning of the request to the end of the answer."""
    request: WebhookRequest
    """What it answers."""

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - JSON may be anything
        """Return the body, parsed."""
        from json import loads

        return loads(self.body)
