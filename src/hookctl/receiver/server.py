"""The listening socket and the life of the connections behind it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import time
from typing import TYPE_CHECKING

from hookctl.errors import InputError
from hookctl.receiver.connection import Connection, Service
from hookctl.receiver.limits import Limits

if TYPE_CHECKING:
    from hookctl.receiver.connection import Clock, Handler, OnError

_log = logging.getLogger(__name__)
_LOOPBACK_HINT = "use 127.0.0.1 or ::1 for this machine only, 0.0.0.0 or :: for every address it has"
_PORT_HINT = "use a port from 1 to 65535, or 0 for any free one"
# how long handlers get to end after they were cancelled
_CANCEL_S = 1.0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _log_failure(error: Exception) -> None:
    _log.error("the handler failed", exc_info=error)


class CaptureServer:
    """An HTTP/1.1 server that hands every request to one handler, exactly as it arrived.

    One server listens on one address, so on one of IPv4 and IPv6.

    Args:
        handler: answers the requests; of several connections at the same time, of one in turn.
        limits: what one peer may take; `Limits()` without it.
        clock: returns the time in milliseconds since the Unix epoch; the system's without it.
        on_error: is told of what a handler raises; without it, the exception is logged.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self._service = Service(handler, limits or Limits(), clock or _now_ms, on_error or _log_failure)
        self._server: asyncio.Server | None = None
        self._host = ""
        self._port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind and listen.

        Args:
            host: an address of this machine or a name of one. Of a name with several addresses the first
                IPv4 one is taken.
            port: the TCP port, or 0 for any free one.

        Raises:
            InputError: the address cannot be listened on; the message says why.
            RuntimeError: the server was started before.
        """
        if self._server is not None:
            raise RuntimeError("a server starts only once")
        listener = await _bind(host, port)
        try:
            self._host, self._port = listener.getsockname()[:2]
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._service), sock=listener
            )
        except OSError as error:
            listener.close()
            raise _bind_error(error, host, port) from error
        except BaseException:
            listener.close()
            raise

    @property
    def host(self) -> str:
        """The address that is listened on, in digits.

        Raises:
            RuntimeError: the server was not started.
        """
        self._check_started()
        return self._host

    @property
    def port(self) -> int:
        """The port that is listened on.

        Raises:
            RuntimeError: the server was not started.
        """
        self._check_started()
        return self._port

    @property
    def url(self) -> str:
        """The server's URL without a path.

        Raises:
            RuntimeError: the server was not started.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def stop(self, grace_s: float = 5.0) -> None:
        """Stop listening and close every connection.

        Idle connections close at once. A request that has begun to arrive or is being handled is answered,
        with `Connection: close`; what is not done when the grace runs out is dropped and its handler
        cancelled. Stopping again, or a server that was never started, does nothing.

        Args:
            grace_s: seconds for what is under way. At most one second more goes to cancelled handlers.
        """
        if self._server is None or self._service.stopping:
            return
        service = self._service
        service.stopping = True
        self._server.close()
        all_gone = asyncio.Event()
        service.on_all_gone = all_gone.set
        for connection in [*service.open, *service.refused]:
            connection.shut_down()
        try:
            if service.open or service.refused:
                async with asyncio.timeout(grace_s):
                    await all_gone.wait()
        except TimeoutError:
            _log.debug("%d connections outlived the grace", len(service.open))
        finally:
            await self._drop_all()

    async def _drop_all(self) -> None:
        connections = [*self._service.open, *self._service.refused]
        tasks = [task for connection in connections if (task := connection.abort()) is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_S)
        # transports tell their protocols in the next turn of the loop
        await asyncio.sleep(0)

    def _check_started(self) -> None:
        if self._server is None:
            raise RuntimeError("the server was not started")


async def _bind(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"{port} is not a port", hint=_PORT_HINT)
    if not host:
        # to the resolver this would mean every address
        raise InputError("the host to listen on is empty", hint=_LOOPBACK_HINT)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError) as error:
        # ValueError: IDNA encoding of the name, or a NUL in it
        raise InputError(f"cannot find the address of host {host!r}", hint=_LOOPBACK_HINT) from error
    family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] is not socket.AF_INET)
    try:
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _bind_error(error, host, port) from error
    try:
        if os.name == "posix":
            # a port whose last connections are in TIME_WAIT can be taken again at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)  # noqa: FBT003 - its only form
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _bind_error(error, host, port) from error
    return listener


def _bind_error(error: OSError, host: str, port: int) -> InputError:
    match error.errno:
        case errno.EADDRINUSE:
            return InputError(
                f"port {port} on {host} is already in use",
                hint="stop the program that listens there, or use another port (0 for any free one)",
            )
        case errno.EACCES | errno.EPERM:
            return InputError(f"port {port} on {host} is reserved for privileged users", hint="use a port from 1024 up")
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return InputError(f"{host} is not an address of this machine", hint=_LOOPBACK_HINT)
        case _:
            return InputError(f"cannot listen on {host}, port {port}: {error.strerror or error}")
