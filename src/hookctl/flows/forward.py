"""Passes deliveries on to the developer's own receiver, byte for byte, and brings its answer back."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.delivery import Client, ClientOptions
from hookctl.delivery.endpoint import own_path
from hookctl.delivery.hops import passed_on
from hookctl.flows.unawaited import UnawaitedThreads
from hookctl.model import Attempt, CapturedResponse, Failure, FailureKind, Response, SignedRequest
from hookctl.receiver import SERVER_HEADERS, Reply
from hookctl.store import Forwarded

if TYPE_CHECKING:
    from types import TracebackType

    from hookctl.model import CapturedRequest, Headers

AT_ONCE = 64
"""Deliveries that are passed on at the same time; the listener takes no more connections either."""

FORWARD_TIMEOUT_S = 30.0
"""How long a receiver may take; the vendor will have given up long before."""

_TRUNCATED = "its answer went on past 1 MiB: the rest was cut off"


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """Where deliveries go."""

    url: str
    """A URL. One without a path gets each request's own path and query."""
    loopback_only: bool
    timeout_s: float
    client: ClientOptions


@dataclass(frozen=True, slots=True)
class Passed:
    """What came of passing one delivery on."""

    forwarded: Forwarded
    reply: Reply
    """What the sender is told: the receiver's own answer, or 502."""
    response: CapturedResponse
    """The same, for the store."""
    failure: Failure | None

    @property
    def to_be_retried(self) -> bool:
        """Whether the receiver may do better later: it did not answer, or with 429 or 5xx."""
        status = self.forwarded.status
        return status is None or status == 429 or status >= 500


class Forwarder:
    """Passes deliveries on in threads of its own, so that a slow receiver holds nobody else up.

    Use it as a context manager.

    Raises:
        InputError: the authorities' file cannot be used.
    """

    def __init__(self, options: ForwardOptions) -> None:
        self._options = options
        self._client = Client(options.client)
        self._threads = UnawaitedThreads(AT_ONCE, "hookctl-forward")
        parts = urlsplit(options.url)
        self._has_path = parts.path not in {"", "/"} or bool(parts.query)

    def __enter__(self) -> Forwarder:
        self._client.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._threads.close()
        self._client.__exit__(kind, error, traceback)

    def url_for(self, request: CapturedRequest) -> str:
        """Return where a request goes: to its own path unless the user has named one, with its own query."""
        own = own_path(request.target)
        if not self._has_path:
            return self._options.url.removesuffix("/") + own
        _, _, query = own.partition("?")
        if not query:
            return self._options.url
        return f"{self._options.url}{'&' if '?' in self._options.url else '?'}{query}"

    async def forward(self, request: CapturedRequest) -> Passed:
        """Pass one delivery on; never raises for what a network or a receiver can do."""
        outgoing = SignedRequest(
            provider="",
            event=None,
            event_id=None,
            method=request.method,
            url=self.url_for(request),
            headers=passed_on(_as_text(request)),
            body=request.body,
        )
        attempt = await self._threads.call(lambda: self._deliver(outgoing))
        return _passed(outgoing, attempt, head=request.method == "HEAD")

    def _deliver(self, outgoing: SignedRequest) -> Attempt:
        import httpcore
        import httpx

        options = self._options
        started_s = perf_counter()
        try:
            return self._client.deliver(outgoing, timeout_s=options.timeout_s, loopback_only=options.loopback_only)
        except (httpcore.LocalProtocolError, httpx.InvalidURL, ValueError) as error:
            # a server has to take more than a client will send: control characters in a header, for one
            message = f"the delivery cannot be sent again as it is: {error}"
            failure = Failure(FailureKind.INVALID_HTTP, message, "its sender writes what is no proper HTTP")
            return Attempt(None, failure, (perf_counter() - started_s) * 1000)


def _as_text(request: CapturedRequest) -> Headers:
    # Latin-1 gives each byte a character and takes it back
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)


def _passed(outgoing: SignedRequest, attempt: Attempt, *, head: bool) -> Passed:
    response, failure = attempt.response, attempt.failure
    if response is None or failure is not None:
        why = failure.message if failure is not None else "it did not answer"
        text = f"hookctl could not pass this on to {outgoing.url}: {why}\n"
        reply = Reply(502, text.encode(), (("Content-Type", "text/plain; charset=utf-8"),))
        forwarded = Forwarded(outgoing.url, None, attempt.duration_ms, why)
        return Passed(forwarded, reply, _stored(reply), failure)
    reply = _reply(response, head=head)
    error = _TRUNCATED if response.truncated else None
    return Passed(Forwarded(outgoing.url, response.status, attempt.duration_ms, error), reply, _stored(reply), None)


def _reply(response: Response, *, head: bool) -> Reply:
    """Return a receiver's answer as it goes back to the sender."""
    headers = [line for line in passed_on(response.headers) if line[0].lower() not in SERVER_HEADERS]
    length = response.header("content-length") if head else None
    length_bytes = int(length) if length is not None and length.isascii() and length.isdecimal() else None
    body = b"" if response.status in {204, 304} else response.body
    if not 200 <= response.status <= 599:
        return Reply(502, f"the receiver answered with the status {response.status}\n".encode())
    return Reply(response.status, body, tuple(line for line in headers if _can_be_sent(*line)), length_bytes)


def _can_be_sent(name: str, value: str) -> bool:
    try:
        Reply(200, headers=((name, value),))
    except ValueError:
        return False
    return True


def _stored(reply: Reply) -> CapturedResponse:
    headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers)
    return CapturedResponse(reply.status, headers, reply.body)
