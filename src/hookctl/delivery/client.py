"""Sends one request and reads one answer: no redirects, no retries, no decompression, one deadline."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookctl.errors import InputError
from hookctl.model import Attempt, Failure, FailureKind, Response, SignedRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType, TracebackType

    from hookctl.delivery.transport import DeadlineTransport

RESPONSE_LIMIT_BYTES = 1024 * 1024
"""An answer is read this far and no further; what counts is its status."""

_REASON_CHARACTERS = 160


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
            return _timeout(None, timeout_s)
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
            failure = _timeout(response, timeout_s)
        except httpcore.RemoteProtocolError as error:
            failure = _protocol_failure(str(error), response)
        except httpcore.NetworkError as error:
            failure = _connection_lost(response, str(error))
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
        import ssl

        if self._options.insecure:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        if self._options.cacert is None:
            return _as_everywhere(_usual_authorities())
        try:
            return _as_everywhere(ssl.create_default_context(cafile=self._options.cacert))
        except ssl.SSLError:
            raise InputError(f"--cacert {self._options.cacert}: not a PEM file of certificates") from None
        except OSError as error:
            raise InputError(f"--cacert {self._options.cacert}: {error.strerror}") from None


def load_httpx() -> ModuleType:
    """Import httpx without its command line."""
    # httpx/__init__ imports its own command line, and with it click, pygments and rich, wherever click is
    # installed. None in sys.modules makes that import fail, which httpx allows for.
    if "httpx" not in sys.modules:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]
        try:
            import httpx
        finally:
            del sys.modules["httpx._main"]
    import httpx

    return httpx


def _as_everywhere(context: ssl.SSLContext) -> ssl.SSLContext:
    """Judge certificates as curl does, and Python before 3.13.

    From 3.13 on Python also refuses an authority that lacks extensions, as many a team's own one does. The chain, the
    dates and the host's name are checked all the same.
    """
    import ssl

    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _usual_authorities() -> ssl.SSLContext:
    from hookctl.delivery.network import DeliveryFailedError

    try:
        context: ssl.SSLContext = load_httpx().create_ssl_context()
    except OSError as error:
        # ssl.SSLError is one too: a file that is not PEM
        message = "the certificate authorities that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read"
        raise DeliveryFailedError(Failure(FailureKind.TLS, message, error.strerror)) from None
    return context


def _timeout(response: Response | None, timeout_s: float) -> Failure:
    if response is None:
        return Failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:g} s")
    message = f"the answer began with {response.status} but did not end within {timeout_s:g} s"
    return Failure(FailureKind.TIMEOUT, message)


def _protocol_failure(reason: str, response: Response | None) -> Failure:
    # httpcore's own wording for an end of stream; everything else is h11's complaint about the bytes
    if reason.startswith(("Server disconnected", "peer closed connection")):
        return _connection_lost(response, "closed")
    if reason == "illegal request line":
        # h11's words for a first byte that no line of HTTP begins with
        message = "the answer is not valid HTTP: it does not begin with a status line"
        return Failure(FailureKind.INVALID_HTTP, message, "is it https there, or another protocol?")
    # h11 quotes the line that it did not like, and a line can be as long as the receiver pleases
    shown = reason if len(reason) <= _REASON_CHARACTERS else f"{reason[:_REASON_CHARACTERS]}..."
    return Failure(FailureKind.INVALID_HTTP, f"the answer is not valid HTTP: {shown}")


def _connection_lost(response: Response | None, reason: str) -> Failure:
    how = "was reset" if "reset" in reason.lower() else "was closed"
    if response is None:
        return Failure(FailureKind.RESET, f"the connection {how} before an answer came", "did the app crash?")
    return Failure(
        FailureKind.RESET, f"the answer began with {response.status} but the connection {how} before its end"
    )
