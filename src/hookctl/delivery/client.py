"""Sends one request and reads one answer: no redirects, no retries, no decompression, one deadline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.delivery.failures import connection_lost, protocol_failure, timed_out
from hookctl.delivery.lean_httpx import load_httpx
from hookctl.delivery.tls import tls_context
from hookctl.model import Attempt, Failure, FailureKind, Response, SignedRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from hookctl.delivery.transport import DeadlineTransport

RESPONSE_LIMIT_BYTES = 1024 * 1024
"""An answer is read this far and no further; what counts is its status."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How to connect."""

    cacert: Path | None = None
    """PEM file of the certificate authorities to trust instead of the usual ones."""
    insecure: bool = False
    """Accept any certificate."""
    env: Mapping[str, str] | None = None
    """Where HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are looked up; None means no proxies."""


class Client:
    """Delivers requests, a fresh connection each, as the vendors do.

    Use it as a context manager.

    Raises:
        InputError: on construction, when the `--cacert` file cannot be used.
    """

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        if options.cacert is not None:
            _ = self._ssl_context

    def __enter__(self) -> Client:
        # loaded here, so that the first delivery's duration is the receiver's alone
        _ = self._transport
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._transport.close()

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy that requests to a URL go through, credentials left out, or None."""
        from hookctl.delivery.proxies import find_proxy

        proxy = find_proxy(url, self._options.env or {})
        return None if proxy is None else proxy.shown

    def reach(self, url: str, *, timeout_s: float, loopback_only: bool = False) -> Failure | None:
        """Connect to the server of a URL, TLS included, and send nothing.

        Args:
            url: http or https; the server is connected to directly, whatever proxies there are.
            timeout_s: seconds for everything.
            loopback_only: whether connecting beyond this machine is refused.

        Returns:
            What went wrong; None when it is there.
        """
        import httpcore

        from hookctl.delivery.network import Deadline, DeadlineBackend, DeliveryFailedError

        parts = urlsplit(url)
        host, is_secure = parts.hostname or "", parts.scheme == "https"
        backend = DeadlineBackend(Deadline(timeout_s), loopback_only=loopback_only)
        try:
            stream = backend.connect_tcp(host, parts.port or (443 if is_secure else 80))
            try:
                if is_secure:
                    stream = stream.start_tls(self._ssl_context, host)
            finally:
                stream.close()
        except DeliveryFailedError as error:
            return error.failure
        except httpcore.TimeoutException:
            return timed_out(None, timeout_s)
        return None

    def deliver(self, request: SignedRequest, *, timeout_s: float, loopback_only: bool = False) -> Attempt:
        """Send a request and read the answer.

        Args:
            request: what to send.
            timeout_s: seconds for everything: name resolution, connection, TLS, request and answer.
            loopback_only: whether connecting beyond this machine is refused.

        Returns:
            The answer, the failure, or both when an answer broke off. Never raises for what a network or a
            receiver can do.
        """
        import httpcore

        from hookctl.delivery.network import DeliveryFailedError

        started = time.perf_counter()
        response: Response | None = None
        failure: Failure | None = None
        try:
            for response in self._exchange(request, timeout_s, loopback_only=loopback_only):  # noqa: B007
                pass  # the last one is whole; the one before it is what is left when the answer breaks off
        except DeliveryFailedError as error:
            failure = error.failure
        except httpcore.TimeoutException:
            failure = timed_out(response, timeout_s)
        except httpcore.RemoteProtocolError as error:
            failure = protocol_failure(str(error), response)
        except httpcore.NetworkError as error:
            failure = connection_lost(response, str(error))
        except httpcore.ProxyError as error:
            failure = Failure(FailureKind.PROXY, f"the proxy refused: {error}")
        return Attempt(response, failure, (time.perf_counter() - started) * 1000)

    def _exchange(self, request: SignedRequest, timeout_s: float, *, loopback_only: bool) -> Iterator[Response]:
        """Yield what is known of the answer as it grows: after its head, and at its end."""
        httpx = load_httpx()
        from hookctl.delivery.network import Deadline
        from hookctl.delivery.transport import RULES, Rules

        deadline = Deadline(timeout_s)
        parts = urlsplit(request.url)
        # httpx would resolve dots in the path and escape anew, and decode an international name for its own Host
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        framing = (("Host", parts.netloc), ("Content-Length", str(len(request.body))))
        outgoing = httpx.Request(
            request.method,
            request.url,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*framing, *request.headers)],
            content=request.body,
            extensions={RULES: Rules(deadline, loopback_only, target.encode("ascii"))},
        )
        # not through httpx.Client: it prepares to follow redirects, and raises when their Location is no URL
        answer = self._transport.handle_request(outgoing)
        try:
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
            yield Response(answer.status_code, headers, b"")
            body = bytearray()
            truncated = False
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > RESPONSE_LIMIT_BYTES:
                    del body[RESPONSE_LIMIT_BYTES:]
                    truncated = True
                    break
            yield Response(answer.status_code, headers, bytes(body), truncated)
        finally:
            answer.close()

    @cached_property
    def _transport(self) -> DeadlineTransport:
        load_httpx()
        # after httpx: it imports httpx too, and load_httpx has to be the first to do so
        from hookctl.delivery.transport import DeadlineTransport

        return DeadlineTransport(lambda: self._ssl_context, self._options.env or {})

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        # made when the first https URL is met: loading the authorities takes tens of milliseconds
        return tls_context(self._options.cacert, insecure=self._options.insecure)
