"""httpx on top, httpcore below, with the rules of `hookctl.delivery.network` in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httpcore
import httpx

from hookctl.delivery.network import DeadlineBackend, DeliveryFailedError, refuse_address
from hookctl.delivery.proxies import find_proxy
from hookctl.model import Failure, FailureKind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from hookctl.delivery.network import Deadline

RULES = "hookctl.rules"
"""Key of the request extension that holds the `Rules`."""


class Rules(NamedTuple):
    """What one exchange may do."""

    deadline: Deadline
    loopback_only: bool
    target: bytes
    """The URL's path and query, to the letter."""


class DeadlineTransport(httpx.BaseTransport):
    """Sends each request over a connection of its own, by its deadline.

    httpx's own transport builds a TLS context for every URL and has no way to put rules below the pool.

    Args:
        ssl_context: makes the TLS context when one is needed.
        env: where proxies are looked up.
    """

    def __init__(self, ssl_context: Callable[[], ssl.SSLContext], env: Mapping[str, str]) -> None:
        self._ssl_context = ssl_context
        self._env = env

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; httpcore's exceptions and `DeliveryFailedError` come through as they are."""
        rules: Rules = request.extensions[RULES]
        pool = self._pool(request.url, rules)
        try:
            answer = pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=rules.target,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                )
            )
        except BaseException:
            pool.close()
            raise
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Stream(answer, pool), extensions=answer.extensions
        )

    def _pool(self, url: httpx.URL, rules: Rules) -> httpcore.ConnectionPool:
        context = self._ssl_context() if url.scheme == "https" else None
        proxy = None if rules.loopback_only else find_proxy(str(url), self._env)
        backend = DeadlineBackend(
            rules.deadline, loopback_only=rules.loopback_only, proxy=proxy.shown if proxy else None
        )
        if proxy is None:
            return httpcore.ConnectionPool(ssl_context=context, network_backend=backend)
        # the proxy resolves names; an address that is written out can still be looked at
        refuse_address(url.raw_host.decode("ascii"))
        if proxy.scheme not in {"http", "https"}:
            message = f"the proxy {proxy.shown} is of a kind that is not supported"
            raise DeliveryFailedError(Failure(FailureKind.PROXY, message, "http and https proxies are"))
        return httpcore.HTTPProxy(
            proxy_url=proxy.url, proxy_auth=proxy.auth, ssl_context=context, network_backend=backend
        )


class _Stream(httpx.SyncByteStream):
    """The answer's body; closing it closes the connection."""

    def __init__(self, answer: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._answer = answer
        self._pool = pool

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
        self._pool.close()
