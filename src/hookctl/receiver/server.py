"""The listening sockets and the life of the connections behind it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from hookctl.receiver.connection import Connection, Service
from hookctl.receiver.limits import Limits
from hookctl.receiver.listening import LOCALHOST, listen

if TYPE_CHECKING:
    from hookctl.receiver.connection import Clock, Handler, OnError
    from hookctl.receiver.refusal import OnRefused, Refusal

_log = logging.getLogger(__name__)
# how long handlers get to end after they were cancelled
_CANCEL_S = 1.0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _ignore(_: Refusal) -> None:
    pass


def _log_failure(error: Exception) -> None:
    _log.error("the handler failed", exc_info=error)


class CaptureServer:
    """An HTTP/1.1 server that hands every request to one handler, exactly as it arrived.

    One server listens on one address, so on one of IPv4 and IPv6, or as `localhost` on the loopback of both.

    Args:
        handler: answers the requests; of several connections at the same time, of one in turn.
        limits: what one peer may take; `Limits()` without it.
        clock: returns the time in milliseconds since the Unix epoch; the system's without it.
        on_error: is told of what a handler raises; without it, the exception is logged.
        on_refused: is told of the requests that the handler never sees, because the server refuses them.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        on_error: OnError | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._service = Service(
            handler, limits or Limits(), clock or _now_ms, on_error or _log_failure, on_refused or _ignore
        )
        self._servers: list[asyncio.AbstractServer] = []
        self._name = ""
        self._addresses: tuple[str, ...] = ()
        self._port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind and listen.

        Args:
            host: an address of this machine or a name of one. `localhost` means 127.0.0.1 and ::1, those of them
                that this machine has. Of another name with several addresses the first IPv4 one is taken.
            port: the TCP port, or 0 for any free one.

        Raises:
            InputError: the address cannot be listened on; the message says why.
            RuntimeError: the server was started before.
        """
        if self._servers:
            raise RuntimeError("a server starts only once")
        listeners = await listen(host, port)
        loop = asyncio.get_running_loop()
        servers: list[asyncio.AbstractServer] = []
        try:
            for listener in listeners:
                server: asyncio.AbstractServer = await loop.create_server(
                    lambda: Connection(self._service), sock=listener
                )
                servers.append(server)
        except BaseException:
            for started in servers:
                started.close()
            for listener in listeners:
                listener.close()
            raise
        names = [listener.getsockname() for listener in listeners]
        self._addresses = tuple(name[0] for name in names)
        self._port = names[0][1]
        self._name = LOCALHOST if host.lower() == LOCALHOST else self._addresses[0]
        self._servers = servers

    @property
    def host(self) -> str:
        """The address that is listened on, in digits; the first of `addresses`.

        Raises:
            RuntimeError: the server was not started.
        """
        return self.addresses[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are listened on, in digits: one, or two where `localhost` has two.

        Raises:
            RuntimeError: the server was not started.
        """
        self._check_started()
        return self._addresses

    @property
    def port(self) -> int:
        """The port that is listened on, the same on every address.

        Raises:
            RuntimeError: the server was not started.
        """
        self._check_started()
        return self._port

    @property
    def url(self) -> str:
        """The server's URL without a path, with the address in digits or `localhost`, as it was started.

        Raises:
            RuntimeError: the server was not started.
        """
        self._check_started()
        host = f"[{self._name}]" if ":" in self._name else self._name
        return f"http://{host}:{self._port}"

    async def stop(self, grace_s: float = 5.0) -> None:
        """Stop listening and close every connection.

        Idle connections close at once. A request that has begun to arrive or is being handled is answered,
        with `Connection: close`; what is not done when the grace runs out is dropped and its handler
        cancelled. Stopping again, or a server that was never started, does nothing.

        Args:
            grace_s: seconds for what is under way. At most one second more goes to cancelled handlers.
        """
        if not self._servers or self._service.stopping:
            return
        service = self._service
        service.stopping = True
        for server in self._servers:
            server.close()
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
        pending = {answer for connection in connections if (answer := connection.abort()) is not None}
        if pending:
            await asyncio.wait(pending, timeout=_CANCEL_S)
        # transports tell their protocols in the next turn of the loop
        await asyncio.sleep(0)

    def _check_started(self) -> None:
        if not self._servers:
            raise RuntimeError("the server was not started")
