"""The `capture_server` fixture: a real server on this machine that keeps what it is sent, verified."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from hookctl.api import verify
from hookctl.flows.identify import Identifier, event_of
from hookctl.model import Capture
from hookctl.payload.render import read_envelope
from hookctl.receiver import BackgroundServer, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from hookctl.api.results import Verification
    from hookctl.model import CapturedRequest
    from hookctl.pytest_plugin.webhooks import Webhooks

_GRACE_S = 0.2
"""What an answer that is held back gets at the end: nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class CapturedWebhook:
    """One request as it arrived."""

    method: str
    path: str
    """The request target, query included."""
    headers: tuple[tuple[str, str], ...]
    """As they came: case, order and repeats kept."""
    body: bytes
    received_at: datetime
    provider: str | None
    """Whose it is, by its headers, path or body; None where nothing tells."""
    event: str | None
    event_id: str | None
    verification: Verification | None
    """Whether its signature is right, by the secret in the environment; None where nothing tells whose it is."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever its case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:  # noqa: ANN401 - JSON may be anything
        """Return the body, parsed."""
        from json import loads

        return loads(self.body)


class WebhookCapture:
    """A capture server for the length of a test.

    Args:
        webhooks: for the providers and their secrets.
    """

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._identifier = Identifier(webhooks.providers)
        self._server = BackgroundServer(self._take, grace_s=_GRACE_S)
        self._arrived: list[CapturedRequest] = []
        self._known: list[CapturedWebhook] = []
        self._more = threading.Condition()
        self._replies = [Reply(200, b"OK")]
        self._delay_s = 0.0

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server."""
        self._server.__exit__(kind, error, traceback)

    @property
    def url(self) -> str:
        """Where it listens, on 127.0.0.1, without a path: it takes any."""
        return self._server.url

    @property
    def deliveries(self) -> list[CapturedWebhook]:
        """What has arrived so far, in the order in which it came."""
        with self._more:
            arrived = list(self._arrived)
        self._known += [self._captured(request) for request in arrived[len(self._known) :]]
        return list(self._known)

    def wait(self, count: int = 1, *, timeout_s: float = 5.0) -> list[CapturedWebhook]:
        """Wait until so many deliveries have arrived, and return all there are.

        Raises:
            AssertionError: there were fewer when the time was over; says what has arrived.
        """
        __tracebackhide__ = True
        with self._more:
            come = self._more.wait_for(lambda: len(self._arrived) >= count, timeout_s)
        found = self.deliveries
        if not come:
            what = ", ".join(one.event or f"{one.method} {one.path}" for one in found) or "nothing"
            raise AssertionError(f"{len(found)} of {count} deliveries arrived within {timeout_s:g} s: {what}")
        return found

    def respond(
        self, *statuses: int, body: bytes = b"", headers: Mapping[str, str] | None = None, delay_s: float = 0.0
    ) -> None:
        """Say what the next deliveries are answered; 200 without.

        Args:
            statuses: one for each delivery from now on, the last for all after it: `respond(503, 200)` fails once.
            body: what the answers hold.
            headers: further headers of the answers.
            delay_s: how long each answer is held back.
        """
        lines = tuple((headers or {}).items())
        # made here: what cannot be answered is the test's mistake, not the server's
        replies = [Reply(status, b"" if status in {204, 304} else body, lines) for status in statuses or (200,)]
        with self._more:
            self._replies, self._delay_s = replies, delay_s

    async def _take(self, request: CapturedRequest) -> Reply:
        with self._more:
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
            delay_s = self._delay_s
            self._arrived.append(request)
            self._more.notify_all()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        return reply

    def _captured(self, request: CapturedRequest) -> CapturedWebhook:
        document = read_envelope(request.body)
        capture = Capture("capture_server", request.headers, request.body, target=request.target)
        provider = self._identifier.provider(capture, document)
        event, event_id = (None, None) if provider is None else event_of(provider, request.headers, document)
        received_at = datetime.fromtimestamp(request.received_at_ms / 1000, UTC)
        return CapturedWebhook(
            method=request.method,
            path=request.target,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers),
            body=request.body,
            received_at=received_at,
            provider=None if provider is None else provider.name,
            event=event,
            event_id=event_id,
            verification=None
            if provider is None
            else verify(
                provider.folder,
                request.headers,
                request.body,
                self._webhooks.secret(provider.name),
                received_at=received_at,
            ),
        )
