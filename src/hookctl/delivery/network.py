"""Connections below the HTTP library: one deadline for the whole exchange, and a look at every address.

An HTTP library's timeouts start anew with each read, so that a receiver that trickles is never too slow;
the vendors give a receiver seconds in all. And an address is only known once a name is resolved, so the
rules about where a request may go are applied here, to the address that is then connected to.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import httpcore

from hookctl.delivery.endpoint import is_loopback_name
from hookctl.model import Failure, FailureKind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable
    from typing import Any

    from httpcore import SOCKET_OPTION

# link-local services that hand out a machine's credentials to whoever asks from it
_METADATA = frozenset({"169.254.169.254", "fd00:ec2::254"})

_PIECE_BYTES = 16 * 1024


class DeliveryFailedError(Exception):
    """Carries a `Failure` through the HTTP library."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Deadline:
    """A point in time that every step of one exchange looks at.

    Args:
        seconds: how far ahead it is.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Put it as far ahead as it was."""
        self._end = time.monotonic() + self.seconds

    def left_s(self) -> float:
        """Return the seconds that are left, never less than a millisecond: 0 would mean "do not block"."""
        return max(self._end - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self._end


class DeadlineStream(httpcore.NetworkStream):
    """A network stream whose every operation ends by the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - one deadline rules all
        """Read as the wrapped stream does."""
        if self._deadline.passed:
            raise httpcore.ReadTimeout
        return self._stream.read(max_bytes, self._deadline.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write as the wrapped stream does."""
        # in pieces: the wrapped stream's own loop starts its timeout anew whenever a slow reader takes a little
        pieces = memoryview(buffer)
        for start in range(0, len(pieces), _PIECE_BYTES):
            if self._deadline.passed:
                raise httpcore.WriteTimeout
            self._stream.write(bytes(pieces[start : start + _PIECE_BYTES]), self._deadline.left_s())

    def close(self) -> None:
        """Close the wrapped stream."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Start TLS as the wrapped stream does; a failed handshake says why."""
        import ssl as ssl_module

        try:
            secure = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left_s())
        except httpcore.ConnectError as error:
            cause = error.__cause__ or error.__context__
            raise DeliveryFailedError(_tls_failure(cause, server_hostname)) from error
        except ssl_module.SSLError as error:
            raise DeliveryFailedError(_tls_failure(error, server_hostname)) from error
        return DeadlineStream(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the interface's own type
        """Return what the wrapped stream knows."""
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects by the deadline, to allowed addresses only.

    Args:
        deadline: when everything must be over.
        loopback_only: whether any address beyond this machine is refused.
        proxy: the proxy that all connections lead to, for messages; None when they lead to the receiver.
    """

    def __init__(self, deadline: Deadline, *, loopback_only: bool = False, proxy: str | None = None) -> None:
        self._deadline = deadline
        self._loopback_only = loopback_only
        self._proxy = proxy

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve a name, check each address and connect to the first that answers.

        Raises:
            DeliveryFailedError: with what went wrong, for the last address tried.
        """
        try:
            return self._connect(host, port, socket_options)
        except DeliveryFailedError as error:
            if self._proxy is None:
                raise
            message = f"the proxy {self._proxy} cannot be used: {error.failure.message}"
            raise DeliveryFailedError(Failure(FailureKind.PROXY, message)) from None

    def _connect(self, host: str, port: int, socket_options: Iterable[SOCKET_OPTION] | None) -> httpcore.NetworkStream:
        failure: Failure | None = None
        backend = httpcore.SyncBackend()
        for address in self._resolve(host, port):
            failure = self._forbidden(host, address)
            if failure is not None:
                break
            try:
                stream = backend.connect_tcp(address, port, self._deadline.left_s(), None, socket_options)
                return DeadlineStream(stream, self._deadline)
            except httpcore.ConnectTimeout:
                failure = _connect_timeout(host, port, self._deadline)
                break
            except httpcore.ConnectError as error:
                failure = _connect_failure(error.__cause__ or error.__context__ or error, host, port, failure)
        raise DeliveryFailedError(failure or Failure(FailureKind.DNS, f"{host} has no address"))

    def _resolve(self, host: str, port: int) -> list[str]:
        def look_up() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(entry[4][0]) for entry in found))

        try:
            # this machine's own names and addresses ask nobody, so nothing there can hang
            return look_up() if is_loopback_name(host) else _within(look_up, self._deadline)
        except TimeoutError:
            message = f"the name {host} was not resolved within {self._deadline.seconds:g} s"
            raise DeliveryFailedError(Failure(FailureKind.DNS, message)) from None
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"the name {host} does not resolve: {reason}"
            raise DeliveryFailedError(Failure(FailureKind.DNS, message)) from None

    def _forbidden(self, host: str, address: str) -> Failure | None:
        failure = _metadata(host, address)
        if failure is None and self._loopback_only and not plain_address(address).is_loopback:
            hint = "if that is where it should go, confirm it with --allow-remote"
            failure = Failure(FailureKind.BLOCKED, f"{_named(host, address)}, which is not this machine", hint)
        return failure


def plain_address(address: str) -> IPv4Address | IPv6Address:
    """Return an address without its zone, and the IPv4 address where an IPv6 one stands for it."""
    ip = ip_address(address.partition("%")[0])
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def refuse_address(host: str) -> None:
    """Raise `DeliveryFailedError` for a host that is a forbidden address, in any spelling; a name is no address."""
    with suppress(OSError, UnicodeError):
        # as the C library reads it: decimal and hexadecimal forms are addresses to it as well
        for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST):
            failure = _metadata(host, str(entry[4][0]))
            if failure is not None:
                raise DeliveryFailedError(failure)


def _metadata(host: str, address: str) -> Failure | None:
    if str(plain_address(address)) not in _METADATA:
        return None
    message = f"{_named(host, address)}, a cloud metadata service: hookctl never sends there"
    return Failure(FailureKind.BLOCKED, message)


def _named(host: str, address: str) -> str:
    ip = str(plain_address(address))
    return host if host == ip else f"{host} is {ip}"


def _within(call: Callable[[], list[str]], deadline: Deadline) -> list[str]:
    """Run a call that takes no timeout of its own, such as getaddrinfo, and give up at the deadline."""
    result: list[list[str]] = []
    error: list[Exception] = []

    def run() -> None:
        try:
            result.append(call())
        except Exception as caught:  # noqa: BLE001 - handed to the waiting thread
            error.append(caught)

    # a daemon: a resolver that hangs must not keep the process from ending
    thread = threading.Thread(target=run, daemon=True, name="hookctl-resolver")
    thread.start()
    thread.join(deadline.left_s())
    if error:
        raise error[0]
    if not result:
        raise TimeoutError
    return result[0]


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _connect_timeout(host: str, port: int, deadline: Deadline) -> Failure:
    message = f"{_where(host, port)} did not accept a connection within {deadline.seconds:g} s"
    return Failure(FailureKind.TIMEOUT, message, connected=False)


def _connect_failure(error: BaseException, host: str, port: int, before: Failure | None) -> Failure:
    if isinstance(error, ConnectionRefusedError):
        message = f"nothing listens on {_where(host, port)}"
        return Failure(FailureKind.REFUSED, message, "is the app running, and on that port?")
    # localhost is often two addresses: that one of them refused says more than that the other does not exist
    if before is not None and before.kind is FailureKind.REFUSED:
        return before
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Failure(FailureKind.UNREACHABLE, f"{_where(host, port)} cannot be reached: {reason}")


def _tls_failure(error: BaseException | None, host: str | None) -> Failure:
    import ssl

    name = host or "the receiver"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"the certificate of {name} is not trusted: {error.verify_message}"
        return Failure(
            FailureKind.TLS, message, "trust its issuer with --cacert FILE, or skip the check with --insecure"
        )
    if isinstance(error, ssl.SSLError) and error.reason:
        reason = error.reason.replace("_", " ").lower()
        hint = "does it speak plain http?" if "wrong version number" in reason or "record layer" in reason else None
        return Failure(FailureKind.TLS, f"no TLS connection with {name}: {reason}", hint)
    return Failure(FailureKind.TLS, f"no TLS connection with {name}: it ended the handshake")
