"""Requests as bytes over connections of our own: for what HTTP libraries refuse to send, or do not let one time."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import h11
import httpcore

from hookctl.delivery.client import RESPONSE_LIMIT_BYTES
from hookctl.delivery.failures import connection_lost, protocol_failure, timed_out
from hookctl.delivery.network import Deadline, DeadlineBackend, DeliveryFailedError, refuse_address
from hookctl.delivery.proxies import find_proxy
from hookctl.delivery.tls import tls_context
from hookctl.model import Attempt, Failure, FailureKind, Response

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

    from hookctl.delivery.client import ClientOptions
    from hookctl.delivery.proxies import ProxyServer
    from hookctl.model import SignedRequest

_READ_BYTES = 64 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it goes over the wire."""

    method: str
    data: bytes


def encode_request(request: SignedRequest, *, chunked: bool = False) -> Message:
    """Return a request's bytes: its headers to the letter, white space around their values included.

    Args:
        request: header texts whose characters are their bytes (Latin-1).
        chunked: send the body in two chunks instead of with its length.
    """
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    body = request.body
    if chunked:
        lines.append("Transfer-Encoding: chunked")
        middle = len(body) // 2
        pieces = [piece for piece in (body[:middle], body[middle:]) if piece]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    elif body or request.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    return Message(request.method, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)


class WireConnection:
    """One connection to a receiver, for requests one after the other. Use it as a context manager.

    Args:
        stream: where to.
        deadline: the stream's; every request but the first one begins it anew.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()

    @property
    def reusable(self) -> bool:
        """Whether the receiver has left the connection open for another request."""
        # an answer whose end was that of the connection leaves h11 in the same state as any other
        _, ended = self._parser.trailing_data
        return self._parser.their_state is h11.DONE and not ended

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS session, if there is one."""
        session: ssl.SSLObject | None = self._stream.get_extra_info("ssl_object")
        return session

    def exchange(self, message: Message) -> Attempt:
        """Send a request and read its answer; never raises for what a network or a receiver can do."""
        return self.finish(message, 0)

    def begin(self, message: Message) -> None:
        """Send a request but for its last byte.

        Raises:
            httpcore.NetworkError: the receiver has gone.
            httpcore.TimeoutException: it does not read.
        """
        self._stream.write(message.data[:-1])

    def finish(self, message: Message, sent: int) -> Attempt:
        """Send what is left of a request from its byte `sent` on, and read the answer."""
        started = time.perf_counter()
        partial: list[Response] = []
        failure: Failure | None = None
        if self._parser.our_state is h11.DONE:
            self._parser.start_next_cycle()
            self._deadline.renew()
        try:
            # a receiver may answer, and close, before it has read everything: the answer is what counts
            with suppress(httpcore.WriteError):
                self._stream.write(message.data[sent:])
            self._receive(message.method, partial)
        except httpcore.TimeoutException:
            failure = timed_out(partial[-1] if partial else None, self._deadline.seconds)
        except h11.RemoteProtocolError as error:
            failure = protocol_failure(str(error), partial[-1] if partial else None)
        except httpcore.NetworkError as error:
            failure = connection_lost(partial[-1] if partial else None, str(error))
        except DeliveryFailedError as error:
            failure = error.failure
        response = partial[-1] if partial else None
        return Attempt(response, failure, (time.perf_counter() - started) * 1000)

    def _receive(self, method: str, partial: list[Response]) -> None:
        """Read one answer; what is known of it so far is the last of `partial`."""
        parser = self._parser
        # h11 has to know what is answered; what goes over the wire are the message's own bytes
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "receiver")]))
        parser.send(h11.EndOfMessage())
        body = bytearray()
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                data = self._stream.read(_READ_BYTES)
                if not data and parser.their_state is h11.SEND_RESPONSE:
                    raise h11.RemoteProtocolError("Server disconnected")
                parser.receive_data(data)
            elif isinstance(event, h11.Response):
                headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()
                )
                partial.append(Response(event.status_code, headers, b""))
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > RESPONSE_LIMIT_BYTES:
                    break
            elif isinstance(event, h11.EndOfMessage):
                break
        whole = partial[-1]
        truncated = len(body) > RESPONSE_LIMIT_BYTES
        partial.append(Response(whole.status, whole.headers, bytes(body[:RESPONSE_LIMIT_BYTES]), truncated))


class Wire:
    """Opens raw connections, with the same rules as deliveries have: addresses, proxies, TLS, deadlines.

    Args:
        options: how to connect.
        loopback_only: whether connecting beyond this machine is refused.

    Raises:
        InputError: the `--cacert` file cannot be used.
    """

    def __init__(self, options: ClientOptions, *, loopback_only: bool) -> None:
        self._options = options
        self._loopback_only = loopback_only
        if options.cacert is not None:
            _ = self._ssl_context

    def open(self, url: str, *, timeout_s: float) -> WireConnection:
        """Connect to a URL's host.

        Args:
            url: of the receiver.
            timeout_s: seconds for connecting and the first answer, and for each answer after it.

        Raises:
            DeliveryFailedError: it cannot be connected to.
            InputError: the proxy in the environment is none.
        """
        return self._open(url, Deadline(timeout_s))

    def _open(self, url: str, deadline: Deadline) -> WireConnection:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or _PORTS[parts.scheme]
        proxy = None if self._loopback_only else find_proxy(url, self._options.env or {})
        backend = DeadlineBackend(
            deadline, loopback_only=self._loopback_only, proxy=None if proxy is None else proxy.shown
        )
        stream = backend.connect_tcp(host, port) if proxy is None else self._through(proxy, backend, host, port)
        try:
            if parts.scheme == "https":
                stream = stream.start_tls(self._ssl_context, host)
        except httpcore.TimeoutException:
            stream.close()
            raise DeliveryFailedError(timed_out(None, deadline.seconds)) from None
        except BaseException:
            stream.close()
            raise
        return WireConnection(stream, deadline)

    def deliver(self, url: str, message: Message, *, timeout_s: float) -> Attempt:
        """Send one request over a connection of its own; never raises for what a network or a receiver can do."""
        started = time.perf_counter()
        try:
            with self.open(url, timeout_s=timeout_s) as connection:
                attempt = connection.exchange(message)
        except DeliveryFailedError as error:
            attempt = Attempt(None, error.failure, 0)
        return Attempt(attempt.response, attempt.failure, (time.perf_counter() - started) * 1000)

    def deliver_together(self, url: str, messages: Sequence[Message], *, timeout_s: float) -> list[Attempt]:
        """Send requests so that the receiver gets the last byte of each at the same time.

        Args:
            url: of the receiver.
            messages: one for each connection.
            timeout_s: seconds for all connections, and then for all answers.

        Returns:
            What became of each, in the order given.
        """
        attempts: dict[int, Attempt] = {}
        deadline = Deadline(timeout_s)
        with ExitStack() as stack:
            waiting: dict[int, WireConnection] = {}
            for place, message in enumerate(messages):
                try:
                    connection = stack.enter_context(self._open(url, deadline))
                    connection.begin(message)
                except DeliveryFailedError as error:
                    attempts[place] = Attempt(None, error.failure, 0)
                except httpcore.TimeoutException:
                    attempts[place] = Attempt(None, timed_out(None, timeout_s), 0)
                except httpcore.NetworkError as error:
                    attempts[place] = Attempt(None, connection_lost(None, str(error)), 0)
                else:
                    waiting[place] = connection
            barrier = threading.Barrier(max(len(waiting), 1))
            deadline.renew()

            def release(place: int, connection: WireConnection) -> None:
                message = messages[place]
                # closed as soon as it is answered: a receiver with one thread takes the next connection only then
                with connection:
                    barrier.wait()
                    attempts[place] = connection.finish(message, len(message.data) - 1)

            threads = [threading.Thread(target=release, args=one, daemon=True) for one in waiting.items()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return [attempts[place] for place in range(len(messages))]

    def _through(self, proxy: ProxyServer, backend: DeadlineBackend, host: str, port: int) -> httpcore.NetworkStream:
        """Return a connection through a proxy, plain http too: a proxy that forwarded would mend what is malformed."""
        # the proxy resolves names; an address that is written out can still be looked at
        refuse_address(host)
        if proxy.scheme not in _PORTS:
            message = f"the proxy {proxy.shown} is of a kind that is not supported"
            raise DeliveryFailedError(Failure(FailureKind.PROXY, message, "http and https proxies are"))
        where = urlsplit(proxy.url)
        stream = backend.connect_tcp(where.hostname or "", where.port or _PORTS[proxy.scheme])
        try:
            if proxy.scheme == "https":
                stream = stream.start_tls(self._ssl_context, where.hostname)
            _ask_for_tunnel(stream, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except httpcore.TimeoutException:
            stream.close()
            raise DeliveryFailedError(Failure(FailureKind.PROXY, f"the proxy {proxy.shown} does not answer")) from None
        except httpcore.NetworkError as error:
            stream.close()
            raise DeliveryFailedError(Failure(FailureKind.PROXY, f"the proxy {proxy.shown}: {error}")) from None
        except BaseException:
            stream.close()
            raise
        return stream

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return tls_context(self._options.cacert, insecure=self._options.insecure)


def _ask_for_tunnel(stream: httpcore.NetworkStream, proxy: ProxyServer, where: str) -> None:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
    headers = [("Host", where)]
    if proxy.auth is not None:
        from base64 import b64encode

        headers.append(("Proxy-Authorization", f"Basic {b64encode(b':'.join(proxy.auth)).decode('ascii')}"))
    stream.write(parser.send(h11.Request(method="CONNECT", target=where, headers=headers)) or b"")
    stream.write(parser.send(h11.EndOfMessage()) or b"")
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise DeliveryFailedError(Failure(FailureKind.PROXY, f"the proxy {proxy.shown}: {error}")) from None
        if event is h11.NEED_DATA:
            data = stream.read(_READ_BYTES)
            if not data:
                raise DeliveryFailedError(Failure(FailureKind.PROXY, f"the proxy {proxy.shown} hung up"))
            parser.receive_data(data)
        elif isinstance(event, h11.Response):
            if event.status_code // 100 != 2:
                raise DeliveryFailedError(
                    Failure(FailureKind.PROXY, f"the proxy refused: it answered CONNECT with {event.status_code}")
                )
            return
